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
from dataclasses import dataclass

import torch
from torch import Tensor

from cotdepth.checks import choice_argument, count_argument
from cotdepth.models.literal_attention import MARKERS, MASKS, MODELS

CHUNK_BYTES = {"cpu": 2**21, "cuda": 2**30}  # of prompts worked on at once: a processor's cache holds them, a GPU is filled


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


def score_matrix(matrices: Mapping[str, Tensor]) -> Tensor:
    """``W``, or ``K^T Q`` of separate matrices; of blocks at `block_places` likewise ``W_b``, (..., D + 1, D + 1)."""
    return matrices["W"] if "W" in matrices else matrices["K"].mT @ matrices["Q"]


def _score_gradients(blocks, by_scores):
    """The gradient by ``W_b`` taken to the blocks that make it."""
    if "W" in blocks:
        return {"W": by_scores}
    return {"K": blocks["Q"] @ by_scores.mT, "Q": blocks["K"] @ by_scores}


# --- the training loss --------------------------------------------------------------------------------------------


def loss_and_gradients(blocks: Mapping[str, Tensor], prompts: Tensor, batch: Tensor, guesses: Tensor, weights: Tensor, *,
                       model: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean of ``|w - w_1|^2`` over a batch, summed over D, and its gradients, by hand, for several layers side by side.

    Parameters
    ----------
    blocks : mapping of names to tensors
        The blocks at `block_places` of ``V`` and ``W``, or of ``V``, ``K`` and ``Q``, of each layer: (n_layers, rows, columns).
    prompts : (n_layers, n_tasks, D + 1, D + 1) or (n_layers, n_tasks, n_context, D + 1) tensor
        Each layer's pool: Gram matrices for linear attention, examples ``(x, y)`` for softmax.
    batch : (n_layers, batch_size) tensor of int
        Which prompts of the pool.
    guesses, weights : (n_layers, batch_size, D) tensors
        ``w_0`` and ``w`` of the batch.
    model : {"linear", "softmax"}

    Returns
    -------
    (n_layers,) tensor
        In float64.
    dict of tensors
        As `blocks`.
    """
    value, score = blocks["V"], score_matrix(blocks)
    marked = torch.nn.functional.pad(guesses, (0, 1), value=1.0)                 # (n_layers, batch_size, D + 1)
    by_value, by_score, loss = torch.zeros_like(value), torch.zeros_like(score), value.new_zeros(len(value), dtype=torch.float64)
    for part, shown in _chunks(prompts, batch):
        asking = marked[:, part]                                                 # (n_layers, chunk, D + 1)
        seen, pull_back = LOOKS[model](shown, (asking @ score.mT).flatten(0, 1))
        seen = seen.view_as(asking)
        errors = torch.baddbmm(guesses[:, part] - weights[:, part], seen, value.mT)
        by_value.baddbmm_(errors.mT, seen)
        by_score.baddbmm_(pull_back((errors @ value).flatten(0, 1)).view_as(asking).mT, asking)
        loss += errors.square().sum((1, 2))
    factor = 2 / batch.shape[1]
    return loss / batch.shape[1], {"V": by_value.mul_(factor), **_score_gradients(blocks, by_score.mul_(factor))}


def chunk_size(each: Tensor) -> int:
    """How many tensors like this one to work on at once, at least 1."""
    return max(1, CHUNK_BYTES[each.device.type] // (each.numel() * each.element_size()))


def _chunks(prompts: Tensor, batch: Tensor):
    """Slices of the batches with their prompts, (n_layers * chunk, ...), each overwriting those before."""
    n_layers, n_tasks = prompts.shape[:2]
    rows, size = batch + n_tasks * torch.arange(n_layers, device=batch.device)[:, None], chunk_size(prompts[:, 0])
    pool, room = prompts.flatten(0, 1), prompts.new_empty(n_layers * min(size, batch.shape[1]), *prompts.shape[2:])
    for start in range(0, batch.shape[1], size):
        part = slice(start, min(start + size, batch.shape[1]))
        chosen = rows[:, part].flatten()
        yield part, torch.index_select(pool, 0, chosen, out=room[: len(chosen)])


# --- steps of thought ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class FullAttention:
    """A layer.

    Attributes
    ----------
    V, W : (2 D + 2, 2 D + 2) tensors
        `score_matrix` makes ``W`` of separate matrices.
    model : {"linear", "softmax"}
    mask : {"data_only", "history"}
        Whether the newest estimate sees the examples, or also the estimates before it.
    marker : {"every", "newest"}
        Which estimates have the marker 1, the others 0. Of no effect with ``mask="data_only"``.

    Raises
    ------
    ValueError
        If a word is another, or the shapes are not square, equal and even.
    """

    V: Tensor
    W: Tensor
    model: str
    mask: str
    marker: str

    def __post_init__(self):
        for name, allowed in {"model": MODELS, "mask": MASKS, "marker": MARKERS}.items():
            choice_argument(name, getattr(self, name), allowed)
        width, shapes = len(self.V), (tuple(self.V.shape), tuple(self.W.shape))
        if shapes != ((width, width),) * 2 or width % 2 or width < 4:
            raise ValueError(f"V and W have shapes {shapes}: must be (2 D + 2, 2 D + 2) both, with D at least 1")


@dataclass(frozen=True, eq=False)
class ShownPrompts:
    """Prompts as a model takes them.

    Attributes
    ----------
    inputs : (n_prompts, D + 1, D + 1) or (n_prompts, n_context, D + 1) tensor
        Gram matrices ``[X; y][X; y]^T / n_context`` for linear attention, examples ``(x, y)`` for softmax.
    n_context : int
        Linear attention divides what it sees of earlier estimates by it too.

    Raises
    ------
    ValueError
        If `n_context` is not a positive integer.
    """

    inputs: Tensor
    n_context: int

    def __post_init__(self):
        count_argument("n_context", self.n_context)


def full_step(params: FullAttention, prompts: ShownPrompts, history: list[Tensor]) -> Tensor:
    """One step of thought for a batch of prompts, ``w_{k+1} = w_k + V[estimate, :] seen``; the step of `cotdepth.rollout`.

    Parameters
    ----------
    params : FullAttention
    prompts : ShownPrompts
    history : list of (n_prompts, D) tensors
        ``w_0 .. w_k``.

    Returns
    -------
    (n_prompts, D) tensor

    Notes
    -----
    Source: asymptotic paper, equations (342) to (346).
    """
    width = len(params.V) // 2                                                   # D + 1
    marked = torch.nn.functional.pad(history[-1], (0, 1), value=1.0)             # (n_prompts, D + 1)
    queries = (marked @ params.W[:, width:].T).split(width, dim=1)               # to examples, to thoughts
    if params.mask == "data_only":
        seen, _ = LOOKS[params.model](prompts.inputs, queries[0])                # (n_prompts, D + 1)
    else:
        seen = HISTORIES[params.model](prompts, *queries, _thoughts(history[:-1], marked, params.marker))
    return history[-1] + seen @ params.V[width:-1, : seen.shape[1]].T


def _thoughts(earlier, marked, marker):
    """Estimate and marker rows of the tokens before the newest, (n_prompts, k, D + 1)."""
    tokens = marked.new_full((len(marked), len(earlier), marked.shape[1]), float(marker == "every"))
    for place, estimate in enumerate(earlier):
        tokens[:, place, :-1] = estimate
    return tokens


def _linear_history(prompts, to_examples, to_thoughts, thoughts):
    """Sum over all visible tokens with their scores over n_context, (n_prompts, 2 D + 2)."""
    examples, _ = linear_look(prompts.inputs, to_examples)
    scores = _left(to_thoughts, thoughts.mT) / prompts.n_context                 # (n_prompts, k)
    return torch.cat([examples, _left(scores, thoughts)], dim=1)


def _softmax_history(prompts, to_examples, to_thoughts, thoughts):
    """Average over all visible tokens by one softmax, (n_prompts, 2 D + 2)."""
    scores = torch.cat([_left(to_examples, prompts.inputs.mT), _left(to_thoughts, thoughts.mT)], dim=1)
    of_examples, of_thoughts = torch.softmax(scores, dim=1).split([prompts.inputs.shape[1], thoughts.shape[1]], dim=1)
    return torch.cat([_left(of_examples, prompts.inputs), _left(of_thoughts, thoughts)], dim=1)


HISTORIES = {"linear": _linear_history, "softmax": _softmax_history}


def _left(vectors, matrices):
    """``v^T M`` for each of a batch."""
    return torch.bmm(vectors[:, None], matrices)[:, 0]
