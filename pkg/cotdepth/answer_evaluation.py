"""Simulated answers to queries after training on random covariances, each prompt with a covariance of its own."""

import numpy as np
import xarray as xr

from cotdepth.theory.flow_answers import MEASURES, answer_axes
from cotdepth.theory.flow_landscape import best_product, random_landscape
from cotdepth.theory.flow_laws import diagonal_moments, draw_diagonals


def measure_answers(laws, *, n_context, n_test: int, seeds: int, stream) -> xr.Dataset:
    """The measures of `cotdepth.theory.flow_answers.summarise_answers`, each from prompts and regressions of its own.

    Parameters
    ----------
    laws, n_context
        As there.
    n_test : int
        Test prompts for each seed and length.
    seeds : int
        Independent sets of them, a dimension.
    stream : callable
        From a purpose and a seed to a random generator.

    Returns
    -------
    xarray.Dataset
        On (seed, n_context), with `median_relative_error`, the median squared error over the mean of that of the answer 0; of each
        ``_mean`` and ``_standard_error`` over seeds.

    Raises
    ------
    ValueError
        For fewer than two seeds, which have no standard error.
    """
    if seeds < 2:
        raise ValueError(f"seeds = {seeds}: standard errors need two")
    moments = diagonal_moments(laws)
    products = [best_product(random_landscape(moments, n)) for n in n_context]
    names = MEASURES | {"median_relative_error": "median squared error over the mean of that of the answer 0"}
    found = np.array([[_measured(laws, product, n, n_test, stream(f"answers in prompts of {n} examples", seed))
                       for n, product in zip(n_context, products)] for seed in range(seeds)])
    parts = {
        "": (("seed", "n_context"), found, ""),
        "_mean": (("n_context",), found.mean(axis=0), ", mean over sets of prompts"),
        "_standard_error": (("n_context",), found.std(axis=0, ddof=1) / np.sqrt(seeds), ", standard error of the mean"),
    }
    return xr.Dataset(
        {f"{name}{part}": (dims, values[..., place], {"long_name": f"{about}{how}", "units": "1"})
         for place, (name, about) in enumerate(names.items()) for part, (dims, values, how) in parts.items()},
        coords={"seed": ("seed", np.arange(seeds), {"long_name": "set of test prompts", "units": "1"}), **answer_axes(n_context)},
        attrs={"title": "Simulated answers after training on random covariances", "source": "gradient-flow paper, after eq. (4.12)"},
    )  # fmt: skip


def _measured(laws, product, n, n_test, rng):
    deviations = np.sqrt(draw_diagonals(laws, n_test, rng))  # (B, D)
    weights, fixed, own = rng.standard_normal((3, *deviations.shape))
    features = rng.standard_normal((n_test, n, deviations.shape[1])) * deviations[:, None]
    mixed = np.einsum("bnd,bn->bd", features, np.einsum("bnd,bd->bn", features, weights)) / n  # X y / N
    answering, own = mixed @ product, own * deviations
    pairs = [(np.sum(answering * query, axis=1), np.sum(weights * query, axis=1)) for query in (fixed, own)]
    slopes = [np.mean(answer * label) / np.mean(label**2) for answer, label in pairs]
    answer, label = pairs[1]
    missed, size = (answer - label) ** 2, np.mean(label**2)
    return [*slopes, missed.mean() / size, np.median(missed) / size]
