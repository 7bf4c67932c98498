"""Thought of fully trained attention over many prompts, as many at a time as stay in cache, and its errors."""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from cotdepth.covariance import Covariance
from cotdepth.full_pools import draw_shown
from cotdepth.models.full_attention import FullAttention, ShownPrompts, chunk_size, full_step
from cotdepth.rollout import error_per_dimension, rollout
from cotdepth.streams import stream

KEPT = ("model", "n_tasks", "guess", "n_context", "seed")   # coordinates of layers that their errors have


def estimates_of(layer: FullAttention, prompts: ShownPrompts, initial: Tensor, depth: int) -> np.ndarray:
    """The estimates ``w_0 .. w_depth``.

    Parameters
    ----------
    layer : FullAttention
    prompts : ShownPrompts
    initial : (n_prompts, D) tensor
        ``w_0``, of the precision of the layer and the prompts. Errors decay to 1e-12 and below: float64 keeps them.
    depth : int

    Returns
    -------
    (depth + 1, n_prompts, D) array
    """
    size = chunk_size(prompts.inputs[0])
    parts = [rollout(full_step, layer, ShownPrompts(inputs, prompts.n_context), guesses, depth)
             for inputs, guesses in zip(prompts.inputs.split(size), initial.split(size), strict=True)]
    return np.concatenate(parts, axis=1)


def thought_errors(layer: FullAttention, prompts: ShownPrompts, initial: Tensor, weights: np.ndarray, depth: int) -> np.ndarray:
    """Errors per dimension of `estimates_of`, (depth + 1, n_prompts); infinite where an estimate has left the range of numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = error_per_dimension(estimates_of(layer, prompts, initial, depth), weights)
    return np.where(np.isnan(error), np.inf, error)   # inf - inf


def evaluate_full(layers: xr.Dataset, covariance: Covariance, *, experiment_seed: int, n_test: int, test_noise: float, mask: list[str],
                  marker: str, depth: int, progress: Callable) -> xr.DataArray:
    """Errors per dimension on fresh prompts, the same ones for each kind of guess and mask.

    A layer trained from random guesses thinks from one, ``w_0 ~ N(0, I)``, with an error of 2 on average; one trained from 0 from 0
    (it answers in one step: training has not seen the estimates that further steps begin with).

    Parameters
    ----------
    layers : xarray.Dataset
        By `cotdepth.full_training.train_full`.
    covariance : Covariance
        Of the features in test prompts.
    experiment_seed, n_test : int
    test_noise : float
        Standard deviation of the label noise in test prompts.
    mask : list of str
    marker : str
    depth : int
    progress : callable
        ``progress(lengths, name)`` wraps the iterable of context lengths.

    Returns
    -------
    xarray.DataArray
        On (mask, guess, n_context, seed, k, prompt).
    """
    name = {"experiment_seed": experiment_seed, "cell": layers.attrs["stream"]}

    def of_length(length):
        return np.stack([of_prompts(layers.sel(n_context=length, seed=seed), length, seed) for seed in layers.seed.values.tolist()], axis=2)

    def of_prompts(trained, length, seed):
        """(mask, guess, k, prompt)."""
        rngs = [stream(purpose=f"{what} of {length} examples", seed=seed, **name) for what in ("test prompts", "test guesses")]
        prompts = draw_shown(layers.model.item(), covariance, length, n_test, noise=test_noise, rng=rngs[0])
        guesses = rngs[1].standard_normal(prompts.weights.shape)
        shown = ShownPrompts(torch.from_numpy(prompts.inputs), length)
        return np.stack([[errors(trained.sel(guess=guess), each, shown, guesses, prompts.weights) for guess in layers.guess.values.tolist()]
                         for each in mask])

    def errors(trained, each, shown, guesses, weights):
        layer = FullAttention(torch.tensor(trained.V.values), torch.tensor(trained.W.values), layers.model.item(), each, marker)
        initial = torch.from_numpy(guesses if trained.guess != "zero" else np.zeros_like(guesses))
        return thought_errors(layer, shown, initial, weights, depth)

    found = np.stack([of_length(length) for length in progress(layers.n_context.values.tolist(), "context lengths")], axis=2)
    masks = ("mask", mask, {"long_name": "what an estimate sees", "units": "1"})
    return xr.DataArray(found, dims=("mask", "guess", "n_context", "seed", "k", "prompt"),
                        coords={"mask": masks, **{name: layers.coords[name] for name in KEPT}})


def over_seeds(errors: xr.Dataset, layers: xr.Dataset) -> xr.Dataset:
    """Errors by `cotdepth.summary.summarise` with what they say over seeds, and which seeds think in reverse.

    Adds, on (mask, guess, n_context, k), the median over seeds ``seed_median`` of the medians over prompts with the extremes
    ``seed_lowest`` and ``seed_highest`` and their distance ``seed_decades``, and ``seed_median_of_means``; and of
    `cotdepth.full_structure.structure` the ``value_sign`` and ``reversed_directions`` of each seed and the ``unreversed_fraction``.
    """
    median = errors.error_median   # infinite where most prompts have left the range of numbers
    found = {
        "seed_median": (median.median("seed"), "median over seeds of the median error over test prompts"),
        "seed_lowest": (median.min("seed"), "lowest median error of a seed"),
        "seed_highest": (median.max("seed"), "highest median error of a seed"),
        "seed_median_of_means": (errors.error_mean.median("seed"), "median over seeds of the mean error over test prompts"),
    }
    with np.errstate(invalid="ignore"):
        decades = np.log10(found["seed_highest"][0] / found["seed_lowest"][0])
    found["seed_decades"] = (decades, "decades from lowest to highest, NaN where both are infinite")
    signs = {name: layers[name] for name in ("value_sign", "reversed_directions", "unreversed_fraction")}
    return errors.assign({name: values.assign_attrs(long_name=about, units="1") for name, (values, about) in found.items()} | signs)
