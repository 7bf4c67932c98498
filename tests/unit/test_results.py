"""Reading results: the cells of a stage as one dataset on labelled axes."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import cotdepth
from cotdepth import spec, stamps, store
from cotdepth.combine import combine
from cotdepth.stamps import ArtifactError

TAU = {"long_name": "task ratio, M/D", "units": "1"}
DIM = {"long_name": "feature dimension, D", "units": "features"}


def error(axes, k):
    """A value that tells its place."""
    return float(spec.identity(axes).translate({ord(letter): "7" for letter in "abcdef"})) + k


def part(axes, depth=3, seeds=2):
    """A cell of an experiment as a script would make it: alpha is in its attributes only, tau and dim are coordinates."""
    k = np.arange(depth + 1)
    coordinates = {"tau": ((), axes.get("tau"), TAU), "dim": ((), axes.get("dim"), DIM)}
    return xr.Dataset(
        {
            "error": (("seed", "k"), np.broadcast_to(error(axes, k), (seeds, depth + 1)), {"long_name": "error", "units": "1"}),
            "n_tasks": ((), 7, {"long_name": "tasks", "units": "tasks"}),
            "phase": ((), f"phase {depth}", {"long_name": "phase", "units": "1"}),
        },
        coords={
            "k": ("k", k, {"long_name": "depth", "units": "steps"}),
            **{axis: entry for axis, entry in coordinates.items() if axis in axes},
        },
        attrs={"title": "A cell", "source": "nowhere"},
    )


@pytest.fixture
def results(tmp_path):
    """A results folder with one stage, from the values of its cells and their depths."""

    def make(cells, depths=None):
        names = []
        for axes, depth in zip(cells, depths or [3] * len(cells)):
            stamp = stamps.stamp_text(
                experiment="e", stage="evaluate", axes=axes, script=Path("s.py"), code={}, consumed={"depth": depth}
            )
            names.append(spec.cell_name(axes))
            path = tmp_path / "e" / "evaluate" / f"{names[-1]}.nc"
            store.write_artifact(part(axes, depth), path, stamp_text=stamp, check=lambda: None, inputs={})
        with open(tmp_path / "e" / "cells.csv", "w", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerows([["stage", "cell"], *(["evaluate", name] for name in names), ["theory", "never-made"]])
        return lambda stage="evaluate", experiment="e": cotdepth.open_results(experiment, stage, root=str(tmp_path))

    return make


PRODUCT = [{"alpha": alpha, "tau": tau} for alpha in (2, 0.5) for tau in (4, math.inf, 1.5)]
SCATTERED = [{"alpha": 0.5, "tau": 4, "dim": 16}, {"alpha": 3, "tau": 1.5, "dim": 16}, {"alpha": 3, "tau": 4, "dim": 16}]


def test_a_full_product_of_cells_becomes_dimensions(results):
    found = results(PRODUCT)()
    assert dict(found.error.sizes) == {"alpha": 2, "tau": 3, "seed": 2, "k": 4}
    assert set(found.alpha.values) == {0.5, 2} and set(found.tau.values) == {1.5, 4, math.inf}


@pytest.mark.parametrize("order", [list(range(6)), [5, 0, 3, 1, 4, 2]], ids=["sorted", "shuffled"])
def test_values_land_on_their_axes(results, order):
    found = results([PRODUCT[index] for index in order])()
    for axes in PRODUCT:
        assert found.error.sel(axes).values.tolist() == [error(axes, np.arange(4)).tolist()] * 2


def test_other_cells_become_a_dimension_cell(results):
    found = results(SCATTERED)()
    assert dict(found.error.sizes) == {"cell": 3, "seed": 2, "k": 4}
    assert found.cell.values.tolist() == [spec.cell_name(axes) for axes in SCATTERED]


def test_values_land_in_their_cells(results):
    found = results(SCATTERED)()
    for axes in SCATTERED:
        one = found.sel(cell=spec.cell_name(axes))
        assert (one.alpha, one.tau, one.dim) == (axes["alpha"], axes["tau"], axes["dim"])
        assert one.error.values.tolist() == [error(axes, np.arange(4)).tolist()] * 2


@pytest.mark.parametrize("axis", ["alpha", "tau", "dim"])
def test_every_axis_is_a_labelled_coordinate_of_the_dimension_cell(results, axis):
    """Also one that is in no coordinate of the cells, and one with a single value."""
    found = results(SCATTERED)()
    assert found[axis].dims == ("cell",) and found[axis].attrs.keys() >= {"long_name", "units"}


@pytest.mark.parametrize("cells", [PRODUCT, SCATTERED], ids=["product", "scattered"])
def test_shorter_depths_are_padded_with_nan(results, cells):
    depths = [3, 5, *[4] * (len(cells) - 2)]
    found = results(cells, depths)()
    assert found.k.values.tolist() == [0, 1, 2, 3, 4, 5]
    for axes, depth in zip(cells, depths):
        values = found.error.sel(axes if cells is PRODUCT else {"cell": spec.cell_name(axes)})
        np.testing.assert_array_equal(values[0], [*error(axes, np.arange(depth + 1)), *[np.nan] * (5 - depth)])


@pytest.mark.parametrize("cells", [PRODUCT, SCATTERED], ids=["product", "scattered"])
def test_labels_and_units_are_kept(results, cells):
    found = results(cells)()
    assert found.error.attrs == {"long_name": "error", "units": "1"} and found.n_tasks.attrs["units"] == "tasks"
    assert found.tau.attrs == TAU and found.k.attrs["units"] == "steps"
    about = {name: value for name, value in found.attrs.items() if name != "axes"}
    assert about == {"title": "A cell", "source": "nowhere", "experiment": "e", "stage": "evaluate"}
    assert set(found.attrs["axes"]) >= {"alpha", "tau"}


def test_text_and_single_values_get_a_value_for_each_cell(results):
    found = results(PRODUCT, [3, 5, 4, 4, 4, 4])()
    assert found.phase.sel(alpha=2, tau=math.inf).item() == "phase 5" and found.n_tasks.sizes == {"alpha": 2, "tau": 3}


def test_a_stage_with_one_cell_keeps_its_axes(results):
    found = results([{"alpha": 2, "tau": 4}])()
    assert found.error.sel(alpha=2, tau=4, seed=0).values.tolist() == error({"alpha": 2, "tau": 4}, np.arange(4)).tolist()


def test_a_stage_without_cell_axes_is_its_only_cell(results):
    assert dict(results([{}])().error.sizes) == {"seed": 2, "k": 4}


def test_pools_that_a_cell_does_not_have_are_nan():
    cells = [{"tau": 2}, {"tau": 4}]
    parts = [part(axes, seeds=seeds).assign_coords(seed=range(seeds)) for axes, seeds in zip(cells, (2, 3))]
    named = [
        one.assign_attrs(axes=spec.canonical(axes), experiment="e", stage="s", cell=spec.cell_name(axes))
        for one, axes in zip(parts, cells)
    ]
    assert combine(named).error.isnull().sum("k").values.tolist() == [[0, 0, 4], [0, 0, 0]]


def test_an_unknown_experiment_comes_with_the_nearest_one(results):
    read = results(PRODUCT)
    with pytest.raises(ArtifactError, match="no such experiment; the nearest valid one is 'e'"):
        read(experiment="ee")


def test_an_unknown_stage_comes_with_the_nearest_one(results):
    read = results(PRODUCT)
    with pytest.raises(ArtifactError, match="no stage 'evaluat'; the nearest valid one is 'evaluate'"):
        read(stage="evaluat")


def test_a_folder_without_results_says_so(tmp_path):
    with pytest.raises(ArtifactError, match="no such experiment; there are none: run snakemake, or name"):
        cotdepth.open_results("e", "evaluate", root=str(tmp_path))


def test_a_missing_cell_is_named(results):
    with pytest.raises(ArtifactError, match=r"theory/never-made\.nc: no such artifact"):
        results(PRODUCT)(stage="theory")


def test_a_damaged_cell_is_named(results, tmp_path):
    read = results(PRODUCT)
    path = next((tmp_path / "e" / "evaluate").glob("*.nc"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtifactError, match=f"{path.name}: damaged"):
        read()


def test_files_beside_the_cells_of_the_configuration_are_not_read(results, tmp_path):
    """The table of cells counts, not what lies in the folder."""
    read = results(PRODUCT)
    (tmp_path / "e" / "evaluate" / "old-cell-00000000.nc").write_bytes(b"left over")
    assert read().sizes["tau"] == 3
