"""What a run leaves behind: labelled, reproducible, and separate for each scale and each experiment."""

import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from cotdepth import open_results
from cotdepth.stamps import INDEX, SCHEMA_VERSION

PROJECT = Path(__file__).resolve().parents[2]

EXPERIMENT = """\
experiments:
  my-study:
    title: Noise at two context lengths
    learner: reduced
    theory: ridgeless
    cell_axes: [alpha, sigma]
    alpha: [1, 2]
    sigma: 0.1
    tau: 4
    dim: 4
    ridge: 0
    experiment_seed: 7
    seeds: 3
    n_test: 2
    depth: 5
    quantiles: [0.5]
"""


@pytest.mark.parametrize("overlay", ["", "workflow/scales/smoke.yaml", "workflow/scales/paper.yaml"])
def test_the_configurations_of_the_project_plan_jobs_of_every_rule(unrun, overlay):
    planned = unrun.dry_run("all", "report", *(["--configfile", overlay] if overlay else []), judging=True)
    rules = [re.findall(r"^rule (\w+):$", path.read_text(encoding="utf-8"), re.MULTILINE) for path in PROJECT.glob("workflow/rules/*.smk")]
    scripts = [path.stem for path in PROJECT.glob("scripts/*.py")]
    assert sorted(planned) == sorted(itertools.chain(*rules)) == sorted(scripts)


def test_snakemake_finds_nothing_to_lint(unrun):
    done = unrun.snakemake("--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_below_a_stage_is_no_cell(unrun):
    done = unrun.snakemake("-n", "results/phase-diagram/theory/below/cell.nc")
    assert done.returncode == 1 and "MissingRuleException" in done.stdout + done.stderr


def test_a_run_at_another_scale_leaves_the_results_as_they_were(checkout):
    before = checkout.files()
    checkout.run("--configfile", "workflow/scales/smoke.yaml", "--", "results/smoke/figures/phase-diagram.png")
    after = checkout.files()
    assert {name: after[name] for name in before} == before
    assert "smoke/figures/phase-diagram.pdf" in after
    assert all(name.startswith("smoke/") for name in after.keys() - before.keys())
    assert checkout.rules() == {}


def test_two_runs_give_the_same_bytes_whatever_the_number_of_cores(finished, checkout):
    shutil.rmtree(checkout.results)
    checkout.forget()
    checkout.run("--cores", "1")   # the finished run had two
    found, expected = checkout.products(), finished.products()
    assert found.keys() == expected.keys() == finished.planned_products()
    assert {Path(name).suffix for name in found} == {".nc", ".png", ".pdf"}
    assert [name for name in found if found[name] != expected[name]] == []


def test_an_experiment_of_ones_own_goes_through_the_same_rules_and_reads_back_labelled(checkout):
    before = checkout.files()
    (checkout.folder / "mine.yaml").write_text(EXPERIMENT, encoding="utf-8")
    assert checkout.rules("--configfile", "mine.yaml") == {"data_pool": 2, "train_reduced": 2, "evaluate_reduced": 2, "theory_ridgeless": 2}
    checkout.run("--configfile", "mine.yaml")
    after = checkout.files()
    assert {name for name in before if after[name] != before[name]} == {INDEX, "report.json"}
    evaluated = open_results("my-study", "evaluate", root=checkout.results)
    assert dict(evaluated.error_mean.sizes) == {"alpha": 2, "sigma": 1, "seed": 3, "k": 6}
    assert evaluated.alpha.values.tolist() == [1, 2] and evaluated.sigma.values.tolist() == [0.1]
    assert np.all(evaluated.error_mean.sel(k=0) > 0) and evaluated.error_mean.notnull().all()
    assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in evaluated.variables.values())
    theory = open_results("my-study", "theory", root=checkout.results)
    np.testing.assert_allclose(theory.error.sel(k=0), 1)


def test_every_artifact_opens_with_plain_xarray_and_says_what_it_is(finished):
    paths = sorted(finished.results.rglob("*.nc"))
    assert {str(path.relative_to(finished.folder)) for path in paths} == {*finished.plan().all_artifacts(), "results/claims.nc"}
    for path in paths:
        with xr.open_dataset(path) as dataset:
            for name, variable in dataset.variables.items():
                assert variable.attrs.get("long_name") and variable.attrs.get("units"), f"{path}: {name}"
            assert dataset.attrs["title"] and dataset.attrs["source"] and dataset.attrs["schema_version"] == SCHEMA_VERSION
            spec, code, versions = (json.loads(dataset.attrs[name]) for name in ("spec", "code", "versions"))
        stamp = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert spec == stamp["spec"] and code == stamp["code"]
        assert versions.keys() >= {"cotdepth", "numpy", "xarray"}


def test_the_audit_finds_every_file_of_a_finished_run_in_order(finished):
    audit = finished.cotdepth("audit")
    assert audit.returncode == 0
    assert audit.stdout == f"{len(finished.planned_products())} ok\n"


def test_the_audit_names_a_stale_file_and_explain_says_why(checkout):
    checkout.edit("config.yaml", "n_test: 5", "n_test: 6")
    checkout.dry_run()
    audit = checkout.cotdepth("audit")
    stale = [line.split()[1] for line in audit.stdout.splitlines() if line.startswith("stale")]
    evaluated = [path for path in stale if "/evaluate/" in path]
    others = [path for path in stale if path not in evaluated and "/claims" not in path and "/agreement/" not in path]
    assert audit.returncode == 1 and len(evaluated) == 2
    assert all("/compare/" in path or "/figures/theory-validation" in path for path in others) and len(others) == 3
    assert checkout.cotdepth("explain", evaluated[0]).stdout == "parameter n_test: 5 -> 6\n"
