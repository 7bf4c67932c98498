"""Error of chain-of-thought depth at finite size: exact, and two approximations under their own names.

A layer with preconditioner ``P = Gamma^-1`` takes the estimate 0 to ``w_k``, with ``w - w_k = (I - P S)^k w``, where
``S = X X^T / m`` comes from a noiseless test prompt of ``m`` examples with features ``N(0, Sigma)`` (training-data paper,
Proposition 3.2, whose eq. (3.9) prints the exponent off by one: here ``k`` counts applications of the layer). Errors are
means over prompts and ``w ~ N(0, I)``, per dimension, ``|w - w_k|^2 / D``: the paper's totals divided by ``D``. Functions
come in pairs: of a training covariance and length, and, ending in ``_at``, of any preconditioner (a mixture's, a fitted one).
"""

import numpy as np
import xarray as xr

from cotdepth.covariance import as_covariance
from cotdepth.theory.arguments import depth_argument
from cotdepth.theory.exact_totals import exact_totals
from cotdepth.theory.population import context_argument, matrix_argument, preconditioner

LARGEST_DEPTH = 2000
LARGEST_EXPANSION = 60  # depth: the first order takes O(depth^2 D^2) memory


def error_exact(train_covariance, test_covariance, *, n_context, n_context_test, depth: int) -> xr.DataArray:
    """Exact mean error per dimension after ``k = 0..depth`` steps of thought; ``error(k=0) = 1``.

    Parameters
    ----------
    train_covariance, test_covariance : Covariance, (D, D) array or (D,) array
        Of the features in training and test prompts; spectra given as arrays share the common basis.
    n_context, n_context_test : int
        Examples in a training prompt (``n``) and in a test prompt (``m``), at least 1, or ``inf``.
    depth : int
        Largest depth. For finite ``m`` exact means are known to depth 40 for isotropic covariances, 6 for
        covariances that commute, 5 for isotropic test features and 4 else; for infinite ``m`` to 2000.

    Returns
    -------
    xr.DataArray
        Dim `k`. At finite ``m`` and large ``k`` rare prompts carry this mean: it grows in the end for every ``m``. Accurate to
        rounding, except that where covariances do not commute errors below 1e-9 lose digits to cancellation.

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
    return curve.assign_coords(n_context=_length("n_context", n_context))


def error_exact_at(preconditioner, test_covariance, *, n_context_test, depth: int) -> xr.DataArray:
    """`error_exact` of a layer with any preconditioner, (D, D), symmetric or not, singular or not."""
    m, step, test, depth = _rollout(preconditioner, test_covariance, n_context_test, depth)
    if m == np.inf:
        totals = _population_totals(step, test, depth)
    else:
        totals = exact_totals(step, test, m, depth)
    return _curve(totals, test, n_context_test, "mean error per dimension |w - w_k|^2 / D")


def error_leading_order(train_covariance, test_covariance, *, n_context, depth: int) -> xr.DataArray:
    """Error per dimension for infinitely long test prompts, ``|(I - Gamma^-1 Sigma)^k|_F^2 / D``, for ``k = 0..depth``.

    The leading order of the error at ``m`` examples. It is no bound: the mean error at finite ``m`` is larger at depth 1,
    and close only for ``m`` far above ``2 k^2 n^2 / D`` (for isotropic covariances). Arguments as in `error_exact`, depth
    up to 2000; raises ValueError for arguments out of range.

    Source: training-data paper, theorem 3.4, whose factor ``1 + O(k sqrt(d/m))`` hides a constant that grows like ``n/d``
    (erratum).
    """
    learned = _learned(train_covariance, test_covariance, n_context)
    curve = error_leading_order_at(learned, test_covariance, depth=depth)
    return curve.assign_coords(n_context=_length("n_context", n_context))


def error_leading_order_at(preconditioner, test_covariance, *, depth: int) -> xr.DataArray:
    """`error_leading_order` of a layer with any preconditioner, (D, D)."""
    m, step, test, depth = _rollout(preconditioner, test_covariance, np.inf, depth)
    return _curve(_population_totals(step, test, depth), test, m, "error per dimension, leading order in long test prompts")


def error_expansion(train_covariance, test_covariance, *, n_context, n_context_test, depth: int) -> xr.DataArray:
    """Error per dimension to first order in ``1/m``: `error_leading_order` plus `first_correction` over ``m``.

    Exact at depth 1; what is left is O(1/m^2). Arguments as in `error_exact`, depth up to 60 (at a cost of O(depth^3 D^2));
    raises ValueError for arguments out of range. Source: derived for this project.
    """
    learned = _learned(train_covariance, test_covariance, n_context)
    curve = error_expansion_at(learned, test_covariance, n_context_test=n_context_test, depth=depth)
    return curve.assign_coords(n_context=_length("n_context", n_context))


def error_expansion_at(preconditioner, test_covariance, *, n_context_test, depth: int) -> xr.DataArray:
    """`error_expansion` of a layer with any preconditioner, (D, D)."""
    m, step, test, depth = _rollout(preconditioner, test_covariance, n_context_test, depth, LARGEST_EXPANSION)
    totals = _population_totals(step, test, depth) + _corrections(step, test, depth) / m
    return _curve(totals, test, n_context_test, "mean error per dimension to first order in 1/m")


def first_correction(preconditioner, test_covariance, *, depth: int) -> xr.DataArray:
    """Coefficient ``C_1`` per dimension of ``1/m`` in the mean error of a layer, for ``k = 0..depth``.

    For isotropic covariances ``k (2k - 1) n^2 / (D + 1)`` times `error_leading_order`. Arguments as in `error_exact_at`, depth up to 60.
    Source: derived for this project.
    """
    m, step, test, depth = _rollout(preconditioner, test_covariance, np.inf, depth, LARGEST_EXPANSION)
    totals = _corrections(step, test, depth)
    return _curve(totals, test, m, "coefficient of 1/m in the mean error per dimension").drop_vars("n_context_test")


def direct_error(train_covariance, test_covariance, *, n_context, n_context_test, weights) -> float:
    """Exact mean error per dimension after one step, over prompts of one task with these weights, (D,).

    Raises ValueError for arguments out of range; others as in `error_exact`.

    Notes
    -----
    ``w^T [(I - P Sigma)^T (I - P Sigma) + (Sigma P^T P Sigma + tr(Sigma P^T P) Sigma) / m] w / D``: training-data paper, proof
    of theorem 3.3 (for equal covariances), whose statement prints ``1/n`` for the ``1/m`` of the estimate (erratum).
    """
    learned = _learned(train_covariance, test_covariance, n_context)
    m, step, test, _ = _rollout(learned, test_covariance, n_context_test, 1)
    w = weights_argument(weights, test.dim)
    sigma, square = test.matrix, step.T @ step
    bias = w - step @ sigma @ w
    variance = w @ (sigma @ square @ sigma + np.trace(sigma @ square) * sigma) @ w
    return float(bias @ bias + variance / m) / test.dim


# --- totals over the coordinates, for k = 0..depth ----------------------------------------------------------------


def _population_totals(step, test, depth):
    propagator, power = np.eye(test.dim) - step @ test.matrix, np.eye(test.dim)
    totals = np.empty(depth + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(depth + 1):
            totals[k] = np.sum(power**2)
            power = propagator @ power
    return np.where(np.isnan(totals), np.inf, totals)  # beyond the range of floats


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


# --- arguments and labels -----------------------------------------------------------------------------------------


def weights_argument(weights, dim: int) -> np.ndarray:
    """A finite weight vector of shape (dim,); anything else is a ValueError."""
    w = np.asarray(weights)
    if w.shape != (dim,) or w.dtype.kind not in "iuf" or not np.isfinite(w).all():
        raise ValueError(f"weights = {weights!r}: must be {dim} finite real numbers")
    return w.astype(float)


def _learned(train_covariance, test_covariance, n_context):
    train = as_covariance(train_covariance, name="train_covariance")
    test = as_covariance(test_covariance, name="test_covariance")
    if train.dim != test.dim:
        raise ValueError(f"test_covariance has {test.dim} features, train_covariance {train.dim}: must be equal")
    return preconditioner(train, n_context)


def _rollout(preconditioner, test_covariance, n_context_test, depth, largest=LARGEST_DEPTH):
    test = as_covariance(test_covariance, name="test_covariance")
    m = context_argument("n_context_test", n_context_test)
    return m, matrix_argument("preconditioner", preconditioner, test.dim), test, depth_argument("depth", depth, largest)


def _curve(totals, test, n_context_test, long_name):
    steps = xr.DataArray(np.arange(len(totals)), dims="k", attrs={"long_name": "chain-of-thought depth", "units": "steps"})
    curve = xr.DataArray(totals / test.dim, dims="k", coords={"k": steps}, name="error")
    length = _length("n_context_test", n_context_test)
    return curve.assign_coords(n_context_test=length).assign_attrs(long_name=long_name, units="1")


def _length(name, value):
    meaning = {"n_context": "examples in a training prompt", "n_context_test": "examples in a test prompt"}
    return xr.DataArray(context_argument(name, value), attrs={"long_name": meaning[name], "units": "1"})
