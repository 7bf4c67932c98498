"""Training of GPT-2 on thought (training-data paper, section 5) and on labels (gradient-flow paper, after Garg et al.)."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from cotdepth.checks import count_argument
from cotdepth.fit.supervision import supervision_options, teach, unroll
from cotdepth.fit.training import Training, placement
from cotdepth.models.gpt2 import GPT2, ReadPrompts, Sizes, Thinker, gpt2_step, predict_labels, think


class ThoughtTraining(Training):
    """Training of one seed with chain of thought, that can be stopped, saved and resumed.

    A step is one forward and backward pass over all tokens; an unrolled one is a rollout without gradient before it.

    Parameters
    ----------
    draw : callable
        ``draw(n_prompts, rng)`` draws `cotdepth.written_prompts.WrittenPrompts` of D = `dim` features, of any length.
    dim : int
    sizes, tokens
        As in `cotdepth.models.gpt2.Thinker`.
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
    device : {"cpu", "cuda"}
        What is drawn does not depend on it.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The training-data paper has D = 10, n_context = 20, 30 and 40, batches of 64 and 20000 steps; k and the learning rate it does
    not say (Garg et al. have 1e-4).
    """

    def __init__(self, draw: Callable, dim: int, sizes: Sizes, *, tokens: str, supervision: str, depth: int, batch_size: int,
                 learning_rate: float, rng: np.random.Generator, teacher_step: float | None = None, precision: str = "float32",
                 device: str = "cpu"):
        self._chain = supervision_options(supervision=supervision, depth=depth, teacher_step=teacher_step)
        start, prompts = rng.spawn(2)
        options = {**_options(dim, sizes, precision), **self._chain, "tokens": tokens, "batch_size": batch_size,
                   "learning_rate": learning_rate}
        self.model = _placed(Thinker(dim, sizes, tokens=tokens, rng=start), precision, device)
        super().__init__(dict(self.model.named_parameters()), draw, options=options, rng=prompts)

    def _loss(self, examples, weights):
        depth = self._chain["depth"]
        if self._chain["supervision"] == "teacher":
            chain = teach(examples, weights, depth=depth, step_size=self._chain["teacher_step"])
        else:
            chain = unroll(gpt2_step, self.model, ReadPrompts(examples), weights, depth=depth)
        return chain.loss(think(self.model, examples, chain.estimates))


class LabelTraining(Training):
    """Training of one seed on the label of every example from those before it: mean of ``(y_i - prediction)^2`` over prompts and places.

    Parameters
    ----------
    draw : callable
        As in `ThoughtTraining`; of n_context + 1 examples, the last one being the query.
    dim, sizes, batch_size, learning_rate, rng, precision, device
        As in `ThoughtTraining`. Learned positions must be at least 2 n_context + 1.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    def __init__(self, draw: Callable, dim: int, sizes: Sizes, *, batch_size: int, learning_rate: float, rng: np.random.Generator,
                 precision: str = "float32", device: str = "cpu"):
        start, prompts = rng.spawn(2)
        options = {**_options(dim, sizes, precision), "batch_size": batch_size, "learning_rate": learning_rate}
        self.model = _placed(GPT2(dim, 1, sizes, rng=start), precision, device)
        super().__init__(dict(self.model.named_parameters()), draw, options=options, rng=prompts)

    def _loss(self, examples, weights):
        return (predict_labels(self.model, examples) - examples[:, :, -1]).square().mean()


def _options(dim, sizes, precision):
    return {"dim": count_argument("dim", dim), "precision": precision, **asdict(sizes)}


def _placed(model, precision, device):
    dtype, place = placement(precision=precision, device=device)
    return model.to(dtype=dtype, device=place)
