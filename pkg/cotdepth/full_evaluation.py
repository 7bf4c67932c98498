"""Thought of fully trained attention over many prompts, as many at a time as stay in cache."""

import numpy as np
from torch import Tensor

from cotdepth.models.full_attention import FullAttention, ShownPrompts, chunk_size, full_step
from cotdepth.rollout import rollout


def estimates_of(layer: FullAttention, prompts: ShownPrompts, initial: Tensor, depth: int) -> np.ndarray:
    """The estimates ``w_0 .. w_depth``.

    Parameters
    ----------
    layer : FullAttention
    prompts : ShownPrompts
    initial : (n_prompts, D) tensor
        ``w_0``, of the precision of the layer and the prompts. Errors decay to 1e-12 and below: float64 keeps them.
    depth : int

    Returns
    -------
    (depth + 1, n_prompts, D) array
    """
    size = chunk_size(prompts.inputs[0])
    parts = [rollout(full_step, layer, ShownPrompts(inputs, prompts.n_context), guesses, depth)
             for inputs, guesses in zip(prompts.inputs.split(size), initial.split(size), strict=True)]
    return np.concatenate(parts, axis=1)
