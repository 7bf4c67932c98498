"""The finite-size theory against reference values, exact integrals over prompts, the literal transformer and itself."""

import json
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from cotdepth.covariance import Covariance, as_covariance, haar, identity, limited_support, power_law
from cotdepth.theory import asymptotic, exact_totals, finite, wishart

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "reference_finite.json").read_text())
ENTRIES = {entry["id"]: entry for entry in REFERENCE["entries"]}
INF = float("inf")


# --- the reference table ------------------------------------------------------------------------------------------


def _rollout(Lambda_diag, n, X, w, m):
    X, w = np.array(X), np.array(w)
    propagator = np.eye(len(w)) - finite.preconditioner(Lambda_diag, n) @ X @ X.T / m
    return [w - np.linalg.matrix_power(propagator, k) @ w for k in range(4)]


def _isotropic(d, n, m, depth):
    return d * finite.error_exact(np.ones(d), np.ones(d), n_context=n, n_context_test=m, depth=depth)


def _nonsymmetric(Lambda_1, Lambda_2, pi, n, Sigma, m):
    learned = np.linalg.inv(finite.mixture_gamma([Lambda_1, Lambda_2], pi, n, mixture="example"))
    return 2 * finite.error_exact_at(learned, Sigma, n_context_test=m, depth=3)[1:]


def _harmonic(d):
    spectrum = 1 / np.arange(1.0, d + 1)
    return spectrum, np.full(d, spectrum.mean())


COMPUTED = {
    "J01": lambda Lambda_diag, n: np.diag(finite.gamma(Lambda_diag, n)),
    "J03": lambda Lambda_diag, n, c: np.diag(finite.optimal_block(Lambda_diag, n, scale=c)),
    "J05": lambda Lambda_diag, n, c, V31: finite.population_loss(-0.3 * np.eye(3), Lambda_diag, n, scale=c),
    "J07": _rollout,
    "J09": lambda Lambda_diag, n, m, w: (
        3 * finite.direct_error(Lambda_diag, Lambda_diag, n_context=n, n_context_test=m, weights=w)
    ),
    "J11": lambda Lambda_diag, n, m, w: 3 * finite.direct_error_bound_at(w, Lambda_diag, n_context=n, n_context_test=m),
    "J13": lambda Lambda_diag: finite.hardness(Lambda_diag),
    "J15": lambda Lambda_diag, n: 3 * finite.thinking_bound(Lambda_diag, n_context=n, depth=4)[1:],
    "J17": lambda Lambda_diag, n, m, Sigma: (
        3 * finite.error_exact(Lambda_diag, Sigma, n_context=n, n_context_test=m, depth=3)[1:]
    ),
    "J19_10_10": lambda d, n, m: _isotropic(d, n, m, 6),
    "J19_30_30": lambda d, n, m: _isotropic(d, n, m, 8),
    "J19_10_30": lambda d, n, m: _isotropic(d, n, m, 8),
    "J21": lambda d, m: [wishart.trace_moment(d, m, power) for power in range(1, 7)],
    "J23": lambda Lambda_1, Lambda_2, pi, n: finite.mixture_gamma([Lambda_1, Lambda_2], pi, n, mixture="prompt"),
    "J25": _nonsymmetric,
    "J33_10": lambda d, n, m: d * finite.error_exact(*_harmonic(d), n_context=n, n_context_test=m, depth=3)[1:],
    "J33_30": lambda d, n, m: d * finite.error_exact(*_harmonic(d), n_context=n, n_context_test=m, depth=3)[1:],
    "J34_30": lambda d, n: d * finite.error_leading_order(*_harmonic(d), n_context=n, depth=10)[[1, 5, 10]],
    "J37": lambda Lambda_diag, n, c: finite.free_attention_weight(Lambda_diag, n, scale=c),
}
SELECTION = {"J27", "J29"}  # the quadratic program of task selection: test_selection.py
FLOW = {name for name in ENTRIES if name.startswith("Z")}  # the gradient-flow paper


def test_every_entry_of_the_reference_is_covered_or_belongs_elsewhere():
    assert COMPUTED.keys() | SELECTION | FLOW == ENTRIES.keys()


@pytest.mark.parametrize("name", COMPUTED)
def test_reference(name):
    """Totals over coordinates in the table; the library's errors are per dimension."""
    entry = ENTRIES[name]
    np.testing.assert_allclose(COMPUTED[name](**entry["inputs"]), entry["value"], rtol=entry["rel_tol"], atol=0)


FIGURE_2A = {  # (n, m): total error at D = 10, isotropic, at k = 2, 4, 8, 20
    (10, 10): (4.08, 3.463, 70.08, 2.642e14),
    (30, 30): (1.28, 0.499, 0.8469, 2.753e7),
    (20, 10): (6.098, 31.1, 5.766e4, 4.968e20),
    (10, 30): (1.965, 0.8255, 0.2324, 0.01606),
    (20, 1000): (0.1931, 0.005449, 7.389e-06, 8.526e-14),
    (30, INF): (0.05181, 0.0002685, 7.207e-09, 1.394e-22),
}


@pytest.mark.parametrize("n, m", FIGURE_2A)
def test_mean_curves_of_figure_2a(n, m):
    np.testing.assert_allclose(_isotropic(10, n, m, 20)[[2, 4, 8, 20]], FIGURE_2A[n, m], rtol=5.1e-4)  # four digits


def test_overthinking_in_figure_2b_starts_beyond_65_examples():
    train, test = _harmonic(10)
    assert finite.overthinking_length(train, test) == pytest.approx(65.2, abs=0.05)
    answers = [finite.overthinks(finite.preconditioner(train, n), test) for n in (10, 30, 65, 66, 200, INF)]
    assert answers == [False, False, False, True, True, True]


# --- exact errors, against quadrature over all prompts --------------------------------------------------------------


@cache
def normal_grid(count, points):
    """Nodes and weights of a product rule for `count` standard normals: exact for polynomials of degree 2 points - 1 in each."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    grid = np.stack(np.meshgrid(*[nodes] * count, indexing="ij"), -1).reshape(-1, count)
    mass = np.stack(np.meshgrid(*[weights / weights.sum()] * count, indexing="ij"), -1).reshape(-1, count).prod(1)
    return grid, mass


def integrated_errors(step, sigma, m, depth):
    """Mean of |(I - P S)^k|_F^2 / D over prompts, exact: a polynomial of degree 4k in each of the D m normals."""
    dim = len(sigma)
    grid, mass = normal_grid(dim * m, 2 * depth + 1)
    eigenvalues, basis = np.linalg.eigh(sigma)
    features = basis * np.sqrt(np.maximum(eigenvalues, 0)) @ grid.reshape(-1, dim, m)
    propagator = np.eye(dim) - step @ features @ features.transpose(0, 2, 1) / m
    power, errors = np.broadcast_to(np.eye(dim), propagator.shape), []
    for _ in range(depth + 1):
        errors.append(mass @ np.sum(power**2, axis=(1, 2)) / dim)
        power = propagator @ power
    return errors


TURN = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
LEARNED = finite.preconditioner([1.0, 0.4], 5)
SKEWED = np.array([[0.6, 0.3], [0.3, 0.4]])
CASES = {  # kind, preconditioner, test covariance, depth: for each kind the largest exactly known, 40 aside
    "isotropic": ("isotropic", 0.7 * np.eye(2), np.eye(2), 6),
    "isotropic, rotated": ("isotropic", finite.preconditioner(haar(identity(2), rng=np.random.default_rng(0)), 5), 2 * np.eye(2), 5),
    "own task": ("commuting", LEARNED, np.diag([1.0, 0.4]), 4),
    "own task, rotated": ("commuting", TURN @ LEARNED @ TURN.T, TURN @ np.diag([1.0, 0.4]) @ TURN.T, 4),
    "skewed training": ("commuting", LEARNED, 0.7 * np.eye(2), 6),
    "asymmetric, isotropic test": ("white", LEARNED + [[0, 0.4], [-0.1, 0]], 0.7 * np.eye(2), 5),
    "another task": ("general", LEARNED, SKEWED, 4),
    "asymmetric": ("general", LEARNED + [[0, 0.4], [-0.1, 0]], SKEWED, 4),
    "singular": ("general", np.array([[1.0, 0.5], [0.0, 0.0]]), SKEWED, 4),
}


@pytest.mark.parametrize("name", CASES)
def test_exact_errors_are_the_integral_over_prompts(name):
    kind, step, sigma, depth = CASES[name]
    for m in (1, 2) if depth <= 4 else (2,):
        curve = finite.error_exact_at(step, sigma, n_context_test=m, depth=depth)
        np.testing.assert_allclose(curve, integrated_errors(step, sigma, m, depth), rtol=1e-9)
    with pytest.raises(NotImplementedError, match=kind):
        finite.error_exact_at(step, sigma, n_context_test=2, depth=41)


def test_exact_errors_in_three_dimensions():
    step = finite.preconditioner([1.0, 0.5, 0.25], 4)
    sigma = np.array([[0.6, 0.1, 0], [0.1, 0.4, 0.2], [0, 0.2, 0.5]])
    curve = finite.error_exact_at(step, sigma, n_context_test=2, depth=2)
    np.testing.assert_allclose(curve, integrated_errors(step, sigma, 2, 2), rtol=1e-10)


@pytest.mark.parametrize("step", [np.diag([0.9, 0.2]), np.array([[0.9, 0.0], [0.3, 0.2]])], ids=["commuting", "not"])
def test_directions_without_test_features_keep_their_error(step):
    """With Sigma = diag(1, 0) the second coordinate is never corrected, unless the step carries the first one over."""
    curve = finite.error_exact_at(step, [1.0, 0.0], n_context_test=2, depth=3)
    np.testing.assert_allclose(curve, integrated_errors(step, np.diag([1.0, 0.0]), 2, 3), rtol=1e-10)
    assert (curve >= 0.5).all()


def test_all_formulas_for_exact_means_agree(monkeypatch):
    """Each formula holds in the cases of the more special ones."""
    curves = []
    for kind in exact_totals.LARGEST_EXACT:
        monkeypatch.setattr(exact_totals, "_kind", lambda step, test, kind=kind: (kind, (np.full(3, 0.6), np.full(3, 2.0))))
        curves.append(finite.error_exact_at(0.6 * np.eye(3), np.full(3, 2.0), n_context_test=4, depth=4))
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], rtol=1e-11)


def test_small_errors_keep_their_digits():
    """Errors near 1e-20 of almost isotropic tasks, from sums of terms near 1e3, lie between those of isotropic ones."""
    arguments = dict(n_context_test=10**5, depth=5)
    curves = [finite.error_exact_at(np.diag(steps), np.ones(2), **arguments) for steps in ([0.998] * 2, [0.998, 0.999], [0.999] * 2)]
    assert (curves[0][1:] > curves[1][1:]).all() and (curves[1][1:] > curves[2][1:]).all()
    assert 0 < curves[1][5] < 1e-19


@pytest.mark.parametrize("name", ["own task, rotated", "asymmetric, isotropic test", "asymmetric"])
def test_errors_do_not_depend_on_the_axes(name):
    _, step, sigma, _ = CASES[name]
    turned = finite.error_exact_at(TURN @ step @ TURN.T, TURN @ sigma @ TURN.T, n_context_test=3, depth=3)
    np.testing.assert_allclose(turned, finite.error_exact_at(step, sigma, n_context_test=3, depth=3), rtol=1e-10)


def recursive_moments(dim, m, size):
    """E of every product of traces of powers of W with this total power, by Gaussian integration by parts."""
    if size == 0:
        return {(): Fraction(1)}
    lower, moments = recursive_moments(dim, m, size - 1), {}

    def mean(*powers):  # of a product of total power size - 1; tr W^0 = dim
        return dim ** powers.count(0) * lower[tuple(sorted((q for q in powers if q), reverse=True))]

    for powers in partitions(size):
        first, rest = powers[0] - 1, powers[1:]
        moments[powers] = (m + first) * mean(first, *rest)
        moments[powers] += sum(mean(i + 1, first - 1 - i, *rest) for i in range(first))
        moments[powers] += sum(2 * a * mean(first + a, *rest[:i], *rest[i + 1 :]) for i, a in enumerate(rest))
    return moments


def partitions(size, largest=None):
    for first in range(min(size, largest or size), 0, -1):
        for rest in partitions(size - first, first) if size > first else [()]:
            yield (first, *rest)


@pytest.mark.parametrize("dim, m", [(1, 1), (2, 5), (5, 2), (10, 7)])
def test_wishart_moments_equal_their_recursion(dim, m):
    for power in range(1, 10):
        assert wishart.trace_moment(dim, m, power) == recursive_moments(dim, m, power)[power,]


def test_large_sizes_tend_to_the_asymptotic_theory():
    """At n = m = 2 D the gap closes like 1/D."""
    limit = asymptotic.error_curve(2.0, INF, depth=5)
    curves = [finite.error_exact(identity(d), identity(d), n_context=2 * d, n_context_test=2 * d, depth=5) for d in (100, 200)]
    gaps = [(curve / limit - 1).values[1:] for curve in curves]
    assert np.abs(gaps[0]).max() < 0.1
    np.testing.assert_allclose(gaps[0] / gaps[1], 2, atol=0.1)


# --- exact errors, against simulated prompts ------------------------------------------------------------------------


def test_simulated_prompts_meet_the_exact_error():
    """20000 prompts of D = 3, n = 8, m = 60, weights drawn too; the estimates follow the update rule, not its power.

    False alarm 2e-5: 4.5 standard errors, three depths.
    """
    rng, prompts, m = np.random.default_rng(11), 20_000, 60
    train, test = power_law(3, 1.0), haar(Covariance([0.6, 0.5, 0.3]), rng=rng)
    x = rng.standard_normal((prompts, m, 3)) @ np.linalg.cholesky(test.matrix).T
    w = rng.standard_normal((prompts, 3))
    y = np.einsum("pmd,pd->pm", x, w)
    exact = finite.error_exact(train, test, n_context=8, n_context_test=m, depth=3)
    estimate, step = np.zeros_like(w), np.linalg.inv(finite.gamma(train, 8))
    for k in range(1, 4):
        residual = np.einsum("pmd,pd->pm", x, estimate) - y
        estimate = estimate - np.einsum("pm,pmd->pd", residual, x) / m @ step.T
        error = np.mean((w - estimate) ** 2, axis=1)
        assert abs(error.mean() - exact[k].item()) < 4.5 * error.std() / np.sqrt(prompts)
        assert error.std() / np.sqrt(prompts) < 0.02 * exact[k].item()


# --- the training loss, against the literal transformer -------------------------------------------------------------


def literal_loss(V, W, tasks, weights, n=2, dim=2):
    """Population loss of the paper's transformer on its own tokens, (3.2) - (3.4), exact by quadrature, for n = 2 examples.

    `tasks` are the covariances of each example and `weights` their probabilities. The loss is of degree 4 in features.
    """
    grid, mass = normal_grid(dim * n + dim, 3)
    z, w = grid[:, : dim * n].reshape(-1, n, dim), torch.tensor(grid[:, dim * n :])
    loss = 0
    for covariances, weight in zip(tasks, weights):
        x = torch.tensor(np.stack([z[:, i] @ np.linalg.cholesky(covariances[i]).T for i in range(n)], axis=2))
        tokens = torch.zeros(len(grid), 2 * dim + 2, n + 1, dtype=torch.float64)
        tokens[:, :dim, :n], tokens[:, dim, :n], tokens[:, -1, n] = x, torch.einsum("pdm,pd->pm", x, w), 1
        output = tokens + V @ tokens @ (tokens.transpose(1, 2) @ W @ tokens) / n
        target = torch.cat([torch.zeros(len(grid), dim + 1), w, torch.ones(len(grid), 1)], dim=1)
        loss = loss + weight * torch.tensor(mass) @ ((output[:, :, -1] - target) ** 2).sum(1) / 2
    return loss


def blocks(block, scale):
    """The paper's V and W around a block V_31, as leaves of autograd."""
    dim = len(block)
    V, W = torch.zeros(2, 2 * dim + 2, 2 * dim + 2, dtype=torch.float64)
    V[dim + 1 : -1, :dim] = torch.tensor(block)
    W[:dim, dim + 1 : -1], W[dim, -1] = scale * torch.eye(dim), -scale
    return V.requires_grad_(), W.requires_grad_()


BLOCK = np.array([[-0.3, 0.2], [0.1, -0.8]])
TASKS = [np.array([[1.0, 0.0], [0.0, 0.1]]), np.array([[0.5, 0.2], [0.2, 0.4]])]
SHARES = [0.3, 0.7]
MIXTURES = {"prompt": ([(task, task) for task in TASKS], SHARES)}
MIXTURES["example"] = (list(product(TASKS, TASKS)), [p * q for p, q in product(SHARES, SHARES)])


def test_loss_and_gradient_are_those_of_the_literal_transformer():
    V, W = blocks(BLOCK, scale=1.5)
    loss = literal_loss(V, W, [(SKEWED, SKEWED)], [1.0])
    loss.backward()
    assert finite.population_loss(BLOCK, SKEWED, 2, scale=1.5) == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(finite.population_gradient(BLOCK, SKEWED, 2, scale=1.5), V.grad[3:5, :2], rtol=1e-11)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_mixtures_are_those_of_the_literal_transformer(mixture):
    V, W = blocks(BLOCK, scale=1.5)
    loss = literal_loss(V, W, *MIXTURES[mixture])
    loss.backward()
    arguments = (TASKS, SHARES, 2)
    assert finite.mixture_loss(BLOCK, *arguments, mixture=mixture, scale=1.5) == pytest.approx(loss.item(), rel=1e-12)
    gradient = finite.mixture_gradient(BLOCK, *arguments, mixture=mixture, scale=1.5)
    np.testing.assert_allclose(gradient, V.grad[3:5, :2], rtol=1e-11)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_the_transformer_is_stationary_at_the_optimum_but_for_free_attention(mixture):
    """At the optimal block all gradients vanish: also those of W_24, and of the blocks that are 0."""
    gamma = finite.mixture_gamma(TASKS, SHARES, 2, mixture=mixture)
    V, W = blocks(-np.linalg.inv(gamma) / 1.5, scale=1.5)
    literal_loss(V, W, *MIXTURES[mixture]).backward()
    assert V.grad.abs().max() < 1e-13 and W.grad.abs().max() < 1e-13


@pytest.mark.parametrize("covariance", [SKEWED, [2.0, 0.3, 0.01]], ids=["skewed", "diagonal"])
def test_gradient_is_that_of_autograd(covariance):
    block = np.random.default_rng(0).standard_normal((len(covariance),) * 2)
    leaf = torch.tensor(block, requires_grad=True)
    mean, second = (torch.tensor(matrix) for matrix in (as_covariance(covariance).matrix, finite.second_moment(covariance, 3)))
    (1.7**2 / 2 * torch.trace(leaf @ second @ leaf.T) + 1.7 * torch.trace(leaf @ mean)).backward()
    np.testing.assert_allclose(finite.population_gradient(block, covariance, 3, scale=1.7), leaf.grad, rtol=1e-12)


def descend(covariance, n, step, scale, steps=4000):
    block = np.zeros((len(covariance),) * 2)
    for _ in range(steps):
        block = block - step * finite.population_gradient(block, covariance, n, scale=scale)
        if np.abs(block).max() > 1e6:
            return INF
    return finite.population_loss(block, covariance, n, scale=scale)


@pytest.mark.parametrize("largest", [0.5, 1.9, 2.1, 4.0])
def test_the_corrected_step_size_converges_and_the_printed_one_diverges_beyond_2(largest):
    covariance, n, scale = [largest, largest / 2], 6, 1.5
    best = 1 - np.trace(np.diag(covariance) @ finite.preconditioner(covariance, n)) / 2
    assert descend(covariance, n, finite.step_size(covariance, n, scale=scale), scale) == pytest.approx(best, rel=1e-9)
    printed = descend(covariance, n, finite.printed_step_size(covariance, n, scale=scale), scale)
    assert (printed == INF) if largest > 2 else printed == pytest.approx(best, rel=1e-9)
    limit = finite.step_size_limit(covariance, n, scale=scale)
    assert descend(covariance, n, 1.01 * limit, scale) == INF and descend(covariance, n, 0.99 * limit, scale) < INF


@pytest.mark.parametrize("covariance", [[1.0, 0.5], [1.0, 0.0]], ids=["full rank", "rank 1"])
def test_free_attention_ends_where_gradient_flow_takes_it(covariance):
    """Flow of V_31 and W_24 on the literal loss of the product: Euler steps of 1e-3 leave about 1e-3."""
    n, scale, second, mean = 4, 1.2, finite.second_moment(covariance, 4), np.diag(covariance)
    block, weight = np.zeros((2, 2)), -scale
    for _ in range(30_000):
        slope = weight**2 * block @ second - weight * mean
        block, weight = block - 1e-3 * slope, weight - 1e-3 * (weight * np.sum(block @ second * block) - np.sum(block * mean))
    assert abs(weight) == pytest.approx(finite.free_attention_weight(covariance, n, scale=scale), rel=2e-3)
    assert abs(weight) > 1.05 * scale


# --- approximations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_expansion_leaves_a_second_order(name):
    """What the first order leaves falls by 4 when test prompts double, and is 0 at depth 1."""
    _, step, sigma, _ = CASES[name]

    def left(m):
        exact = finite.error_exact_at(step, sigma, n_context_test=m, depth=4)
        return (exact - finite.error_expansion_at(step, sigma, n_context_test=m, depth=4)).values

    np.testing.assert_allclose(left(50)[:2], 0, atol=1e-14)
    np.testing.assert_allclose(left(20_000)[2:] / left(40_000)[2:], 4, rtol=0.02)


def test_first_correction_of_isotropic_tasks():
    ratio = finite.first_correction(finite.preconditioner(np.ones(10), 7), np.ones(10), depth=6) / finite.error_leading_order(
        np.ones(10), np.ones(10), n_context=7, depth=6
    )
    np.testing.assert_allclose(ratio, [k * (2 * k - 1) * 7**2 / 11 for k in range(7)], rtol=1e-11)


def test_first_correction_of_commuting_tasks_has_its_closed_form():
    spectrum, test = _harmonic(4)
    g = np.diag(finite.gamma(spectrum, 12))
    mu, p = 1 - test / g, 1 / g
    for k in range(6):
        h = sum(np.outer(mu**j, mu ** (k - 1 - j)) for j in range(k)) if k else np.zeros((4, 4))
        f = sum(((i + 1) * np.outer(mu**i, mu ** (k - 2 - i)) for i in range(k - 1)), np.zeros((4, 4)))
        terms = (p[:, None] * h) ** 2 + 2 * mu[:, None] ** k * np.outer(p, p) * f
        expected = np.sum(np.outer(test, test) * (1 + np.eye(4)) * terms) / 4
        correction = finite.first_correction(np.diag(p), test, depth=5)[k].item()
        assert correction == pytest.approx(expected, rel=1e-11)


def test_infinite_prompts_have_the_leading_order():
    exact = finite.error_exact([1.0, 0.4], SKEWED, n_context=5, n_context_test=INF, depth=50)
    np.testing.assert_array_equal(exact, finite.error_leading_order([1.0, 0.4], SKEWED, n_context=5, depth=50))
    propagator = np.eye(2) - LEARNED @ SKEWED
    expected = [np.sum(np.linalg.matrix_power(propagator, k) ** 2) / 2 for k in range(51)]
    np.testing.assert_allclose(exact, expected, rtol=1e-10)


def test_direct_error_of_random_weights_is_the_mean_error():
    """A quadratic form averages to its trace: over the axes as weights, D times the mean."""
    arguments = dict(n_context=5, n_context_test=3)
    single = [finite.direct_error([1.0, 0.4], SKEWED, weights=w, **arguments) for w in np.eye(2)]
    assert sum(single) == pytest.approx(finite.error_exact([1.0, 0.4], SKEWED, depth=1, **arguments)[1].item(), rel=1e-12)


# --- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_bounds_hold(seed):
    rng = np.random.default_rng(seed)
    covariance = haar(Covariance(np.exp(rng.normal(size=4))), rng=rng)
    n, m, w = *rng.integers(2, 30, 2).tolist(), rng.standard_normal(4)
    arguments = dict(n_context=n, n_context_test=m)
    exact = finite.error_exact(covariance, covariance, depth=1, **arguments)[1].item()
    assert exact <= finite.direct_error_bound(covariance, **arguments)
    single = finite.direct_error(covariance, covariance, weights=w, **arguments)
    assert single <= finite.direct_error_bound_at(w, covariance, **arguments)
    leading = finite.error_leading_order(covariance, covariance, n_context=n, depth=9)
    assert (leading <= finite.thinking_bound(covariance, n_context=n, depth=9) * (1 + 1e-12)).all()
    target = haar(Covariance(np.exp(rng.normal(size=4))), rng=rng)
    gamma = finite.gamma(covariance, n)
    other = finite.error_leading_order(covariance, target, n_context=n, depth=9)
    sharp = finite.sharp_target_error_bound(gamma, target, depth=9)
    assert (other <= sharp * (1 + 1e-12)).all()
    ratio = np.linalg.cond(gamma) / (np.trace(gamma) * np.trace(np.linalg.inv(gamma)))
    np.testing.assert_allclose(sharp / finite.target_error_bound(gamma, target, depth=9), ratio, rtol=1e-9)


def test_bounds_have_their_printed_values():
    """Hard = 7, n = 8, m = 5 in (3.10); and (4.3) through the matrix square root, with its two constants."""
    assert finite.direct_error_bound([1.0, 0.5, 0.25], n_context=8, n_context_test=5) == pytest.approx(1 + 8 / 5)
    gamma = finite.gamma(haar(power_law(3, 1.0), rng=np.random.default_rng(1)), 8)
    target = haar(power_law(3, 0.5), rng=np.random.default_rng(2))
    root = np.linalg.inv(sqrtm(gamma))
    residual = np.eye(3) - root @ target.matrix @ root
    powers = np.array([np.trace(np.linalg.matrix_power(residual, 2 * k)) / 3 for k in range(6)])
    constant = np.trace(gamma) * np.trace(np.linalg.inv(gamma))
    np.testing.assert_allclose(finite.target_error_bound(gamma, target, depth=5), constant * powers, rtol=1e-11)
    np.testing.assert_allclose(finite.sharp_target_error_bound(gamma, target, depth=5), np.linalg.cond(gamma) * powers, rtol=1e-11)


def test_bounds_meet_isotropic_tasks():
    np.testing.assert_allclose(
        finite.thinking_bound(identity(5), n_context=7, depth=6),
        finite.error_leading_order(identity(5), identity(5), n_context=7, depth=6),
        rtol=1e-12,
    )
    assert finite.direct_error_bound(identity(5), n_context=INF, n_context_test=10) == pytest.approx(6 / 10)


def test_the_leading_order_is_no_bound_at_depth_1():
    exact = finite.error_exact(np.ones(10), np.ones(10), n_context=10, n_context_test=10, depth=1)
    assert exact[1] > 1.5 * finite.thinking_bound(np.ones(10), n_context=10, depth=1)[1]


# --- what more thinking does ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_no_task_overthinks_itself(seed):
    rng = np.random.default_rng(seed)
    covariance = haar(Covariance(np.exp(2 * rng.normal(size=5))), rng=rng)
    n = int(rng.integers(1, 100))
    assert not finite.overthinks(finite.preconditioner(covariance, n), covariance)
    assert finite.overthinking_length(covariance, covariance) == INF
    assert (finite.error_leading_order(covariance, covariance, n_context=n, depth=50).diff("k") < 0).all()


@pytest.mark.parametrize("seed", range(10))
def test_overthinking_begins_at_its_length(seed):
    """A weak skill that the test asks for: just below the length errors fall in the end, just above they grow."""
    rng = np.random.default_rng(seed)
    train = haar(power_law(4, 2.0), rng=rng)
    test = haar(Covariance([1.0, 0.9, 0.8, 0.7]), rng=rng)
    length = finite.overthinking_length(train, test)
    below, above = max(int(np.floor(length)), 1), int(np.ceil(length)) + 1
    assert length < 1 or not finite.overthinks(finite.preconditioner(train, below), test)
    assert finite.overthinks(finite.preconditioner(train, above), test)
    late = finite.error_leading_order(train, test, n_context=above, depth=2000)[-2:].values
    assert late[1] > late[0] or late[1] == INF


def test_rank_deficient_training_overthinks_what_it_never_saw():
    train = limited_support(3, 0.0, support=2)
    assert finite.overthinking_length(train, identity(3)) == pytest.approx(2 / 0.5)
    assert finite.error_leading_order(train, identity(3), n_context=6, depth=1)[1].item() == pytest.approx(
        (2 * (1 - 1 / (7 / 6 + 2 / 6)) ** 2 + (1 - 6 / 2) ** 2) / 3
    )


def test_a_long_prompt_makes_newton_steps_and_a_short_one_gradient_descent():
    covariance = power_law(200, 0.3)
    long, short = (finite.pseudo_newton(covariance, n) for n in (10**7, 1))
    assert long.distance_to_newton < 1e-3 < 0.1 < long.distance_to_gradient_descent
    assert short.distance_to_gradient_descent < 0.03 * (1 - short.factor).max() and short.distance_to_newton > 0.9
    assert finite.pseudo_newton(identity(4), 3).distance_to_gradient_descent.item() == pytest.approx(0, abs=1e-15)


def test_the_closest_gradient_descent_is_the_closest():
    view = finite.pseudo_newton([1.0, 0.5, 0.1], 6)
    np.testing.assert_allclose(view.factor, 1 - np.array([1.0, 0.5, 0.1]) / np.diag(finite.gamma([1.0, 0.5, 0.1], 6)), rtol=1e-14)
    best = view.distance_to_gradient_descent.item()
    for step in view.step_size.item() * np.array([0.99, 1.01]):
        assert np.sqrt(np.mean((view.factor - (1 - step * view.eigenvalue)) ** 2)) > best


# --- mixtures -------------------------------------------------------------------------------------------------------


def test_readings_of_a_mixture_differ_by_the_variance_between_tasks():
    second = {name: finite.mixture_second_moment(TASKS, SHARES, 4, mixture=name) for name in ("prompt", "example")}
    mean = sum(share * task for share, task in zip(SHARES, TASKS))
    between = sum(share * task @ task for share, task in zip(SHARES, TASKS)) - mean @ mean
    np.testing.assert_allclose(second["prompt"] - second["example"], 0.75 * between, atol=1e-15)


@pytest.mark.parametrize("mixture", ["prompt", "example"])
def test_a_mixture_of_one_task_is_the_task(mixture):
    np.testing.assert_allclose(finite.mixture_gamma([SKEWED], [1.0], 4, mixture=mixture), finite.gamma(SKEWED, 4), rtol=1e-12)
    learned = finite.mixture_preconditioner(TASKS, SHARES, 4, mixture=mixture)
    np.testing.assert_allclose(np.linalg.inv(learned), finite.mixture_gamma(TASKS, SHARES, 4, mixture=mixture), rtol=1e-11)


def test_long_prompts_forget_the_mixture_of_examples_only():
    mean = sum(share * task for share, task in zip(SHARES, TASKS))
    squares = sum(share * task @ task for share, task in zip(SHARES, TASKS))
    np.testing.assert_allclose(finite.mixture_gamma(TASKS, SHARES, INF, mixture="example"), mean, rtol=1e-12)
    limit = squares @ np.linalg.inv(mean)
    np.testing.assert_allclose(finite.mixture_gamma(TASKS, SHARES, INF, mixture="prompt"), limit, rtol=1e-12)


@pytest.mark.parametrize("mixture", ["prompt", "example"])
def test_singular_mixtures_are_defined_on_their_range(mixture):
    tasks = [[1.0, 0.5, 0.0], [0.2, 0.8, 0.0]]
    seen = [task[:2] for task in tasks]
    for function in (finite.mixture_gamma, finite.mixture_preconditioner):
        matrix = function(tasks, SHARES, 4, mixture=mixture)
        np.testing.assert_allclose(matrix[:2, :2], function(seen, SHARES, 4, mixture=mixture), rtol=1e-12)
        assert not matrix[2].any() and not matrix[:, 2].any()


# --- labels and errors ----------------------------------------------------------------------------------------------


def test_curves_are_labelled_and_start_at_1():
    curve = finite.error_exact([1.0, 0.5], [1.0, 1.0], n_context=8, n_context_test=4, depth=3)
    assert curve.dims == ("k",) and curve.name == "error" and curve.k.values.tolist() == [0, 1, 2, 3]
    assert curve.attrs == {"long_name": "mean error per dimension |w - w_k|^2 / D", "units": "1"}
    assert curve.k.attrs == {"long_name": "chain-of-thought depth", "units": "steps"}
    assert (curve.n_context.item(), curve.n_context_test.item()) == (8, 4) and curve[0] == 1
    others = [
        finite.error_expansion([1.0, 0.5], [1.0, 1.0], n_context=8, n_context_test=4, depth=3),
        finite.error_leading_order([1.0, 0.5], [1.0, 1.0], n_context=8, depth=3),
        finite.thinking_bound([1.0, 0.5], n_context=8, depth=3),
    ]
    assert all(other[0] == 1 and other.attrs["units"] == "1" and other.attrs["long_name"] for other in others)


def test_unknown_ranges_are_named():
    with pytest.raises(NotImplementedError, match=r"^depth = 5: .*up to depth 40 \(isotropic\), 6 \(commuting\), .*4 \(general\)"):
        finite.error_exact([1.0, 0.5], SKEWED, n_context=8, n_context_test=4, depth=5)
    assert finite.error_exact([1.0, 0.5], SKEWED, n_context=8, n_context_test=INF, depth=500).sizes["k"] == 501


@pytest.mark.parametrize("value", [0, -1, 2.0, 1.5, True, "8", None, np.nan, -INF])
def test_lengths_of_prompts_are_counts(value):
    with pytest.raises(ValueError, match=r"^n_context = .*: a number of examples is an integer of at least 1, or inf"):
        finite.gamma([1.0], value)
    with pytest.raises(ValueError, match=r"^n_context_test = "):
        finite.error_exact([1.0], [1.0], n_context=3, n_context_test=value, depth=1)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: finite.gamma([1.0, -1.0], 3), "^covariance has the eigenvalue -1: must be positive semidefinite"),
        (lambda: finite.error_leading_order([-1.0], [1.0], n_context=1, depth=1), "^train_covariance has the eigenvalue -1"),
        (lambda: finite.error_leading_order([1.0], [-1.0], n_context=1, depth=1), "^test_covariance has the eigenvalue -1"),
        (lambda: finite.error_leading_order([1.0], [1.0, 1.0], n_context=1, depth=1), "^test_covariance has 2 features, train_cov"),
        (lambda: finite.error_leading_order([1.0], [1.0], n_context=1, depth=2001), "^depth = 2001: .*from 0 to 2000"),
        (lambda: finite.error_exact_at(np.eye(3), [1.0, 1.0], n_context_test=1, depth=1), r"^preconditioner has shape \(3, 3\)"),
        (lambda: finite.error_exact_at([[np.nan]], [1.0], n_context_test=1, depth=1), "^preconditioner = nan: "),
        (lambda: finite.population_loss(np.eye(2), [1.0], 3), r"^block has shape \(2, 2\)"),
        (lambda: finite.step_size([1.0], 3, scale=0), "^scale = 0: must be a finite number other than 0"),
        (lambda: finite.mixture_gamma(TASKS, SHARES, 3, mixture="task"), "^mixture = 'task': must be 'prompt' or 'example'"),
        (lambda: finite.mixture_gamma(TASKS, [0.3, 0.8], 3, mixture="prompt"), r"^probabilities = \[0.3, 0.8\]: .*sum 1"),
        (lambda: finite.mixture_gamma(TASKS, [-0.5, 1.5], 3, mixture="prompt"), r"^probabilities = \[-0.5, 1.5\]: must be non-neg"),
        (lambda: finite.mixture_gamma(TASKS, [1.0], 3, mixture="prompt"), r"^probabilities = \[1.0\]: must be 2 numbers"),
        (lambda: finite.mixture_gamma([[1.0], [1.0, 1.0]], SHARES, 3, mixture="prompt"), r"^covariances\[1\] has 2 features"),
        (lambda: finite.mixture_gamma([[1.0], [-1.0]], SHARES, 3, mixture="prompt"), r"^covariances\[1\] has the eigenvalue -1"),
        (lambda: finite.thinking_bound([1.0, 0.0], n_context=3, depth=1), "^covariance has rank 1: the bound needs full rank"),
        (lambda: finite.target_error_bound([[1.0, 0.5], [0.0, 1.0]], [1.0, 1.0], depth=1), "^gamma is off symmetric by 0.5: "),
        (lambda: finite.target_error_bound(-np.eye(1), [1.0], depth=1), "^gamma has the eigenvalue -1: "),
        (
            lambda: finite.direct_error([1.0], [1.0], n_context=1, n_context_test=1, weights=[1.0, 2.0]),
            r"^weights = \[1.0, 2.0\]: must be 1 finite real numbers",
        ),
    ],
)
def test_refused_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
