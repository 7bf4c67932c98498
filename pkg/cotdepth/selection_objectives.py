"""The two objectives of task selection (training-data paper, section 4), as functions of the tasks' probabilities.

`surrogate_gram` is the convex quadratic form of eq. (4.5); `exact_objective` is eq. (4.4), not convex. Both are totals over
coordinates, as the paper prints them. Tasks and target in one eigenbasis cost a table of their spectra; others are matrices,
as products of their eigenvectors with positive eigenvalue.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance, as_covariance
from cotdepth.theory.mixtures import NULL, second_moment_weights

BLOCK = 2**23  # entries held at once while the Gram matrix adds up: 64 MB


def covariances(task_covariances, target_covariance) -> tuple[list[Covariance], Covariance]:
    """Tasks and target as covariances of one dimension; anything else is a ValueError."""
    target = as_covariance(target_covariance, name="target_covariance")
    if isinstance(task_covariances, Covariance) or not np.iterable(task_covariances):
        raise ValueError(f"task_covariances = {task_covariances!r}: must be a sequence of covariances")
    tasks = [as_covariance(task, name=f"task_covariances[{i}]") for i, task in enumerate(task_covariances)]
    if not tasks:
        raise ValueError("task_covariances = []: at least one task is needed")
    for i, task in enumerate(tasks):
        if task.dim != target.dim:
            raise ValueError(f"task_covariances[{i}] has {task.dim} features, target_covariance {target.dim}: must be equal")
    return tasks, target


# --- the surrogate, eq. (4.5) -------------------------------------------------------------------------------------


def surrogate_gram(task_covariances, target_covariance) -> xr.Dataset:
    """The quadratic form ``|I - Sigma^-1 sum pi_l Lambda_l|_F^2 = pi^T Q pi - 2 b^T pi + D`` of eq. (4.5).

    Parameters
    ----------
    task_covariances : sequence of T covariances
        Each a Covariance, a (D, D) array or a (D,) array, rank-deficient allowed.
    target_covariance : Covariance, (D, D) array or (D,) array
        ``Sigma``, full rank.

    Returns
    -------
    xr.Dataset
        `gram` over `task` and `other_task`, ``Q_ij = tr(Lambda_i Sigma^-2 Lambda_j)``, and `linear` over `task`,
        ``b_i = tr(Sigma^-1 Lambda_i)``. Dimensionless. ``Sigma^-1 Lambda_l`` is never held for more than a block of its rows.

    Raises
    ------
    ValueError
        If a covariance is none, dimensions differ, or the target is rank-deficient.

    Notes
    -----
    Training-data paper, eq. (4.5), multiplied out. Note ``Sigma^-2`` between the two tasks, not ``Sigma^-1`` on either side.
    """
    tasks, target = covariances(task_covariances, target_covariance)
    if target.rank < target.dim:
        raise ValueError(f"target_covariance has rank {target.rank} of {target.dim}: eq. (4.5) inverts it, so it must have full rank")
    spectra = _common_spectra(tasks, target)
    with np.errstate(over="ignore", invalid="ignore"):
        gram, linear = _streamed_gram(tasks, target) if spectra is None else _diagonal_gram(spectra, target)
    if not np.isfinite(gram).all():
        raise ValueError(f"target_covariance has the eigenvalue {target.spectrum.min():.3g}: too small for its inverse to be squared")
    variables = {
        "gram": (("task", "other_task"), gram, {"long_name": "quadratic part of the surrogate objective", "units": "1"}),
        "linear": ("task", linear, {"long_name": "linear part of the surrogate objective", "units": "1"}),
    }
    return xr.Dataset(variables)


def _diagonal_gram(spectra, target):
    ratios = spectra / target.spectrum
    return ratios @ ratios.T, ratios.sum(1)


def _streamed_gram(tasks, target):
    """Rows of ``Sigma^-1 Lambda_l`` in the eigenbasis of the target, for all tasks, a block at a time."""
    factors = [_factor(task, target) for task in tasks]
    scaled = [vectors * values / target.spectrum[:, None] for vectors, values in factors]
    gram = np.zeros((len(tasks), len(tasks)))
    height = max(1, BLOCK // (len(tasks) * target.dim))
    for first in range(0, target.dim, height):
        block = np.empty((len(tasks), min(height, target.dim - first), target.dim))
        for rows, left, (right, _) in zip(block, scaled, factors):
            np.matmul(left[first : first + height], right.T, out=rows)
        flat = block.reshape(len(tasks), -1)
        gram += flat @ flat.T
    return gram, np.array([np.sum(left * right) for left, (right, _) in zip(scaled, factors)])


# --- the exact objective, eq. (4.4) -------------------------------------------------------------------------------


def exact_objective(tasks: list[Covariance], target: Covariance, *, depth: int, n_context, mixture: str):
    """``F(pi) = tr((I - P Sigma)^2k)`` with ``P = Gamma(pi)^-1`` of `theory.mixtures`, to be called with probabilities.

    The value is a total over coordinates. Directions that no task has count 1 each: training says nothing of them, as under
    the pseudo-inverse of `mixture_preconditioner`. A mixture singular in a direction that another task has gives ``inf``.

    Source: training-data paper, eq. (4.4), without its expectation over nothing random (erratum); gradient derived here.
    """
    square, own, trace = second_moment_weights(n_context, mixture)
    spectra = _common_spectra(tasks, target)
    if spectra is not None:
        second = own * spectra**2 + trace * spectra.sum(1, keepdims=True) * spectra
        seen = spectra.any(0)
        return CommutingObjective(spectra[:, seen], second[:, seen], target.spectrum[seen], square, depth, int((~seen).sum()))
    factors = [_factor(task, target) for task in tasks]
    second = np.concatenate([own * values**2 + trace * values.sum() * values for _, values in factors])
    vectors, values = (np.concatenate(parts, axis=-1) for parts in zip(*factors))
    first = np.cumsum([0] + [task.rank for task in tasks[:-1]])
    vectors, sigma = _in_joint_range(vectors, np.diag(target.spectrum))
    return GeneralObjective(vectors, values, second, first, sigma, square, depth, target.dim - len(sigma))


class ExactObjective:
    """Eq. (4.4) through ``Gamma = a M + E M^-1``, where ``M`` and ``E`` are linear in the probabilities.

    A subclass gives `_state`, what is computed once for a mixture, `_value`, and `_pull_back(state, power)`, the derivatives
    ``2k tr((I - P Sigma)^power P dGamma P Sigma)``: those of ``F`` for ``power = 2k - 1``.
    """

    def __call__(self, probabilities) -> tuple[float, np.ndarray]:
        """Value and gradient, (T,)."""
        with np.errstate(all="ignore"):  # a singular mixture has the value inf
            try:
                state = self._state(probabilities)
            except np.linalg.LinAlgError:
                return np.inf, np.full(len(probabilities), np.nan)
            value = self._value(state) + self.unseen
            gradient = self._pull_back(state, 2 * self.depth - 1)
        return (float(value), gradient) if np.isfinite(value) else (np.inf, np.full(len(probabilities), np.nan))

    def gradient_scale(self, probabilities) -> float:
        """Size of the terms that cancel in the gradient: ``R^(2k-1) = R^(2k-2) - R^(2k-2) P Sigma`` for ``R = I - P Sigma``."""
        with np.errstate(all="ignore"):
            state = self._state(probabilities)
            whole, first = (self._pull_back(state, 2 * self.depth - less) for less in (1, 2))
        return float(max(np.abs(first).max(), np.abs(first - whole).max()))


@dataclass
class CommutingObjective(ExactObjective):
    """Tasks and target in one eigenbasis, as spectra: O(T D) a call."""

    spectra: np.ndarray  # (T, D)
    second: np.ndarray  # (T, D)  spectra of what the second moment is linear in
    target: np.ndarray  # (D,)
    square: float
    depth: int
    unseen: int

    def _state(self, probabilities):
        mean, excess = probabilities @ self.spectra, probabilities @ self.second
        step = 1 / (self.square * mean + excess / mean)
        return mean, excess, step, 1 - step * self.target

    def _value(self, state):
        return np.sum(state[-1] ** (2 * self.depth))

    def _pull_back(self, state, power):
        mean, excess, step, rest = state
        inner = step**2 * self.target * rest**power
        by_mean, by_second = inner * (self.square - excess / mean**2), inner / mean
        return 2 * self.depth * (self.spectra @ by_mean + self.second @ by_second)


@dataclass
class GeneralObjective(ExactObjective):
    """Any tasks, as the eigenvectors of all side by side, ``R`` in sum: O(D^3 + D^2 R) a call."""

    vectors: np.ndarray  # (D, R)
    values: np.ndarray  # (R,)
    second: np.ndarray  # (R,)  eigenvalues of what the second moment is linear in
    first: np.ndarray  # (T,)  where each task begins
    sigma: np.ndarray  # (D, D)
    square: float
    depth: int
    unseen: int

    def _state(self, probabilities):
        mean, excess = self._sum(probabilities, self.values), self._sum(probabilities, self.second)
        inverse = np.linalg.inv(mean)
        step = np.linalg.inv(self.square * mean + excess @ inverse)
        return inverse, excess, step, np.eye(len(mean)) - step @ self.sigma

    def _value(self, state):
        half = np.linalg.matrix_power(state[-1], self.depth)
        return np.sum(half * half.T)  # tr(half^2)

    def _pull_back(self, state, power):
        inverse, excess, step, rest = state
        inner = step @ self.sigma @ np.linalg.matrix_power(rest, power) @ step
        by_second = inverse @ inner
        by_mean = self.square * inner - by_second @ excess @ inverse
        return 2 * self.depth * (self._traces(by_mean, self.values) + self._traces(by_second, self.second))

    def _sum(self, probabilities, values):
        """``sum pi_l U_l diag(values_l) U_l^T``, (D, D)."""
        if not values.any():
            return np.zeros_like(self.sigma)
        ranks = np.diff(self.first, append=len(values))
        root = self.vectors * np.sqrt(np.repeat(probabilities, ranks) * values)
        return root @ root.T  # A A^T takes half the time of A B

    def _traces(self, matrix, values):
        """``tr(matrix U_l diag(values_l) U_l^T)`` of every task, (T,)."""
        if not values.any():
            return np.zeros(len(self.first))
        return np.add.reduceat(np.einsum("ij,ij->j", matrix @ self.vectors, self.vectors) * values, self.first)


# --- eigenbases ---------------------------------------------------------------------------------------------------


def _common_spectra(tasks, target):
    """Spectra, (T, D), of tasks on the very eigenvectors of the target; None if one has others."""
    if all(_same(task.basis, target.basis) for task in tasks):
        return np.array([task.spectrum for task in tasks])
    return None


def _same(basis, other):
    return basis is other or (basis is not None and other is not None and np.array_equal(basis, other))


def _factor(task, target):
    """Eigenvectors, (D, r), with positive eigenvalue in the eigenbasis of the target, and these eigenvalues, (r,)."""
    positive = np.flatnonzero(task.spectrum)
    if task.basis is None:
        turned = np.eye(task.dim)[:, positive] if target.basis is None else target.basis[positive].T
    else:
        vectors = task.basis[:, positive]
        turned = vectors if target.basis is None else target.basis.T @ vectors
    return np.ascontiguousarray(turned), task.spectrum[positive]


def _in_joint_range(vectors, sigma):
    """Eigenvectors of the tasks and target in the directions that any task has; as they are if these are all."""
    strength, basis = np.linalg.eigh(vectors @ vectors.T)
    seen = basis[:, strength > NULL * strength[-1]]
    if seen.shape[1] == len(sigma):
        return vectors, sigma
    return seen.T @ vectors, seen.T @ sigma @ seen
