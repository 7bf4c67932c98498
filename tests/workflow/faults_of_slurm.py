"""Faults that may strike a run through SLURM: its daemons and its jobs are killed under it. Linux only."""

import os
import re
import signal
import time
from contextlib import contextmanager
from unittest import mock

from faults import NotPossible, NotTold, ToldByReadme
from runs import jobs_in, kill, wait_for
from slurm_local import SNAKEMAKE_OPTIONS, missing, running

DOWN = 10   # seconds that a daemon may be away
TIMES = (1, 3)   # least and most blows to one run
PATIENCE = 600   # seconds until a run must end, with one of its blows left to heal
MOST = 6   # results that a run makes: every job of SLURM starts snakemake once more


def daemon_of_slurm_killed(subject) -> int:
    """SIGKILL to the controller or the node daemon of SLURM; each is started again some seconds later."""
    struck = 0
    with _run_through_slurm(subject) as (cluster, run):
        for _ in range(subject.chance.randint(*TIMES)):
            run.sleep(subject.chance.uniform(0, DOWN))
            struck += run.under_way()
            daemon = subject.chance.choice(["slurmctld", "slurmd"])
            cluster.kill(daemon)
            run.sleep(subject.chance.uniform(0, DOWN))
            cluster.revive(daemon)
    return struck


def job_of_slurm_killed(subject) -> int:
    """SIGKILL to the interpreters of jobs that SLURM runs."""
    struck = 0
    with _run_through_slurm(subject) as (_, run):
        for _ in range(subject.chance.randint(*TIMES)):
            if there := wait_for(run, lambda: jobs_in(subject.checkout.folder)):
                struck += kill(subject.chance.choice(there))
                run.sleep(subject.chance.uniform(0, DOWN))
    return struck


def memory_of_slurm_lost(subject) -> int:
    """The controller of SLURM starts again and knows none of its jobs, of which the run has submitted some."""
    with _run_through_slurm(subject) as (cluster, run):
        struck = bool(wait_for(run, lambda: submitted(run.lines)))
        cluster.forget()
        run.sleep(subject.chance.uniform(0, DOWN))
        cluster.revive("slurmctld")
    return struck


@contextmanager
def _run_through_slurm(subject):
    """A cluster and a run through it with work, at a random moment; until the run ends."""
    if missing():
        raise NotPossible(f"SLURM is not here ({', '.join(missing())})")
    with running() as cluster, mock.patch.dict(os.environ, cluster.settings()):
        run = subject.run_to_a_moment(*SNAKEMAKE_OPTIONS, most=MOST)
        yield cluster, run
        _until_it_ends(run, cluster)


def _until_it_ends(run, cluster):
    """Let a run end; by Ctrl-C, as README says, if it is silent, the queue is empty, and SLURM has forgotten one of its jobs."""
    patience = time.monotonic() + PATIENCE
    while run.under_way():   # a job that ended just before the controller did counts as running until nodes are asked anew
        heard = len(run.lines)
        run.sleep(DOWN)
        cluster.ask("scontrol", "reconfigure")
        if run.under_way() and len(run.lines) == heard and cluster.forgot(submitted(run.lines)):
            run.strike(signal.SIGINT, whole_group=True)
            run.wait()
            raise ToldByReadme
        if time.monotonic() > patience:
            run.strike(signal.SIGKILL, whole_group=True)
            raise NotTold(f"a run that waits without end:\n{run.said}")


def submitted(lines: list[str]) -> list[str]:
    """The numbers of the jobs and arrays of SLURM that a run says it has submitted."""
    return re.findall(r"SLURM job ?id (\d+)", "".join(lines), re.IGNORECASE)


FAULTS_OF_SLURM = (daemon_of_slurm_killed, job_of_slurm_killed, memory_of_slurm_lost)
