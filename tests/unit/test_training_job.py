"""Training in a job: it goes on where it was killed, keeps what it saw, and stops at once where it diverges."""

import numpy as np
import pytest
import torch

from cotdepth.checkpoints import Checkpoints
from cotdepth.covariance import identity
from cotdepth.fit.cot import CoTTraining
from cotdepth.training_job import train_in_job
from cotdepth.written_prompts import write_prompts


def silently(steps, name):
    return steps


def training(learning_rate=1e-2):
    words = {"model": "linear", "parameterisation": "merged", "mask": "data_only", "marker": "every", "supervision": "unrolled"}
    return CoTTraining(lambda count, rng: write_prompts(identity(3), 5, count, rng=rng), 3, depth=2, batch_size=4,
                       learning_rate=learning_rate, rng=np.random.Generator(np.random.Philox(1)), **words)  # fmt: skip


def seen_by(folder, made=None, *, steps=7, progress=silently):
    made = made or training()
    return made, train_in_job(made, steps, every=3, checkpoints=Checkpoints(folder, {}), name="a", progress=progress,
                              look=CoTTraining.matrices)  # fmt: skip


def assert_same(one, other):
    for name in "VW":
        for first, second in zip(one, other, strict=True):
            assert torch.equal(first[name], second[name])


class Killed(Exception):
    pass


@pytest.mark.parametrize("saves", [0, 1, 2, 3])
def test_training_goes_on_where_it_was_killed_to_the_same_bits_with_all_that_was_seen(saves, tmp_path, monkeypatch, capsys):
    """Parts of 3, 3 and 1 steps."""
    undisturbed, expected = seen_by(tmp_path / "undisturbed")
    save, left = Checkpoints.save, iter(range(saves))

    def save_or_die(self, name, state):
        if next(left, None) is None:
            raise Killed
        save(self, name, state)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "save", save_or_die)
        if saves < 3:
            with pytest.raises(Killed):
                seen_by(tmp_path / "killed")
        else:
            seen_by(tmp_path / "killed")
    capsys.readouterr()
    resumed, found = seen_by(tmp_path / "killed")
    assert_same(found, expected)
    np.testing.assert_array_equal(resumed.losses, undisturbed.losses)
    assert ("resumed after" in capsys.readouterr().out) == (saves > 0)


def test_what_is_seen_is_what_training_was_at_the_time(tmp_path):
    _, found = seen_by(tmp_path)
    by_hand = training()
    expected = [by_hand.matrices()]
    for steps in (3, 3, 1):
        by_hand.run(steps)
        expected.append(by_hand.matrices())
    assert_same(found, expected)


def test_the_log_says_how_fast_it_was_and_how_much_memory_it_took(tmp_path, capsys):
    named = []
    seen_by(tmp_path, progress=lambda parts, name: named.append((name, list(parts))) or parts)
    assert named == [("a", [3, 3, 1])]
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("a: ") and " steps/s, loss " in line and "peak memory" in line and line.endswith(" MiB")
    assert float(line.split("peak memory ")[1].split()[0]) > 10
    seen_by(tmp_path)
    assert "steps/s" not in capsys.readouterr().out   # nothing was left to train


def test_training_that_diverges_stops_and_leaves_its_last_good_state(tmp_path):
    made = training(learning_rate=1e12)   # the first step is of that size, its loss is no number
    checkpoints = Checkpoints(tmp_path, {})
    with pytest.raises(FloatingPointError, match="at step [1-9][0-9]*: training diverged with learning_rate = 1000000000000.0"):
        train_in_job(made, 50, every=1, checkpoints=checkpoints, name="a", progress=silently)
    kept = checkpoints.load("a")["training"]
    assert len(kept["losses"]) == len(made.losses) and np.isfinite(kept["losses"]).all()
    assert all(torch.isfinite(one).all() for one in kept["parameters"].values())


def test_parameters_that_are_no_numbers_are_never_kept(tmp_path):
    """After the last step of a part, from a loss that was still finite; the checkpoint before stays."""
    made, kept = training(), Checkpoints(tmp_path, {})
    seen_by(tmp_path, steps=3)
    before, step = kept.load("a"), made._optimiser.step

    def diverge():
        step()
        if len(made.losses) == 5:
            made._parameters["V"].data[0, 0] = np.inf

    made._optimiser.step = diverge
    with pytest.raises(FloatingPointError, match="V is not finite after 6 steps: training diverged with learning_rate = 0.01"):
        seen_by(tmp_path, made, steps=6)
    assert_same(kept.load("a")["seen"], before["seen"])
