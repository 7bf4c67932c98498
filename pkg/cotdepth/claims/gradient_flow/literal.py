"""The literal layer on every prompt of a Gauss-Hermite rule: means over prompts that use none of the library's formulas.

What the layer answers is a polynomial in the examples, the query and the task, so that the rule is exact but for rounding. Two features
and two examples keep it small.
"""

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

COVARIANCE = np.array([[1.0, 0.3], [0.3, 0.6]])  # eigenvalues 1.16 and 0.44, in a basis that is not the features'
N_CONTEXT = 2


class Prompts(NamedTuple):
    """All prompts of a rule."""

    tokens: np.ndarray  # (P, D + 1, N + 1), examples and query as columns
    targets: np.ndarray  # (P,), labels of the queries
    mass: np.ndarray  # (P,), with sum 1

    def mean(self, values) -> np.ndarray:
        """Mean over prompts of values (P, ...)."""
        return np.tensordot(self.mass, values, axes=1)


def prompts_of(covariance, *, task=None, label=lambda z: z, points: tuple[int, int, int] = (3, 4, 3)) -> Prompts:
    """Prompts of two examples and a query with labels ``label(w.x)``, of the task, or of ``w ~ N(0, I)`` where none is given.

    `points` are nodes for each feature of an example, feature of the query and entry of the task: enough for linear labels, where squared
    answers have degree 4, 6 and 4 in them, and ``n`` nodes integrate degree ``2 n - 1``.
    """
    dim = len(covariance)
    counts = (N_CONTEXT * dim, dim, dim if task is None else 0)
    normal, mass = _rule(tuple(each for each, count in zip(points, counts) for _ in range(count)))
    weights = normal[:, None, -dim:] if task is None else np.asarray(task)
    features = normal[:, : (N_CONTEXT + 1) * dim].reshape(-1, N_CONTEXT + 1, dim) @ np.linalg.cholesky(covariance).T
    labels = label(np.sum(features * weights, axis=2))  # (P, N + 1)
    shown = np.column_stack([labels[:, :-1], np.zeros(len(mass))])
    return Prompts(np.concatenate([features.transpose(0, 2, 1), shown[:, None]], axis=1), labels[:, -1], mass)


def literal_answers(prompts: Prompts, entries) -> np.ndarray:
    """``(u_12^T, u_-1) (E E^T / N) (U_11; u_21^T) x_query`` of each prompt, (P,). Source: gradient-flow paper, eq. (3.6)."""
    keys = np.einsum("ij,pj->pi", entries[:, :-1], prompts.tokens[:, :-1, -1])
    scores = np.einsum("pin,pi->pn", prompts.tokens, keys)
    values = np.einsum("i,pin->pn", entries[:, -1], prompts.tokens)
    return np.sum(values * scores, axis=1) / N_CONTEXT


def literal_error(prompts: Prompts, entries) -> float:
    """Mean squared error of the answers."""
    return float(prompts.mean((literal_answers(prompts, entries) - prompts.targets) ** 2))


def literal_loss(covariances, shares, entries) -> float:
    """Half the mean squared error over tasks and covariances. Source: gradient-flow paper, eqs. (3.8) and (4.9)."""
    return sum(share * literal_error(_training(_key(each)), entries) for share, each in zip(shares, covariances)) / 2


def literal_gradient(covariances, shares, entries) -> np.ndarray:
    """Its gradient, (D + 1, D + 1), by central differences: exact, since the loss is a quadratic in every single entry."""
    found = np.empty_like(entries)
    for place in np.ndindex(*entries.shape):
        step = np.zeros_like(entries)
        step[place] = 0.5
        found[place] = literal_loss(covariances, shares, entries + step) - literal_loss(covariances, shares, entries - step)
    return found


def balanced_entries(state) -> np.ndarray:
    """Relevant entries of a state of the flow, with nothing in the blocks ``u_12`` and ``u_21``, (D + 1, D + 1)."""
    found = np.zeros((len(state.key_query) + 1,) * 2)
    found[:-1, :-1], found[-1, -1] = state.key_query, state.value
    return found


@cache
def _training(key):
    return prompts_of(np.array(key))


def _key(covariance):
    return tuple(map(tuple, np.asarray(covariance).tolist()))


@cache
def _rule(points):
    """Nodes (P, number of variables) and masses of independent standard normal variables, with so many nodes each."""
    rules = [np.polynomial.hermite_e.hermegauss(count) for count in points]
    nodes = np.array(list(product(*(nodes for nodes, _ in rules))))
    return nodes, np.array(list(product(*(masses / masses.sum() for _, masses in rules)))).prod(axis=1)
