"""What an edit reruns, and what it leaves alone: shown by dry runs on a finished run."""

import shutil
from pathlib import Path

import pytest

COMPARED = {"compare_finite_size": 1, "figure_depth_curves": 1}
EVALUATED = {"evaluate_reduced": 2, **COMPARED}
TRAINED = {"train_reduced": 2, **EVALUATED}
DRAWN = {"data_pool": 2, **TRAINED}
PREDICTED = {"theory_ridgeless": 4, **COMPARED, "figure_phase_diagram": 1}
LAYERS_COMPARED = {"compare_layers": 1, "figure_layer_depth": 1}
LAYERS_EVALUATED = {"evaluate_lsa": 1, "theory_at_pools": 1, **LAYERS_COMPARED}
LAYERS_TRAINED = {"train_lsa": 1, **LAYERS_EVALUATED}
LAYERS_TESTED_ELSEWHERE = {"evaluate_baselines": 1, "theory_layer": 1, **LAYERS_EVALUATED}
FAMILIES_COMPARED = {"compare_finite_size": 3, "figure_family_curves": 1, "figure_deployment": 1}
FAMILIES_EVALUATED = {"evaluate_families": 4, **FAMILIES_COMPARED}
FAMILIES_DRAWN = {"data_families": 3, "train_families": 3, **FAMILIES_EVALUATED}
ATTENTION_EVALUATED = {"evaluate_attention": 4, "figure_attention_phase": 1}
ATTENTION_PREDICTED = {"theory_attention": 2, "figure_attention_phase": 1}
ATTENTION_TRAINED = {"train_attention": 4, **ATTENTION_EVALUATED, "figure_learned_matrices": 1}
CHAINS_EVALUATED = {"evaluate_chains": 1, "figure_cot_training": 1}
CHAINS_TRAINED = {"train_chains": 1, **CHAINS_EVALUATED}
THOUGHT_EVALUATED = {"evaluate_thought": 1, "figure_gpt2_depth": 1}
THOUGHT_TRAINED = {"train_thought": 1, **THOUGHT_EVALUATED}
LABELS_EVALUATED = {"evaluate_labels": 2, "figure_gpt2_shift": 2}
LABELS_TRAINED = {"train_labels": 2, **LABELS_EVALUATED}
SELECTED = {"train_selection": 2, "evaluate_selection": 2, "figure_task_selection": 1}
FIGURES = {"figure_task_selection": 2, "figure_gpt2_shift": 2} | dict.fromkeys((
    "figure_depth_curves", "figure_phase_diagram", "figure_scaling", "figure_layer_depth", "figure_descent", "figure_family_curves",
    "figure_deployment", "figure_attention_phase", "figure_learned_matrices", "figure_cot_training", "figure_gpt2_depth",
    "figure_gradient_flow", "figure_distribution_shift"), 1)  # fmt: skip
SHIFTED = {"evaluate_shift": 2, "figure_distribution_shift": 1}


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
        ("pkg/cotdepth/fit/adam.py", '    losses = np.zeros((count_argument("epochs", epochs), len(batches)))\n'),
        ("scripts/train_reduced.py", '    [recipe] = job.read("data")\n'),
    ]:
        checkout.edit(path, line, "\n" + line.replace("\n", "  # a comment\n"))
        first = (checkout.folder / path).read_text(encoding="utf-8").splitlines()[0]
        checkout.edit(path, first, first.replace('"""', '"""Another docstring. ', 1))
    checkout.edit("pkg/cotdepth/summary.py", '"""Mean, median and quantiles over test prompts', '"""Something else')
    checkout.append("workflow/rules/train.smk", "# a comment\n")
    assert checkout.rules() == {}


@pytest.mark.parametrize("path, expected", [
    ("pkg/cotdepth/pools.py", {**DRAWN, **FAMILIES_DRAWN, "compare_finite_size": 4}),
    ("scripts/train_reduced.py", TRAINED),
    ("pkg/cotdepth/evaluation.py", EVALUATED),
    ("pkg/cotdepth/comparison.py", {**COMPARED, **FAMILIES_COMPARED, "compare_finite_size": 4}),
    ("pkg/cotdepth/families.py", {**FAMILIES_DRAWN, "theory_equivalent": 4}),
    ("pkg/cotdepth/theory/equivalents.py", {"theory_equivalent": 4, **FAMILIES_COMPARED, **ATTENTION_PREDICTED}),
    ("pkg/cotdepth/theory/row_filter.py", {**PREDICTED, "theory_damping": 1, "figure_deployment": 1, **ATTENTION_PREDICTED}),
    ("pkg/cotdepth/theory/finite_errors.py",
     {"theory_scaling": 2, "figure_scaling": 1, "theory_layer": 1, "theory_at_pools": 1, **LAYERS_COMPARED}),
    ("pkg/cotdepth/models/reduced.py", {**EVALUATED, **FAMILIES_EVALUATED, "compare_finite_size": 4}),
    ("pkg/cotdepth/models/lsa.py", {"evaluate_lsa": 1, **LAYERS_COMPARED}),
    ("pkg/cotdepth/fit/adam.py", LAYERS_TRAINED),
    ("pkg/cotdepth/full_pools.py", {"data_attention": 4, **ATTENTION_TRAINED, **CHAINS_EVALUATED}),
    ("pkg/cotdepth/fit/full_attention.py", {**ATTENTION_TRAINED, **CHAINS_TRAINED}),
    ("pkg/cotdepth/checkpoints.py", {**ATTENTION_TRAINED, **CHAINS_TRAINED, **THOUGHT_TRAINED, **LABELS_TRAINED}),
    ("pkg/cotdepth/full_evaluation.py", {**ATTENTION_EVALUATED, **CHAINS_EVALUATED}),
    ("pkg/cotdepth/chain_training.py", CHAINS_TRAINED),
    ("pkg/cotdepth/fit/training.py", {**CHAINS_TRAINED, **THOUGHT_TRAINED, **LABELS_TRAINED}),
    ("pkg/cotdepth/models/gpt2.py", {**THOUGHT_TRAINED, **LABELS_TRAINED}),
    ("pkg/cotdepth/thought_training.py", THOUGHT_TRAINED),
    ("pkg/cotdepth/thought_evaluation.py", THOUGHT_EVALUATED),
    ("pkg/cotdepth/label_prompts.py", {**LABELS_TRAINED, "theory_labels": 2}),
    ("pkg/cotdepth/label_theory.py", {"theory_labels": 2, "figure_gpt2_shift": 2}),
    ("pkg/cotdepth/theory/trained_attention.py", ATTENTION_PREDICTED),
    ("pkg/cotdepth/baselines.py", {"evaluate_baselines": 1, "figure_layer_depth": 1, **SHIFTED}),
    ("pkg/cotdepth/flow_training.py", {"train_flow": 2, "figure_gradient_flow": 1}),
    ("pkg/cotdepth/shift_training.py", {"train_shift": 1, **SHIFTED}),
    ("pkg/cotdepth/theory/flow_answers.py", {"theory_answers": 2, "evaluate_answers": 2, "figure_distribution_shift": 1}),
    ("pkg/cotdepth/theory/flow_population.py",
     {"train_flow": 2, "train_starts": 1, "figure_gradient_flow": 1, "train_shift": 1, **SHIFTED}),
    ("pkg/cotdepth/selection.py", {"train_selection": 3, "evaluate_selection": 3, "figure_task_selection": 2}),
    ("pkg/cotdepth/figures/style.py", FIGURES),
    ("pkg/cotdepth/figures/layer_depth.py", {"figure_layer_depth": 1}),
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


@pytest.mark.parametrize("experiment, expected", [
    ("theory-validation", {**EVALUATED, "theory_ridgeless": 1}),
    ("lsa-depth", LAYERS_TESTED_ELSEWHERE),
])  # fmt: skip
def test_a_deeper_grid_reruns_evaluation_and_theory_but_not_training(checkout, experiment, expected):
    checkout.configure(f"experiments.{experiment}", "depth: 3\n", "depth: 6\n")
    assert checkout.rules() == expected


def test_longer_training_reruns_training_and_what_reads_it_but_neither_data_nor_theory(checkout):
    checkout.configure("experiments.lsa-depth", "epochs: 3", "epochs: 4")
    assert checkout.rules() == LAYERS_TRAINED


def test_another_kind_of_guess_trains_but_draws_no_data(checkout):
    checkout.configure("experiments.attention-phase", "guess: [fresh, fixed]", "guess: [fixed]")
    assert checkout.rules() == {"train_attention": 2, "evaluate_attention": 2, "theory_attention": 2, "figure_attention_phase": 1}


@pytest.mark.parametrize("more", ["device: cpu", "resources: {train_lsa: {mem_mb: 9000}}"])
def test_where_jobs_run_and_what_they_ask_for_reruns_nothing(checkout, more):
    checkout.edit("config.yaml", "results: results", f"results: results\n{more}")
    assert checkout.rules() == {}


def test_benchmark_files_are_no_results(checkout):
    assert checkout.cotdepth("audit").returncode == 0
    shutil.rmtree(checkout.results / "benchmarks")
    assert checkout.rules() == {} and checkout.cotdepth("audit").returncode == 0


@pytest.mark.parametrize("experiment, old, new, expected", [
    ("lsa-depth", "skewed: {exponent: 1,", "skewed: {exponent: 2,", {"data_prompts": 1, "theory_layer": 1, **LAYERS_TRAINED}),
    ("lsa-depth", "isotropic: {exponent: 0,", "isotropic: {exponent: 0.5,", LAYERS_TESTED_ELSEWHERE),
    ("task-selection", "hard-long: {exponent: 0.8,", "hard-long: {exponent: 0.9,", {"data_tasks": 2, **SELECTED}),
    ("test-time-scaling", "hard: {exponent: 1,", "hard: {exponent: 2,", {"theory_scaling": 1, "figure_scaling": 1}),
    ("step-size", "strong: {exponent: 1,", "strong: {exponent: 2,", {"theory_descent": 1, "figure_descent": 1}),
])  # fmt: skip
def test_another_definition_of_a_covariance_reruns_the_stages_that_use_it_under_the_same_names(checkout, experiment, old, new, expected):
    made = {Path(name).stem for name in checkout.products()}
    checkout.configure(f"experiments.{experiment}.covariances", old, new)
    planned = checkout.dry_run()
    assert {rule: len(cells) for rule, cells in planned.items()} == expected
    assert made >= {cell for cells in planned.values() for cell in cells}


@pytest.mark.parametrize("figure, old, new, expected", [
    ("theory-validation", "title: Experiment and theory", "title: Theory and experiment", "figure_depth_curves"),
    ("theory-validation", "panels: [{}]", "panels: [{}, {tau: 4}]", "figure_depth_curves"),
    ("test-time-scaling", "depth: 2", "depth: 3", "figure_scaling"),
])  # fmt: skip
def test_an_edit_of_a_figure_draws_that_figure_only(checkout, figure, old, new, expected):
    checkout.configure(f"figures.{figure}", old, new)
    assert checkout.rules() == {expected: 1}


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
    for experiment, old, new in [
        ("theory-validation", "alpha: 2\n    tau: 4\n", "tau: 4.0\n    alpha: 2.0\n"),
        ("theory-validation", "dim: [4, 8]", "dim: [4.0, 8]"),
        ("theory-validation", "sigma: 0.5", "sigma: 5.0e-1   # a comment"),
        ("theory-validation", "n_test: 5", "n_test: 5.0"),
        ("theory-validation", "depth: 3", "depth: 3.0"),
        ("phase-diagram", "{from: 1.5, to: 6, count: 3, spacing: log}", "[1.5, 3, 6.0]"),
        ("trajectories", "{alpha: 0.5, tau: 3, sigma: 0.1}", "{sigma: 1.0e-1, alpha: 0.5, tau: 3.0}"),
        ("lsa-depth", "skewed: {exponent: 1, trace: dim, basis: haar}", "skewed: {basis: haar, exponent: 1.0, trace: dim}"),
        ("lsa-depth", "n_context_test: [6, 20]", "n_context_test: [6.0, 2.0e+1]"),
        ("lsa-depth", "learning_rate: 0.01", "learning_rate: 1.0e-2"),
    ]:
        checkout.configure(f"experiments.{experiment}", old, new)
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
    fitted = {**TRAINED, **FAMILIES_EVALUATED, "train_families": 3, "compare_finite_size": 4}
    assert checkout.rules() == {**fitted, "figure_phase_diagram": 1}
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
