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
TOGETHER = 8 * 2**30   # bytes of prompts that a GPU trains on side by side


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
        On a CPU one layer at a time; on a GPU those that have inputs of one shape side by side.
    checkpoints : Checkpoints
    progress : callable
        ``progress(blocks, name)`` wraps the iterable of blocks of steps.
    experiment_seed : int
        Names the streams, with the context length and the seed; the same start and batches for each kind of guess.
    **settings
        ``parameterisation``, ``batch_size``, ``learning_rate`` and ``l2`` of `cotdepth.fit.full_attention.FullTraining`.

    Returns
    -------
    xarray.Dataset
        ``V`` and ``W`` (guess, n_context, seed, row, col), and ``loss`` (guess, n_context, seed, step).

    Raises
    ------
    FloatingPointError
        If training diverges.
    """
    found, ends = {}, [*range(STEPS_KEPT, steps, STEPS_KEPT), steps]
    groups = [(kind, together) for kind in guess for together in _together(pools, device)]
    for (kind, together), end in progress([(group, end) for group in groups for end in ends], f"blocks of {ends[0]} steps"):
        name = f"{kind}-{together[0][0]}-{together[0][1]}"
        if end == ends[0]:
            training = _resumed(_training(pools, together, kind, device, experiment_seed, settings), checkpoints.load(name), name)
        if training.steps < end:
            training.run(end - training.steps)
            _check_finite(training, f"{kind} guesses, (n_context, seed) = {together}")
            checkpoints.save(name, training.state_dict())
        if end == steps:
            found |= _layers(training, kind, together)
    return _labelled(found, pools, guess)


def _together(pools, device):
    """What trains side by side: lists of (n_context, seed)."""
    seeds = pools.seed.values.tolist()
    shapes = [[(length, seed) for seed in seeds] for length in pools.n_context.values.tolist()]
    if pools.model == "linear":
        shapes = [sum(shapes, [])]   # Gram matrices all
    return [part for shape in shapes for part in _parts(shape, 1 if device == "cpu" else _many(pools, shape))]


def _many(pools, shape):
    """How many layers a GPU trains side by side."""
    width = pools.sizes["feature"] + 1
    rows = width if pools.model == "linear" else shape[0][0]
    return max(1, TOGETHER // (4 * int(pools.n_tasks) * rows * width))


def _parts(values, size):
    return [values[start : start + size] for start in range(0, len(values), size)]


def _training(pools, together, guess, device, experiment_seed, settings):
    drawn = [draw_pool(pools, *layer) for layer in together]
    inputs, weights = (_stacked([getattr(pool, name) for pool in drawn]) for name in ("inputs", "weights"))
    rngs = [stream(experiment_seed, f"training on {length} examples", cell=pools.attrs["stream"], seed=seed) for length, seed in together]
    return FullTraining(inputs, weights, model=pools.model.item(), guess=guess, rngs=rngs, device=device, **settings)


def _stacked(arrays):
    """In single precision, as training takes them; one that is in it already is not copied."""
    single = [array.astype(np.float32, copy=False) for array in arrays]
    return single[0][None] if len(single) == 1 else np.stack(single)


def _resumed(training, state, name):
    """A training, from where its last checkpoint is."""
    if state is not None:
        training.load_state_dict(state)
        print(f"{name}: resumed after {training.steps} steps")
    return training


def _check_finite(training, what):
    if not np.isfinite(training.losses).all():
        raise FloatingPointError(f"{what}: the training loss is no number after {training.steps} steps; a smaller learning_rate may help")


def _layers(training, kind, together):
    """Matrices in float64 and losses by (guess, n_context, seed)."""
    matrices, losses = training.matrices(), training.losses
    return {(kind, *key): ({name: matrix[place].double() for name, matrix in matrices.items()}, losses[place])
            for place, key in enumerate(together)}


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
            "n_tasks": pools.n_tasks,
            "row": ("row", np.arange(width), {"long_name": f"row: {about}", "units": "1"}),
            "col": ("col", np.arange(width), {"long_name": f"column: {about}", "units": "1"}),
            "step": ("step", np.arange(1, losses.shape[-1] + 1), {"long_name": "training step", "units": "steps"}),
        },
        attrs={"title": "Trained layers of full attention", "source": "asymptotic paper, section 6, appendices A and I",
               "stream": pools.attrs["stream"]},
    )  # fmt: skip
