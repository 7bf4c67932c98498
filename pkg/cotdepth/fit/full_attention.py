"""Training of all matrices of linear or softmax attention by Adam on one step of thought (asymptotic paper, appendix I.2).

A pool of tasks is fixed; each minibatch draws from it with replacement. Only the blocks of
`cotdepth.models.full_attention.block_places` get a gradient from the data, so the loop has only them. Every other entry sees
its own L2 alone, through Adam's elementwise recursion, which `FullTraining.matrices` replays. Mask and marker are not asked for:
training takes one step, from the first guess, where they make no difference.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from cotdepth.checks import choice_argument, count_argument, positive_argument
from cotdepth.fit.precisions import PRECISIONS
from cotdepth.models.full_attention import CHUNK_BYTES, block_places, loss_and_gradients
from cotdepth.models.literal_attention import MODELS, PARAMETERISATIONS

GUESSES = ("fresh", "fixed", "zero")
INITIAL_SIZE = 0.01  # standard deviation of every entry at the start


def _silently(steps, name):
    return steps


class FullTraining:
    """Training of several layers side by side, each on its own pool, that can be stopped, saved and resumed.

    What a layer finds does not depend on the others, but for rounding. On a CPU one layer at a time is faster: its prompts stay in
    cache. A GPU is filled by many.

    Parameters
    ----------
    prompts : (n_layers, n_tasks, D + 1, D + 1) or (n_layers, n_tasks, n_context, D + 1) array
        The pools: Gram matrices ``[X; y][X; y]^T / n_context`` for linear attention, examples ``(x, y)`` for softmax.
    weights : (n_layers, n_tasks, D) array
        Task vectors ``w``.
    model : {"linear", "softmax"}
    parameterisation : {"merged", "separate"}
        Trained are ``V`` and ``W``, or ``V``, ``K`` and ``Q`` with ``W = K^T Q``.
    guess : {"fresh", "fixed", "zero"}
        Whether ``w_0 ~ N(0, I)`` is drawn afresh in every minibatch (the paper), once for each task (what its theory assumes up to
        the factor 2 of a random guess), or is 0.
    batch_size : int
    learning_rate : float
        Of Adam; its other settings are torch's.
    l2 : float
        Non-negative. The loss has ``l2`` times the squares of all entries of all matrices: this is not weight decay.
    rngs : sequence of numpy.random.Generator
        One for each layer. Its children draw the start, the fixed guesses, and the batches.
    precision : {"float32", "float64"}
        Of the training loop.
    device : {"cpu", "cuda"}
        Where it runs; everything is drawn on the CPU.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The asymptotic paper has D = 50, batches of 300, 5000 steps, learning rate and l2 of 1e-3.
    """

    def __init__(self, prompts: np.ndarray, weights: np.ndarray, *, model: str, parameterisation: str, guess: str, batch_size: int,
                 learning_rate: float, l2: float, rngs: Sequence[np.random.Generator], precision: str = "float32", device: str = "cpu"):
        self._options = _checked(model=model, parameterisation=parameterisation, guess=guess, precision=precision,
                                 batch_size=batch_size, learning_rate=learning_rate, l2=l2)
        _check_pools(prompts, weights, rngs, model)
        self._device = choice_argument("device", device, CHUNK_BYTES)
        self._prompts, self._weights = self._tensor(prompts), self._tensor(weights)
        starts, guesses, self._batches = zip(*(rng.spawn(3) for rng in rngs))
        self._guesses = self._fixed_guesses(guesses)
        width, names = 2 * self._weights.shape[2] + 2, PARAMETERISATIONS[parameterisation]
        self._initial = {name: INITIAL_SIZE * self._normals(starts, width, width) for name in names}
        self._blocks = {name: matrices[self._places(name)].clone() for name, matrices in self._initial.items()}
        self._optimiser = torch.optim.Adam(self._blocks.values(), lr=learning_rate)
        self._losses: list[Tensor] = []

    @property
    def losses(self) -> np.ndarray:
        """Mean of ``|w - w_1|^2`` over the batch, summed over D and without L2, before each step, (n_layers, steps)."""
        return torch.stack(self._losses, dim=1).cpu().numpy() if self._losses else np.empty((len(self._weights), 0))

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return len(self._losses)

    def run(self, steps: int, progress: Callable = _silently) -> None:
        """Take more steps; ``progress(steps, name)`` wraps the iterable of steps."""
        for _ in progress(range(count_argument("steps", steps)), "training"):
            self._step()

    def matrices(self) -> dict[str, Tensor]:
        """All matrices, (n_layers, 2 D + 2, 2 D + 2): the trained blocks, and what L2 alone has made of all other entries."""
        replayed = _decayed(self._initial.values(), self.steps, self._options["learning_rate"], self._options["l2"])
        found = dict(zip(self._initial, replayed))
        for name, block in self._blocks.items():
            found[name][self._places(name)] = block
        return {name: matrices.cpu() for name, matrices in found.items()}

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to go on to the bit: `torch.save` writes it, `torch.load` reads it."""
        return copy.deepcopy({
            "options": self._options,
            "initial": self._initial,
            "guesses": self._guesses,
            "blocks": self._blocks,
            "optimiser": self._optimiser.state_dict(),
            "batches": [_plain(batches.bit_generator.state) for batches in self._batches],
            "losses": torch.tensor(self.losses),
        })

    def load_state_dict(self, state: dict) -> None:
        """Go on from a saved state of a training on the same pools; a ValueError if it had other options."""
        if state["options"] != self._options:
            raise ValueError(f"state has options {state['options']}: must be those of this training, {self._options}")
        state = copy.deepcopy(state)
        self._initial = {name: matrices.to(self._device) for name, matrices in state["initial"].items()}
        self._guesses = None if state["guesses"] is None else state["guesses"].to(self._device)
        self._losses = list(state["losses"].to(self._device).unbind(1))
        for name, block in self._blocks.items():
            block.copy_(state["blocks"][name])
        self._optimiser.load_state_dict(state["optimiser"])
        for batches, saved in zip(self._batches, state["batches"], strict=True):
            batches.bit_generator.state = saved

    def _step(self):
        n_layers, n_tasks, dim = self._weights.shape
        drawn = [batches.integers(n_tasks, size=self._options["batch_size"]) for batches in self._batches]
        batch = torch.from_numpy(np.stack(drawn)).to(self._device)
        at = torch.arange(n_layers, device=self._device)[:, None], batch
        guesses = self._normals(self._batches, batch.shape[1], dim) if self._guesses is None else self._guesses[at]
        loss, gradients = loss_and_gradients(self._blocks, self._prompts, batch, guesses, self._weights[at], model=self._options["model"])
        for name, block in self._blocks.items():
            block.grad = gradients[name].add_(block, alpha=2 * self._options["l2"])
        self._optimiser.step()
        self._losses.append(loss)

    def _fixed_guesses(self, rngs):
        """For each task of the pools; None where they are fresh."""
        drawn = {"fresh": lambda: None, "fixed": lambda: self._normals(rngs, *self._weights.shape[1:]),
                 "zero": lambda: torch.zeros_like(self._weights)}
        return drawn[self._options["guess"]]()

    def _normals(self, rngs, *shape):
        return self._tensor(np.stack([rng.standard_normal(shape) for rng in rngs]))

    def _tensor(self, values):
        return torch.as_tensor(values).to(self._device, PRECISIONS[self._options["precision"]])

    def _places(self, name):
        return ..., *block_places(name, self._weights.shape[2])


def _decayed(initial, steps, learning_rate, l2):
    """Copies of tensors after `steps` of Adam on ``l2`` times their squares: the recursion of entries that no data move."""
    entries = [tensor.clone() for tensor in initial]
    optimiser = torch.optim.Adam(entries, lr=learning_rate)
    for _ in range(steps):
        for each in entries:
            each.grad = 2 * l2 * each
        optimiser.step()
    return entries


def _plain(state):
    """A state of a bit generator without NumPy arrays, which a safe `torch.load` refuses."""
    if isinstance(state, dict):
        return {name: _plain(value) for name, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


def _checked(*, model, parameterisation, guess, precision, batch_size, learning_rate, l2):
    """The options as plain words and numbers."""
    if not 0 <= l2 < np.inf:
        raise ValueError(f"l2 = {l2!r}: must be non-negative and finite")
    return {
        "model": choice_argument("model", model, MODELS),
        "parameterisation": choice_argument("parameterisation", parameterisation, PARAMETERISATIONS),
        "guess": choice_argument("guess", guess, GUESSES),
        "precision": choice_argument("precision", precision, PRECISIONS),
        "batch_size": count_argument("batch_size", batch_size),
        "learning_rate": positive_argument("learning_rate", learning_rate),
        "l2": float(l2),
    }


def _check_pools(prompts, weights, rngs, model):
    if np.ndim(weights) != 3 or len(weights) != len(rngs):
        raise ValueError(f"weights have shape {np.shape(weights)}: must be (n_layers, n_tasks, D), "
                         f"with one of {len(rngs)} rngs for each layer")  # fmt: skip
    (*leading, dim), shape = np.shape(weights), np.shape(prompts)
    rows = dim + 1 if model == "linear" else "n_context"
    if len(shape) != 4 or shape != (*leading, shape[2] if model == "softmax" else rows, dim + 1):
        raise ValueError(f"prompts have shape {shape}: must be ({leading[0]}, {leading[1]}, {rows}, {dim + 1}) for {model} attention")
