"""Linear attention trained with chain of thought, as artifacts: each supervision, context length and seed of a cell, on its way."""

from collections.abc import Callable
from itertools import product

import numpy as np
import xarray as xr

from cotdepth.checkpoints import Checkpoints
from cotdepth.covariance import Covariance
from cotdepth.fit.cot import CoTTraining
from cotdepth.full_structure import structure
from cotdepth.models.full_attention import score_matrix
from cotdepth.streams import stream
from cotdepth.teacher import taught_step
from cotdepth.training_job import train_in_job
from cotdepth.written_prompts import write_prompts

WORDS = {"model": "linear", "parameterisation": "merged", "mask": "data_only", "marker": "every"}   # LSA, as the rest of the paper has it


def train_chains(covariance: Covariance, *, supervision: list[str], n_context: list[int], seeds: int, steps: int, tested_every: int,
                 teacher_step: float, checkpoints: Checkpoints, progress: Callable, experiment_seed: int, cell: str,
                 **settings) -> xr.Dataset:
    """Train a layer for each supervision, context length and seed, and keep what it was on the way.

    Parameters
    ----------
    covariance : Covariance
        Of the features, drawn afresh for every step.
    supervision : list of str
        As `cotdepth.fit.supervision` has them.
    n_context : list of int
    seeds, steps : int
    tested_every : int
        Steps between the layers that are kept.
    teacher_step : float
        Of no effect without a teacher.
    checkpoints : Checkpoints
    progress : callable
        As `cotdepth.training_job.train_in_job` calls it.
    experiment_seed, cell
        Name the streams, with the seed: the same start and tasks for each supervision.
    **settings
        ``train_depth``, ``batch_size`` and ``learning_rate``.

    Returns
    -------
    xarray.Dataset
        ``V`` and ``W`` (supervision, n_context, step, seed, row, col), from step 0 on, and the mean ``loss`` of the batches since the
        layer before, in the units of training; and what `cotdepth.full_structure.structure` says of each layer, as how many
        directions it answers in reverse.

    Raises
    ------
    ValueError
        If the teacher's descent would diverge.
    """
    taught = {each: taught_step(each, teacher_step, covariance) for each in supervision}
    axes = {"supervision": supervision, "n_context": n_context, "seed": list(range(seeds))}
    found = []
    for each, length, seed in product(*axes.values()):
        rng = stream(experiment_seed, "training", cell=cell, seed=seed)
        training = _training(covariance, length, rng, supervision=each, teacher_step=taught[each], **settings)
        seen = train_in_job(training, steps, every=tested_every, checkpoints=checkpoints, name=f"{each}-{length}-{seed}",
                            progress=progress, look=_matrices)
        found.append((seen, _since(training.losses, tested_every) / covariance.dim))
    return structure(_labelled(found, axes, steps, tested_every).transpose(..., "seed", "row", "col"))


def _training(covariance, length, rng, *, train_depth, **settings):
    def draw(n_prompts, rng):
        return write_prompts(covariance, length, n_prompts, rng=rng)

    return CoTTraining(draw, covariance.dim, depth=train_depth, rng=rng, **settings, **WORDS)


def _matrices(training):
    matrices = training.matrices()
    return {"V": matrices["V"], "W": score_matrix(matrices)}


def _since(losses, every):
    """Mean of each part of the losses, and nothing before the first."""
    return np.array([np.nan, *(losses[start : start + every].mean() for start in range(0, len(losses), every))])


def _labelled(found, axes, steps, every):
    shape = tuple(len(values) for values in axes.values())

    def gathered(pick):
        values = np.array([pick(*each) for each in found])
        return values.reshape(*shape, *values.shape[1:])

    V, W = (gathered(lambda seen, losses: [each[name].double().numpy() for each in seen]) for name in "VW")
    kept, about = [*range(0, steps, every), steps], "features, label, estimate, marker"
    return xr.Dataset(
        {
            "V": ((*axes, "step", "row", "col"), V, {"long_name": "value matrix V", "units": "1"}),
            "W": ((*axes, "step", "row", "col"), W, {"long_name": "score matrix W", "units": "1"}),
            "loss": ((*axes, "step"), gathered(lambda seen, losses: losses),
                     {"long_name": "training loss / D, mean over the steps since the layer before", "units": "1"}),
        },
        coords={
            "supervision": ("supervision", axes["supervision"], {"long_name": "what training asks for", "units": "1"}),
            "n_context": ("n_context", axes["n_context"], {"long_name": "examples in a prompt", "units": "examples"}),
            "seed": ("seed", axes["seed"], {"long_name": "training", "units": "1"}),
            "step": ("step", kept, {"long_name": "steps of training", "units": "steps"}),
            "row": ("row", np.arange(V.shape[-1]), {"long_name": f"row: {about}", "units": "1"}),
            "col": ("col", np.arange(V.shape[-1]), {"long_name": f"column: {about}", "units": "1"}),
        },
        attrs={"title": "Linear attention during training with chain of thought", "source": "training-data paper, appendix B"},
    )  # fmt: skip
