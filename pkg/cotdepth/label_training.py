"""GPT-2 models trained to predict labels, one for each seed of a cell."""

import xarray as xr

from cotdepth.fit.gpt2 import LabelTraining
from cotdepth.gpt2_training import train_seeds
from cotdepth.label_prompts import draw_labelled
from cotdepth.models.gpt2 import Sizes


def train_predictors(dim: int, *, train_law: str, n_context: int, sizes: Sizes, **settings) -> xr.Dataset:
    """Train a model for each seed to predict labels in prompts of one law (`cotdepth.label_prompts.draw_labelled`), drawn afresh.

    Parameters
    ----------
    dim : int
        D.
    train_law : str
    n_context : int
        Examples before the query.
    sizes : Sizes
    **settings
        Of `cotdepth.gpt2_training.train_seeds`.
    """

    def draw(n_prompts, rng):
        return draw_labelled(train_law, dim, n_context, n_prompts, rng=rng)

    def start(**options):
        return LabelTraining(draw, dim, sizes, **options)

    trained = train_seeds(start, dim=dim, sizes=sizes, tokens=None, **settings)
    return trained.assign_attrs(title="GPT-2 trained to predict labels", source="gradient-flow paper, section 4.3, and its slides")
