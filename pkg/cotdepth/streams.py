"""Named, counter-based random streams: every draw of the project comes from one of these."""

import hashlib

import numpy as np


def stream(experiment_seed: int, purpose: str, *, cell: str, seed: int, prompt: int = 0) -> np.random.Generator:
    """The random stream with this name: the same name gives the same numbers, whatever else was drawn before.

    Parameters
    ----------
    experiment_seed : int
        The experiment's own seed (config key ``experiment_seed``).
    purpose : str
        What is drawn, for example ``"task pool"`` or ``"test prompt"``. Streams of different purposes are independent.
    cell : str
        Identity of the data cell (`cotdepth.spec.identity`): the values on the cell axes.
    seed : int
        Position on the dimension ``seed``.
    prompt : int
        Index of the prompt, where prompts have streams of their own. More prompts leave the first ones as they were.
    """
    key = (*_words(purpose), *_words(cell), seed, prompt)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(experiment_seed, spawn_key=key)))


def _words(name: str) -> tuple[int, int]:
    """A name as two 32-bit words of a spawn key."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
