"""Errors of GPT-2 on the label of a query, beside ordinary least squares and the answer 0, in prompts of other laws than in training."""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

from cotdepth.gpt2_models import read_models
from cotdepth.label_prompts import draw_labelled
from cotdepth.models.gpt2 import GPT2, predict_labels
from cotdepth.streams import stream

TOGETHER = 2**13   # tokens read at once: their attention in a layer has 100 MB at the paper's heads and 400 tokens a prompt
MODELS = ("gpt2", "least squares", "zero")


def evaluate_predictors(trained: xr.Dataset, *, experiment_seed: int, dim: int, test_law: list[str], test_noise: float, n_test: int,
                        n_context_test: list[int], device: str, progress: Callable) -> xr.Dataset:
    """Squared errors per dimension, ``(x.w - prediction)^2 / D``, over fresh prompts, the same ones for each length and
    each model, whatever it was trained on.

    Parameters
    ----------
    trained : xarray.Dataset
        By `cotdepth.label_training.train_predictors`.
    experiment_seed, dim, n_test : int
    test_law : list of str
        As `cotdepth.label_prompts.draw_labelled` has them.
    test_noise : float
        Standard deviation of the label noise of the law ``noisy``.
    n_context_test : list of int
    device : {"cpu", "cuda"}
    progress : callable
        ``progress(models, name)`` wraps the iterable of models.

    Returns
    -------
    xarray.Dataset
        ``error_mean``, ``error_standard_error`` and ``error_median`` over prompts, on (model, test_law, seed, n_context_test).
    """

    def errors(network, seed, law):
        rng = stream(experiment_seed, f"test prompts, {law}", cell="", seed=seed)
        prompts = draw_labelled(law, dim, max(n_context_test), n_test, noise=test_noise, rng=rng)
        return np.stack([squared_errors(network, shortened(prompts.examples, length)) for length in n_context_test], axis=1) / dim

    found = np.stack([np.stack([errors(network.to(device), seed, law) for law in test_law], axis=1)
                      for seed, network in progress(read_models(trained), "models")], axis=2)
    return _summarised(found, trained.seed, test_law, n_context_test)


def shortened(examples: np.ndarray, length: int) -> np.ndarray:
    """The first examples of prompts (n_prompts, n_context + 1, D + 1), and their query."""
    return np.concatenate([examples[:, :length], examples[:, -1:]], axis=1)


def squared_errors(network: GPT2, examples: np.ndarray) -> np.ndarray:
    """Of each of `MODELS` on the query of each prompt, (3, n_prompts)."""
    answers = np.stack([queried(network, examples), least_squares_labels(examples), np.zeros(len(examples))])
    return (answers - examples[:, -1, -1]) ** 2


@torch.no_grad()
def queried(network: GPT2, examples: np.ndarray) -> np.ndarray:
    """What a network answers to the query of each prompt, (n_prompts,)."""
    like, size = next(network.parameters()), max(1, TOGETHER // (2 * examples.shape[1]))
    return np.concatenate([predict_labels(network, part.to(like))[:, -1].double().cpu() for part in torch.as_tensor(examples).split(size)])


def least_squares_labels(examples: np.ndarray) -> np.ndarray:
    """What ordinary least squares answers, (n_prompts,); the solution of least norm where there are fewer examples than features."""
    features, labels = examples[:, :-1, :-1], examples[:, :-1, -1:]
    return (examples[:, -1:, :-1] @ (np.linalg.pinv(features) @ labels))[:, 0, 0]


def _summarised(errors, seed, test_law, n_context_test):
    """Of errors (model, test_law, seed, n_context_test, prompt)."""
    dims, error = ("model", "test_law", "seed", "n_context_test"), "(x.w - prediction)^2 / D of the query"
    found = {
        "error_mean": (errors.mean(-1), f"mean over test prompts of {error}"),
        "error_standard_error": (errors.std(-1, ddof=1) / np.sqrt(errors.shape[-1]), f"standard error of the mean of {error}"),
        "error_median": (np.median(errors, axis=-1), f"median over test prompts of {error}"),
    }
    return xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (values, about) in found.items()},
        coords={
            "model": ("model", list(MODELS), {"long_name": "what predicts the label", "units": "1"}),
            "test_law": ("test_law", test_law, {"long_name": "law of test prompts", "units": "1"}),
            "seed": seed,
            "n_context_test": ("n_context_test", n_context_test, {"long_name": "examples before the query", "units": "examples"}),
        },
        attrs={"title": "Errors on the label of a query under shifts", "source": "gradient-flow paper, section 4.3, and its slides"},
    )
