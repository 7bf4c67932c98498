"""The loop of training by autograd on prompts drawn for every step: stopped, saved and resumed to the bit."""

import copy
from collections.abc import Callable, Mapping
from math import isfinite
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from cotdepth.checks import choice_argument, count_argument, positive_argument
from cotdepth.fit.precisions import PRECISIONS
from cotdepth.written_prompts import WrittenPrompts

DEVICES = ("cpu", "cuda")


def _silently(steps, name):
    return steps


class Training:
    """Training of one seed by Adam; a subclass has the loss, ``_loss(examples, weights)`` of tensors.

    Parameters
    ----------
    parameters : mapping of names to tensors
        The leaves, of the precision and on the device to train with.
    draw : callable
        ``draw(n_prompts, rng)`` draws `cotdepth.written_prompts.WrittenPrompts`.
    options : mapping
        Plain words and numbers that tell this training from others, ``batch_size`` and ``learning_rate`` among them.
    rng : numpy.random.Generator
        Its i-th child draws the prompts of step i: what a step draws depends on nothing that was drawn before.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    def __init__(self, parameters: Mapping[str, Tensor], draw: Callable[[int, np.random.Generator], WrittenPrompts], *, options: Mapping,
                 rng: np.random.Generator):
        count_argument("batch_size", options["batch_size"])
        rate = positive_argument("learning_rate", options["learning_rate"])
        self._parameters, self._draw = dict(parameters), draw
        self._options = {name: value.item() if isinstance(value, np.generic) else value for name, value in options.items()}
        self._optimiser = torch.optim.Adam(self._parameters.values(), lr=rate)
        self._stream = _place(rng)
        self._losses: list[float] = []
        self._timed = (0, 0.0)                                                   # steps, seconds

    @property
    def losses(self) -> np.ndarray:
        """The loss of each step's batch, before the step, (steps,)."""
        return np.array(self._losses)

    @property
    def steps_per_second(self) -> float:
        """Over the steps taken here, not those of a state that was loaded; NaN before the first."""
        steps, seconds = self._timed
        return steps / seconds if steps else np.nan

    def run(self, steps: int, progress: Callable = _silently) -> None:
        """Take more steps; ``progress(steps, name)`` wraps the iterable of steps.

        Raises
        ------
        FloatingPointError
            If a loss is infinite or no number; the parameters stay as the step before left them.
        """
        for _ in progress(range(count_argument("steps", steps)), "training"):
            start = perf_counter()
            self._step()
            self._timed = (self._timed[0] + 1, self._timed[1] + perf_counter() - start)

    def require_finite(self) -> None:
        """A FloatingPointError if a parameter is infinite or no number, as after a last step from a loss that was still finite."""
        for name, parameter in self._parameters.items():
            if not parameter.isfinite().all():
                raise FloatingPointError(f"{name} is not finite after {len(self._losses)} steps: training diverged with "
                                         f"learning_rate = {self._options['learning_rate']}")  # fmt: skip

    def state_dict(self) -> dict:
        """What `load_state_dict` needs to go on to the bit: `torch.save` writes it, `torch.load` reads it."""
        return copy.deepcopy({
            "options": self._options,
            "parameters": {name: parameter.detach() for name, parameter in self._parameters.items()},
            "optimiser": self._optimiser.state_dict(),
            "stream": self._stream,
            "losses": self._losses,
        })

    def load_state_dict(self, state: dict) -> None:
        """Go on from a saved state of a training on prompts of the same law; a ValueError if it had other options."""
        if state["options"] != self._options:
            raise ValueError(f"state has options {state['options']}: must be those of this training, {self._options}")
        state = copy.deepcopy(state)
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(state["parameters"][name])
        self._optimiser.load_state_dict(state["optimiser"])
        self._stream, self._losses = state["stream"], state["losses"]

    def _step(self):
        prompts = self._draw(self._options["batch_size"], _child(self._stream, len(self._losses)))
        self._optimiser.zero_grad()
        loss = self._loss(self._tensor(prompts.examples), self._tensor(prompts.weights))
        value = loss.item()
        if not isfinite(value):
            rate = self._options["learning_rate"]
            raise FloatingPointError(f"loss = {value} at step {len(self._losses)}: training diverged with learning_rate = {rate}")
        loss.backward()
        self._optimiser.step()
        self._losses.append(value)

    def _loss(self, examples: Tensor, weights: Tensor) -> Tensor:
        raise NotImplementedError

    def _tensor(self, values):
        """Of the precision and on the device of the parameters."""
        return torch.as_tensor(values).to(next(iter(self._parameters.values())))


def pool_draws(pool: WrittenPrompts) -> Callable[[int, np.random.Generator], WrittenPrompts]:
    """What draws prompts of a fixed pool, with replacement, for `Training`."""

    def draw(n_prompts, rng):
        places = rng.integers(len(pool.weights), size=n_prompts)
        return WrittenPrompts(pool.weights[places], pool.examples[places])

    return draw


def placement(*, precision: str, device: str) -> tuple[torch.dtype, torch.device]:
    """Where and how precisely to train; a ValueError for other words, or where there is no such device."""
    dtype = PRECISIONS[choice_argument("precision", precision, PRECISIONS)]
    if choice_argument("device", device, DEVICES) == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = 'cuda': must be 'cpu' here, where torch finds no such device")
    return dtype, torch.device(device)


def _place(rng):
    """Of a generator among all streams, in plain words and numbers."""
    bits = rng.bit_generator
    return {"kind": type(bits).__name__, "entropy": bits.seed_seq.entropy, "spawn_key": list(bits.seed_seq.spawn_key)}


def _child(stream, number):
    """The generator that `numpy.random.Generator.spawn` would make as the so many-th, from 0."""
    sequence = np.random.SeedSequence(stream["entropy"], spawn_key=(*stream["spawn_key"], number))
    return np.random.Generator(getattr(np.random, stream["kind"])(sequence))
