"""The literal transformer: one prompt worked out by loops, masks, markers, and the layer of the training-data paper inside it."""

import numpy as np
import pytest
import torch

from cotdepth.models.literal_attention import literal_loss, literal_step, token_matrix
from cotdepth.models.lsa import LinearAttention, lsa_step
from cotdepth.prompts import Prompts
from cotdepth.rollout import rollout

DIM, N_CONTEXT, N_PROMPTS = 3, 5, 4
WIDTH = 2 * DIM + 2
models = pytest.mark.parametrize("model", ["linear", "softmax"])
masks = pytest.mark.parametrize("mask", ["data_only", "history"])
markers = pytest.mark.parametrize("marker", ["every", "newest"])


def normals(seed, *shape):
    return torch.tensor(np.random.default_rng([11, seed]).standard_normal(shape))


EXAMPLES = normals(0, N_PROMPTS, N_CONTEXT, DIM + 1)
ESTIMATES = list(normals(1, 3, N_PROMPTS, DIM))
MERGED = {"V": normals(2, WIDTH, WIDTH), "W": 0.3 * normals(3, WIDTH, WIDTH)}


def step(matrices=MERGED, estimates=ESTIMATES, model="linear", mask="history", marker="every"):
    return literal_step(matrices, EXAMPLES, estimates, model=model, mask=mask, marker=marker)


def by_loops(prompt, model, mask, marker):
    """One prompt, token by token."""
    last = len(ESTIMATES) - 1
    tokens = [np.array([*example, *[0] * DIM, 0]) for example in EXAMPLES[prompt].numpy()]
    tokens += [np.array([*[0] * (DIM + 1), *each[prompt].numpy(), i == last or marker == "every"]) for i, each in enumerate(ESTIMATES)]
    query, seen = tokens[-1], tokens[: N_CONTEXT + (last if mask == "history" else 0)]
    V, W = (MERGED[name].numpy() for name in "VW")
    scores = np.array([token @ W @ query for token in seen])
    attention = scores / N_CONTEXT if model == "linear" else np.exp(scores) / np.exp(scores).sum()
    return (query + sum(a * V @ token for a, token in zip(attention, seen)))[DIM + 1 : -1]


@models
@masks
@markers
def test_a_step_is_the_sum_over_visible_tokens(model, mask, marker):
    found = step(model=model, mask=mask, marker=marker)
    expected = [by_loops(prompt, model, mask, marker) for prompt in range(N_PROMPTS)]
    np.testing.assert_allclose(found, np.array(expected), rtol=0, atol=1e-12)


def test_tokens_are_features_label_estimate_marker():
    tokens = token_matrix(EXAMPLES, ESTIMATES, marker="newest")
    assert tokens.shape == (N_PROMPTS, WIDTH, N_CONTEXT + 3)
    assert torch.equal(tokens[1, : DIM + 1, 2], EXAMPLES[1, 2]) and not tokens[:, DIM + 1 :, :N_CONTEXT].any()
    assert torch.equal(tokens[2, DIM + 1 : -1, -2], ESTIMATES[1][2]) and not tokens[:, : DIM + 1, N_CONTEXT:].any()
    assert tokens[0, -1].tolist() == [0] * (N_CONTEXT + 2) + [1]
    assert token_matrix(EXAMPLES, ESTIMATES, marker="every")[0, -1].tolist() == [0] * N_CONTEXT + [1] * 3


@models
@masks
def test_separate_matrices_merge(model, mask):
    K, Q = 0.5 * normals(4, WIDTH, WIDTH), 0.5 * normals(5, WIDTH, WIDTH)
    separate = step({"V": MERGED["V"], "K": K, "Q": Q}, model=model, mask=mask)
    np.testing.assert_allclose(separate, step({"V": MERGED["V"], "W": K.T @ Q}, model=model, mask=mask), rtol=0, atol=1e-11)


@models
def test_mask_and_marker_do_not_matter_to_the_first_step(model):
    first = [step(estimates=ESTIMATES[:1], model=model, mask=mask, marker=marker)
             for mask in ("data_only", "history") for marker in ("every", "newest")]
    assert all(torch.equal(each, first[0]) for each in first[1:])


def test_a_data_only_layer_with_zeros_elsewhere_is_that_of_the_training_data_paper():
    layer = LinearAttention(0.2 * normals(6, DIM, DIM + 1).numpy(), 0.5 * normals(7, DIM + 1, DIM + 1).numpy())
    matrices = {name: torch.zeros(WIDTH, WIDTH, dtype=torch.float64) for name in "VW"}
    matrices["V"][DIM + 1 : -1, : DIM + 1] = torch.tensor(layer.value_block)
    matrices["W"][: DIM + 1, DIM + 1 :] = torch.tensor(layer.score_block)
    prompts = Prompts(np.zeros((N_PROMPTS, DIM)), (EXAMPLES.mT @ EXAMPLES / N_CONTEXT).numpy())
    expected = rollout(lsa_step, layer, prompts, ESTIMATES[0].numpy(), 4)
    estimates = [ESTIMATES[0]]
    for _ in range(4):
        estimates.append(step(matrices, estimates, mask="data_only"))
    np.testing.assert_allclose(torch.stack(estimates), expected, rtol=0, atol=1e-12)


@models
def test_the_loss_counts_all_coordinates_and_all_entries(model):
    weights = normals(8, N_PROMPTS, DIM)
    errors = step(estimates=ESTIMATES[:1], model=model) - weights
    expected = sum(errors.flatten() ** 2) / N_PROMPTS + 0.1 * sum((matrix**2).sum() for matrix in MERGED.values())
    found = literal_loss(MERGED, EXAMPLES, ESTIMATES[0], weights, model=model, l2=0.1)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)


@models
@pytest.mark.parametrize("names", ["VW", "VKQ"])
def test_autograd_agrees_with_differences(model, names):
    matrices = [0.3 * normals(9 + i, WIDTH, WIDTH).requires_grad_() for i in range(len(names))]
    matrices = [matrix.detach().requires_grad_() for matrix in matrices]
    weights = normals(8, N_PROMPTS, DIM)
    assert torch.autograd.gradcheck(
        lambda *each: literal_loss(dict(zip(names, each)), EXAMPLES, ESTIMATES[0], weights, model=model, l2=0.1), matrices)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"model": "gelu"}, "^model = 'gelu': must be one of 'linear', 'softmax'"),
        ({"mask": "all"}, "^mask = 'all': must be one of 'data_only', 'history'"),
        ({"marker": "none"}, "^marker = 'none': must be one of 'every', 'newest'"),
    ],
)
def test_other_words_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        step(**options)
