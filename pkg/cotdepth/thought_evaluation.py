"""Errors of GPT-2 that thinks, and whether it overthinks, over seeds."""

import json
from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy.stats import t as student

from cotdepth.covariance import Covariance
from cotdepth.gpt2_evaluation import estimates_of
from cotdepth.gpt2_models import read_models
from cotdepth.rollout import error_per_dimension
from cotdepth.streams import stream
from cotdepth.written_prompts import write_prompts

CONFIDENCE = 0.95
FEWEST_SEEDS = 3   # for an interval: that of two seeds is 13 standard errors wide to each side


def evaluate_thinkers(trained: xr.Dataset, covariance: Covariance, *, law: str, experiment_seed: int, n_test: int,
                      n_context_test: list[int], depth: int, device: str, progress: Callable) -> xr.DataArray:
    """Errors per dimension from the guess 0 on fresh prompts.

    Parameters
    ----------
    trained : xarray.Dataset
        By `cotdepth.thought_training.train_thinkers`.
    covariance : Covariance
        Of the features in test prompts.
    law : str
        Names the streams of test prompts, with their length and the seed: they are the same whatever a model was trained on.
    experiment_seed, n_test : int
    n_context_test : list of int
    depth : int
    device : {"cpu", "cuda"}
    progress : callable
        ``progress(models, name)`` wraps the iterable of models.

    Returns
    -------
    xarray.DataArray
        On (seed, n_context_test, k, prompt); dimension, layers, heads, width and steps of training of the models go along as
        coordinates without a dimension.
    """

    def errors(model, seed, length):
        rng = stream(experiment_seed, f"test prompts of {length} examples", cell=law, seed=seed)
        prompts = write_prompts(covariance, length, n_test, rng=rng)
        return error_per_dimension(estimates_of(model, prompts.examples, depth), prompts.weights)

    models = progress(read_models(trained), "models")
    found = [[errors(model.to(device), seed, length) for length in n_context_test] for seed, model in models]
    lengths = ("n_context_test", n_context_test, {"long_name": "examples in a test prompt", "units": "examples"})
    coords = {name: trained.coords[name] for name in ("seed", "train_depth")} | {"n_context_test": lengths} | sizes(trained)
    return xr.DataArray(np.array(found), dims=("seed", "n_context_test", "k", "prompt"), coords=coords)


def sizes(trained: xr.Dataset) -> dict[str, tuple]:
    """How large the models are and how long they were trained, as coordinates without a dimension."""
    made = json.loads(trained.attrs["architecture"])
    found = {
        "dim": (made["dim"], "dimension of the features", "1"),
        "layers": (made["sizes"]["layers"], "layers of the model", "1"),
        "heads": (made["sizes"]["heads"], "attention heads of a layer", "1"),
        "width": (made["sizes"]["width"], "dimension of the embedding", "1"),
        "steps": (int(trained.step[-1]), "steps of training", "steps"),
    }
    return {name: ((), value, {"long_name": about, "units": units}) for name, (value, about, units) in found.items()}


def over_seeds(errors: xr.Dataset) -> xr.Dataset:
    """Errors by `cotdepth.summary.summarise` with what they say over seeds.

    Adds, on (n_context_test, k), mean and standard deviation over seeds of the mean errors, ``run_mean`` and ``run_deviation``, and the
    mean over seeds of the median errors, ``run_median``; and on (n_context_test): ``overthinking``, the mean over seeds of what each
    one's median error has at the largest depth above that at the depth of training, NaN where the two depths are one; its interval of
    95% confidence by Student's t, ``overthinking_lowest`` and ``overthinking_highest``, NaN for fewer than three seeds; and
    ``best_depth``, where ``run_median`` is smallest: a description, and no depth to contrast with, for it is chosen on the same seeds.
    """
    median, seeds = errors.error_median, errors.sizes["seed"]
    run_median, trained, largest = median.mean("seed"), int(errors.train_depth), int(errors.k[-1])
    excess = median.sel(k=largest, drop=True) - median.sel(k=trained, drop=True)                  # (seed, n_context_test)
    excess, enough = excess.where(largest > trained), seeds >= FEWEST_SEEDS
    half = student.ppf((1 + CONFIDENCE) / 2, seeds - 1) * excess.std("seed", ddof=1) / np.sqrt(seeds) if enough else np.nan
    spread = errors.error_mean.std("seed", ddof=1) if seeds > 1 else xr.full_like(errors.error_mean.isel(seed=0, drop=True), np.nan)
    error, over = "error |w - w_k|^2 / D", "median error at the largest depth minus that at the depth of training, over seeds"
    interval = f"{CONFIDENCE:.0%} confidence, NaN for fewer than {FEWEST_SEEDS} seeds"
    found = {
        "run_mean": (errors.error_mean.mean("seed"), f"mean over seeds of the mean {error} over test prompts", "1"),
        "run_deviation": (spread, f"standard deviation over seeds of the mean {error} over test prompts", "1"),
        "run_median": (run_median, f"mean over seeds of the median {error} over test prompts", "1"),
        "best_depth": (run_median.idxmin("k").astype(int), "depth of the smallest median error, mean over seeds", "steps"),
        "overthinking": (excess.mean("seed"), f"{over}, mean", "1"),
        "overthinking_lowest": (excess.mean("seed") - half, f"{over}, lower end of {interval}", "1"),
        "overthinking_highest": (excess.mean("seed") + half, f"{over}, upper end of {interval}", "1"),
    }
    return errors.assign({name: values.assign_attrs(long_name=about, units=units) for name, (values, about, units) in found.items()})
