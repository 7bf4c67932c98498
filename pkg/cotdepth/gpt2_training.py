"""Trained GPT-2 models as artifacts, one for each seed of a cell."""

import json
from collections.abc import Callable

import numpy as np
import xarray as xr

from cotdepth.checkpoints import Checkpoints
from cotdepth.gpt2_weights import label_weights
from cotdepth.models.gpt2 import Sizes
from cotdepth.streams import stream
from cotdepth.training_job import train_in_job

STEPS_KEPT = 500    # between checkpoints
LOSSES_KEPT = 100   # of training at most


def model_sizes(parameters: dict) -> Sizes:
    """Of a configuration: ``layers``, ``heads``, ``width``, ``positions``, and ``max_tokens``, which is for learned positions alone."""
    room = parameters["max_tokens"] if parameters["positions"] == "learned" else None
    return Sizes(*(parameters[key] for key in ("layers", "heads", "width", "positions")), room)


def train_seeds(start: Callable, *, dim: int, sizes: Sizes, tokens: str | None, seeds: int, steps: int, checkpoints: Checkpoints,
                progress: Callable, experiment_seed: int, cell: str, **options) -> xr.Dataset:
    """Train one model after the other.

    Parameters
    ----------
    start : callable
        ``start(rng=..., **options)`` makes the training.
    dim, sizes, tokens
        Kept in the dataset, for `cotdepth.gpt2_models` to make the model from.
    seeds, steps : int
    checkpoints : Checkpoints
    progress : callable
        As `cotdepth.training_job.train_in_job` calls it.
    experiment_seed, cell
        Name the streams, with the seed.
    **options
        ``batch_size``, ``learning_rate`` and ``device``.

    Returns
    -------
    xarray.Dataset
        By `cotdepth.gpt2_weights.label_weights`, with ``loss`` (seed, step), means over steps up to each.
    """
    states, losses = [], []
    for seed in range(seeds):
        training = start(rng=stream(experiment_seed, "training", cell=cell, seed=seed), **options)
        train_in_job(training, steps, every=STEPS_KEPT, checkpoints=checkpoints, name=f"seed-{seed}", progress=progress)
        states.append(training.model.state_dict())
        losses.append(training.losses / dim)
    architecture = {"dim": dim, "tokens": tokens, "sizes": vars(sizes)}
    return label_weights(states).merge(_curves(np.array(losses))).assign_attrs(architecture=json.dumps(architecture))


def _curves(losses):
    """Means over parts of the steps, (seed, step)."""
    ends = np.unique(np.linspace(0, losses.shape[1], min(LOSSES_KEPT, losses.shape[1]) + 1).astype(int))[1:]
    parts = np.split(losses, ends[:-1], axis=1)
    about = {"long_name": "training loss / D, mean over the steps since the one before", "units": "1"}
    return xr.Dataset({"loss": (("seed", "step"), np.stack([part.mean(axis=1) for part in parts], axis=1), about)},
                      coords={"step": ("step", ends, {"long_name": "steps of training", "units": "steps"})})
