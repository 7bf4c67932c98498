"""The fast path of fully trained attention is the literal transformer: gradients, training, thought."""

import numpy as np
import pytest
import torch

from cotdepth.models import full_attention
from cotdepth.models.full_attention import block_places, loss_and_gradients
from cotdepth.models.literal_attention import PARAMETERISATIONS, literal_loss

DIM, N_CONTEXT, N_TASKS = 4, 6, 30
WIDTH = 2 * DIM + 2
models = pytest.mark.parametrize("model", ["linear", "softmax"])
parameterisations = pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)


def normals(seed, *shape):
    return torch.tensor(np.random.default_rng([12, seed]).standard_normal(shape))


EXAMPLES, WEIGHTS = normals(0, N_TASKS, N_CONTEXT, DIM + 1), normals(1, N_TASKS, DIM)
SHOWN = {"linear": EXAMPLES.mT @ EXAMPLES / N_CONTEXT, "softmax": EXAMPLES}


def some_matrices(parameterisation, size=0.5):
    return {name: size * normals(2 + i, WIDTH, WIDTH) for i, name in enumerate(PARAMETERISATIONS[parameterisation])}


def blocks_of(matrices):
    return {name: matrix[block_places(name, DIM)] for name, matrix in matrices.items()}


# --- gradients ----------------------------------------------------------------------------------------------------


@models
@parameterisations
@pytest.mark.parametrize("chunk_bytes", [1, 2000, 2**20])
@pytest.mark.parametrize("guess_size", [0, 1])
def test_gradients_are_those_of_the_literal_transformer(model, parameterisation, chunk_bytes, guess_size, monkeypatch):
    """The blocks' agree, and those of all other entries are exactly 0."""
    monkeypatch.setattr(full_attention, "CHUNK_BYTES", chunk_bytes)
    matrices, batch = some_matrices(parameterisation), torch.tensor([4, 4, 0, 29, 17, 3, 8])
    guesses = guess_size * normals(7, len(batch), DIM)
    leaves = {name: matrix.clone().requires_grad_() for name, matrix in matrices.items()}
    exact = literal_loss(leaves, EXAMPLES[batch], guesses, WEIGHTS[batch], model=model, l2=0.0)
    exact.backward()
    loss, found = loss_and_gradients(blocks_of(matrices), SHOWN[model], batch, guesses, WEIGHTS[batch], model=model)
    assert loss == pytest.approx(exact.item(), rel=1e-12)
    for name, leaf in leaves.items():
        gradient = leaf.grad.clone()
        block = gradient[block_places(name, DIM)]
        np.testing.assert_allclose(found[name], block, rtol=0, atol=1e-12 * block.abs().max())
        assert block.abs().max() > 1e-2
        block[:] = 0
        assert not gradient.any()
