"""Training of linear self-attention by Adam on its first step of thought (training-data paper, eq. 3.3 and section 5).

From the estimate 0 the layer predicts ``V_b G s``, with ``V_b`` its value block and ``s`` its scores of the marker. No other
entry of ``V`` and ``W`` gets a gradient from the paper's initialisation, ``V = 0``, ``W_13 = c I``, ``W_24 = -c``: trained or
not, they stay as they are. Gradients are written out; the seeds of a cell train side by side, each on its own prompts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cotdepth.checks import count_argument, scale_argument
from cotdepth.prompts import Prompts

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


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


class _Block:
    """Only ``V_31`` is free: a prompt is its statistic, and the prediction is linear in the block."""

    def __init__(self, seeds, dim, scale, dtype):
        self.scale, self.dtype = scale, dtype
        self.parameters = (torch.zeros(seeds, dim, dim, dtype=dtype),)
        self._blocks, (self._gradients,) = self.parameters[0].unbind(), _gradients(self.parameters)

    def inputs(self, prompts):
        """What multiplies the block, ``-c X y / n_context``, (n_prompts, D)."""
        return torch.tensor(-self.scale * prompts.statistics, dtype=self.dtype)

    def backward(self, seed, inputs, weights):
        """Loss of a batch for one seed; leaves the gradient with the parameter."""
        loss, _ = _regression(self._blocks[seed], self._gradients[seed], inputs.T, weights.T)
        return loss

    def blocks(self):
        """Value blocks and marker scores of every seed."""
        block = self.parameters[0].double().numpy()
        return np.pad(block, [(0, 0), (0, 0), (0, 1)]), np.tile(_initial_scores(block.shape[1], self.scale), (len(block), 1))


class _All:
    """All of ``V`` and ``W`` is free: the value block and the scores of the marker move."""

    def __init__(self, seeds, dim, scale, dtype):
        self.rows, self.dtype = dim + 1, dtype
        scores = torch.tensor(_initial_scores(dim, scale), dtype=dtype).repeat(seeds, 1)
        self.parameters = (torch.zeros(seeds, dim, dim + 1, dtype=dtype), scores)
        self._blocks, self._scores = (parameter.unbind() for parameter in self.parameters)
        self._block_gradients, self._score_gradients = _gradients(self.parameters)

    def inputs(self, prompts):
        """Gram matrices, flat: (n_prompts, (D + 1)^2)."""
        return torch.tensor(prompts.grams, dtype=self.dtype).flatten(1)

    def backward(self, seed, inputs, weights):
        """Loss of a batch for one seed; leaves the gradients with the parameters."""
        rows, block = inputs.view(-1, self.rows), self._blocks[seed]                   # all rows of all Gram matrices
        features = (rows @ self._scores[seed]).view(-1, self.rows)                     # (batch, D + 1), G s
        loss, residuals = _regression(block, self._block_gradients[seed], features.T, weights.T)
        pulled = (block.T @ residuals).T.reshape(-1)                                   # (batch (D + 1),)
        torch.mv(rows.T, pulled, out=self._score_gradients[seed]).div_(len(weights))   # Gram matrices are symmetric
        return loss

    def blocks(self):
        """Value blocks and marker scores of every seed."""
        return tuple(parameter.double().numpy() for parameter in self.parameters)


VARIANTS = {"block": _Block, "all": _All}


def _regression(block, gradient, features, weights):
    """Loss ``mean |V g - w|^2 / 2`` and residuals (D, batch) for features (columns, batch); writes the gradient of ``V``.

    Prompts run along the last axis: products of such thin matrices are faster that way round.
    """
    residuals, batch = torch.addmm(weights, block, features, beta=-1), features.shape[1]
    torch.mm(residuals, features.T, out=gradient).div_(batch)
    return torch.dot(residuals.view(-1), residuals.view(-1)).item() / (2 * batch), residuals


def _gradients(parameters):
    """Room for the gradient of each parameter, as one view for each seed."""
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    return [parameter.grad.unbind() for parameter in parameters]


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
        Of the training loop. What float32 loses is far below the jitter of Adam, of the size of the learning rate; it
        saves a third of the time of "all", which is bound by memory traffic.
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
    model = _model(trained, len(pools), pools[0].weights.shape[1], scale, precision)
    inputs = [model.inputs(pool) for pool in pools]
    room = torch.empty(batch_size, *inputs[0].shape[1:], dtype=model.dtype)   # one for all seeds: it stays in cache
    batches = [
        _shuffled(data, torch.tensor(pool.weights, dtype=model.dtype), rng, room) for data, pool, rng in zip(inputs, pools, rngs)
    ]
    steps = len(inputs[0]) // batch_size
    return _train(model, batches, epochs=epochs, steps=steps, learning_rate=learning_rate, progress=progress)


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
    model = _model(trained, len(rngs), count_argument("dim", dim), scale, precision)
    batches = [_fresh(draw, batch_size, rng, model) for rng in rngs]
    return _train(model, batches, epochs=epochs, steps=steps, learning_rate=learning_rate, progress=progress)


def _train(model, batches: list[Iterator], *, epochs, steps, learning_rate, progress):
    """Adam on the model's parameters, with one endless iterator over batches for each seed."""
    if not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate = {learning_rate}: must be positive and finite")
    optimiser = torch.optim.Adam(model.parameters, lr=learning_rate)
    losses = np.zeros((len(batches), count_argument("epochs", epochs)))
    for epoch in progress(range(epochs), "training"):
        for _ in range(steps):
            for seed, batch in enumerate(batches):   # a seed's batch stays in cache; all seeds in one product would not
                losses[seed, epoch] += model.backward(seed, *next(batch)) / steps
            optimiser.step()
    return Trained(*model.blocks(), losses)


def _shuffled(inputs, weights, rng, room):
    """Batches of a pool; every batch overwrites the one before."""
    while True:
        for rows in torch.from_numpy(rng.permutation(len(inputs))).split(len(room)):
            yield torch.index_select(inputs, 0, rows, out=room), weights.index_select(0, rows)


def _fresh(draw, batch_size, rng, model):
    while True:
        prompts = draw(batch_size, rng)
        yield model.inputs(prompts), torch.tensor(prompts.weights, dtype=model.dtype)


def _model(trained, seeds, dim, scale, precision):
    if trained not in VARIANTS:
        raise ValueError(f"trained = {trained!r}: must be one of {', '.join(map(repr, VARIANTS))}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision = {precision!r}: must be one of {', '.join(map(repr, PRECISIONS))}")
    return VARIANTS[trained](seeds, dim, scale_argument(scale), PRECISIONS[precision])


def _check_pools(pools, rngs, batch_size):
    shapes = {pool.grams.shape for pool in pools}
    if len(shapes) != 1 or len(rngs) != len(pools):
        raise ValueError(f"pools have shapes {sorted(shapes)}, rngs {len(rngs)} streams: must be of one shape, a stream for each pool")
    ((n_prompts, *_),) = shapes
    if n_prompts % batch_size:
        raise ValueError(f"batch_size = {batch_size}: must divide the {n_prompts} prompts of a pool")
