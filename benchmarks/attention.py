"""Time fully trained attention, its training and its thought, side by side with the literal transformer on all tokens.

One thread, float32, D = 50, batches of 300. Before anything is printed, both ways must find the same in float64: losses and matrices
after a few steps of training, and estimates at every depth. The literal way builds the token matrix of every prompt and lets autograd
run; it multiplies matrices with vectors from the right, the faster way to write it. Last comes what the training of attention-phase at
paper scale takes at these speeds.
"""

import argparse
import statistics
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
import yaml
from tabulate import tabulate

from cotdepth.covariance import identity
from cotdepth.fit.full_attention import FullTraining
from cotdepth.full_evaluation import estimates_of
from cotdepth.models.full_attention import FullAttention, ShownPrompts
from cotdepth.models.literal_attention import literal_loss, literal_step
from cotdepth.prompts import draw_prompts
from cotdepth.written_prompts import write_prompts

DIM, BATCH_SIZE, LEARNING_RATE, L2 = 50, 300, 1e-3, 1e-3
TRAININGS = [("linear", 200, 100), ("linear", 400, 400), ("softmax", 200, 100), ("softmax", 1000, 1000)]
EVALUATION = {"n_prompts": 4096, "n_context": 400, "depth": 31}
TOGETHER = 256      # prompts that an evaluation has in memory at once
PAPER_LENGTHS = [10, 30, 100, 300, 1000]   # between them, softmax takes a time linear in the length
PAPER_POOL = 1000   # tasks
AGREEMENT = 1e-10   # relative to the largest entry
REPEATS = 5


def main():
    options = _options()
    torch.set_num_threads(1)
    trainings = [("linear", 40, 20), ("softmax", 40, 20)] if options.quick else TRAININGS
    evaluation = {"n_prompts": 64, "n_context": 20, "depth": 3} if options.quick else EVALUATION
    print(tabulate([compared_training(*each) for each in trainings], headers="keys", floatfmt=".3g"), "\n")
    print(tabulate([compared_evaluation(**evaluation)], headers="keys", floatfmt=".3g"), "\n")
    print(tabulate(paper_estimate(PAPER_LENGTHS[:1] if options.quick else PAPER_LENGTHS), headers="keys", floatfmt=".3g"))


def _options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small prompts and pools: does the script run?")
    return parser.parse_args()


# --- training -----------------------------------------------------------------------------------------------------


def compared_training(model, n_tasks, n_context) -> dict:
    """Milliseconds for a step of training, guesses drawn afresh, in either way."""
    difference = training_difference(model, write_prompts(identity(DIM), n_context, 20, rng=np.random.default_rng(1)))
    pool = write_prompts(identity(DIM), n_context, n_tasks, rng=np.random.default_rng(1))
    literal, fast = (make(model, pool, "float32") for make in (LiteralTraining, fast_training))
    milliseconds = side_by_side(partial(literal.run, 2), partial(fast.run, 20))
    return {"model": model, "tasks": n_tasks, "examples": n_context, **ratio("ms/step", milliseconds[0] / 2, milliseconds[1] / 20),
            "largest difference": difference}


def training_difference(model, pool, steps=5) -> float:
    """Largest relative difference of losses and matrices after some steps in float64."""
    literal, fast = (make(model, pool, "float64") for make in (LiteralTraining, fast_training))
    literal.run(steps)
    fast.run(steps)
    found, expected = fast.matrices(), {name: matrix.detach()[None] for name, matrix in literal.matrices.items()}
    return max(largest_difference(fast.losses, [literal.losses]), *(largest_difference(found[name], expected[name]) for name in expected))


def fast_training(model, pool, precision):
    prompts = pool.examples if model == "softmax" else pool.grams
    return FullTraining(prompts[None], pool.weights[None], model=model, parameterisation="merged", guess="fresh", batch_size=BATCH_SIZE,
                        l2=L2, learning_rate=LEARNING_RATE, rngs=[np.random.default_rng(2)], precision=precision)


class LiteralTraining:
    """The loop of a textbook, with the draws of `fast_training`."""

    def __init__(self, model, pool, precision):
        self.model, self.dtype, self.losses = model, getattr(torch, precision), []
        self.examples, self.weights = (torch.tensor(each).to(self.dtype) for each in (pool.examples, pool.weights))
        start, _, self.rng = np.random.default_rng(2).spawn(3)
        self.matrices = {name: torch.tensor(0.01 * start.standard_normal((2 * DIM + 2,) * 2)).to(self.dtype).requires_grad_()
                         for name in "VW"}
        self.optimiser = torch.optim.Adam(self.matrices.values(), lr=LEARNING_RATE)

    def run(self, steps):
        for _ in range(steps):
            batch = self.rng.integers(len(self.weights), size=BATCH_SIZE)
            guesses = torch.tensor(self.rng.standard_normal((BATCH_SIZE, DIM))).to(self.dtype)
            self.optimiser.zero_grad()
            loss = literal_loss(self.matrices, self.examples[batch], guesses, self.weights[batch], model=self.model, l2=L2)
            loss.backward()
            self.losses.append(loss.item() - L2 * sum((matrix**2).sum().item() for matrix in self.matrices.values()))
            self.optimiser.step()


# --- evaluation ---------------------------------------------------------------------------------------------------


def compared_evaluation(n_prompts, n_context, depth) -> dict:
    """Seconds to draw linear attention's test prompts and think about them, the examples alone visible, in either way.

    The literal way in float32, its Gram matrices and estimates in float64.
    """
    difference = thought_difference(n_context, depth)
    literal, fast = side_by_side(partial(literal_evaluation, n_prompts, n_context, depth),
                                 partial(fast_evaluation, n_prompts, n_context, depth), repeats=1)
    return {"prompts": n_prompts, "examples": n_context, "depth": depth, **ratio("s", literal / 1e3, fast / 1e3),
            "largest difference": difference}


def thought_difference(n_context, depth) -> float:
    """Largest relative difference of estimates of the same prompts in float64."""
    prompts = write_prompts(identity(DIM), n_context, 20, rng=np.random.default_rng(3))
    guesses, matrices = torch.tensor(np.random.default_rng(4).standard_normal((20, DIM))), some_matrices(torch.float64)
    found = estimates_of(data_only(matrices), ShownPrompts(torch.tensor(prompts.grams), n_context), guesses, depth)
    return largest_difference(found, torch.stack(literal_thought(matrices, torch.tensor(prompts.examples), guesses, depth)))


def literal_evaluation(n_prompts, n_context, depth):
    rng, matrices = np.random.default_rng(5), some_matrices(torch.float32)
    for _ in range(0, n_prompts, TOGETHER):
        prompts = write_prompts(identity(DIM), n_context, min(TOGETHER, n_prompts), rng=rng)
        guesses = torch.tensor(rng.standard_normal(prompts.weights.shape)).float()
        literal_thought(matrices, torch.tensor(prompts.examples).float(), guesses, depth)


def fast_evaluation(n_prompts, n_context, depth):
    rng, layer = np.random.default_rng(5), data_only(some_matrices(torch.float64))
    for _ in range(0, n_prompts, TOGETHER):
        prompts = draw_prompts(identity(DIM), n_context, min(TOGETHER, n_prompts), rng=rng)
        guesses = torch.tensor(rng.standard_normal(prompts.weights.shape))
        estimates_of(layer, ShownPrompts(torch.from_numpy(prompts.grams), n_context), guesses, depth)


def literal_thought(matrices, examples, guesses, depth):
    estimates = [guesses]
    for _ in range(depth):
        estimates.append(literal_step(matrices, examples, estimates, model="linear", mask="data_only", marker="every"))
    return estimates


def data_only(matrices):
    return FullAttention(**matrices, model="linear", mask="data_only", marker="every")


def some_matrices(dtype):
    """A gradient step of length 1/2, and noise in all entries: a rollout that stays of order 1."""
    noise = np.random.default_rng(7).standard_normal((2, 2 * DIM + 2, 2 * DIM + 2)) * 1e-3
    noise[0, DIM + 1 : -1, :DIM] -= 0.5 * np.eye(DIM)
    noise[1, : DIM, DIM + 1 : -1] += np.eye(DIM)
    noise[1, DIM, -1] -= 1
    return dict(zip("VW", torch.tensor(noise).to(dtype)))


# --- paper scale --------------------------------------------------------------------------------------------------


def paper_estimate(lengths) -> list[dict]:
    """Core hours of the training alone of attention-phase at paper scale, at the speeds measured now."""
    block = experiment("config.yaml") | experiment("workflow/scales/paper.yaml")
    return [estimated_grid(block | grid, lengths) for grid in block["grids"]]


def estimated_grid(grid, lengths):
    lengths = lengths[-1:] if grid["model"] == "linear" else lengths
    milliseconds = [fast_step(grid["model"], length) for length in lengths]
    trained = len(grid["guess"]) * len(grid["n_tasks"]) * grid["seeds"]
    each = np.interp(grid["n_context"], lengths, milliseconds)
    return {"at paper scale": grid["model"], "layers": trained * len(each), "steps": grid["steps"], "ms/step, least": each.min(),
            "most": each.max(), "core hours of training": trained * grid["steps"] * each.sum() / 3.6e6}


def fast_step(model, n_context) -> float:
    training = fast_training(model, write_prompts(identity(DIM), n_context, PAPER_POOL, rng=np.random.default_rng(1)), "float32")
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        training.run(20)
        times.append(1e3 * (time.perf_counter() - start) / 20)
    return statistics.median(times[1:])


def experiment(name) -> dict:
    return yaml.safe_load((Path(__file__).parents[1] / name).read_text(encoding="utf-8"))["experiments"]["attention-phase"]


# --- both ---------------------------------------------------------------------------------------------------------


def side_by_side(literal, fast, repeats=REPEATS) -> list[float]:
    """Median milliseconds of either, called in turns after a call of each that warms up (none for a single repeat)."""
    times = [[], []]
    for repeat in range(repeats + (repeats > 1)):
        for each, call in zip(times, (literal, fast)):
            start = time.perf_counter()
            call()
            each.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(each[repeats > 1 :]) for each in times]


def ratio(unit, literal, fast) -> dict:
    return {f"literal [{unit}]": literal, f"fast [{unit}]": fast, "ratio": literal / fast}


def largest_difference(found, expected) -> float:
    """Relative to the largest entry; an ArithmeticError if it is more than rounding."""
    found, expected = np.asarray(found), np.asarray(expected)
    difference = float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))
    if not difference <= AGREEMENT:
        raise ArithmeticError(f"the fast and the literal way differ by a relative {difference:.2g}")
    return difference


if __name__ == "__main__":
    main()
