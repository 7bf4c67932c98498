"""Test prompts with Gaussian features, revealed as a rollout asks for them; `cotdepth.prompts` has whole ones.

No token matrix is ever built: a rollout needs only products with the sample covariance ``S`` of a prompt. They are drawn
directly, exact in law, at a cost that does not grow with ``n_context``.
"""

import numpy as np

LOST = 1e-10   # relative: what is left of a vector across known directions by rounding alone


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

    def residual_statistic(self, estimates: np.ndarray) -> np.ndarray:
        """``X (y - X^T v) / n_context``, the statistic of what one estimate ``v`` of each prompt leaves; both (n_prompts, dim)."""
        return self.covariance_times(self.weights - estimates)

    def covariance_times(self, vectors: np.ndarray) -> np.ndarray:
        """``S v`` for one vector ``v`` of each prompt; both ``(n_prompts, dim)``."""
        if self._asked < self._rank:
            self._reveal(vectors)
        rows = self._rows[:, : self._asked]                                # (n_prompts, asked, dim)
        return (rows.transpose(0, 2, 1) @ (rows @ vectors[:, :, None]))[:, :, 0] / self.n_context

    def _reveal(self, vectors):
        """Draw the row of ``X`` that a product with these vectors sees for the first time."""
        asked = self._asked
        direction = _across(self._directions[:, :asked], vectors)
        direction = _across(self._directions[:, :asked], self._anything_where_lost(direction, vectors))   # twice: rounding
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        self._directions[:, asked] = direction
        chi = np.sqrt([rng.chisquare(self.n_context - asked) for rng in self._rngs])
        fresh = np.stack([rng.standard_normal(vectors.shape[1]) for rng in self._rngs])
        self._rows[:, asked] = _across(self._directions[:, : asked + 1], fresh) + chi[:, None] * direction
        self._asked += 1

    def _anything_where_lost(self, direction, vectors):
        """Where nothing but rounding is left of a vector, it asks for nothing new: then any new direction is right in law."""
        lost = np.linalg.norm(direction, axis=1) <= LOST * np.linalg.norm(vectors, axis=1)
        for prompt in np.flatnonzero(lost):
            direction[prompt] = self._rngs[prompt].standard_normal(direction.shape[1])
        return direction


class ColouredPrompts:
    """Test prompts of any covariance with noisy labels ``y = x.w + noise eps``, ``x ~ N(0, Lambda)``.

    Features are ``x = R z``, ``R R = Lambda``, with white ``z``; the noise of the labels is one more white feature, of weight
    `noise`, that the estimate cannot know.

    Parameters
    ----------
    n_context, weights, rngs, depth
        As for `RevealedPrompts`.
    root : (dim, dim) array
        The symmetric root ``R``.
    noise : float
        Standard deviation of the label noise.
    """

    def __init__(self, n_context: int, weights: np.ndarray, rngs, depth: int, *, root: np.ndarray, noise: float):
        self.weights, self._root, self._noise = weights, root, np.full((len(weights), 1), noise)
        self._white = RevealedPrompts(n_context, np.concatenate([weights, self._noise], axis=1), rngs, depth)

    def residual_statistic(self, estimates: np.ndarray) -> np.ndarray:
        """``X (y - X^T v) / n_context`` for one estimate ``v`` of each prompt; both (n_prompts, dim)."""
        white = np.concatenate([(self.weights - estimates) @ self._root, self._noise], axis=1)
        return self._white.covariance_times(white)[:, :-1] @ self._root


def _across(directions, vectors):
    """The part of each vector across its directions."""
    along = directions @ vectors[:, :, None]                               # (n_prompts, asked, 1)
    return vectors - (directions.transpose(0, 2, 1) @ along)[:, :, 0]
