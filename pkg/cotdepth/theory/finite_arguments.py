"""Arguments of the finite-size errors: one layer or a stack of them, one length of test prompts or several.

A plain (D, D) preconditioner is one layer; a DataArray with dims (..., row, col) is a stack, whose other dims stay dims of
the result. Likewise a number is one length, and a sequence of them becomes the dim `n_context_test`.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance, as_covariance
from cotdepth.theory.arguments import depth_argument
from cotdepth.theory.population import context_argument, matrix_argument

LARGEST_DEPTH = 2000
LONG_NAMES = {"n_context": "examples in a training prompt", "n_context_test": "examples in a test prompt"}


class Rollouts(NamedTuple):
    """Layers on test prompts, checked: flat for what computes, with the labels of what comes out."""

    steps: np.ndarray  # (layers, D, D), the preconditioners
    test: Covariance
    lengths: list  # of test prompts, integers or inf
    depth: int
    labels: xr.DataArray  # of any value, with the dims and coordinates of the result but `k`

    def curve(self, totals: np.ndarray, long_name: str) -> xr.DataArray:
        """Totals over the coordinates, (layers, lengths or 1, depth + 1), as labelled errors per dimension."""
        full = np.broadcast_to(totals, (len(self.steps), len(self.lengths), self.depth + 1))
        values = full.reshape(*self.labels.shape, self.depth + 1) / self.test.dim
        steps = xr.DataArray(np.arange(self.depth + 1), dims="k", attrs={"long_name": "chain-of-thought depth", "units": "steps"})
        coords = {**self.labels.coords, "k": steps}
        attrs = {"long_name": long_name, "units": "1"}
        return xr.DataArray(values, dims=(*self.labels.dims, "k"), coords=coords, name="error", attrs=attrs)


def rollouts(preconditioner, test_covariance, n_context_test, depth, largest: int = LARGEST_DEPTH) -> Rollouts:
    """The arguments of an error function, checked; ValueError for what is out of range."""
    test = as_covariance(test_covariance, name="test_covariance")
    stack, lengths = _stack(preconditioner, test.dim), _lengths(n_context_test)
    if {"k", "n_context_test"} & set(stack.dims):
        raise ValueError(f"preconditioner has dims {stack.dims}: the result has dims k and n_context_test of its own")
    labels = stack[..., 0, 0].reset_coords(drop=True)
    if lengths.ndim:
        labels = labels.expand_dims(n_context_test=lengths.size, axis=-1)
    counts = [m if m == np.inf else int(m) for m in lengths.values.ravel().tolist()]
    depth, steps = depth_argument("depth", depth, largest), stack.values.reshape(-1, test.dim, test.dim)
    return Rollouts(steps, test, counts, depth, labels.assign_coords(n_context_test=lengths))


def length(name: str, value) -> xr.DataArray:
    """One length of prompts as a coordinate."""
    return xr.DataArray(context_argument(name, value), attrs={"long_name": LONG_NAMES[name], "units": "examples"})


def weights_argument(weights, dim: int) -> np.ndarray:
    """A finite weight vector of shape (dim,); anything else is a ValueError."""
    w = np.asarray(weights)
    if w.shape != (dim,) or w.dtype.kind not in "iuf" or not np.isfinite(w).all():
        raise ValueError(f"weights = {weights!r}: must be {dim} finite real numbers")
    return w.astype(float)


def _stack(value, dim):
    """Preconditioners as a DataArray with dims (..., row, col) of finite real numbers."""
    if not isinstance(value, xr.DataArray) or (value.ndim == 2 and {"row", "col"} != set(value.dims)):
        return xr.DataArray(matrix_argument("preconditioner", value, dim), dims=("row", "col"))
    if not {"row", "col"} <= set(value.dims):
        raise ValueError(f"preconditioner has dims {value.dims}: a stack of layers has dims (..., row, col)")
    stack = value.transpose(..., "row", "col")
    if not stack.size:
        raise ValueError(f"preconditioner has sizes {dict(value.sizes)}: at least one layer is needed")
    layers = stack.values.reshape(-1, *stack.shape[-2:])
    return stack.copy(data=np.reshape([matrix_argument("preconditioner", layer, dim) for layer in layers], stack.shape))


def _lengths(value):
    """Test lengths as a DataArray, without dims for one length. Whole floats count among several: ``inf`` makes all floats."""
    given = np.asarray(value, dtype=object)
    if given.ndim == 0:
        return length("n_context_test", value)
    dims = value.dims if isinstance(value, xr.DataArray) else ("n_context_test",) * given.ndim
    if dims != ("n_context_test",) or not given.size:
        raise ValueError(f"n_context_test has shape {given.shape} and dims {dims}: give one length, or several along n_context_test")
    whole = [int(m) if isinstance(m, float) and m.is_integer() else m for m in given]
    counts = [context_argument("n_context_test", m) for m in whole]
    return xr.DataArray(counts, dims=dims, attrs={"long_name": LONG_NAMES["n_context_test"], "units": "1"})
