"""Fully trained attention, linear and softmax, at the cost of what an estimate sees; conventions as in `literal_attention`.

Of the matrices, in rows and columns of ``(x, y)``, estimate and marker, one step from one guess uses two blocks:
``V_b = V[estimate, (x, y)]``, (D, D + 1), and ``W_b = W[(x, y), (estimate, marker)]``, (D + 1, D + 1). With ``q = W_b [w; 1]``

    w_1 = w + V_b seen,    seen = G q,  G = [X; y][X; y]^T / n  (linear),    seen = R^T softmax(R q),  R = [X; y]^T  (softmax)

so linear attention takes a prompt as its Gram matrix, at a cost that does not grow with n. All other entries of ``V`` and ``W``
have a gradient of 0 from the data. Training takes one step, from the first guess (asymptotic paper, appendix I.2), where no
estimate comes before: its loss and gradients hold for both masks and both markers.

Products of a matrix with a vector have the vector on the left, ``q^T M^T``: batched, torch does them five times faster so.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

CHUNK_BYTES = 2**20  # of prompts worked on at once: they stay in cache


def linear_look(grams: Tensor, queries: Tensor) -> tuple[Tensor, Callable]:
    """What queries see, ``G q``, and what takes its gradient back to theirs.

    Parameters
    ----------
    grams : (n_prompts, D + 1, D + 1) tensor
        Symmetric.
    queries : (n_prompts, D + 1) tensor

    Returns
    -------
    seen : (n_prompts, D + 1) tensor
    pull_back : callable
        Gradient of a scalar by `seen` to that by `queries`, of the same shapes.
    """
    return _left(queries, grams), lambda gradients: _left(gradients, grams)


def softmax_look(examples: Tensor, queries: Tensor) -> tuple[Tensor, Callable]:
    """What queries see, ``R^T softmax(R q)``, for examples ``R`` (n_prompts, n_context, D + 1); returns as `linear_look`."""
    attention = torch.softmax(_left(queries, examples.mT), dim=1)                # (n_prompts, n_context)

    def pull_back(gradients):
        by_attention = _left(gradients, examples.mT)                             # (n_prompts, n_context)
        by_scores = attention * (by_attention - (attention * by_attention).sum(1, keepdim=True))
        return _left(by_scores, examples)

    return _left(attention, examples), pull_back


LOOKS = {"linear": linear_look, "softmax": softmax_look}


# --- blocks of the matrices ---------------------------------------------------------------------------------------


def block_places(name: str, dim: int) -> tuple[slice, slice]:
    """Rows and columns of a matrix, ``V``, ``W``, ``K`` or ``Q``, that get a gradient from the data at dimension `dim`."""
    examples, thoughts, everything = slice(0, dim + 1), slice(dim + 1, 2 * dim + 2), slice(None)
    estimate = slice(dim + 1, 2 * dim + 1)
    return {"V": (estimate, examples), "W": (examples, thoughts), "K": (everything, examples), "Q": (everything, thoughts)}[name]


def score_block(blocks: Mapping[str, Tensor]) -> Tensor:
    """``W_b``, (D + 1, D + 1): as it is, or ``K_b^T Q_b`` of the blocks of separate matrices."""
    return blocks["W"] if "W" in blocks else blocks["K"].T @ blocks["Q"]


def _score_gradients(blocks, by_scores):
    """The gradient by ``W_b`` taken to the blocks that make it."""
    if "W" in blocks:
        return {"W": by_scores}
    return {"K": blocks["Q"] @ by_scores.T, "Q": blocks["K"] @ by_scores}


# --- the training loss --------------------------------------------------------------------------------------------


def loss_and_gradients(blocks: Mapping[str, Tensor], prompts: Tensor, batch: Tensor, guesses: Tensor, weights: Tensor, *,
                       model: str) -> tuple[float, dict[str, Tensor]]:
    """Mean of ``|w - w_1|^2`` over a batch, summed over D, and its gradients, by hand.

    Parameters
    ----------
    blocks : mapping of names to tensors
        The blocks at `block_places` of ``V`` and ``W``, or of ``V``, ``K`` and ``Q``.
    prompts : (n_tasks, D + 1, D + 1) or (n_tasks, n_context, D + 1) tensor
        A pool's Gram matrices for linear attention, its examples ``(x, y)`` for softmax.
    batch : (batch_size,) tensor of int
        Which prompts of the pool.
    guesses, weights : (batch_size, D) tensors
        ``w_0`` and ``w`` of the batch.
    model : {"linear", "softmax"}

    Returns
    -------
    float
    dict of tensors
        As `blocks`.
    """
    value, score = blocks["V"], score_block(blocks)
    marked = torch.nn.functional.pad(guesses, (0, 1), value=1.0)                 # (batch_size, D + 1)
    by_value, by_score, loss = torch.zeros_like(value), torch.zeros_like(score), 0.0
    for part, shown in _chunks(prompts, batch):
        seen, pull_back = LOOKS[model](shown, marked[part] @ score.T)            # (chunk, D + 1)
        errors = torch.addmm(guesses[part] - weights[part], seen, value.T)       # (chunk, D)
        by_value.addmm_(errors.T, seen)
        by_score.addmm_(pull_back(errors @ value).T, marked[part])
        loss += errors.square().sum().item()
    factor = 2 / len(batch)
    return loss / len(batch), {"V": by_value.mul_(factor), **_score_gradients(blocks, by_score.mul_(factor))}


def _chunks(prompts: Tensor, batch: Tensor):
    """Slices of a batch with their prompts, each overwriting those before."""
    size = max(1, CHUNK_BYTES // (prompts[0].numel() * prompts.element_size()))
    room = prompts.new_empty(min(size, len(batch)), *prompts.shape[1:])
    for start in range(0, len(batch), size):
        part = slice(start, min(start + size, len(batch)))
        yield part, torch.index_select(prompts, 0, batch[part], out=room[: part.stop - start])


def _left(vectors, matrices):
    """``v^T M`` for each of a batch."""
    return torch.bmm(vectors[:, None], matrices)[:, 0]
