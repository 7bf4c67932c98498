"""GPT-2 on vectors: it reads examples and writes weight vectors, one thought after another, or predicts labels.

A learnable linear map takes tokens into the model; another takes out what stands at ``w_i`` as ``w_{i+1}``, or what stands at
``x_i`` as the prediction of its label. The training-data paper, section 5, has its tokens in two ways:

- ``separate``, after Garg et al. (2022): "prompts of form ``(x_1, f(x_1), ..., w_0, 1)``", a label padded by zeros to the dimension
  of ``x``. The 1 is read here as the marker of eq. (3.7), one more entry of a token: 1 for an estimate, 0 for ``x`` and ``f(x)``.
- ``joint``: "we concatenate the embedding with ``[0_d, w_i, 1]`` as in Eq. (3.7)", ``(x, y, 0, 0)`` and ``(0, 0, w_i, 1)``. Half as many
  tokens, and learned in far fewer steps: no layer has to find the label of an ``x`` first.

Labels are predicted from separate tokens without marker (gradient-flow paper, experiments).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache, GPT2Config, GPT2Model

from cotdepth.checks import choice_argument, count_argument

POSITIONS = ("learned", "none")
TOKENS = ("separate", "joint")
INITIAL_SIZE = 0.02  # standard deviation of GPT-2's weights at the start


@dataclass(frozen=True)
class Sizes:
    """How large a model is, and whether it knows the positions of tokens.

    The paper has 12 layers, 8 heads, width 256. Its 9.5M parameters are the 9.477M of the 12 layers, with or without what little
    stands around them: 256 for each position, 512 of the last normalisation, and the maps of tokens in and out.

    Attributes
    ----------
    layers, heads, width : int
        The width a multiple of the heads.
    positions : {"learned", "none"}
        A learned vector for each position, as in GPT-2. Positions beyond the training prompts stay as random as they began.
    max_tokens : int, optional
        How many positions there are; for learned positions alone, which need it.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    layers: int
    heads: int
    width: int
    positions: str
    max_tokens: int | None = None

    def __post_init__(self):
        for name in ("layers", "heads", "width"):
            count_argument(name, getattr(self, name))
        if self.width % self.heads:
            raise ValueError(f"width = {self.width}: must be a multiple of heads = {self.heads}")
        if choice_argument("positions", self.positions, POSITIONS) == "learned":
            count_argument("max_tokens", self.max_tokens)
        elif self.max_tokens is not None:
            raise ValueError(f"max_tokens = {self.max_tokens!r}: must be None without learned positions")


class GPT2(torch.nn.Module):
    """A causal transformer from vectors to vectors, without dropout.

    Parameters
    ----------
    inputs, outputs : int
        Entries of a token, and of what is taken out at each: D and 1 for labels, `Thinker` has those of thought.
    sizes : Sizes
    rng : numpy.random.Generator
        Seeds the start. No other state of randomness is used or moved.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    def __init__(self, inputs: int, outputs: int, sizes: Sizes, *, rng: np.random.Generator):
        super().__init__()
        self.sizes = sizes
        with torch.device("meta"):                                               # nothing is drawn here
            self.read_in = torch.nn.Linear(count_argument("inputs", inputs), sizes.width)
            self.body = _body(sizes)
            self.read_out = torch.nn.Linear(sizes.width, count_argument("outputs", outputs))
        self.to_empty(device="cpu")
        _initialise(self, torch.Generator().manual_seed(int(rng.integers(2**63))))

    def forward(self, tokens: Tensor, cache: DynamicCache | None = None) -> Tensor:
        """What is taken out at every token.

        Parameters
        ----------
        tokens : (n_prompts, n_tokens, inputs) tensor
        cache : transformers.DynamicCache, optional
            Keys and values of the tokens before these; those of these are added to it.

        Returns
        -------
        (n_prompts, n_tokens, outputs) tensor

        Raises
        ------
        ValueError
            If there are more tokens than learned positions.
        """
        length = tokens.shape[1] + (0 if cache is None else cache.get_seq_length())
        if length > (self.sizes.max_tokens or length):
            raise ValueError(f"tokens are {length}: must be at most max_tokens = {self.sizes.max_tokens}")
        read = self.read_in(tokens)                                              # (n_prompts, n_tokens, width)
        thought = self.body(inputs_embeds=read, past_key_values=cache, use_cache=cache is not None).last_hidden_state
        return self.read_out(thought)                                            # (n_prompts, n_tokens, outputs)


class _NoPositions(torch.nn.Module):
    """What GPT-2 adds to its tokens where positions are unknown."""

    def forward(self, places):
        return torch.zeros(1, 1, 1, device=places.device)


def _body(sizes):
    """GPT-2 without its embedding of words."""
    config = GPT2Config(n_layer=sizes.layers, n_head=sizes.heads, n_embd=sizes.width, n_positions=sizes.max_tokens or 1, vocab_size=1,
                        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=None, eos_token_id=None)
    body = GPT2Model(config)
    del body.wte
    if sizes.positions == "none":
        body.wpe = _NoPositions()
    return body


def _initialise(model, generator):
    """GPT-2's own start; of the maps in and out that of `torch.nn.Linear`, as Garg et al. leave it."""
    deep = INITIAL_SIZE / sqrt(2 * model.sizes.layers)                           # of what adds to the residual stream
    for name, parameter in model.named_parameters():
        module, kind = name.rsplit(".", 1)
        if module in ("read_in", "read_out"):
            bound = 1 / sqrt(model.get_submodule(module).in_features)
            torch.nn.init.uniform_(parameter, -bound, bound, generator=generator)
        elif kind == "bias" or ".ln_" in name:
            torch.nn.init.constant_(parameter, float(kind == "weight"))
        else:
            torch.nn.init.normal_(parameter, std=deep if module.endswith("c_proj") else INITIAL_SIZE, generator=generator)


# --- thought ------------------------------------------------------------------------------------------------------


class Thinker(GPT2):
    """GPT-2 that reads examples and estimates and writes the next estimate.

    Parameters
    ----------
    dim : int
        D.
    sizes : Sizes
        Learned positions must be enough for 2 n_context + k separate tokens, n_context + k joint ones.
    tokens : {"separate", "joint"}
        Whether an example is two tokens or one.
    rng : numpy.random.Generator
        As in `GPT2`.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    def __init__(self, dim: int, sizes: Sizes, *, tokens: str, rng: np.random.Generator):
        rows = {"separate": 1, "joint": 2}[choice_argument("tokens", tokens, TOKENS)] * (count_argument("dim", dim) + 1)
        super().__init__(rows, dim, sizes, rng=rng)
        self._joint = tokens == "joint"

    def example_tokens(self, examples: Tensor) -> Tensor:
        """(n_prompts, n_tokens, rows) of examples ``(x, y)``, (n_prompts, n_context, D + 1)."""
        if self._joint:
            return pad(examples, (0, examples.shape[2]))
        return pad(separate_tokens(examples), (0, 1))

    def thought_tokens(self, estimates: Tensor) -> Tensor:
        """(n_prompts, k, rows) of estimates (k, n_prompts, D)."""
        before = estimates.shape[2] + 1 if self._joint else 0                    # rows of x and y
        return pad(pad(estimates.transpose(0, 1), (before, 0)), (0, 1), value=1.0)


def separate_tokens(examples: Tensor) -> Tensor:
    """``x_1, (y_1, 0, ..), x_2, ..``, (n_prompts, 2 n_context, D), of examples ``(x, y)``, (n_prompts, n_context, D + 1)."""
    features, labels = examples[:, :, :-1], examples[:, :, -1:]
    return torch.stack([features, pad(labels, (0, features.shape[2] - 1))], dim=2).flatten(1, 2)


def think(model: Thinker, examples: Tensor, estimates: Tensor) -> Tensor:
    """The estimate after each of the given ones, in one pass over all tokens.

    Parameters
    ----------
    model : Thinker
    examples : (n_prompts, n_context, D + 1) tensor
        Rows ``(x, y)``.
    estimates : (k, n_prompts, D) tensor
        ``w_0 .. w_{k-1}``, from wherever.

    Returns
    -------
    (k, n_prompts, D) tensor
        What the model would write after ``w_0``, after ``w_0, w_1``, and so on.
    """
    tokens = torch.cat([model.example_tokens(examples), model.thought_tokens(estimates)], dim=1)
    return model(tokens)[:, -len(estimates) :].transpose(0, 1)


class ReadPrompts:
    """Prompts and how far a model has read them: its keys and values, for one rollout of one model.

    Parameters
    ----------
    examples : (n_prompts, n_context, D + 1) tensor
        Rows ``(x, y)``.
    """

    def __init__(self, examples: Tensor):
        self.examples, self.cache, self.thoughts = examples, DynamicCache(), 0


def gpt2_step(params: Thinker, prompts: ReadPrompts, history: list[Tensor]) -> Tensor:
    """One step of thought for a batch of prompts; the step of `cotdepth.rollout`, at the cost of the tokens not yet read.

    Parameters
    ----------
    params : Thinker
    prompts : ReadPrompts
        Moved on by the step.
    history : list of (n_prompts, D) tensors
        ``w_0 .. w_k``.

    Returns
    -------
    (n_prompts, D) tensor
        ``w_{k+1}``.

    Raises
    ------
    ValueError
        If all of `history` has been read before.
    """
    if len(history) <= prompts.thoughts:
        raise ValueError(f"history has {len(history)} estimates: must have more than the {prompts.thoughts} already read")
    tokens = params.thought_tokens(torch.stack(history[prompts.thoughts :]))     # (n_prompts, n_tokens, rows)
    if prompts.thoughts == 0:
        tokens = torch.cat([params.example_tokens(prompts.examples), tokens], dim=1)
    prompts.thoughts = len(history)
    return params(tokens, prompts.cache)[:, -1]


# --- labels -------------------------------------------------------------------------------------------------------


def predict_labels(model: GPT2, examples: Tensor) -> Tensor:
    """The label of every example, each from those before it and its own ``x``.

    Parameters
    ----------
    model : GPT2
        From D entries to 1.
    examples : (n_prompts, n_context + 1, D + 1) tensor
        Rows ``(x, y)``, the last one the query, whose label is not read.

    Returns
    -------
    (n_prompts, n_context + 1) tensor
        The prediction at place ``i`` has seen ``i`` labels.
    """
    return model(separate_tokens(examples)[:, :-1])[:, ::2, 0]
