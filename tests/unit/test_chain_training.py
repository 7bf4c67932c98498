"""Cells of linear attention trained with chain of thought: every layer on its way, its test errors, and the shortest prompts."""

import numpy as np
import pytest
import torch
import xarray as xr

from cotdepth.chain_evaluation import evaluate_chains, shortest_prompts
from cotdepth.chain_training import WORDS, train_chains
from cotdepth.checkpoints import Checkpoints
from cotdepth.covariance import power_law
from cotdepth.fit.cot import CoTTraining
from cotdepth.full_structure import structure
from cotdepth.prompts import draw_prompts
from cotdepth.streams import stream
from cotdepth.summary import summarise
from cotdepth.written_prompts import write_prompts

LAW = power_law(3, 0.5)
SETTINGS = {"train_depth": 2, "teacher_step": 0.2, "batch_size": 6, "learning_rate": 1e-2}


def silently(steps, name):
    return steps


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("kept"))


def trained(folder, **changed):
    options = {"supervision": ["teacher", "unrolled"], "n_context": [5, 9], "seeds": 2, "steps": 6, "tested_every": 2, "experiment_seed": 3}
    return train_chains(LAW, checkpoints=Checkpoints(folder, {}), progress=silently, cell="c", **SETTINGS | options | changed)


@pytest.mark.parametrize("supervision", ["teacher", "unrolled"])
def test_layers_are_those_of_training_by_hand_on_the_way(layers, supervision):
    by_hand = CoTTraining(lambda count, rng: write_prompts(LAW, 9, count, rng=rng), 3, supervision=supervision, depth=2, batch_size=6,
                          learning_rate=1e-2, teacher_step=0.2 if supervision == "teacher" else None,
                          rng=stream(3, "training", cell="c", seed=1), **WORDS)  # fmt: skip
    found = layers.sel(supervision=supervision, n_context=9, seed=1)
    assert found.step.values.tolist() == [0, 2, 4, 6]
    for step in (0, 2, 4, 6):
        np.testing.assert_array_equal(found.V.sel(step=step), by_hand.matrices()["V"])
        np.testing.assert_array_equal(found.W.sel(step=step), by_hand.matrices()["W"])
        by_hand.run(2)
    np.testing.assert_allclose(found.loss.sel(step=4), by_hand.losses[2:4].mean() / 3)
    assert np.isnan(found.loss.sel(step=0))


def test_a_layer_depends_on_its_own_length_and_seed_alone(layers, tmp_path):
    alone = trained(tmp_path, supervision=["unrolled"], n_context=[9], seeds=1)
    of_seeds = "unreversed_fraction"
    xr.testing.assert_equal(alone.drop_vars(of_seeds), layers.sel(supervision=["unrolled"], n_context=[9], seed=[0]).drop_vars(of_seeds))


def test_layers_say_what_they_answer_in_reverse(layers):
    one = layers.sel(supervision="teacher", n_context=9, step=6, drop=True)
    expected = structure(one[["V", "W"]])
    for name in ("value_sign", "reversed_directions", "unreversed_fraction"):
        np.testing.assert_array_equal(one[name], expected[name])
    assert layers.unreversed_fraction.dims == ("supervision", "n_context", "step")


def test_a_teacher_whose_descent_diverges_is_refused(tmp_path):
    largest = 2 / LAW.spectrum.max()
    with pytest.raises(ValueError, match="teacher_step = .*: must be below 2 / lambda_max"):
        trained(tmp_path, teacher_step=largest)
    assert trained(tmp_path, supervision=["unrolled"], n_context=[5], seeds=1, teacher_step=largest).sizes["seed"] == 1   # of no effect


def test_errors_are_those_of_thinking_by_hand(layers):
    """Linear attention that sees the examples alone, written out from its matrices."""
    found = evaluate_chains(layers, LAW, law="even", experiment_seed=3, n_test=4, depth=3, progress=silently)
    assert found.sizes == {"n_context": 2, "seed": 2, "supervision": 2, "step": 4, "k": 4, "prompt": 4}
    prompts = draw_prompts(LAW, 9, 4, rng=stream(3, "test prompts of 9 examples", cell="even", seed=1))
    for supervision in ("teacher", "unrolled"):
        layer, estimate = layers.sel(supervision=supervision, n_context=9, seed=1, step=6), np.zeros((4, 3))
        for k in range(4):
            errors = found.sel(supervision=supervision, n_context=9, seed=1, step=6, k=k)
            np.testing.assert_allclose(errors, np.mean((estimate - prompts.weights) ** 2, axis=1), rtol=1e-10)
            queries = np.append(estimate, np.ones((4, 1)), axis=1) @ layer.W.values[:4, 4:].T
            estimate = estimate + np.einsum("pij,pj->pi", prompts.grams, queries) @ layer.V.values[4:-1, :4].T


def test_an_estimate_that_has_left_the_range_of_numbers_has_an_infinite_error(layers):
    found = evaluate_chains(layers * 1e150, LAW, law="even", experiment_seed=3, n_test=4, depth=6, progress=silently)
    assert np.isposinf(found.isel(k=-1)).all() and found.notnull().all()


def test_the_shortest_prompts_are_those_whose_seeds_reach_the_target_at_the_end():
    """Errors by (n_context, k) at the last step; those of the step before are smaller, and do not count."""
    last = torch.tensor([[0.9, 0.5], [0.9, 0.2], [0.9, 0.1]]).numpy()
    errors = xr.DataArray(np.stack([last * 0, last]), dims=("step", "n_context", "k")).expand_dims(seed=[0, 1, 2], supervision=["teacher"])
    errors = errors * xr.DataArray([0.5, 1.0, 30.0], dims="seed")   # the median decides
    coords = {"n_context": [20, 40, 80], "step": [0, 10], "seed": [0, 1, 2], "supervision": ["teacher"]}
    found = shortest_prompts(summarise(errors.expand_dims(prompt=1).transpose(..., "prompt").assign_coords(coords), [0.5], "s"),
                             [0.5, 0.15, 0.05])  # fmt: skip
    np.testing.assert_array_equal(found.shortest_prompts.sel(supervision="teacher"), [[np.nan, 20], [np.nan, 80], [np.nan, np.nan]])
    np.testing.assert_allclose(found.seed_median.sel(n_context=40, k=1, step=10), 0.2)
    np.testing.assert_allclose([found[name].sel(n_context=40, k=1, step=10).item() for name in ("seed_lowest", "seed_highest")], [0.1, 6])
