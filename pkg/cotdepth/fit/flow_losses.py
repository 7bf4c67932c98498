"""Losses of linear self-attention that answers queries, with closed-form gradients (gradient-flow paper, eqs. 3.7 and 3.8).

A loss is called with all parameters (`cotdepth.fit.flow.Matrices`) and returns its value and its gradient: of the population in all
parameters or in the paper's two blocks, of a fixed sample of prompts, or of new prompts at every call.
"""

from typing import NamedTuple

import numpy as np

from cotdepth.checks import count_argument
from cotdepth.covariance import as_covariance
from cotdepth.fit.flow import Matrices, embedded
from cotdepth.theory.flow_landscape import Landscape, State, gradient, loss
from cotdepth.theory.flow_laws import draw_diagonals
from cotdepth.theory.flow_model import relevant_entries
from cotdepth.theory.flow_population import full_gradient, full_loss


class Prompts(NamedTuple):
    """What a prediction depends on, of each of ``B`` prompts."""

    grams: np.ndarray  # (B, D + 1, D + 1), E E^T / N
    queries: np.ndarray  # (B, D)
    targets: np.ndarray  # (B,), the labels of the queries


# --- prompts ------------------------------------------------------------------------------------------------------


def draw_prompts(covariance, n_context: int, count: int, rng: np.random.Generator) -> Prompts:
    """Prompts with examples and query ``x ~ N(0, Lambda)``, tasks ``w ~ N(0, I)`` and noiseless labels ``w.x``.

    Parameters
    ----------
    covariance : Covariance, (D, D) array or (D,) array
    n_context, count : int
        Examples in a prompt, and prompts, at least 1.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, section 3.3.
    """
    covariance = as_covariance(covariance)
    root = covariance.with_eigenvalues(np.sqrt(covariance.spectrum))
    return _coloured(rng, count, n_context, covariance.dim, lambda white: white @ root)


def draw_random_prompts(laws, n_context: int, count: int, rng: np.random.Generator) -> Prompts:
    """Prompts each with a diagonal covariance of its own, entries from these laws (gradient-flow paper, section 4.3).

    `laws` is as in `cotdepth.theory.flow.diagonal_moments`, the rest as in `draw_prompts`.
    """
    deviations = np.sqrt(draw_diagonals(laws, count_argument("count", count), rng))
    return _coloured(rng, count, n_context, deviations.shape[1], lambda white: white * deviations[:, None])


def _coloured(rng, count, n_context, dim, colour):
    shape = (count_argument("count", count), count_argument("n_context", n_context) + 1, dim)
    features, weights = colour(rng.standard_normal(shape)), rng.standard_normal((shape[0], dim))
    labels = np.einsum("bnd,bd->bn", features, weights)
    targets, labels[:, -1] = labels[:, -1].copy(), 0  # the query's own place
    tokens = np.concatenate([features, labels[..., None]], axis=2)  # (B, N + 1, D + 1)
    return Prompts(tokens.transpose(0, 2, 1) @ tokens / n_context, features[:, -1], targets)


# --- losses -------------------------------------------------------------------------------------------------------


class SampleLoss:
    """Half the mean squared error over fixed prompts: gradient-flow paper, eq. (3.7)."""

    def __init__(self, prompts: Prompts):
        self._prompts = prompts

    def __call__(self, matrices: Matrices) -> tuple[float, Matrices]:
        """The loss and its gradient."""
        return _value_and_gradient(matrices, self._prompts)


def sample_curvature(prompts: Prompts, matrices: Matrices) -> float:
    """Largest eigenvalue of the Hessian of `SampleLoss` at these parameters: descent with steps above 2 over it cannot stay there.

    Curvature in a sample of prompts has heavy tails, so that it is larger than the population's.
    """
    grams, queries, targets = prompts
    row, block, width = matrices.projection_value[-1], matrices.key_query[:, :-1], len(matrices.projection_value)
    asked, answering = np.einsum("bij,bj->bi", grams, queries @ block.T), grams @ row  # (B, D + 1)
    slopes = np.concatenate([asked, (answering[:, :, None] * queries[:, None]).reshape(len(targets), -1)], axis=1)  # (B, (D + 1)^2)
    hessian = slopes.T @ slopes / len(targets)
    crossed = np.einsum("b,bij,bk->ijk", (asked @ row - targets) / len(targets), grams, queries, optimize=True).reshape(width, -1)
    hessian[:width, width:] += crossed
    hessian[width:, :width] += crossed.T
    return float(np.linalg.eigvalsh(hessian)[-1])


class FreshLoss:
    """`SampleLoss` of prompts drawn anew at every call: with `cotdepth.fit.flow.descend`, stochastic gradient descent.

    Parameters
    ----------
    draw : callable
        Without arguments, to `Prompts`.
    """

    def __init__(self, draw):
        self._draw = draw

    def __call__(self, matrices: Matrices) -> tuple[float, Matrices]:
        """The loss of new prompts and its gradient."""
        return _value_and_gradient(matrices, self._draw())


class PopulationLoss:
    """Half the mean squared error over all prompts of one covariance, exactly: gradient-flow paper, eq. (3.8).

    Arguments as in `cotdepth.theory.flow.full_loss`.
    """

    def __init__(self, covariance, n_context):
        self._covariance, self._n_context = as_covariance(covariance), n_context

    def __call__(self, matrices: Matrices) -> tuple[float, Matrices]:
        """The loss and its gradient."""
        entries = relevant_entries(*matrices)
        slope = full_gradient(entries, self._covariance, self._n_context)
        return full_loss(entries, self._covariance, self._n_context), _spread(slope[:, :-1], slope[:, -1])


class LandscapeLoss:
    """The population loss of any landscape, random covariances among them, while blocks outside of it stay 0 as in the paper's start.

    Parameters
    ----------
    landscape : Landscape
        As from `cotdepth.theory.flow.random_landscape`.
    """

    def __init__(self, landscape: Landscape):
        self._landscape = landscape

    def __call__(self, matrices: Matrices) -> tuple[float, Matrices]:
        """The loss and its gradient; a ValueError where ``u_12`` or ``u_21`` is not 0."""
        entries = relevant_entries(*matrices)
        if entries[:-1, -1].any() or entries[-1, :-1].any():
            raise ValueError("matrices have blocks u_12 or u_21 other than 0: the landscape does not reach there")
        state = State(entries[:-1, :-1], float(entries[-1, -1]))
        return loss(self._landscape, state) + self._landscape.feature_trace / 2, embedded(gradient(self._landscape, state))


def _value_and_gradient(matrices, prompts):
    grams, queries, targets = prompts
    row, block = matrices.projection_value[-1], matrices.key_query[:, :-1]  # (D + 1,), (D + 1, D)
    asked = np.einsum("bij,bj->bi", grams, queries @ block.T)  # (B, D + 1)
    missed = asked @ row - targets
    by_block = (grams @ row * missed[:, None]).T @ queries / len(targets)
    return float(missed @ missed / len(targets) / 2), _spread(by_block, missed @ asked / len(targets))


def _spread(by_block, by_row):
    """The gradient on both matrices: no other entry gets one."""
    key_query, projection_value = np.zeros((2, len(by_row), len(by_row)))
    key_query[:, :-1], projection_value[-1] = by_block, by_row
    return Matrices(key_query, projection_value)
