"""Pools of fully trained attention come out of their recipes, in the law of prompts that are drawn directly."""

import numpy as np
import pytest

from cotdepth.covariance import haar, power_law
from cotdepth.full_pools import draw_pool, draw_shown, full_pools
from cotdepth.stamps import ArtifactError
from cotdepth.written_prompts import write_prompts

TASK = haar(power_law(3, 1.0), rng=np.random.default_rng(4))


def pools(model="linear", **changed):
    sizes = {"n_context": [5, 2], "n_tasks": 6, "label_noise": 0.5, "seeds": 2, "experiment_seed": 3, "cell": "c"}
    return full_pools(TASK, model=model, progress=lambda steps, name: steps, **sizes | changed)


@pytest.mark.parametrize("model, shape", [("linear", (6, 4, 4)), ("softmax", (6, 5, 4))])
def test_a_recipe_gives_pools_of_the_shape_that_the_model_takes(model, shape):
    made = pools(model)
    drawn = draw_pool(made, 5, 1)
    assert drawn.inputs.shape == shape and drawn.weights.shape == (6, 3) and made.digest.dims == ("n_context", "seed")
    assert drawn.inputs.dtype == (np.float64 if model == "linear" else np.float32)


@pytest.mark.parametrize("model", ["linear", "softmax"])
def test_every_length_seed_cell_and_experiment_has_a_pool_of_its_own(model):
    first = draw_pool(pools(model), 5, 0).weights
    others = [draw_pool(pools(model), 2, 0), draw_pool(pools(model), 5, 1), draw_pool(pools(model, cell="d"), 5, 0),
              draw_pool(pools(model, experiment_seed=4), 5, 0)]  # fmt: skip
    assert not any(np.any(other.weights == first) for other in others)


@pytest.mark.parametrize("model", ["linear", "softmax"])
def test_more_tasks_lengths_and_seeds_leave_the_first_ones_as_they_were(model):
    few, many = draw_pool(pools(model), 5, 1), draw_pool(pools(model, n_tasks=9, n_context=[3, 5], seeds=3), 5, 1)
    assert np.array_equal(few.inputs, many.inputs[:6]) and np.array_equal(few.weights, many.weights[:6])


@pytest.mark.parametrize("model", ["linear", "softmax"])
def test_a_recipe_that_gives_another_pool_is_refused(model):
    made = pools(model)
    made["label_noise"] = made.label_noise + 1e-3
    with pytest.raises(ArtifactError, match="^prompt pool of 5 examples, seed 1: drawn again it differs"):
        draw_pool(made, 5, 1)


def test_examples_in_single_precision_are_those_in_double_precision_rounded():
    double, single = (draw_shown("softmax", TASK, 5, 4, noise=0.5, rng=np.random.default_rng(1), dtype=dtype)
                      for dtype in (np.float64, np.float32))  # fmt: skip
    assert np.array_equal(double.inputs.astype(np.float32), single.inputs) and np.array_equal(double.weights, single.weights)


def test_prompts_drawn_a_few_at_a_time_are_those_drawn_together(monkeypatch):
    together = write_prompts(TASK, 5, 7, label_noise=0.5, rng=np.random.default_rng(1))
    monkeypatch.setattr("cotdepth.written_prompts.AT_ONCE", 2 * 8 * 5 * 3)
    apart = write_prompts(TASK, 5, 7, label_noise=0.5, rng=np.random.default_rng(1))
    np.testing.assert_allclose(apart.examples, together.examples, rtol=0, atol=1e-14)
