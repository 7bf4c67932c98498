"""Selected training probabilities as artifacts."""

from itertools import product

import numpy as np
import xarray as xr
from scipy import stats

from cotdepth import selection
from cotdepth.covariance import Covariance
from cotdepth.theory.population import hardness

CONFIDENCE = 0.95


def select(tasks: list[Covariance], target: Covariance, objective: str, *, rng: np.random.Generator) -> xr.Dataset:
    """`cotdepth.selection.solve` for an objective by its name in a configuration.

    ``surrogate``, or ``exact-K-MIXTURE`` for the depth K and the mixture "prompt" or "example": the exact objective in
    infinitely long training prompts, from the uniform point, the surrogate's solution and two random points.
    """
    if objective == "surrogate":
        return selection.solve(tasks, target)
    _, depth, mixture = objective.split("-")
    return selection.solve(tasks, target, objective="exact", depth=int(depth), mixture=mixture, starts=2, rng=rng)


def label_selections(solved: list[xr.Dataset], recipe: xr.Dataset) -> xr.Dataset:
    """The selections for all sets of tasks of a cell.

    Parameters
    ----------
    solved : list of xarray.Dataset
        By `select`, for each seed.
    recipe : xarray.Dataset
        By `cotdepth.selection_tasks.task_recipe`.

    Returns
    -------
    xarray.Dataset
        ``probability`` (seed, task), ``objective`` and ``kkt_residual`` (seed), ``hardness`` (task); ``type_probability`` (seed,
        type), the mean over a type's tasks; and over seeds ``type_difference`` (type, other_type) with the half width
        ``type_difference_interval`` of its 95% interval (Student, paired by seed; NaN for one seed). Of an exact objective also
        ``start_objective`` and ``start_kkt_residual`` (seed, start), where descent from each start ended.
    """
    types = recipe.type.values
    probability = np.stack([found.probability.values for found in solved])                        # (seed, task)
    of_type = np.stack([probability[:, recipe.task_type.values == name].mean(1) for name in types], axis=1)
    difference, interval = _differences(of_type)
    of_one = {name: hardness(recipe.type_spectrum.sel(type=name).values) for name in types}
    found = {
        "probability": (("seed", "task"), probability, "probability of training on the task"),
        "objective": ("seed", [float(one.objective) for one in solved], "objective, a total over coordinates"),
        "kkt_residual": ("seed", [float(one.kkt_residual) for one in solved], "relative residual of the optimality conditions"),
        "hardness": ("task", [of_one[name] for name in recipe.task_type.values], "hardness of the task"),
        "type_probability": (("seed", "type"), of_type, "mean probability of a task of the type"),
        "type_difference": (("type", "other_type"), difference, "mean over seeds of the difference of two types' probabilities"),
        "type_difference_interval": (("type", "other_type"), interval, "half width of the 95% interval of the difference"),
    }
    coords = {name: recipe.coords[name] for name in ("seed", "task", "task_type", "type")}
    coords["other_type"] = ("other_type", types, {"long_name": "the type subtracted", "units": "1"})
    if "start" in solved[0].dims:
        coords["start"] = ("start", solved[0].start.values, {"long_name": "where descent starts", "units": "1"})
        found |= {name: (("seed", "start"), np.stack([one[name] for one in solved]), solved[0][name].attrs["long_name"])
                  for name in ("start_objective", "start_kkt_residual")}  # fmt: skip
    return xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()}, coords=coords,
        attrs={"title": "Selected training probabilities", "source": "training-data paper, eqs. (4.4) and (4.5), figure 3"},
    )  # fmt: skip


def _differences(of_type):
    """Mean over seeds of paired differences, (type, type), and the half width of its interval."""
    seeds, count = of_type.shape
    pairs = np.array([of_type[:, i] - of_type[:, j] for i, j in product(range(count), repeat=2)]).reshape(count, count, seeds)
    width = np.full((count, count), np.nan)
    if seeds > 1:
        width = stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * pairs.std(-1, ddof=1) / np.sqrt(seeds)
    return pairs.mean(-1), width
