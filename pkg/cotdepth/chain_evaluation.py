"""Test errors of linear attention while it was trained with chain of thought, and how few examples reach an error."""

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.full_evaluation import thought_errors
from cotdepth.full_pools import draw_shown
from cotdepth.models.full_attention import FullAttention, ShownPrompts
from cotdepth.streams import stream

AXES = ("supervision", "n_context", "seed", "step")


def evaluate_chains(layers: xr.Dataset, covariance: Covariance, *, law: str, experiment_seed: int, n_test: int, depth: int,
                    progress: Callable) -> xr.DataArray:
    """Errors per dimension from the guess 0 on fresh prompts, the same ones whatever and however long a layer was trained on.

    Parameters
    ----------
    layers : xarray.Dataset
        By `cotdepth.chain_training.train_chains`.
    covariance : Covariance
        Of the features in test prompts.
    law : str
        Names the streams of test prompts, with their length and the seed.
    experiment_seed, n_test, depth : int
    progress : callable
        ``progress(places, name)`` wraps the iterable of context lengths and seeds.

    Returns
    -------
    xarray.DataArray
        On (n_context, seed, supervision, step, k, prompt).
    """
    lengths, seeds = (layers[axis].values.tolist() for axis in ("n_context", "seed"))

    def errors(length, seed):
        """(supervision, step, k, prompt)."""
        rng = stream(experiment_seed, f"test prompts of {length} examples", cell=law, seed=seed)
        prompts = draw_shown("linear", covariance, length, n_test, noise=0.0, rng=rng)
        shown, initial = ShownPrompts(torch.from_numpy(prompts.inputs), length), torch.zeros(n_test, covariance.dim, dtype=torch.float64)
        kept = layers.sel(n_context=length, seed=seed).transpose("supervision", "step", ...)
        return np.array([[thought_errors(_layer(*matrices), shown, initial, prompts.weights, depth)
                          for matrices in zip(*each)] for each in zip(kept.V.values, kept.W.values)])

    found = np.array([errors(*place) for place in progress(list(product(lengths, seeds)), "layers")])
    found = found.reshape(len(lengths), len(seeds), *found.shape[1:])
    dims = ("n_context", "seed", "supervision", "step", "k", "prompt")
    return xr.DataArray(found, dims=dims, coords={axis: layers.coords[axis] for axis in AXES})


def _layer(V, W):
    return FullAttention(torch.tensor(V), torch.tensor(W), "linear", "data_only", "every")


def shortest_prompts(errors: xr.Dataset, target: list[float]) -> xr.Dataset:
    """Errors by `cotdepth.summary.summarise` with what they say over seeds at the end of training.

    Adds, on (n_context, supervision, step, k), ``seed_median`` of the mean errors with the extremes ``seed_lowest`` and
    ``seed_highest``, and ``shortest_prompts`` (target, supervision, k): the fewest examples, of those trained on, with a ``seed_median`` of
    at most the target at the last step; NaN where none has.
    """
    mean, found = errors.error_mean, {}
    about = "over seeds of the mean error |w - w_k|^2 / D over test prompts"
    for name, values in {"seed_median": mean.median("seed"), "seed_lowest": mean.min("seed"), "seed_highest": mean.max("seed")}.items():
        found[name] = values.assign_attrs(long_name=f"{name.removeprefix('seed_')} {about}", units="1")
    targets = xr.DataArray(target, dims="target", coords={"target": ("target", target, {"long_name": "error to reach", "units": "1"})})
    reached = found["seed_median"].isel(step=-1, drop=True) <= targets
    shortest = errors.n_context.where(reached).min("n_context").transpose("target", ...)
    label = {"long_name": "fewest examples in a prompt that reach the target, at the end of training", "units": "examples"}
    return errors.assign(found | {"shortest_prompts": shortest.assign_attrs(label)})
