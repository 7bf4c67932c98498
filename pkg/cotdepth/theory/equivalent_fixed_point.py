"""One-point equations of the deterministic equivalent: the mean resolvent of ``A S``, implicit in a few numbers.

At a point ``x`` the test prompt dresses by ``phi`` and the tasks of family ``l`` by ``psi_l``. Derived for this project.
"""

from typing import NamedTuple

import numpy as np

LIMIT = 100  # steps of the iteration
INDEPENDENT = 1e-6  # steps that differ in direction by less say the same
PLAIN = 4  # steps before it is accelerated
CLOSE = 1e-15  # relative change of a solution
STALLED = 1e-12  # below this, a change that does not halve any more is rounding


class Medium(NamedTuple):
    """Matrices at points ``x``, (nodes, *matrix); scalars are stored along `nodes`."""

    x: np.ndarray
    dressing: np.ndarray  # (nodes, 1 + families): phi, psi_1, ...
    resolvent: np.ndarray  # G = ((1 - x) I + x eta phi B Lambda_te)^-1
    inverse: np.ndarray  # G^-1
    covariance_inverse: np.ndarray  # Y = (sum_l share_l psi_l C_l + penalty I)^-1
    update: np.ndarray  # B = (sum_l share_l psi_l Lambda_l) Y, what A is replaced by
    memory: np.ndarray  # (nodes, families): tr(Lambda_l R_21), the overlap of the resolvent with a task of the fit
    image: np.ndarray  # (nodes, 1 + families): the right-hand side of the equations


def column(problem, scalars):
    """Scalars at nodes, (nodes,), ready to multiply matrices at nodes."""
    return scalars.reshape(scalars.shape + (1,) * problem.algebra.axes)


def medium(problem, x, dressing) -> Medium:
    """Everything at the points `x` for given dressings, and what the dressings should be."""
    algebra, eta = problem.algebra, problem.step_size
    one = algebra.identity()
    phi, psi = column(problem, dressing[:, 0]), [column(problem, values) for values in dressing[:, 1:].T]
    step = column(problem, x * eta)
    features = sum(p * family.share * family.features for p, family in zip(psi, problem.families))
    second = sum(p * family.share * family.second for p, family in zip(psi, problem.families))
    y = algebra.inverse(second + problem.penalty * one + problem.unseen) - problem.unseen
    update = algebra.product(features, y)
    inverse = column(problem, 1 - x) * one + step * phi * algebra.product(update, problem.test)
    resolvent = algebra.inverse(inverse)
    drift = -step * algebra.product(resolvent, update)  # R_12
    back = phi * algebra.product(y, problem.test)
    r22, r21 = y + algebra.product(back, drift), algebra.product(back, resolvent)
    memory = np.stack([algebra.inner(family.features, r21) for family in problem.families], axis=1)
    spread = np.stack([algebra.inner(family.second, r22) for family in problem.families], axis=1)
    prompts = 1 / (1 - problem.per_test_example * algebra.inner(problem.test, drift))
    tasks = 1 / (1 + problem.per_task * (spread + x[:, None] * eta * memory))
    image = np.concatenate([prompts[:, None], tasks], axis=1)
    return Medium(x, dressing, resolvent, inverse, y, update, memory, image)


def solved(problem, x, start) -> tuple[Medium, bool]:
    """The solution reached from `start`, (nodes, 1 + families), by plain steps and then secant ones; and whether it was reached."""
    dressing, history, change = start.astype(x.dtype), [], np.inf
    with np.errstate(all="ignore"):
        for step in range(LIMIT):
            found = medium(problem, x, dressing)
            residual = found.image - dressing
            previous, change = change, (np.abs(residual) / np.maximum(np.abs(dressing), 1)).max()
            if change < CLOSE or not np.isfinite(change) or previous / 2 < change < STALLED:
                break
            history = [*history, (dressing, residual)][-(1 + dressing.shape[1]) :]
            dressing = found.image if step < PLAIN else _secant(history)
    return found, bool(change < STALLED)


def _secant(history):
    """The zero of the residual by linear extrapolation through the last steps (Anderson's mixing), at every node."""
    values, residuals = (np.stack(series, axis=-1) for series in zip(*history))  # (nodes, unknowns, steps)
    moves, changes = np.diff(values), np.diff(residuals)
    sizes = np.linalg.norm(changes, axis=1, keepdims=True) + 1e-300  # the last steps are the smallest, and tell the most
    weights = np.linalg.pinv(changes / sizes, rcond=INDEPENDENT) @ residuals[..., -1:]
    step = residuals[..., -1] - ((moves + changes) / sizes @ weights)[..., 0]
    sane = (np.abs(step) < np.abs(values[..., -1]) / 2).all(axis=1)  # else a plain step
    return values[..., -1] + np.where(sane[:, None], step, residuals[..., -1])
