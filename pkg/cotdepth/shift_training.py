"""Layers trained by gradient descent on a sample of prompts, from the gradient-flow paper's start."""

import numpy as np
import xarray as xr

from cotdepth.fit.flow import descend, embedded
from cotdepth.fit.flow_losses import SampleLoss, draw_prompts, sample_curvature
from cotdepth.streams import stream
from cotdepth.theory.flow_dynamics import descent_limit
from cotdepth.theory.flow_landscape import best_product
from cotdepth.theory.flow_model import relevant_entries
from cotdepth.theory.flow_summary import Problem


def layers_from_samples(problem: Problem, covariance, directions, *, n_context: int, n_tasks: int, start_scale: float, descent_step: float,
                        steps: int, experiment_seed: int, cell: str, progress=iter) -> xr.Dataset:
    """The layer at the flow's limit, and one trained on a sample for each seed.

    Parameters
    ----------
    problem, directions, start_scale
        As in `cotdepth.theory.flow_summary.summarise_flow`.
    covariance, n_context
        Of training prompts.
    n_tasks : int
        Prompts in a sample, each with its own task.
    descent_step : float
        Step size over the largest that settles at the flow's limit, on the sample. On the way there curvature can be larger: with one
        or three examples in a prompt descent may then be chaotic, so that rounding decides where it ends, or diverge.
    steps : int
        Steps of gradient descent.
    experiment_seed, cell
        Name the random streams.
    progress : callable
        Around the seeds.

    Returns
    -------
    xarray.Dataset
        `entries` that predictions depend on (model, seed, row, col) with `model` "flow limit" and "trained on samples";
        `product_distance` (seed), that of the product ``u U_11`` from the flow's, relative; `outside` (seed); `step_taken` (seed),
        the step size over the largest that settles on the population loss.

    Raises
    ------
    FloatingPointError
        If descent diverges: give a smaller `descent_step`.
    """
    steps_taken, ends = [], []
    for seed in progress(range(len(directions))):
        sample = draw_prompts(covariance, n_context, n_tasks, stream(experiment_seed, "training prompts", cell=cell, seed=seed))
        steps_taken.append(descent_step * 2 / sample_curvature(sample, embedded(problem.end)))
        start = embedded(problem.start(directions[seed], start_scale))
        ends.append(_trained(sample, start, descent_step, steps_taken[-1], steps))
    trained, best = np.array([end.entries.values for end in ends]), best_product(problem.landscape)
    limits = np.broadcast_to(relevant_entries(*embedded(problem.end)), trained.shape)
    products = trained[:, -1, -1, None, None] * trained[:, :-1, :-1]
    found = {
        "entries": (("model", "seed", "row", "col"), np.stack([limits, trained]), "entries that predictions depend on"),
        "product_distance": ("seed", np.linalg.norm(products - best, axis=(1, 2)) / np.linalg.norm(best),
                             "distance of the product u U_11 from the flow's limit, over its norm"),
        "step_taken": ("seed", np.array(steps_taken) / descent_limit(problem.landscape, problem.end),
                       "step size taken, over the largest that settles on the population loss"),
        "outside": ("seed", [float(end.outside) for end in ends], "norm of the blocks u_12 and u_21"),
    }  # fmt: skip
    axes = {"model": ["flow limit", "trained on samples"], "seed": np.arange(len(directions)),
            "row": np.arange(len(best) + 1), "col": np.arange(len(best) + 1)}  # fmt: skip
    return xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()},
        coords={name: (name, values, {"long_name": name, "units": "1"}) for name, values in axes.items()},
        attrs={"title": "Layers that answer queries", "source": "gradient-flow paper, eqs. (3.7) and (4.1)"},
    )


def _trained(sample, start, descent_step, step_size, steps):
    """The end of descent; an error that names what to change."""
    try:
        return descend(SampleLoss(sample), start, step_size=step_size, steps=steps, every=steps).isel(time=-1)
    except FloatingPointError as error:
        raise FloatingPointError(f"descent_step = {descent_step:g}: too large for this sample of prompts ({error})") from None
