"""What trained matrices of full attention look like beside the simplified layer of the theory."""

import numpy as np
import xarray as xr


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
        ``det V_31``; ``reflected``, whether ``det (W_24 V_31)``, of the update matrix, is negative, so that thought takes a wrong
        turn in some direction; and the fraction of seeds for which it is, ``reflected_fraction`` (...).

    Notes
    -----
    Asymptotic paper, appendix A and figure 3: ``W_13 = c I``, ``W_24 = -c``, all of the rest but ``V_31`` is 0.
    """
    V, W = layers.V.values.copy(), layers.W.values.copy()
    dim = V.shape[-1] // 2 - 1
    x, estimate, label, marker = np.arange(dim), np.arange(dim) + dim + 1, dim, -1
    found = {"score_identity": W[..., x, estimate].mean(-1), "value_identity": V[..., estimate, x].mean(-1),
             "marker_score": W[..., label, marker].copy()}  # fmt: skip
    value_sign = np.linalg.slogdet(V[..., dim + 1 : -1, :dim])[0]
    reflected = value_sign * np.sign(found["marker_score"]) ** dim < 0
    V[..., estimate, x], W[..., x, estimate], W[..., label, marker] = 0, 0, 0
    found |= {"largest_other": np.maximum(np.abs(V).max((-2, -1)), np.abs(W).max((-2, -1))), "value_sign": value_sign,
              "reflected": reflected.astype(float)}
    about = {
        "score_identity": "mean of the diagonal of W_13, c in the simplified layer",
        "value_identity": "mean of the diagonal of V_31",
        "marker_score": "W_24, -c in the simplified layer",
        "largest_other": "largest size of all other entries of V and W",
        "value_sign": "sign of det V_31",
        "reflected": "whether det (W_24 V_31) < 0",
    }
    labelled = {name: (layers.V.dims[:-2], values, {"long_name": about[name], "units": "1"}) for name, values in found.items()}
    fraction = (layers.V.dims[:-3], reflected.mean(-1), {"long_name": "fraction of seeds with det (W_24 V_31) < 0", "units": "1"})
    return layers.assign(labelled | {"reflected_fraction": fraction})
