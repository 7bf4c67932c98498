"""GPT-2 models trained to think, one for each seed of a cell."""

import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.fit.gpt2 import ThoughtTraining
from cotdepth.gpt2_training import train_seeds
from cotdepth.models.gpt2 import Sizes
from cotdepth.teacher import taught_step
from cotdepth.written_prompts import write_prompts


def train_thinkers(covariance: Covariance, *, n_context_from: int, n_context: int, tokens: str, supervision: str, train_depth: int,
                   teacher_step: float, sizes: Sizes, **settings) -> xr.Dataset:
    """Train a model for each seed to think about prompts drawn afresh, whose length is drawn for each step.

    Parameters
    ----------
    covariance : Covariance
        Of the features.
    n_context_from, n_context : int
        Shortest and longest prompts.
    tokens, supervision, train_depth, teacher_step, sizes
        As `cotdepth.fit.gpt2.ThoughtTraining` has them; a teacher's step size is not used without one.
    **settings
        Of `cotdepth.gpt2_training.train_seeds`.

    Returns
    -------
    xarray.Dataset
        By `cotdepth.gpt2_training.train_seeds`.

    Raises
    ------
    ValueError
        If the teacher's descent would diverge.
    """
    taught = {"supervision": supervision, "depth": train_depth, "teacher_step": taught_step(supervision, teacher_step, covariance)}

    def draw(n_prompts, rng):
        return write_prompts(covariance, int(rng.integers(n_context_from, n_context + 1)), n_prompts, rng=rng)

    def start(**options):
        return ThoughtTraining(draw, covariance.dim, sizes, tokens=tokens, **taught, **options)

    trained = train_seeds(start, dim=covariance.dim, sizes=sizes, tokens=tokens, **settings)
    depth = ((), train_depth, {"long_name": "steps of thought in training", "units": "steps"})
    return trained.assign_coords(train_depth=depth).assign_attrs(title="GPT-2 trained to think", source="training-data paper, section 5")
