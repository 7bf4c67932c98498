"""Error of chain-of-thought depth at finite size: exact, and two approximations under their own names.

A layer with preconditioner ``P = Gamma^-1`` takes the estimate 0 to ``w_k``, with ``w - w_k = (I - P S)^k w``, where
``S = X X^T / m`` comes from a noiseless test prompt of ``m`` examples with features ``N(0, Sigma)`` (training-data paper,
Proposition 3.2, whose eq. (3.9) prints the exponent off by one: here ``k`` counts applications of the layer). Errors are
means over prompts and ``w ~ N(0, I)``, per dimension, ``|w - w_k|^2 / D``: the paper's totals divided by ``D``. Functions
come in pairs: of a training covariance and length, and, ending in ``_at``, of any preconditioner (a mixture's, a fitted one)
or a stack of them.
"""

import numpy as np
import xarray as xr

from cotdepth.checks import positive_argument
from cotdepth.covariance import as_covariance
from cotdepth.theory.exact_totals import LARGEST_EXACT, all_totals, common_kind, population_totals
from cotdepth.theory.finite_arguments import LARGEST_DEPTH, length, rollouts, weights_argument
from cotdepth.theory.population import context_argument, preconditioner

LARGEST_EXPANSION = 60  # depth: the first order takes O(depth^2 D^2) memory


def error_exact(train_covariance, test_covariance, *, n_context, n_context_test, depth: int) -> xr.DataArray:
    """Exact mean error per dimension after ``k = 0..depth`` steps of thought; ``error(k=0) = 1``.

    Parameters
    ----------
    train_covariance, test_covariance : Covariance, (D, D) array or (D,) array
        Of the features in training and test prompts; spectra given as arrays share the common basis.
    n_context : int
        Examples in a training prompt (``n``), at least 1, or ``inf``.
    n_context_test : int, or one-dimensional array of them
        Examples in a test prompt (``m``), likewise. Several take little longer than one, isotropic covariances aside.
    depth : int
        Largest depth. For finite ``m`` exact means are known to depth 40 for isotropic covariances, 6 for
        covariances that commute, 5 for isotropic test features and 4 else; for infinite ``m`` to 2000: see
        `largest_exact_depth`.

    Returns
    -------
    xr.DataArray
        Dims `n_context_test`, if several lengths are given, and `k`. At finite ``m`` and large ``k`` rare prompts carry this
        mean: it grows in the end for every ``m``. Accurate to rounding, except that where covariances do not commute errors
        below 1e-9 lose digits to cancellation.

    Raises
    ------
    ValueError
        If an argument is out of range.
    NotImplementedError
        If the depth is beyond the exactly known range, which it names.

    Notes
    -----
    Training-data paper, eqs. (4.2) and, in the proof of theorem 3.3, one step; the means over prompts derived for this
    project from Wishart moments (`cotdepth.theory.wishart`).

    Examples
    --------
    >>> error_exact(np.ones(10), np.ones(10), n_context=10, n_context_test=10, depth=2).round(6).values.tolist()
    [1.0, 0.52381, 0.407963]
    """
    learned = _learned(train_covariance, test_covariance, n_context)
    curve = error_exact_at(learned, test_covariance, n_context_test=n_context_test, depth=depth)
    return curve.assign_coords(n_context=length("n_context", n_context))


def error_exact_at(preconditioner, test_covariance, *, n_context_test, depth: int) -> xr.DataArray:
    """`error_exact` of a layer with any preconditioner, (D, D), symmetric or not, singular or not.

    A stack of layers is a DataArray with dims (..., row, col); its other dims, such as `seed`, become those of the result.
    Many layers take little longer than one. Where their kinds differ, the most general one sets the largest depth.
    """
    given = rollouts(preconditioner, test_covariance, n_context_test, depth)
    totals = all_totals(given.steps, given.test, given.lengths, given.depth)
    return given.curve(totals, "mean error per dimension |w - w_k|^2 / D")


def largest_exact_depth(preconditioner, test_covariance, *, n_context_test) -> int:
    """The largest depth that `error_exact_at` knows for these layers and lengths, and `error_exact` for its own layer.

    2000 for infinitely long test prompts, of which `n_context_test` may have several; else one of 40, 6, 5 and 4.
    Arguments as in `error_exact_at`; raises ValueError for those out of range.

    Examples
    --------
    >>> largest_exact_depth(preconditioner([1.0, 0.5], 20), [1.0, 0.5], n_context_test=100)
    6
    """
    given = rollouts(preconditioner, test_covariance, n_context_test, 0)
    if all(m == np.inf for m in given.lengths):
        return LARGEST_DEPTH
    return LARGEST_EXACT[common_kind(given.steps, given.test)[0]]


def error_leading_order(train_covariance, test_covariance, *, n_context, depth: int) -> xr.DataArray:
    """Error per dimension for infinitely long test prompts, ``|(I - Gamma^-1 Sigma)^k|_F^2 / D``, for ``k = 0..depth``.

    The leading order of the error at ``m`` examples. It is no bound: the mean error at finite ``m`` is larger at depth 1,
    and close only for ``m`` far above ``2 k^2 n^2 / D`` (for isotropic covariances; for others see `long_enough`). Arguments
    as in `error_exact`, depth up to 2000; raises ValueError for arguments out of range.

    Source: training-data paper, theorem 3.4, whose factor ``1 + O(k sqrt(d/m))`` hides a constant that grows like ``n/d``
    (erratum).
    """
    learned = _learned(train_covariance, test_covariance, n_context)
    curve = error_leading_order_at(learned, test_covariance, depth=depth)
    return curve.assign_coords(n_context=length("n_context", n_context))


def error_leading_order_at(preconditioner, test_covariance, *, depth: int) -> xr.DataArray:
    """`error_leading_order` of layers with any preconditioners, as in `error_exact_at`."""
    given = rollouts(preconditioner, test_covariance, np.inf, depth)
    totals = population_totals(given.steps, given.test, given.depth)
    return given.curve(totals, "error per dimension, leading order in long test prompts")


def error_expansion(train_covariance, test_covariance, *, n_context, n_context_test, depth: int) -> xr.DataArray:
    """Error per dimension to first order in ``1/m``: `error_leading_order` plus `first_correction` over ``m``.

    Exact at depth 1; what is left is O(1/m^2). Arguments as in `error_exact`, depth up to 60 (at a cost of O(depth^3 D^2));
    raises ValueError for arguments out of range. Source: derived for this project.
    """
    learned = _learned(train_covariance, test_covariance, n_context)
    curve = error_expansion_at(learned, test_covariance, n_context_test=n_context_test, depth=depth)
    return curve.assign_coords(n_context=length("n_context", n_context))


def error_expansion_at(preconditioner, test_covariance, *, n_context_test, depth: int) -> xr.DataArray:
    """`error_expansion` of layers with any preconditioners, as in `error_exact_at`."""
    given = rollouts(preconditioner, test_covariance, n_context_test, depth, LARGEST_EXPANSION)
    corrections = _all_corrections(given) / np.array(given.lengths, dtype=float)[:, None]
    totals = population_totals(given.steps, given.test, given.depth) + corrections
    return given.curve(totals, "mean error per dimension to first order in 1/m")


def first_correction(preconditioner, test_covariance, *, depth: int) -> xr.DataArray:
    """Coefficient ``C_1`` per dimension of ``1/m`` in the mean error of a layer, for ``k = 0..depth``.

    For isotropic covariances ``k (2k - 1) n^2 / (D + 1)`` times `error_leading_order`. Arguments as in `error_exact_at`, depth up to 60.
    Source: derived for this project.
    """
    given = rollouts(preconditioner, test_covariance, np.inf, depth, LARGEST_EXPANSION)
    return given.curve(_all_corrections(given), "coefficient of 1/m in the mean error per dimension").drop_vars("n_context_test")


def long_enough(train_covariance, test_covariance, *, n_context, depth: int, tolerance: float = 0.1) -> xr.DataArray:
    """Length of test prompts at which the first correction is a fraction `tolerance` of the leading order, for each depth.

    An estimate from the first order in ``1/m``, ``|C_1| / (tolerance R_k(inf))``, not rounded to an integer: with so many
    examples the mean error is about ``1 + tolerance`` times `error_leading_order` (``1 - tolerance`` where the correction is
    negative). Isotropic tasks need ``k (2k - 1) n^2 / ((D + 1) tolerance)``.

    Parameters
    ----------
    train_covariance, test_covariance, n_context
        As in `error_exact`.
    depth : int
        Largest depth, up to 60.
    tolerance : float
        Positive and finite.

    Returns
    -------
    xr.DataArray
        Dim `k`; 0 at ``k = 0``, and ``inf`` where the leading order is 0.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Derived for this project. The training-data paper's theorem 3.4 asks for ``m = Omega(k^2 d)``, with a hidden constant that
    grows like ``(n/d)^2``: the factor ``1/min sigma_i``, about ``n/d``, enters squared (erratum).

    Examples
    --------
    >>> long_enough(np.ones(10), np.ones(10), n_context=30, depth=2).round().values.tolist()
    [0.0, 818.0, 4909.0]
    """
    tolerance = positive_argument("tolerance", tolerance)
    leading = error_leading_order(train_covariance, test_covariance, n_context=n_context, depth=depth).drop_vars("n_context_test")
    learned = _learned(train_covariance, test_covariance, n_context)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = abs(first_correction(learned, test_covariance, depth=depth)) / (tolerance * leading)
    attrs = {"long_name": "examples in a test prompt at which the first correction is small", "units": "1"}
    return needed.where(leading > 0, np.inf).rename("n_context_test").assign_attrs(attrs)


def direct_error(train_covariance, test_covariance, *, n_context, n_context_test, weights) -> float:
    """Exact mean error per dimension after one step, over prompts of one task with these weights, (D,).

    Raises ValueError for arguments out of range; others as in `error_exact`, with one length of test prompts.

    Notes
    -----
    ``w^T [(I - P Sigma)^T (I - P Sigma) + (Sigma P^T P Sigma + tr(Sigma P^T P) Sigma) / m] w / D``: training-data paper, proof
    of theorem 3.3 (for equal covariances), whose statement prints ``1/n`` for the ``1/m`` of the estimate (erratum).
    """
    step, test = _learned(train_covariance, test_covariance, n_context), as_covariance(test_covariance, name="test_covariance")
    m = context_argument("n_context_test", n_context_test)
    w = weights_argument(weights, test.dim)
    sigma, square = test.matrix, step.T @ step
    bias = w - step @ sigma @ w
    variance = w @ (sigma @ square @ sigma + np.trace(sigma @ square) * sigma) @ w
    return float(bias @ bias + variance / m) / test.dim


# --- first order in 1/m: totals over the coordinates, for k = 0..depth ------------------------------------------


def _all_corrections(given):
    """Coefficients of ``1/m`` for each layer, (layers, 1, depth + 1)."""
    return np.array([[_corrections(step, given.test, given.depth)] for step in given.steps])


def _corrections(step, test, depth):
    """Coefficient of ``1/m``: with ``S = Sigma + G/sqrt(m)``, ``E[G A G] = Sigma A^T Sigma + tr(Sigma A) Sigma``.

    Two terms are of second order in ``G``: the square of ``sum_i M^i P G M^(k-1-i)``, and twice the product of ``M^k`` with
    ``sum M^a P G M^b P G M^c`` over ``a + b + c = k - 2``.
    """
    sigma = test.matrix
    powers = _powers(np.eye(test.dim) - step @ sigma, depth)               # (depth + 1, D, D)
    return _squares(powers, step, sigma) + 2 * np.einsum("kab,kab->k", powers, _second_order(powers, step, sigma))


def _powers(propagator, depth):
    powers = [np.eye(len(propagator))]
    for _ in range(depth):
        powers.append(powers[-1] @ propagator)
    return np.array(powers)


def _squares(powers, step, sigma):
    """``E |sum_i M^i P G M^(k-1-i)|_F^2`` for every k."""
    left = powers @ step                                                   # M^i P
    crossed = (left @ sigma)[:, None] @ powers[None]                       # (i, j): M^i P Sigma M^j
    gain = np.einsum("irq,jrp,pq->ij", left, left, sigma, optimize=True)
    spread = np.einsum("icb,jab,ca->ij", powers, powers, sigma, optimize=True)
    squares = np.zeros(len(powers))
    for k in range(1, len(powers)):
        block = crossed[:k, k - 1 :: -1]                                   # (i, j): M^i P Sigma M^(k-1-j)
        squares[k] = np.einsum("jiab,ijab->", block, block) + np.sum(gain[:k, :k] * spread[:k, :k][::-1, ::-1])
    return squares


def _second_order(powers, step, sigma):
    """``sum M^a P E[G M^b P G] M^c`` over ``a + b + c = k - 2`` for every k, (depth + 1, D, D)."""
    propagator = powers[1] if len(powers) > 1 else powers[0]
    total, starting = np.zeros_like(powers), np.zeros_like(sigma)          # `starting`: the part with a = 0
    for k in range(2, len(powers)):
        inner = powers[k - 2] @ step
        starting = starting @ propagator + step @ (sigma @ inner.T @ sigma + np.trace(sigma @ inner) * sigma)
        total[k] = propagator @ total[k - 1] + starting
    return total


# --- arguments -----------------------------------------------------------------------------------------------------


def _learned(train_covariance, test_covariance, n_context):
    """The preconditioner of training on a task, for a test of as many features."""
    train = as_covariance(train_covariance, name="train_covariance")
    test = as_covariance(test_covariance, name="test_covariance")
    if train.dim != test.dim:
        raise ValueError(f"test_covariance has {test.dim} features, train_covariance {train.dim}: must be equal")
    return preconditioner(train, n_context)
