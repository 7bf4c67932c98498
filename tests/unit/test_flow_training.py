"""Gradient descent on all parameters against the loss it descends, the flow it follows, and where other starts end."""

import numpy as np
import pytest

from cotdepth.covariance import Covariance, haar
from cotdepth.fit.flow import Matrices, adam, descend, embedded, random_matrices, with_flow_distance
from cotdepth.fit.flow_losses import LandscapeLoss, PopulationLoss, Prompts, SampleLoss, draw_prompts, sample_curvature
from cotdepth.theory import flow, population

SPECTRUM, N = [1.0, 0.5, 0.25], 8
TURNED = haar(Covariance(SPECTRUM), rng=np.random.default_rng(51))
START = flow.balanced_start(np.random.default_rng(52).standard_normal((3, 3)), scale=0.6)


def literal_sample(rng, count=7):
    """A few prompts as tokens, with the labels of their queries, and as the loss takes them."""
    tokens = [flow.embedding(rng.standard_normal((N, 3)), rng.standard_normal(N), rng.standard_normal(3)) for _ in range(count)]
    targets = rng.standard_normal(count)
    grams = np.stack([each @ each.T / N for each in tokens])
    return tokens, targets, SampleLoss(Prompts(grams, np.stack([each[:-1, -1] for each in tokens]), targets))


def assert_gradient_is_the_slope(loss, rng):
    """Along random directions in all entries of both matrices, to 1e-8 of the steepest."""
    matrices, step = random_matrices(3, scale=0.5, rng=rng), 1e-5
    gradient = np.array(loss(matrices)[1])
    for _ in range(5):
        toward = rng.standard_normal((2, 4, 4))
        ahead, behind = (loss(Matrices(*(np.array(matrices) + sign * step * toward)))[0] for sign in (1, -1))
        assert (ahead - behind) / (2 * step) == pytest.approx(np.sum(gradient * toward), abs=1e-8 * np.linalg.norm(gradient))


# --- losses -------------------------------------------------------------------------------------------------------


def test_sample_loss_is_that_of_the_literal_layer():
    rng = np.random.default_rng(53)
    tokens, targets, loss = literal_sample(rng)
    matrices = random_matrices(3, scale=0.5, rng=rng)
    answers = np.array([flow.layer_output(each, *matrices)[-1, -1] for each in tokens])
    assert loss(matrices)[0] == pytest.approx(np.mean((answers - targets) ** 2) / 2, rel=1e-12)
    assert_gradient_is_the_slope(loss, rng)


def test_sample_curvature_is_of_the_hessian_of_the_sample_loss():
    """By central differences of the gradient, in all entries of both matrices."""
    rng = np.random.default_rng(58)
    prompts, matrices = draw_prompts(TURNED, 4, 9, rng), np.array(random_matrices(3, scale=0.5, rng=rng))
    shifts = 1e-5 * np.eye(matrices.size).reshape(-1, *matrices.shape)
    rows = [np.subtract(*(SampleLoss(prompts)(Matrices(*(matrices + each)))[1] for each in (shift, -shift))).ravel() / 2e-5
            for shift in shifts]  # fmt: skip
    largest = np.linalg.eigvalsh((np.array(rows) + np.transpose(rows)) / 2)[-1]
    assert sample_curvature(prompts, Matrices(*matrices)) == pytest.approx(largest, rel=1e-6)


def test_drawn_prompts_are_of_the_paper_s_kind():
    """With as many prompts as there are tasks to tell: targets are labels of the queries, and Gram matrices hold noiseless labels."""
    prompts = draw_prompts(TURNED, 5, 20, np.random.default_rng(54))
    for gram, query, target in zip(*prompts):
        inner = gram[:3, :3] - np.outer(query, query) / 5
        weights = np.linalg.solve(inner, gram[:3, 3])
        assert query @ weights == pytest.approx(target, rel=1e-6)
        assert weights @ inner @ weights == pytest.approx(gram[3, 3], rel=1e-6)


def test_population_loss_has_its_gradient():
    assert_gradient_is_the_slope(PopulationLoss(TURNED, N), np.random.default_rng(55))


def test_population_loss_is_the_landscape_on_the_papers_blocks():
    landscape, state = flow.fixed_landscape(TURNED, N), flow.State(np.random.default_rng(56).standard_normal((3, 3)), -0.7)
    value, gradient = PopulationLoss(TURNED, N)(embedded(state))
    assert value == pytest.approx(flow.loss(landscape, state) + TURNED.trace / 2, rel=1e-12)
    slope, found = flow.gradient(landscape, state), flow.relevant_entries(*gradient)
    np.testing.assert_allclose(found[:-1, :-1], slope.key_query, atol=1e-12)
    assert found[-1, -1] == pytest.approx(slope.value, rel=1e-12)
    assert not found[-1, :-1].any() and not found[:-1, -1].any()  # so that these blocks stay 0


# --- descent ------------------------------------------------------------------------------------------------------


def test_descent_follows_the_flow_to_first_order():
    """Halving the step halves the distance: ratios within 2 percent of 2 at steps of 1/160 to 1/640."""
    landscape, loss = flow.fixed_landscape(TURNED, N), PopulationLoss(TURNED, N)
    farthest = []
    for step_size in (1 / 160, 1 / 320, 1 / 640):
        run = descend(loss, embedded(START), step_size=step_size, steps=round(4 / step_size), every=round(0.5 / step_size))
        distance = with_flow_distance(run, landscape)
        farthest.append([distance[name].max().item() for name in ("key_query_distance", "value_distance")])
        assert not run["outside"].any()
    farthest = np.array(farthest)
    np.testing.assert_allclose(farthest[:-1] / farthest[1:], 2, rtol=0.02)
    assert (farthest[0] > 1e-5).all()  # of the steps, not of rounding


def test_descent_ends_at_the_stated_limit_as_steps_shrink():
    """Steps of finite size leave the balance a little: the product ends at Gamma^-1 exactly, the value at the limit to first order."""
    landscape, ends = flow.fixed_landscape(TURNED, N), []
    stated = flow.balanced_limit(landscape)
    for step_size in (0.2, 0.1):
        steps = round(220 / step_size)
        run = descend(PopulationLoss(TURNED, N), embedded(START), step_size=step_size, steps=steps, every=steps)
        entries = run["entries"].values[-1]
        np.testing.assert_allclose(entries[-1, -1] * entries[:-1, :-1], population.preconditioner(TURNED, N), atol=1e-10)
        ends.append([entries[-1, -1] - stated.value, np.linalg.norm(entries[:-1, :-1] - stated.key_query)])
    ratios = np.array(ends[:-1]) / np.array(ends[1:])
    assert (1.85 < ratios).all() and (ratios < 2.15).all() and np.abs(ends[-1]).max() < 0.02


@pytest.mark.parametrize("landscape", [
    flow.random_landscape(flow.diagonal_moments([flow.exponential_law(), flow.uniform_law(0.5, 2.0), flow.gamma_law(2.0, 0.3)]), N),
    flow.mixture_landscape([TURNED, [1.0, 1.0, 0.1]], [0.6, 0.4], N)], ids=["random", "mixture"])  # fmt: skip
def test_descent_in_other_landscapes_follows_their_flow(landscape):
    distance = []
    for step_size in (1 / 100, 1 / 200):
        loss, every = LandscapeLoss(landscape), round(0.5 / step_size)
        run = descend(loss, embedded(START), step_size=step_size, steps=8 * every, every=every)
        distance.append(with_flow_distance(run, landscape)["key_query_distance"].max().item())
    assert 1.9 < distance[0] / distance[1] < 2.1
    assert run["loss"][0].item() == pytest.approx(flow.loss(landscape, START) + landscape.feature_trace / 2, rel=1e-12)


def test_adam_finds_the_product_but_not_the_balance():
    end = flow.relevant_entries(*adam(PopulationLoss(TURNED, N), embedded(START), learning_rate=0.02, steps=3000))
    np.testing.assert_allclose(end[-1, -1] * end[:-1, :-1], population.preconditioner(TURNED, N), atol=1e-4)
    assert abs(end[-1, -1] ** 2 - np.sum(end[:-1, :-1] ** 2)) > 0.01


def test_descent_in_all_parameters_follows_their_flow():
    start = random_matrices(3, scale=0.4, rng=np.random.default_rng(57))
    path = flow.full_flow(flow.relevant_entries(*start), TURNED, N, [0.0, 2.0, 4.0])["entries"].values
    distance = []
    for step_size in (1 / 100, 1 / 200):
        run = descend(PopulationLoss(TURNED, N), start, step_size=step_size, steps=round(4 / step_size), every=round(2 / step_size))
        distance.append(np.abs(run["entries"].values - path).max())
    assert 1.9 < distance[0] / distance[1] < 2.1


def test_flow_in_all_parameters_from_the_papers_start_is_the_reduced_flow():
    times, landscape = [0.0, 1.0, 7.0], flow.fixed_landscape(TURNED, N)
    path = flow.full_flow(flow.relevant_entries(*embedded(START)), TURNED, N, times)
    assert path.attrs["title"] == "Gradient flow in all parameters"
    reduced = flow.integrate(landscape, START, times)
    np.testing.assert_allclose(path["entries"].values[:, :-1, :-1], reduced["key_query"], atol=1e-10)
    np.testing.assert_allclose(path["entries"].values[:, -1, -1], reduced["value"], atol=1e-10)
    np.testing.assert_allclose(path["loss"], reduced["loss"] + TURNED.trace / 2, atol=1e-10)


# --- other starts -------------------------------------------------------------------------------------------------


def excess(covariance, entries, n_context=N):
    landscape = flow.fixed_landscape(covariance, n_context)
    return flow.full_loss(entries, covariance, n_context) - flow.minimal_loss(landscape) - landscape.feature_trace / 2


def test_answering_along_one_direction_is_a_local_minimum():
    """The gradient is 0 and the Hessian positive but for the scale that the two matrices share."""
    point = flow.single_direction_point(TURNED, N)
    assert np.abs(flow.full_gradient(point, TURNED, N)).max() < 1e-14
    gamma = np.diag(population.gamma(SPECTRUM, N))
    assert excess(TURNED, point) == pytest.approx(np.sum(np.square(SPECTRUM[1:]) / gamma[1:]) / 2, rel=1e-12)
    spectrum = np.linalg.eigvalsh(flow.full_hessian(point, TURNED, N))
    assert abs(spectrum[0]) < 1e-8 and spectrum[1] > 2e-3


@pytest.mark.parametrize("covariance, n_context", [([1.0, 1.0, 1.0], N), (SPECTRUM, 1000)])
def test_it_is_a_saddle_for_equal_eigenvalues_and_in_long_prompts(covariance, n_context):
    point = flow.single_direction_point(covariance, n_context)
    assert np.linalg.eigvalsh(flow.full_hessian(point, covariance, n_context))[0] < -0.02


def test_in_longer_prompts_the_flow_may_end_at_another_local_minimum():
    """With 30 examples: the end has no gradient, a positive Hessian but for the shared scale, and a loss far above the minimum."""
    start = flow.relevant_entries(*random_matrices(3, scale=0.1, rng=np.random.default_rng([6, 1])))
    end = flow.full_flow(start, SPECTRUM, 30, [3000.0])["entries"].values[-1]
    spectrum = np.linalg.eigvalsh(flow.full_hessian(end, SPECTRUM, 30))
    assert np.abs(flow.full_gradient(end, SPECTRUM, 30)).max() < 1e-9
    assert abs(spectrum[0]) < 1e-8 and spectrum[1] > 1e-3
    assert excess(SPECTRUM, end, 30) == pytest.approx(0.254, abs=5e-4)
    assert np.linalg.eigvalsh(flow.full_hessian(flow.single_direction_point(SPECTRUM, 30), SPECTRUM, 30))[0] < -0.01


def test_random_starts_may_end_there_or_at_the_global_minimum():
    """Of three, all ends are one or the other, and both happen: the paper's start matters."""
    ends = []
    for seed in range(3):
        start = flow.relevant_entries(*random_matrices(3, scale=0.01, rng=np.random.default_rng([seed, 7])))
        ends.append(excess(SPECTRUM, flow.full_flow(start, SPECTRUM, N, [2000.0])["entries"].values[-1]))
    ends, trapped = np.array(ends), excess(SPECTRUM, flow.single_direction_point(SPECTRUM, N))
    at_trap, at_minimum = np.abs(ends - trapped) < 1e-3, np.abs(ends) < 1e-6
    assert (at_trap | at_minimum).all() and at_trap.any() and at_minimum.any()


# --- arguments ----------------------------------------------------------------------------------------------------


def test_descent_that_diverges_says_so():
    with pytest.raises(FloatingPointError, match="step_size = 50: descent diverged within"):
        descend(PopulationLoss(TURNED, N), embedded(START), step_size=50.0, steps=100)


@pytest.mark.parametrize("call, message", [
    (lambda: descend(PopulationLoss(TURNED, N), embedded(START), step_size=0.1, steps=10, every=3), "every = 3: must divide"),
    (lambda: descend(PopulationLoss(TURNED, N), embedded(START), step_size=0.0, steps=10), "step_size = 0.0"),
    (lambda: random_matrices(3, scale=-1.0, rng=np.random.default_rng(0)), "scale = -1.0"),
    (lambda: draw_prompts(TURNED, 0, 5, np.random.default_rng(0)), "n_context = 0"),
    (lambda: with_flow_distance(descend(PopulationLoss(TURNED, N), random_matrices(3, scale=1.0, rng=np.random.default_rng(0)),
                                        step_size=0.001, steps=1), flow.fixed_landscape(TURNED, N)), "must be 0 for the reduced flow"),
    (lambda: LandscapeLoss(flow.fixed_landscape(TURNED, N))(random_matrices(3, scale=1.0, rng=np.random.default_rng(0))), "u_12 or u_21"),
    (lambda: flow.full_loss(np.eye(3), TURNED, N), "entries has shape"),
])  # fmt: skip
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
