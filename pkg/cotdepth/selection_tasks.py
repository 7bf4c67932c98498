"""Tasks to select from: several types, many tasks of each, in one of three readings of how they relate to the target.

The training-data paper draws them "by randomizing the eigenbases and the support of eigenvalues" (section 5.1), which can
mean three things, and what is selected depends on which.
"""

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance, aligned, haar, shuffled
from cotdepth.recipes import check_drawn, digest
from cotdepth.streams import stream

READINGS = {
    "independent": "each task has its own eigenbasis, uniform over all",
    "shuffled": "all share the target's eigenvectors, with eigenvalues in random places",
    "aligned": "all share the target's eigenvectors, random ones, with eigenvalues in the target's order",
}


def draw_tasks(types: dict[str, Covariance], target: Covariance, *, per_type: int, reading: str, rng_of) -> list[Covariance]:
    """So many tasks of each type, type after type; more of them, and other types, leave each task as it was.

    Parameters
    ----------
    types : dict of str to Covariance
        The spectra, by type; their bases do not matter.
    target : Covariance
        The target task.
    per_type : int
        Tasks of each type.
    reading : str
        One of `READINGS`.
    rng_of : callable
        ``rng_of(name, index)`` is the random stream of one task of a type.
    """
    if reading not in READINGS:
        raise ValueError(f"reading = {reading!r}: must be one of {', '.join(map(repr, READINGS))}")
    draw = {
        "independent": haar,
        "shuffled": shuffled,
        "aligned": lambda task, rng: aligned(task, target, rng=rng),
    }[reading]
    spectra = {name: Covariance(task.spectrum, target.basis) for name, task in types.items()}
    return [draw(task, rng=rng_of(name, index)) for name, task in spectra.items() for index in range(per_type)]


def task_recipe(types: dict, target: Covariance, *, experiment_seed: int, cell: str, seeds: int, per_type: int, reading: str) -> xr.Dataset:
    """The tasks of one cell, one set for each seed, on the eigenvectors of the target.

    Parameters
    ----------
    types, target, per_type, reading
        As in `draw_tasks`.
    experiment_seed, cell, seeds
        Name the streams (`cotdepth.streams.stream`), one for each set.

    Returns
    -------
    xarray.Dataset
        The spectra of types (type, feature) and target (feature), the type of each task as the coordinate ``task_type``, a
        ``digest`` (seed) of each set and, unless every task has a basis of its own, ``spectrum`` (seed, task, feature).
    """
    found = {
        "type_spectrum": (("type", "feature"), [task.spectrum for task in types.values()], "eigenvalues of a type"),
        "target_spectrum": ("feature", target.spectrum, "eigenvalues of the target"),
    }
    names = np.repeat(list(types), per_type)
    recipe = xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()},
        coords={
            "seed": ("seed", np.arange(seeds), {"long_name": "set of tasks", "units": "1"}),
            "task": ("task", np.arange(len(names)), {"long_name": "task", "units": "1"}),
            "task_type": ("task", names, {"long_name": "type of the task", "units": "1"}),
            "type": ("type", list(types), {"long_name": "type", "units": "1"}),
        },
        attrs={
            "title": "Tasks to select from", "source": "training-data paper, section 5.1", "reading": reading,
            "experiment_seed": experiment_seed, "stream": cell, "per_type": per_type,
        },
    )  # fmt: skip
    return _with_sets(recipe, (_draw(recipe, seed) for seed in range(seeds)))


def read_tasks(recipe: xr.Dataset, seed: int) -> list[Covariance]:
    """One set of tasks, on the eigenvectors of the target.

    Raises
    ------
    ArtifactError
        If it was drawn again and is not the set that was (another machine or library version may round otherwise).
    """
    if "spectrum" in recipe:
        return [Covariance(spectrum) for spectrum in recipe.spectrum.sel(seed=seed).values]
    tasks = _draw(recipe, seed)
    check_drawn(f"set of tasks, seed {seed}", _digest(tasks), recipe.digest.item(seed))
    return tasks


def read_target(recipe: xr.Dataset) -> Covariance:
    """The target task, on its eigenvectors."""
    return Covariance(recipe.target_spectrum.values)


def _draw(recipe, seed):
    def rng_of(name, index):
        return stream(recipe.attrs["experiment_seed"], f"task of {name}", cell=recipe.attrs["stream"], seed=seed, prompt=index)

    types = {str(name): Covariance(recipe.type_spectrum.sel(type=name).values) for name in recipe.type.values}
    return draw_tasks(types, read_target(recipe), per_type=recipe.attrs["per_type"], reading=recipe.attrs["reading"], rng_of=rng_of)


def _with_sets(recipe, sets):
    """The recipe with digests of the sets and, where the tasks share a basis, their spectra."""
    common, digests, spectra = recipe.attrs["reading"] != "independent", [], []
    for tasks in sets:
        digests.append(_digest(tasks))
        spectra.append([task.spectrum for task in tasks] if common else None)
    recipe = recipe.assign(digest=("seed", digests, {"long_name": "digest of the tasks' eigenvalues and eigenvectors", "units": "1"}))
    if not common:
        return recipe
    about = {"long_name": "eigenvalues of a task on the eigenvectors of the target", "units": "1"}
    return recipe.assign(spectrum=(("seed", "task", "feature"), np.array(spectra), about))


def _digest(tasks):
    return digest(*(array for task in tasks for array in (task.spectrum, task.basis)))
