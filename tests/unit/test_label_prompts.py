"""Prompts of labels have the laws that they are named after; what linear attention does in long ones."""

import numpy as np
import pytest

from cotdepth.label_prompts import LAWS, draw_labelled, random_scale, skewed_spectrum
from cotdepth.label_theory import linear_attention_limit, summarise_shift

EVERY_LAW = [*LAWS, "random-9"]


def drawn(law, dim=3, n_context=4, n_prompts=20_000, seed=7, **options):
    return draw_labelled(law, dim, n_context, n_prompts, rng=np.random.default_rng(seed), **options)


def assert_mean(values, expected):
    """Four standard errors over prompts: a false alarm in 6 of 100,000 entries."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - expected) < 4 * error + 1e-12)


@pytest.mark.parametrize("law", EVERY_LAW)
def test_features_and_labels_have_the_moments_of_their_law(law):
    """Second moments of all laws but orthant are isotropic; fourth ones tell them apart."""
    prompts = drawn(law, noise=0.0)
    x, query = prompts.examples[:, 0, :-1], prompts.examples[:, -1, :-1]
    scale, values = random_scale(law), skewed_spectrum(3)
    mean = scale or 1.0
    for features in (x, query):
        assert_mean(features**2, mean)
    assert_mean(x[:, 0] * x[:, 1], 0.0)
    pairs = {"random": mean**2, "skewed": None}.get(law.partition("-")[0], 1.0)
    total = {"random": 3 * 3 * 2 * mean**2 + 6 * mean**2, "skewed": values.sum() ** 2 + 2 * (values**2).sum()}
    assert_mean((query**2).sum(1) ** 2, total.get(law.partition("-")[0], 15.0))
    if pairs is not None:
        assert_mean(query[:, 0] ** 2 * query[:, 1] ** 2, pairs)
    labels = np.einsum("pnd,pd->pn", prompts.examples[:, :, :-1], prompts.weights)
    np.testing.assert_allclose(prompts.examples[:, :, -1], labels, atol=1e-12)


@pytest.mark.parametrize("law", ["random-4", "skewed"])
def test_all_examples_of_a_prompt_have_its_covariance(law):
    """The size of one example says something of that of another, and of the query's; not so of independent ones."""
    features = drawn(law).examples[:, :, :-1]
    one, another, query = ((features[:, place] ** 2)[:, 0] for place in (0, 1, -1))
    for other in (another, query):
        assert np.corrcoef(one, other)[0, 1] > 0.05
    alone = drawn("fixed").examples[:, :, 0] ** 2
    assert abs(np.corrcoef(alone[:, 0], alone[:, 1])[0, 1]) < 4 / np.sqrt(20_000)


def test_examples_lie_in_one_orthant_and_the_query_does_not():
    features = drawn("orthant").examples[:, :, :-1]
    signs = np.sign(features)
    assert np.all(signs[:, :-1] == signs[:, :1])
    assert_mean(signs[:, 0], 0.0)
    assert_mean((signs[:, -1] == signs[:, 0]).all(1), 1 / 8)


def test_noise_is_in_the_labels_of_the_examples_alone():
    prompts = drawn("noisy", noise=0.5)
    noise = prompts.examples[:, :, -1] - np.einsum("pnd,pd->pn", prompts.examples[:, :, :-1], prompts.weights)
    assert_mean(noise[:, :-1] ** 2, 0.25)
    assert np.abs(noise[:, -1]).max() < 1e-12


@pytest.mark.parametrize("law", EVERY_LAW)
def test_more_prompts_leave_the_first_ones_as_they_were(law):
    few, many = (drawn(law, n_prompts=count, noise=0.1) for count in (3, 7))
    np.testing.assert_array_equal(few.examples, many.examples[:3])
    np.testing.assert_array_equal(few.weights, many.weights[:3])


@pytest.mark.parametrize("law", ["Fixed", "random-", "random-0", "random-x", "skewed-2", ""])
def test_an_unknown_law_is_refused(law):
    with pytest.raises(ValueError, match=f"^law = '{law}': must be one of fixed, random"):
        drawn(law, n_prompts=1)


# --- linear attention in long prompts -----------------------------------------------------------------------------


@pytest.mark.parametrize("train_law, factor", [("fixed", 1.0), ("random", 1 / 3)])
@pytest.mark.parametrize("test_law", EVERY_LAW)
def test_the_limit_is_that_of_long_prompts(train_law, factor, test_law):
    """4000 examples for infinitely many: their own share is below 0.2% of the squares that they add up to; and four standard errors."""
    examples = drawn(test_law, dim=2, n_context=4000, n_prompts=1500, noise=0.5).examples
    x, y, query, label = examples[:, :-1, :-1], examples[:, :-1, -1], examples[:, -1, :-1], examples[:, -1, -1]
    answers = factor * np.einsum("pd,pnd,pn->p", query, x, y) / 4000
    errors, limit = (answers - label) ** 2 / 2, linear_attention_limit(train_law, test_law, 2)
    assert abs(errors.mean() - limit) < 4 * errors.std() / np.sqrt(len(errors)) + 0.002 * np.mean(answers**2 + label**2)


def test_the_limits_of_random_covariances_are_known():
    """E lambda (1 - c lambda / 3)^2 c for Exp(1): 1/3 of the answer 0 for c = 1, 43 times it for c = 9."""
    found = summarise_shift("random", ["fixed", "random", "random-9"], 5).error
    np.testing.assert_allclose(found, [4 / 9, 1 / 3, 43 * 9])
    assert linear_attention_limit("fixed", "fixed", 5) == linear_attention_limit("fixed", "noisy", 5) == 0


def test_training_laws_without_a_theory_are_refused():
    with pytest.raises(ValueError, match="^train_law = 'skewed': must be one of fixed, random$"):
        linear_attention_limit("skewed", "fixed", 2)
