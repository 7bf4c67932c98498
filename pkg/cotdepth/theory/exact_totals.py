"""Exact mean errors at finite length of test prompts, by what is special about the layer and the test covariance.

Totals over the coordinates of ``E |(I - P S)^k|_F^2``, ``S`` the sample covariance of ``m`` features ``N(0, Sigma)``;
`finite_errors` has the public functions.
"""

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np

from cotdepth.covariance import Covariance
from cotdepth.theory import wishart

LARGEST_EXACT = {  # depths at which the exact mean takes a few seconds
    "isotropic": 40,  # P Sigma is a multiple of the identity where Sigma is positive
    "commuting": 6,  # P is symmetric and commutes with Sigma
    "white": 5,  # Sigma is a multiple of the identity
    "general": 4,
}
EQUAL = 1e-12  # relative: matrix entries this close are equal


def exact_totals(step: np.ndarray, test: Covariance, m: int, depth: int) -> np.ndarray:
    """Total errors for ``k = 0..depth`` of a layer with preconditioner `step`, (D, D); NotImplementedError beyond `LARGEST_EXACT`."""
    kind, spectra = _kind(step, test)
    if depth > LARGEST_EXACT[kind]:
        ranges = ", ".join(f"{depth} ({kind})" for kind, depth in LARGEST_EXACT.items())
        raise NotImplementedError(
            f"depth = {depth}: exact means at finite n_context_test are known up to depth {ranges}, and these covariances are "
            f"{kind}; use error_expansion or simulate"
        )
    if kind == "isotropic":
        return _isotropic_totals(*spectra, m, depth)
    if kind == "commuting":
        (steps, step_unit), (spectrum, unit) = map(_integers, spectra)
        letters = [(1, 1), (1, 1), (2, 1), (0, 1)]
        return _word_totals(wishart.Diagonal(steps, spectrum), letters, test.dim, m * step_unit * unit, m, depth)
    if kind == "white":
        algebra = wishart.General(q=step * test.spectrum[0])
        return _word_totals(algebra, ["q", "Q", "Qq", ""], test.dim, m, m, depth)
    root = test.with_eigenvalues(np.sqrt(test.spectrum))
    algebra = wishart.General("so", q=root @ step @ root, s=root @ step.T @ step @ root, o=test.matrix)
    return _word_totals(algebra, ["q", "Q", "s", "o"], test.dim, m, m, depth)


def _isotropic_totals(steps, spectrum, m, depth):
    """``tr (I - g W/m)^2k`` by integer Wishart moments, exact up to the rounding of ``g``: the sum cancels too much for floats."""
    seen = spectrum > 0
    numerator, denominator = float(steps[seen][0] * spectrum[seen][0]).as_integer_ratio()
    rank, denominator = int(seen.sum()), denominator * int(m)
    moments = [wishart.trace_moment(rank, int(m), power) for power in range(2 * depth + 1)]
    totals = np.full(depth + 1, float((~seen).sum()))  # no prompt says anything of the other directions
    for k in range(depth + 1):
        terms = (comb(2 * k, j) * (-numerator) ** j * denominator ** (2 * k - j) * moments[j] for j in range(2 * k + 1))
        totals[k] += _ratio(sum(terms), denominator ** (2 * k))
    return totals


def _ratio(numerator, denominator):
    """A ratio of integers, rounded once; ``inf`` beyond the range of floats."""
    try:
        return numerator / denominator
    except OverflowError:
        return np.inf


def _integers(values):
    """Floats as integers over a common denominator, exactly."""
    ratios = [float(value).as_integer_ratio() for value in values]
    unit = max(denominator for _, denominator in ratios)  # powers of 2
    return [numerator * (unit // denominator) for numerator, denominator in ratios], unit


def _word_totals(algebra, letters, dim, unit, m, depth):
    """Binomial expansion of ``tr((I - S P^T)^k (I - P S)^k)``, with ``S = R W R / m`` and ``R R = Sigma``.

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
    traces = wishart.mean_traces([word(a, b) for a, b in powers], int(m), algebra)
    signed = {(a, b): Fraction(trace) / (-int(unit)) ** (a + b) for (a, b), trace in zip(powers, traces)} | {(0, 0): dim}
    sums = [sum(comb(k, a) * comb(k, b) * value for (a, b), value in signed.items()) for k in range(depth + 1)]
    return np.array([_ratio(*total.as_integer_ratio()) for total in sums])


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
    sigma = test.matrix
    scale = np.abs(step).max() * np.abs(sigma).max()
    if np.abs(step @ sigma - sigma @ step).max() > EQUAL * test.dim * scale:
        return None
    _, basis = np.linalg.eigh(sigma / np.abs(sigma).max() + step / np.abs(step).max() / np.pi)
    turned = [basis.T @ matrix @ basis for matrix in (step, sigma)]
    across = [np.abs(matrix - np.diag(np.diag(matrix))).max() / np.abs(matrix).max() for matrix in turned]
    if max(across) > 1e3 * EQUAL:  # the sum of the two had an eigenspace that they do not share
        return None
    steps, spectrum = map(np.diag, turned)
    return steps, np.where(spectrum > EQUAL * test.spectrum.max(), spectrum, 0.0)
