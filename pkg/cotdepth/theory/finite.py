"""Theory at finite size (training-data paper, sections 3 and 4): everything public, by name.

What training finds is in `population` and `mixtures`, exact and approximate errors in `finite_errors`, the paper's bounds in
`finite_bounds`; here, what these say of more thinking. All errors are per dimension.
"""

import numpy as np
import xarray as xr
from scipy.linalg import eigh

from cotdepth.covariance import as_covariance
from cotdepth.theory.finite_bounds import (
    direct_error_bound,
    direct_error_bound_at,
    sharp_target_error_bound,
    target_error_bound,
    thinking_bound,
)
from cotdepth.theory.finite_errors import (
    direct_error,
    error_exact,
    error_exact_at,
    error_expansion,
    error_expansion_at,
    error_leading_order,
    error_leading_order_at,
    first_correction,
)
from cotdepth.theory.mixtures import (
    mixture_gamma,
    mixture_gradient,
    mixture_loss,
    mixture_preconditioner,
    mixture_second_moment,
)
from cotdepth.theory.population import (
    context_argument,
    free_attention_weight,
    gamma,
    hardness,
    matrix_argument,
    optimal_block,
    population_gradient,
    population_loss,
    preconditioner,
    printed_step_size,
    second_moment,
    step_size,
    step_size_limit,
)

__all__ = [
    "direct_error",
    "direct_error_bound",
    "direct_error_bound_at",
    "error_exact",
    "error_exact_at",
    "error_expansion",
    "error_expansion_at",
    "error_leading_order",
    "error_leading_order_at",
    "first_correction",
    "free_attention_weight",
    "gamma",
    "hardness",
    "mixture_gamma",
    "mixture_gradient",
    "mixture_loss",
    "mixture_preconditioner",
    "mixture_second_moment",
    "optimal_block",
    "overthinking_length",
    "overthinks",
    "population_gradient",
    "population_loss",
    "preconditioner",
    "printed_step_size",
    "pseudo_newton",
    "second_moment",
    "sharp_target_error_bound",
    "spectral_radius",
    "step_size",
    "step_size_limit",
    "target_error_bound",
    "thinking_bound",
]

UNIT = 1e-12  # a spectral radius this close to 1 is 1: neither growth nor decay


def spectral_radius(preconditioner, test_covariance) -> float:
    """Largest ``|1 - mu|`` over the eigenvalues ``mu`` of ``P Sigma``: the factor of the error vector in one late step.

    Parameters
    ----------
    preconditioner : (D, D) array
        ``P = Gamma^-1`` of a trained layer.
    test_covariance : Covariance, (D, D) array or (D,) array
        ``Sigma``; infinitely long test prompts.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, remark 4.1, for any ``Gamma``: `error_leading_order` behaves like the radius to the power ``2k``.
    """
    test = as_covariance(test_covariance, name="test_covariance")
    step = matrix_argument("preconditioner", preconditioner, test.dim)
    return float(np.abs(1 - np.linalg.eigvals(step @ test.matrix)).max())


def overthinks(preconditioner, test_covariance) -> bool:
    """Whether the error grows with depth in the end, for infinitely long test prompts: `spectral_radius` above 1.

    For a symmetric ``Gamma``: an eigenvalue of ``Gamma^-1 Sigma`` exceeds 2, a skill more than twice as strong in the test as
    in training. Never for the training task itself. The mean over prompts of finite length grows in the end for every task.
    Arguments as in `spectral_radius`. Source: training-data paper, remark 4.1.
    """
    return spectral_radius(preconditioner, test_covariance) > 1 + UNIT


def overthinking_length(train_covariance, test_covariance) -> float:
    """Length of training prompts above which `overthinks`: ``inf`` if no length does. Not rounded to an integer.

    Longer training prompts regularise ``Gamma`` less, which uncovers skills weak in training. At length ``n`` an eigenvalue of
    ``Gamma^-1 Sigma`` reaches 2 where ``1/n`` is the largest eigenvalue of ``Sigma/2 - Lambda`` relative to
    ``Lambda + tr(Lambda) I``. Lengths below 1 are not prompts: then every length overthinks.

    Raises ValueError for covariances of different dimension. Derived for this project from eq. (3.5) and remark 4.1.
    """
    train = as_covariance(train_covariance, name="train_covariance")
    test = as_covariance(test_covariance, name="test_covariance")
    if train.dim != test.dim:
        raise ValueError(f"test_covariance has {test.dim} features, train_covariance {train.dim}: must be equal")
    regular = train.with_eigenvalues(train.spectrum + train.trace)
    excess = eigh(test.matrix / 2 - train.matrix, regular, eigvals_only=True)[-1]
    return float(1 / excess) if excess > UNIT else np.inf


def pseudo_newton(covariance, n_context) -> xr.Dataset:
    """How a step of the trained layer compares with Newton's method and with gradient descent, on its own task.

    On the mean squared error of an infinitely long prompt, with Hessian ``Lambda``, the layer multiplies the error along
    an eigenvector by ``1 - lambda/gamma``, Newton's method by 0 and gradient descent by ``1 - eta lambda``. Here ``eta`` makes
    gradient descent as close to the layer as it can be, in the root mean square over directions.

    Parameters
    ----------
    covariance, n_context
        As in `gamma`.

    Returns
    -------
    xr.Dataset
        `factor`, `gradient_descent_factor` over `feature`, by descending `eigenvalue`; scalars `step_size` (``eta``),
        `distance_to_newton` and `distance_to_gradient_descent`, root mean square differences of the factors. The first
        vanishes for training prompts much longer than the `hardness`, the second for short ones, with
        ``(n + 1) lambda`` far below ``tr(Lambda)`` for every eigenvalue, and for isotropic tasks.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, remark 3.3, which calls the layer a pseudo-Newton method; the distances are this project's.
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    spectrum = np.sort(covariance.spectrum[covariance.spectrum > 0])[::-1]
    progress = spectrum / ((1 + 1 / n) * spectrum + covariance.trace / n)
    step = progress @ spectrum / (spectrum @ spectrum)
    values = {
        "factor": (1 - progress, "factor of the error in one step of the layer"),
        "gradient_descent_factor": (1 - step * spectrum, "factor of the error in one step of gradient descent"),
        "step_size": (step, "step size of the gradient descent closest to the layer"),
        "distance_to_newton": (_root_mean_square(1 - progress), "distance of a step to Newton's method"),
        "distance_to_gradient_descent": (_root_mean_square(progress - step * spectrum), "distance of a step to gradient descent"),
    }
    eigenvalue = xr.DataArray(spectrum, dims="feature", attrs={"long_name": "eigenvalue of the covariance", "units": "1"})
    variables = {name: _described(value, long_name) for name, (value, long_name) in values.items()}
    return xr.Dataset(variables, coords={"eigenvalue": eigenvalue})


def _root_mean_square(values):
    return np.sqrt(np.mean(np.square(values)))


def _described(value, long_name):
    return xr.DataArray(value, dims=("feature",) * np.ndim(value), attrs={"long_name": long_name, "units": "1"})
