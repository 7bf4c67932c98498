"""Thought of GPT-2 over many prompts, as many at a time as their keys and values leave room for."""

import numpy as np
import torch

from cotdepth.models.gpt2 import ReadPrompts, Thinker, gpt2_step
from cotdepth.rollout import rollout

CHUNK = 256  # prompts at once: 2 MB of keys and values each, at the paper's size and n_context = 40


@torch.no_grad()
def estimates_of(model: Thinker, examples: np.ndarray, depth: int) -> np.ndarray:
    """The estimates ``w_0 .. w_depth`` from 0.

    Parameters
    ----------
    model : Thinker
        Its precision and device are those of the computation.
    examples : (n_prompts, n_context, D + 1) array
        Rows ``(x, y)``.
    depth : int

    Returns
    -------
    (depth + 1, n_prompts, D) array
    """
    like = next(model.parameters())
    parts = []
    for chunk in torch.as_tensor(examples).split(CHUNK):
        initial = torch.zeros(len(chunk), chunk.shape[2] - 1, dtype=like.dtype)
        parts.append(rollout(_step, model, ReadPrompts(chunk.to(like)), initial, depth))
    return np.concatenate(parts, axis=1)


def _step(model, prompts, history):
    """`gpt2_step` with a history on the CPU, where `rollout` stacks it."""
    device = next(model.parameters()).device
    return gpt2_step(model, prompts, [estimate.to(device) for estimate in history]).cpu()
