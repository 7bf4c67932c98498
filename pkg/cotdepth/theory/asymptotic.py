"""Error of chain-of-thought depth in the limit of large dimension, isotropic (asymptotic paper); ridgeless but for the error curve.

``D`` features, ``L = alpha D`` examples in a prompt, ``M = tau D`` pretraining tasks, label noise ``sigma`` relative to the
signal: ``y = x.w + sigma eps`` with ``x ~ N(0, I/D)``. Errors are per dimension, ``|w - w_k|^2 / D``, for ``w ~ N(0, I)`` and
the initial guess 0. All arguments take scalars, arrays and DataArrays; see `cotdepth.theory.arguments`.
"""

from functools import partial

import numpy as np
import xarray as xr

from cotdepth.theory import boundaries, isotropic, ratio_contour, ridge_boundary, row_filter
from cotdepth.theory.arguments import depth_argument, labelled
from cotdepth.theory.best_depth import best_depth_of

DEFAULTS = {"ridge": 0.0, "step_size": 1.0, "test_noise": 0.0}
CRITICAL = 1e-12  # relative: a task ratio this close to the critical one is critical
TIE = 1e-11  # relative: errors this close are equal, as far as rounding can tell at the largest depth


def error_curve(alpha, tau, sigma=0.0, *, depth: int, ridge=0.0, step_size=1.0, test_noise=0.0) -> xr.DataArray:
    """Error per dimension after ``k = 0..depth`` steps of thought; ``error(k=0) = 1``.

    Parameters
    ----------
    alpha, tau, sigma
        Context ratio (> 0), task ratio (> 1, with ridge > 0; ``inf`` is the population optimum) and label noise (>= 0).
    depth
        Largest depth, an integer from 0 to 20000; to 200 with ridge or noise of the test labels.
    ridge, step_size, test_noise
        Penalty ``lam`` of the fit (>= 0), factor on every step (> 0) and noise of the test labels (>= 0), relative like `sigma`.

    Returns
    -------
    xr.DataArray
        Dims of the arguments, then `k`. Errors beyond the range of float64 read 0 or ``inf``: see `log_error_curve`. The last
        three arguments are coordinates where they are not at their defaults; with ridge or test noise there is one more,
        `error_estimate`, of the numerical error (absolute), as in `cotdepth.theory.equivalents`: without what the very large
        dimension that stands for an infinite one adds, a relative 1e-11 or less.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Asymptotic paper, section 4, Result 4; ridgeless: ``E_k = [x^k y^k] P / (1 - beta x y Q)``, accurate as `log_error_curve`.
    Step size and test noise derived for this project; with ridge or test noise by the formula of `cotdepth.theory.equivalents`,
    to about 1e-9.

    Examples
    --------
    >>> round(error_curve(2.0, 4.0, 0.01, depth=10).sel(k=10).item(), 8)
    0.03023931
    """
    depth = depth_argument("depth", depth, ratio_contour.LARGEST_DEPTH)
    extensions = _beyond_defaults(ridge=ridge, step_size=step_size, test_noise=test_noise)
    if extensions.keys() & {"ridge", "test_noise"}:
        error = _estimated_curve(partial(_general_errors, depth=depth), alpha=alpha, tau=tau, sigma=sigma, **extensions)
    else:
        error = _curve(partial(_errors, depth=depth), alpha=alpha, tau=tau, sigma=sigma, **extensions)
    return _described(error.rename("error"), "error per dimension |w - w_k|^2 / D")


def log_error_curve(alpha, tau, sigma=0.0, *, depth: int, step_size=1.0) -> xr.DataArray:
    """Natural logarithm of the ridgeless `error_curve`, finite at every depth however far the error grows or decays.

    Arguments, dims, coordinates and errors raised as in `error_curve`.

    Notes
    -----
    By `cotdepth.theory.row_filter` to depth 2000, beyond it by `cotdepth.theory.ratio_contour`. Absolute error, which is the
    relative one of the error: below 1e-10 to depth 200 and 1e-9 at depth 1000, certified at points of every phase by ball
    arithmetic (measured: 1e-12). Beyond depth 2000 both engines and pairs of contours agree to 1e-11, and to 1e-9 where the
    error decays by the law ``k^-3/2`` (`tau` in the hundreds and above); worse, some 1e-8 at the largest depth, where steps far
    too long meet very short prompts (`step_size` 2.5 at `alpha` 0.001).
    """
    depth = depth_argument("depth", depth, ratio_contour.LARGEST_DEPTH)
    extensions = _beyond_defaults(step_size=step_size)
    curve = _curve(partial(_log_errors, depth=depth), alpha=alpha, tau=tau, sigma=sigma, **extensions)
    return _described(curve.rename("log_error"), "natural logarithm of the error per dimension")


def training_task_error_curve(alpha, tau, sigma=0.0, *, depth: int) -> xr.DataArray:
    """Error per dimension on the training tasks, on new prompts: `error_curve` less what the fit memorised of them.

    Arguments, dims, errors raised and `error_estimate` as in `error_curve`; `depth` from 0 to 200.

    Source: asymptotic paper, appendix C.3; computed by the formula of `cotdepth.theory.equivalents`, to about 1e-9.
    """
    depth = depth_argument("depth", depth, isotropic.LARGEST_DEPTH)
    error = _estimated_curve(partial(_training_task_errors, depth=depth), alpha=alpha, tau=tau, sigma=sigma)
    return _described(error.rename("error"), "error per dimension |w - w_k|^2 / D on a training task")


def oscillation_boundary(alpha, sigma=0.0) -> xr.DataArray:
    """Task ratio below which eigenvalues of ``A S`` pass 2, so that errors oscillate in sign and grow.

    This is the boundary printed in the asymptotic paper (section 5, Result 5), here in a form that does not cancel. Infinite
    at ``alpha = 1`` without noise. Raises ValueError for arguments out of range.
    """
    return _computed(boundaries.oscillation_boundary, alpha=alpha, sigma=sigma).pipe(
        _described, "task ratio below which errors oscillate and grow"
    )


def drift_boundary(alpha, sigma=0.0) -> xr.DataArray:
    """Task ratio below which eigenvalues of ``A S`` turn negative, so that errors grow steadily.

    ``1 + (1 + sigma^2) / max(1, alpha)``. Missing from the asymptotic paper (erratum to section 5, Result 5): the same
    condition ``beta Q = 1`` holds at ``x = y = 1`` there, and comes first once labels are noisy (from sigma = 0.5 at alpha = 1).
    Raises ValueError for arguments out of range.
    """
    return _computed(boundaries.drift_boundary, alpha=alpha, sigma=sigma).pipe(_described, "task ratio below which errors grow steadily")


def critical_task_ratio(alpha, sigma=0.0, *, step_size=1.0, ridge=0.0) -> xr.DataArray:
    """Task ratio below which more thinking hurts in the end: the larger of the two boundaries.

    Shorter steps lower the `oscillation_boundary` and leave the `drift_boundary`; so does ridge, which for ``alpha < 1`` lowers that
    too, at most to ``alpha + 1 + sigma^2``. With ridge thinking can cease to hurt again at some ratio below 1. Infinite where steps
    are so long that it hurts with any number of tasks (with ridge: with a million a dimension). With ridge to a relative 1e-10.
    Raises ValueError for arguments out of range.

    Notes
    -----
    Asymptotic paper, section 5, Result 5, with its erratum: the paper has `oscillation_boundary` alone and calls
    (alpha, tau, sigma) = (3, 1.6, 2) an improvement, where `drift_boundary` decides and the error grows to 26 at depth 12. Step size
    and ridge derived for this project.

    Examples
    --------
    >>> critical_task_ratio(2.0, 0.3, step_size=[0.9, 1.0]).values.round(3).tolist()
    [1.545, 2.53]
    """
    extensions = _beyond_defaults(step_size=step_size, ridge=ridge)
    ratio = _computed(_critical_task_ratio, alpha=alpha, sigma=sigma, **extensions)
    return _described(ratio, "task ratio below which more thinking hurts")


def largest_stable_step(alpha, tau, sigma=0.0) -> xr.DataArray:
    """The step size up to which more thinking does not hurt in the end; NaN where none helps, ``tau <= drift_boundary``.

    At this step size the oscillation boundary is `tau` itself. Raises ValueError for arguments out of range. Derived for this project.

    Examples
    --------
    >>> round(largest_stable_step(2.0, 1.6, 0.3).item(), 4)
    0.9134
    """
    step = _computed(boundaries.largest_stable_step, alpha=alpha, tau=tau, sigma=sigma)
    return _described(step, "largest step size without overthinking")


def growth_rate(alpha, tau, sigma=0.0, *, step_size=1.0, ridge=0.0) -> xr.DataArray:
    """Limit of ``log(E_k)/k``: positive when overthinking, negative when the error decays exponentially, else exactly 0.

    Accurate to about 1e-15 absolute, with the sign of the `phase`. With ridge accurate to about 1e-13, but 0 below 1e-9; an error that
    decays by more than a factor 4096 in one step is then said to decay by that much. Raises ValueError for arguments out of range.

    Notes
    -----
    ``-2 log r`` with ``r`` the radius of convergence of ``F(x, x)`` or ``F(-x, -x)``: asymptotic paper, section 5. Where the
    error decays to a floor this is the rate of the floor, 0, not that of the approach. Step size and ridge derived for this project.
    """
    extensions = _beyond_defaults(step_size=step_size, ridge=ridge)
    rate = _computed(_growth_rate, alpha=alpha, tau=tau, sigma=sigma, **extensions)
    return _described(rate, "growth rate of the error, limit of log(error)/k")


def error_floor(alpha, tau, sigma=0.0, *, step_size=1.0) -> xr.DataArray:
    """Error per dimension after infinitely many steps, for ``tau > tau_c``; NaN for ``tau <= tau_c``.

    0 for ``alpha >= 1``; ``(1 - alpha)(tau - 1)/(tau - 2 - sigma^2)`` for ``alpha < 1``, which can exceed the initial error 1. The
    step size matters to ``tau_c`` alone. Raises ValueError for arguments out of range. Source: asymptotic paper, section 5.3.
    """
    floor = _computed(_error_floor, alpha=alpha, tau=tau, sigma=sigma, **_beyond_defaults(step_size=step_size))
    return _described(floor, "error per dimension at infinite depth")


def phase(alpha, tau, sigma=0.0, *, step_size=1.0, ridge=0.0) -> xr.DataArray:
    """What more thinking does in the end, as a word.

    ==============  ==================================  ===============================================
    exponential     ``tau > tau_c``, ``alpha > 1``      the error decays to 0 exponentially
    slow            ``tau > tau_c``, ``alpha = 1``      it decays to 0 as a power of the depth
    polynomial      ``tau = tau_c``                     growth and decay balance: a power of the depth
    saturation      ``tau > tau_c``, ``alpha < 1``      it decays to `error_floor`
    overthinking    ``tau < tau_c``                     it grows exponentially
    ==============  ==================================  ===============================================

    ``tau = tau_c`` means equal to a relative 1e-12. ``tau = inf`` is never critical: at ``alpha = 1`` it is slow. With ridge the
    `growth_rate` decides, no ratio is found critical, and errors saturate for ``tau < 1`` too. Raises ValueError for arguments out
    of range.

    Source: asymptotic paper, section 5, with the corrected `critical_task_ratio`.
    """
    word = _computed(_phase, alpha=alpha, tau=tau, sigma=sigma, **_beyond_defaults(step_size=step_size, ridge=ridge))
    return _described(word, "effect of more thinking")


def optimal_depth(alpha, tau, sigma=0.0, *, max_depth: int) -> xr.Dataset:
    """The depth in ``0..max_depth`` with the smallest error, and that error.

    Among depths whose errors agree to a relative 1e-8 it is the smallest: on a floor, rounding would choose.

    Returns
    -------
    xr.Dataset
        `optimal_depth` (integer) and `optimal_error` (per dimension) over the dims of the arguments.

    Raises
    ------
    ValueError
        If an argument is out of range; `max_depth` is an integer from 0 to 2000.
    """
    max_depth = depth_argument("max_depth", max_depth, row_filter.LARGEST_DEPTH)
    log_error = log_error_curve(alpha, tau, sigma, depth=max_depth)
    best = best_depth_of(log_error)
    error = np.exp(log_error.isel(k=best).drop_vars("k"))
    return xr.Dataset(
        {
            "optimal_depth": _described(best, f"depth of the smallest error up to {max_depth}"),
            "optimal_error": _described(error, "smallest error per dimension"),
        }
    )


def _computed(function, **arguments):
    def of_arrays(*values):
        return function(**dict(zip(arguments, values)))

    return xr.apply_ufunc(of_arrays, *labelled(**arguments), keep_attrs=False).rename(function.__name__.lstrip("_"))


def _described(array, long_name):
    return array.assign_attrs(long_name=long_name, units="1")


def _beyond_defaults(**extensions):
    """Those that are not at their defaults: the others are left out, as arguments and as coordinates."""
    return {name: value for name, value in extensions.items() if np.ndim(value) or value != DEFAULTS[name]}


def _curve(function, *quantity, **arguments):
    """An array function of the arguments, by name, whose result has a last axis `k`, after one of the `quantity` if given."""
    points = labelled(**arguments)
    if any("k" in point.dims for point in points):
        raise ValueError("an argument has the dim 'k', which is the depth of the result; rename it")
    dims = [[*quantity, "k"]]
    curve = xr.apply_ufunc(lambda *values: function(**dict(zip(arguments, values))), *points, output_core_dims=dims)
    steps = xr.DataArray(np.arange(curve.sizes["k"]), dims="k", attrs={"long_name": "chain-of-thought depth", "units": "steps"})
    return curve.assign_coords(k=steps)


def _estimated_curve(function, **arguments):
    """Likewise of a function that returns values and error estimates along the axis before `k`; the latter as a coordinate."""
    values, estimates = _curve(function, "quantity", **arguments).transpose("quantity", ...)
    attrs = {"long_name": "estimated numerical error", "units": "1"}
    return values.assign_coords(error_estimate=(values.dims, estimates.values, attrs))


def _log_errors(alpha, tau, sigma, depth, step_size=1.0):
    beta, rate = boundaries.noise_strength(alpha, tau, sigma), boundaries.singularity(alpha, tau, sigma, step_size)
    if depth <= row_filter.LARGEST_DEPTH:
        return row_filter.log_errors(alpha, boundaries.prompt_variance(alpha, sigma), beta, rate, depth, step_size)
    return _at_each_point(ratio_contour.log_errors, alpha, boundaries.prompt_variance(alpha, sigma), beta, rate, step_size, depth=depth)


def errors(alpha, tau, sigma, depth, ridge=0.0, step_size=1.0, test_noise=0.0) -> np.ndarray:
    """`error_curve` without labels and checks, for searches that ask often: arrays that broadcast, and a last axis `k`."""
    if np.all(np.asarray(ridge) == 0) and np.all(np.asarray(test_noise) == 0):
        return _errors(alpha, tau, sigma, depth, step_size)
    return _general_errors(alpha, tau, sigma, depth, ridge, step_size, test_noise)[..., 0, :]


def _errors(alpha, tau, sigma, depth, step_size=1.0):
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(_log_errors(alpha, tau, sigma, depth, step_size))


def _general_errors(alpha, tau, sigma, depth, ridge=0.0, step_size=1.0, test_noise=0.0):
    """Errors and their numerical estimates, (..., 2, depth + 1)."""
    return _at_each_point(_point_errors, alpha, tau, sigma, ridge, step_size, test_noise, depth=depth, quantities=(2,))


def _point_errors(alpha, tau, sigma, ridge, step_size, test_noise, depth):
    if ridge == 0 and test_noise == 0:
        plain = _errors(alpha, tau, sigma, depth, step_size)
        return plain, TIE * plain
    depth_argument("with ridge or test_noise, depth", depth, isotropic.LARGEST_DEPTH)
    radius = None if ridge else np.exp(-boundaries.singularity(alpha, tau, sigma, step_size) / 2)
    return isotropic.errors(isotropic.limit(alpha, tau, sigma, ridge, step_size), test_noise, depth, radius)


def _training_task_errors(alpha, tau, sigma, depth):
    return _at_each_point(_point_training_task_errors, alpha, tau, sigma, depth=depth, quantities=(2,))


def _point_training_task_errors(alpha, tau, sigma, depth):
    radius = np.exp(-boundaries.singularity(alpha, tau, sigma) / 2)
    return isotropic.training_task_errors(isotropic.limit(alpha, tau, sigma), depth, radius)


def _at_each_point(function, *arguments, depth, quantities=()):
    points = np.broadcast_arrays(*arguments)
    curves = [function(*map(float, point), depth) for point in zip(*map(np.ravel, points))]
    return np.reshape(curves, (*points[0].shape, *quantities, depth + 1))


def _critical_task_ratio(alpha, sigma, step_size=1.0, ridge=0.0):
    ridgeless = boundaries.critical_task_ratio(alpha, sigma, step_size)
    return _with_ridge(ridge, ridgeless, ridge_boundary.critical_task_ratio, alpha, sigma, ridge, step_size)


def _with_ridge(ridge, ridgeless, function, *arguments):
    """The ridgeless values, and where there is ridge those of a function of scalars."""
    if np.all(ridge == 0):
        return ridgeless
    *points, penalised, values = np.broadcast_arrays(*arguments, np.greater(ridge, 0), ridgeless)
    values = np.array(values)
    values[penalised] = [function(*map(float, point)) for point in zip(*(point[penalised] for point in points))]
    return values


def _phase(alpha, tau, sigma, step_size=1.0, ridge=0.0):
    ridgeless = _ridgeless_phase(alpha, np.where(ridge == 0, tau, np.inf), sigma, step_size)
    return _with_ridge(ridge, ridgeless, ridge_boundary.phase, alpha, tau, sigma, ridge, step_size)


def _ridgeless_phase(alpha, tau, sigma, step_size):
    critical = boundaries.critical_task_ratio(alpha, sigma, step_size)
    hopeless = np.isinf(tau) & (boundaries.singularity(alpha, tau, sigma, step_size) > CRITICAL)  # steps too long for any data
    return np.select(
        [
            (tau < critical * (1 - CRITICAL)) | hopeless,
            (tau <= critical * (1 + CRITICAL)) & np.isfinite(tau),
            alpha < 1,
            alpha == 1,
        ],
        ["overthinking", "polynomial", "saturation", "slow"],
        "exponential",
    )


def _error_floor(alpha, tau, sigma, step_size=1.0):
    reached = np.isin(_phase(alpha, tau, sigma, step_size), ["exponential", "slow", "saturation"])
    with np.errstate(divide="ignore", invalid="ignore"):  # where the floor is not reached
        floor = np.maximum(1 - alpha, 0) / (1 - (1 + sigma**2) / (tau - 1))
    return np.where(reached, floor, np.nan)


def _growth_rate(alpha, tau, sigma, step_size=1.0, ridge=0.0):
    ridgeless = _ridgeless_growth_rate(alpha, np.where(ridge == 0, tau, np.inf), sigma, step_size)
    return _with_ridge(ridge, ridgeless, ridge_boundary.growth_rate, alpha, tau, sigma, ridge, step_size)


def _ridgeless_growth_rate(alpha, tau, sigma, step_size):
    """The phase decides the sign; beside tau_c the rate itself can round to 0 or across it."""
    rate = np.maximum(np.abs(boundaries.singularity(alpha, tau, sigma, step_size)), np.finfo(float).tiny)
    word = _phase(alpha, tau, sigma, step_size)
    return np.select([word == "overthinking", word == "exponential"], [rate, -rate], 0.0)
