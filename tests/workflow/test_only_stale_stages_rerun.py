"""What an edit reruns, and what it leaves alone: shown by dry runs on a finished run."""

import pytest

COMPARED = {"compare_finite_size": 1, "figure_depth_curves": 1}
EVALUATED = {"evaluate_reduced": 2, **COMPARED}
TRAINED = {"train_reduced": 2, **EVALUATED}
DRAWN = {"data_pool": 2, **TRAINED}
PREDICTED = {"theory_ridgeless": 4, **COMPARED, "figure_phase_diagram": 1}


def test_the_copied_package_is_the_one_that_runs(checkout):
    where = checkout.python("-c", "import cotdepth; print(cotdepth.__file__)").stdout.strip()
    assert where == str(checkout.folder / "pkg" / "cotdepth" / "__init__.py")


def test_a_second_run_does_nothing(checkout):
    before = checkout.files()
    checkout.run()
    assert checkout.files() == before


def test_deleting_what_snakemake_remembers_loses_nothing(checkout):
    checkout.forget()
    assert checkout.rules() == {}


def test_an_edit_of_comments_and_docstrings_does_nothing(checkout):
    for path, line in [
        ("pkg/cotdepth/evaluation.py", '    names = {"cell": recipe.attrs["stream"], "seed": seed}\n'),
        ("pkg/cotdepth/figures/style.py", 'matplotlib.use("agg")\n'),
        ("scripts/train_reduced.py", '    [recipe] = job.read("data")\n'),
    ]:
        checkout.edit(path, line, "\n" + line.replace("\n", "  # a comment\n"))
        source = (checkout.folder / path).read_text(encoding="utf-8")
        checkout.edit(path, source.splitlines()[0], '"""Another docstring."""')
    checkout.edit("pkg/cotdepth/summary.py", '"""Mean, median and quantiles over test tasks.\n', '"""Something else.\n')
    checkout.append("workflow/rules/train.smk", "# a comment\n")
    assert checkout.rules() == {}


@pytest.mark.parametrize("path, expected", [
    ("pkg/cotdepth/pools.py", DRAWN),
    ("scripts/train_reduced.py", TRAINED),
    ("pkg/cotdepth/evaluation.py", EVALUATED),
    ("pkg/cotdepth/comparison.py", COMPARED),
    ("pkg/cotdepth/theory/row_filter.py", PREDICTED),
    ("pkg/cotdepth/figures/style.py", {"figure_depth_curves": 1, "figure_phase_diagram": 1}),
    ("pkg/cotdepth/figures/phase_diagram.py", {"figure_phase_diagram": 1}),
    ("pkg/cotdepth/plan.py", {}),
])  # fmt: skip
def test_an_edit_of_code_reruns_the_stages_that_import_it_and_what_reads_them(checkout, path, expected):
    checkout.append(path, "\nEDITED = True\n")
    assert checkout.rules() == expected


def test_a_new_dimension_runs_its_own_cells_and_what_reads_them(checkout):
    checkout.edit("config.yaml", "dim: [4, 8]", "dim: [4, 6, 8]")
    planned = checkout.dry_run()
    assert planned.pop("figure_depth_curves") == ["theory-validation"]
    assert {rule: [cell[:-9] for cell in cells] for rule, cells in planned.items()} == {
        "data_pool": ["alpha2-tau4-dim6"],
        "train_reduced": ["alpha2-tau4-dim6"],
        "evaluate_reduced": ["alpha2-tau4-dim6"],
        "compare_finite_size": ["alpha2-tau4"],
    }


def test_a_new_regime_runs_its_own_cells_and_the_figure(checkout):
    checkout.edit("config.yaml", "alpha: 2\n", "alpha: [2, 3]\n")
    planned = checkout.dry_run()
    assert planned.pop("figure_depth_curves") == ["theory-validation"]
    assert {rule: [cell[:-9] for cell in cells] for rule, cells in planned.items()} == {
        "data_pool": ["alpha3-tau4-dim4", "alpha3-tau4-dim8"],
        "train_reduced": ["alpha3-tau4-dim4", "alpha3-tau4-dim8"],
        "evaluate_reduced": ["alpha3-tau4-dim4", "alpha3-tau4-dim8"],
        "theory_ridgeless": ["alpha3-tau4"],
        "compare_finite_size": ["alpha3-tau4"],
    }


def test_a_value_taken_away_remakes_only_what_read_it(checkout):
    checkout.edit("config.yaml", "dim: [4, 8]", "dim: [8]")
    assert checkout.rules() == COMPARED


def test_a_deeper_grid_reruns_evaluation_and_theory_but_not_training(checkout):
    checkout.edit("config.yaml", "depth: 3\n", "depth: 6\n")
    assert checkout.rules() == {**EVALUATED, "theory_ridgeless": 1}


@pytest.mark.parametrize("old, new", [
    ("title: Experiment and theory", "title: Theory and experiment"),
    ("    depth: 2\n    panels: [{}]", "    depth: 2\n    panels: [{}, {tau: 4}]"),
])  # fmt: skip
def test_an_edit_of_a_figure_draws_that_figure_only(checkout, old, new):
    checkout.edit("config.yaml", old, new)
    assert checkout.rules() == {"figure_depth_curves": 1}


@pytest.mark.parametrize("old, new, expected", [
    ("seeds: 2\n    n_test: 5", "seeds: 5\n    n_test: 2", DRAWN),
    ("n_test: 5\n    depth: 3", "n_test: 3\n    depth: 5", {**EVALUATED, "theory_ridgeless": 1}),
    ("alpha: {from: 2, to: 8, count: 2, spacing: log}\n    tau: {from: 1.5, to: 6, count: 3, spacing: log}",
     "tau: {from: 2, to: 8, count: 2, spacing: log}\n    alpha: {from: 1.5, to: 6, count: 3, spacing: log}",
     {"theory_ridgeless": 1, "figure_phase_diagram": 1}),
])  # fmt: skip
def test_swapping_two_values_reruns(checkout, old, new, expected):
    checkout.edit("config.yaml", old, new)
    assert checkout.rules() == expected


def test_an_edit_is_seen_without_what_snakemake_remembers(checkout):
    checkout.forget()
    checkout.edit("config.yaml", "n_test: 5\n    depth: 3", "n_test: 3\n    depth: 5")
    assert checkout.rules() == {**EVALUATED, "theory_ridgeless": 1}


def test_another_spelling_of_the_same_configuration_reruns_nothing(checkout):
    for old, new in [
        ("alpha: 2\n    tau: 4\n", "tau: 4.0\n    alpha: 2.0\n"),
        ("dim: [4, 8]", "dim: [4.0, 8]"),
        ("sigma: 0.5", "sigma: 5.0e-1   # a comment"),
        ("n_test: 5", "n_test: 5.0"),
        ("depth: 3", "depth: 3.0"),
        ("{from: 1.5, to: 6, count: 3, spacing: log}", "[1.5, 3, 6.0]"),
        ("{alpha: 0.5, tau: 3, sigma: 0.1}", "{sigma: 1.0e-1, alpha: 0.5, tau: 3.0}"),
    ]:
        checkout.edit("config.yaml", old, new)
    assert checkout.rules() == {}


@pytest.mark.parametrize("remembered", [True, False])
def test_reverting_edits_reruns_nothing(checkout, remembered):
    edits = [
        ("config.yaml", "n_test: 5", "n_test: 6"),
        ("pkg/cotdepth/fit/ridge.py", "n_tasks * ridge / 2", "n_tasks * ridge / 3"),
        ("config.yaml", "title: Map and trajectories", "title: Trajectories and map"),
    ]
    for path, old, new in edits:
        checkout.edit(path, old, new)
    assert checkout.rules() == {**TRAINED, "figure_phase_diagram": 1}
    if not remembered:
        checkout.forget()
    for path, old, new in edits:
        checkout.edit(path, new, old)
    assert checkout.rules() == {}


@pytest.mark.parametrize("remembered", [True, False])
def test_reverting_an_edit_that_was_run_runs_again(checkout, remembered):
    artifact = checkout.artifact("evaluate", "alpha2-tau4-dim4")
    checkout.edit("config.yaml", "n_test: 5", "n_test: 6")
    checkout.run(artifact.relative_to(checkout.folder))
    if not remembered:
        checkout.forget()
    checkout.edit("config.yaml", "n_test: 6", "n_test: 5")
    assert checkout.dry_run()["evaluate_reduced"] == [artifact.stem]
