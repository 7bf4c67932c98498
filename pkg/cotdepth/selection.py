"""How often to train on each task, for the sake of a target task (training-data paper, section 4).

`solve` finds the probabilities, `evaluate` says how good given ones are. The paper states two problems, and here they are the
two objectives: "surrogate", a convex quadratic program, eq. (4.5), and "exact", eq. (4.4), which is not convex. They are not
interchangeable: the surrogate punishes directions covered too strongly without limit and uncovered ones by 1 each, and the
exact objective punishes uncovered ones without limit.
"""

import numpy as np
import xarray as xr
from scipy.optimize import minimize

from cotdepth.checks import shares_argument, starts_argument
from cotdepth.selection_objectives import covariances, exact_objective, surrogate_gram
from cotdepth.theory.arguments import depth_argument

LARGEST_DEPTH = 2000
SOLVED = 1e-6  # KKT residual of a convex solution
STATIONARY = 1e-4  # KKT residual of a local minimum of the exact objective
INSIDE = 0.01  # share of the uniform mixture in a start: descent cannot leave a probability of 0
ROUNDS = 20  # of descent
UNIT = 1e-8  # fraction of the objective down to which a round descends its logarithm
DESCENT = {"maxiter": 10_000, "maxfun": 20_000, "maxcor": 50, "ftol": 0.0, "gtol": 1e-14}
USED = 1e-4  # relative: probabilities of an interior point below this are 0
SOLVER = {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13}


def solve(
    task_covariances,
    target_covariance,
    *,
    objective: str = "surrogate",
    depth: int | None = None,
    n_context=np.inf,
    mixture: str | None = None,
    starts: int = 0,
    rng: np.random.Generator | None = None,
) -> xr.Dataset:
    """Probabilities of training tasks that serve a target task best.

    Parameters
    ----------
    task_covariances : sequence of T covariances
        ``Lambda_l``, each a Covariance, a (D, D) array or a (D,) array, rank-deficient allowed.
    target_covariance : Covariance, (D, D) array or (D,) array
        ``Sigma``; full rank for the surrogate.
    objective : {"surrogate", "exact"}
        ``|I - Sigma^-1 sum pi_l Lambda_l|_F^2``, eq. (4.5), or ``tr((I - Gamma^-1 Sigma)^2k)``, eq. (4.4).
    depth : int
        ``k``, at least 1, for "exact" only.
    n_context : int
        Examples in a training prompt, at least 1, or ``inf``; of the surrogate, ``inf``.
    mixture : {"prompt", "example"}
        What is drawn from one task, as in `theory.mixtures`; for "exact" only, and without default there.
    starts : int
        For "exact", random points of the simplex to descend from, beside the uniform one and the solution of the surrogate (if
        the target has full rank).
    rng : np.random.Generator
        Draws these points; needed for ``starts > 0``.

    Returns
    -------
    xr.Dataset
        `probability` over `task`; scalars `objective`, a total over coordinates, and `kkt_residual` (see the function). For
        "exact" also `start_objective` and `start_kkt_residual`, reached from each `start`; the best is the solution.

    Raises
    ------
    ValueError
        If an argument is out of range, missing, or without meaning for this objective.
    RuntimeError
        If no point was found with a KKT residual below 1e-6 (surrogate) or 1e-4 (exact).

    See Also
    --------
    cotdepth.error_selection.best_shares : by the error itself, at a finite pool of tasks and finite test prompts.

    Notes
    -----
    Training-data paper, section 4.2. "exact" minimises eq. (4.4) as it stands, to a local minimum. Where ``Gamma`` and ``Sigma`` do
    not commute, ``tr((I - Gamma^-1 Sigma)^2k)`` is not the error ``|(I - Gamma^-1 Sigma)^k|_F^2`` of long test prompts; and where tasks
    do not commute, ``Gamma`` is not symmetric unless ``mixture="example"`` and `n_context` is infinite, the objective bounds no
    error, can be negative and then says nothing of the tasks (errata).

    Examples
    --------
    >>> solve([[0.8, 0.2], [0.2, 0.8]], [0.5, 0.5]).probability.values.round(6).tolist()
    [0.5, 0.5]
    """
    tasks, target = covariances(task_covariances, target_covariance)
    _check_choices(objective, depth, n_context, mixture, starts, rng)
    if objective == "surrogate":
        return _solve_surrogate(tasks, target)
    exact = exact_objective(tasks, target, depth=_depth(depth), n_context=n_context, mixture=mixture)
    return _solve_exact(exact, start_points(tasks, target, starts, rng))


def evaluate(
    probabilities, task_covariances, target_covariance, *, objective: str = "surrogate", depth=None, n_context=np.inf, mixture=None
) -> xr.Dataset:
    """How good given probabilities, (T,), are: `objective`, `gradient` over `task`, and `kkt_residual`.

    Arguments, totals and errors as in `solve`. A mixture that is singular in a direction that another task has gives the exact
    objective ``inf``, and the gradient NaN.
    """
    tasks, target = covariances(task_covariances, target_covariance)
    _check_choices(objective, depth, n_context, mixture)
    shares = shares_argument(probabilities, len(tasks))
    if objective == "surrogate":
        value, gradient, scale = _surrogate(shares, surrogate_gram(tasks, target), target.dim)
    else:
        exact = exact_objective(tasks, target, depth=_depth(depth), n_context=n_context, mixture=mixture)
        value, gradient = exact(shares)
        scale = exact.gradient_scale(shares) if np.isfinite(value) else np.nan
    return _described(objective=value, gradient=gradient, kkt_residual=kkt_residual(gradient, shares, scale=scale))


def kkt_residual(gradient, probabilities, *, scale: float | None = None) -> float:
    """How far a point of the simplex is from the conditions of Karush, Kuhn and Tucker for a minimum, free of scale.

    ``sum pi_l (g_l - min g) / scale + |sum pi - 1| + max(-min pi, 0)``. The first term is 0 if and only if the gradient ``g`` has one
    value wherever ``pi > 0`` and none below it elsewhere: stationarity and complementarity, with ``min g`` as multiplier of
    ``sum pi = 1``. It is the decrease that going to the best vertex promises to first order, and so, for a convex objective, bounds
    the distance to the minimum; the rest is infeasibility.

    Parameters
    ----------
    gradient, probabilities : (T,) arrays
    scale : float
        Size of the terms that cancel in the gradient; without it, the largest ``|g|``. With a scale of 0 there is nothing to
        divide, and the gradient must be 0.

    Examples
    --------
    >>> kkt_residual([1.0, 1.0, 2.0], [0.5, 0.5, 0.0])
    0.0
    """
    g, shares = np.asarray(gradient, dtype=float), np.asarray(probabilities, dtype=float)
    if g.ndim != 1 or g.shape != shares.shape:
        raise ValueError(f"gradient has shape {g.shape}, probabilities {shares.shape}: must be one value per task")
    size = np.abs(g).max() if scale is None else scale
    gap = shares @ (g - g.min())
    return float((gap / size if size else gap) + abs(shares.sum() - 1) + max(-shares.min(), 0.0))


# --- the surrogate ------------------------------------------------------------------------------------------------


def _solve_surrogate(tasks, target):
    form = surrogate_gram(tasks, target)
    shares = _polished(form, _quadratic_program(form.gram.values, form.linear.values), target.dim)
    value, gradient, scale = _surrogate(shares, form, target.dim)
    residual = kkt_residual(gradient, shares, scale=scale)
    if not residual < SOLVED:
        raise RuntimeError(f"the quadratic program ended with KKT residual {residual:.3g}: must be below {SOLVED}")
    return _described(probability=shares, objective=value, kkt_residual=residual)


def _surrogate(shares, form, dim):
    """Value, gradient and size of the gradient's terms."""
    product, linear = form.gram.values @ shares, form.linear.values
    value = max(shares @ product - 2 * linear @ shares + dim, 0.0)  # a square, below 0 by rounding at most
    return value, 2 * (product - linear), 2 * max(np.abs(product).max(), np.abs(linear).max())


def _polished(form, shares, dim):
    """The exact minimiser on the tasks that an interior point says are used, if that is a better point of the simplex."""
    used = shares > USED * shares.max()
    count = used.sum()
    conditions = np.block([[form.gram.values[np.ix_(used, used)], np.ones((count, 1))], [np.ones(count), 0.0]])
    exact = np.zeros_like(shares)
    exact[used] = np.linalg.lstsq(conditions, np.append(form.linear.values[used], 1.0))[0][:-1]
    ends = [end / end.sum() for end in (shares, np.maximum(exact, 0))]
    residuals = []
    for end in ends:
        _, gradient, scale = _surrogate(end, form, dim)
        residuals.append(kkt_residual(gradient, end, scale=scale))
    return ends[int(np.argmin(residuals))]


def _quadratic_program(gram, linear):
    """Minimiser of ``pi^T Q pi - 2 b^T pi`` over the simplex; RuntimeError if the solver fails."""
    import cvxpy  # takes 2 s to import

    size = max(np.abs(gram).max(), np.abs(linear).max())
    shares = cvxpy.Variable(len(linear))
    cost = cvxpy.quad_form(shares, cvxpy.psd_wrap(gram / size)) - 2 * (linear / size) @ shares
    problem = cvxpy.Problem(cvxpy.Minimize(cost), [cvxpy.sum(shares) == 1, shares >= 0])
    try:
        problem.solve(solver=cvxpy.CLARABEL, **SOLVER)
    except cvxpy.error.SolverError as failure:
        raise RuntimeError(f"the quadratic program of {len(linear)} tasks was not solved: {failure}") from None
    if problem.status != cvxpy.OPTIMAL:
        raise RuntimeError(f"the quadratic program of {len(linear)} tasks was not solved: status {problem.status!r}")
    positive = np.maximum(shares.value, 0)
    return positive / positive.sum()


# --- the exact objective ------------------------------------------------------------------------------------------


def start_points(tasks, target, starts, rng) -> dict[str, np.ndarray]:
    """Points of the simplex to descend from, by name: the uniform one, the surrogate's and random ones."""
    uniform = np.full(len(tasks), 1 / len(tasks))
    points = {"uniform": uniform}
    if target.rank == target.dim:
        points["surrogate"] = _solve_surrogate(tasks, target).probability.values
    return points | {f"random {i + 1}": rng.dirichlet(np.ones(len(tasks))) for i in range(starts)}


def _solve_exact(exact, points):
    """Descend from every point; the Dataset of the best end."""
    ends = [_descend(exact, _inside(exact, point)) for point in points.values()]
    values = [exact(shares)[0] for shares in ends]
    residuals = [kkt_residual(exact(shares)[1], shares, scale=exact.gradient_scale(shares)) for shares in ends]
    best = int(np.argmin(values))
    if not residuals[best] < STATIONARY:
        raise RuntimeError(f"descent ended with KKT residual {residuals[best]:.3g}: must be below {STATIONARY}; give more starts")
    solution = _described(probability=ends[best], objective=values[best], kkt_residual=residuals[best])
    return solution.merge(_described(start_objective=values, start_kkt_residual=residuals).assign_coords(start=list(points)))


def _inside(exact, point):
    """The point, moved towards the uniform one until no probability is 0 and the objective is finite."""
    for share in (INSIDE, 0.1, 0.5, 1.0):
        inside = (1 - share) * point + share / len(point)
        if np.isfinite(exact(inside)[0]):
            return inside
    raise ValueError(f"depth = {exact.depth}: the objective overflows even for equal probabilities; give a smaller depth")


def _descend(exact, start):
    """A local minimum, in rounds: each descends logarithmically to a small part of where it began, and then linearly."""
    shares, value = start, exact(start)[0]
    for _ in range(ROUNDS):
        unit = UNIT * abs(value)
        shares = _descend_from(shares, exact, unit)
        value = exact(shares)[0]
        if not 0 < abs(value) < unit:
            break
    return shares


def _descend_from(start, exact, unit):
    """L-BFGS in ``x`` with ``pi = x^2 / |x|^2``, which keeps to the simplex and may end at its faces.

    It descends ``arcsinh(F / unit)``, which has the same minima, because ``F`` falls by many orders of magnitude.
    """

    def cost(x):
        shares = x**2 / (x @ x)
        value, gradient = exact(shares)
        if value == np.inf:
            return 2e3, np.zeros_like(x)  # above arcsinh of any ratio of floats
        return np.arcsinh(value / unit), 2 * x / (x @ x) * (gradient - shares @ gradient) / np.hypot(unit, value)

    x = minimize(cost, np.sqrt(start), jac=True, method="L-BFGS-B", options=DESCENT).x
    return x**2 / (x @ x)


# --- arguments and results ----------------------------------------------------------------------------------------


def _check_choices(objective, depth, n_context, mixture, starts=0, rng=None):
    if objective not in ("surrogate", "exact"):
        raise ValueError(f"objective = {objective!r}: must be 'surrogate' or 'exact'")
    starts_argument(starts, rng)
    given = {"depth": (depth, None), "mixture": (mixture, None), "n_context": (n_context, np.inf), "starts": (starts, 0)}
    for name, (value, only) in given.items() if objective == "surrogate" else ():
        if value != only:
            raise ValueError(f"{name} = {value!r}: must be {only} for objective = 'surrogate', which has no {name}")
    if objective == "exact" and mixture is None:
        raise ValueError("mixture = None: the exact objective needs one, 'prompt' or 'example' (the paper's text and formula differ)")


def _depth(depth):
    if depth_argument("depth", 0 if depth is None else depth, LARGEST_DEPTH) == 0:
        raise ValueError(f"depth = {depth!r}: the exact objective needs a depth of at least 1")
    return int(depth)


RESULTS = {  # dims and meaning
    "probability": (("task",), "probability of the training task"),
    "objective": ((), "objective of task selection, total over coordinates"),
    "gradient": (("task",), "derivative of the objective by the probability"),
    "kkt_residual": ((), "relative residual of the optimality conditions"),
    "start_objective": (("start",), "objective reached from the start"),
    "start_kkt_residual": (("start",), "relative residual of the optimality conditions reached from the start"),
}


def _described(**values):
    variables = {name: (RESULTS[name][0], value, {"long_name": RESULTS[name][1], "units": "1"}) for name, value in values.items()}
    return xr.Dataset(variables)
