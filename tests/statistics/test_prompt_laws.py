"""Prompts drawn by their Gram matrices follow the law of prompts written out, and have the moments of the theory."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, norm

from cotdepth.covariance import haar, limited_support, power_law
from cotdepth.prompts import Prompts, draw_mixture, draw_prompts
from cotdepth.theory.mixtures import mixture_second_moment

FALSE_ALARM = 1e-4   # of each comparison, with all its entries
DIM, N_PROMPTS = 4, 20_000
ROTATED = haar(power_law(DIM, 1.0), rng=np.random.default_rng(7))
DEFICIENT = haar(limited_support(DIM, 0.5, support=2), rng=np.random.default_rng(8))
TASKS, SHARES = [ROTATED, DEFICIENT, power_law(DIM, -1.0)], np.array([0.5, 0.2, 0.3])
SETTINGS = [("rotated", ROTATED, 9), ("rotated, n < D", ROTATED, 2), ("deficient", DEFICIENT, 9), ("deficient, n = 1", DEFICIENT, 1)]
settings = pytest.mark.parametrize("covariance, n_context", [rest for _, *rest in SETTINGS], ids=[name for name, *_ in SETTINGS])
mixtures = pytest.mark.parametrize("mixture", ["prompt", "example"])


def plain_prompts(tasks, n_context, label_noise, rng):
    """Prompts with features and labels written out; tasks (n_prompts, n_context) index the covariance of each example."""
    roots = np.stack([task.with_eigenvalues(np.sqrt(task.spectrum)) for task in TASKS])
    features = np.einsum("plij,plj->pli", roots[tasks], rng.standard_normal((*tasks.shape, DIM)))
    weights = rng.standard_normal((len(tasks), DIM))
    labels = np.einsum("pld,pd->pl", features, weights) + label_noise * rng.standard_normal(tasks.shape)
    rows = np.concatenate([features, labels[:, :, None]], axis=2)
    return Prompts(weights, rows.transpose(0, 2, 1) @ rows / n_context)


MEASURES = {
    "first feature": lambda p: p.grams[:, 0, 0],
    "trace of squares": lambda p: np.sum(p.grams[:, :-1, :-1] ** 2, axis=(1, 2)),
    "labels": lambda p: p.grams[:, -1, -1],
    "noise along features": lambda p: p.statistics[:, 0] - np.einsum("pi,pi->p", p.grams[:, 0, :-1], p.weights),
    "size of statistic": lambda p: np.sum(p.statistics**2, axis=1),
    "work of labels": lambda p: np.einsum("pi,pi->p", p.statistics, p.weights) / np.sum(p.weights**2, axis=1),
    "second eigenvalue": lambda p: np.linalg.eigvalsh(p.grams)[:, -2].round(9),  # 0 for one example, to rounding
    "explained": lambda p: np.sum(p.statistics**2, axis=1) / p.grams[:, -1, -1],
}


def assert_same_law(prompts, plain):
    for name, measure in MEASURES.items():
        assert ks_2samp(measure(prompts), measure(plain)).pvalue > FALSE_ALARM, name


def assert_mean(samples, expected):
    """The mean over prompts is the expected array, to as many standard errors as the false alarm allows."""
    expected = np.broadcast_to(expected, samples.shape[1:])
    error = samples.std(axis=0) / np.sqrt(len(samples))
    limit = norm.isf(FALSE_ALARM / 2 / expected.size)
    assert np.all(np.abs(samples.mean(axis=0) - expected) < limit * error + 1e-12)


@settings
def test_prompts_follow_the_law_of_plain_prompts(covariance, n_context):
    rng = np.random.default_rng(21)
    prompts = draw_prompts(covariance, n_context, 5000, label_noise=0.8, rng=rng)
    tasks = np.full((5000, n_context), TASKS.index(covariance))
    assert_same_law(prompts, plain_prompts(tasks, n_context, 0.8, rng))


@mixtures
@pytest.mark.parametrize("n_context", [3, 12])
def test_mixtures_follow_the_law_of_plain_prompts(mixture, n_context):
    rng = np.random.default_rng(22)
    prompts = draw_mixture(TASKS, SHARES, n_context, 5000, mixture=mixture, label_noise=0.8, rng=rng)
    chosen = rng.choice(len(TASKS), (5000, n_context if mixture == "example" else 1), p=SHARES)
    assert_same_law(prompts, plain_prompts(np.broadcast_to(chosen, (5000, n_context)), n_context, 0.8, rng))


@settings
def test_moments_of_one_task(covariance, n_context):
    """Mean of S and of S A S (training-data paper, Lemma A.2, for A without symmetry)."""
    prompts = draw_prompts(covariance, n_context, N_PROMPTS, rng=np.random.default_rng(23))
    S, A, L = prompts.grams[:, :-1, :-1], np.random.default_rng(0).standard_normal((DIM, DIM)), covariance.matrix
    assert_mean(S, L)
    spread = (L @ (A + A.T) @ L + np.trace(L @ A) * L) / n_context
    assert_mean(S @ A @ S, (n_context - 1) / n_context * L @ A @ L + spread)


@settings
def test_moments_of_noise(covariance, n_context):
    """The noise X eps/n given X has covariance sigma^2 S/n, and |eps|^2/n has mean sigma^2 and variance 2 sigma^4/n."""
    prompts = draw_prompts(covariance, n_context, N_PROMPTS, label_noise=0.8, rng=np.random.default_rng(24))
    S, w = prompts.grams[:, :-1, :-1], prompts.weights
    noise = prompts.statistics - np.einsum("pij,pj->pi", S, w)                                     # X eps / n
    square = prompts.grams[:, -1, -1] - np.einsum("pi,pij,pj->p", w, S, w) - 2 * np.einsum("pi,pi->p", w, noise)
    assert_mean(noise[:, :, None] * noise[:, None], 0.8**2 / n_context * covariance.matrix)
    assert_mean(noise[:, :, None] * w[:, None], 0.0)
    assert_mean(np.stack([square, (square - 0.8**2) ** 2], axis=1), [0.8**2, 2 * 0.8**4 / n_context])


@mixtures
@pytest.mark.parametrize("n_context", [1, 3, 12])
def test_moments_of_mixtures(mixture, n_context):
    prompts = draw_mixture(TASKS, SHARES, n_context, N_PROMPTS, mixture=mixture, rng=np.random.default_rng(25))
    S = prompts.grams[:, :-1, :-1]
    assert_mean(S, sum(share * task.matrix for share, task in zip(SHARES, TASKS)))
    assert_mean(S @ S, mixture_second_moment(TASKS, SHARES, n_context, mixture=mixture))


@pytest.mark.parametrize("mixture, other", [("prompt", "example"), ("example", "prompt")])
def test_moments_tell_the_readings_of_a_mixture_apart(mixture, other):
    prompts = draw_mixture(TASKS, SHARES, 12, N_PROMPTS, mixture=mixture, rng=np.random.default_rng(25))
    squares = np.sum(prompts.grams[:, :-1, :-1] ** 2, axis=(1, 2))
    expected = np.trace(mixture_second_moment(TASKS, SHARES, 12, mixture=other))
    assert abs(squares.mean() - expected) > 10 * squares.std() / np.sqrt(N_PROMPTS)
