"""What to choose: depth, ridge, step size, numbers of tasks and of examples for an error that is wanted.

Questions to the theory of `cotdepth.theory.asymptotic`, isotropic and in the limit of large dimension, with its arguments: context ratio
`alpha`, task ratio `tau`, label noise `sigma`, as scalars, arrays or DataArrays. Errors are per dimension and 1 without thought.
"""

from functools import partial

import numpy as np
import scipy  # loads scipy.optimize at its first use: it takes long
import xarray as xr

from cotdepth.checks import count_argument, positive_argument
from cotdepth.theory import boundaries, isotropic, row_filter
from cotdepth.theory.arguments import depth_argument, labelled
from cotdepth.theory.asymptotic import error_curve, errors
from cotdepth.theory.best_depth import best_depth_of

RIDGES = np.logspace(-6, 4, 21)  # tried first
N_STEPS, N_DEPTHS = 60, 8  # step sizes tried first, and the depths for which the best of them is refined
LONGEST_CONTEXT = 1e9  # context ratio up to which the smallest is looked for


def best_depth(alpha, tau, sigma=0.0, *, max_depth: int, ridge=0.0, step_size=1.0, test_noise=0.0) -> xr.Dataset:
    """The depth in ``0..max_depth`` with the smallest error, and that error.

    The smallest such depth, among those whose errors agree to a relative 1e-8: on a floor, rounding would choose.

    Returns
    -------
    xr.Dataset
        `optimal_depth` (integer, steps) and `optimal_error` (per dimension) over the dims of the arguments.

    Raises
    ------
    ValueError
        If an argument is out of range; `max_depth` is an integer from 0 to 2000, to 200 with ridge or noise of the test labels.

    Examples
    --------
    >>> best_depth(3.0, 1.5, 0.01, max_depth=60).optimal_depth.item()
    5
    """
    max_depth = _depth_limit("max_depth", max_depth, ridge, test_noise)
    error = error_curve(alpha, tau, sigma, depth=max_depth, ridge=ridge, step_size=step_size, test_noise=test_noise)
    with np.errstate(divide="ignore"):  # an error below the range of floats
        best = best_depth_of(np.log(error))
    return _dataset(
        optimal_depth=(best, f"depth of the smallest error up to {max_depth}", "steps"),
        optimal_error=(error.isel(k=best).drop_vars("k"), "smallest error per dimension", "1"),
    )


def best_ridge(alpha, tau, sigma=0.0, *, depth: int, step_size=1.0, test_noise=0.0) -> xr.Dataset:
    """For each number of steps up to `depth` the ridge with the smallest error, and that error; `tau` may be below 1.

    The best of 21 ridges from 1e-6 to 1e4, refined between its neighbours; exactly 0 where that is better still, which needs
    ``tau > 1``. A second or two a depth and point.

    Returns
    -------
    xr.Dataset
        `best_ridge` and `optimal_error` (per dimension) over the dims of the arguments and `k`, from 1.

    Raises
    ------
    ValueError
        If an argument is out of range; `depth` is an integer from 1 to 200.

    Examples
    --------
    >>> best_ridge(2.0, 0.6, 0.1, depth=1).best_ridge.round(3).values.tolist()
    [2.514]
    """
    depth = depth_argument("depth", count_argument("depth", depth), isotropic.LARGEST_DEPTH)
    regime = _regime(alpha=alpha, tau=tau, sigma=sigma, ridge=1.0, step_size=step_size, test_noise=test_noise)
    del regime["ridge"]
    ridge, error = _each_point(partial(_best_ridges, depth=depth), regime, outputs=2, dims=["k"])
    steps = xr.DataArray(np.arange(1, depth + 1), dims="k", attrs={"long_name": "chain-of-thought depth", "units": "steps"})
    return _dataset(
        best_ridge=(ridge, "ridge with the smallest error", "1"), optimal_error=(error, "smallest error per dimension", "1")
    ).assign_coords(k=steps)


def smallest_task_ratio(alpha, sigma=0.0, *, target, max_depth: int, step_size=1.0, test_noise=0.0) -> xr.DataArray:
    """The smallest task ratio at which some depth up to `max_depth` has the target error; NaN where none has.

    The error at each depth falls as `tau` grows: it is a power series in ``beta = (c - 1)/(tau - 1)`` whose coefficients are sums of
    squares. Hence so does the smallest of them, and bisection finds the ratio.

    Parameters
    ----------
    target
        Error per dimension, between 0 and 1.

    Raises
    ------
    ValueError
        If an argument is out of range; `max_depth` is an integer from 1 to 2000, to 200 with noise of the test labels.

    Examples
    --------
    >>> round(smallest_task_ratio(3.0, 0.3, target=0.1, max_depth=60).item(), 3)
    1.677
    """
    depth = _depth_limit("max_depth", count_argument("max_depth", max_depth), 0.0, test_noise)
    regime = _regime(alpha=alpha, sigma=sigma, target=target, step_size=step_size, test_noise=test_noise)
    [ratio] = _each_point(partial(_smallest_task_ratio, depth=depth), regime)
    return ratio.rename("tau").assign_attrs(long_name="smallest task ratio that reaches the target error", units="1")


def smallest_context_ratio(tau, sigma=0.0, *, target, max_depth: int, step_size=1.0, test_noise=0.0) -> xr.DataArray:
    """The smallest context ratio, in training and test, at which some depth up to `max_depth` has the target error; NaN where none has.

    Bisection, as in `smallest_task_ratio`, with its arguments and errors raised; that the smallest error falls as `alpha` grows has
    been verified numerically, not proved. Looked for up to a ratio of 1e9.

    Examples
    --------
    >>> round(smallest_context_ratio(4.0, 0.1, target=0.1, max_depth=60).item(), 3)
    1.28
    """
    depth = _depth_limit("max_depth", count_argument("max_depth", max_depth), 0.0, test_noise)
    regime = _regime(tau=tau, sigma=sigma, target=target, step_size=step_size, test_noise=test_noise)
    [ratio] = _each_point(partial(_smallest_context_ratio, depth=depth), regime)
    return ratio.rename("alpha").assign_attrs(long_name="smallest context ratio that reaches the target error", units="1")


def best_step_and_depth(alpha, tau, sigma=0.0, *, max_depth: int, test_noise=0.0) -> xr.Dataset:
    """The step size, the same at every step, and the depth up to `max_depth` that together have the smallest error.

    The best of 60 step sizes up to the one that diverges with any number of tasks, refined between its neighbours at `max_depth` and at
    the eight depths that promise most. Where short steps are best, so are many of them, and errors hardly depend on how many.

    Returns
    -------
    xr.Dataset
        `best_step_size`, `optimal_depth` (integer, steps) and `optimal_error` (per dimension) over the dims of the arguments.

    Raises
    ------
    ValueError
        If an argument is out of range; `max_depth` is an integer from 1 to 2000, to 200 with noise of the test labels.

    Examples
    --------
    >>> best_step_and_depth(2.0, 1.6, 0.3, max_depth=40).optimal_depth.item()
    40
    """
    depth = _depth_limit("max_depth", count_argument("max_depth", max_depth), 0.0, test_noise)
    regime = _regime(alpha=alpha, tau=tau, sigma=sigma, test_noise=test_noise)
    step, best, error = _each_point(partial(_best_step, depth=depth), regime, outputs=3)
    return _dataset(
        best_step_size=(step, "step size with the smallest error", "1"),
        optimal_depth=(best.astype(int), f"depth of the smallest error up to {depth}", "steps"),
        optimal_error=(error, "smallest error per dimension", "1"),
    )


def cheapest_mix(sigma=0.0, *, target, dim: int, n_queries, price_example, price_operation, max_depth: int) -> xr.Dataset:
    """The cheapest mix of pretraining data and thought at test time that reaches a target error.

    It minimises ``price_example M L + n_queries price_operation k D^2``: ``M L = alpha tau D^2`` examples in the training prompts, and for
    each answer ``k`` products of the fitted matrix with a vector. Test prompts are as long as training prompts, and free.

    Parameters
    ----------
    target
        Error per dimension, between 0 and 1.
    dim
        Dimension ``D`` of the features.
    n_queries
        Answers given in all with the pretrained model (> 0).
    price_example, price_operation
        Of one example in pretraining and of one multiplication at test time, in any unit of cost (> 0).
    max_depth
        Largest depth allowed, from 1 to 2000.

    Returns
    -------
    xr.Dataset
        `alpha`, `tau`, `depth` (steps) and `cost` (units of the prices) over the dims of the arguments; NaN where `alpha` would
        exceed 1e9.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    At each depth the smallest `alpha tau` by a bounded search in `alpha`, which takes it to have one minimum (verified numerically).

    Examples
    --------
    >>> mix = cheapest_mix(0.1, target=0.1, dim=100, n_queries=[1, 1000], price_example=1.0, price_operation=1e-3, max_depth=60)
    >>> mix.depth.values.tolist()
    [12.0, 4.0]
    """
    depth, square = _depth_limit("max_depth", count_argument("max_depth", max_depth), 0.0, 0.0), count_argument("dim", dim) ** 2
    prices = {"examples": square * positive_argument("price_example", price_example),
              "operations": square * positive_argument("price_operation", price_operation)}  # fmt: skip
    regime = _regime(sigma=sigma, target=target, n_queries=n_queries)
    alpha, tau, steps, cost = _each_point(partial(_cheapest_mix, **prices, depth=depth), regime, outputs=4)
    return _dataset(
        alpha=(alpha, "context ratio L/D", "1"),
        tau=(tau, "task ratio M/D", "1"),
        depth=(steps, "chain-of-thought depth", "steps"),
        cost=(cost, "price of pretraining examples and of thought", "units of the prices"),
    )


# --- arguments and results ----------------------------------------------------------------------------------------


def _depth_limit(name, depth, ridge, test_noise):
    plain = np.all(np.asarray(ridge) == 0) and np.all(np.asarray(test_noise) == 0)
    return depth_argument(name, depth, row_filter.LARGEST_DEPTH if plain else isotropic.LARGEST_DEPTH)


def _regime(**arguments):
    return dict(zip(arguments, labelled(**arguments)))


def _each_point(function, regime, outputs=1, dims=()):
    """A function of scalars, by name, at every point of the regime; its results as a list of labelled arrays."""

    def at_a_point(*values):
        return function(**dict(zip(regime, map(float, values))))

    found = xr.apply_ufunc(at_a_point, *regime.values(), vectorize=True, output_core_dims=[list(dims)] * outputs, keep_attrs=False)
    return [found] if outputs == 1 else list(found)


def _dataset(**variables):
    return xr.Dataset({
        name: array.drop_attrs().assign_attrs(long_name=long_name, units=units) for name, (array, long_name, units) in variables.items()
    })  # fmt: skip


# --- searches, at one point ---------------------------------------------------------------------------------------


def _best_ridges(alpha, tau, sigma, step_size, test_noise, depth):
    regime = dict(alpha=alpha, tau=tau, sigma=sigma, step_size=step_size, test_noise=test_noise)
    tried = np.array([errors(depth=depth, ridge=ridge, **regime) for ridge in RIDGES])
    ridgeless = errors(depth=depth, **regime) if tau > 1 else np.full(depth + 1, np.inf)
    best = [_refined_ridge(regime, k, tried[:, k].argmin(), ridgeless[k]) for k in range(1, depth + 1)]
    return tuple(np.array(best).T)


def _refined_ridge(regime, k, nearest, ridgeless):
    """The best ridge at one depth, and its error."""

    def log_error(log_ridge):
        return np.log(errors(depth=k, ridge=np.exp(log_ridge), **regime)[k])

    bracket = np.log(RIDGES[[max(nearest - 1, 0), min(nearest + 1, len(RIDGES) - 1)]])
    found = scipy.optimize.minimize_scalar(log_error, bounds=bracket, method="bounded", options={"xatol": 1e-5})
    return (np.exp(found.x), np.exp(found.fun)) if np.exp(found.fun) < ridgeless else (0.0, ridgeless)


def _smallest_task_ratio(alpha, sigma, target, step_size, test_noise, depth):
    def excess(inverse):
        tau = 1 / inverse if inverse else np.inf
        return errors(depth=depth, alpha=alpha, tau=tau, sigma=sigma, step_size=step_size, test_noise=test_noise).min() - target

    return 1 / scipy.optimize.brentq(excess, 0, 1 - 1e-12, xtol=1e-15, rtol=1e-13) if excess(0) < 0 else np.nan


def _smallest_context_ratio(tau, sigma, target, step_size, test_noise, depth):
    def excess(log_alpha):
        regime = dict(alpha=np.exp(log_alpha), tau=tau, sigma=sigma, step_size=step_size, test_noise=test_noise)
        return errors(depth=depth, **regime).min() - target

    longest = np.log(LONGEST_CONTEXT)
    return np.exp(scipy.optimize.brentq(excess, -longest, longest, xtol=1e-12)) if excess(longest) < 0 else np.nan


def _best_step(alpha, tau, sigma, test_noise, depth):
    regime = dict(alpha=alpha, tau=tau, sigma=sigma, test_noise=test_noise)
    shortest = _best_single_step(**regime) / (3 * depth)  # many such steps do less than the best single one
    steps = np.geomspace(shortest, boundaries.largest_stable_step(alpha, np.inf, sigma), N_STEPS)
    tried = np.array([errors(depth=depth, step_size=step, **regime) for step in steps])
    promising = {depth, *(np.argsort(tried[:, 1:].min(0))[:N_DEPTHS] + 1)}
    return min((_refined_step(regime, k, steps, tried[:, k].argmin()) for k in promising), key=lambda found: found[2])


def _best_single_step(**regime):
    """``E_1 = 1 - 2 eta/c + q eta^2``, in which the curve at ``eta = 1`` gives ``q``."""
    slope = 1 / (1 + boundaries.prompt_variance(regime["alpha"], regime["sigma"]))
    return slope / (errors(depth=1, **regime)[1] - 1 + 2 * slope)


def _refined_step(regime, k, steps, nearest):
    """The best step size at one depth, the depth, and the error."""

    def log_error(step):
        return np.log(errors(depth=k, step_size=step, **regime)[k])

    bracket = steps[max(nearest - 1, 0)], steps[min(nearest + 1, len(steps) - 1)]
    found = scipy.optimize.minimize_scalar(log_error, bounds=bracket, method="bounded", options={"xatol": 1e-5 * bracket[1]})
    return found.x, int(k), np.exp(found.fun)


def _cheapest_mix(sigma, target, n_queries, examples, operations, depth):
    """`examples` is the price of ``alpha tau = 1`` and `operations` that of a step in one answer."""

    def cheapest_data(k):
        return _fewest_examples(sigma, target, k)

    bound = examples * np.prod(cheapest_data(depth))  # deeper thought needs fewer examples
    best = (np.nan,) * 4
    for k in range(1, depth + 1):
        thought = n_queries * operations * k
        if bound + thought >= best[3]:
            break
        alpha, tau = cheapest_data(k)
        best = min(best, (alpha, tau, float(k), examples * alpha * tau + thought), key=lambda mix: np.nan_to_num(mix[3], nan=np.inf))
    return best


def _fewest_examples(sigma, target, depth):
    """The `alpha` and `tau` of the smallest product that has the target error at some depth up to `depth`; NaN if none has."""
    regime = dict(sigma=sigma, target=target, step_size=1.0, test_noise=0.0, depth=depth)

    def log_product(log_alpha):
        return log_alpha + np.log(_smallest_task_ratio(np.exp(log_alpha), **regime))

    shortest = np.log(_smallest_context_ratio(np.inf, **regime))
    if np.isnan(shortest):
        return np.nan, np.nan
    longest = log_product(shortest + 1)  # at any larger alpha the product is larger, since tau > 1
    found = scipy.optimize.minimize_scalar(log_product, bounds=(shortest, longest), method="bounded", options={"xatol": 1e-7})
    return np.exp(found.x), np.exp(found.fun - found.x)
