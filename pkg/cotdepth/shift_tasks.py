"""The tasks of an experiment on distribution shifts: the same in theory and simulation."""

import numpy as np

from cotdepth.streams import stream


def shift_tasks(seeds: int, *, dim: int, experiment_seed: int) -> np.ndarray:
    """Weights ``w ~ N(0, I)`` for each seed, (seeds, D)."""
    return np.array([stream(experiment_seed, "shifted task", cell="", seed=seed).standard_normal(dim) for seed in range(seeds)])
