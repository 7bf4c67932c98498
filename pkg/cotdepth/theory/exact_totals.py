"""Exact mean errors, by what is special about the layers and the test covariance.

Totals over the coordinates of ``E |A|_F^2`` where ``w - w_k = A w``: ``A = (I - P S)^k``, or, of a drifted layer,
``A = (1 - r) I + r (I - P S)^k``. ``S`` is the sample covariance of ``m`` features ``N(0, Sigma)``. Of many layers and many
lengths at once, since they share the contractions of `wishart`; `finite_errors` and `finite_drift` have the public functions.
"""

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np

from cotdepth.covariance import Covariance
from cotdepth.theory import wishart

LARGEST_EXACT = {  # depths at which the exact mean takes a few seconds; later kinds cover what precedes them
    "isotropic": 40,  # P Sigma is a multiple of the identity where Sigma is positive
    "commuting": 6,  # P is symmetric and commutes with Sigma
    "white": 5,  # Sigma is a multiple of the identity
    "general": 4,
}
EQUAL = 1e-12  # relative: matrix entries this close are equal


def all_totals(steps: np.ndarray, test: Covariance, lengths: list, depth: int, ratio=1.0) -> np.ndarray:
    """Total errors of each layer at each length, finite or ``inf``, for ``k = 0..depth``: (layers, lengths, depth + 1).

    The layers have preconditioners `steps`, (layers, D, D), and one `ratio` ``r`` or one each, (layers,). NotImplementedError
    beyond `LARGEST_EXACT` at a finite length.
    """
    finite = np.array([m != np.inf for m in lengths])
    totals = np.empty((len(steps), len(lengths), depth + 1))
    if finite.any():
        totals[:, finite] = exact_totals(steps, test, [m for m in lengths if m != np.inf], depth, ratio)
    totals[:, ~finite] = population_totals(steps, test, depth, ratio)
    return totals


def population_totals(steps: np.ndarray, test: Covariance, depth: int, ratio=1.0) -> np.ndarray:
    """Total errors of each layer for infinitely long prompts, for ``k = 0..depth``: (layers, 1, depth + 1)."""
    unit, ratio = np.eye(test.dim), np.reshape(ratio, (-1, 1, 1))
    propagator, power = unit - steps @ test.matrix, np.broadcast_to(unit, steps.shape)
    totals = np.empty((len(steps), 1, depth + 1))
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(depth + 1):
            totals[:, 0, k] = np.sum(((1 - ratio) * unit + ratio * power) ** 2, axis=(1, 2))
            power = propagator @ power
    return np.where(np.isnan(totals), np.inf, totals)  # beyond the range of floats


def exact_totals(steps: np.ndarray, test: Covariance, lengths: list, depth: int, ratio=1.0) -> np.ndarray:
    """`all_totals` at finite lengths."""
    kind, spectra = common_kind(steps, test)
    if depth > LARGEST_EXACT[kind]:
        ranges = ", ".join(f"{depth} ({kind})" for kind, depth in LARGEST_EXACT.items())
        raise NotImplementedError(
            f"depth = {depth}: exact means at finite n_context_test are known up to depth {ranges}, and these covariances are "
            f"{kind}; use error_expansion or simulate"
        )
    mean, ratio = _means(kind, spectra, steps, test, lengths, depth), _fractions(np.reshape(ratio, (-1, 1)))
    bias = (1 - ratio) ** 2 * test.dim
    sums = [ratio**2 * mean(k, k) + 2 * ratio * (1 - ratio) * mean(0, k) + bias for k in range(depth + 1)]
    return np.stack(np.broadcast_arrays(*map(_rounded, sums)), axis=-1)


def common_kind(steps: np.ndarray, test: Covariance):
    """The kind of `LARGEST_EXACT` that covers all layers, and the eigenvalues of each step and of the covariance, or None."""
    kinds, spectra = zip(*(_kind(step, test) for step in steps))
    return max(kinds, key=list(LARGEST_EXACT).index), spectra


# --- means of tr((I - S P^T)^a (I - P S)^b), exact sums: functions of (a, b) with values (layers, lengths) ------------


def _means(kind, spectra, steps, test, lengths, depth):
    """The formula of this kind. Means of many lengths are arrays over the last axis, those of many layers over the first."""
    if kind == "isotropic":
        return lambda a, b: np.array([[_isotropic_mean(*pair, m, a + b) for m in lengths] for pair in spectra], dtype=object)
    lengths = np.array(lengths, dtype=object)                             # (lengths,)
    if kind == "commuting":
        (values, value_unit), (spectrum, unit) = map(_integers, zip(*spectra))
        letters = [(1, 1), (1, 1), (2, 1), (0, 1)]
        return _word_means(wishart.Diagonal(values, spectrum), letters, test.dim, lengths * value_unit * unit, lengths, depth)
    steps, floats = steps[:, None], lengths.astype(float)                  # (layers, 1, D, D)
    if kind == "white":
        algebra = wishart.General(q=steps * test.spectrum[0])
        return _word_means(algebra, ["q", "Q", "Qq", ""], test.dim, lengths, floats, depth)
    root = test.with_eigenvalues(np.sqrt(test.spectrum))
    middle = root @ np.swapaxes(steps, -1, -2) @ steps @ root
    algebra = wishart.General("so", q=root @ steps @ root, s=middle, o=test.matrix)
    return _word_means(algebra, ["q", "Q", "s", "o"], test.dim, lengths, floats, depth)


def _isotropic_mean(steps, spectrum, m, power):
    """``E tr (I - g W/m)^power`` by integer Wishart moments, exact for the float ``g``: the sum cancels too much for floats."""
    seen = spectrum > 0
    numerator, denominator = float(steps[seen][0] * spectrum[seen][0]).as_integer_ratio()
    rank, denominator = int(seen.sum()), denominator * m
    terms = (
        comb(power, j) * (-numerator) ** j * denominator ** (power - j) * wishart.trace_moment(rank, m, j) for j in range(power + 1)
    )
    return int((~seen).sum()) + Fraction(sum(terms), denominator**power)  # no prompt says anything of the other directions


def _integers(values):
    """Floats (layers, D) as integers over a common denominator, exactly: (layers, 1, D) of type object, and an int."""
    ratios = [[float(value).as_integer_ratio() for value in row] for row in values]
    unit = max(denominator for row in ratios for _, denominator in row)  # powers of 2
    return np.array([[[numerator * (unit // denominator) for numerator, denominator in row]] for row in ratios], dtype=object), unit


def _word_means(algebra, letters, dim, units, lengths, depth):
    """Binomial expansion of ``tr((I - S P^T)^a (I - P S)^b)``, with ``S = R W R / m`` and ``R R = Sigma``.

    The letters are ``R P R``, its transpose, ``R P^T P R`` and ``R R``: what stands between two ``W`` in the word
    ``(S P^T)^a (P S)^b``, whose mean is that of the algebra over ``unit^(a + b)``. The sum cancels: it is exact where the
    algebra is, and else rounds at about 1e-12 of the largest mean.
    """
    step, transposed, middle, outer = letters

    def word(a, b):
        if a and b:
            return (transposed,) * (a - 1) + (middle,) + (step,) * (b - 1) + (outer,)
        return (step,) * (a + b)

    powers = [(a, b) for a, b in product(range(depth + 1), repeat=2) if a + b]
    traces = wishart.mean_traces([word(a, b) for a, b in powers], lengths, algebra)
    signed = {(a, b): _fractions(trace) / (-units) ** (a + b) for (a, b), trace in zip(powers, traces)} | {(0, 0): dim}
    return lambda a, b: sum(comb(a, i) * comb(b, j) * signed[i, j] for i, j in product(range(a + 1), range(b + 1)))


_fractions = np.vectorize(Fraction, otypes=[object])


@np.vectorize(otypes=[float])
def _rounded(fraction):
    """A fraction, rounded once; ``inf`` beyond the range of floats."""
    try:
        return float(fraction)
    except OverflowError:
        return np.inf


# --- kinds --------------------------------------------------------------------------------------------------------


def _kind(step: np.ndarray, test: Covariance):
    """Which exact formula applies, and the eigenvalues of step and covariance where they commute."""
    size = np.abs(step).max()
    white = np.ptp(test.spectrum) <= EQUAL * test.spectrum.max()
    spectra = _common_spectra(step, test) if np.abs(step - step.T).max() <= EQUAL * size else None
    if spectra is None:
        return ("white" if white else "general"), None
    seen = [values[spectra[1] > 0] for values in spectra]
    isotropic = all(np.ptp(values) <= EQUAL * np.abs(values).max() for values in seen)
    return ("isotropic" if isotropic else "commuting"), spectra


def _common_spectra(step, test):
    """Eigenvalues of a symmetric matrix and a covariance in a common eigenbasis; None if they do not commute."""
    pair = [matrix / (np.abs(matrix).max() or 1) for matrix in (step, test.matrix)]
    if np.abs(pair[0] @ pair[1] - pair[1] @ pair[0]).max() > EQUAL * test.dim:
        return None
    _, basis = np.linalg.eigh(pair[1] + pair[0] / np.pi)
    if max(np.abs(_off_diagonal(basis.T @ matrix @ basis)).max() for matrix in pair) > 1e3 * EQUAL:
        return None  # the sum of the two had an eigenspace that they do not share
    steps, spectrum = (np.diag(basis.T @ matrix @ basis) for matrix in (step, test.matrix))
    return steps, np.where(spectrum > EQUAL * test.spectrum.max(), spectrum, 0.0)


def _off_diagonal(matrix):
    """The matrix with zeros on its diagonal."""
    return matrix - np.diag(np.diag(matrix))
