"""What trained matrices of full attention look like beside the simplified layer of the theory."""

import numpy as np
import xarray as xr

ABOUT = {
    "score_identity": "mean of the diagonal of W_13, c in the simplified layer",
    "value_identity": "mean of the diagonal of V_31",
    "marker_score": "W_24, -c in the simplified layer",
    "largest_other": "largest size of all other entries of V and W",
    "value_sign": "sign of det V_31",
    "reversed_directions": "eigenvalues of W_24 V_31 with negative real part",
}


def structure(layers: xr.Dataset) -> xr.Dataset:
    """The parts that the simplified layer has, and what is left over.

    Parameters
    ----------
    layers : xarray.Dataset
        With ``V`` and ``W`` (..., seed, row, col) by `cotdepth.full_training.train_full`.

    Returns
    -------
    xarray.Dataset
        The layers, and on (..., seed): ``score_identity`` and ``value_identity``, means of the diagonals of ``W_13`` and ``V_31``, and
        ``marker_score``, ``W_24``; ``largest_other``, the largest of all other entries in size; ``value_sign``, the sign of
        ``det V_31``; ``reversed_directions``, how many eigenvalues of the update matrix ``W_24 V_31`` have a negative real part: along
        them an answer points the wrong way. In the good mode there are none: ``unreversed_fraction`` (...) of seeds are in it.

    Notes
    -----
    Asymptotic paper, appendix A and figure 3: ``W_13 = c I``, ``W_24 = -c``, all of the rest but ``V_31`` is 0. The sign of the
    determinant tells an odd from an even number of reversed directions only, and in odd dimension it turns with the sign of c.
    """
    V, W = layers.V.values.copy(), layers.W.values.copy()
    dim = V.shape[-1] // 2 - 1
    x, estimate, label, marker = np.arange(dim), np.arange(dim) + dim + 1, dim, -1
    value, marker_score = V[..., dim + 1 : -1, :dim], W[..., label, marker].copy()
    turned = (np.linalg.eigvals(marker_score[..., None, None] * value).real < 0).sum(-1)
    found = {"score_identity": W[..., x, estimate].mean(-1), "value_identity": V[..., estimate, x].mean(-1),
             "marker_score": marker_score, "value_sign": np.linalg.slogdet(value)[0], "reversed_directions": turned}  # fmt: skip
    V[..., estimate, x], W[..., x, estimate], W[..., label, marker] = 0, 0, 0
    found["largest_other"] = np.maximum(np.abs(V).max((-2, -1)), np.abs(W).max((-2, -1)))
    labelled = {name: (layers.V.dims[:-2], values, {"long_name": ABOUT[name], "units": "1"}) for name, values in found.items()}
    fraction = (layers.V.dims[:-3], (turned == 0).mean(-1), {"long_name": "fraction of seeds without a reversed direction", "units": "1"})
    return layers.assign(labelled | {"unreversed_fraction": fraction})
