"""What training with chain of thought shows a model, and asks of it.

The training-data paper applies thought "during both training and inference" (section 5, appendix B) and says no more. Two readings:

- ``teacher``: the model sees gradient descent on the prompt's own least squares, ``w_0 = 0, w_1, .., w_{k-1}``, and is asked for
  the next iterate; after the last one for ``w`` itself. So chains of thought are made where the paper describes those of Huang, Wang
  and Lee (2025), section 3.1: the *intermediate* steps are gradient updates.
- ``unrolled``: the model sees its own estimates, and is asked for ``w`` after each. No gradient runs through the estimates it sees,
  as none runs through the tokens that a language model is fed.

With k = 1 both are training without thought, eq. (3.3).

What the teacher teaches depends on its step. From 0 it shows ``w_1 = step_size S w`` with the Gram matrix S of the prompt, and asks for
``w`` soon after. In long prompts of isotropic features S is nearly the identity, and ``w_1`` nearly parallel to ``w``. Where the step
is short, the loss of linear attention, ``w_{i+1} = w_i + beta S w_i + gamma S w``, is then least where it enlarges the estimate that it
sees: a positive feedback, beta > 0, where descent has beta = -gamma. (D = 10, k = 2, n_context = 80: beta = 1.1 by steps of 0.2, -0.4 by
steps of 0.5, with a test error of 0.25 and of 0.075.) And a direction that a layer answers in reverse is one that the loss hardly
sees, for the estimates shown are the teacher's, not those that such an answer would lead to.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cotdepth.checks import choice_argument, count_argument, positive_argument

SUPERVISIONS = ("teacher", "unrolled")


@dataclass(frozen=True, eq=False)
class Chain:
    """A chain of thought for each prompt of a batch.

    Attributes
    ----------
    estimates : (k, n_prompts, D) tensor
        ``w_0 .. w_{k-1}``, which the model sees.
    targets : (k, n_prompts, D) tensor
        What it is asked for after each.
    """

    estimates: Tensor
    targets: Tensor

    def loss(self, written: Tensor) -> Tensor:
        """Mean over steps and prompts of ``|target - w_{i+1}|^2``, summed over D, of what a model wrote, (k, n_prompts, D)."""
        return (written - self.targets).square().sum(dim=2).mean()


def teach(examples: Tensor, weights: Tensor, *, depth: int, step_size: float) -> Chain:
    """Gradient descent on the prompt's own least squares, ``w_{i+1} = w_i - step_size X^T (X w_i - y) / n_context`` from 0.

    Parameters
    ----------
    examples : (n_prompts, n_context, D + 1) tensor
        Rows ``(x, y)``.
    weights : (n_prompts, D) tensor
        Task vectors ``w``, the last target.
    depth : int
        Steps k.
    step_size : float
        Below ``2 / lambda_max(X^T X / n_context)``, or the chain runs away from ``w``.
    """
    grams = examples.mT @ examples / examples.shape[1]                           # (n_prompts, D + 1, D + 1)
    chain = [torch.zeros_like(weights)]
    for _ in range(depth - 1):
        residual = torch.cat([chain[-1], -torch.ones_like(weights[:, :1])], dim=1)             # (n_prompts, D + 1)
        chain.append(chain[-1] - step_size * (grams @ residual[:, :, None])[:, :-1, 0])
    return Chain(torch.stack(chain), torch.stack([*chain[1:], weights]))


def unroll(step: Callable, params, prompts, weights: Tensor, *, depth: int) -> Chain:
    """A model's own thought from 0, without gradient, and ``w`` as every target.

    Parameters
    ----------
    step, params, prompts
        As in `cotdepth.rollout.rollout`, with tensors for arrays.
    weights : (n_prompts, D) tensor
        Task vectors ``w``.
    depth : int
        Steps k.
    """
    history = [torch.zeros_like(weights)]
    with torch.no_grad():
        for _ in range(depth - 1):
            history.append(step(params, prompts, history))
    return Chain(torch.stack(history), weights.expand(depth, *weights.shape))


def supervision_options(*, supervision: str, depth: int, teacher_step: float | None) -> dict:
    """The options as plain words and numbers; a ValueError if one is out of range, or `teacher_step` is missing or idle."""
    if choice_argument("supervision", supervision, SUPERVISIONS) == "teacher":
        teacher_step = positive_argument("teacher_step", teacher_step)
    elif teacher_step is not None:
        raise ValueError(f"teacher_step = {teacher_step!r}: must be None without a teacher")
    return {"supervision": supervision, "depth": count_argument("depth", depth), "teacher_step": teacher_step}
