"""The deterministic equivalent at isotropic covariances, in the limit of large dimension: ridge, test noise, training tasks.

One eigenvalue that occurs so often that corrections of order 1/D are rounding. Arguments as in `cotdepth.theory.asymptotic`, in the
relative scaling; scalars only.
"""

import numpy as np

from cotdepth.theory import equivalent_contour as contour
from cotdepth.theory.equivalent_algebra import Spectra
from cotdepth.theory.equivalent_problem import Problem, assembled
from cotdepth.theory.equivalent_two_point import error_source, label_noise_source, training_task_source

DIM = 1e13
LARGEST_DEPTH = contour.LARGEST_DEPTH


def limit(alpha, tau, sigma, ridge=0.0, step_size=1.0) -> Problem:
    """The problem of a point of the asymptotic theory."""
    contexts = {"contexts": [alpha * DIM], "test_context": alpha * DIM}
    tasks = {"noises": [sigma * np.sqrt(DIM)], "shares": [1.0], "n_tasks": tau * DIM}
    one = np.ones(1)
    return assembled(Spectra(np.array([DIM])), [one], one, **contexts, **tasks, ridge=ridge, step_size=step_size)


def errors(problem: Problem, test_noise, depth: int, radius: float | None = None) -> np.ndarray:
    """Error per dimension and the estimate of its numerical error, (2, depth + 1); `radius` as in `contour.coefficients`."""
    error, noise = contour.coefficients(problem, [error_source, label_noise_source], depth, radius)
    return np.array(contour.diagonal(error)) + test_noise**2 * DIM * np.array(contour.summed_diagonal(noise))


def training_task_errors(problem: Problem, depth: int, radius: float | None = None) -> np.ndarray:
    """Likewise of a training task, without test noise."""
    [error] = contour.coefficients(problem, [training_task_source(0)], depth, radius)
    return np.array(contour.diagonal(error))
