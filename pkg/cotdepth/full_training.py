"""Trained layers of full attention as artifacts: every context length and seed of a cell, for each kind of guess."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from cotdepth.checkpoints import Checkpoints
from cotdepth.fit.full_attention import FullTraining
from cotdepth.full_pools import draw_pool
from cotdepth.models.full_attention import score_matrix
from cotdepth.streams import stream

STEPS_KEPT = 500   # between checkpoints


def train_full(pools: xr.Dataset, *, guess: list[str], steps: int, device: str, checkpoints: Checkpoints, progress: Callable,
               experiment_seed: int, **settings) -> xr.Dataset:
    """Train a layer for each kind of guess, context length and seed.

    Parameters
    ----------
    pools : xarray.Dataset
        By `cotdepth.full_pools.full_pools`.
    guess : list of str
        Kinds of first guesses in training.
    steps : int
    device : {"cpu", "cuda"}
        On a CPU one layer at a time; on a GPU all that have inputs of one shape side by side.
    checkpoints : Checkpoints
    progress : callable
        ``progress(layers, name)`` wraps the iterable of what trains together.
    experiment_seed : int
        Names the streams, with the seed; the same start and batches for each kind of guess and each context length.
    **settings
        ``parameterisation``, ``batch_size``, ``learning_rate`` and ``l2`` of `cotdepth.fit.full_attention.FullTraining`.

    Returns
    -------
    xarray.Dataset
        ``V`` and ``W`` (guess, n_context, seed, row, col), and ``loss`` (guess, n_context, seed, step).
    """
    found = {}
    for kind, together in progress([(kind, together) for kind in guess for together in _together(pools, device)], "training"):
        training = _training(pools, together, kind, device, experiment_seed, settings)
        _finish(training, steps, checkpoints, f"{kind}-{together[0][0]}-{together[0][1]}")
        matrices = training.matrices()
        for place, key in enumerate(together):
            found[kind, *key] = {name: matrix[place].double() for name, matrix in matrices.items()}, training.losses[place]
    return _labelled(found, pools, guess)


def _together(pools, device):
    """What trains side by side: lists of (n_context, seed)."""
    layers = [[(length, seed) for seed in pools.seed.values.tolist()] for length in pools.n_context.values.tolist()]
    if device == "cpu":
        return [[layer] for each in layers for layer in each]
    return [sum(layers, [])] if pools.model == "linear" else layers


def _training(pools, together, guess, device, experiment_seed, settings):
    drawn = [draw_pool(pools, *layer) for layer in together]
    inputs, weights = np.stack([pool.inputs for pool in drawn]), np.stack([pool.weights for pool in drawn])
    rngs = [stream(experiment_seed, "training", cell=pools.attrs["stream"], seed=seed) for _, seed in together]
    return FullTraining(inputs, weights, model=pools.model.item(), guess=guess, rngs=rngs, device=device, **settings)


def _finish(training, steps, checkpoints, name):
    """Train to the end, from where the last checkpoint is."""
    state = checkpoints.load(name)
    if state is not None:
        training.load_state_dict(state)
        print(f"{name}: resumed after {training.steps} steps")
    while training.steps < steps:
        training.run(min(STEPS_KEPT, steps - training.steps))
        checkpoints.save(name, training.state_dict())


def _labelled(found, pools, guess):
    shape = len(guess), pools.sizes["n_context"], pools.sizes["seed"]

    def gathered(pick):
        values = np.stack([pick(*each) for each in found.values()])
        return values.reshape(*shape, *values.shape[1:])

    V, W = (gathered(lambda matrices, losses: matrix(matrices).numpy()) for matrix in (lambda each: each["V"], score_matrix))
    losses, width = gathered(lambda matrices, losses: losses) / pools.sizes["feature"], V.shape[-1]
    layers, about = ("guess", "n_context", "seed"), "features, label, estimate, marker"
    return xr.Dataset(
        {
            "V": ((*layers, "row", "col"), V, {"long_name": "value matrix V", "units": "1"}),
            "W": ((*layers, "row", "col"), W, {"long_name": "score matrix W = K^T Q", "units": "1"}),
            "loss": ((*layers, "step"), losses, {"long_name": "mean of |w - w_1|^2 / D over the batch, without L2", "units": "1"}),
        },
        coords={
            "guess": ("guess", guess, {"long_name": "first guesses in training", "units": "1"}),
            **{name: pools.coords[name] for name in ("model", "n_context", "seed")},
            "row": ("row", np.arange(width), {"long_name": f"row: {about}", "units": "1"}),
            "col": ("col", np.arange(width), {"long_name": f"column: {about}", "units": "1"}),
            "step": ("step", np.arange(1, losses.shape[-1] + 1), {"long_name": "training step", "units": "steps"}),
        },
        attrs={"title": "Trained layers of full attention", "source": "asymptotic paper, section 6, appendices A and I",
               "stream": pools.attrs["stream"]},
    )  # fmt: skip
