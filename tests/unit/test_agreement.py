"""The agreement table: known differences are found, counted and named; what cannot be judged is not."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from scipy.stats import norm, t

from cotdepth.agreement.differences import Differences, standardised
from cotdepth.agreement.kinds import KINDS, compare_all
from cotdepth.agreement.table import Agreement, agreement_table, row

DEPTHS = np.arange(6)


def on_grid(values, **coords):
    return xr.DataArray(np.asarray(values, float), dims=list(coords), coords=coords)


def cell(relative, standard_error=0.01, seeds=1000, **axes):
    """Differences along k with equal standard errors."""
    relative = on_grid(relative, k=np.arange(1, len(relative) + 1))
    return Differences(relative, xr.full_like(relative, standard_error), seeds, seeds - 1, axes)


def found(*cells):
    return row("some-experiment", Agreement("error", "theory", list(cells)))


def artifact(variables, *, experiment="one", stage="evaluate", axes=None, settings=None, **coords):
    """An artifact with variables on the coordinates of its own."""
    attributes = {"experiment": experiment, "stage": stage, "axes": json.dumps(axes or {}), "spec": json.dumps(settings or {})}
    return xr.Dataset(variables, coords=coords, attrs=attributes)


# --- a row --------------------------------------------------------------------------------------------------------


def test_exact_normal_differences_have_the_fractions_of_the_normal_law():
    """Each within four standard errors of a fraction of 40000: false alarm 1e-4."""
    z = np.random.default_rng(1).standard_normal(40_000)
    made = found(cell(0.01 * z, seeds=10**9))
    for name, bound in (("within_two", 2), ("within_three", 3)):
        expected = 1 - 2 * norm.sf(bound)
        assert abs(made[name] - expected) < 4 * math.sqrt(expected * (1 - expected) / 40_000)
        assert made[name] == np.mean(abs(z) < bound)
    assert made["points"] == made["judged"] == 40_000


def test_means_of_few_seeds_have_the_fractions_of_the_normal_law_too():
    """Student's law of four seeds carried over to the normal one; four standard errors, false alarm 1e-4."""
    draws = np.random.default_rng(2).standard_normal((4, 40_000))
    relative, error = 0.01 * draws.mean(0), 0.01 * draws.std(0, ddof=1) / 2
    made = found(cell(relative, seeds=4)._replace(standard_error=on_grid(error, k=np.arange(1, 40_001))))
    assert np.mean(abs(relative / error) < 2) < 0.9   # taken for normal they would not
    for name, bound in (("within_two", 2), ("within_three", 3)):
        expected = 1 - 2 * norm.sf(bound)
        assert abs(made[name] - expected) < 4 * math.sqrt(expected * (1 - expected) / 40_000)


def test_a_planted_outlier_is_found_and_named():
    quiet, loud = cell([0.01] * 8, alpha=2, case="noisy labels"), cell([0.01] * 6 + [-0.09, 0.02], alpha=0.5, case="few tasks")
    made = found(quiet, loud)
    assert made["largest_z"] == pytest.approx(-9, rel=0.02) and made["beyond"] == 1
    assert made["largest_z_place"] == made["largest_difference_place"] == "alpha = 0.5, case = few tasks, k = 7"
    assert (made["points"], made["within_three"], made["largest_difference"]) == (16, 15 / 16, -0.09)
    assert made["median_difference"] == 0.01


def test_the_largest_relative_difference_may_be_elsewhere_and_unjudged():
    noisy = cell([0.5, 0.01], standard_error=0.6, n_context_test=10)
    made = found(noisy, cell([0.02, 0.01], n_context_test=20))
    assert (made["largest_difference"], made["largest_difference_place"]) == (0.5, "n context test = 10, k = 1")
    assert (made["largest_z_place"], made["judged"], made["points"]) == ("n context test = 20, k = 1", 2, 4)


def test_the_limit_has_its_false_alarm_rate_for_all_points_together():
    made = found(cell([0.0] * 50))
    assert 50 * 2 * norm.sf(made["z_limit"]) == pytest.approx(1e-3)
    assert found(cell([0.01 * made["z_limit"] * 1.01] + [0] * 49, seeds=10**9))["beyond"] == 1
    assert found(cell([0.01 * made["z_limit"] * 0.99] + [0] * 49, seeds=10**9))["beyond"] == 0


@pytest.mark.parametrize("error, seeds, judged", [
    (0.29, 3, True), (0.31, 3, False), (0.29, 2, False), (0.0, 3, False), (math.nan, 3, False),
])  # fmt: skip
def test_a_difference_is_judged_by_three_seeds_and_a_standard_error_below_thirty_percent_of_the_mean(error, seeds, judged):
    assert bool(standardised(cell([0.0], standard_error=error, seeds=seeds)).notnull().all()) == judged
    assert bool(standardised(cell([9.0], standard_error=10 * error, seeds=seeds)).notnull().all()) == judged


def test_one_pool_that_carries_a_third_of_the_mean_leaves_it_unjudged():
    for pool, judged in ((12, False), (3, True)):
        errors = np.array([1.0] * 20 + [pool])   # the last has 37% and 13% of the sum
        spread = errors.std(ddof=1) / math.sqrt(len(errors))
        assert found(cell([errors.mean() - 1], standard_error=spread, seeds=21))["judged"] == judged


@pytest.mark.parametrize("freedom", [2, 9, 10**9])
def test_standardised_differences_have_the_probability_of_students_law(freedom):
    made = standardised(cell([-0.03, 0.02, 0.0, math.nan], seeds=freedom + 1)).values
    np.testing.assert_allclose(norm.cdf(made[:3]), t.cdf([-3, 2, 0], freedom), rtol=1e-9)
    assert np.isnan(made[3])


def test_huge_differences_stay_finite():
    assert standardised(cell([0.25], standard_error=1e-4, seeds=10**6)).item() == pytest.approx(37, abs=0.1)


def test_what_is_deterministic_has_differences_but_no_z():
    made = found(cell([0.1, 0.3])._replace(standard_error=None))
    assert (made["largest_difference"], made["judged"], made["beyond"]) == (0.3, 0, 0) and math.isnan(made["within_two"])
    assert math.isnan(made["largest_z"]) and made["largest_z_place"] == "" and math.isnan(made["z_limit"])


def test_where_there_is_no_theory_nothing_is_compared():
    made = found(cell([math.nan, math.nan]))
    assert made["points"] == 0 and math.isnan(made["largest_difference"]) and math.isnan(made["median_difference"])


def test_an_infinite_error_is_the_largest_difference():
    made = found(cell([math.inf, 0.5], standard_error=math.nan))
    assert (made["points"], made["largest_difference"], made["largest_difference_place"]) == (2, math.inf, "k = 1")


def test_a_missing_experiment_has_a_row_without_numbers():
    made = agreement_table({"here": [Agreement("error", "theory", [cell([0.01])])]}, {"elsewhere": "flow"})
    assert made.agreement.values.tolist() == ["here: error: theory", "elsewhere"]
    assert made.remark.values[1] == "not run: the experiment is not in the configuration"
    assert made.points.values.tolist() == [1, 0] and np.isnan(made.largest_z[1]) and np.isnan(made.largest_difference[1])
    assert all({"long_name", "units"} <= made[name].attrs.keys() for name in made.variables)


# --- kinds of comparison ------------------------------------------------------------------------------------------


def compared(kind, *artifacts):
    return compare_all(list(artifacts), {"one": kind}, {}).drop_vars("agreement")


def row_of(table, quantity, theory=""):
    [at] = [at for at, (what, of) in enumerate(zip(table.quantity.values, table.theory.values)) if quantity in what and theory in of]
    return table.isel(agreement=at)


def test_finite_size_names_the_worst_cell_at_the_largest_dimension_and_at_infinity():
    def pair(alpha, gaps, limits):
        compare = artifact({"theory": ("k", np.ones(6)), "gap": (("dim", "k"), gaps), "extrapolated_gap": ("k", limits),
                            "gap_standard_error": (("dim", "k"), np.full((2, 6), 0.01)),
                            "extrapolated_gap_standard_error": ("k", np.full(6, 0.01))},
                           stage="compare", axes={"alpha": alpha}, dim=[8, 16], k=DEPTHS)  # fmt: skip
        evaluated = [artifact({"error_mean": (("seed", "k"), np.ones((seeds, 6)))}, axes={"alpha": alpha, "dim": dim}, seed=range(seeds))
                     for dim, seeds in ((8, 9), (16, 9 + alpha))]  # fmt: skip
        return [compare, *evaluated]

    gaps, limits = np.zeros((2, 2, 6)), np.zeros((2, 6))
    gaps[0, 0], gaps[1, 1, 4], limits[0, 2], limits[1, 0] = 5, 0.05, 0.03, 7   # at the small dimension, and at k = 0: not compared
    made = compared("finite-size", *pair(1, gaps[0], limits[0]), *pair(2, gaps[1], limits[1]))
    limit, largest = row_of(made, "extrapolated"), row_of(made, "largest D")
    assert largest.largest_difference_place == "alpha = 2, dim = 16, k = 4" and largest.largest_difference == 0.05
    assert limit.largest_z_place == "alpha = 1, k = 2"
    assert limit.largest_z == pytest.approx(-norm.ppf(t.sf(3, 8)))
    assert limit.points == largest.points == 10 and limit.seeds == 9
    assert "infinite D" in str(largest.theory.values)


def test_finite_size_without_dimensions_to_extrapolate_has_one_row():
    nothing = np.full(6, np.nan)
    compare = artifact({"theory": (("dim", "k"), np.ones((1, 6))), "gap": (("dim", "k"), np.zeros((1, 6))),
                        "gap_standard_error": (("dim", "k"), np.full((1, 6), 0.01)), "extrapolated_gap": ("k", nothing),
                        "extrapolated_gap_standard_error": ("k", nothing)}, stage="compare", dim=[16], k=DEPTHS)  # fmt: skip
    made = compared("finite-size", compare, artifact({"error_mean": (("seed",), np.ones(4))}, seed=range(4)))
    assert made.quantity.values.tolist() == ["mean error at the largest D"] and "same D" in made.theory.item()


def test_layers_are_compared_with_the_population_optimum_and_with_their_pools():
    errors = np.ones((2, 1, 6))
    errors[0, 0, 3], errors[1, 0, 2] = 1.2, 0.5
    on = ("trained", "n_context_test", "k")
    exact = np.ones((2, 1, 6))
    exact[:, :, 5] = np.nan   # beyond the depth to which it is known
    compare = artifact({"error_mean": (on, errors), "error_standard_error": (on, np.full((2, 1, 6), 0.1)),
                        "pool_theory": (on, np.ones((2, 1, 6))), "pool_z": (on, np.full((2, 1, 6), 4.0)),
                        "theory_error": (("theory", "n_context_test", "k"), exact)},
                       stage="compare", axes={"n_context": 10}, trained=["block", "all"], n_context_test=[7], k=DEPTHS,
                       theory=["exact", "first order"])  # fmt: skip
    made = compared("layer", compare, artifact({"error_mean": ("seed", np.ones(5))}, axes={"n_context": 10}, seed=range(5)))
    optimum, fixed, free = (row_of(made, *which) for which in (("fixed", "population"), ("fixed", "each pool"), ("trained", "each pool")))
    assert (optimum.points, fixed.points) == (4, 5)
    assert optimum.largest_z_place == fixed.largest_difference_place == "n context = 10, n context test = 7, k = 3"
    assert optimum.largest_z == pytest.approx(-norm.ppf(t.sf(2, 4)))
    assert fixed.largest_z == pytest.approx(-norm.ppf(t.sf(4, 4)))   # paired, as the comparison has it
    assert free.largest_z == pytest.approx(norm.ppf(t.sf(4, 4))) and free.largest_difference == -0.5


def test_attention_is_compared_where_there_is_theory():
    draws = 2 + 0.1 * np.random.default_rng(3).standard_normal((1, 2, 1, 4, 6))
    measured = artifact({"error_mean": (("mask", "guess", "n_context", "seed", "k"), draws)}, axes={"model": "linear", "n_tasks": 9},
                        mask=["history"], guess=["fresh", "fixed"], n_context=[8], seed=range(4), k=DEPTHS)  # fmt: skip
    other = measured.assign_attrs(axes=json.dumps({"model": "softmax", "n_tasks": 9}))
    theory = artifact({"error": (("guess", "n_context", "k"), np.stack([np.full((1, 6), 1.0), np.full((1, 6), np.nan)]))}, stage="theory",
                      axes={"model": "linear", "n_tasks": 9}, guess=["fresh", "fixed"], n_context=[8], k=DEPTHS)  # fmt: skip
    made = compared("attention", other, measured, theory)
    fresh, fixed = row_of(made, "fresh"), row_of(made, "one guess")
    means = draws[0, 0, 0, :, 1:].mean(0)
    assert (fresh.points, fixed.points) == (5, 0)
    assert fresh.largest_difference == pytest.approx(means.max() - 1) and "model = linear, n tasks = 9" in str(fresh.largest_z_place.values)
    ratios = (means - 1) / (draws[0, 0, 0, :, 1:].std(0, ddof=1) / 2)
    assert fresh.largest_z == pytest.approx(-norm.ppf(t.sf(ratios.max(), 3)))


def test_descent_is_compared_at_its_smallest_step():
    distances = np.zeros((2, 3, 4))
    distances[0], distances[1, 2, 1], distances[1, :, 0] = 0.5, 0.2, 9
    on, axes = ("step", "seed", "time"), {"covariance": "skewed"}
    train = artifact({"key_query_distance": (on, distances), "value_distance": (on, 0 * distances)}, stage="train", axes=axes,
                     step=[0, 1], seed=range(3), time=[0.0, 1.5, 3.0, 4.5])  # fmt: skip
    block = row_of(compared("flow", train), "U_11")
    assert block.largest_difference == 0.2 and block.largest_difference_place == "covariance = skewed, seed = 2, time = 1.5"
    assert block.judged == 0 and block.points == 9 and np.isnan(block.largest_z)


def test_shifts_are_compared_for_the_flow_limit_and_for_trained_layers():
    on = ("model", "label", "n_context_test")
    means = np.array([[[1.0, 1.3]], [[2.0, 1.0]], [[50.0, 50.0]]])
    measured = artifact({"seed_mean": (on, means), "seed_mean_standard_error": (on, np.full((3, 1, 2), 0.1))}, axes={"case": "task"},
                        settings={"n_test": 400}, model=["flow limit", "trained on samples", "ridge"], label=["cubic"],
                        n_context_test=[5, 9], seed=range(3))  # fmt: skip
    theory = artifact({"seed_mean": (("label", "n_context_test"), np.ones((1, 2)))}, stage="theory", axes={"case": "task"}, label=["cubic"],
                      n_context_test=[5, 9])  # fmt: skip
    made = compared("shift", measured, theory)
    limit, trained = row_of(made, "flow limit"), row_of(made, "trained")
    assert limit.largest_z == pytest.approx(-norm.ppf(t.sf(3, 3 * 399))) and made.sizes["agreement"] == 2
    assert limit.largest_z_place == "case = task, label = cubic, n context test = 9" and trained.largest_difference == 1


def test_answers_after_random_covariances_are_compared_measure_by_measure():
    names = ("fixed_query_slope", "own_query_slope", "relative_error")
    means = {f"{name}_mean": ("n_context", [0.5, 0.5 + 0.1 * at]) for at, name in enumerate(names)}
    errors = {f"{name}_standard_error": ("n_context", [0.05, 0.05]) for name in names}
    theory = artifact({name: ("n_context", [0.5, 0.5]) for name in names}, stage="theory", n_context=[5, 10])
    made = compared("random-answers", artifact(means | errors, n_context=[5, 10], seed=range(8)), theory)
    worst = row_of(made, "squared error")
    assert worst.largest_difference == pytest.approx(0.4) and worst.largest_z_place == "n context = 10"
    assert worst.largest_z == pytest.approx(-norm.ppf(t.sf(4, 7))) and made.sizes["agreement"] == 3


def test_every_kind_of_the_table_of_stages_is_there():
    text = (Path(__file__).resolve().parents[2] / "workflow/stages.yaml").read_text(encoding="utf-8")
    assert list(yaml.safe_load(text)["agreement"]["kinds"]) == list(KINDS)
