"""The training-data paper's upper bounds, each as printed where it is right, per dimension (its totals divided by D)."""

import numpy as np
import xarray as xr

from cotdepth.covariance import as_covariance
from cotdepth.theory.arguments import depth_argument
from cotdepth.theory.finite_arguments import LARGEST_DEPTH, weights_argument
from cotdepth.theory.population import context_argument, hardness, matrix_argument

SYMMETRIC = 1e-9  # relative: a matrix this close to its transpose is symmetric


def direct_error_bound(covariance, *, n_context, n_context_test) -> float:
    """Bound on the mean error per dimension after one step: ``(1 + H)^2 / n^2 + (1 + H) / m``, with ``H`` the `hardness`.

    Parameters
    ----------
    covariance : Covariance, (D, D) array or (D,) array
        Of training and test features, full rank.
    n_context, n_context_test : int
        Examples in a training prompt (``n``, first term) and in a test prompt (``m``, second term), or ``inf``.

    Raises
    ------
    ValueError
        If an argument is out of range, or the covariance rank-deficient.

    Notes
    -----
    Training-data paper, theorem 3.3, eq. (3.10). Holds at every size; loose by a factor 2 to 5 for isotropic covariances.
    """
    n, m = context_argument("n_context", n_context), context_argument("n_context_test", n_context_test)
    harder = 1 + hardness(_full_rank(covariance))
    return float(harder**2 / n**2 + harder / m)


def direct_error_bound_at(weights, covariance, *, n_context, n_context_test) -> float:
    """`direct_error_bound` for prompts of one task with these weights, (D,), per dimension.

    ``w^T [(I + tr(Lambda) Lambda^-1)^2 / n^2 + (I + tr(Lambda^-1) Lambda) / m] w / D``. Source: training-data paper, theorem 3.3.
    """
    n, m = context_argument("n_context", n_context), context_argument("n_context_test", n_context_test)
    covariance = _full_rank(covariance)
    w, spectrum = weights_argument(weights, covariance.dim), covariance.spectrum
    values = (1 + covariance.trace / spectrum) ** 2 / n**2 + (1 + np.sum(1 / spectrum) * spectrum) / m
    return float(w @ covariance.with_eigenvalues(values) @ w) / covariance.dim


def thinking_bound(covariance, *, n_context, depth: int) -> xr.DataArray:
    """Bound ``(1 + n / (1 + H))^-2k`` on `error_leading_order`, per dimension, for ``k = 0..depth``; equal when isotropic.

    With ``H`` the `hardness`. For test prompts of finite length it is the paper's bound without its factor ``1 + o(1)``, and no
    bound: the mean error passes it at depth 1 for short test prompts. Raises ValueError for arguments out of range.

    Source: training-data paper, Corollary 3.5 with ``k`` the number of applications of the layer (erratum).
    """
    n, depth = context_argument("n_context", n_context), depth_argument("depth", depth, LARGEST_DEPTH)
    steps = np.arange(depth + 1.0)
    rate = np.log1p(n / (1 + hardness(_full_rank(covariance))))
    values = np.exp(np.multiply(-2 * steps, rate, out=np.zeros_like(steps), where=steps > 0))
    return _curve(values, "bound on the error per dimension, leading order in long test prompts")


def target_error_bound(gamma, test_covariance, *, depth: int) -> xr.DataArray:
    """Bound ``tr(Gamma) tr(Gamma^-1) tr((I - Gamma^-1/2 Sigma Gamma^-1/2)^2k) / D`` on `error_leading_order_at`.

    Parameters
    ----------
    gamma : (D, D) array
        Symmetric positive definite.
    test_covariance : Covariance, (D, D) array or (D,) array
        ``Sigma``. With the sample covariance of one prompt this bounds the error of that prompt.
    depth : int
        Largest depth, up to 2000.

    Returns
    -------
    xr.DataArray
        Per dimension, dim `k`.

    Raises
    ------
    ValueError
        If an argument is out of range. The bound is false for asymmetric ``Gamma`` (erratum), which is refused.

    Notes
    -----
    Training-data paper, Proposition 4.2, eq. (4.3), without its factor ``1 + o(1)``.
    """
    spectrum, residual = _similar(gamma, test_covariance)
    curve = spectrum.sum() * np.sum(1 / spectrum) * _power_sums(residual, depth)
    return _curve(curve, "bound on the error per dimension")


def sharp_target_error_bound(gamma, test_covariance, *, depth: int) -> xr.DataArray:
    """`target_error_bound` with the condition number of ``Gamma`` in place of ``tr(Gamma) tr(Gamma^-1)``, which is larger.

    Derived for this project: ``A^k`` is similar to a symmetric power by ``Gamma^1/2``. Arguments as in `target_error_bound`.
    """
    spectrum, residual = _similar(gamma, test_covariance)
    return _curve(spectrum.max() / spectrum.min() * _power_sums(residual, depth), "bound on the error per dimension")


def _full_rank(covariance):
    covariance = as_covariance(covariance)
    if covariance.rank < covariance.dim:
        raise ValueError(f"covariance has rank {covariance.rank}: the bound needs full rank ({covariance.dim})")
    return covariance


def _similar(gamma, test_covariance):
    """Eigenvalues of ``Gamma`` and of ``I - Gamma^-1/2 Sigma Gamma^-1/2``."""
    test = as_covariance(test_covariance, name="test_covariance")
    gamma = matrix_argument("gamma", gamma, test.dim)
    asymmetry = np.abs(gamma - gamma.T).max()
    if asymmetry > SYMMETRIC * np.abs(gamma).max():
        raise ValueError(f"gamma is off symmetric by {asymmetry:.3g}: the bound needs a symmetric positive definite gamma")
    spectrum, basis = np.linalg.eigh((gamma + gamma.T) / 2)
    if spectrum[0] <= 0:
        raise ValueError(f"gamma has the eigenvalue {spectrum[0]:.6g}: the bound needs a positive definite gamma")
    root = basis / np.sqrt(spectrum)
    return spectrum, 1 - np.linalg.eigvalsh(root.T @ test.matrix @ root)


def _power_sums(residual, depth):
    """``tr(R^2k) / D`` for ``k = 0..depth``."""
    steps = np.arange(depth_argument("depth", depth, LARGEST_DEPTH) + 1)
    with np.errstate(over="ignore"):
        return np.mean(np.square(residual) ** steps[:, None], axis=1)


def _curve(values, long_name):
    steps = xr.DataArray(np.arange(len(values)), dims="k", attrs={"long_name": "chain-of-thought depth", "units": "steps"})
    return xr.DataArray(values, dims="k", coords={"k": steps}, name="error", attrs={"long_name": long_name, "units": "1"})
