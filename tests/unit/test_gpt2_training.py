"""Cells of GPT-2: weights in an artifact, training of each seed, thought and labels on test prompts, and what seeds say."""

from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

from cotdepth import label_evaluation, thought_training
from cotdepth.checkpoints import Checkpoints
from cotdepth.covariance import identity, power_law
from cotdepth.fit.gpt2 import ThoughtTraining
from cotdepth.gpt2_models import read_models
from cotdepth.gpt2_training import model_sizes
from cotdepth.gpt2_weights import label_weights, read_weights
from cotdepth.label_evaluation import MODELS, evaluate_predictors, least_squares_labels, queried
from cotdepth.label_prompts import draw_labelled
from cotdepth.label_training import train_predictors
from cotdepth.models.gpt2 import GPT2, Sizes, Thinker, predict_labels, think
from cotdepth.streams import stream
from cotdepth.summary import summarise
from cotdepth.thought_evaluation import evaluate_thinkers, over_seeds
from cotdepth.thought_training import train_thinkers
from cotdepth.written_prompts import write_prompts

SIZES = Sizes(1, 2, 8, "learned", 30)
SHARED = {"sizes": SIZES, "seeds": 2, "steps": 3, "batch_size": 4, "learning_rate": 1e-2, "device": "cpu", "experiment_seed": 3,
          "cell": "c"}  # fmt: skip
THOUGHT = {"n_context_from": 4, "n_context": 4, "tokens": "joint", "supervision": "unrolled", "train_depth": 2, "teacher_step": 0.2}


def silently(steps, name):
    return steps


def thinkers(folder, **changed):
    return train_thinkers(power_law(2, 1.0), checkpoints=Checkpoints(folder, {}), progress=silently, **SHARED | THOUGHT | changed)


def predictors(folder, **changed):
    return train_predictors(2, checkpoints=Checkpoints(folder, {}), progress=silently,
                            **SHARED | {"train_law": "random", "n_context": 4} | changed)  # fmt: skip


# --- weights ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [SIZES, Sizes(2, 1, 6, "none")], ids=["learned", "none"])
@pytest.mark.parametrize("made", [partial(GPT2, 2, 1), partial(Thinker, 2, tokens="joint"), partial(Thinker, 2, tokens="separate")])
def test_weights_come_back_as_they_were(made, sizes):
    models = [made(sizes=sizes, rng=stream(1, "training", cell="", seed=seed)) for seed in (0, 1)]
    kept = label_weights([model.state_dict() for model in models])
    other = made(sizes=sizes, rng=np.random.default_rng(5))
    assert kept.sizes["parameter"] == sum(one.numel() for one in other.parameters())
    for seed, model in enumerate(models):
        other.load_state_dict(read_weights(kept, seed))
        for one, another in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, another)


def test_sizes_of_a_configuration_have_positions_only_where_they_are_learned():
    parameters = {"layers": 3, "heads": 4, "width": 64, "max_tokens": 9}
    assert model_sizes(parameters | {"positions": "learned"}) == Sizes(3, 4, 64, "learned", 9)
    assert model_sizes(parameters | {"positions": "none"}) == Sizes(3, 4, 64, "none")


# --- training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("supervision", ["teacher", "unrolled"])
@pytest.mark.parametrize("tokens", ["joint", "separate"])
def test_thinkers_are_those_of_training_by_hand(tokens, supervision, tmp_path):
    kept = thinkers(tmp_path, tokens=tokens, supervision=supervision)
    by_hand = ThoughtTraining(partial(draw_prompts_of, 4), 2, SIZES, tokens=tokens, supervision=supervision, depth=2, batch_size=4,
                              learning_rate=1e-2, teacher_step=0.2 if supervision == "teacher" else None,
                              rng=stream(3, "training", cell="c", seed=1))  # fmt: skip
    by_hand.run(3)
    (_, _), (_, model) = read_models(kept)
    for one, another in zip(model.parameters(), by_hand.model.parameters(), strict=True):
        assert torch.equal(one, another)
    np.testing.assert_allclose(kept.loss.sel(seed=1), by_hand.losses / 2)
    assert kept.step.values.tolist() == [1, 2, 3] and kept.train_depth == 2


def draw_prompts_of(length, count, rng):
    rng.integers(length, length + 1)   # the length of the step comes first
    return write_prompts(power_law(2, 1.0), length, count, rng=rng)


def test_every_length_of_a_range_is_drawn_and_no_other(tmp_path, monkeypatch):
    """40 steps miss one of three lengths in 3 of 10 million runs, and this one is seeded."""
    lengths = []
    monkeypatch.setattr(thought_training, "write_prompts", lambda law, length, *given, **named:
                        lengths.append(length) or write_prompts(law, length, *given, **named))  # fmt: skip
    thinkers(tmp_path, n_context_from=3, n_context=5, seeds=1, steps=40)
    assert set(lengths) == {3, 4, 5} and len(lengths) == 40


def test_losses_of_long_training_are_means_over_parts(tmp_path):
    kept = predictors(tmp_path, steps=250, seeds=1)
    assert kept.sizes["step"] == 100 and kept.step.values[-1] == 250 and kept.loss.notnull().all()
    assert set(np.diff(kept.step)) == {2, 3}


# --- thought ------------------------------------------------------------------------------------------------------


def test_errors_of_thought_are_those_without_a_cache(tmp_path):
    kept = thinkers(tmp_path)
    found = evaluate_thinkers(kept, identity(2), law="even", experiment_seed=3, n_test=6, n_context_test=[3, 7], depth=4, device="cpu",
                              progress=silently)  # fmt: skip
    for seed, model in read_models(kept):
        prompts = write_prompts(identity(2), 7, 6, rng=stream(3, "test prompts of 7 examples", cell="even", seed=seed))
        estimates = torch.zeros(1, 6, 2)
        for k in range(5):
            errors = ((estimates[-1].detach().numpy() - prompts.weights) ** 2).mean(1)
            np.testing.assert_allclose(found.sel(seed=seed, n_context_test=7, k=k), errors, rtol=1e-4)
            estimates = torch.cat([torch.zeros(1, 6, 2), think(model, torch.tensor(prompts.examples).float(), estimates)])
    assert np.all(found.sel(n_context_test=3, k=0) != found.sel(n_context_test=7, k=0))
    sizes = {"dim": 2, "layers": SIZES.layers, "heads": SIZES.heads, "width": SIZES.width, "steps": 3}
    assert {name: found[name].item() for name in sizes} == sizes and all("long_name" in found[name].attrs for name in sizes)


def test_models_of_two_cells_are_tested_on_the_same_prompts(tmp_path):
    at = {"law": "even", "experiment_seed": 3, "n_test": 6, "n_context_test": [3], "depth": 2, "device": "cpu", "progress": silently}
    one, other = (evaluate_thinkers(thinkers(tmp_path / cell, cell=cell, train_depth=depth), identity(2), **at)
                  for cell, depth in (("c", 1), ("d", 2)))  # fmt: skip
    np.testing.assert_array_equal(one.sel(k=0), other.sel(k=0))
    assert np.any(one.sel(k=1) != other.sel(k=1))
    labels = {"experiment_seed": 3, "dim": 2, "test_law": ["fixed"], "test_noise": 0, "n_test": 7, "n_context_test": [2], "device": "cpu"}
    zeros = [evaluate_predictors(predictors(tmp_path / f"labels-{cell}", cell=cell), progress=silently, **labels) for cell in "cd"]
    np.testing.assert_array_equal(*(each.error_mean.sel(model="zero") for each in zeros))


def test_a_teacher_whose_descent_diverges_is_refused(tmp_path):
    largest = 2 / power_law(2, 1.0).spectrum.max()
    with pytest.raises(ValueError, match="teacher_step = .*: must be below 2 / lambda_max"):
        thinkers(tmp_path, supervision="teacher", teacher_step=largest)


def of_medians(medians, train_depth):
    """A summary whose medians over prompts are (seed, k)."""
    errors = xr.DataArray(np.array(medians)[:, None, :, None], dims=("seed", "n_context_test", "k", "prompt"))
    return summarise(errors.assign_coords(seed=range(len(medians)), n_context_test=[5], train_depth=train_depth), [0.5], "s")


def test_overthinking_is_the_paired_difference_to_the_depth_of_training_with_students_interval():
    medians = 1 + np.random.default_rng(2).normal(size=(8, 6)) * 0.1 + np.array([1, 0.3, 0, 0.1, 0.2, 0.3])
    found = over_seeds(of_medians(medians, 3)).isel(n_context_test=0)
    tested = stats.ttest_rel(medians[:, -1], medians[:, 3]).confidence_interval(0.95)
    assert found.best_depth == 2
    np.testing.assert_allclose([found.overthinking_lowest, found.overthinking_highest], [tested.low, tested.high])
    np.testing.assert_allclose(found.overthinking, np.mean(medians[:, -1] - medians[:, 3]))
    np.testing.assert_allclose(found.run_deviation, medians.std(axis=0, ddof=1))
    np.testing.assert_allclose(found.run_mean, medians.mean(axis=0))
    np.testing.assert_allclose(found.run_median, medians.mean(axis=0))


def test_where_no_depth_is_beyond_that_of_training_overthinking_is_not_known():
    found = over_seeds(of_medians([[1.0, 0.5, 0.2], [1.0, 0.4, 0.3], [1.0, 0.7, 0.1]], 2))
    assert found.best_depth == 2
    assert np.isnan([found[name].item() for name in ("overthinking", "overthinking_lowest", "overthinking_highest")]).all()


def test_an_interval_covers_no_overthinking_as_often_as_it_says():
    """All depths alike, 200 times."""
    rng = np.random.default_rng(5)
    found = [over_seeds(of_medians(rng.normal(1, 0.1, size=(4, 5)), 2)) for _ in range(200)]
    covers = [one.overthinking_lowest.item() <= 0 <= one.overthinking_highest.item() for one in found]
    assert 0.88 < np.mean(covers) <= 1   # 4.5 standard errors


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_have_a_difference_but_no_interval(seeds):
    found = over_seeds(of_medians([[1.0, 0.25, 0.5]] * seeds, 1))
    assert found.overthinking.item() == 0.25 and found.overthinking_lowest.isnull().all() and found.overthinking_highest.isnull().all()
    assert found.run_deviation.isnull().all() == (seeds == 1)


# --- labels -------------------------------------------------------------------------------------------------------


def test_errors_on_labels_are_those_of_each_prompt_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(label_evaluation, "TOGETHER", 40)   # a few prompts at once
    kept = predictors(tmp_path)
    found = evaluate_predictors(kept, experiment_seed=3, dim=2, test_law=["fixed", "orthant"], test_noise=0.5, n_test=7,
                                n_context_test=[1, 6], device="cpu", progress=silently)  # fmt: skip
    for seed, model in read_models(kept):
        rng = stream(3, "test prompts, orthant", cell="", seed=seed)
        examples = draw_labelled("orthant", 2, 6, 7, noise=0.5, rng=rng).examples[:, [0, -1]]
        with torch.no_grad():
            answers = [predict_labels(model, torch.tensor(one[None]).float())[0, -1].item() for one in examples]
        errors, at = (np.array(answers) - examples[:, -1, -1]) ** 2 / 2, found.sel(seed=seed, test_law="orthant", n_context_test=1)
        expected = {"error_mean": errors.mean(), "error_median": np.median(errors), "error_standard_error": stats.sem(errors)}
        for name, value in expected.items():
            np.testing.assert_allclose(at[name].sel(model="gpt2"), value, rtol=1e-4)
        np.testing.assert_allclose(at.error_mean.sel(model="zero"), (examples[:, -1, -1] ** 2).mean() / 2)
    zero = found.error_mean.sel(model="zero")
    np.testing.assert_array_equal(zero.sel(n_context_test=1), zero.sel(n_context_test=6))   # the same queries
    assert found.model.values.tolist() == list(MODELS)
    assert np.all(found.error_mean.sel(model="least squares", n_context_test=6) < 1e-20)


@pytest.mark.parametrize("n_context", [1, 3, 8])
def test_least_squares_is_that_of_a_textbook(n_context):
    examples = draw_labelled("noisy", 3, n_context, 5, noise=0.5, rng=np.random.default_rng(1)).examples
    expected = [one[-1, :-1] @ np.linalg.lstsq(one[:-1, :-1], one[:-1, -1], rcond=None)[0] for one in examples]
    np.testing.assert_allclose(least_squares_labels(examples), expected, rtol=1e-8)


def test_the_label_of_a_query_is_not_read(tmp_path):
    [(_, model), _] = read_models(predictors(tmp_path))
    examples = draw_labelled("fixed", 2, 4, 3, rng=np.random.default_rng(1)).examples
    hidden = examples.copy()
    hidden[:, -1, -1] = 1e3
    np.testing.assert_array_equal(queried(model, examples), queried(model, hidden))
