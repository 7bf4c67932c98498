"""Runs of the workflow that are under way: what they say, their jobs, and signals to them. Linux only."""

import os
import re
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE = 300   # seconds that jobs without their snakemake may take: they are short, but this machine may be busy


class Run:
    """A run of the workflow that is under way, in a process group of its own like one started from a terminal."""

    def __init__(self, checkout, *options):
        options = options or ("--cores", "2", "--max-jobs-per-timespan", "1000/1s")
        self.process = checkout.start("-m", "snakemake", *options, start_new_session=True, preexec_fn=_heed_interrupts)
        self.lines, self.started_jobs = [], 0
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True)
                         for stream in (self.process.stdout, self.process.stderr)]  # fmt: skip
        for reader in self._readers:
            reader.start()

    def _read(self, stream):
        for line in stream:
            self.lines.append(line)
            self.started_jobs += line.startswith("Job ")

    @property
    def said(self) -> str:
        """All that it said, once it has ended, and all jobs that it left."""
        for reader in self._readers:
            reader.join(timeout=PATIENCE)
        return "".join(self.lines)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(timeout=900)   # beside other work

    def under_way(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def sleep(self, seconds: float) -> None:
        """Let it go on for some time, or until it ends."""
        end = time.monotonic() + seconds
        while self.under_way() and time.monotonic() < end:
            time.sleep(0.01)

    def jobs(self) -> list[psutil.Process]:
        """The interpreters of its jobs that are running."""
        return [process for process in _family(self.process.pid) if _is_job(process)]

    def strike(self, number: int, whole_group: bool) -> None:
        """Send a signal to snakemake alone, or to it and all its jobs, as a terminal and a cluster do."""
        if self.under_way():
            (os.killpg if whole_group else os.kill)(self.process.pid, number)


def _heed_interrupts():
    """As in a terminal: what a shell starts in the background ignores Ctrl-C, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(run, found):
    """What is found while a run is under way, once something is."""
    while run.under_way():
        if there := found():
            return there
        time.sleep(0.002)
    return []


def wait_for_orphans(folder):
    """Until no job is running in a folder; one whose snakemake was killed lives on."""
    deadline = time.monotonic() + PATIENCE
    while running := jobs_in(folder):
        if time.monotonic() > deadline:
            raise TimeoutError(f"jobs that run for ever: {running}")
        time.sleep(0.05)


def kill_all_in(folder):
    """SIGKILL to every process that works in a folder, again for those that one of them started in the meantime."""
    for _ in range(10):
        running = list(processes_in(folder))
        for process in running:
            kill(process)
        if not running:
            return
        psutil.wait_procs(running, timeout=5)


def jobs_in(folder):
    """The interpreters of jobs that are running in a folder, whoever started them."""
    return [process for process in processes_in(folder) if _is_job(process)]


def processes_in(folder):
    """Processes that work in a folder or below it."""
    for process in psutil.process_iter(["cwd"]):
        if process.info["cwd"] and Path(process.info["cwd"]).is_relative_to(Path(folder).resolve()):
            yield process


def advice(said: str) -> tuple[str, list[str]] | None:
    """What a run that failed tells the user to do, ``unlock``, ``delete`` with files, or ``again``; None if it says nothing of the kind."""
    if "--unlock" in said:
        return "unlock", []
    files = re.findall(r"(\S+\.(?:nc|png|pdf)): .*delete it and run snakemake again", said)
    if files:
        return "delete", sorted(set(files))
    return ("again", []) if "run snakemake again" in said else None


def kill(process: psutil.Process) -> bool:
    """SIGKILL to one process; false if it has ended, even if another has its number now."""
    with suppress(psutil.NoSuchProcess):
        process.kill()
        return True
    return False


def _family(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_job(process):
    try:
        command = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    return len(command) > 1 and command[0].endswith("python") and command[1].startswith("scripts/")
