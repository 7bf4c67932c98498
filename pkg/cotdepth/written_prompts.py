"""Prompts written out, example by example, for models that see more of them than a Gram matrix: softmax attention, the literal layer."""

from dataclasses import dataclass

import numpy as np

from cotdepth.checks import count_argument
from cotdepth.covariance import as_covariance

AT_ONCE = 2**22  # bytes of features drawn at once: memory holds little more than the examples


@dataclass(frozen=True, eq=False)
class WrittenPrompts:
    """A batch of prompts.

    Attributes
    ----------
    weights : (n_prompts, D) array
        Task vectors ``w``.
    examples : (n_prompts, n_context, D + 1) array
        Rows ``(x, y)``.
    """

    weights: np.ndarray
    examples: np.ndarray

    @property
    def grams(self) -> np.ndarray:
        """``[X; y][X; y]^T / n_context``, (n_prompts, D + 1, D + 1), as `cotdepth.prompts.Prompts` has them."""
        return self.examples.transpose(0, 2, 1) @ self.examples / self.examples.shape[1]


def write_prompts(covariance, n_context: int, n_prompts: int, *, label_noise: float = 0.0, rng: np.random.Generator,
                  dtype=np.float64) -> WrittenPrompts:
    """Draw prompts of the law of `cotdepth.prompts.draw_prompts`, by its arguments, example by example.

    The examples are of the type `dtype`, drawn in float64.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    covariance, n_context = as_covariance(covariance), count_argument("n_context", n_context)
    n_prompts, dim = count_argument("n_prompts", n_prompts), covariance.dim
    if not 0 <= label_noise < np.inf:
        raise ValueError(f"label_noise = {label_noise}: a standard deviation is non-negative and finite")
    tasks, features, noise = rng.spawn(3)                                        # apart: more prompts leave the first as they were
    weights = tasks.standard_normal((n_prompts, dim))
    root, examples = covariance.with_eigenvalues(np.sqrt(covariance.spectrum)), np.empty((n_prompts, n_context, dim + 1), dtype)
    together = max(1, AT_ONCE // (8 * n_context * dim))
    for part in (slice(start, start + together) for start in range(0, n_prompts, together)):
        w = weights[part, :, None]                                               # (together, D, 1)
        x = features.standard_normal((len(w), n_context, dim)) @ root
        examples[part, :, :-1] = x
        examples[part, :, -1:] = x @ w + label_noise * noise.standard_normal((len(w), n_context, 1))
    return WrittenPrompts(weights, examples)
