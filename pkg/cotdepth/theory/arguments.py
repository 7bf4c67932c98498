"""Arguments of the theory functions: which values are allowed, and how several of them broadcast.

A scalar stays a scalar. A DataArray keeps its dims, and DataArrays broadcast by name. One bare array becomes a
dim of its own name; several broadcast as numpy does to one dim `point`. Every argument is a coordinate of the result.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.checks import whole_number


class Parameter(NamedTuple):
    """What a parameter means and which values it may take."""

    long_name: str
    allows: Callable[[np.ndarray], np.ndarray]  # false for NaN, as every comparison with NaN is
    requirement: str


PARAMETERS = {
    "alpha": Parameter(
        "context ratio L/D",
        lambda alpha: (alpha > 0) & (alpha < np.inf),
        "the context ratio must be positive and finite (alpha > 0)",
    ),
    "tau": Parameter(
        "task ratio M/D",
        lambda tau: tau > 1,
        "the ridgeless curve needs more tasks than dimensions (tau > 1)",
    ),
    "sigma": Parameter(
        "relative label noise",
        lambda sigma: (sigma >= 0) & (sigma < np.inf),
        "the noise is a standard deviation, non-negative and finite (sigma >= 0)",
    ),
    "ridge": Parameter(
        "penalty of the fit",
        lambda ridge: (ridge >= 0) & (ridge < np.inf),
        "the penalty is non-negative and finite (ridge >= 0)",
    ),
    "step_size": Parameter(
        "factor on every step",
        lambda step_size: (step_size > 0) & (step_size < np.inf),
        "the step size is positive and finite (step_size > 0)",
    ),
    "test_noise": Parameter(
        "relative noise of test labels",
        lambda noise: (noise >= 0) & (noise < np.inf),
        "the noise is a standard deviation, non-negative and finite (test_noise >= 0)",
    ),
    "n_queries": Parameter(
        "answers given in all",
        lambda count: (count > 0) & (count < np.inf),
        "the number of answers is positive and finite (n_queries > 0)",
    ),
    "target": Parameter(
        "target error per dimension",
        lambda target: (target > 0) & (target < 1),
        "the target is an error per dimension between 0 and the error without thought (0 < target < 1)",
    ),
}

PENALISED_TAU = Parameter("task ratio M/D", lambda tau: tau > 0, "with ridge, the task ratio must be positive (tau > 0)")


def labelled(**arguments) -> list[xr.DataArray]:
    """The arguments as float DataArrays that broadcast by name, each its own coordinate.

    Parameters
    ----------
    **arguments
        Scalars, bare 1-D arrays or DataArrays, by the names in `PARAMETERS`. Of a DataArray only the index
        coordinates are kept: another parameter in its coordinates is its history, not an argument. Where `ridge` is
        positive, `tau` need not exceed 1.

    Returns
    -------
    list of xr.DataArray
        In the order given, ready for `xr.apply_ufunc`.

    Raises
    ------
    ValueError
        If a value is not a real number in the allowed range, a bare array has more than one dim, bare arrays do not
        broadcast, or a dim has the name of an argument that does not run along it.

    Examples
    --------
    >>> [array.dims for array in labelled(alpha=2.0, tau=[2.0, 4.0])]
    [(), ('tau',)]
    """
    allowed = PARAMETERS | ({"tau": PENALISED_TAU} if np.any(np.asarray(arguments.get("ridge", 0)) != 0) else {})
    values = {name: _validated(name, value, allowed[name]) for name, value in arguments.items()}
    bare = [name for name, value in arguments.items() if values[name].ndim and not isinstance(value, xr.DataArray)]
    if len(bare) > 1:
        values.update(zip(bare, _broadcast({name: values[name] for name in bare})))
    dim = "point" if len(bare) > 1 else "".join(bare)
    arrays = {name: _label(name, values[name], value, dim) for name, value in arguments.items()}
    _check_dims(arrays)
    _check_ridgeless(arrays)
    return list(arrays.values())


def depth_argument(name: str, value, largest: int) -> int:
    """A depth as an int from 0 to `largest`; anything else is a ValueError."""
    depth = whole_number(value)
    if depth is None or not 0 <= depth <= largest:
        raise ValueError(f"{name} = {value!r}: a depth is an integer from 0 to {largest}")
    return depth


def _validated(name, value, parameter):
    try:
        values = np.asarray(value)
    except ValueError as ragged:
        raise ValueError(f"{name} = {value!r}: {ragged}") from None
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{name} = {value!r}: must be a real number or an array of real numbers")
    if values.ndim > 1 and not isinstance(value, xr.DataArray):
        raise ValueError(f"{name} has shape {values.shape}: give arrays of several dims as DataArrays with named dims")
    refused = values[~parameter.allows(values)]
    if refused.size:
        raise ValueError(f"{name} = {refused[0]}: {parameter.requirement}")
    return values.astype(float)


def _broadcast(bare):
    try:
        return np.broadcast_arrays(*bare.values())
    except ValueError:
        shapes = ", ".join(f"{name} has shape {values.shape}" for name, values in bare.items())
        raise ValueError(f"bare arrays must broadcast to one dim of points, but {shapes}") from None


def _check_dims(arrays):
    """Refuse a curve labelled ``alpha = [1, 2]`` along a dim while the argument `alpha` was something else."""
    for owner, array in arrays.items():
        for name in arrays.keys() & set(array.dims):
            if arrays[name].dims != (name,):
                raise ValueError(f"{owner} has a dim {name}, but the argument {name} has dims {arrays[name].dims}")


def _check_ridgeless(arrays):
    """Among points with and without ridge, those without still need ``tau > 1``."""
    if {"tau", "ridge"} <= arrays.keys():
        tau, ridge = (array.values for array in xr.broadcast(arrays["tau"], arrays["ridge"]))
        _validated("tau", tau[ridge == 0].ravel(), PARAMETERS["tau"])


def _label(name, values, given, dim):
    if isinstance(given, xr.DataArray):
        array = given.reset_coords(drop=True).copy(data=values)
    else:
        array = xr.DataArray(values, dims=(dim,) * values.ndim)
    attrs = {"long_name": PARAMETERS[name].long_name, "units": "1"}
    return array.assign_coords({name: (array.dims, values, attrs)})
