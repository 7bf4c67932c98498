"""The workflow through a real SLURM: the same files as without it, and jobs that are killed or preempted run again.

Each test takes a finished run, removes some of its results and makes them again through a throw-away cluster of one node.
"""

import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import yaml
from fault_injection import each_once
from faults import Subject
from faults_of_slurm import FAULTS_OF_SLURM, submitted
from slurm_local import SNAKEMAKE_OPTIONS, LocalSlurm, missing, running

# Stands in for python where jobs start: the first one waits to be killed, those after it run.
HOLDING = """\
#!/bin/sh
if mkdir '{held}' 2>/dev/null; then echo $$ >'{held}/pid'; exec sleep 300; fi
exec {python} "$@"
"""

# Stands in for sbatch: it notes how many tasks it is given and how long its longest argument is, and takes nothing.
COUNTING = """\
#!{python}
import sys
tasks = [argument.partition("=")[2] for argument in " ".join(sys.argv).split() if argument.startswith("--array=")]
print(*tasks, max(map(len, sys.argv)), file=open({noted!r}, "a"))
sys.exit("sbatch: error: no more room in the queue")
"""


@pytest.fixture
def turn(tmp_path_factory):
    """The right to start a cluster; no two at a time, for they would share ports and processors."""
    if missing():
        pytest.skip(f"SLURM is not here ({', '.join(missing())}): on Debian, apt-get install --no-install-recommends slurm-wlm munge")
    if not find_spec("snakemake_executor_plugin_slurm"):
        pytest.skip("Snakemake's executor for SLURM is not here: pip install -e .[cluster]")
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with open(shared / "slurm.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def slurm(turn):
    """A cluster of the test's own."""
    with running() as cluster:
        yield cluster


def through_slurm(checkout, slurm, monkeypatch, *targets, first_in_path=None):
    """A run through the cluster, begun: what `finish` waits for."""
    monkeypatch.setenv("SLURM_CONF", str(slurm.configuration))
    first = os.pathsep.join(map(str, filter(None, [first_in_path, slurm.programs])))
    return checkout.start("-m", "snakemake", *SNAKEMAKE_OPTIONS, "--", *targets, first_in_path=first)


def finish(run):
    """What a run said, if it ended well within ten minutes."""
    try:
        stdout, stderr = run.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        run.kill()
        raise AssertionError("".join(run.communicate(timeout=60))) from None
    assert run.returncode == 0, stdout + stderr
    return stdout + stderr


@pytest.fixture
def held(checkout, slurm, monkeypatch, tmp_path):
    """Begin to make a file again, and wait until its job runs: the run, and the process of the job, which does nothing."""
    runs = []

    def hold(target):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "python").write_text(HOLDING.format(held=tmp_path / "held", python=shlex.quote(sys.executable)))
        (tmp_path / "bin" / "python").chmod(0o755)
        target.unlink()
        runs.append(through_slurm(checkout, slurm, monkeypatch, target.relative_to(checkout.folder), first_in_path=tmp_path / "bin"))
        for _ in range(900):
            if runs[0].poll() is not None or (tmp_path / "held" / "pid").exists() and (tmp_path / "held" / "pid").read_text().strip():
                break
            time.sleep(0.2)
        assert runs[0].poll() is None and (tmp_path / "held").exists(), finish(runs[0])
        return runs[0], int((tmp_path / "held" / "pid").read_text())

    yield hold
    for run in runs:
        if run.poll() is None:
            run.kill()
            run.wait(timeout=60)


def jobs(slurm, run_id):
    """What SLURM knows of the jobs of a run, oldest first: each a dict of its fields."""
    said = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in slurm.ask("scontrol", "--oneliner", "show", "job").stdout.splitlines()]
    return sorted((job for job in said if job["JobName"] == run_id), key=lambda job: int(job["JobId"]))


def run_id(said):
    """The name that a run gave to all its jobs."""
    return re.search(r"SLURM run ID: (\S+)", said)[1]


# --- the cluster itself ---------------------------------------------------------------------------------------------

# Stands for a test process that starts a daemon.
STARTS_A_DAEMON = """
import sys
from pathlib import Path
from slurm_local import LocalSlurm
cluster = LocalSlurm(Path(sys.argv[1]))
cluster._daemon("sleep", "300")
print(cluster._daemons["sleep"].pid, flush=True)
sys.stdin.read()
"""


def test_no_daemon_outlives_the_process_that_started_it_even_if_that_is_killed(tmp_path):
    command = [sys.executable, "-c", STARTS_A_DAEMON, tmp_path]
    with subprocess.Popen(command, cwd=Path(__file__).parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        daemon = psutil.Process(int(process.stdout.readline()))
        assert daemon.is_running()
        process.kill()
    gone, alive = psutil.wait_procs([daemon], timeout=60)
    assert gone or daemon.status() == psutil.STATUS_ZOMBIE


def test_no_daemon_outlives_a_cluster_that_does_not_answer_nor_does_a_job(tmp_path, monkeypatch):
    def does_not_answer(*command, timeout=60):
        raise subprocess.TimeoutExpired(command, timeout)

    cluster = LocalSlurm(tmp_path)
    monkeypatch.setattr(cluster, "ask", does_not_answer)
    cluster._daemon("sleep", "300")
    job = subprocess.Popen(["sleep", "300"], env=os.environ | cluster.settings())
    cluster.stop()
    assert cluster._daemons["sleep"].poll() == -signal.SIGTERM
    assert job.wait(timeout=60) == -signal.SIGKILL


# --- the workflow through it ----------------------------------------------------------------------------------------


def test_what_is_made_through_slurm_has_the_same_bytes_some_of_it_as_an_array(checkout, slurm, monkeypatch):
    before = checkout.products()
    stages = ("theory-validation/data/", "theory-validation/train/", "test-time-scaling/theory/")
    made = [name for name in before if name.startswith((*stages, "figures/test-time-scaling."))]
    assert len(made) == 8   # two artifacts of each stage, a figure twice
    for name in made:
        (checkout.results / name).unlink()
    shutil.rmtree(checkout.results / "benchmarks")
    wanted = [Path("results") / name for name in made if "/train/" in name or name.endswith(".png")]
    said = finish(through_slurm(checkout, slurm, monkeypatch, *wanted))
    assert checkout.products() == before
    ran = jobs(slurm, run_id(said))
    assert len(ran) == 7 and sum("ArrayTaskId" in job for job in ran) == 2   # the task pools of two dimensions
    assert {job["JobState"] for job in ran} == {"COMPLETED"}
    assert len(list((checkout.results / "benchmarks").rglob("*.tsv"))) == 6
    assert "theory_scaling" in checkout.cotdepth("times").stdout


def test_the_commands_of_an_array_fit_into_one_argument_of_sbatch(checkout, tmp_path):
    """Linux passes 128 kB; beyond, the executor makes every task run the first one's command. No SLURM is needed."""
    if not find_spec("snakemake_executor_plugin_slurm"):
        pytest.skip("Snakemake's executor for SLURM is not here: pip install -e .[cluster]")
    config = yaml.safe_load((checkout.folder / "config.yaml").read_text(encoding="utf-8"))
    config["experiments"]["trajectories"]["grids"] = [{"alpha": 1 + index, "tau": 3, "sigma": 0.1} for index in range(90)]
    (checkout.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    (tmp_path / "sbatch").write_text(COUNTING.format(python=sys.executable, noted=str(tmp_path / "noted")))
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'debug*'\n")   # the partitions
    for name in ("sbatch", "sinfo"):
        (tmp_path / name).chmod(0o755)
    run = checkout.start("-m", "snakemake", *SNAKEMAKE_OPTIONS, "--retries", "0", "--until", "theory_ridgeless", first_in_path=tmp_path)
    said = "".join(run.communicate(timeout=600))
    assert (tmp_path / "noted").exists(), said
    noted = [line.split() for line in (tmp_path / "noted").read_text().splitlines()]
    assert [tasks for tasks, _ in noted] == ["1-40", "41-80", "81-90"], said
    assert all(int(length) < 96 * 1024 for _, length in noted), noted   # room for longer names of folders


def test_a_killed_job_is_tried_again_with_more_memory_and_time_and_on_a_gpu_if_it_may_train_on_one(checkout, slurm, held):
    before = checkout.products()
    run, process = held(checkout.artifact("train", "modelsoftmax-n_tasks12", "attention-phase"))
    os.kill(process, signal.SIGKILL)
    said = finish(run)
    assert checkout.products() == before
    ran = jobs(slurm, run_id(said))
    assert [job["JobState"] for job in ran] == ["FAILED", "COMPLETED"]
    assert [(job["MinMemoryNode"], job["TimeLimit"]) for job in ran] == [("4000M", "01:00:00"), ("8000M", "02:00:00")]
    assert [job["TresPerJob"] for job in ran] == ["gres:gpu:1"] * 2


def test_a_preempted_job_runs_again_as_it_was_planned_though_the_configuration_changed_meanwhile(checkout, slurm, held):
    """Inside a job the configuration is read once more: it may be newer than the stamps, which only the main process writes."""
    before, artifact = checkout.products(), checkout.artifact("evaluate", "alpha2-tau4-dim4")
    stamps = {path: path.read_bytes() for path in checkout.results.rglob("*.json")}
    run, _ = held(artifact)
    checkout.edit("config.yaml", "n_test: 5", "n_test: 6")
    [queued] = slurm.ask("squeue", "--noheader", "--format=%A", "--states=running").stdout.split()
    assert slurm.ask("scontrol", "requeue", queued).returncode == 0
    said = finish(run)
    [ran] = jobs(slurm, run_id(said))
    assert (ran["JobState"], ran["Restarts"]) == ("COMPLETED", "1")
    assert checkout.products() == before and {path: path.read_bytes() for path in stamps} == stamps


def test_a_controller_that_is_away_for_many_status_checks_is_waited_for(checkout, slurm, held):
    """Snakemake's executor forgets its jobs after five checks that fail, unless it is told to try more often."""
    before = checkout.products()
    run, process = held(checkout.artifact("evaluate", "alpha2-tau4-dim4"))
    slurm.end("slurmctld")
    time.sleep(100)   # `squeue` takes some 10 s to fail
    slurm.revive("slurmctld")
    os.kill(process, signal.SIGKILL)   # tried again by Snakemake, if it still knows of the job
    assert "Trying to restart job" in finish(run)
    assert checkout.products() == before


@pytest.mark.parametrize("fault", FAULTS_OF_SLURM)
def test_nothing_is_lost_when_daemons_or_jobs_of_the_cluster_are_killed(checkout, turn, fault):
    tally = each_once(Subject(checkout, seed=1), [fault], deadline=time.monotonic() + 400)
    assert tally.struck[fault] and not tally.lost, tally.table([fault])


def test_the_jobs_that_a_run_has_submitted_are_read_from_what_it_says():
    said = ["Job 3 has been submitted with SLURM jobid 12 (log: 12.log).\n",
            "Submitted array job with Snakemake IDs 15,9 and SLURM job ID 7. The individual task IDs are 1-2.\n"]  # fmt: skip
    assert submitted(said) == ["12", "7"]
