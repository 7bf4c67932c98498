"""Simulated prompts and sample losses meet the theory of gradient flow."""

import numpy as np
import pytest

from cotdepth.answer_evaluation import measure_answers
from cotdepth.covariance import Covariance, as_covariance, haar
from cotdepth.fit.flow import descend, embedded, random_matrices, with_flow_distance
from cotdepth.fit.flow_losses import FreshLoss, PopulationLoss, SampleLoss, draw_prompts, draw_random_prompts
from cotdepth.theory import flow, population
from cotdepth.theory.flow_answers import summarise_answers

TURNED = haar(Covariance([1.0, 0.5, 0.25]), rng=np.random.default_rng(61))
W, NOISE = np.array([1.0, -1.0, 2.0]), 0.55
LABELS = {
    "linear": (flow.linear_labels(W, TURNED), lambda z, rng: z),
    "noisy": (flow.linear_labels(W, TURNED, label_noise=NOISE), lambda z, rng: z + NOISE * rng.standard_normal(z.shape)),
    "quadratic": (flow.quadratic_labels(W, TURNED), lambda z, rng: z**2),
    "cubic": (flow.cubic_labels(W, TURNED), lambda z, rng: z**3),
    "relu": (flow.relu_labels(W, TURNED), lambda z, rng: np.maximum(z, 0)),
    "user's": (flow.function_labels(lambda z: np.sin(z[:, 0]) + 1, W, TURNED), lambda z, rng: np.sin(z) + 1),
}


def root(covariance):
    covariance = as_covariance(covariance)
    return covariance.with_eigenvalues(np.sqrt(covariance.spectrum))


def squared_errors(product, features, queries, labels, m, count, rng):
    """Squared errors of answers to queries, (count,), from prompts written out in batches."""
    found = []
    for _ in range(count // 10_000):
        x, query = rng.standard_normal((10_000, m, 3)) @ root(features), rng.standard_normal((10_000, 3)) @ root(queries)
        y, target = labels(x @ W, rng), labels(query @ W, rng)
        answers = np.einsum("bm,bmd,bd->b", y, x, query @ product.T, optimize=True) / m
        found.append((answers - target) ** 2)
    return np.concatenate(found)


def assert_mean(values, expected, errors):
    deviation = (np.mean(values) - expected) / (np.std(values, ddof=1) / np.sqrt(len(values)))
    assert abs(deviation) < errors, f"off by {deviation:.2f} standard errors"


@pytest.mark.parametrize("n, m, count", [(7, 11, 200_000), (40, 100, 240_000)])
@pytest.mark.parametrize("kind", LABELS)
def test_prediction_error_is_that_of_simulated_prompts(kind, n, m, count):
    """Three standard errors: false alarm 0.27 percent for each of twelve, at most 3.2 percent for any: kinds share features."""
    labels, draw = LABELS[kind]
    rng = np.random.default_rng([73, n])
    errors = squared_errors(population.preconditioner(TURNED, n), TURNED, TURNED, draw, m, count, rng)
    assert_mean(errors, flow.prediction_error(labels, TURNED, n_context=n, n_context_test=m), 3)


def test_error_without_one_over_the_test_length_is_not_that_of_simulated_prompts():
    """The slides' theorem 4.2 has no 1/M: more than a hundred standard errors off, with 1/M less than four."""
    learned = population.preconditioner(TURNED, 7)
    errors = squared_errors(learned, TURNED, TURNED, LABELS["linear"][1], 11, 100_000, np.random.default_rng(72))
    terms = flow.prediction_error_terms(learned, LABELS["linear"][0], n_context_test=11)
    assert_mean(errors, sum(terms.values()), 4)
    on_slides = terms["best predictor"] + terms["bias"] + 11 * terms["variance"]
    assert abs(errors.mean() - on_slides) > 100 * errors.std() / np.sqrt(len(errors))


@pytest.mark.parametrize("features, queries", [
    ([[0.6, 0.1, 0.0], [0.1, 0.4, 0.2], [0.0, 0.2, 0.5]], [[1.0, 0.3, 0.0], [0.3, 0.5, 0.0], [0.0, 0.0, 0.2]]),
    (2.25 * TURNED.matrix, 2.25 * TURNED.matrix),
], ids=["both shifted", "scaled"])
@pytest.mark.parametrize("kind", ["noisy", "cubic"])
def test_shifted_prediction_error_is_that_of_simulated_prompts(features, queries, kind):
    """Covariate, query and task shift together. Four standard errors: false alarm 6e-5 each."""
    law = {"noisy": lambda covariance: flow.linear_labels(W, covariance, label_noise=NOISE),
           "cubic": lambda covariance: flow.cubic_labels(W, covariance)}[kind]
    asked = law(queries).query  # normal queries with labels of the same kind
    learned, rng = population.preconditioner(TURNED, 7), np.random.default_rng(63)
    errors = squared_errors(learned, features, queries, LABELS[kind][1], 11, 200_000, rng)
    assert_mean(errors, flow.prediction_error(law(features), TURNED, n_context=7, n_context_test=11, query=asked), 4)


LAWS = [flow.exponential_law(), flow.uniform_law(0.5, 2.0), flow.lognormal_law(0.7, deviation=0.4)]


def test_random_covariances_have_the_error_slope_and_minimum_of_the_theory():
    """Of prompts drawn with a covariance each. Four standard errors, three times: false alarm 2e-4."""
    moments, m = flow.diagonal_moments(LAWS), 6
    product = flow.best_product(flow.random_landscape(moments, 20)) + 0.1 * np.random.default_rng(64).standard_normal((3, 3))
    grams, queries, targets = draw_random_prompts(LAWS, m, 300_000, np.random.default_rng(65))
    answers = np.einsum("bi,ij,bj->b", grams[:, 3, :3], product, queries)
    assert_mean((answers - targets) ** 2, flow.mean_prediction_error(flow.random_landscape(moments, m), product), 4)
    slope = flow.answer_slope(product, moments)
    assert_mean((answers - slope * targets) * targets, 0, 4)
    # a fixed query: the mean of G_yx w^T estimates E[Lambda], since w ~ N(0, I)
    fixed, weights = np.array([1.0, -0.5, 0.3]), np.random.default_rng(66).standard_normal((100_000, 3))
    diagonals = flow.draw_diagonals(LAWS, 100_000, np.random.default_rng(67))
    x = np.random.default_rng(68).standard_normal((100_000, m, 3)) * np.sqrt(diagonals)[:, None]
    statistics = np.einsum("bmd,bm->bd", x, np.einsum("bmd,bd->bm", x, weights)) / m
    answers = statistics @ product @ fixed
    assert_mean(answers * (weights @ [0.7, -1.0, 0.4]), fixed @ flow.mean_answer(product, moments) @ [0.7, -1.0, 0.4], 4)


def test_answers_with_the_prompts_covariance_have_slope_two_thirds():
    """Exponential entries in long prompts: 1/3, as the paper has it for both, is the slope for a query of its own covariance only.

    Four standard errors over 20 sets of prompts: false alarm 8e-4 each by Student's law, three measures.
    """
    laws, long = [flow.exponential_law()] * 3, {"n_context": [600]}
    theory = summarise_answers(laws, **long)
    found = measure_answers(laws, **long, n_test=2000, seeds=20, stream=lambda purpose, seed: np.random.default_rng([74, seed]))
    for name, limit in {"fixed_query_slope": 1 / 3, "own_query_slope": 2 / 3, "relative_error": 1 / 3}.items():
        assert abs(found[f"{name}_mean"] - theory[name]).item() < 4 * found[f"{name}_standard_error"].item(), name
        assert theory[name].item() == pytest.approx(limit, abs=0.01)
    assert (found.own_query_slope_mean - 1 / 3).item() > 20 * found.own_query_slope_standard_error.item()


def test_population_loss_in_all_parameters_is_the_mean_of_sample_losses():
    """At parameters without any zero block, loss and each entry of the gradient, over 40 samples: five standard errors, 33 numbers,
    Student's law of 39 degrees of freedom: false alarm 4e-4."""
    rng = np.random.default_rng(69)
    matrices = random_matrices(3, scale=0.5, rng=rng)
    found = [SampleLoss(draw_prompts(TURNED, 4, 10_000, rng))(matrices) for _ in range(40)]
    numbers = np.array([np.append(np.ravel(gradient), value) for value, gradient in found])  # (40, 33)
    value, gradient = PopulationLoss(TURNED, 4)(matrices)
    expected, spread = np.append(np.ravel(gradient), value), numbers.std(axis=0, ddof=1) / np.sqrt(40)
    moved = spread > 0
    assert moved.sum() == 17 and not expected[~moved].any()  # (D + 1)^2 entries, and the loss
    assert (np.abs(numbers.mean(axis=0) - expected)[moved] < 5 * spread[moved]).all()


@pytest.mark.parametrize("count, closeness", [(400, None), (40_000, 0.03)])
def test_descent_on_a_sample_approaches_the_flow_as_prompts_grow(count, closeness):
    """A hundred times the prompts bring the path ten times closer: the larger sample is within a bound that the smaller misses."""
    landscape, start = flow.fixed_landscape(TURNED, 8), flow.balanced_start(np.eye(3), scale=0.6)
    loss = SampleLoss(draw_prompts(TURNED, 8, count, np.random.default_rng(70)))
    run = with_flow_distance(descend(loss, embedded(start), step_size=0.05, steps=200, every=20), landscape)
    distance = run["key_query_distance"].max().item()
    assert distance < closeness if closeness else distance > 0.03
    assert run["outside"].max() > 0  # the sample moves the other blocks too


def test_stochastic_descent_hovers_about_the_limit_more_closely_with_smaller_steps():
    """New prompts at every step, from the limit on: the mean squared distance falls with the step size, here a quarter. Its ratio is 4
    within a factor of about 1.5, the paths being some twenty correlation times long: false alarm about 1 percent."""
    landscape, spread = flow.fixed_landscape(TURNED, 8), []
    for step_size in (0.08, 0.02):
        rng = np.random.default_rng(71)
        loss = FreshLoss(lambda: draw_prompts(TURNED, 8, 100, rng))
        run = descend(loss, embedded(flow.balanced_limit(landscape)), step_size=step_size, steps=round(200 / step_size))
        entries = run["entries"].values
        products = entries[:, -1, -1, None, None] * entries[:, :-1, :-1] + entries[:, :-1, -1:] * entries[:, -1:, :-1]
        spread.append(np.mean(np.sum((products - population.preconditioner(TURNED, 8)) ** 2, axis=(1, 2))))
    assert 1.5 < spread[0] / spread[1] < 10
