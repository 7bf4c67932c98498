"""Gradient flow against reference values, the literal equations and laws, and where the paper's print is wrong."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import dblquad, quad, solve_ivp
from scipy.special import beta

from cotdepth.covariance import Covariance, haar, identity, power_law
from cotdepth.theory import flow, mixtures, population

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "reference_finite.json").read_text())
ENTRIES = {entry["id"]: entry for entry in REFERENCE["entries"] if entry["id"].startswith("Z")}
TURNED = haar(Covariance([1.0, 0.5, 0.25]), rng=np.random.default_rng(31))
TASKS = [np.diag([1.0, 0.5, 0.25]), np.array([[0.6, 0.1, 0.0], [0.1, 0.4, 0.2], [0.0, 0.2, 0.5]])]
LAWS = [flow.exponential_law(), flow.uniform_law(0.5, 2.0), flow.gamma_law(3.0, 0.4), flow.lognormal_law(0.7, deviation=0.5)]
LANDSCAPES = {
    "one covariance": flow.fixed_landscape([1.0, 0.5, 0.25], 8),
    "turned": flow.fixed_landscape(TURNED, 8),
    "long prompts": flow.fixed_landscape(TURNED, np.inf),
    "random": flow.random_landscape(flow.diagonal_moments(LAWS), 6),
    "random, alike": flow.random_landscape(flow.diagonal_moments([flow.exponential_law()] * 3), 6),
    "mixture": flow.mixture_landscape(TASKS, [0.3, 0.7], 8),
}
by_landscape = pytest.mark.parametrize("name", LANDSCAPES)


def a_state(dim, seed=32):
    rng = np.random.default_rng(seed)
    return flow.State(rng.standard_normal((dim, dim)), rng.standard_normal())


# --- the reference table ------------------------------------------------------------------------------------------


def _limit(Lambda_diag, N):
    end = flow.balanced_limit(flow.fixed_landscape(Lambda_diag, N))
    return {"WKQ11_diag": np.diag(end.key_query), "WPV22": end.value}


def _path(Lambda_diag, N, sigma2):
    start = flow.balanced_start(np.eye(3), scale=np.sqrt(sigma2))
    path = flow.integrate(flow.fixed_landscape(Lambda_diag, N), start, [1, 5])
    return np.column_stack([np.diagonal(path["key_query"], axis1=1, axis2=2), path["value"]])


def _error(labels):
    def error(Lambda_diag, N, M, w):
        return flow.prediction_error(labels(w, Lambda_diag), Lambda_diag, n_context=N, n_context_test=M)

    return error


def _noiseless(Lambda_diag, N, M):
    exact = flow.average_prediction_error(population.preconditioner(Lambda_diag, N), Lambda_diag, n_context_test=M)
    bounds = (flow.average_error_bound, flow.condition_error_bound)
    return [exact, *(bound(Lambda_diag, n_context=N, n_context_test=M) for bound in bounds)]


def _shifted(Lambda_diag, N, M, Lambda_test, Sq, w, noise_var):
    labels = flow.linear_labels(w, Lambda_test, label_noise=np.sqrt(noise_var))
    return flow.prediction_error(labels, Lambda_diag, n_context=N, n_context_test=M, query=flow.linear_query(Sq, w))


COMPUTED = {
    "Z01": _limit,
    "Z03": lambda Lambda_diag, N: flow.scale_limit(Lambda_diag, N) ** 2,
    "Z05": _path,
    "Z07": _error(lambda w, features: flow.linear_labels(w, features, label_noise=np.sqrt(0.3))),
    "Z09": _error(flow.quadratic_labels),
    "Z11": _noiseless,
    "Z15": _shifted,
}


def test_every_entry_of_the_reference_is_covered():
    assert COMPUTED.keys() == ENTRIES.keys()


@pytest.mark.parametrize("name", COMPUTED)
def test_reference(name):
    entry = ENTRIES[name]
    found, expected = COMPUTED[name](**entry["inputs"]), entry["value"]
    if not isinstance(expected, dict):
        found, expected = {name: found}, {name: expected}
    for part in expected:
        np.testing.assert_allclose(found[part], expected[part], rtol=entry["rel_tol"], atol=0)


# --- the model ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim, n_context", [(3, 5), (4, 2), (2, 2), (3, 1)])
def test_prediction_is_an_entry_of_the_layers_output_and_a_quadratic_form(dim, n_context):
    rng = np.random.default_rng(33)
    tokens = flow.embedding(rng.standard_normal((n_context, dim)), rng.standard_normal(n_context), rng.standard_normal(dim))
    matrices = rng.standard_normal((2, dim + 1, dim + 1))
    found, form = flow.prediction(tokens, *matrices), flow.quadratic_form(tokens)
    stacked = flow.relevant_entries(*matrices).ravel(order="F")
    assert flow.layer_output(tokens, *matrices)[-1, -1] == pytest.approx(found, rel=1e-12)
    assert stacked @ form @ stacked == pytest.approx(found, rel=1e-12)
    rows = flow.relevant_entries(*matrices).ravel()
    assert abs(rows @ form @ rows - found) > 1e-3  # by columns, as the paper says
    assert np.sum(np.linalg.eigvalsh(form) < -1e-10) == min(dim, n_context) + 1  # "at least D + 1" in the paper (erratum)


def test_the_trained_layer_predicts_as_the_paper_says():
    """Eq. (4.3), with parameters (4.1)."""
    rng, end = np.random.default_rng(34), flow.balanced_limit(LANDSCAPES["turned"])
    features, labels, query = rng.standard_normal((5, 3)), rng.standard_normal(5), rng.standard_normal(3)
    key_query, projection_value = np.zeros((2, 4, 4))
    key_query[:3, :3], projection_value[3, 3] = end
    found = flow.prediction(flow.embedding(features, labels, query), key_query, projection_value)
    assert found == pytest.approx(query @ population.preconditioner(TURNED, 8) @ (labels @ features / 5), rel=1e-12)


def test_queries_are_answered_by_0_if_they_miss_the_preconditioned_examples():
    """Not if they are orthogonal to the examples themselves, as the paper's section 4.2 has it, unless features are isotropic."""
    features = np.random.default_rng(35).standard_normal((2, 3))
    for covariance, orthogonal_suffices in ((TURNED, False), (identity(3), True)):
        learned, answers = population.preconditioner(covariance, 8), []
        for examples in (features, features @ learned):
            query = np.cross(*examples)
            answers.append(query @ learned @ (features @ W @ features / 2))
        assert abs(answers[1]) < 1e-12 and (abs(answers[0]) < 1e-12) == orthogonal_suffices


# --- the landscape ------------------------------------------------------------------------------------------------


def literal_loss(covariances, shares, n_context, state):
    """Eq. (5.5), in the mean over covariances."""
    total = 0.0
    for share, features in zip(shares, covariances):
        gamma = (1 + 1 / n_context) * features + np.trace(features) / n_context * np.eye(len(features))
        curved = state.value**2 / 2 * gamma @ features @ state.key_query @ features @ state.key_query.T
        total += share * np.trace(curved - state.value * features @ features @ state.key_query.T)
    return total


@pytest.mark.parametrize("name, covariances, shares", [
    ("one covariance", [np.diag([1.0, 0.5, 0.25])], [1]), ("turned", [TURNED.matrix], [1]), ("mixture", TASKS, [0.3, 0.7])])  # fmt: skip
def test_loss_is_the_papers(name, covariances, shares):
    state = a_state(3)
    assert flow.loss(LANDSCAPES[name], state) == pytest.approx(literal_loss(covariances, shares, 8, state), rel=1e-12)


def test_random_landscape_is_the_mixture_of_all_diagonals():
    """Laws of two values each: every combination is a covariance with a probability."""
    values, chances = np.array([[0.3, 1.1], [0.5, 2.0], [1.0, 1.5]]), np.array([[0.4, 0.6], [0.7, 0.3], [0.5, 0.5]])
    choices = list(product(range(2), repeat=3))
    covariances = [np.diag(values[range(3), choice]) for choice in choices]
    shares = [np.prod(chances[range(3), choice]) for choice in choices]
    moments = np.stack([np.sum(chances * values**power, axis=1) for power in (1, 2, 3)], axis=1)
    found, mixed, state = flow.random_landscape(moments, 5), flow.mixture_landscape(covariances, shares, 5), a_state(3)
    assert flow.loss(found, state) == pytest.approx(literal_loss(covariances, shares, 5, state), rel=1e-12)
    assert flow.loss(mixed, state) == pytest.approx(flow.loss(found, state), rel=1e-12)
    np.testing.assert_allclose(flow.best_product(mixed), flow.best_product(found), atol=1e-12)
    assert flow.minimal_loss(mixed) == pytest.approx(flow.minimal_loss(found), rel=1e-12)


def test_a_law_of_one_value_is_a_fixed_covariance():
    spectrum = np.array([1.0, 0.5, 0.25])
    found = flow.random_landscape(np.stack([spectrum, spectrum**2, spectrum**3], axis=1), 8)
    for field in ("curvature", "pull"):
        np.testing.assert_allclose(getattr(found, field), getattr(LANDSCAPES["one covariance"], field), rtol=1e-14)


@by_landscape
def test_gradient_is_the_slope_of_the_loss(name):
    landscape, step = LANDSCAPES[name], 1e-6
    state, toward = a_state(landscape.dim), a_state(landscape.dim, 35)

    def along(distance):
        return flow.loss(landscape, flow.State(state.key_query + distance * toward.key_query, state.value + distance * toward.value))

    slope = flow.gradient(landscape, state)
    expected = np.sum(slope.key_query * toward.key_query) + slope.value * toward.value
    assert (along(step) - along(-step)) / (2 * step) == pytest.approx(expected, rel=1e-7)


@by_landscape
def test_excess_loss_and_test_error_are_the_loss_above_its_minimum(name):
    landscape, state = LANDSCAPES[name], a_state(LANDSCAPES[name].dim)
    excess = flow.loss(landscape, state) - flow.minimal_loss(landscape)
    assert flow.excess_loss(landscape, state) == pytest.approx(excess, rel=1e-12)
    error = flow.mean_prediction_error(landscape, state.value * state.key_query)
    assert error == pytest.approx(2 * flow.loss(landscape, state) + landscape.feature_trace, rel=1e-12)
    assert flow.excess_loss(landscape, flow.balanced_limit(landscape)) < 1e-24


def test_minimum_for_one_covariance_is_the_papers():
    """Corollary A.2: its norm with square roots of matrices, and the minimum."""
    values, vectors = np.linalg.eigh(TURNED.matrix)
    gamma, root = population.gamma(TURNED, 8), vectors * np.sqrt(values) @ vectors.T
    state, lifted = a_state(3), np.linalg.cholesky(gamma).T
    residual = state.value * root @ state.key_query @ root - TURNED.matrix @ np.linalg.inv(gamma)
    assert flow.excess_loss(LANDSCAPES["turned"], state) == pytest.approx(np.sum((lifted @ residual) ** 2) / 2, rel=1e-12)
    expected = -np.trace(TURNED.matrix @ TURNED.matrix @ np.linalg.inv(gamma)) / 2
    assert flow.minimal_loss(LANDSCAPES["turned"]) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(flow.best_product(LANDSCAPES["turned"]), np.linalg.inv(gamma), atol=1e-12)


def test_in_a_mixture_the_loss_of_answers_has_another_optimum_than_that_of_weights():
    found, weights = flow.best_product(LANDSCAPES["mixture"]), mixtures.mixture_preconditioner(TASKS, [0.3, 0.7], 8, mixture="prompt")
    assert np.abs(found - weights).max() > 0.05 and np.abs(found - weights.T).max() > 0.05


@pytest.mark.parametrize("dim, n_context", [(1, 4), (5, 20), (40, np.inf)])
def test_exponential_entries_shrink_answers(dim, n_context):
    moments = flow.diagonal_moments([flow.exponential_law()] * dim)
    found = flow.best_product(flow.random_landscape(moments, n_context))
    np.testing.assert_allclose(found, 2 / (6 + (2 * dim + 10) / n_context) * np.eye(dim), rtol=1e-12, atol=1e-15)
    if n_context == np.inf:  # the paper's example, and what it is not (erratum)
        np.testing.assert_allclose(flow.mean_answer(found, moments), np.eye(dim) / 3, rtol=1e-12, atol=1e-15)
        assert flow.answer_slope(found, moments) == pytest.approx(2 / 3, rel=1e-12)
        assert flow.mean_prediction_error(flow.random_landscape(moments, np.inf), found) == pytest.approx(dim / 3, rel=1e-12)


# --- the path -----------------------------------------------------------------------------------------------------


@by_landscape
@pytest.mark.parametrize("factor", [0.5, 4.0, 1e4])
def test_flow_conserves_balance_and_ends_at_the_limit(name, factor):
    """From starts below and far above the scale that the paper's proof allows, sqrt(factor) times it for one covariance."""
    landscape, theta = LANDSCAPES[name], np.random.default_rng(36).standard_normal((LANDSCAPES[name].dim,) * 2)
    start = flow.balanced_start(theta, scale=np.sqrt(factor) * flow.scale_limit([1.0, 0.5, 0.25], 8))
    end = flow.balanced_limit(landscape)
    path = flow.integrate(landscape, start, np.linspace(0, 40 / flow.convergence_rate(landscape, end), 60))
    assert np.abs(path["conserved"]).max() < 1e-9 * path["value"].max() ** 2
    last = flow.state_at(path, -1)
    np.testing.assert_allclose(last.key_query, end.key_query, atol=1e-8)
    assert last.value == pytest.approx(end.value, abs=1e-8)
    assert (np.diff(path["loss"]) <= 1e-12).all()  # "non-decreasing" in the paper's Lemma A.4 (erratum)


@by_landscape
def test_unbalanced_starts_end_at_the_minimum_with_their_balance(name):
    landscape = LANDSCAPES[name]
    for seed in range(4):
        start = a_state(landscape.dim, [37, seed])
        path = flow.integrate(landscape, start, [0, 1, 1000])
        end = flow.limit(landscape, start, sign=int(np.sign(path["value"][-1])))
        np.testing.assert_allclose(path["conserved"], flow.conserved(start), atol=1e-9)
        np.testing.assert_allclose(path["key_query"][-1], end.key_query, atol=1e-8)
        assert path["value"].values[-1] == pytest.approx(end.value, abs=1e-8)


def test_path_solves_the_papers_equation():
    """Eq. (5.4) with matrices, by another solver, through a rotated covariance."""
    features, gamma = TURNED.matrix, population.gamma(TURNED, 8)
    start, times = flow.balanced_start(np.random.default_rng(38).standard_normal((3, 3)), scale=0.6), [0.3, 2.0, 9.0]

    def velocity(_, y):
        block, value = y[:-1].reshape(3, 3), y[-1]
        moved = -(value**2) * gamma @ features @ block @ features + value * features @ features
        return np.append(moved, -np.trace(value * gamma @ features @ block @ features @ block.T - features @ features @ block.T))

    initial = np.append(start.key_query, start.value)
    solved = solve_ivp(velocity, (0, 9), initial, method="DOP853", rtol=1e-12, atol=1e-13, t_eval=times).y.T
    path = flow.integrate(LANDSCAPES["turned"], start, times)
    np.testing.assert_allclose(path["key_query"].values.reshape(3, -1), solved[:, :-1], atol=1e-10)
    np.testing.assert_allclose(path["value"], solved[:, -1], atol=1e-10)


def test_features_that_never_vary_stay_where_they_start():
    landscape = flow.fixed_landscape(Covariance([1.0, 0.5, 0.0], TURNED.basis[:, :2]), 8)
    start = flow.State(a_state(3).key_query, 0.8)
    path = flow.integrate(landscape, start, [0, 500])
    end = flow.limit(landscape, start, sign=int(np.sign(path["value"][-1])))
    np.testing.assert_allclose(path["key_query"][-1], end.key_query, atol=1e-8)
    assert path["value"].values[-1] == pytest.approx(end.value, abs=1e-8)


@by_landscape
def test_rates_are_eigenvalues_of_the_hessian(name):
    """By differences of the gradient; one eigenvalue is 0, along the minima."""
    landscape, step = LANDSCAPES[name], 1e-5
    end, dim = flow.balanced_limit(landscape), landscape.dim
    flat = np.append(end.key_query, end.value)

    def slope(shift):
        found = flow.gradient(landscape, flow.State((flat + shift)[:-1].reshape(dim, dim), (flat + shift)[-1]))
        return np.append(found.key_query, found.value)

    hessian = np.array([(slope(shift) - slope(-shift)) / (2 * step) for shift in step * np.eye(len(flat))])
    spectrum = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    assert abs(spectrum[0]) < 1e-8 < spectrum[1]
    assert flow.convergence_rate(landscape, end) == pytest.approx(spectrum[1], rel=1e-7)
    assert flow.descent_limit(landscape, end) == pytest.approx(2 / spectrum[-1], rel=1e-7)


@pytest.mark.parametrize("dim, exponent", [(20, 6), (50, 12), (100, 8)])
def test_the_final_rate_of_a_steep_spectrum_is_not_lost_to_rounding(dim, exponent):
    """By Cauchy's interlacing it is between the two smallest of ``u^2 c_i``, and below what the last coordinate alone would have."""
    landscape = flow.fixed_landscape(power_law(dim, exponent), 40)
    end = flow.balanced_limit(landscape)
    c, z, u = np.diag(landscape.curvature), np.diag(end.key_query), end.value
    rate = flow.convergence_rate(landscape, end)
    assert u**2 * landscape.curvature.min() * (1 - 1e-12) <= rate <= min(np.sort(u**2 * c)[1], np.min(c * (u**2 + z**2)))


def test_a_rate_that_underflows_is_refused():
    landscape = flow.fixed_landscape([1.0, 1e-105], np.inf)
    with pytest.raises(ValueError, match="curvatures that something pulls against underflow"):
        flow.convergence_rate(landscape, flow.balanced_limit(landscape))


def test_the_limit_from_a_large_unbalanced_start_keeps_its_digits():
    """``u^2 u'^2 = |A|^2`` for opposite balances; as printed, ``q + sqrt(q^2 + 4 |A|^2)`` cancels to nothing."""
    landscape, large = LANDSCAPES["turned"], flow.State(1e4 * np.eye(3) / np.sqrt(3), 0.0)
    end, mirrored = flow.limit(landscape, large), flow.limit(landscape, flow.State(np.zeros((3, 3)), 1e4))
    assert end.value * mirrored.value == pytest.approx(np.linalg.norm(landscape.best), rel=1e-12)
    assert flow.conserved(end) == pytest.approx(flow.conserved(large), rel=1e-12)


def test_without_full_rank_there_is_no_one_limit_of_the_papers_starts():
    """What data do not move stays, and counts among what is conserved: `limit` from the start itself is where the flow ends."""
    landscape, start = flow.fixed_landscape([1.0, 0.5, 0.0], 8), flow.balanced_start(np.eye(3), scale=0.5)
    with pytest.raises(ValueError, match="entries that data do not move"):
        flow.balanced_limit(landscape)
    end = flow.limit(landscape, start)
    assert flow.integrate(landscape, start, [80.0])["value"].item() == pytest.approx(end.value, rel=1e-7)


def test_distance_falls_at_the_rate():
    landscape, start = LANDSCAPES["turned"], flow.balanced_start(np.random.default_rng(39).standard_normal((3, 3)), scale=0.5)
    rate = flow.convergence_rate(landscape, flow.balanced_limit(landscape))
    excess = flow.integrate(landscape, start, np.array([9.0, 11.0]) / rate)["excess_loss"].values
    assert np.log(excess[0] / excess[1]) / 4 == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("factor, stays", [(0.98, True), (1.02, False)])
def test_descent_stays_at_a_minimum_below_its_largest_step_only(factor, stays):
    """Above, it leaves for a flatter one."""
    landscape = LANDSCAPES["turned"]
    end = flow.balanced_limit(landscape)
    step, state = factor * flow.descent_limit(landscape, end), flow.State(end.key_query + 1e-6 * a_state(3).key_query, end.value)
    for _ in range(2000):
        slope = flow.gradient(landscape, state)
        state = flow.State(state.key_query - step * slope.key_query, state.value - step * slope.value)
    assert (np.linalg.norm(state.key_query - end.key_query) < 1e-5) == stays


# --- the paper's constants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance, n_context", [([1.0, 0.5, 0.25], 8), (TURNED, 3), (identity(4), 20), (power_law(6, 1.0), 10)])
@pytest.mark.parametrize("factor", [0.1, 0.9])
def test_constants_of_one_covariance_hold(covariance, n_context, factor):
    landscape = flow.fixed_landscape(covariance, n_context)
    theta, scale = np.random.default_rng(40).standard_normal((landscape.dim,) * 2), factor * flow.scale_limit(covariance, n_context)
    rate = flow.loss_rate_bound(theta, covariance, n_context, scale=scale)
    _check_constants(landscape, theta, scale, rate, flow.value_bound(theta, covariance, n_context, scale=scale))


@pytest.mark.parametrize("laws", [LAWS, [flow.exponential_law()] * 3, [flow.uniform_law(0.9, 1.1), flow.lognormal_law(deviation=0.8)]])
@pytest.mark.parametrize("factor", [0.1, 0.9])
def test_constants_of_random_covariances_hold(laws, factor):
    landscape = flow.random_landscape(flow.diagonal_moments(laws), 6)
    theta = np.random.default_rng(41).standard_normal((len(laws),) * 2)
    scale = factor * flow.random_scale_limit(theta, laws, 6)
    rate = flow.random_loss_rate_bound(theta, laws, 6, scale=scale)
    _check_constants(landscape, theta, scale, rate, flow.random_value_bound(theta, laws, 6, scale=scale))


def _check_constants(landscape, theta, scale, rate, value):
    end = flow.balanced_limit(landscape)
    times = np.linspace(0, 12 / flow.convergence_rate(landscape, end), 200)
    path = flow.integrate(landscape, flow.balanced_start(theta, scale=scale), times)
    slopes = [flow.gradient(landscape, flow.state_at(path, position)) for position in range(len(times))]
    squares = np.array([np.sum(slope.key_query**2) + slope.value**2 for slope in slopes])
    excess = path["excess_loss"].values
    assert 0 < value < path["value"].min() and 0 < rate < np.min(squares / excess)
    assert (excess <= excess[0] * np.exp(-rate * times) * (1 + 1e-12)).all()


def test_constants_are_the_papers():
    """Eqs. (A.14), (5.7), (4.10), (C.12) with the denominator of its proof, and (C.13), in matrices."""
    theta, inverse, gamma = np.random.default_rng(42).standard_normal((3, 3)), np.linalg.inv(TURNED.matrix), population.gamma(TURNED, 8)
    theta, sigma, root = theta / np.sqrt(np.linalg.norm(theta @ theta.T)), 0.4, np.sqrt(3)
    least = sigma**2 / (2 * root) * np.linalg.norm(TURNED.matrix @ theta) ** 2 * (2 - root * sigma**2 * np.linalg.norm(gamma, 2))
    mu = 2 * least / (np.trace(np.linalg.inv(gamma) @ inverse) * np.trace(inverse))  # with |Lambda|_op = 1
    assert flow.value_bound(3 * theta, TURNED, 8, scale=sigma) == pytest.approx(np.sqrt(least), rel=1e-12)
    assert flow.loss_rate_bound(3 * theta, TURNED, 8, scale=sigma) == pytest.approx(mu, rel=1e-12)
    laws, moments, sigma = LAWS[:3], flow.diagonal_moments(LAWS[:3]), 0.2
    pulled, resisted = np.sum((moments[:, :1] * theta) ** 2), flow.mean_norm_product(laws, 6)
    least = sigma**2 / (2 * root * moments[:, 1].max()) * (2 * pulled - root * sigma**2 * resisted)
    eta = flow.random_landscape(moments, 6).curvature.min()
    assert flow.random_value_bound(theta, laws, 6, scale=sigma) == pytest.approx(np.sqrt(least), rel=1e-12)
    assert flow.random_loss_rate_bound(theta, laws, 6, scale=sigma) == pytest.approx(eta * least, rel=1e-12)
    assert flow.random_scale_limit(theta, laws, 6) == pytest.approx(np.sqrt(2 * pulled / (root * resisted)), rel=1e-12)


@pytest.mark.parametrize("bound", [flow.value_bound, flow.loss_rate_bound])
def test_constants_refuse_starts_beyond_the_limit(bound):
    limit = flow.scale_limit([1.0, 0.5], 8)
    assert bound(np.eye(2), [1.0, 0.5], 8, scale=0.999 * limit) > 0
    with pytest.raises(ValueError, match=f"scale = .*needs a start below {limit:.6g}"):
        bound(np.eye(2), [1.0, 0.5], 8, scale=1.001 * limit)


def test_constants_of_narrow_laws_are_those_of_one_covariance():
    """Those of eq. (4.10) at a law of hardly any width: same margin but for the norm that resists, |Gamma|_op |Lambda|_F^2."""
    laws = [flow.uniform_law(value * (1 - 1e-6), value * (1 + 1e-6)) for value in (1.0, 0.5, 0.25)]
    assert flow.mean_norm_product(laws, 8) == pytest.approx(population.gamma([1.0, 0.5, 0.25], 8)[0, 0] * 1.3125, rel=1e-5)


# --- laws ---------------------------------------------------------------------------------------------------------


def test_moments_of_named_families():
    laws = {
        "exponential": (flow.named_law("exponential", mean=0.5), [0.5, 0.5, 0.75]),
        "uniform": (flow.named_law("uniform", low=1.0, high=3.0), [2, 13 / 3, 10]),
        "gamma": (flow.named_law("gamma", shape=2.5, scale=2.0), [5, 35, 315]),
        "lognormal": (flow.named_law("lognormal", median=2.0, deviation=0.5), 2.0 ** np.arange(1, 4) * np.exp([0.125, 0.5, 1.125])),
    }
    for law, expected in laws.values():
        np.testing.assert_allclose(flow.diagonal_moments([law])[0], expected, rtol=1e-12)


@pytest.mark.parametrize("laws", [LAWS[:2], LAWS[1:3], [flow.exponential_law()] * 2])
def test_mean_of_the_largest_entry_times_squares_is_a_double_integral(laws):
    """At an infinite length, (1 + 1/N) E[max sum lambda^2] alone, split where the two entries are equal."""
    def integrand(y, x):
        return max(x, y) * (x**2 + y**2) * laws[0].pdf(x) * laws[1].pdf(y)

    (low, high), (bottom, top) = ([*law.support()] for law in laws)
    high, top = min(high, 45.0), min(top, 45.0)
    below = dblquad(integrand, low, high, lambda x: bottom, lambda x: min(max(x, bottom), top), epsabs=1e-10, epsrel=1e-10)[0]
    above = dblquad(integrand, low, high, lambda x: min(max(x, bottom), top), lambda x: top, epsabs=1e-10, epsrel=1e-10)[0]
    assert flow.mean_norm_product(laws, np.inf) == pytest.approx(below + above, rel=1e-7)


@pytest.mark.parametrize("shape", [0.01, 0.03, 0.1, 0.12, 0.15, 0.18, 0.3, 1.0, 4.0, 30.0])
def test_mean_norm_product_of_gamma_laws_of_any_shape(shape):
    """Of two alike: the sum is independent of its part ``b``, ``E S^3 E[max(b, 1 - b)(b^2 + (1 - b)^2)]``; ``b^shape`` is integrated."""
    def weighted(x):
        b = x ** (1 / shape) / 2
        return (1 - b) ** shape * (b**2 + (1 - b) ** 2)

    part = 2 * 0.5**shape / shape / beta(shape, shape) * quad(weighted, 0, 1, epsabs=0, epsrel=1e-11, limit=500)[0]
    total = 2 * shape * (2 * shape + 1) * (2 * shape + 2)
    assert flow.mean_norm_product([flow.gamma_law(shape)] * 2, np.inf) == pytest.approx(total * part, rel=1e-9)


@pytest.mark.parametrize("law", [flow.gamma_law(1e6, 1e6), flow.gamma_law(0.01, 1e-6), flow.lognormal_law(1e-6, deviation=3.0),
                                 flow.lognormal_law(1e6, deviation=3.0), flow.exponential_law(1e-6), flow.lognormal_law(deviation=1e-6),
                                 flow.uniform_law(0.0, 1e-6)])  # fmt: skip
def test_the_flow_is_integrated_under_laws_at_their_bounds(law):
    """Those of the configuration: mean_norm_product of one entry, and the limit from a tenth of the largest start."""
    assert flow.mean_norm_product([law], np.inf) == pytest.approx(law.moment(3), rel=1e-8)
    landscape, laws = flow.random_landscape(flow.diagonal_moments([law] * 3), 20), [law] * 3
    end, start = flow.balanced_limit(landscape), flow.balanced_start(np.eye(3), scale=0.1 * flow.random_scale_limit(np.eye(3), laws, 20))
    path = flow.integrate(landscape, start, [12 / flow.convergence_rate(landscape, end)])
    assert path["value"].item() == pytest.approx(end.value, rel=1e-3)


def test_mean_norm_product_of_one_entry():
    """(1 + 2/N) E lambda^3, whatever the law."""
    for law in LAWS:
        assert flow.mean_norm_product([law], 4) == pytest.approx(1.5 * law.moment(3), rel=1e-10)


# --- labels and errors --------------------------------------------------------------------------------------------

W = np.array([1.0, -1.0, 2.0])
KINDS = {
    "linear": (flow.linear_labels, lambda z: z[:, 0]),
    "quadratic": (flow.quadratic_labels, lambda z: z[:, 0] ** 2),
    "cubic": (flow.cubic_labels, lambda z: z[:, 0] ** 3),
    "relu": (flow.relu_labels, lambda z: np.maximum(z[:, 0], 0)),
}


def assert_same_labels(found, expected, tolerance):
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=tolerance * np.abs(expected.spread).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", [0.0, 0.6])
def test_closed_forms_of_labels_are_integrals(kind, noise):
    closed, function = KINDS[kind]
    expected = closed(W, TURNED, label_noise=noise)
    assert_same_labels(flow.function_labels(function, W, TURNED, label_noise=noise), expected, 1e-10)
    if kind != "relu":  # of all features, by the product rule
        found = flow.function_labels(lambda x: function(x @ W[:, None]), np.eye(3), TURNED, label_noise=noise, points=6)
        assert_same_labels(found, expected, 1e-12)


def test_labels_with_kinks_elsewhere_and_of_several_projections():
    """A kinked function agrees with its own moments by a fine sum; one of two projections with itself of three, one ignored."""
    found = flow.function_labels(lambda z: np.abs(z[:, 0] - 0.3), [1.0, 0.0, 0.0], [1.0, 0.5, 0.25], kinks=[0.3])
    grid = np.linspace(-12, 12, 2_400_001)
    mass = np.exp(-(grid**2) / 2) * (grid[1] - grid[0]) / np.sqrt(2 * np.pi)
    assert found.weights[0] == pytest.approx(mass @ (grid * np.abs(grid - 0.3)), rel=1e-8)
    assert found.spread[0, 0] == pytest.approx(mass @ (grid * (grid - 0.3)) ** 2 - found.weights[0] ** 2, rel=1e-8)
    two = flow.function_labels(lambda z: z[:, 0] * z[:, 1], [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], TURNED, points=5)
    three = flow.function_labels(lambda x: x[:, 0] * (x[:, 0] + x[:, 1]), np.eye(3), TURNED, points=5)
    assert_same_labels(two, three, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_error_of_the_theorem_has_one_over_the_test_length(kind):
    """Eq. (4.6) term by term; without 1/M, as on the slides, it is far off (erratum)."""
    labels, n, m = KINDS[kind][0](W, TURNED), 8, 11
    features, inverse, a = TURNED.matrix, population.preconditioner(TURNED, n), labels.weights
    weighted = inverse @ inverse @ features
    variance, trace = np.trace(labels.spread @ weighted), np.trace(features)
    bias = a @ (weighted @ features @ features + 2 * trace * weighted @ features + trace**2 * weighted) @ a / n**2
    found = flow.prediction_error(labels, TURNED, n_context=n, n_context_test=m)
    assert found == pytest.approx(labels.residual + variance / m + bias, rel=1e-12)
    assert labels.residual + variance + bias > 2 * found


def test_average_error_is_that_of_each_task():
    """Over w ~ N(0, I) errors are quadratic in w: the mean over an orthonormal basis, times D; and twice the loss of test prompts."""
    learned, asked = a_state(3).key_query, TASKS[1] + np.diag([0.5, 0, 0])  # asymmetric: no product is special
    queries = [flow.linear_query(asked, w) for w in np.eye(3)]
    each = [flow.prediction_error_at(learned, flow.linear_labels(w, TASKS[1]), n_context_test=11, query=query)
            for w, query in zip(np.eye(3), queries)]
    found = flow.average_prediction_error(learned, TASKS[1], n_context_test=11, second_moment=asked)
    assert found == pytest.approx(sum(each), rel=1e-12)
    bare, noise = (flow.prediction_error_at(learned, flow.linear_labels(np.zeros(3), TASKS[1], label_noise=noise), n_context_test=11,
                                            query=queries[0]) for noise in (0, 0.7))
    noisy = flow.average_prediction_error(learned, TASKS[1], n_context_test=11, second_moment=asked, label_noise=0.7)
    assert noisy - found == pytest.approx(noise - bare, rel=1e-10)
    by_loss = flow.mean_prediction_error(flow.fixed_landscape(TASKS[1], 11), learned)
    assert flow.average_prediction_error(learned, TASKS[1], n_context_test=11) == pytest.approx(by_loss, rel=1e-12)


def test_scaled_covariates_are_not_tolerated_and_other_queries_are():
    """Long prompts: scaling all features by c leaves an error (c^2 - 1)^2 of the label's square; a query of any law leaves none."""
    learned = population.preconditioner(TURNED, np.inf)
    for c in (0.5, 2.0, 3.0):
        scaled = c**2 * TURNED.matrix
        labels = flow.linear_labels(W, scaled)
        error = flow.prediction_error_at(learned, labels, n_context_test=np.inf)
        assert error == pytest.approx((c**2 - 1) ** 2 * (W @ scaled @ W), rel=1e-12)
    found = flow.prediction_error_at(learned, flow.linear_labels(W, TURNED), n_context_test=np.inf, query=flow.linear_query(TASKS[1], W))
    assert abs(found) < 1e-24


def test_error_parts():
    labels = flow.cubic_labels(W, TURNED, label_noise=0.5)
    terms = flow.prediction_error_terms(population.preconditioner(TURNED, 8), labels, n_context_test=11)
    doubled = flow.prediction_error_terms(population.preconditioner(TURNED, 8), labels, n_context_test=22)
    assert terms["best predictor"] == labels.residual and terms["bias"] == doubled["bias"] > 0
    assert terms["variance"] == pytest.approx(2 * doubled["variance"])


# --- the paper's print --------------------------------------------------------------------------------------------


def noiseless_error(covariance, n, m):
    return flow.average_prediction_error(population.preconditioner(covariance, n), covariance, n_context_test=m)


@pytest.mark.parametrize("covariance", [identity(10), power_law(6, 1.0), Covariance([3.0, 1.0, 0.1])])
@pytest.mark.parametrize("n, m", [(5, 7), (50, 10**9), (200, 200)])
def test_bounds_of_the_error_hold_in_their_order(covariance, n, m):
    bounds = [bound(covariance, n_context=n, n_context_test=m) for bound in (flow.average_error_bound, flow.condition_error_bound)]
    assert noiseless_error(covariance, n, m) < bounds[0] <= bounds[1] * (1 + 1e-12)


def test_printed_bound_fails_without_the_trace():
    """Before Corollary 4.3: exact 0.325 above the printed 0.124."""
    exact, printed = noiseless_error(identity(10), 50, 10**9), flow.printed_error_bound(identity(10), n_context=50, n_context_test=10**9)
    assert (round(exact, 3), round(printed, 3)) == (0.325, 0.124)
    assert exact < flow.condition_error_bound(identity(10), n_context=50, n_context_test=10**9)


@pytest.mark.parametrize("error, printed, left, corrected, reached", [
    (1.0, 23, 1.2755, 50, 0.66111), (0.1, 73, 0.20925, 156, 0.087016), (0.01, 229, 0.025559, 492, 0.0095661)])  # fmt: skip
def test_printed_sample_size_does_not_suffice_and_the_corrected_one_does(error, printed, left, corrected, reached):
    """Corollary 4.3, isotropic in ten dimensions."""
    m = flow.sufficient_test_length(identity(10), error)
    assert (flow.printed_sufficient_length(identity(10), error), flow.sufficient_length(identity(10), error)) == (printed, corrected)
    assert noiseless_error(identity(10), printed, m) == pytest.approx(left, rel=1e-4) and left > error
    assert noiseless_error(identity(10), corrected, m) == pytest.approx(reached, rel=1e-4) and reached < error


@pytest.mark.parametrize("covariance", [power_law(6, 1.0), Covariance([3.0, 1.0, 0.1]), Covariance([0.1, 0.02])])
def test_corrected_sample_sizes_suffice(covariance):
    for error in (1.0, 0.1, 0.001):
        n, m = flow.sufficient_length(covariance, error), flow.sufficient_test_length(covariance, error)
        assert noiseless_error(covariance, n, m) <= error


def test_exponent_of_the_random_limit():
    """Eq. (C.15) prints (sum xi_i/gamma_i)^1/4 for the value; the flow goes to (sum xi_i^2/gamma_i^2)^1/4."""
    landscape = LANDSCAPES["random"]
    ratio = np.diag(landscape.pull) / np.diag(landscape.curvature)
    start = flow.balanced_start(np.eye(4), scale=0.5 * flow.random_scale_limit(np.eye(4), LAWS, 6))
    end = flow.integrate(landscape, start, [40 / flow.convergence_rate(landscape, flow.balanced_limit(landscape))])["value"].item()
    assert end == pytest.approx(np.sum(ratio**2) ** 0.25, abs=1e-8)
    assert abs(end - np.sum(ratio) ** 0.25) > 0.1


def test_quadrature_that_does_not_converge_is_an_error():
    with pytest.raises(ArithmeticError, match="quadrature is off by"):
        flow.function_labels(lambda z: np.sin(1e7 * z[:, 0]), W, TURNED)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_quadrature_keeps_its_digits_for_small_and_large_projections(scale):
    found = flow.function_labels(lambda z: np.where(z[:, 0] > scale, z[:, 0], 0), scale * W, TURNED, kinks=[scale])
    expected = flow.function_labels(lambda z: np.where(z[:, 0] > 1, z[:, 0], 0), W, TURNED, kinks=[1])
    np.testing.assert_allclose(found.spread / scale**2, expected.spread, rtol=1e-9)
    np.testing.assert_allclose(found.weights / scale, expected.weights, rtol=1e-9)
    assert not flow.function_labels(lambda z: 0 * z[:, 0], W, TURNED).spread.any()


# --- arguments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call, message", [
    (lambda: flow.balanced_start(np.zeros((2, 2)), scale=1.0), "theta = 0"),
    (lambda: flow.balanced_start(np.eye(2), scale=-1.0), "scale = -1.0: must be a positive"),
    (lambda: flow.integrate(LANDSCAPES["turned"], a_state(3), [1.0, 0.5]), "times = .*increasing"),
    (lambda: flow.integrate(LANDSCAPES["turned"], a_state(2), [1.0]), "key_query has shape"),
    (lambda: flow.limit(LANDSCAPES["turned"], a_state(3), sign=2), "sign = 2: must be 1 or -1"),
    (lambda: flow.random_landscape([[1.0, 0.5, 1.0]], 4), "moments = .*positive law"),
    (lambda: flow.random_landscape([[1.0, 2.0, 3.0]], 4), "moments = .*positive law"),
    (lambda: flow.random_landscape([1.0, 1.0, 1.0], 4), "moments has shape"),
    (lambda: flow.fixed_landscape([1.0], 0), "n_context = 0"),
    (lambda: flow.diagonal_moments([]), "laws = "),
    (lambda: flow.diagonal_moments([1.0]), "no frozen continuous distribution"),
    (lambda: flow.uniform_law(2.0, 1.0), "low = 2.0, high = 1.0"),
    (lambda: flow.named_law("normal"), "family = 'normal'"),
    (lambda: flow.linear_labels([1.0], [1.0, 1.0]), "weights = "),
    (lambda: flow.linear_labels([1.0], [1.0], label_noise=-1.0), "label_noise = -1.0"),
    (lambda: flow.function_labels(lambda z: np.hstack([z, z]), [1.0], [1.0]), "function returned shape"),
    (lambda: flow.function_labels(lambda z: z[:, 0], [[1.0, 0.0], [2.0, 0.0]], [1.0, 1.0]), "must be linearly independent"),
    (lambda: flow.sufficient_length([1.0], 0.0), "error = 0.0"),
    (lambda: flow.average_error_bound([1.0, 0.0], n_context=4, n_context_test=4), "covariance has rank 1"),
    (lambda: flow.prediction_error(flow.linear_labels([1.0], [1.0]), [1.0, 1.0], n_context=4, n_context_test=4), "product has shape"),
    (lambda: flow.prediction_error(flow.linear_labels([1.0], [1.0]), [1.0], n_context=4, n_context_test=4,
                                   query=flow.linear_query([1.0, 1.0], [1.0, 0.0])), "query has 2 features"),
    (lambda: flow.embedding(np.ones((2, 3)), np.ones(3), np.ones(3)), "features has shape"),
    (lambda: flow.value_bound(np.eye(3), [1.0, 1.0], 4, scale=0.1), "theta has 3 rows"),
])  # fmt: skip
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_function_of_numbers_is_a_function_of_one_direction():
    w, covariance = [1.0, 0.5], [2.0, 1.0]
    found, expected = (flow.function_labels(each, w, covariance) for each in (np.sin, lambda z: np.sin(z[:, 0])))
    for one, other in zip(found, expected):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("function, message", [
    (np.log, "^function returned labels that are not finite"),
    (lambda z: 1.0, r"^function returned shape \(\) for projections \(1, 1\): must be \(1,\), one label a row"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_function_that_gives_no_labels_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        flow.function_labels(function, [1.0, 0.5], [2.0, 1.0])
