"""Prompts of any Gaussian task or mixture of tasks, drawn by what linear attention sees of them.

A prompt is ``n_context`` examples ``x ~ N(0, Lambda)``, ``y = x.w + noise`` of one ``w ~ N(0, I)``. Linear attention sees it
through its Gram matrix ``[X; y][X; y]^T / n_context`` only, which is drawn directly, exact in law, at a cost that does not
grow with ``n_context``.
"""

from dataclasses import dataclass

import numpy as np

from cotdepth.checks import count_argument
from cotdepth.covariance import as_covariance, mixture_arguments


@dataclass(frozen=True, eq=False)
class Prompts:
    """A batch of prompts.

    Attributes
    ----------
    weights : (n_prompts, D) array
        Task vectors ``w``.
    grams : (n_prompts, D + 1, D + 1) array
        ``[X; y][X; y]^T / n_context``, columns of ``X`` the features and ``y`` the labels.
    """

    weights: np.ndarray
    grams: np.ndarray

    @property
    def statistics(self) -> np.ndarray:
        """``X y / n_context``, (n_prompts, D): all that one step from the estimate 0 sees at the paper's initialisation."""
        return self.grams[:, :-1, -1]


def draw_prompts(covariance, n_context: int, n_prompts: int, *, label_noise: float = 0.0, rng: np.random.Generator) -> Prompts:
    """Draw prompts of one task covariance.

    Parameters
    ----------
    covariance : Covariance, (D, D) array or (D,) array
        Of the features, rank-deficient allowed.
    n_context : int
        Examples in each prompt.
    n_prompts : int
        More prompts leave the first ones as they were.
    label_noise : float
        Standard deviation of the labels around ``x.w``, absolute.
    rng : numpy.random.Generator
        Its children, by `numpy.random.Generator.spawn`, draw; a second call draws other prompts.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, section 3.1, where labels have no noise.
    """
    covariance, n_context = as_covariance(covariance), count_argument("n_context", n_context)
    counts = np.full((count_argument("n_prompts", n_prompts), 1), n_context)
    return _draw([covariance], counts, label_noise, rng)


def draw_mixture(covariances, probabilities, n_context: int, n_prompts: int, *, mixture: str, label_noise: float = 0.0,
                 rng: np.random.Generator) -> Prompts:
    """Draw prompts of several tasks; ``w`` is one for all examples of a prompt.

    Parameters
    ----------
    covariances : sequence of T covariances
        Each as in `draw_prompts`.
    probabilities : (T,) array
        Non-negative, with sum 1.
    n_context, n_prompts, label_noise, rng
        As in `draw_prompts`.
    mixture : {"prompt", "example"}
        Whether all examples of a prompt have the covariance of one task, or each example that of its own.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, section 4.1: its text describes "prompt", its theorem 4.1 "example" (erratum).
    """
    tasks, shares = mixture_arguments(covariances, probabilities, mixture)
    n_context, n_prompts = count_argument("n_context", n_context), count_argument("n_prompts", n_prompts)
    together = n_context if mixture == "prompt" else 1                       # examples that share their task
    (choices,) = rng.spawn(1)
    counts = together * choices.multinomial(n_context // together, shares / shares.sum(), n_prompts)
    return _draw(tasks, counts, label_noise, rng)


def _draw(tasks, counts, label_noise, rng):
    """Prompts with so many examples of each task, counts (n_prompts, T): a Gram matrix is a sum over tasks."""
    if not 0 <= label_noise < np.inf:
        raise ValueError(f"label_noise = {label_noise}: a standard deviation is non-negative and finite")
    dim, n_context = tasks[0].dim, counts[0].sum()
    stream, *streams = rng.spawn(1 + len(tasks))
    weights = stream.standard_normal((len(counts), dim))
    grams = np.zeros((len(counts), dim + 1, dim + 1))
    for task, examples, stream in zip(tasks, counts.T, streams):
        held = examples > 0                                                  # prompts with examples of this task
        factors = _white_factors(examples[held], dim + 1, min(dim + 1, n_context), stream)
        grams[held] += _grams(task, weights[held], factors, label_noise)
    return Prompts(weights, grams / n_context)


def _grams(task, weights, factors, label_noise):
    """``[X; y][X; y]^T`` from Bartlett factors of the white ``[Z; eps]``: ``X = Lambda^(1/2) Z``, ``y = X^T w + noise eps``."""
    features = task.with_eigenvalues(np.sqrt(task.spectrum)) @ factors[:, :-1]      # (n_prompts, D, rank)
    labels = weights[:, None] @ features + label_noise * factors[:, -1:]            # (n_prompts, 1, rank)
    rows = np.concatenate([features, labels], axis=1)
    return rows @ rows.transpose(0, 2, 1)


def _white_factors(counts, rows, rank, rng):
    """Lower trapezoidal ``T``, (n_prompts, rows, rank), with ``T T^T`` in law that of ``counts`` white columns (Bartlett).

    Normals below the diagonal, on it chi variables with ``count - column`` degrees of freedom; columns beyond the count are 0.
    """
    normals, gammas = rng.spawn(2)                     # apart: how many random bits a gamma takes is random
    factors = np.zeros((len(counts), rows, rank))
    below, diagonal = np.tril_indices(rows, -1, rank), np.arange(rank)
    factors[:, *below] = normals.standard_normal((len(counts), len(below[0])))
    freedom = np.maximum(counts[:, None] - diagonal, 0)
    factors[:, diagonal, diagonal] = np.sqrt(2 * gammas.standard_gamma(freedom / 2))
    return factors * (freedom > 0)[:, None, :]
