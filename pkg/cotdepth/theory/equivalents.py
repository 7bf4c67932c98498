"""Error of chain-of-thought depth for any covariances, ridge, noise, step size and mixture of tasks, by one formula.

``D`` features at their actual scale, ``x ~ N(0, Lambda)``, ``y = x.w + s eps``, ``w ~ N(0, I)``. A layer is fitted to
``M`` tasks with one prompt each, which may come from families of different covariance, context length and noise:
``A = [sum w b^T][sum b b^T + (M ridge/2) I]^-1`` with ``b = X y / L``. A step of thought on a test prompt is ``w_{k+1} = w_k +
eta A S (w - w_k)``, plus the noise of its labels, from the initial guess 0. Errors are per dimension, ``|w - w_k|^2 / D``.

Deterministic equivalents, which the errors of single fits and prompts approach as ``D`` grows with ``L/D`` and ``M/D`` fixed. Means
over them differ by about 1/D, more where the error grows, and mostly lie above. They take a trace for a sum of many comparable terms: an
eigenvalue that is a share of the trace by itself (an outlier) is outside of the theory, and warned of.

Covariances that commute, or rotate small blocks of features into each other, take milliseconds to seconds; without common structure
a curve costs some thousand products and inverses of D x D matrices (a quarter of a minute at D = 200 and depth 10).

No paper has this formula: derived for this project. Special cases are in the asymptotic paper (isotropic) and, at infinitely
many tasks, in the training-data paper (infinite test prompts).
"""

import numpy as np
import xarray as xr

from cotdepth.theory import equivalent_contour as contour
from cotdepth.theory.arguments import depth_argument
from cotdepth.theory.equivalent_problem import Problem, number_argument, problem
from cotdepth.theory.equivalent_two_point import error_source, label_noise_source, training_task_source


def error_curve(
    train_covariance,
    test_covariance,
    *,
    train_context,
    test_context,
    n_tasks,
    label_noise=0.0,
    shares=None,
    ridge=0.0,
    step_size=1.0,
    test_noise=0.0,
    depth: int,
) -> xr.DataArray:
    """Error per dimension on new tasks after ``k = 0..depth`` steps of thought; ``error(k=0) = 1``.

    Parameters
    ----------
    train_covariance : Covariance, (D, D) array or (D,) array, or a list of them
        Of the features in training prompts; spectra given as arrays share the common basis. A list (of anything but numbers)
        means several task families, as do lists for `train_context`, `label_noise` and `shares`; a scalar holds for all.
    test_covariance : Covariance, (D, D) array or (D,) array
        Of the features in the test prompt.
    train_context, test_context : int
        Examples in a prompt, at least 1, or ``inf``.
    n_tasks : int
        Training tasks of all families together, or ``inf``. Without ridge, more than the rank of the training features.
    label_noise, test_noise : float
        Standard deviations (absolute) of the noise of training and of test labels.
    shares : list of float, optional
        Parts of the tasks that are in each family, with sum 1; equal by default.
    ridge : float
        ``lam``, the penalty of the fit as above; at least 0.
    step_size : float
        ``eta`` > 0, a factor on every step.
    depth : int
        Largest depth, from 0 to 200.

    Returns
    -------
    xr.DataArray
        Dim `k`, with a coordinate `error_estimate`: an estimate of the numerical error of each value, absolute. It is the largest
        spurious coefficient that the contour leaves at orders beyond the depth, at the scale of each ``k``, plus rounding.

    Raises
    ------
    ValueError
        If an argument is out of range.
    ArithmeticError
        If the implicit equations have no solution that an iteration finds: without ridge, where a family has no more tasks than
        directions that it alone has.

    Warns
    -----
    UserWarning
        If an outlier makes the theory miss something.

    Examples
    --------
    >>> two_level = np.repeat([0.4, 1.6], 100)
    >>> regime = dict(train_context=600, test_context=600, n_tasks=600, label_noise=10**0.5)
    >>> error_curve(two_level, two_level, depth=3, **regime).values.round(4).tolist()
    [1.0, 0.4729, 0.2259, 0.1404]
    """
    asked = problem(
        train_covariance,
        test_covariance,
        train_context=train_context,
        test_context=test_context,
        n_tasks=n_tasks,
        label_noise=label_noise,
        shares=shares,
        ridge=ridge,
        step_size=step_size,
    )
    [curve] = _curves(asked, [error_source], test_noise, depth)
    return curve.assign_attrs(long_name="error per dimension |w - w_k|^2 / D")


def training_task_error_curve(train_covariance, test_covariance, *, test_noise=0.0, depth: int, **regime) -> xr.DataArray:
    """Error per dimension on the training tasks, on new prompts of the test covariance: `error_curve` less what was memorised.

    Arguments, those of the regime among them, errors raised and `error_estimate` as in `error_curve`. Several families are a dim
    `family` before `k`.
    """
    asked = problem(train_covariance, test_covariance, **regime)
    curves = _curves(asked, [training_task_source(family) for family in range(len(asked.families))], test_noise, depth)
    joined = curves[0] if len(curves) == 1 else xr.concat(curves, "family")
    return joined.assign_attrs(long_name="error per dimension |w - w_k|^2 / D on a training task")


def growth_rate(train_covariance, test_covariance, **regime) -> xr.DataArray:
    """Limit of ``log(E_k)/k``: positive when overthinking, negative when the error decays exponentially, 0 where it has a floor.

    Arguments (those of the regime are all but `test_noise` and `depth`) and errors raised as in `error_curve`. An error that decays
    by more than a factor 4096 in one step is said to decay by that much.
    """
    asked = problem(train_covariance, test_covariance, **regime)
    rate = -2 * np.log(contour.radius_of_convergence(asked, 1e-14))
    return xr.DataArray(rate, name="growth_rate", attrs={"long_name": "growth rate of the error, limit of log(error)/k", "units": "1"})


def _curves(asked: Problem, sources, test_noise, depth) -> list[xr.DataArray]:
    """The error of each source with the noise of the test labels, which is the same for all."""
    depth, noise = depth_argument("depth", depth, contour.LARGEST_DEPTH), number_argument("test_noise", test_noise, 0)
    *found, noisy = contour.coefficients(asked, [*sources, label_noise_source], depth)
    added, added_error = (noise**2 * values if noise else 0.0 for values in contour.summed_diagonal(noisy))
    return [_labelled(values + added, error + added_error) for values, error in map(contour.diagonal, found)]


def _labelled(values, error):
    steps = xr.DataArray(np.arange(len(values)), dims="k", attrs={"long_name": "chain-of-thought depth", "units": "steps"})
    estimate = ("k", error, {"long_name": "estimated numerical error", "units": "1"})
    return xr.DataArray(values, dims="k", coords={"k": steps, "error_estimate": estimate}, name="error", attrs={"units": "1"})
