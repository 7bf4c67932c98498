"""How often to train on each family of tasks, for the error on a target at a finite pool of tasks and finite test prompts.

`cotdepth.selection` solves the problems that the training-data paper states, for infinitely many tasks and long test prompts.
Here it is the error itself, of `cotdepth.theory.equivalents.error_curve`.
"""

from itertools import combinations_with_replacement
from math import comb

import numpy as np
import xarray as xr
from scipy.optimize import minimize

from cotdepth.checks import starts_argument
from cotdepth.selection import kkt_residual, start_points
from cotdepth.selection_objectives import covariances
from cotdepth.theory import equivalent_contour as contour
from cotdepth.theory.arguments import depth_argument
from cotdepth.theory.equivalent_problem import problem, several
from cotdepth.theory.equivalent_shares import SINGULAR, ErrorOfShares

STATIONARY = 1e-4  # KKT residual of a local minimum
DESCENT = {"ftol": 1e-12, "maxiter": 200}
REACH = 0.2  # of a round of descent, in every share: farther away there may be another minimum
ROUNDS = 30
SCANNED = 100  # points at most
NONE = 1e-12  # shares below this are 0
TIE = 9  # digits of the logarithm of an error that tell two minima apart


def best_shares(
    train_covariance,
    test_covariance,
    *,
    train_context,
    test_context,
    n_tasks,
    depth: int,
    label_noise=0.0,
    ridge=0.0,
    step_size=1.0,
    starts: int = 0,
    rng: np.random.Generator | None = None,
) -> xr.Dataset:
    """Shares of task families in the pool that leave the least error on a target after `depth` steps of thought.

    Parameters
    ----------
    train_covariance : list of T covariances
        Of the families, each a Covariance, a (D, D) array or a (D,) array; meant for few of them, two to about ten.
    test_covariance, train_context, test_context, n_tasks, label_noise, ridge, step_size
        As in `equivalents.error_curve`: the target, and a regime of one or T contexts and noises.
    depth : int
        ``k``, from 1 to 200. The best depth too is that of the least error among the results at each depth.
    starts : int
        Random points of the simplex to descend from, beside the uniform one, the solution of the surrogate (if the target has
        full rank) and the best of a grid of up to 100 points, single families among them.
    rng : np.random.Generator
        Draws these points; needed for ``starts > 0``.

    Returns
    -------
    xr.Dataset
        `share` over `family`; `error`, per dimension over `k` up to the depth, with these shares, `error_at_uniform` and, if the target
        has full rank, `error_at_surrogate` with the `surrogate_share` of eq. (4.5); `kkt_residual` of the logarithm of the last error,
        see `selection.kkt_residual`: the fraction of it that going to the best family promises to first order. `start_error` and
        `start_kkt_residual` are what was reached from each `start`; the best is the solution. Errors are ``inf`` where the
        fit is singular.

    Raises
    ------
    ValueError
        If an argument is out of range; without ridge, `n_tasks` must exceed the rank of the training features.
    RuntimeError
        If the point found has a KKT residual of 1e-4 or more.

    Notes
    -----
    Derived for this project. The error is not convex in the shares, and may have several minima: this is the best of those that
    descent reaches. Without ridge, a family that alone has features in some directions needs more tasks than these, or none at
    all: then the fit knows nothing of them. So the error jumps as its share becomes 0, which descent does not cross.

    It takes some hundred errors: seconds for spectra of 100 features, half a minute for four families of 400 features at depth 10;
    matrices without common structure cost `equivalents.error_curve` each time.

    Examples
    --------
    A pool of 1.8 tasks a feature. On the target's own tasks alone, which the surrogate chooses, thinking hurts:

    >>> target, opposite = np.repeat([0.1, 1.9], 50), np.repeat([1.9, 0.1], 50)
    >>> best = best_shares([target, opposite], target, train_context=200, test_context=200, n_tasks=180, depth=4)
    >>> best.share.values.round(2).tolist(), best.surrogate_share.values.tolist()
    ([0.7, 0.3], [1.0, 0.0])
    >>> [round(error[-1].item(), 3) for error in (best.error, best.error_at_surrogate, best.error_at_uniform)]
    [0.835, 1.142, 1.143]
    """
    if not several(train_covariance):
        raise ValueError(f"train_covariance = {train_covariance!r}: must be a list of covariances, one for each task family")
    if depth_argument("depth", depth, contour.LARGEST_DEPTH) == 0:
        raise ValueError(f"depth = {depth!r}: before the first step of thought all shares are alike; must be at least 1")
    starts_argument(starts, rng)
    regime = dict(train_context=train_context, test_context=test_context, n_tasks=n_tasks, label_noise=label_noise)
    error = ErrorOfShares(problem(train_covariance, test_covariance, **regime, ridge=ridge, step_size=step_size), depth)
    points = start_points(*covariances(train_covariance, test_covariance), starts, rng)
    points["best scanned"] = min(_grid(len(train_covariance)), key=error.log_error)
    return _described(error, points, [_descended(error, point) for point in points.values()])


def _grid(families):
    """Points of the simplex with shares in multiples of a fraction, single families among them; as fine as `SCANNED` allows."""
    parts = max((n for n in range(2, SCANNED) if comb(n + families - 1, n) <= SCANNED), default=1)
    for chosen in combinations_with_replacement(range(families), parts):
        yield np.bincount(chosen, minlength=families) / parts


def _descended(error, start):
    """A local minimum on the simplex, in rounds; the start itself where there is no error to descend from."""
    if error.log_error(start) == SINGULAR:
        return start
    here = start
    for _ in range(ROUNDS):
        there = _nearby(error, here)
        if np.abs(there - here).max() < REACH / 2:
            return there
        here = there
    return here


def _nearby(error, start):
    """The least error within reach of a point that descent finds."""
    end = minimize(
        lambda x: error.log_error(_on_simplex(x)),
        start,
        jac=lambda x: error.slopes(_on_simplex(x)),
        method="SLSQP",
        bounds=list(zip(np.maximum(start - REACH, 0), np.minimum(start + REACH, 1))),
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1, "jac": np.ones_like},
        options=DESCENT,
    )
    return min(_on_simplex(end.x), start, key=error.log_error)


def _on_simplex(x):
    positive = np.where(x > NONE, x, 0)
    return positive / positive.sum()


def _described(error, points, ends):
    """The Dataset of the best end; RuntimeError if it is no local minimum."""
    reached = [error.curve(end)[0][-1] for end in ends]
    residuals = [kkt_residual(error.slopes(end), end, scale=1.0) for end in ends]
    best = min(range(len(ends)), key=lambda i: (round(error.log_error(ends[i]), TIE), residuals[i]))
    if not residuals[best] < STATIONARY:
        raise RuntimeError(f"descent ended with KKT residual {residuals[best]:.3g}: must be below {STATIONARY}; give more starts")
    variables = {
        "share": ("family", ends[best], "share of the family in the training tasks"),
        "error": ("k", error.curve(ends[best])[0], "error per dimension |w - w_k|^2 / D"),
        "kkt_residual": ((), residuals[best], "relative residual of the optimality conditions"),
        "error_at_uniform": ("k", error.curve(points["uniform"])[0], "error per dimension with equal shares"),
        "start_error": ("start", reached, "error per dimension reached from the start"),
        "start_kkt_residual": ("start", residuals, "relative residual of the optimality conditions reached from the start"),
    }
    if "surrogate" in points:
        variables["surrogate_share"] = ("family", points["surrogate"], "share of the family that solves the surrogate")
        variables["error_at_surrogate"] = ("k", error.curve(points["surrogate"])[0], "error per dimension with the surrogate's shares")
    described = {name: (dims, value, {"long_name": meaning, "units": "1"}) for name, (dims, value, meaning) in variables.items()}
    steps = ("k", np.arange(error.depth + 1), {"long_name": "chain-of-thought depth", "units": "steps"})
    return xr.Dataset(described, coords={"k": steps, "start": list(points)})
