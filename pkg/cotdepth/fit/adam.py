"""Training of linear self-attention by Adam on its first step of thought (training-data paper, eq. 3.3 and section 5).

From the estimate 0 the layer predicts ``V_b G s``, with ``V_b`` its value block and ``s`` its scores of the marker. No other
entry of ``V`` and ``W`` gets a gradient from the paper's initialisation, ``V = 0``, ``W_13 = c I``, ``W_24 = -c``: trained or
not, they stay as they are. The seeds of a cell train side by side, each on its own prompts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cotdepth.checks import count_argument, scale_argument
from cotdepth.fit.precisions import PRECISIONS
from cotdepth.prompts import Prompts


@dataclass(frozen=True, eq=False)
class Trained:
    """What training found, for each seed.

    Attributes
    ----------
    value_blocks : (seeds, D, D + 1) array
        As `cotdepth.models.lsa.LinearAttention.value_block`.
    marker_scores : (seeds, D + 1) array
        Last column of its score block; the other columns are ``W_13 = c I`` over a row of 0.
    losses : (seeds, epochs) array
        Mean over the batches of an epoch, each before its step, of ``|w - w_1|^2 / 2``, the total over coordinates.
    """

    value_blocks: np.ndarray
    marker_scores: np.ndarray
    losses: np.ndarray


# --- what is trained ----------------------------------------------------------------------------------------------
#
# The first estimate is linear in what a prompt shows of itself, with coefficients that are a small function of the parameters.
# So the pass over a batch is one of linear regression, written out, and autograd has the small function alone.


class _Block:
    """Only ``V_31`` is free: a prompt shows its statistic, and the block is the coefficients."""

    def __init__(self, seeds, dim, scale, dtype):
        self.scale, self.dim, self.inputs = scale, dim, dim
        self.parameters = (torch.zeros(seeds, dim, dim, dtype=dtype, requires_grad=True),)

    def shown(self, prompts):
        """What multiplies the coefficients, ``-c X y / n_context``, (n_prompts, inputs)."""
        return -self.scale * prompts.statistics

    def coefficients(self):
        """(seeds, D, inputs)."""
        return self.parameters[0]

    def blocks(self):
        """Value blocks and marker scores of every seed."""
        block = self.parameters[0].detach().double().numpy()
        return np.pad(block, [(0, 0), (0, 0), (0, 1)]), np.tile(_initial_scores(self.dim, self.scale), (len(block), 1))


class _All:
    """All of ``V`` and ``W`` is free: the value block and the scores of the marker move, and prompts show their Gram matrices."""

    def __init__(self, seeds, dim, scale, dtype):
        self.dim, self.places = dim, np.triu_indices(dim + 1)   # Gram matrices are symmetric
        self.inputs = len(self.places[0])
        self._times = torch.tensor(np.where(self.places[0] == self.places[1], 0.5, 1.0), dtype=dtype)
        block = torch.zeros(seeds, dim, dim + 1, dtype=dtype, requires_grad=True)
        self.parameters = (block, torch.tensor(_initial_scores(dim, scale), dtype=dtype).repeat(seeds, 1).requires_grad_())

    def shown(self, prompts):
        """Upper triangles of the Gram matrices, (n_prompts, inputs)."""
        return prompts.grams[:, *self.places]

    def coefficients(self):
        """(seeds, D, inputs): ``V_ai s_j + V_aj s_i`` for the entry (i, j) of a Gram matrix, once on the diagonal."""
        block, scores = self.parameters
        products = block[:, :, :, None] * scores[:, None, None, :]
        return (products + products.mT)[:, :, *self.places] * self._times

    def blocks(self):
        """Value blocks and marker scores of every seed."""
        return tuple(parameter.detach().double().numpy() for parameter in self.parameters)


VARIANTS = {"block": _Block, "all": _All}


class _Regressions:
    """Loss ``mean |C g - w|^2 / 2`` over a batch, and its gradient, for the coefficients ``C`` of each seed.

    A row of a batch is ``(g, w)``. Products with the batch transposed and all residuals at once are the faster way for rows so thin.
    """

    def __init__(self, model, seeds, dtype):
        self._model, self.inputs = model, model.inputs
        minus_weights = -torch.eye(model.dim, dtype=dtype).repeat(seeds, 1, 1)
        self._weighing = torch.cat([torch.zeros(seeds, model.dim, model.inputs, dtype=dtype), minus_weights], dim=2)
        self._gradients = torch.zeros(seeds, model.dim, model.inputs, dtype=dtype)

    def backward(self, batches):
        """The loss of each seed on its batch; leaves the gradients with the parameters."""
        coefficients = self._model.coefficients()
        self._weighing[:, :, : self.inputs] = coefficients.detach()
        losses = [self._pass(*each) for each in zip(self._weighing.unbind(), self._gradients.unbind(), batches, strict=True)]
        coefficients.backward(self._gradients)
        return losses

    def _pass(self, weighing, gradient, batch):
        residuals = weighing @ batch.T                                                 # (D, batch)
        torch.mm(residuals, batch[:, : self.inputs], out=gradient).div_(len(batch))
        return torch.dot(residuals.view(-1), residuals.view(-1)).item() / (2 * len(batch))


def _initial_scores(dim, scale):
    return np.append(np.zeros(dim), -scale)


# --- training -----------------------------------------------------------------------------------------------------


def _silently(steps, name):
    return steps


def fit_adam(pools: Sequence[Prompts], *, trained: str, batch_size: int, epochs: int, learning_rate: float,
             rngs: Sequence[np.random.Generator], scale: float = 1.0, precision: str = "float32",
             progress: Callable = _silently) -> Trained:
    """Train on a fixed pool of prompts for each seed, shuffled anew in every epoch.

    Parameters
    ----------
    pools : sequence of Prompts
        One for each seed, of equal shape.
    trained : {"block", "all"}
        Only ``V_31``, or all of ``V`` and ``W``. The training-data paper's theorem 3.1 fixes ``W``; trained too, it leaves
        steps of thought converging to ``(|W_24| / c) w``. Where ``W_24`` ends depends on the path, and Adam's is not that of
        gradient flow (`cotdepth.theory.population.free_attention_weight`).
    batch_size : int
        Must divide the number of prompts of a pool.
    epochs : int
        Passes through the pool.
    learning_rate : float
        Of Adam; its other settings are torch's.
    rngs : sequence of numpy.random.Generator
        One for each seed, for its shuffles: what a seed finds does not depend on the others.
    scale : float
        The constant ``c`` of the initialisation.
    precision : {"float32", "float64"}
        Of the training loop. What float32 loses is far below the jitter of Adam, of the size of the learning rate.
    progress : callable
        ``progress(epochs, name)`` wraps the iterable of epochs.

    Returns
    -------
    Trained
        In float64.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The training-data paper, section 5, has D = 10, 5000 prompts, batches of 1000, learning rate 1e-3 and 1000 epochs.
    """
    _check_pools(pools, rngs, count_argument("batch_size", batch_size))
    model, dtype = _model(trained, len(pools), pools[0].weights.shape[1], scale, precision)
    room = torch.empty(batch_size, model.inputs + model.dim, dtype=dtype)   # one for all seeds: it stays in cache
    batches = [_shuffled(_rows(model, pool, dtype), rng, room) for pool, rng in zip(pools, rngs)]
    steps = len(pools[0].weights) // batch_size
    return _train(model, batches, dtype, epochs=epochs, steps=steps, learning_rate=learning_rate, progress=progress)


def fit_adam_fresh(draw: Callable[[int, np.random.Generator], Prompts], dim: int, *, trained: str, batch_size: int, epochs: int,
                   steps: int, learning_rate: float, rngs: Sequence[np.random.Generator], scale: float = 1.0,
                   precision: str = "float32", progress: Callable = _silently) -> Trained:
    """Train on fresh prompts at every step: a pool without end.

    Parameters
    ----------
    draw : callable
        ``draw(n_prompts, rng)`` draws Prompts of D = `dim` features.
    dim : int
    epochs, steps : int
        Epochs to report on, of so many steps each.
    trained, batch_size, learning_rate, rngs, scale, precision, progress
        As in `fit_adam`, with the generators drawing the prompts.

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    batch_size, steps = count_argument("batch_size", batch_size), count_argument("steps", steps)
    model, dtype = _model(trained, len(rngs), count_argument("dim", dim), scale, precision)
    batches = [_fresh(lambda rng: _rows(model, draw(batch_size, rng), dtype), rng) for rng in rngs]
    return _train(model, batches, dtype, epochs=epochs, steps=steps, learning_rate=learning_rate, progress=progress)


def _train(model, batches: list[Iterator], dtype, *, epochs, steps, learning_rate, progress):
    """Adam on the model's parameters, with one endless iterator over batches for each seed."""
    if not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate = {learning_rate}: must be positive and finite")
    optimiser, regressions = torch.optim.Adam(model.parameters, lr=learning_rate), _Regressions(model, len(batches), dtype)
    losses = np.zeros((count_argument("epochs", epochs), len(batches)))
    for epoch in progress(range(epochs), "training"):
        for _ in range(steps):
            optimiser.zero_grad()
            losses[epoch] += regressions.backward(map(next, batches))   # one by one: a seed's batch stays in cache
            optimiser.step()
    return Trained(*model.blocks(), losses.T / steps)


def _rows(model, prompts, dtype):
    """What a prompt shows and its task, (n_prompts, inputs + D)."""
    return torch.tensor(np.concatenate([model.shown(prompts), prompts.weights], axis=1), dtype=dtype)


def _shuffled(rows, rng, room):
    """Batches of a pool; every batch overwrites the one before."""
    while True:
        for places in torch.from_numpy(rng.permutation(len(rows))).split(len(room)):
            yield torch.index_select(rows, 0, places, out=room)


def _fresh(draw, rng):
    while True:
        yield draw(rng)


def _model(trained, seeds, dim, scale, precision):
    if trained not in VARIANTS:
        raise ValueError(f"trained = {trained!r}: must be one of {', '.join(map(repr, VARIANTS))}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision = {precision!r}: must be one of {', '.join(map(repr, PRECISIONS))}")
    return VARIANTS[trained](seeds, dim, scale_argument(scale), PRECISIONS[precision]), PRECISIONS[precision]


def _check_pools(pools, rngs, batch_size):
    shapes = {pool.grams.shape for pool in pools}
    if len(shapes) != 1 or len(rngs) != len(pools):
        raise ValueError(f"pools have shapes {sorted(shapes)}, rngs {len(rngs)} streams: must be of one shape, a stream for each pool")
    ((n_prompts, *_),) = shapes
    if n_prompts % batch_size:
        raise ValueError(f"batch_size = {batch_size}: must divide the {n_prompts} prompts of a pool")
