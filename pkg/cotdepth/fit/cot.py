"""Training of linear or softmax attention with chain of thought, from a random start (training-data paper, appendix B, figure 4).

All matrices are leaves of autograd; entries that no estimate uses have a gradient of 0. The training-data paper masks nothing, so
that its newest estimate sees itself, and its loss (3.3) has the other rows of the last token too. Here no estimate sees itself, as
in `cotdepth.models.literal_attention`, and the loss has the rows that are read; ``mask="data_only"`` is `cotdepth.models.lsa`.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cotdepth.checks import choice_argument, count_argument
from cotdepth.fit.full_attention import INITIAL_SIZE
from cotdepth.fit.supervision import Chain, supervision_options, teach, unroll
from cotdepth.fit.training import Training, placement
from cotdepth.models.full_attention import FullAttention, ShownPrompts, full_step, score_matrix
from cotdepth.models.literal_attention import PARAMETERISATIONS


def chain_loss(layer: FullAttention, prompts: ShownPrompts, chain: Chain) -> Tensor:
    """The loss of a chain of thought: each step from the chain's own estimates up to it.

    Parameters
    ----------
    layer : FullAttention
    prompts : ShownPrompts
    chain : cotdepth.fit.supervision.Chain

    Returns
    -------
    scalar tensor
        Mean over steps and prompts of ``|target - w_{i+1}|^2``, summed over D.
    """
    seen = list(chain.estimates)
    return chain.loss(torch.stack([full_step(layer, prompts, seen[: place + 1]) for place in range(len(seen))]))


class CoTTraining(Training):
    """Training of one seed on prompts drawn for every step, that can be stopped, saved and resumed.

    Parameters
    ----------
    draw : callable
        ``draw(n_prompts, rng)`` draws `cotdepth.written_prompts.WrittenPrompts` of D = `dim` features;
        `cotdepth.fit.training.pool_draws` draws from a fixed pool.
    dim : int
    model, mask, marker
        As in `cotdepth.models.full_attention.FullAttention`.
    parameterisation : {"merged", "separate"}
        Trained are ``V`` and ``W``, or ``V``, ``K`` and ``Q`` with ``W = K^T Q``.
    supervision : {"teacher", "unrolled"}
        As `cotdepth.fit.supervision` has them.
    depth : int
        Steps of thought k in training.
    batch_size : int
    learning_rate : float
        Of Adam; its other settings are torch's.
    rng : numpy.random.Generator
        Its children draw the start and the prompts.
    teacher_step : float, optional
        Step size of the teacher, who needs it.
    precision : {"float32", "float64"}

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The training-data paper has D = 10, k = 2 and 4, n_context = 20, 40 and 80; learning rate 1e-3, batches of 1000 and 5000 steps
    if as in its section 5. How large its random start is it does not say.
    """

    def __init__(self, draw: Callable, dim: int, *, model: str, parameterisation: str, mask: str, marker: str, supervision: str, depth: int,
                 batch_size: int, learning_rate: float, rng: np.random.Generator, teacher_step: float | None = None,
                 precision: str = "float32"):
        self._chain = supervision_options(supervision=supervision, depth=depth, teacher_step=teacher_step)
        self._words = {"model": model, "mask": mask, "marker": marker}
        dtype, device = placement(precision=precision, device="cpu")
        start, prompts = rng.spawn(2)
        names = PARAMETERISATIONS[choice_argument("parameterisation", parameterisation, PARAMETERISATIONS)]
        width = 2 * count_argument("dim", dim) + 2
        parameters = {name: torch.tensor(INITIAL_SIZE * start.standard_normal((width, width)), dtype=dtype, device=device).requires_grad_()
                      for name in names}
        options = {**self._words, **self._chain, "parameterisation": parameterisation, "dim": dim, "precision": precision,
                   "batch_size": batch_size, "learning_rate": learning_rate}
        super().__init__(parameters, draw, options=options, rng=prompts)
        self.layer()  # its words are checked before the first step

    def matrices(self) -> dict[str, Tensor]:
        """Copies of all matrices, (2 D + 2, 2 D + 2) each."""
        return {name: matrix.detach().clone() for name, matrix in self._parameters.items()}

    def layer(self) -> FullAttention:
        """The layer as trained so far."""
        return self._layer(self.matrices())

    def _layer(self, matrices):
        return FullAttention(matrices["V"], score_matrix(matrices), **self._words)

    def _loss(self, examples, weights):
        layer, prompts, depth = self._layer(self._parameters), _shown(examples, self._words["model"]), self._chain["depth"]
        if self._chain["supervision"] == "teacher":
            chain = teach(examples, weights, depth=depth, step_size=self._chain["teacher_step"])
        else:
            chain = unroll(full_step, layer, prompts, weights, depth=depth)
        return chain_loss(layer, prompts, chain)


def _shown(examples, model):
    """What a model takes: Gram matrices for linear attention, the examples themselves for softmax."""
    n_context = examples.shape[1]
    return ShownPrompts(examples.mT @ examples / n_context if model == "linear" else examples, n_context)
