"""Errors of a layer whose attention drifted in training: ``W_24``, which the training-data paper holds at ``-c``, at ``-c'``.

Training sees only the product ``V_31 W_24`` and finds ``V_31 = -P / c'`` (`population.free_attention_weight`). One step of
thought is what it was, but more of them converge to ``r w`` with ``r = c'/c``, not to ``w``:

``w_k = r (I - (I - P S / r)^k) w``.

Derived for this project; the paper calls the fixed ``W_24`` no restriction, which holds for training only (erratum).
"""

import numpy as np
import xarray as xr

from cotdepth.checks import scale_argument
from cotdepth.theory.exact_totals import all_totals, population_totals
from cotdepth.theory.finite_arguments import Rollouts, rollouts


def error_leading_order_drifted_at(preconditioner, test_covariance, *, ratio, depth: int) -> xr.DataArray:
    """Error per dimension of a drifted layer for infinitely long test prompts, for ``k = 0..depth``.

    ``|(1 - r) I + r (I - P Sigma / r)^k|_F^2 / D``: if no eigenvalue of ``P Sigma / r`` exceeds 2, it tends to ``(1 - r)^2``
    per dimension that the test features reach, however long the prompt.

    Parameters
    ----------
    preconditioner, test_covariance
        As in `error_exact_at`; the layer's single step is ``P = -W_24 V_31``, (D, D), or a stack.
    ratio : float or DataArray
        ``r = W_24 / (-c)``, finite and not 0: 1 for a layer that did not drift. One for all, or along dims of the stack.
    depth : int
        Largest depth, up to 2000.

    Returns
    -------
    xr.DataArray
        Dims of the stack, and `k`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> error_leading_order_drifted_at(np.eye(2), [1.0, 1.0], ratio=1.5, depth=2).round(6).values.tolist()
    [1.0, 0.0, 0.111111]
    """
    given = rollouts(preconditioner, test_covariance, np.inf, depth)
    ratio, each = _ratios(ratio, given)
    totals = population_totals(given.steps / each[:, None, None], given.test, given.depth, each)
    return _curve(given, totals, ratio, "error per dimension of a drifted layer, leading order in long test prompts")


def error_exact_drifted_at(preconditioner, test_covariance, *, ratio, n_context_test, depth: int) -> xr.DataArray:
    """Exact mean error per dimension of a drifted layer for ``k = 0..depth``, at any length of test prompts.

    ``E |(1 - r) I + r (I - P S / r)^k|_F^2 / D``; at ``r = 1`` `error_exact_at`. Lengths and depths as there, layers and ratio
    as in `error_leading_order_drifted_at`; raises ValueError and NotImplementedError likewise.
    """
    given = rollouts(preconditioner, test_covariance, n_context_test, depth)
    ratio, each = _ratios(ratio, given)
    totals = all_totals(given.steps / each[:, None, None], given.test, given.lengths, given.depth, each)
    return _curve(given, totals, ratio, "mean error per dimension |w - w_k|^2 / D of a drifted layer")


def _ratios(value, given: Rollouts):
    """The ratio as a DataArray, checked, and that of each layer, (layers,)."""
    layers = given.labels.isel(n_context_test=0, missing_dims="ignore").drop_vars("n_context_test")
    ratio = value.reset_coords(drop=True) if isinstance(value, xr.DataArray) else xr.DataArray(scale_argument(value, "ratio"))
    if not set(ratio.dims) <= set(layers.dims):
        raise ValueError(f"ratio has dims {ratio.dims}: must be among those of the layers, {layers.dims}")
    ratio = ratio.copy(data=np.reshape([scale_argument(r, "ratio") for r in ratio.values.ravel()], ratio.shape))
    layers, ratio = xr.align(layers, ratio, join="exact")
    return ratio, ratio.broadcast_like(layers).transpose(*layers.dims).values.ravel()


def _curve(given, totals, ratio, long_name):
    attrs = {"long_name": "attention weight W_24 relative to its initial value", "units": "1"}
    return given.curve(totals, long_name).assign_coords(ratio=(ratio.dims, ratio.values, attrs))
