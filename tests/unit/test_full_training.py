"""Cells of fully trained attention: every layer of a cell, whatever trains beside it, whatever was there before."""

import shutil

import numpy as np
import pytest
import torch
import xarray as xr

from cotdepth import checkpoints as checkpoints_module
from cotdepth import devices, full_training
from cotdepth.checkpoints import Checkpoints
from cotdepth.covariance import identity
from cotdepth.devices import DeviceError, chosen_device
from cotdepth.full_evaluation import evaluate_full, over_seeds
from cotdepth.full_pools import full_pools
from cotdepth.full_structure import structure
from cotdepth.full_training import train_full
from cotdepth.prompts import draw_prompts
from cotdepth.streams import stream
from cotdepth.summary import summarise

SETTINGS = {"parameterisation": "merged", "batch_size": 8, "learning_rate": 1e-2, "l2": 1e-3, "experiment_seed": 3}
GUESSES = ["fresh", "fixed", "zero"]


def silently(steps, name):
    return steps


def pools(model="linear", **changed):
    sizes = {"n_context": [5, 7], "n_tasks": 6, "label_noise": 0.0, "seeds": 2, "experiment_seed": 3, "cell": "c"}
    return full_pools(identity(3), model=model, progress=silently, **sizes | changed)


def trained(tmp_path, made=None, *, steps=6, device="cpu", progress=silently, made_of=None, **changed):
    checkpoints = Checkpoints(tmp_path, made_of or {"stamp": "s"})
    options = {"guess": GUESSES, "steps": steps, "device": device, "checkpoints": checkpoints, "progress": progress}
    return train_full(pools() if made is None else made, **SETTINGS | options | changed)


# --- training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["linear", "softmax"])
@pytest.mark.parametrize("parameterisation", ["merged", "separate"])
def test_a_layer_depends_on_its_own_pool_alone(model, parameterisation, tmp_path):
    cell = trained(tmp_path / "a", pools(model), parameterisation=parameterisation)
    assert dict(cell.V.sizes) == {"guess": 3, "n_context": 2, "seed": 2, "row": 8, "col": 8} and cell.loss.sizes["step"] == 6
    alone = trained(tmp_path / "b", pools(model, n_context=[7], seeds=2), guess=["fixed"], parameterisation=parameterisation)
    for name in ("V", "W", "loss"):
        xr.testing.assert_equal(alone[name], cell[name].sel(guess=["fixed"], n_context=[7]))
    assert cell.V.std(["guess", "n_context", "seed"]).max() > 1e-3


def test_losses_are_per_dimension(tmp_path):
    cell = trained(tmp_path, pools(n_tasks=2000), steps=1, batch_size=2000)
    np.testing.assert_allclose(cell.loss.mean(["n_context", "seed", "step"]), [2, 2, 1], rtol=0.1)   # of the guesses, about


@pytest.mark.parametrize("model", ["linear", "softmax"])
def test_layers_side_by_side_as_on_a_gpu_are_those_of_a_cpu(model, tmp_path, monkeypatch):
    grouped, together = [], full_training._together
    expected = trained(tmp_path / "cpu", pools(model), steps=20)
    monkeypatch.setattr(full_training, "_together", lambda made, device: grouped.append(together(made, "cuda")) or grouped[-1])
    found = trained(tmp_path / "grouped", pools(model), steps=20)
    assert [len(group) for group in grouped[0]] == ([4] if model == "linear" else [2, 2])
    monkeypatch.setattr(full_training, "TOGETHER", 3 * 4 * 6 * 4 * 4)   # three layers of linear attention
    assert [len(group) for group in together(pools(), "cuda")] == [3, 1]
    for name in ("V", "W", "loss"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-4)   # single precision


def test_a_device_that_is_not_there_is_refused(monkeypatch, capsys):
    assert chosen_device("cpu") == "cpu" and capsys.readouterr().out == "device: cpu\n"
    monkeypatch.setattr(devices.torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto") == "cpu"
    with pytest.raises(DeviceError, match="^device = cuda: torch finds no CUDA device"):
        chosen_device("cuda")


# --- checkpoints --------------------------------------------------------------------------------------------------


class Killed(Exception):
    pass


def killed_after(saves, monkeypatch):
    """From now on, training ends after so many checkpoints."""
    save, count = Checkpoints.save, iter(range(saves))

    def save_or_die(self, name, state):
        if next(count, None) is None:
            raise Killed
        save(self, name, state)

    monkeypatch.setattr(Checkpoints, "save", save_or_die)


@pytest.mark.parametrize("saves", [0, 1, 2, 5, 7])
def test_training_goes_on_where_it_was_killed_to_the_same_bits(saves, tmp_path, monkeypatch, capsys):
    """A checkpoint every 2 steps, 3 a layer."""
    monkeypatch.setattr(full_training, "STEPS_KEPT", 2)
    expected = trained(tmp_path / "undisturbed")
    with monkeypatch.context() as patched:
        killed_after(saves, patched)
        with pytest.raises(Killed):
            trained(tmp_path / "killed")
    capsys.readouterr()
    xr.testing.assert_identical(trained(tmp_path / "killed"), expected)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[-2] for line in said if "resumed" in line] == ["6"] * (saves // 3) + ([str(saves % 3 * 2)] if saves % 3 else [])


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(path.read_bytes()[:50]), lambda path: path.write_bytes(b""), flip_a_byte,
                                   lambda path: torch.save([1], path)])  # fmt: skip
def test_a_damaged_checkpoint_is_not_used_and_said_to_be(spoil, tmp_path, capsys):
    expected = trained(tmp_path, guess=["fresh"])
    for path in tmp_path.iterdir():
        spoil(path)
    xr.testing.assert_identical(trained(tmp_path, guess=["fresh"]), expected)
    assert capsys.readouterr().out.count("damaged, and not used") == 4


def test_a_checkpoint_of_something_else_is_not_used(tmp_path, capsys):
    """And stays, for the run that it belongs to."""
    trained(tmp_path / "c", guess=["fresh"], learning_rate=0.1)
    expected = trained(tmp_path / "d", guess=["fresh"])
    xr.testing.assert_identical(trained(tmp_path / "c", guess=["fresh"], made_of={"stamp": "t"}), expected)
    assert "resumed" not in capsys.readouterr().out and len(list((tmp_path / "c").iterdir())) == 8


def test_a_folder_that_another_job_removes_in_this_instant_is_made_again(tmp_path, monkeypatch):
    """An orphan of the same cell may end at any time."""
    checkpoints, write, removed = Checkpoints(tmp_path / "c", {}), checkpoints_module.write_new, []

    def write_after_removal(path, content):
        if not removed:
            removed.append(shutil.rmtree(path.parent))
        return write(path, content)

    monkeypatch.setattr(checkpoints_module, "write_new", write_after_removal)
    checkpoints.save("a", {"steps": 3})
    assert checkpoints.load("a") == {"steps": 3} and removed


class Hostile:
    def __reduce__(self):
        return print, ("ran",)


def test_reading_a_checkpoint_runs_nothing_that_is_in_it(tmp_path, capsys):
    checkpoints = Checkpoints(tmp_path, {})
    checkpoints.save("a", {"hostile": Hostile()})
    assert checkpoints.load("a") is None and checkpoints.load("b") is None
    [line] = capsys.readouterr().out.splitlines()
    assert "not a checkpoint (UnpicklingError), and not used" in line


def test_training_that_diverges_says_so_and_keeps_no_checkpoint_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(full_training, "STEPS_KEPT", 2)
    with pytest.raises(FloatingPointError, match="^fresh guesses, .* the training loss is no number after 2 steps; a smaller learn"):
        trained(tmp_path, guess=["fresh"], learning_rate=1e12)
    assert list(tmp_path.iterdir()) == []


# --- structure ----------------------------------------------------------------------------------------------------


def simplified(dim, scale, update):
    """The simplified layer as matrices."""
    V, W = np.zeros((2, 2 * dim + 2, 2 * dim + 2))
    V[dim + 1 : -1, :dim], W[:dim, dim + 1 : -1], W[dim, -1] = -np.array(update) / scale, scale * np.eye(dim), -scale
    return V, W


def layers_of(*matrices):
    V, W = (np.stack(each) for each in zip(*matrices))
    return xr.Dataset({"V": (("seed", "row", "col"), V), "W": (("seed", "row", "col"), W)})


@pytest.mark.parametrize("dim", [3, 4])
@pytest.mark.parametrize("scale", [0.8, -0.8])
def test_the_structure_of_the_simplified_layer_is_seen(dim, scale):
    """Two reversed directions leave the sign of the determinant as it is."""
    updates = [np.diag([1.0] * (dim - count) + [-1.0] * count) for count in (0, 1, 2)]
    found = structure(layers_of(*(simplified(dim, scale, update) for update in updates)))
    np.testing.assert_allclose(found.score_identity, scale)
    np.testing.assert_allclose(found.marker_score, -scale)
    np.testing.assert_allclose(found.value_identity, [-(dim - 2 * count) / dim / scale for count in (0, 1, 2)])
    assert found.reversed_directions.values.tolist() == [0, 1, 2] and found.unreversed_fraction == pytest.approx(1 / 3)
    assert found.value_sign.values.tolist() == [np.sign(-scale) ** dim * sign for sign in (1, -1, 1)]
    assert np.all(found.largest_other == 0)


def test_a_rotation_beyond_a_right_angle_reverses_two_directions():
    turn = np.deg2rad(100)
    update = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    assert structure(layers_of(simplified(3, 1.0, update))).reversed_directions.item() == 2


def test_an_entry_elsewhere_is_seen_and_the_layers_stay_as_they_are():
    V, W = simplified(3, 1.0, np.eye(3))
    W[5, 2] = -0.4
    layers = layers_of((V, W))
    found = structure(layers)
    assert found.largest_other.item() == 0.4
    xr.testing.assert_identical(found[["V", "W"]], layers)


# --- evaluation ---------------------------------------------------------------------------------------------------


def evaluated(layers, **changed):
    options = {"experiment_seed": 3, "n_test": 5, "test_noise": 0.2, "mask": ["history", "data_only"], "marker": "every", "depth": 3}
    return evaluate_full(layers, identity(3), progress=silently, **options | changed)


def test_errors_are_those_of_thinking_by_hand(tmp_path):
    """Linear attention, examples alone visible, written out from the matrices."""
    layers = trained(tmp_path, steps=30)
    found = evaluated(layers).sel(mask="data_only")
    for seed in (0, 1):
        rngs = [stream(3, f"test {what} of 7 examples", cell="c", seed=seed) for what in ("prompts", "guesses")]
        prompts, first = draw_prompts(identity(3), 7, 5, label_noise=0.2, rng=rngs[0]), rngs[1].standard_normal((5, 3))
        for guess in GUESSES:
            layer, estimate = layers.sel(guess=guess, n_context=7, seed=seed), first * (guess != "zero")
            for k in range(4):
                expected = np.mean((estimate - prompts.weights) ** 2, axis=1)
                np.testing.assert_allclose(found.sel(guess=guess, n_context=7, seed=seed, k=k), expected, rtol=1e-10)
                queries = np.append(estimate, np.ones((5, 1)), axis=1) @ layer.W.values[:4, 4:].T
                estimate = estimate + np.einsum("pij,pj->pi", prompts.grams, queries) @ layer.V.values[4:-1, :4].T


def test_more_prompts_and_depth_leave_the_first_ones_as_they_were(tmp_path):
    layers = trained(tmp_path, pools("softmax"))
    few, many = evaluated(layers), evaluated(layers, n_test=9, depth=5)
    np.testing.assert_allclose(many.isel(prompt=slice(5), k=slice(4)), few, rtol=1e-12)


def test_what_errors_say_over_seeds(tmp_path):
    layers = structure(trained(tmp_path, pools(seeds=3)))
    errors = summarise(evaluated(layers), [0.5], "test")
    found = over_seeds(errors, layers)
    medians = np.sort(errors.error_median.transpose(..., "seed"), axis=-1)
    for place, name in enumerate(["seed_lowest", "seed_median", "seed_highest"]):
        np.testing.assert_array_equal(found[name], medians[..., place])
    xr.testing.assert_equal(found.reversed_directions, layers.reversed_directions)
    np.testing.assert_allclose(found.seed_decades, np.log10(medians[..., 2] / medians[..., 0]), rtol=1e-12)


def test_a_prompt_that_leaves_the_range_of_numbers_has_an_infinite_error():
    huge = layers_of(*[tuple(1e150 * each for each in simplified(3, 1.0, np.eye(3)))] * 2)
    layers = huge.expand_dims(guess=["fresh"], n_context=[5]).assign_coords(seed=[0, 1], model="linear", n_tasks=6).assign_attrs(stream="c")
    errors = evaluated(structure(layers))
    assert np.isposinf(errors.isel(k=slice(2, None))).all() and np.isfinite(errors.sel(k=0)).all()
    found = over_seeds(summarise(errors, [0.1, 0.5], "test"), structure(layers))
    for name in ("error_mean", "error_median", "error_quantile", "seed_median", "seed_highest"):
        assert np.isposinf(found[name].sel(k=3)).all()
