"""What the theory says of one trained layer on one test task, in every approximation that it has."""

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.theory.finite_errors import (
    LARGEST_EXPANSION,
    error_exact_at,
    error_expansion_at,
    error_leading_order_at,
    largest_exact_depth,
)
from cotdepth.theory.overthinking import overthinking_length
from cotdepth.theory.population import free_attention_weight, hardness, preconditioner


def summarise_layer(train: Covariance, test: Covariance, *, n_context: int, n_context_test: list[int], depth: int) -> xr.Dataset:
    """Error against depth and test length: exact as far as it is known, to first order, and in long test prompts.

    Parameters
    ----------
    train, test : Covariance
        Of the features in training and in test prompts.
    n_context : int
        Examples in a training prompt.
    n_context_test : list of int
        Examples in a test prompt; a dimension.
    depth : int
        Largest depth K.

    Returns
    -------
    xarray.Dataset
        ``error`` (theory, n_context_test, k) with ``theory`` one of "exact" (NaN beyond the depth to which it is known),
        "first order" in one over the test length, and "leading order"; ``attention_weight``, where gradient flow takes ``W_24`` if
        it is trained; ``hardness`` of the training task; ``overthinking_length``, the length of training prompts above which
        more thinking hurts in long test prompts.
    """
    learned = preconditioner(train, n_context)
    scalars = {
        "attention_weight": (free_attention_weight(train, n_context), "where gradient flow takes |W_24| if trained", "1"),
        "hardness": (hardness(train), "hardness of the training task", "1"),
        "overthinking_length": (overthinking_length(train, test), "training length above which one overthinks", "examples"),
    }
    return xr.Dataset(
        {
            "error": _approximations(learned, test, n_context_test, depth),
            **{name: ((), value, {"long_name": about, "units": units}) for name, (value, about, units) in scalars.items()},
        },
        attrs={"title": "Error against depth of a layer at the population optimum", "source": "training-data paper, eqs. (3.8), (4.2)"},
    )


def _approximations(learned, test, lengths, depth):
    """The error on (theory, n_context_test, k)."""
    expansion = error_expansion_at(learned, test, n_context_test=lengths, depth=min(depth, LARGEST_EXPANSION))
    found = {
        "exact": _exact(learned, test, lengths, depth),
        "first order": expansion.reindex(k=np.arange(depth + 1)),
        "leading order": error_leading_order_at(learned, test, depth=depth).drop_vars("n_context_test"),
    }
    names = xr.DataArray(list(found), dims="theory", attrs={"long_name": "approximation", "units": "1"})
    joined = xr.concat(xr.broadcast(*found.values()), dim=names.rename("theory"), coords="minimal", compat="override", combine_attrs="drop")
    return joined.assign_attrs(long_name="mean error |w - w_k|^2 / D over test prompts", units="1")


def _exact(learned, test, lengths, depth):
    """The exact error to its largest known depth, NaN beyond."""
    known = min(depth, largest_exact_depth(learned, test, n_context_test=lengths))
    return error_exact_at(learned, test, n_context_test=lengths, depth=known).reindex(k=np.arange(depth + 1))
