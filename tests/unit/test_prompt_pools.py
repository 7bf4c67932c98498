"""Pools of training prompts: stored and drawn again they are the same, and a recipe that gives another pool is refused."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.covariance import haar, limited_support, power_law
from cotdepth.prompt_pools import prompt_pools, read_prompts
from cotdepth.stamps import ArtifactError

TASKS = {
    "on the axes": power_law(4, 1.0),
    "turned": haar(power_law(4, 1.0), rng=np.random.default_rng(0)),
    "two of four eigenvectors": haar(limited_support(4, 1.0, support=2), rng=np.random.default_rng(1)),
}
LIMIT = "cotdepth.prompt_pools.LARGEST_STORED"
tasks = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def some_pools(task, seeds=2, **changed):
    setting = {"experiment_seed": 3, "cell": "a cell", "n_context": 6, "n_tasks": 50, "label_noise": 0.2} | changed
    return prompt_pools(task, seeds=seeds, **setting)


@pytest.fixture
def recipe_of(monkeypatch):
    """Pools too large to store, as artifacts: what a netCDF file gives back."""

    def of(task, **changed):
        with monkeypatch.context() as patch:
            patch.setattr(LIMIT, 0)
            return some_pools(task, **changed)

    return of


@tasks
def test_a_recipe_gives_the_stored_pool_to_the_bit(task, recipe_of, tmp_path):
    stored, path = some_pools(task), tmp_path / "recipe.nc"
    recipe_of(task).to_netcdf(path)
    recipe = xr.load_dataset(path)
    assert "gram" in stored and "gram" not in recipe
    for seed in (0, 1):
        kept, drawn = read_prompts(stored, seed), read_prompts(recipe, seed)
        assert np.array_equal(kept.weights, drawn.weights) and np.array_equal(kept.grams, drawn.grams)


def test_what_is_stored_is_up_to_the_limit(monkeypatch):
    """Two pools of 50 prompts in four dimensions: 25 entries of a Gram matrix and 4 weights of 8 bytes each."""
    for limit, stored in ((2 * 50 * 29 * 8, True), (2 * 50 * 29 * 8 - 1, False)):
        monkeypatch.setattr(LIMIT, limit)
        assert ("gram" in some_pools(TASKS["turned"])) == stored


@tasks
def test_prompts_have_the_features_of_the_covariance(task):
    """False alarm 2e-3: four standard errors of each entry of a mean over 4000 prompts, noise on the labels only."""
    prompts = read_prompts(some_pools(task, seeds=1, n_context=10, n_tasks=4000), 0)
    second = prompts.grams[:, :4, :4]
    assert (np.abs(second.mean(0) - task.matrix) < 4 * second.std(0) / np.sqrt(4000) + 1e-12).all()
    surplus = prompts.grams[:, 4, 4] - np.einsum("pi,pij,pj->p", prompts.weights, second, prompts.weights)
    assert abs(surplus.mean() - 0.2**2) < 4 * surplus.std() / np.sqrt(4000)


def test_more_seeds_and_prompts_leave_the_first_ones_as_they_were():
    few, many = some_pools(TASKS["turned"]), some_pools(TASKS["turned"], seeds=3, n_tasks=80)
    assert np.array_equal(many.gram[:2, :50], few.gram) and np.array_equal(many.weights[:2, :50], few.weights)
    assert few.digest[0] != few.digest[1]


@pytest.mark.parametrize("other", [{"experiment_seed": 4}, {"cell": "another cell"}])
def test_seeds_and_cells_have_pools_of_their_own(other):
    assert not np.isin(some_pools(TASKS["turned"], **other).digest, some_pools(TASKS["turned"]).digest).any()


@pytest.mark.parametrize("name", ["label_noise", "n_context", "eigenvalue"])
def test_a_recipe_that_gives_another_pool_is_refused(name, recipe_of):
    recipe = recipe_of(TASKS["turned"])
    recipe[name] = recipe[name] + 1
    with pytest.raises(ArtifactError, match="^prompt pool, seed 1: drawn again it differs from its recipe"):
        read_prompts(recipe, 1)
