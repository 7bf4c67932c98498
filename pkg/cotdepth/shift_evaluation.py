"""Answers on prompts that differ from training's, by layers and by what one would do without them, and their errors."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth import baselines
from cotdepth.covariance import Covariance
from cotdepth.prompts import Prompts
from cotdepth.theory.flow_shift import mean_square, scaled, shift_axes, shifted_labels

FUNCTIONS = {"linear": lambda z: z, "relu": lambda z: np.maximum(z, 0), "cubic": lambda z: z**3, "quadratic": lambda z: z**2}
REFERENCES = ("least squares", "ridge")


class Asked(NamedTuple):
    """Test prompts: what a prediction depends on."""

    grams: np.ndarray  # (B, D + 1, D + 1), of the examples alone, over their number
    queries: np.ndarray  # (B, D)
    targets: np.ndarray  # (B,), labels of the queries
    n_context: int


def draw_asked(kind: str, weights, test: Covariance, asked: Covariance, *, n_context: int, n_test: int, label_noise: float,
               rng: np.random.Generator) -> Asked:
    """Test prompts of one task, with examples and query as in `cotdepth.theory.flow_shift.shifted_labels`."""
    features = rng.standard_normal((n_test, n_context, test.dim)) @ test.with_eigenvalues(np.sqrt(test.spectrum))
    queries = rng.standard_normal((n_test, test.dim)) @ asked.with_eigenvalues(np.sqrt(asked.spectrum))
    labels = FUNCTIONS[kind](features @ weights) + label_noise * rng.standard_normal((n_test, n_context))
    targets = FUNCTIONS[kind](queries @ weights) + label_noise * rng.standard_normal(n_test)
    tokens = np.concatenate([features, labels[..., None]], axis=2)  # (B, M, D + 1)
    return Asked(tokens.transpose(0, 2, 1) @ tokens / n_context, queries, targets, n_context)


def layer_answers(entries, prompts: Asked) -> np.ndarray:
    """What a layer with these relevant entries answers, (B,): the last row of ``W_PV`` times ``E E^T / M`` times ``W_KQ x_query``."""
    wanted = prompts.queries @ entries[:, :-1].T  # (B, D + 1), W_KQ x_query
    seen = np.einsum("bij,bj->bi", prompts.grams, wanted)
    own = np.einsum("bi,bi->b", prompts.queries, wanted[:, :-1]) / prompts.n_context  # the query is a token too
    return seen @ entries[:, -1] + own * (prompts.queries @ entries[:-1, -1])


def reference_answers(prompts: Asked, *, ridge: float) -> np.ndarray:
    """Answers of `REFERENCES`, fitted to each prompt, (2, B)."""
    examples = Prompts(weights=np.zeros_like(prompts.queries), grams=prompts.grams)
    found = [baselines.least_squares(examples, 1)[1], baselines.ridge(examples, 1, ridge=ridge)[1]]
    return np.einsum("mbi,bi->mb", found, prompts.queries)


def measure_shift(layers: xr.Dataset, tasks, test: Covariance, asked: Covariance, *, labels, covariate_scale, n_context_test, n_test: int,
                  label_noise: float, ridge: float, quantiles, stream) -> xr.Dataset:
    """Relative squared errors of layers and references, summarised over test prompts.

    Parameters
    ----------
    layers : xarray.Dataset
        As from `cotdepth.shift_training.layers_from_samples`.
    tasks, test, asked, labels, covariate_scale, n_context_test, label_noise
        As in `cotdepth.theory.flow_shift.summarise_shift`.
    n_test : int
        Test prompts for each seed, scale, length and kind of labels.
    ridge : float
        Of the reference.
    quantiles : list of float
        Of the squared error.
    stream : callable
        From a purpose and a seed to a random generator.

    Returns
    -------
    xarray.Dataset
        `error_mean`, `error_standard_error`, `error_median` and `error_quantile` over that of the answer 0, on (model, label, seed,
        covariate_scale, n_context_test); `seed_mean`, its `seed_mean_standard_error` and `seed_median` over seeds.

    Raises
    ------
    ValueError
        For fewer than two test prompts, which have no standard error.
    """
    if n_test < 2:
        raise ValueError(f"n_test = {n_test}: standard errors need two")
    shape = (len(labels), len(tasks), len(covariate_scale), len(n_context_test))
    errors = np.empty((layers.sizes["model"] + len(REFERENCES), *shape, n_test))
    for place in np.ndindex(*shape):
        kind, task, scale, length = labels[place[0]], tasks[place[1]], covariate_scale[place[2]], n_context_test[place[3]]
        covariances = scaled(test, scale), scaled(asked, scale)
        rng = stream(f"{kind} prompts of {length} examples", place[1])  # the same directions at every scale
        prompts = draw_asked(kind, task, *covariances, n_context=length, n_test=n_test, label_noise=label_noise, rng=rng)
        answers = [layer_answers(entries, prompts) for entries in layers.entries.isel(seed=place[1]).values]
        missed = np.concatenate([answers, reference_answers(prompts, ridge=ridge)]) - prompts.targets
        errors[:, *place] = missed**2 / mean_square(shifted_labels(kind, task, *covariances, label_noise=label_noise)[1])
    axes = shift_axes(labels, len(tasks), covariate_scale, n_context_test)
    return _summarised(errors, [*layers.model.values, *REFERENCES], axes, quantiles)


def _summarised(errors, models, axes, quantiles):
    """Errors (..., prompt) with labelled axes, as mean, standard error, median and quantiles."""
    dims, relative = ("model", *axes), "squared error of the answer over that of the answer 0"
    found = {
        "error_mean": (dims, errors.mean(-1), "mean over test prompts"),
        "error_standard_error": (dims, errors.std(-1, ddof=1) / np.sqrt(errors.shape[-1]), "standard error of the mean"),
        "error_median": (dims, np.median(errors, -1), "median over test prompts"),
        "error_quantile": (("quantile", *dims), np.quantile(errors, quantiles, axis=-1), "quantile over test prompts"),
    }
    found |= _over_seeds(found, dims)
    return xr.Dataset(
        {name: (where, values, {"long_name": f"{relative}, {about}", "units": "1"}) for name, (where, values, about) in found.items()},
        coords={
            "model": ("model", models, {"long_name": "layer, or fit to the prompt", "units": "1"}), **axes,
            "quantile": ("quantile", list(quantiles), {"long_name": "quantile over test prompts", "units": "1"}),
        },
        attrs={"title": "Measured errors under distribution shifts", "source": "gradient-flow paper, section 4.2"},
    )  # fmt: skip


def _over_seeds(found, dims):
    """Mean over seeds, and its standard error for these tasks and layers: theory is averaged over the same tasks."""
    seed = dims.index("seed")
    kept, means, errors = dims[:seed] + dims[seed + 1 :], found["error_mean"][1], found["error_standard_error"][1]
    combined = np.sqrt(np.sum(errors**2, axis=seed)) / errors.shape[seed]
    return {
        "seed_mean": (kept, means.mean(axis=seed), "mean over test prompts and seeds"),
        "seed_mean_standard_error": (kept, combined, "standard error of the mean over test prompts, for the tasks and layers of the seeds"),
        "seed_median": (kept, np.median(found["error_median"][1], axis=seed), "median over seeds of medians over test prompts"),
    }
