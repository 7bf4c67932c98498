"""Tasks to select from, in every reading, and what is kept of a selection."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cotdepth import selection
from cotdepth.covariance import Covariance, limited_support, power_law
from cotdepth.selection_errors import label_target_errors, training_mixtures
from cotdepth.selection_results import label_selections, select
from cotdepth.selection_tasks import READINGS, draw_tasks, read_target, read_tasks, task_recipe
from cotdepth.stamps import ArtifactError
from cotdepth.streams import stream
from cotdepth.theory import finite

DIM = 8
TYPES = {"easy": limited_support(DIM, 0.2, support=5), "hard": limited_support(DIM, 0.8, support=3)}
TARGET = Covariance(power_law(DIM, 0.8).spectrum[[3, 0, 5, 1, 7, 2, 6, 4]])   # not in descending order


def some_tasks(reading, per_type=4, seed=0):
    return draw_tasks(TYPES, TARGET, per_type=per_type, reading=reading,
                      rng_of=lambda name, index: stream(seed, name, cell="", seed=0, prompt=index))  # fmt: skip


def some_recipe(reading, seeds=3, **changed):
    return task_recipe(TYPES, TARGET, cell="a cell", seeds=seeds, reading=reading, **{"experiment_seed": 3, "per_type": 4} | changed)


# --- tasks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", READINGS)
def test_tasks_come_type_after_type_with_the_eigenvalues_of_their_type(reading):
    names = np.repeat(list(TYPES), 4)
    assert len(some_tasks(reading)) == 8
    for name, task in zip(names, some_tasks(reading)):
        np.testing.assert_allclose(np.linalg.eigvalsh(task.matrix), np.sort(TYPES[name].spectrum), atol=1e-12)


def test_independent_tasks_share_no_eigenvector():
    """Nor any with the axes: an entry of a uniform basis is 1 with probability 0."""
    bases = [task.basis for task in some_tasks("independent")]
    assert max(np.abs(basis).max() for basis in bases) < 1 - 1e-3
    assert max(np.abs(one.T @ other).max() for one in bases for other in bases if one is not other) < 1 - 1e-3


def test_shuffled_and_aligned_tasks_are_on_the_targets_eigenvectors_in_places_that_differ():
    for reading in ("shuffled", "aligned"):
        tasks = some_tasks(reading, per_type=10)
        assert all(task.basis is None for task in tasks)
        assert len({tuple(np.flatnonzero(task.spectrum)) for task in tasks[10:]}) > 5


def in_the_targets_order(task):
    kept = task.spectrum > 0
    return bool(np.all(np.diff(task.spectrum[kept][np.argsort(-TARGET.spectrum[kept])]) < 0))


def test_only_aligned_tasks_are_strong_where_the_target_is():
    """A shuffled task of three skills is in order once in six."""
    assert all(in_the_targets_order(task) for task in some_tasks("aligned", per_type=20))
    assert 0 < sum(in_the_targets_order(task) for task in some_tasks("shuffled", per_type=20)[20:]) < 10


@pytest.mark.parametrize("reading", READINGS)
def test_what_is_read_is_what_was_drawn(reading, tmp_path):
    """Stored spectra, or bases drawn again, after a round trip through a file."""
    some_recipe(reading).to_netcdf(tmp_path / "recipe.nc")
    recipe = xr.load_dataset(tmp_path / "recipe.nc")
    assert ("spectrum" in recipe) == (reading != "independent")
    again = some_recipe("independent").assign_attrs(reading=reading).assign(digest=recipe.digest)   # no spectra: draws again
    for seed in range(3):
        for read, drawn in zip(read_tasks(recipe, seed), read_tasks(again, seed), strict=True):
            assert np.array_equal(read.matrix, drawn.matrix)
    assert np.array_equal(read_target(recipe).matrix, TARGET.matrix)


def test_sets_differ_and_do_not_depend_on_how_many_there_are():
    few, many = some_recipe("shuffled", seeds=2), some_recipe("shuffled", seeds=4)
    assert np.array_equal(many.spectrum[:2], few.spectrum) and len(set(many.digest.values)) == 4
    assert not np.isin(some_recipe("shuffled", experiment_seed=4).digest, many.digest).any()


def test_a_recipe_that_gives_other_tasks_is_refused():
    recipe = some_recipe("independent")
    recipe["type_spectrum"] = recipe.type_spectrum * 2
    with pytest.raises(ArtifactError, match="^set of tasks, seed 1: drawn again it differs from its recipe"):
        read_tasks(recipe, 1)


# --- selections ---------------------------------------------------------------------------------------------------


def a_selection(probability):
    return xr.Dataset({"probability": ("task", np.asarray(probability)), "objective": 1.0, "kkt_residual": 1e-9})


def labelled(seeds=5):
    rng = np.random.default_rng(0)
    return label_selections([a_selection(rng.dirichlet(np.ones(8))) for _ in range(seeds)], some_recipe("shuffled", seeds))


def test_the_probability_of_a_type_is_the_mean_over_its_tasks():
    found = label_selections([a_selection([0.1, 0.1, 0.2, 0.0, 0.3, 0.3, 0.0, 0.0])], some_recipe("shuffled", 1))
    assert found.type_probability.sel(seed=0).values == pytest.approx([0.1, 0.15])
    assert found.type_difference.sel(type="hard", other_type="easy").item() == pytest.approx(0.05)
    assert found.hardness.values.tolist() == 4 * [finite.hardness(TYPES["easy"])] + 4 * [finite.hardness(TYPES["hard"])]
    assert np.isnan(found.type_difference_interval).all()   # one set of tasks


def test_differences_are_those_of_a_paired_t_test():
    found = labelled()
    easy, hard = found.type_probability.sel(type="easy"), found.type_probability.sel(type="hard")
    interval = stats.ttest_rel(easy, hard).confidence_interval(0.95)
    pair = found.sel(type="easy", other_type="hard")
    assert pair.type_difference.item() == pytest.approx((interval.low + interval.high) / 2)
    assert pair.type_difference_interval.item() == pytest.approx((interval.high - interval.low) / 2)
    np.testing.assert_allclose(found.type_difference, -found.type_difference.values.T)
    np.testing.assert_allclose(found.type_difference_interval, found.type_difference_interval.values.T)


def test_what_one_may_train_on_are_probabilities():
    types, probability = np.array(["a", "a", "b", "c", "b"]), np.array([0.5, 0.1, 0.0, 0.4, 0.0])
    found = training_mixtures(probability, types)
    assert list(found) == ["selected", "uniform", "a", "b", "c"] and found["selected"] is probability
    assert all((shares >= 0).all() and shares.sum() == pytest.approx(1) for shares in found.values())
    assert found["b"].tolist() == [0, 0, 0.5, 0, 0.5] and found["uniform"].tolist() == [0.2] * 5


@pytest.mark.parametrize("objective, choice", [
    ("surrogate", {}),
    ("exact-2-example", {"objective": "exact", "depth": 2, "mixture": "example"}),
    ("exact-10-prompt", {"objective": "exact", "depth": 10, "mixture": "prompt"}),
])  # fmt: skip
def test_an_objective_is_minimised_by_its_name(objective, choice):
    tasks = some_tasks("aligned")
    found = select(tasks, TARGET, objective, rng=np.random.default_rng(0))
    assert found.objective.item() == pytest.approx(selection.evaluate(found.probability.values, tasks, TARGET, **choice).objective.item())
    uniform = selection.evaluate(np.full(8, 1 / 8), tasks, TARGET, **choice)
    assert found.objective < uniform.objective and found.kkt_residual < 1e-4
    assert ("start" in found.dims) == bool(choice) and (not choice or found.sizes["start"] == 4)


def test_errors_have_quartiles_over_sets():
    errors = np.arange(5.0)[:, None, None, None] * np.ones((5, 2, 3, 4))
    found = label_target_errors(errors, labelled(5), ["prompt", "example"], ["selected", "uniform", "easy"], n_context=20, dim=8)
    assert found.error_quantile.sel(mixture="example", model="easy", k=3).values.tolist() == [1, 2, 3]
    assert (found.n_context.item(), found.dim.item()) == (20, 8)


def test_every_variable_is_labelled():
    errors = label_target_errors(np.ones((5, 1, 1, 2)), labelled(5), ["prompt"], ["uniform"], n_context=20, dim=8)
    for dataset in (some_recipe("aligned"), labelled(), errors):
        assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in dataset.variables.values())
        assert dataset.attrs.keys() >= {"title", "source"}
