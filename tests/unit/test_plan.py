"""The plan: which cells there are, what each consumes, and when a stamp changes."""

import copy
import functools
import json
import math
import os
from pathlib import Path

import pytest
import xarray as xr
import yaml

from cotdepth import spec
from cotdepth.config import ConfigError
from cotdepth.plan import Plan
from cotdepth.stamps import read_stamp
from cotdepth.store import write_artifact

CHECKOUT = Path(__file__).resolve().parents[2]
STAGES = yaml.safe_load((CHECKOUT / "workflow/stages.yaml").read_text(encoding="utf-8"))
EXPERIMENT = {
    "title": "t", "learner": "reduced", "theory": "ridgeless", "comparison": "finite-size", "cell_axes": ["alpha", "tau", "dim"],
    "dim": [16, 32], "alpha": [1, 2], "tau": 4, "sigma": 0.1, "ridge": 0, "experiment_seed": 1, "seeds": 2, "n_test": 3,
    "quantiles": [0.25, 0.75], "depth": 5,
}  # fmt: skip
FIGURE = {"title": "t", "draw": "depth_curves", "inputs": {"compare": "e/compare"}, "depth": 2, "panels": [{}]}
LONG_AGO = 1_000_000_000 * 10**9  # ns


@pytest.fixture(scope="module", autouse=True)
def code_read_once():
    """The code does not change while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        digests = functools.cache(spec.code_digests)
        patch.setattr(spec, "code_digests", lambda script, known: digests(script))
        yield


@pytest.fixture
def plan(tmp_path):
    """A plan with one experiment, some of its keys changed."""

    def of(figure=FIGURE, **changed):
        config = {"results": str(tmp_path), "experiments": {"e": copy.deepcopy(EXPERIMENT) | changed}, "figures": {"f": figure}}
        return Plan(config, STAGES, CHECKOUT / "scripts")

    return of


def cells(plan, stage):
    return set(plan.experiments["e"][stage].cells)


def values(plan, stage):
    return [axes for axes, _ in plan.experiments["e"][stage].cells.values()]


def written(plan):
    """The texts of all stamps that a plan writes, by stage and cell; not of the index and the report, which tell the whole of it."""
    plan.write()
    return {path.relative_to(plan.results).with_suffix("").as_posix(): path.read_text() for path in plan.results.rglob("*.json")
            if path.parent != plan.results}  # fmt: skip


def changed_stages(before, after):
    """Stages with a stamp that says something else, among the cells of both."""
    return {name.split("/")[1] for name in before.keys() & after.keys() if before[name] != after[name]}


def test_a_stage_has_the_axes_that_it_or_its_inputs_consume(plan):
    axes = {name: stage.axes for name, stage in plan().experiments["e"].items()}
    assert axes == {
        "data": ("alpha", "tau", "dim"), "train": ("alpha", "tau", "dim"), "evaluate": ("alpha", "tau", "dim"),
        "theory": ("alpha", "tau"), "compare": ("alpha", "tau"),
    }  # fmt: skip


def test_theory_does_not_multiply_with_dimensions(plan):
    assert values(plan(), "theory") == [{"alpha": 1, "tau": 4}, {"alpha": 2, "tau": 4}]
    assert cells(plan(), "theory") == cells(plan(dim=[16, 32, 64]), "theory")


def test_fits_that_differ_in_the_ridge_share_their_data(plan):
    made = plan(cell_axes=["alpha", "tau", "dim", "ridge"], ridge=[0, 0.1, 1], learner="reduced", comparison="finite-size")
    assert (len(cells(made, "data")), len(cells(made, "train")), len(cells(made, "evaluate"))) == (4, 12, 12)
    fits = [cell for cell, (axes, _) in made.experiments["e"]["train"].cells.items() if (axes["alpha"], axes["dim"]) == (2, 32)]
    assert len(fits) == 3 and len({tuple(made.upstream("e", "train", fit, "data")) for fit in fits}) == 1


def test_the_order_of_the_cell_axes_does_not_change_the_identity_of_a_cell(plan):
    """Random streams are named by it."""
    identities = [{cell[-8:] for cell in cells(made, "data")} for made in (plan(), plan(cell_axes=["dim", "tau", "alpha"]))]
    assert identities[0] == identities[1] and len(identities[0]) == 4


def test_a_cell_reads_the_cells_that_agree_with_it(plan):
    made = plan()
    for cell in cells(made, "evaluate"):
        for source in ("data", "train"):
            assert made.upstream("e", "evaluate", cell, source) == [made.artifact("e", source, cell)]


def test_a_comparison_reads_all_dimensions_of_its_regime(plan):
    made = plan(dim=[16, 32, 64])
    for cell, (axes, _) in made.experiments["e"]["compare"].cells.items():
        read = made.upstream("e", "compare", cell, "evaluate")
        wanted = [name for name, (other, _) in made.experiments["e"]["evaluate"].cells.items() if other["alpha"] == axes["alpha"]]
        assert read == [made.artifact("e", "evaluate", name) for name in wanted] and len(read) == 3
        assert made.upstream("e", "compare", cell, "theory") == [made.artifact("e", "theory", cell)]


def test_a_figure_reads_all_cells_of_its_inputs(plan):
    made = plan()
    assert made.figure_inputs("f", "compare") == made.artifacts("e", "compare") and len(made.artifacts("e", "compare")) == 2


@pytest.mark.parametrize("axis, more", [("alpha", [1, 2, 4]), ("alpha", [4, 2, 1]), ("tau", [2, 4]), ("dim", [8, 16, 32])])
def test_a_new_value_on_a_cell_axis_adds_only_its_own_cells(plan, axis, more):
    before, after = written(plan()), written(plan(**{axis: more}))
    data = {name for name in after if name.startswith("e/data/")} - before.keys()
    [new] = set(more) - set(EXPERIMENT[axis] if isinstance(EXPERIMENT[axis], list) else [EXPERIMENT[axis]])
    assert len(data) == len([axes for axes in values(plan(**{axis: more}), "data") if axes[axis] == new])
    assert changed_stages(before, after) <= {"f", "compare"}  # these read all cells; the others are as they were
    assert changed_stages(before, after) == ({"compare"} if axis == "dim" else {"f"})


@pytest.mark.parametrize("changed, stale", [
    ({"depth": 9}, {"evaluate", "theory"}),
    ({"n_test": 9}, {"evaluate"}),
    ({"quantiles": [0.5]}, {"evaluate"}),
    ({"seeds": 9}, {"data"}),
    ({"ridge": 0.5}, {"train"}),
    ({"sigma": 0.5}, {"data", "theory"}),
    ({"experiment_seed": 9}, {"data", "evaluate"}),
    ({"title": "other"}, set()),
])  # fmt: skip
def test_a_changed_parameter_keeps_all_names_and_changes_the_stamps_of_the_stages_that_consume_it(plan, changed, stale):
    before, after = written(plan()), written(plan(**changed))
    assert before.keys() == after.keys() and changed_stages(before, after) == stale


@pytest.mark.parametrize("same", [
    {"depth": 5.0, "tau": 4.0, "dim": [16.0, 32.0]},
    {"grids": [{"alpha": 1}, {"alpha": 2}], "alpha": 7},
    {"grids": [{"alpha": [1, 2]}, {"alpha": [2]}]},
])  # fmt: skip
def test_the_same_parameters_in_other_words_change_nothing(plan, same):
    assert written(plan()) == written(plan(**same))


def test_swapped_values_change_the_stamps_of_both_cells(plan):
    swap = (
        written(plan(grids=[{"alpha": 1, "depth": 3}, {"alpha": 2, "depth": 4}])),
        written(plan(grids=[{"alpha": 1, "depth": 4}, {"alpha": 2, "depth": 3}])),
    )
    theory = [name for name in swap[0] if name.startswith("e/theory/")]
    assert len(theory) == 2 and all(swap[0][name] != swap[1][name] for name in theory)


def test_a_style_edit_of_a_figure_changes_its_stamp_alone(plan):
    assert changed_stages(written(plan()), written(plan(figure=FIGURE | {"title": "other"}))) == {"f"}


def test_two_values_for_one_cell_are_refused(plan):
    with pytest.raises(
        ConfigError, match=r"experiments\.e \(reduced, evaluate\): the cell .*'alpha': 2.* two values of n_test: 3, 4"
    ):
        plan(grids=[{"alpha": [1, 2]}, {"alpha": 2, "n_test": 4}])


def test_a_stamp_holds_what_its_stage_consumes_and_no_more(plan):
    made = plan()
    made.write()
    [(cell, _), *_] = made.experiments["e"]["evaluate"].cells.items()
    stamp = read_stamp(Path(made.artifact("e", "evaluate", cell)).with_suffix(".json"))[1]
    assert stamp["spec"] == {
        "experiment_seed": 1,
        "n_test": 3,
        "depth": 5,
        "quantiles": [0.25, 0.75],
        "inputs": {"data": [cell], "train": [cell]},
    }
    assert {"cotdepth.evaluation", "script.evaluate_reduced"} <= stamp["code"].keys()
    assert not [module for module in stamp["code"] if module.startswith(("cotdepth.theory", "cotdepth.fit"))]


def test_cells_csv_has_a_row_for_each_cell_of_each_stage(plan):
    made = plan(theory="ridgeless", alpha=2, dim=16, tau=[4, 8])
    made.write()
    rows = (made.results / "e" / "cells.csv").read_text().splitlines()
    [theory] = [cell for cell, (axes, _) in made.experiments["e"]["theory"].cells.items() if axes["tau"] == 8]
    [data] = [cell for cell, (axes, _) in made.experiments["e"]["data"].cells.items() if axes["tau"] == 8]
    assert rows[0] == "stage,cell,alpha,tau,dim" and len(rows) == 1 + 5 * 2
    assert f"theory,{theory},2,8," in rows and f"data,{data},2,8,16" in rows


def test_infinity_is_a_value_of_a_cell_axis(tmp_path):
    block = {"title": "t", "theory": "ridgeless", "cell_axes": ["tau"], "alpha": 1, "tau": [2, math.inf], "sigma": 0, "depth": 3}
    made = Plan({"results": str(tmp_path), "experiments": {"e": block}, "figures": {}}, STAGES, CHECKOUT / "scripts")
    made.write()
    assert "inf" in (tmp_path / "e" / "cells.csv").read_text().splitlines()[-1].split(",")


def test_a_second_write_touches_no_file(plan):
    plan().write()
    files = [path for path in plan().results.rglob("*") if path.is_file()]
    for path in files:
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    plan().write()
    assert len(files) > 10 and {path.stat().st_mtime_ns for path in files} == {LONG_AGO}


def test_a_reverted_edit_leaves_no_stamp_newer_than_its_artifact(plan):
    plan().write()
    artifact = Path(plan().artifacts("e", "theory")[0])
    stamp = artifact.with_suffix(".json")
    data = xr.Dataset(attrs={"title": "t", "source": "s"})
    write_artifact(data, artifact, stamp_text=stamp.read_text(), check=lambda: None, inputs={})
    os.utime(artifact, ns=(LONG_AGO, LONG_AGO))
    plan(depth=9).write()
    assert stamp.stat().st_mtime_ns > LONG_AGO
    plan().write()
    assert stamp.stat().st_mtime_ns <= LONG_AGO


def test_results_that_cannot_be_written_are_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    made = Plan(
        {"results": str(tmp_path / "file"), "experiments": {"e": EXPERIMENT}, "figures": {}}, STAGES, CHECKOUT / "scripts"
    )
    with pytest.raises(ConfigError, match="results = .*file': cannot be written"):
        made.write()


# --- covariances --------------------------------------------------------------------------------------------------

LSA = {
    "title": "t", "learner": "lsa", "theory": "layer", "comparison": "layer", "cell_axes": ["train_covariance"], "dim": 4,
    "covariances": {"flat": {"exponent": 0, "trace": 4}, "steep": {"exponent": 1, "trace": 4}, "other": {"exponent": 2, "trace": 4},
                    "unused": {"exponent": 3, "trace": 4}},
    "train_covariance": ["flat", "steep"], "test_covariance": "other", "n_context": 6, "n_context_test": [6], "n_tasks": 40,
    "label_noise": 0, "test_noise": 0, "trained": ["block"], "batch_size": 20, "epochs": 3, "learning_rate": 0.01, "ridge": 0.1,
    "experiment_seed": 1, "seeds": 2, "n_test": 10, "depth": 3, "quantiles": [0.5],
}  # fmt: skip


@pytest.fixture
def lsa_stamps(tmp_path):
    """The stamps of an experiment with some of its covariances defined anew."""

    def of(**definitions):
        block = LSA | {"covariances": LSA["covariances"] | definitions}
        return written(Plan({"results": str(tmp_path), "experiments": {"e": block}, "figures": {}}, STAGES, CHECKOUT / "scripts"))

    return of


def test_a_stamp_holds_the_covariances_that_its_cell_refers_to(lsa_stamps):
    found = {name.split("/")[1]: set(json.loads(text)["spec"].get("covariances", {}))
             for name, text in lsa_stamps().items() if name.startswith("e/") and "flat" in name}  # fmt: skip
    assert found == {"data": {"flat"}, "train": set(), "evaluate": {"other"}, "theory": {"flat", "other"},
                     "pool_theory": {"other"}, "compare": set()}  # fmt: skip


def test_an_edit_of_a_covariance_that_nothing_refers_to_changes_nothing(lsa_stamps):
    assert lsa_stamps() == lsa_stamps(unused={"exponent": 5, "trace": 1}) == lsa_stamps(more={"exponent": 5, "trace": 1})


@pytest.mark.parametrize("name, stale", [
    ("steep", {"data", "theory"}),
    ("other", {"evaluate", "baselines", "theory", "pool_theory"}),
])  # fmt: skip
@pytest.mark.parametrize("definition", [{"exponent": 1.5, "trace": 4}, {"exponent": 1, "trace": 4, "basis": "haar"}], ids=str)
def test_an_edit_of_a_covariance_keeps_all_names_and_changes_the_stamps_of_the_stages_that_use_it(lsa_stamps, name, stale, definition):
    before, after = lsa_stamps(), lsa_stamps(**{name: definition})
    assert before.keys() == after.keys() and changed_stages(before, after) == stale


def test_an_edit_of_a_covariance_leaves_the_cells_of_the_others_alone(lsa_stamps):
    before, after = lsa_stamps(), lsa_stamps(steep={"exponent": 1.5, "trace": 4})
    changed = [name for name in before if before[name] != after[name]]
    assert len(changed) == 2 and all("steep" in name for name in changed)


def test_the_same_definition_in_other_words_changes_nothing(lsa_stamps):
    assert lsa_stamps() == lsa_stamps(steep={"trace": 4.0, "exponent": 1.0})
