"""The problems of gradient flow as a configuration defines them, and their starts: the same in theory and experiment."""

import numpy as np

from cotdepth.definitions import defined_spectrum
from cotdepth.random_covariances import defined_laws
from cotdepth.streams import stream
from cotdepth.theory.flow_summary import Problem, fixed_problem, random_problem


def defined_problem(spec: dict) -> Problem:
    """The problem of a cell: `spec` has its ``dim``, its ``n_context`` and, with its definition, its ``covariance``."""
    if "law" in spec["covariances"][spec["covariance"]]:
        return random_problem(defined_laws(spec["covariance"], spec["covariances"], dim=spec["dim"]), spec["n_context"])
    return fixed_problem(defined_spectrum(spec["covariances"][spec["covariance"]], spec["dim"]), spec["n_context"])


def starting_directions(seeds: int, dim: int, *, experiment_seed: int) -> np.ndarray:
    """``Theta`` of each start, with standard normal entries, (seeds, D, D)."""
    draws = [stream(experiment_seed, "starting direction", cell="", seed=seed).standard_normal((dim, dim)) for seed in range(seeds)]
    return np.array(draws)
