"""Fresh test prompts of several lengths, and labels for the errors on them."""

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.prompts import Prompts, draw_prompts
from cotdepth.streams import stream


def draw_test_prompts(covariance: Covariance, n_context: int, n_test: int, *, noise: float, **name) -> Prompts:
    """Fresh test prompts, each with its own task; more of them leave the first ones as they were.

    Parameters
    ----------
    covariance : Covariance
        Of the features.
    n_context, n_test : int
        Examples in a prompt; prompts.
    noise : float
        Standard deviation of the label noise.
    **name
        ``experiment_seed``, ``cell`` and ``seed`` of the random stream (`cotdepth.streams.stream`).
    """
    rng = stream(purpose=f"test prompts of {n_context} examples", **name)
    return draw_prompts(covariance, n_context, n_test, label_noise=noise, rng=rng)


def label_test_errors(errors: np.ndarray, leading: dict, lengths: list[int]) -> xr.DataArray:
    """Errors (..., n_context_test, k, prompt) with labelled axes, the leading ones as given."""
    tested = ("n_context_test", lengths, {"long_name": "examples in a test prompt", "units": "examples"})
    return xr.DataArray(errors, dims=(*leading, "n_context_test", "k", "prompt"), coords=leading | {"n_context_test": tested})
