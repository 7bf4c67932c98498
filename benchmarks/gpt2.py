"""Time the training of GPT-2 at the papers' size, and estimate what the experiments with it take at paper scale.

One thread of a CPU, or a GPU, in float32. Before anything is printed, thought with a cache of keys and values must find the same as
thought that reads all tokens anew, in float64.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from tabulate import tabulate

from cotdepth.covariance import identity
from cotdepth.fit.gpt2 import LabelTraining, ThoughtTraining
from cotdepth.gpt2_evaluation import estimates_of
from cotdepth.gpt2_training import model_sizes
from cotdepth.label_prompts import draw_labelled
from cotdepth.models.gpt2 import Thinker, think
from cotdepth.written_prompts import write_prompts

SMALL = {"layers": 1, "heads": 2, "width": 16}
PROJECT = Path(__file__).parents[1]
AGREEMENT = 1e-10   # relative to the largest entry


def main():
    options = _options()
    torch.set_num_threads(1)
    changed = SMALL if options.quick else {}
    print(f"cached and uncached thought differ by {thought_difference(SMALL):.1g}\n")
    rows = [row for name in ("gpt2-depth", "gpt2-covariate-shift", "gpt2-prompt-shift")
            for row in timed_experiment(name, changed, options.device, options.repeats)]
    print(tabulate(rows, headers="keys", floatfmt=".3g"))


def _options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small model: does the script run?")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3, metavar="STEPS", help="steps timed, after one that warms up")
    return parser.parse_args()


def timed_experiment(name, changed, device, repeats) -> list[dict]:
    """A row for each length of training prompts: seconds for a step, steps, models and hours of an experiment at paper scale."""
    block = at_paper_scale(name)
    rows = []
    for grid in block.pop("grids", [{}]):
        each = block | grid | changed
        lengths = each["n_context"] if isinstance(each["n_context"], list) else [each["n_context"]]
        models = each["seeds"] * np.prod([len(each[axis]) for axis in ("train_covariance", "train_law", "positions")
                                          if isinstance(each.get(axis), list)], dtype=int)  # fmt: skip
        rows += [estimated(name, each | {"n_context": length}, int(models), device, repeats) for length in lengths]
    return rows


def estimated(name, block, models, device, repeats) -> dict:
    seconds = seconds_per_step(training_of(block, device), repeats, device)
    return {"at paper scale": name, "n": block["n_context"], "s/step": seconds, "steps": block["steps"], "models": models,
            "hours": seconds * block["steps"] * models / 3600}


def training_of(block, device):
    """A training of an experiment, its positions learned."""
    dim, length = block["dim"], block["n_context"]
    shared = {"batch_size": block["batch_size"], "learning_rate": block["learning_rate"], "rng": np.random.default_rng(1), "device": device}
    sizes = model_sizes(block | {"positions": "learned"})
    if "train_depth" not in block:
        return LabelTraining(lambda count, rng: draw_labelled("random", dim, length, count, rng=rng), dim, sizes, **shared)
    return ThoughtTraining(lambda count, rng: write_prompts(identity(dim), length, count, rng=rng), dim, sizes, tokens=block["tokens"],
                           supervision=block["supervision"], depth=block["train_depth"], **shared)


def seconds_per_step(training, repeats, device) -> float:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        training.run(1)   # reads the loss, and so waits for a GPU
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def thought_difference(changed) -> float:
    """Largest difference, relative to the largest entry; an ArithmeticError if it is more than rounding."""
    sizes = model_sizes(at_paper_scale("gpt2-depth") | changed | {"positions": "learned"})
    model = Thinker(10, sizes, tokens="joint", rng=np.random.default_rng(2)).double()
    prompts = write_prompts(identity(10), 20, 5, rng=np.random.default_rng(3))
    found = estimates_of(model, prompts.examples, 6)
    with torch.no_grad():
        expected = think(model, torch.as_tensor(prompts.examples), torch.as_tensor(found[:-1])).numpy()
    return largest_difference(found[1:], expected)


def largest_difference(found, expected) -> float:
    difference = float(np.max(np.abs(np.asarray(found) - np.asarray(expected))) / np.max(np.abs(expected)))
    if not difference <= AGREEMENT:
        raise ArithmeticError(f"thought with and without a cache differ by a relative {difference:.2g}")
    return difference


def at_paper_scale(name) -> dict:
    blocks = [yaml.safe_load((PROJECT / path).read_text(encoding="utf-8"))["experiments"][name]
              for path in ("config.yaml", "workflow/scales/paper.yaml")]
    return blocks[0] | blocks[1]


if __name__ == "__main__":
    main()
