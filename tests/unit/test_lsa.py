"""Linear self-attention by its Gram matrices is the paper's transformer on all its tokens."""

import numpy as np
import pytest

from cotdepth.covariance import haar, power_law
from cotdepth.models.lsa import LinearAttention, at_optimum, lsa_step, with_marker_scores
from cotdepth.prompts import Prompts
from cotdepth.rollout import rollout
from cotdepth.theory.population import preconditioner

DIM, EXAMPLES, DEPTH = 4, 7, 6
TASK = haar(power_law(DIM, 1.0), rng=np.random.default_rng(4))


def written_out(label_noise=0.7, n_prompts=3):
    """Features (n_prompts, D, m), labels (n_prompts, m), and the same prompts as Gram matrices."""
    rng = np.random.default_rng(3)
    features, weights = rng.standard_normal((n_prompts, DIM, EXAMPLES)), rng.standard_normal((n_prompts, DIM))
    labels = np.einsum("pdm,pd->pm", features, weights) + label_noise * rng.standard_normal((n_prompts, EXAMPLES))
    rows = np.concatenate([features, labels[:, None]], axis=1)
    return features, labels, Prompts(weights, rows @ rows.transpose(0, 2, 1) / EXAMPLES)


def literal_rollout(V, W, features, labels, depth):
    """Estimates of the transformer, eqs. (3.1), (3.2) and (3.7): every token, full V and W, one prompt; a thought is appended."""
    tokens = np.zeros((2 * DIM + 2, EXAMPLES + 1))
    tokens[:DIM, :-1], tokens[DIM, :-1], tokens[-1, -1] = features, labels, 1
    estimates = [np.zeros(DIM)]
    for _ in range(depth):
        output = tokens + V @ tokens @ (tokens.T @ W @ tokens) / EXAMPLES
        estimates.append(output[DIM + 1 : -1, -1])
        tokens = np.column_stack([tokens, np.concatenate([np.zeros(DIM + 1), estimates[-1], [1]])])
    return np.array(estimates)


def full_matrices(layer):
    """V and W of the literal transformer, (2D + 2, 2D + 2), with the layer's blocks in place."""
    V, W = np.zeros((2, 2 * DIM + 2, 2 * DIM + 2))
    V[DIM + 1 : -1, : DIM + 1] = layer.value_block
    W[: DIM + 1, DIM + 1 :] = layer.score_block
    return V, W


def estimates_of(layer, prompts, depth=DEPTH):
    return rollout(lsa_step, layer, prompts, np.zeros_like(prompts.weights), depth)


def test_any_layer_is_the_literal_transformer():
    """Also with other blocks that move only examples' columns: entries of V and W that no estimate reads."""
    rng = np.random.default_rng(2)
    layer = LinearAttention(0.2 * rng.standard_normal((DIM, DIM + 1)), 0.5 * rng.standard_normal((DIM + 1, DIM + 1)))
    features, labels, prompts = written_out()
    estimates = estimates_of(layer, prompts)
    V, W = full_matrices(layer)
    W[:, : DIM + 1] = rng.standard_normal((2 * DIM + 2, DIM + 1))   # what examples attend to
    for prompt in range(3):
        literal = literal_rollout(V, W, features[prompt], labels[prompt], DEPTH)
        np.testing.assert_allclose(estimates[:, prompt], literal, rtol=0, atol=1e-12 * np.abs(literal).max())


@pytest.mark.parametrize("scale", [1.0, -0.4])
def test_the_optimum_takes_preconditioned_gradient_steps_for_any_labels(scale):
    features, labels, prompts = written_out()
    inverse = preconditioner(TASK, 9)
    estimates = estimates_of(at_optimum(inverse, scale=scale), prompts)
    for before, after in zip(estimates, estimates[1:]):
        residuals = np.einsum("pdm,pd->pm", features, before) - labels
        step = np.einsum("pdm,pm->pd", features, residuals) / EXAMPLES @ inverse.T
        np.testing.assert_allclose(after, before - step, rtol=0, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 6])
def test_a_marker_score_off_balance_moves_the_limit(depth):
    """``(c'/c)(I - (I - (c/c') Gamma^-1 S)^k) w`` where W_24 = -c' and V_31 = -Gamma^-1 / c'; blind at depth 1."""
    c, other, inverse = 1.2, 1.9, preconditioner(TASK, 9)
    _, _, prompts = written_out(label_noise=0.0)
    value_block = np.pad(-inverse / other, [(0, 0), (0, 1)])
    layer = with_marker_scores(value_block, [0.0] * DIM + [-other], scale=c)
    for prompt, estimate in enumerate(estimates_of(layer, prompts, depth)[-1]):
        power = np.linalg.matrix_power(np.eye(DIM) - c / other * inverse @ prompts.grams[prompt, :-1, :-1], depth)
        np.testing.assert_allclose(estimate, other / c * (np.eye(DIM) - power) @ prompts.weights[prompt], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: LinearAttention(np.zeros((3, 3)), np.zeros((4, 4))), r"^value_block has shape \(3, 3\): must be \(3, 4\)"),
        (lambda: LinearAttention(np.zeros((3, 4)), np.zeros((3, 4))), r"^score_block has shape \(3, 4\): must be \(4, 4\)"),
        (lambda: at_optimum(np.eye(3), scale=0), "^scale = 0: must be a finite number other than 0"),
        (lambda: with_marker_scores(np.zeros((3, 4)), np.zeros(4), scale=np.nan), "^scale = nan: must be a finite number"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
