"""Prompts with isotropic Gaussian features, drawn by what a learner sees of them.

A prompt is ``n_context`` examples ``(x, y = x.w + noise)`` of one task ``w``. No token matrix is ever built: the fit
needs only the statistic ``b`` of a prompt, and the rollout only products with its sample covariance ``S``. Both are drawn
directly, exact in law, at a cost that does not grow with ``n_context``.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pool:
    """A pool of training tasks, one prompt each.

    Attributes
    ----------
    weights : (n_tasks, dim) array
        Task vectors ``w ~ N(0, I)``.
    statistics : (n_tasks, dim) array
        ``b = (1/n_context) sum_l y_l x_l`` of each task's prompt, features ``x ~ N(0, I)``.
    """

    weights: np.ndarray
    statistics: np.ndarray


def draw_pool(n_tasks: int, n_context: int, dim: int, *, sigma: float, rng: np.random.Generator) -> Pool:
    """Draw a pool of tasks with the statistic of one noisy prompt for each.

    Labels are ``y = x.w + sigma sqrt(dim) eps``, so that ``sigma`` is the noise relative to the signal, whose
    variance is ``dim`` (asymptotic paper, section 3, there with ``x ~ N(0, I/dim)``).

    Given ``w``, the labels are ``y = |w| h + sigma sqrt(dim) eps`` with ``h`` the features along ``w``, and the features
    across ``w`` know nothing of ``y``: so ``b`` is ``h.y`` along ``w`` plus a normal vector of length ``|y|`` across
    it, and one normal vector and three scalars a task replace ``n_context`` feature vectors.
    """
    weights = rng.standard_normal((n_tasks, dim))
    length = np.linalg.norm(weights, axis=1, keepdims=True)                        # (n_tasks, 1)
    along, labels = _label_scalars(length, n_context, sigma * np.sqrt(dim), rng)   # h.y and |y|, (n_tasks, 1)
    unit = weights / length
    across = rng.standard_normal((n_tasks, dim))
    across -= np.sum(across * unit, axis=1, keepdims=True) * unit
    return Pool(weights, (along * unit + labels * across) / n_context)


def _label_scalars(length, n_context, noise, rng):
    """``h.y`` and ``|y|`` for ``y = length h + noise eps``, from chi-squares and one normal."""
    features = np.sqrt(rng.chisquare(n_context, length.shape))       # |h|
    noise_along = noise * rng.standard_normal(length.shape)          # noise eps, along h
    noise_across = noise**2 * rng.chisquare(n_context - 1, length.shape) if n_context > 1 else 0.0
    labels_along = length * features + noise_along                   # y, along h
    return features * labels_along, np.sqrt(labels_along**2 + noise_across)


class RevealedPrompts:
    """A batch of noiseless test prompts, revealed one product ``S v`` at a time.

    ``S = X^T X / n_context`` with rows of ``X`` from ``N(0, I)``. What ``j`` products can have seen of ``X`` is ``j``
    rows of it in a rotated frame: row ``i`` is zero along the first ``i - 1`` directions asked for, a chi variable with
    ``n_context - i + 1`` degrees of freedom along the ``i``-th, and fresh normals across all of them (a Bartlett
    factor, grown on demand). Each product draws one row, so the cost does not depend on ``n_context``. Exact in law for
    any adaptive sequence of vectors.

    Parameters
    ----------
    n_context : int
        Examples in each prompt.
    weights : (n_prompts, dim) array
        The task of each prompt.
    rngs : sequence of numpy.random.Generator
        One stream for each prompt: its draws depend neither on the other prompts nor on how deep they are asked.
    depth : int
        How many products will be asked for at most.
    """

    def __init__(self, n_context: int, weights: np.ndarray, rngs, depth: int):
        n_prompts, dim = weights.shape
        self.n_context, self.weights, self._rngs, self._asked = n_context, weights, rngs, 0
        self._rank = min(n_context, dim)                                   # of S: after so many rows all is revealed
        self._directions = np.empty((n_prompts, min(depth, self._rank), dim))   # orthonormal
        self._rows = np.empty_like(self._directions)

    def covariance_times(self, vectors: np.ndarray) -> np.ndarray:
        """``S v`` for one vector ``v`` of each prompt; both ``(n_prompts, dim)``."""
        if self._asked < self._rank:
            self._reveal(vectors)
        rows = self._rows[:, : self._asked]                                # (n_prompts, asked, dim)
        return (rows.transpose(0, 2, 1) @ (rows @ vectors[:, :, None]))[:, :, 0] / self.n_context

    def _reveal(self, vectors):
        """Draw the row of ``X`` that a product with these vectors sees for the first time."""
        asked = self._asked
        direction = _across(self._directions[:, :asked], _across(self._directions[:, :asked], vectors))   # twice: rounding
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        self._directions[:, asked] = direction
        chi = np.sqrt([rng.chisquare(self.n_context - asked) for rng in self._rngs])
        fresh = np.stack([rng.standard_normal(vectors.shape[1]) for rng in self._rngs])
        self._rows[:, asked] = _across(self._directions[:, : asked + 1], fresh) + chi[:, None] * direction
        self._asked += 1


def _across(directions, vectors):
    """The part of each vector across its directions."""
    along = directions @ vectors[:, :, None]                               # (n_prompts, asked, 1)
    return vectors - (directions.transpose(0, 2, 1) @ along)[:, :, 0]
