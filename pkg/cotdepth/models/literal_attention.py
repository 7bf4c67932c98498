"""Fully trained attention, written out on every token: the oracle of `cotdepth.models.full_attention`, slow and plain.

Source: asymptotic paper, equations (3) to (6), section 6 and appendix I, equations (342) to (346). Conventions:

- A token is a column in R^{2D+2} with rows ``x`` (D), ``y`` (1), estimate (D) and marker (1): ``(x, y, 0, 0)`` for an example,
  ``(0, 0, w_i, m_i)`` for an estimate. The tokens are the examples, then the estimates ``w_0 .. w_k``.
- ``marker="every"`` (the paper): ``m_i = 1`` for every estimate; ``"newest"``: for the last one, 0 for those before.
- Only the last token is updated, ``e + V E a``, with the residual ``e``; its estimate rows are the next estimate.
- Scores are ``E^T W e``, not divided by a root of the width. Separate key and query matrices have ``W = K^T Q``.
- ``linear``: ``a = scores / n_context`` where visible, 0 elsewhere; n_context counts examples only, at every depth.
- ``softmax``: ``a`` is the softmax of the scores over the visible tokens, divided by nothing more.
- ``mask="data_only"``: examples are visible; ``"history"`` (the paper): also the estimates before the last, which never sees itself.
- The loss is that of one step from one guess, as the paper trains (appendix I.2), so mask and marker make no difference to it.

The paper's text has lost its formulas: the factor ``1 / n_context``, the missing root and ``m_i`` follow its section 3.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cotdepth.checks import choice_argument

MODELS = ("linear", "softmax")
PARAMETERISATIONS = {"merged": ("V", "W"), "separate": ("V", "K", "Q")}
MASKS = ("data_only", "history")
MARKERS = ("every", "newest")


def token_matrix(examples: Tensor, estimates: Sequence[Tensor], *, marker: str) -> Tensor:
    """The tokens of every prompt.

    Parameters
    ----------
    examples : (n_prompts, n_context, D + 1) tensor
        Rows ``(x, y)``.
    estimates : sequence of (n_prompts, D) tensors
        ``w_0 .. w_k``, at least one.
    marker : {"every", "newest"}

    Returns
    -------
    (n_prompts, 2 D + 2, n_context + k + 1) tensor

    Raises
    ------
    ValueError
        If `marker` is another word.
    """
    n_prompts, n_context, width = examples.shape                                 # width = D + 1
    tokens = examples.new_zeros(n_prompts, 2 * width, n_context + len(estimates))
    tokens[:, :width, :n_context] = examples.mT
    tokens[:, width:-1, n_context:] = torch.stack(list(estimates), dim=2)
    tokens[:, -1, n_context if choice_argument("marker", marker, MARKERS) == "every" else -1 :] = 1
    return tokens


def literal_step(matrices: Mapping[str, Tensor], examples: Tensor, estimates: Sequence[Tensor], *, model: str, mask: str,
                 marker: str) -> Tensor:
    """The next estimate of every prompt.

    Parameters
    ----------
    matrices : mapping of names to (2 D + 2, 2 D + 2) tensors
        ``V`` and ``W``, or ``V``, ``K`` and ``Q``.
    examples, estimates, marker
        As in `token_matrix`.
    model : {"linear", "softmax"}
    mask : {"data_only", "history"}

    Returns
    -------
    (n_prompts, D) tensor

    Raises
    ------
    ValueError
        If `model`, `mask` or `marker` is another word.
    """
    tokens, n_context = token_matrix(examples, estimates, marker=marker), examples.shape[1]
    visible = n_context if choice_argument("mask", mask, MASKS) == "data_only" else tokens.shape[2] - 1
    scores = _scores(matrices, tokens)                                           # (n_prompts, n_tokens, 1)
    hidden = torch.arange(tokens.shape[2])[:, None] >= visible
    if choice_argument("model", model, MODELS) == "linear":
        attention = scores.masked_fill(hidden, 0) / n_context
    else:
        attention = torch.softmax(scores.masked_fill(hidden, -torch.inf), dim=1)
    output = tokens[:, :, -1:] + matrices["V"] @ (tokens @ attention)            # (n_prompts, 2 D + 2, 1)
    return output[:, examples.shape[2] : -1, 0]


def literal_loss(matrices: Mapping[str, Tensor], examples: Tensor, guesses: Tensor, weights: Tensor, *, model: str,
                 l2: float) -> Tensor:
    """Mean over prompts of ``|w - w_1|^2``, summed over D, plus `l2` times the squares of all entries of `matrices`.

    Parameters
    ----------
    matrices, examples, model
        As in `literal_step`.
    guesses, weights : (n_prompts, D) tensors
        ``w_0`` and ``w``.
    l2 : float

    Returns
    -------
    scalar tensor
    """
    estimates = literal_step(matrices, examples, [guesses], model=model, mask="history", marker="every")
    return ((estimates - weights) ** 2).sum(1).mean() + l2 * sum((matrix**2).sum() for matrix in matrices.values())


def _scores(matrices, tokens):
    """Of every token, for the last one, (n_prompts, n_tokens, 1)."""
    query = tokens[:, :, -1:]
    if "W" in matrices:
        return tokens.mT @ (matrices["W"] @ query)
    return (matrices["K"] @ tokens).mT @ (matrices["Q"] @ query)
