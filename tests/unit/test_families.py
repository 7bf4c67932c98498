"""Regimes of task families: what a configuration says becomes laws, pools, prompts and theory."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.covariance import haar, identity, power_law
from cotdepth.families import TESTED_ON, Family, deployment, training_families
from cotdepth.family_evaluation import label_errors, prompt_streams, tasks_to_test
from cotdepth.family_pools import family_recipe, read_pool
from cotdepth.family_theory import predicted_errors
from cotdepth.fit.ridge import label_matrices
from cotdepth.store import ArtifactError
from cotdepth.theory import asymptotic, equivalents

SPEC = {
    "covariances": {"flat": {"exponent": 0, "trace": "dim"}, "turned": {"levels": [3, 1], "trace": "dim", "basis": "pairs", "angle": 40}},
    "experiment_seed": 1, "dim": 16, "train_covariance": ["flat", "turned"], "test_covariance": "turned", "shares": [0.75, 0.25],
    "alpha": [2, 1.5], "alpha_test": 1.25, "sigma": 0.5, "sigma_test": 0.2, "tau": 2, "ridge": 0.3, "step_size": 0.9, "depth": 4,
}  # fmt: skip
FAMILIES = [Family(identity(3), 6, 4, 0.5), Family(haar(power_law(3, 1.0), rng=np.random.default_rng(1)), 2, 5, 0.0)]


def recipe(seeds=2):
    return family_recipe(FAMILIES, experiment_seed=1, cell="c", seeds=seeds)


# --- families and their use ---------------------------------------------------------------------------------------


def test_families_scale_with_the_dimension():
    one, other = training_families(SPEC)
    assert (one.n_tasks, one.n_context, other.n_tasks, other.n_context) == (24, 32, 8, 24)
    assert one.label_noise == other.label_noise == pytest.approx(0.5 * np.sqrt(16))
    np.testing.assert_allclose(np.linalg.eigvalsh(other.covariance.matrix), np.repeat([0.5, 1.5], 8))


def test_one_value_holds_for_all_families():
    one, other = training_families(SPEC | {"train_covariance": "flat", "alpha": 2})
    assert one.covariance.trace == other.covariance.trace and one.n_context == other.n_context == 32


def test_the_root_of_the_test_covariance_is_its_root():
    used = deployment(SPEC)
    turned = training_families(SPEC)[1].covariance.matrix
    np.testing.assert_allclose(used.root @ used.root, turned, atol=1e-14)
    assert np.array_equal(used.root, used.root.T) and used.n_context == 20 and used.noise == pytest.approx(0.2 * np.sqrt(16))


# --- pools and prompts --------------------------------------------------------------------------------------------


def test_a_pool_is_drawn_again_as_it_was(tmp_path):
    recipe().to_netcdf(tmp_path / "recipe.nc")
    once, again = read_pool(recipe(), 1), read_pool(xr.load_dataset(tmp_path / "recipe.nc"), 1)
    assert np.array_equal(once.weights, again.weights) and np.array_equal(once.statistics, again.statistics)
    assert once.weights.shape == (8, 3)


def test_more_pools_leave_the_first_ones_as_they_were():
    assert recipe(3).digest.values[:2].tolist() == recipe(2).digest.values.tolist() and len(set(recipe(3).digest.values)) == 3


def test_a_pool_that_is_not_that_of_its_recipe_is_refused():
    other = recipe().copy(deep=True)
    other.eigenvalue.values[1] *= 1.5
    with pytest.raises(ArtifactError, match="task pool, seed 0"):
        read_pool(other, 0)


def test_training_tasks_are_tasks_of_the_pool_and_new_ones_are_not():
    pool = read_pool(recipe(), 0)
    tasks = tasks_to_test(pool.weights, {name: prompt_streams(recipe(), 0, 20, name) for name in TESTED_ON})
    assert np.isin(tasks["training tasks"], pool.weights).all() and not np.isin(tasks["new tasks"], pool.weights).any()
    assert len(np.unique(tasks["training tasks"][:, 0])) > 4


def test_more_prompts_leave_the_first_ones_as_they_were():
    few, many = ([rng.random() for rng in prompt_streams(recipe(), 1, count, "new tasks")] for count in (3, 9))
    assert many[:3] == few and len(set(many)) == 9
    assert not set(many) & {rng.random() for rng in prompt_streams(recipe(), 1, 9, "training tasks")}


def test_everything_is_labelled():
    errors = label_errors(np.zeros((2, 2, 4, 5)), recipe())
    assert errors.dims == ("seed", "tested_on", "k", "prompt") and errors.tested_on.values.tolist() == list(TESTED_ON)
    made = [recipe(), label_matrices([np.eye(3)] * 2, 0.1, recipe()), predicted_errors(SPEC)]
    for variable in (variable for dataset in made for variable in dataset.variables.values()):
        assert variable.attrs.keys() >= {"long_name", "units"}


# --- theory -------------------------------------------------------------------------------------------------------


def test_the_prediction_is_that_of_the_general_formula():
    families = training_families(SPEC)
    regime = {
        "train_context": [32, 24], "test_context": 20, "n_tasks": 32, "label_noise": 0.5 * np.sqrt(16), "shares": [0.75, 0.25],
        "ridge": 0.3, "step_size": 0.9,
    }  # fmt: skip
    covariances = [family.covariance for family in families], families[1].covariance
    noisy = {"test_noise": 0.2 * np.sqrt(16), "depth": 4}
    found = predicted_errors(SPEC)
    np.testing.assert_allclose(found.error.sel(tested_on="new tasks"), equivalents.error_curve(*covariances, **regime, **noisy), rtol=1e-12)
    one, other = equivalents.training_task_error_curve(*covariances, **regime, **noisy).values
    np.testing.assert_allclose(found.error.sel(tested_on="training tasks"), 0.75 * one + 0.25 * other, rtol=1e-12)
    assert found.growth_rate == equivalents.growth_rate(*covariances, **regime)
    assert (found.numerical_error < 1e-8).all() and (found.numerical_error > 0).any()


def test_isotropic_families_approach_the_asymptotic_theory():
    """At D = 2000 the formula's own corrections of order 1/D are below three parts in a thousand."""
    spec = SPEC | {"train_covariance": "flat", "test_covariance": "flat", "alpha": 1.25, "sigma": 0.5, "dim": 2000, "shares": [1]}
    limit = asymptotic.error_curve(1.25, 2.0, 0.5, depth=4, ridge=0.3, step_size=0.9, test_noise=0.2)
    np.testing.assert_allclose(predicted_errors(spec).error.sel(tested_on="new tasks"), limit, rtol=3e-3)
