"""A job whose configuration or code changes while it runs, and a job that is killed: nothing passes for what it is not."""

import glob
import shlex
import signal
import sys

import pytest

COMPUTED, WRITTEN = "Job.write", "os.replace"   # pause when all is computed, or when all is written under a temporary name

# Runs a script and stops, before a function is called, until a line comes in.
PAUSING = """
import os, runpy, sys
from cotdepth.job import Job

where, *sys.argv = sys.argv[1:]
holder, name = {"Job.write": (Job, "write"), "os.replace": (os, "replace")}[where]
function = getattr(holder, name)

def paused(*given):
    print("paused", flush=True)
    sys.stdin.readline()
    return function(*given)

setattr(holder, name, paused)
runpy.run_path(sys.argv[0], run_name="__main__")
"""

# Runs a script and kills it, as kill -9 does, after so many checkpoints; of GPT-2 they are few steps apart.
KILLED = """
import os, runpy, signal, sys
from cotdepth.checkpoints import Checkpoints

_, saves, *sys.argv = sys.argv
if "train_thought" in sys.argv[0]:
    import cotdepth.gpt2_training
    cotdepth.gpt2_training.STEPS_KEPT = 5
count, save = iter(range(int(saves) - 1)), Checkpoints.save

def save_and_die(*given):
    save(*given)
    if next(count, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoints.save = save_and_die
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def evaluation(checkout):
    """The command line of one job of the stage evaluate, and its artifact."""
    data, train, out = (checkout.artifact(stage, "alpha2-tau4-dim4") for stage in ("data", "train", "evaluate"))
    return ["scripts/evaluate_reduced.py", "--stamp", out.with_suffix(".json"), "--data", data, "--train", train, "--out", out], out


def start_paused(checkout, where, command):
    """A job that has come to where it pauses."""
    job = checkout.start("-c", PAUSING, where, *command)
    assert job.stdout.readline() == "paused\n", job.communicate()
    return job


def go_on(job):
    """Let a paused job end: its exit code and what it said on stderr."""
    _, stderr = job.communicate("\n", timeout=60)
    return job.returncode, stderr


def change_configuration(checkout):
    checkout.edit("config.yaml", "n_test: 5", "n_test: 6")
    assert "evaluate_reduced" in checkout.rules()


def change_code(checkout):
    checkout.edit("pkg/cotdepth/evaluation.py", "BATCH = 16", "BATCH = 8")


def change_code_and_parse(checkout):
    change_code(checkout)
    assert "evaluate_reduced" in checkout.rules()


def change_script(checkout):
    checkout.append("scripts/evaluate_reduced.py", "\nEDITED = True\n")


@pytest.mark.parametrize("change, message", [
    (change_configuration, "changed while the job ran"),
    (change_code, "other code of cotdepth.evaluation"),
    (change_code_and_parse, "changed while the job ran"),
    (change_script, "other code of script.evaluate_reduced"),
])  # fmt: skip
def test_a_change_while_a_job_runs_fails_the_job_and_writes_nothing(checkout, change, message):
    command, _ = evaluation(checkout)
    before = checkout.products()
    job = start_paused(checkout, COMPUTED, command)
    change(checkout)
    code, stderr = go_on(job)
    assert code == 2
    said = stderr.splitlines()[-1]
    assert message in said and "nothing was written" in said and "Traceback" not in stderr
    assert checkout.products() == before


def test_a_change_while_a_job_runs_leaves_no_artifact_where_there_was_none(checkout):
    command, out = evaluation(checkout)
    out.unlink()
    before = checkout.products()
    job = start_paused(checkout, COMPUTED, command)
    change_configuration(checkout)
    assert go_on(job)[0] == 2
    assert checkout.products() == before


def test_an_orphan_whose_inputs_were_made_again_writes_nothing(checkout):
    """Its own stamp is as it was: only the fit changed, and a run has made everything anew in the meantime."""
    command, _ = evaluation(checkout)
    job = start_paused(checkout, COMPUTED, command)
    checkout.configure("experiments.theory-validation", "ridge: 0", "ridge: 2")
    checkout.run()
    before = checkout.products()
    code, stderr = go_on(job)
    assert code == 2 and "made again while the job ran; nothing was written" in stderr.splitlines()[-1]
    assert checkout.products() == before


def test_a_configuration_changed_and_put_back_while_a_job_runs_does_no_harm(checkout):
    command, out = evaluation(checkout)
    before = out.read_bytes()
    out.unlink()
    job = start_paused(checkout, COMPUTED, command)
    change_configuration(checkout)
    checkout.edit("config.yaml", "n_test: 6", "n_test: 5")
    assert "evaluate_reduced" in checkout.rules()   # for it is missing
    code, stderr = go_on(job)
    assert code == 0, stderr
    assert out.read_bytes() == before


@pytest.mark.parametrize("remembered", [True, False])
def test_a_change_in_the_last_instant_leaves_an_artifact_that_is_stale(checkout, remembered):
    """After the job's last look at its stamp, before the file is moved into place."""
    command, _ = evaluation(checkout)
    job = start_paused(checkout, WRITTEN, command)
    change_configuration(checkout)
    assert go_on(job)[0] == 0
    if not remembered:
        checkout.forget()
    assert checkout.rules()["evaluate_reduced"] == 2


@pytest.mark.parametrize("another_run", ["", "-m snakemake results/figures/phase-diagram.png"])
def test_a_change_before_snakemake_takes_note_of_a_finished_job_leaves_an_artifact_that_is_stale(checkout, tmp_path, another_run):
    """The stamp is what it was when the job ends; Snakemake then dates the artifact anew and remembers the stamp of that moment.

    Another run that ends meanwhile, with nothing to do, takes Snakemake's locks with it.
    """
    _, out = evaluation(checkout)
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    real = shlex.quote(sys.executable)
    lines = ["#!/bin/sh", f'{real} "$@" || exit', f"{real} {another_run} >/dev/null 2>&1 </dev/null",
             'sed -i "s/n_test: 6/n_test: 7/" config.yaml', f"{real} -m snakemake -n >/dev/null 2>&1", "exit 0", ""]  # fmt: skip
    python.write_text("\n".join(lines))
    python.chmod(0o755)
    checkout.edit("config.yaml", "n_test: 5", "n_test: 6")
    checkout.run(out.relative_to(checkout.folder), first_in_path=python.parent)
    assert "n_test: 7" in (checkout.folder / "config.yaml").read_text(encoding="utf-8")
    planned = checkout.dry_run().get("evaluate_reduced", [])
    assert out.stem in planned, "it was made with n_test = 6, and counts as made with n_test = 7"


def test_a_job_that_is_given_other_inputs_than_its_stamp_asks_for_writes_nothing(checkout):
    command, _ = evaluation(checkout)
    other = checkout.artifact("data", "alpha2-tau4-dim8")
    before = checkout.files()
    done = checkout.python(*[other if name == checkout.artifact("data", "alpha2-tau4-dim4") else name for name in command])
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"does not ask for {other}; nothing was written, run snakemake again" in line and checkout.files() == before


def test_a_job_that_is_given_too_few_inputs_writes_nothing(checkout):
    out = checkout.artifact("compare", "alpha2-tau4")
    evaluated, theory = checkout.artifact("evaluate", "alpha2-tau4-dim4"), checkout.artifact("theory", "alpha2-tau4")
    before = checkout.files()
    done = checkout.python("scripts/compare_finite_size.py", "--stamp", out.with_suffix(".json"), "--evaluate", evaluated,
                           "--theory", theory, "--out", out)  # fmt: skip
    assert done.returncode == 2 and "asks for theory-validation/evaluate/alpha2-tau4-dim8" in done.stderr.splitlines()[-1]
    assert checkout.files() == before


def test_a_job_started_with_the_stamp_of_other_code_writes_nothing(checkout):
    command, _ = evaluation(checkout)
    change_code(checkout)
    before = checkout.files()
    done = checkout.python(*command)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "other code of cotdepth.evaluation" in done.stderr
    assert checkout.files() == before


def kill_before_it_moves_the_artifact_into_place(checkout, command):
    job = start_paused(checkout, WRITTEN, command)
    job.kill()
    job.communicate()


def test_a_killed_job_leaves_the_old_artifact_as_it_was(checkout):
    command, _ = evaluation(checkout)
    before = checkout.files()
    kill_before_it_moves_the_artifact_into_place(checkout, command)
    after = checkout.files()
    assert {name: after[name] for name in before} == before


def test_a_killed_job_leaves_nothing_that_passes_for_an_artifact_and_a_run_heals(checkout):
    command, out = evaluation(checkout)
    before = checkout.products()
    out.unlink()
    kill_before_it_moves_the_artifact_into_place(checkout, command)
    assert sorted(glob.glob(f"{out.parent}/*.nc")) == [str(checkout.artifact("evaluate", "alpha2-tau4-dim8"))]
    checkout.run()
    assert checkout.products() == before   # and what the killed job had written is gone


def test_training_that_was_killed_goes_on_where_it_was_to_the_same_bytes(checkout):
    """Killed with a layer half trained: three checkpoints of 500 steps a layer."""
    checkout.configure("experiments.attention-phase", "steps: 30", "steps: 1500")
    out = checkout.artifact("train", "modelsoftmax-n_tasks12", "attention-phase")
    data = checkout.artifact("data", "modelsoftmax-n_tasks12", "attention-phase")
    assert "train_attention" in checkout.rules()   # writes the stamps
    command = ["scripts/train_attention.py", "--stamp", out.with_suffix(".json"), "--data", data, "--device", "cpu", "--out", out]
    undisturbed = checkout.python(*command)
    assert undisturbed.returncode == 0 and "resumed" not in undisturbed.stdout, undisturbed.stderr
    expected, kept = out.read_bytes(), out.parent / f".{out.stem}.work"
    out.unlink()
    assert not kept.exists()
    job = checkout.start("-c", KILLED, "4", *command)
    job.communicate(timeout=120)
    assert job.returncode == -signal.SIGKILL and not out.exists() and len(list(kept.iterdir())) == 2
    resumed = checkout.python(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert [line.split()[-2] for line in resumed.stdout.splitlines() if "resumed" in line] == ["1500", "500"]
    assert out.read_bytes() == expected and not kept.exists()


@pytest.mark.parametrize("experiment, cell, script, device, steps", [
    ("lsa-cot-training", "train_covarianceskewed-train_depth2", "train_chains", [], 10),
    ("gpt2-depth", "train_covarianceisotropic-n_context4", "train_thought", ["--device", "cpu"], 5),
])  # fmt: skip
def test_training_on_fresh_prompts_that_was_killed_goes_on_to_the_same_bytes(checkout, experiment, cell, script, device, steps):
    """Killed after the first checkpoint of the first model."""
    out = checkout.artifact("train", cell, experiment)
    command = [f"scripts/{script}.py", "--stamp", out.with_suffix(".json"), *device, "--out", out]
    undisturbed = checkout.python(*command)
    assert undisturbed.returncode == 0 and "resumed" not in undisturbed.stdout, undisturbed.stderr
    expected, kept = out.read_bytes(), out.parent / f".{out.stem}.work"
    out.unlink()
    job = checkout.start("-c", KILLED, "1", *command)
    job.communicate(timeout=240)
    assert job.returncode == -signal.SIGKILL and not out.exists() and len(list(kept.iterdir())) == 1
    resumed = checkout.python(*command)
    assert resumed.returncode == 0, resumed.stderr
    [said] = [line for line in resumed.stdout.splitlines() if "resumed" in line]
    assert said.split()[-2] == str(steps)
    assert out.read_bytes() == expected and not kept.exists()


def test_training_that_diverges_says_so_in_one_line_and_keeps_what_was_trained_before(checkout):
    """The teacher's four layers are trained to the end even so; the first of the others diverges in its second step."""
    checkout.configure("experiments.lsa-cot-training", "learning_rate: 0.01", "learning_rate: 1.0e+6")
    out = checkout.artifact("train", "train_covarianceskewed-train_depth2", "lsa-cot-training")
    assert "train_chains" in checkout.rules()
    before = out.read_bytes()
    done = checkout.python("scripts/train_chains.py", "--stamp", out.with_suffix(".json"), "--out", out)
    assert done.returncode == 2 and out.read_bytes() == before and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith("training diverged with learning_rate = 1000000")
    assert len(list((out.parent / f".{out.stem}.work").iterdir())) == 4
