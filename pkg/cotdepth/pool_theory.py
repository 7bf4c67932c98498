"""Exact theory at the layer that each pool of training prompts asks for."""

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.fit.least_squares import fit_least_squares
from cotdepth.prompt_pools import read_prompts
from cotdepth.theory.finite_drift import error_exact_drifted_at, error_leading_order_drifted_at
from cotdepth.theory.finite_errors import largest_exact_depth


def theory_at_pools(
    pools: xr.Dataset, trained: xr.Dataset, test: Covariance, *, n_context_test: list[int], depth: int
) -> xr.Dataset:
    """Mean errors of the layer that minimises the training loss of each pool, with the ``W_24`` that training left.

    The loss sees the product of ``V_31`` and ``W_24`` only: this takes the best product, and each trained ``W_24`` (-1 where it
    was not free).

    Parameters
    ----------
    pools : xarray.Dataset
        As `cotdepth.prompt_pools.prompt_pools` makes them.
    trained : xarray.Dataset
        The layers trained on them, by `cotdepth.fit.layers.label_layers`.
    test : Covariance
        Of the features in test prompts.
    n_context_test : list of int
        Examples in a test prompt; a dimension.
    depth : int
        Largest depth K.

    Returns
    -------
    xarray.Dataset
        ``error`` (trained, seed, n_context_test, k), exact, NaN beyond the known depth; ``leading_order`` (trained, seed, k), in
        long test prompts; ``preconditioner`` (seed, row, col) and ``attention_weight`` (trained, seed), ``|W_24|``.
    """
    blocks = np.stack([-fit_least_squares(read_prompts(pools, seed)) for seed in pools.seed.values])
    learned = xr.DataArray(blocks, dims=("seed", "row", "col"), coords={"seed": pools.seed})
    known = min(depth, largest_exact_depth(learned, test, n_context_test=n_context_test))
    weight = abs(trained.marker_scores.isel(col=-1, drop=True))
    layers = learned.expand_dims(trained=trained.trained)
    error = error_exact_drifted_at(layers, test, ratio=weight, n_context_test=n_context_test, depth=known)
    found = {
        "error": (error.reindex(k=np.arange(depth + 1)), "exact mean error |w - w_k|^2 / D at the pool's least-squares layer"),
        "leading_order": (
            error_leading_order_drifted_at(layers, test, ratio=weight, depth=depth).drop_vars("n_context_test", errors="ignore"),
            "error at the pool's least-squares layer, long test prompts",
        ),
        "preconditioner": (learned, "product of V_31 and W_24 that minimises the training loss of the pool"),
        "attention_weight": (weight, "|W_24| after training"),
    }  # fmt: skip
    return xr.Dataset(
        {name: values.assign_attrs(long_name=about, units="1") for name, (values, about) in found.items()},
        coords={"trained": trained.trained},
        attrs={"title": "Exact theory at the least-squares layer of each pool", "source": "training-data paper, eqs. (3.3) and (4.2)"},
    )
