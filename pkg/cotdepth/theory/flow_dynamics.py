"""Gradient flow on the population loss: its start, its path, what it conserves, where it ends and how fast (gradient-flow paper,
section 5).

The path is that of an ordinary differential equation, solved to a relative tolerance of 1e-12. Coordinates of ``U`` without a pull
decay as ``exp(-c s)`` with ``s = int u^2 dt``, so that only those with one, ``u`` and ``s`` are integrated: ``D + 2`` unknowns.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.integrate import solve_ivp

from cotdepth.checks import positive_argument
from cotdepth.theory.flow_landscape import Landscape, State, excess_loss, loss
from cotdepth.theory.population import matrix_argument

TOLERANCE = 1e-12  # relative, of the solver
SMALLEST = 1e-14  # absolute, beside entries of order one


def balanced_start(theta, *, scale: float) -> State:
    """The paper's start: ``U_11 = sigma Theta Theta^T`` and ``u = sigma``, with ``|Theta Theta^T|_F = 1``.

    Parameters
    ----------
    theta : (D, D) array
        Not 0; rescaled to that norm. The paper suggests random entries, from any continuous law.
    scale : float
        ``sigma``, positive and finite.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, assumption 3.3.
    """
    scale = positive_argument("scale", scale)
    return State(scale * theta_square(theta), scale)


def theta_square(theta) -> np.ndarray:
    """``Theta Theta^T`` at Frobenius norm 1, (D, D); ValueError for 0 or what is no matrix."""
    theta = matrix_argument("theta", theta, len(theta))
    square = theta @ theta.T
    norm = np.linalg.norm(square)
    if not norm > 0:
        raise ValueError("theta = 0: the start needs a direction, Theta Theta^T != 0")
    return square / norm


def conserved(state: State) -> float:
    """``u^2 - |U_11|_F^2``, constant along the flow; 0 from the paper's start. Source: gradient-flow paper, Lemma A.3."""
    return float(state.value**2 - np.sum(np.square(state.key_query)))


# --- the path -----------------------------------------------------------------------------------------------------


def integrate(landscape: Landscape, start: State, times) -> xr.Dataset:
    """Gradient flow from a start.

    Parameters
    ----------
    landscape : Landscape
        Such as `cotdepth.theory.flow_landscape.fixed_landscape`.
    start : State
        Any: `balanced_start` is the paper's.
    times : (T,) array
        Non-negative and increasing; the flow starts at 0. A step of gradient descent is its step size long.

    Returns
    -------
    xr.Dataset
        `key_query` (time, row, col), `value`, `loss`, `excess_loss` above the minimum and `conserved`, over `time`.

    Raises
    ------
    ValueError
        If an argument is out of range.
    RuntimeError
        If the solver gives up.

    Notes
    -----
    Gradient-flow paper, eqs. (5.4) and (C.4).
    """
    times = times_argument(times)
    z, s0 = landscape.coordinates(matrix_argument("key_query", start.key_query, landscape.dim)), 0.0
    pulled = landscape.pull != 0
    system = _System(landscape.curvature[pulled], landscape.pull[pulled], landscape.curvature[~pulled], z[~pulled])
    path = solved(system.velocity, np.concatenate([z[pulled], [float(start.value), s0]]), times, jacobian=system.jacobian)
    found = np.empty((len(times), *z.shape))
    found[:, pulled] = path[:, :-2]
    found[:, ~pulled] = z[~pulled] * np.exp(-system.free_curvature * path[:, -1:])
    return labelled_path(landscape, landscape.matrix(found), path[:, -2], times)


def labelled_path(landscape: Landscape, key_queries, values, times) -> xr.Dataset:
    """States over time, (T, D, D) and (T,), as a dataset with their losses and what the flow conserves."""
    states = [State(matrix, value) for matrix, value in zip(key_queries, values)]
    scalars = {
        "value": (values, "bottom right entry of W_PV"),
        "loss": ([loss(landscape, state) for state in states], "population loss without its constant"),
        "excess_loss": ([excess_loss(landscape, state) for state in states], "population loss above its minimum"),
        "conserved": ([conserved(state) for state in states], "square of the value less that of the block"),
    }
    index = np.arange(landscape.dim)
    return xr.Dataset(
        {
            "key_query": (("time", "row", "col"), key_queries, {"long_name": "top left block of W_KQ", "units": "1"}),
            **{name: ("time", values, {"long_name": about, "units": "1"}) for name, (values, about) in scalars.items()},
        },
        coords={
            "time": ("time", times, {"long_name": "time of gradient flow", "units": "steps of step size 1"}),
            "row": ("row", index, {"long_name": "feature of the prompt's examples", "units": "1"}),
            "col": ("col", index, {"long_name": "feature of the query", "units": "1"}),
        },
        attrs={"title": "Gradient flow on the population loss", "source": "gradient-flow paper, eqs. (5.4) and (C.4)"},
    )


def state_at(path: xr.Dataset, position: int) -> State:
    """The state at a position along `time`, for example -1, the last."""
    return State(path["key_query"].values[position], float(path["value"].values[position]))


class _System:
    """The equation in coordinates: those with a pull, then ``u``, then ``s``."""

    def __init__(self, curvature, pull, free_curvature, free_start):
        self.curvature, self.pull, self.free_curvature, self._free_start = curvature, pull, free_curvature, free_start

    def velocity(self, _, y):
        z, u = y[:-2], y[-2]
        return np.concatenate([
            u * self.pull - u**2 * self.curvature * z,
            [self.pull @ z - u * (self.curvature @ z**2 + self._free_sum(y[-1], 1)), u**2],
        ])

    def jacobian(self, _, y):
        z, u = y[:-2], y[-2]
        found = np.zeros((len(y), len(y)))
        found[np.arange(len(z)), np.arange(len(z))] = -(u**2) * self.curvature
        found[:-2, -2] = found[-2, :-2] = self.pull - 2 * u * self.curvature * z
        found[-2, -2] = -(self.curvature @ z**2) - self._free_sum(y[-1], 1)
        found[-2, -1], found[-1, -2] = 2 * u * self._free_sum(y[-1], 2), 2 * u
        return found

    def _free_sum(self, s, power):
        """``sum c^power z^2`` over the coordinates without a pull."""
        return np.sum(self.free_curvature**power * self._free_start**2 * np.exp(-2 * self.free_curvature * s))


def solved(velocity, start, times, *, jacobian=None) -> np.ndarray:
    """Solutions of a flow at the times, (T, unknowns). LSODA switches to a stiff method where slow and fast coordinates part.

    Raises RuntimeError if it gives up.
    """
    if times[-1] == 0:
        return start[None]
    found = solve_ivp(velocity, (0, times[-1]), start, method="LSODA", t_eval=times, jac=jacobian, rtol=TOLERANCE, atol=SMALLEST)
    if not found.success or not np.isfinite(found.y).all():
        raise RuntimeError(f"gradient flow could not be integrated to time {times[-1]:g}: {found.message}")
    return found.y.T


def times_argument(times) -> np.ndarray:
    """Finite times, non-negative and increasing, (T,); anything else is a ValueError."""
    found = np.atleast_1d(np.asarray(times, dtype=float))
    if found.ndim != 1 or not found.size or not np.isfinite(found).all() or found[0] < 0 or (np.diff(found) <= 0).any():
        raise ValueError(f"times = {times!r}: must be finite, non-negative and increasing")
    return found


# --- where it ends ------------------------------------------------------------------------------------------------


def limit(landscape: Landscape, start: State, *, sign: int = 1) -> State:
    """The global minimum where the flow from this start ends, if it ends with a value of this sign.

    Minima are all ``(A / u, u)``, with ``A`` from `best_product`; the flow picks the one that has its conserved quantity ``q``:
    ``u^2 = (q + sqrt(q^2 + 4 |A|_F^2)) / 2``. From the paper's start ``q = 0`` and ``u = |A|_F^1/2 > 0``.

    Parameters
    ----------
    landscape, start
        As in `integrate`.
    sign : {1, -1}
        Of ``u``. The flow keeps the sign it starts with while its loss is negative, as from the paper's start below its
        largest scale; from others it may change, and ``U = 0, u = 0`` is a saddle where some end.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, eqs. (4.1), (4.11), (5.9) and (C.17); eq. (C.15) prints ``(sum xi_i/gamma_i)^1/4`` for the value (erratum).
    Starts that are not balanced were derived for this project.
    """
    if sign not in (1, -1):
        raise ValueError(f"sign = {sign!r}: must be 1 or -1")
    z, best = landscape.coordinates(matrix_argument("key_query", start.key_query, landscape.dim)), landscape.best
    still = np.where(landscape.curvature > 0, 0, z)  # no data move these
    value = sign * np.sqrt(_value_square(conserved(start) + np.sum(still**2), np.linalg.norm(best)))
    return State(landscape.matrix(best / value + still), float(value))


def _value_square(balance, size):
    """``(q + sqrt(q^2 + 4 a^2)) / 2``, without cancellation where ``q < 0``."""
    root = np.hypot(balance, 2 * size)
    return (balance + root) / 2 if balance >= 0 else 2 * size**2 / (root - balance)


def balanced_limit(landscape: Landscape) -> State:
    """`limit` from the paper's start, ``(A |A|_F^-1/2, |A|_F^1/2)``. Source: gradient-flow paper, eqs. (4.1) and (4.11).

    Raises ValueError where data do not move all of the block, as for a covariance without full rank: then it depends on the start.
    """
    if not (landscape.curvature > 0).all():
        raise ValueError("landscape: the block has entries that data do not move, so that the limit depends on the start; give it to limit")
    return limit(landscape, State(np.zeros((landscape.dim, landscape.dim)), 0.0))


def convergence_rate(landscape: Landscape, end: State) -> float:
    """Rate at which the flow approaches a minimum in the end: the distance falls as ``exp(-rate t)``, the excess loss at twice it.

    The smallest eigenvalue of the loss's Hessian at `end`, a minimum such as `limit`, over the directions that the flow moves in.
    Derived for this project; `cotdepth.theory.flow_constants` has the paper's bound.

    Raises
    ------
    ValueError
        If curvatures underflow, as for eigenvalues of features over a hundred orders of magnitude.
    """
    rates, inner = _hessian_parts(landscape, end)
    # of the inverse: rounding in the matrix itself, of its largest eigenvalue's size, hides small ones
    return float(min(1 / np.linalg.eigvalsh(inner.inverse).max(), rates.min(initial=np.inf)))


def descent_limit(landscape: Landscape, end: State) -> float:
    """Largest step size at which gradient descent can settle at a minimum: 2 over the Hessian's largest eigenvalue there.

    Raises ValueError if curvatures underflow.
    """
    rates, inner = _hessian_parts(landscape, end)
    return float(2 / max(np.linalg.eigvalsh(inner.matrix).max(), rates.max(initial=0)))


class _Hessian(NamedTuple):
    """The Hessian at a minimum where coordinates and ``u`` move together, but for the eigenvalue 0 along which minima differ."""

    matrix: np.ndarray
    inverse: np.ndarray


def _hessian_parts(landscape, end):
    """Curvatures of coordinates that nothing pulls but data move, and the `_Hessian` of those with a pull.

    With curvatures ``C = diag(c)`` that of ``(z, u)`` is ``A^T C A``, ``A = [u I, z]``: the other eigenvalues are those of
    ``C^1/2 (u^2 I + z z^T) C^1/2``, which is positive and has an inverse in closed form.
    """
    z, u = landscape.coordinates(end.key_query), float(end.value)
    pulled = landscape.pull != 0
    free = landscape.curvature[~pulled & (landscape.curvature > 0)]
    if not landscape.curvature[pulled].min(initial=np.inf) > np.finfo(float).tiny:
        raise ValueError("landscape: curvatures that something pulls against underflow; give eigenvalues that differ less")
    c, z = np.sqrt(landscape.curvature[pulled]), z[pulled]
    scaled = z / np.sqrt(u**2 + z @ z)
    inverse = (np.eye(len(z)) - np.outer(scaled, scaled)) / u**2 / np.outer(c, c)
    return u**2 * free, _Hessian(np.diag((u * c) ** 2) + np.outer(c * z, c * z), inverse)
