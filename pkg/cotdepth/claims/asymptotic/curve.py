"""Claims about the error at finite depth (asymptotic paper, Result 4 and appendices C and D)."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np

from cotdepth.claims.asymptotic.ridge_system import ridge_errors, training_task_errors
from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import asymptotic, boundaries
from cotdepth.theory.row_filter import gauss_rule

LEDGER = Ledger("asymptotic")
# improvement twice, saturation, overthinking by oscillation, full context, overthinking by drift
REGIMES = [(4.0, 3.0, 0.01), (2.0, 4.0, 0.3), (0.5, 4.0, 0.3), (3.0, 1.5, 0.01), (1.0, 3.0, 1.0), (3.0, 1.6, 2.0)]


@LEDGER.claim(
    "Result 4", "closed form without ridge",
    sentence="Without ridge the error after k steps is a derivative of a function of two variables, rational in the resolvents of the"
         " spectrum of a prompt.",
    form="Taylor coefficients, by a Fourier transform on a torus, of F in terms of g(x), g(y), agree with the library's error curve at"
         " k = 0 .. 30 in six regimes, to a relative 1e-8",
    kind="numerical",
)  # fmt: skip
def closed_form():
    """Two evaluations that share no code: resolvents on a torus, and averages over Gauss nodes."""
    gaps = [np.abs(closed_form_errors(*point, depth=30) / asymptotic.error_curve(*point, depth=30) - 1).max() for point in REGIMES]
    return Outcome(Check("largest relative difference", worst(gaps), 1e-8))


def closed_form_errors(alpha, tau, sigma, *, depth, n_nodes=1024):
    """``[x^k y^k] P / (1 - beta x y Q)`` with ``P`` and ``Q`` from the resolvent ``g(x) = <1 / (1 - x z)>`` alone."""
    c, beta = 1 + boundaries.prompt_variance(alpha, sigma), boundaries.noise_strength(alpha, tau, sigma)
    radius = 0.9 * np.exp(-boundaries.singularity(alpha, tau, sigma) / 2)
    x = radius * np.exp(2j * np.pi * np.arange(n_nodes) / n_nodes)
    v = resolvent_root(x, alpha, c)
    g = np.sqrt(alpha) * c * v / x / (1 - v / np.sqrt(alpha))
    product, total = np.multiply.outer(v, v), np.add.outer(v, v)
    F = np.multiply.outer(g, g) / (1 - (1 + beta * (1 + alpha)) * product + beta * np.sqrt(alpha) * product * total)
    k = np.arange(depth + 1)
    return (np.fft.fft2(F)[k, k] / n_nodes**2).real / radius ** (2 * k)


def resolvent_root(x, alpha, c):
    """The root inside the unit circle of ``1/x = z_1 + b (v + 1/v)``, ``b = 1/(c sqrt(alpha))``: the quadratic of the resolvent."""
    b, centre = 1 / (c * np.sqrt(alpha)), 1 - (1 + 1 / alpha) / c
    half = (1 / x - centre) / (2 * b)
    roots = half + np.sqrt(half**2 - 1), half - np.sqrt(half**2 - 1)
    return np.where(np.abs(roots[0]) < 1, *roots)


@LEDGER.claim(
    "Result 4", "more tasks",
    sentence="With more pretraining tasks the error is lower.",
    form="Error at k = 1 .. 60 never rises from one task ratio to the next of 1.2, 1.5, 2, 3, 5, 10, infinity, at (alpha, sigma) ="
         " (0.5, 0.3), (2, 0), (4, 1): largest change of its logarithm",
    kind="numerical",
)  # fmt: skip
def more_tasks():
    """Signs of the differences along the task ratio, at every depth."""
    taus = np.array([1.2, 1.5, 2, 3, 5, 10, np.inf])
    curves = [asymptotic.log_error_curve(alpha, taus, sigma, depth=60) for alpha, sigma in ((0.5, 0.3), (2, 0), (4, 1))]
    changes = [curve.diff("tau").isel(k=slice(1, None)).max() for curve in curves]
    return Outcome(Check("largest change of log error with more tasks", worst(changes), 0))


@LEDGER.claim(
    "Equation 231", "closed system with ridge",
    sentence="With ridge a closed system of scalar equations has the error, for any number of tasks.",
    form="Coefficients of its solution on a torus agree with the library's error curve at k = 0 .. 8, for (alpha, tau, sigma, lam) ="
         " (2, 1.5, 0.1, 0.3), (2, 0.6, 0.1, 0.2), (0.7, 3, 0.5, 1), to a relative 1e-6",
    kind="numerical",
)  # fmt: skip
def ridge_system():
    """The paper's system, solved by iteration, beside the general formula of the library."""
    points = (2.0, 1.5, 0.1, 0.3), (2.0, 0.6, 0.1, 0.2), (0.7, 3.0, 0.5, 1.0)
    library = [asymptotic.error_curve(*point[:3], ridge=point[3], depth=8).values for point in points]
    gaps = [np.abs(ridge_errors(*point, depth=8) / curve - 1).max() for point, curve in zip(points, library)]
    return Outcome(Check("largest relative difference", worst(gaps), 1e-6))


@LEDGER.claim(
    "Equation 75", "error on training tasks",
    sentence="The error on a new prompt of a training task follows from the same order parameters.",
    form="Taylor coefficients of its generating function in closed form agree with the library's curve at k = 0 .. 8 in three regimes,"
         " to a relative 1e-6",
    kind="numerical",
)  # fmt: skip
def training_tasks():
    """A formula for isotropic prompts beside the general one."""
    points = (3.0, 3.0, 0.3), (2.0, 1.5, 0.1), (0.5, 4.0, 0.3)
    library = [asymptotic.training_task_error_curve(*point, depth=8).values for point in points]
    gaps = [np.abs(training_task_errors(*point, depth=8) / curve - 1).max() for point, curve in zip(points, library)]
    return Outcome(Check("largest relative difference", worst(gaps), 1e-6))


@LEDGER.claim(
    "Equation 75", "training tasks are easier",
    sentence="A task of the training set is solved better than a new one, and with many tasks no better.",
    form="Error after one step on a training task over that on a new one is at most 1 at tau = 1.5, 3, 10, 100 (alpha = 2, sigma ="
         " 0.1), and above 0.95 at the last",
    kind="numerical",
)  # fmt: skip
def memorised():
    """Ratios of the first-step errors."""
    taus = np.array([1.5, 3, 10, 100])
    ratio = asymptotic.training_task_error_curve(2, taus, 0.1, depth=1).sel(k=1) / asymptotic.error_curve(2, taus, 0.1, depth=1).sel(k=1)
    return Outcome(Check("larger of the largest ratio and 1.95 less the last", worst([*ratio.values, 1.95 - ratio.values[-1]]), 1))


@LEDGER.claim(
    "Equation 257", "derivatives cancel",
    sentence="Evaluating the derivatives directly is unstable beyond small depths.",
    form="In float64 the binomial sum of moments of S loses every digit of E_60 at (alpha, tau, sigma) = (3, infinity, 0): negative of"
         " the logarithm to base 10 of its relative error",
    kind="numerical",
)  # fmt: skip
def direct_derivatives():
    """The alternating sum in float64 beside the same sum in rational numbers."""
    moments = wishart_moments(Fraction(3), 120)
    exact, rounded = (binomial_sum(values, scale) for values, scale in ((moments, Fraction(3, 4)), ([float(m) for m in moments], 0.75)))
    return Outcome(Check("digits left", -np.log10(abs(rounded / float(exact) - 1)), 0))


@LEDGER.claim(
    "Equation 272", "recursion of coefficients",
    sentence="Recursive coefficients of the generating function evaluate the error at any depth stably, given high precision.",
    form="The library's recursion in double precision agrees with the same sum in rational numbers at k = 0 .. 60, (alpha, tau, sigma)"
         " = (3, infinity, 0) and with rational coefficients of F at k = 0 .. 6, (2, 4, 1/2), to a relative 1e-10",
    kind="numerical",
)  # fmt: skip
def stable_recursion():
    """Double precision beside rational arithmetic."""
    moments = wishart_moments(Fraction(3), 120)
    population = np.array([float(binomial_sum(moments[: 2 * k + 1], Fraction(3, 4))) for k in range(61)])
    finite = np.array(rational_errors(Fraction(2), Fraction(4), Fraction(1, 2), 6), dtype=float)
    gaps = [np.abs(asymptotic.error_curve(3, np.inf, depth=60) / population - 1).max(),
            np.abs(asymptotic.error_curve(2, 4, 0.5, depth=6) / finite - 1).max()]  # fmt: skip
    return Outcome(Check("largest relative difference", worst(gaps), 1e-10))


def wishart_moments(alpha, highest):
    """``<s^n>`` of the Marchenko-Pastur law of ratio 1/alpha, n = 0 .. highest: Narayana polynomials."""
    return [1] + [sum(Fraction(comb(n, j) * comb(n, j + 1), n) / alpha**j for j in range(n)) for n in range(1, highest + 1)]


def binomial_sum(moments, inverse):
    """``sum_j C(n, j) (-1/c)^j <s^j> = <(1 - s/c)^n>``, with n + 1 moments, in the arithmetic of its arguments."""
    order = len(moments) - 1
    return sum(comb(order, j) * (-inverse) ** j * moment for j, moment in enumerate(moments))


def rational_errors(alpha, tau, sigma, depth):
    """``E_0 .. E_depth`` in rational numbers, by expanding ``F = P + beta x y Q F``."""
    c = 1 + (1 + sigma**2) / alpha
    beta, moments = (c - 1) / (tau - 1), wishart_moments(alpha, 2 * depth + 2)
    mu = [binomial_sum(moments[: n + 1], 1 / c) for n in range(2 * depth + 1)]
    nu = [_weighted(moments, n, 1 / c) for n in range(2 * depth + 1)]
    table = {}
    for i, j in itertools.product(range(depth + 1), repeat=2):
        inner = sum(nu[a + b] * table[i - 1 - a, j - 1 - b] for a in range(i) for b in range(j))
        table[i, j] = mu[i + j] + beta * inner
    return [table[k, k] for k in range(depth + 1)]


def _weighted(moments, order, inverse):
    """``<(s/c)^2 (1 - s/c)^n>``."""
    return sum(comb(order, j) * (-inverse) ** j * inverse**2 * moments[j + 2] for j in range(order + 1))


@LEDGER.claim(
    "Equation 308", "error at the population optimum",
    sentence="With infinitely many tasks the error is the average of (1 - s/c)^2k over the spectrum of a prompt.",
    form="Average over Gauss nodes of the Marchenko-Pastur law beside the library's curve at tau = infinity, and at tau = 1e9 to 1e-6,"
         " for (alpha, sigma) = (0.5, 0), (2, 0.5), k = 0 .. 40: larger of the relative differences, the first times 1e4",
    kind="numerical",
)  # fmt: skip
def population_error():
    """The integral by quadrature beside both limits of the library."""
    return Outcome(Check("largest relative difference, weighted", worst(map(_population_gap, (0.5, 2.0), (0.0, 0.5))), 1e-6))


def _population_gap(alpha, sigma):
    nodes, weights = gauss_rule(alpha, 90)
    z = 1 - (1 + nodes / np.sqrt(alpha)) / (1 + boundaries.prompt_variance(alpha, sigma))
    exact = np.array([weights @ z ** (2 * k) for k in range(41)])
    infinite, huge = (np.abs(asymptotic.error_curve(alpha, tau, sigma, depth=40) / exact - 1).max() for tau in (np.inf, 1e9))
    return max(1e4 * infinite, huge)
