"""Theory at finite size (training-data paper, sections 3 and 4): everything public, by name.

What training finds is in `population` and `mixtures`, exact and approximate errors in `finite_errors`, those of layers whose attention
drifted in `finite_drift`, the paper's bounds in `finite_bounds`; here, what these say of more thinking. All errors are per dimension.
"""

import numpy as np
import xarray as xr

from cotdepth.covariance import as_covariance
from cotdepth.theory.finite_bounds import (
    direct_error_bound,
    direct_error_bound_at,
    sharp_target_error_bound,
    target_error_bound,
    thinking_bound,
)
from cotdepth.theory.finite_drift import error_exact_drifted_at, error_leading_order_drifted_at
from cotdepth.theory.finite_errors import (
    direct_error,
    error_exact,
    error_exact_at,
    error_expansion,
    error_expansion_at,
    error_leading_order,
    error_leading_order_at,
    first_correction,
    largest_exact_depth,
    long_enough,
)
from cotdepth.theory.mixtures import (
    mixture_gamma,
    mixture_gradient,
    mixture_loss,
    mixture_preconditioner,
    mixture_second_moment,
)
from cotdepth.theory.overthinking import overthinking_length, overthinks, spectral_radius
from cotdepth.theory.population import (
    context_argument,
    free_attention_weight,
    gamma,
    gamma_spectrum,
    hardness,
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
    "error_exact_drifted_at",
    "error_expansion",
    "error_expansion_at",
    "error_leading_order",
    "error_leading_order_at",
    "error_leading_order_drifted_at",
    "first_correction",
    "free_attention_weight",
    "gamma",
    "hardness",
    "largest_exact_depth",
    "long_enough",
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
    order = np.argsort(-covariance.spectrum, kind="stable")[: covariance.rank]
    spectrum = covariance.spectrum[order]
    progress = spectrum / gamma_spectrum(covariance, n)[order]
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
