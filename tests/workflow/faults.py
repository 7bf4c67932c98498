"""Faults that may strike the workflow at random moments: kills, damaged files, lost records, full disks, second runs."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import yaml
from runs import Run, advice, kill, wait_for

from cotdepth.stamps import TEMPORARY

CHAIN, MAP = "theory-validation", "trajectories"   # of tests/data/tiny.yaml: every kind of stage, and cells that wait for nothing
CELLS = 6   # of the map
PRODUCTS = (".nc", ".png", ".pdf")
ROOM = re.compile(r"No space left|MB are free on the disk")


class NotPossible(Exception):
    """A fault that can't be caused here."""


class NotTold(Exception):
    """A run failed and did not say what to do."""


class ToldByReadme(Exception):
    """A run came into a state that README says what to do about, and that has been done."""


class Subject:
    """A small finished project that faults are tried on.

    Attributes
    ----------
    checkout
        ``conftest.Checkout``.
    chance : random.Random
        Where all choices come from.
    expected : dict
        Bytes of every product of the undisturbed run.
    beside : dict
        Bytes of every file beside them: stamps, records of figures, tables of cells, what was configured. Hidden files, which a
        killed job may leave, do not count.
    """

    def __init__(self, checkout, seed):
        self.checkout, self.chance = checkout, random.Random(seed)
        _configure(checkout)
        checkout.run("--cores", "2")
        self.expected, self.beside = checkout.products(), self._files_beside()
        assert self.expected.keys() == checkout.planned_products()

    def path(self, name: str) -> Path:
        """Where a product lies."""
        return self.checkout.results / name

    def whole(self) -> bool:
        """Whether all is as the undisturbed run left it, and nothing is left over."""
        return self.checkout.products() == self.expected and self._files_beside() == self.beside

    def _files_beside(self):
        files = {name: content for name, (content, _) in self.checkout.files().items() if Path(name).suffix not in PRODUCTS}
        return {name: content for name, content in files.items() if not any(part.startswith(".") for part in Path(name).parts)}

    def some_product(self) -> Path:
        """An artifact or a figure."""
        return self.path(self.chance.choice(sorted(self.expected)))

    def start_with_work(self, *options, most=None) -> tuple[Run, int]:
        """A run that has something to do, and at least how many jobs: ``options`` are snakemake's, ``most`` how many results may lack."""
        names = sorted(self.expected)
        cells = [name for name in names if name.startswith(MAP)]
        removed = self.chance.choice([names, cells, *(self.chance.sample(names, count) for count in range(1, 5))])
        for name in self.chance.sample(removed, min(most or len(removed), len(removed))):
            self.path(name).unlink(missing_ok=True)
        missing = [name for name in names if not self.path(name).exists()]
        return Run(self.checkout, *options), len({Path(name).with_suffix("") for name in missing})

    def run_to_a_moment(self, *options, most=None) -> Run:
        """A run with work, at a random moment: while it starts, or some time after one of its jobs began."""
        run, work = self.start_with_work(*options, most=most)
        if self.chance.random() < 0.25:
            run.sleep(self.chance.uniform(0, 3))
            return run
        job, later = self.chance.randint(1, work), self.chance.uniform(0, 1.2)
        while run.under_way() and run.started_jobs < job:
            time.sleep(0.005)
        run.sleep(later)
        return run


def job_killed(subject) -> int:
    """SIGKILL to the interpreter of a job, or of several one after another; the run goes on without them."""
    run, struck = subject.run_to_a_moment(), 0
    for _ in range(subject.chance.randint(1, CELLS)):
        if running := wait_for(run, run.jobs):
            struck += kill(subject.chance.choice(running))
            run.sleep(subject.chance.uniform(0, 2))
    run.wait()
    return struck


def job_killed_as_it_writes(subject) -> int:
    """SIGKILL to jobs while their artifacts have temporary names, at any moment between opening them and moving them into place."""
    run, struck = subject.start_with_work()[0], 0
    for _ in range(subject.chance.randint(1, CELLS)):
        if writing := wait_for(run, lambda: writers(run, subject.checkout.results)):
            time.sleep(subject.chance.uniform(0, 0.03))
            struck += kill(writing[0]) and bool(temporary_files(subject.checkout.results))
    run.wait()
    return struck


def snakemake_killed(subject) -> int:
    """SIGKILL to snakemake alone: its jobs live on, and the next run starts beside them."""
    return _killed(subject.run_to_a_moment(), whole_group=False)


def everything_killed(subject) -> int:
    """SIGKILL to snakemake and all its jobs, as when a machine goes down or a cluster ends an allocation."""
    return _killed(subject.run_to_a_moment(), whole_group=True)


def killed_twice(subject) -> int:
    """A run is killed, and once it is unlocked the next one is killed as well."""
    struck = _killed(subject.run_to_a_moment(), whole_group=False)
    subject.checkout.run("--unlock")
    return struck + _killed(subject.run_to_a_moment(), whole_group=subject.chance.random() < 0.5)


def _killed(run, whole_group):
    run.strike(signal.SIGKILL, whole_group)
    return int(run.wait() == -signal.SIGKILL)


def interrupted(subject) -> int:
    """Ctrl-C: SIGINT to snakemake and its jobs; sometimes the user presses it twice."""
    run = subject.run_to_a_moment()
    struck = run.under_way()
    run.strike(signal.SIGINT, whole_group=True)
    if subject.chance.random() < 0.3:
        run.sleep(subject.chance.uniform(0, 0.5))
        run.strike(signal.SIGINT, whole_group=True)
    return run.wait() != 0 and struck


def product_truncated(subject) -> int:
    """An artifact or figure loses its end, or all it holds."""
    path = subject.some_product()
    content = path.read_bytes()
    path.write_bytes(content[: subject.chance.randrange(len(content))])
    return True


def product_rotten(subject) -> int:
    """Some bytes of an artifact or figure flip; half the time the file keeps its date, as on a bad disk."""
    path = subject.some_product()
    before, content = path.stat(), bytearray(path.read_bytes())
    for place in subject.chance.sample(range(len(content)), subject.chance.randint(1, 4)):
        content[place] ^= subject.chance.randint(1, 255)
    path.write_bytes(content)
    if subject.chance.random() < 0.5:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return True


def record_damaged(subject) -> int:
    """A stamp, a record of a figure, a table of cells or what was configured is truncated, changed in one byte, or gone."""
    path = subject.path(subject.chance.choice(sorted(subject.beside)))
    content = path.read_bytes()
    place = subject.chance.randrange(len(content))
    other = b"y" if content[place : place + 1] == b"x" else b"x"
    path.write_bytes(subject.chance.choice([content[:place], content[:place] + other + content[place + 1 :]]))
    if subject.chance.random() < 0.3:
        path.unlink()
    return True


def memory_lost(subject) -> int:
    """``.snakemake/`` is removed, or some of its records are cut short, before a run that has work."""
    folder = subject.checkout.folder / ".snakemake"
    if subject.chance.random() < 0.5:
        shutil.rmtree(folder)
    else:
        for path in sorted(path for path in (folder / "metadata").rglob("*") if path.is_file()):
            path.write_bytes(path.read_bytes()[: subject.chance.randrange(200)])
    if subject.chance.random() < 0.5:
        subject.some_product().unlink()
    return True


def memory_lost_in_a_run(subject) -> int:
    """``.snakemake/`` is removed while a run is under way."""
    run = subject.run_to_a_moment()
    struck = run.under_way()
    shutil.rmtree(subject.checkout.folder / ".snakemake", ignore_errors=True)
    run.wait()
    return struck


def two_runs_at_once(subject) -> int:
    """A second run starts beside the first, at the same time or later."""
    first, _ = subject.start_with_work()
    if subject.chance.random() < 0.5:
        first.sleep(subject.chance.uniform(0, 4))
    second, struck = Run(subject.checkout), first.under_way()
    codes = [first.wait(), second.wait()]
    for run, code in zip((first, second), codes):
        if code and advice(run.said) is None:
            raise NotTold(run.said)
    return struck


def disk_full(subject) -> int:
    """The disk of the results is full before a run is through; the user moves them to a larger one."""
    content = sum(path.stat().st_size for path in subject.checkout.results.rglob("*") if path.is_file())
    with _small_disk(subject.checkout.results, subject.chance.randrange(8, content // 1024)):
        run = Run(subject.checkout)
        failed = run.wait() != 0
        if failed and not ROOM.search(run.said):
            raise NotTold(run.said)
    return failed


def _configure(checkout):
    """A configuration of jobs of a second, and nothing but its results: judging claims would take longer than all others together."""
    path = checkout.folder / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in {*config["experiments"]} - {CHAIN}:
        shutil.rmtree(checkout.results / name, ignore_errors=True)
    for name in {*config["figures"]} - {CHAIN}:
        for made in (checkout.results / "figures").glob(f"{name}.*"):
            made.unlink()
    shutil.rmtree(checkout.results / "claims", ignore_errors=True)
    for made in checkout.results.glob("claims.*"):
        made.unlink()
    chain, cells = (config["experiments"][name] for name in (CHAIN, MAP))
    cells["grids"] = [{"alpha": 1 + index, "tau": 3, "sigma": 0.1} for index in range(CELLS)]
    config |= {"experiments": {CHAIN: chain, MAP: cells}, "figures": {CHAIN: config["figures"][CHAIN]}, "claims": {}}
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def writers(run, results):
    """Jobs of a run that have an artifact or figure under a temporary name, which tells their number."""
    numbers = {int(match["process"]) for path in temporary_files(results) if (match := TEMPORARY.fullmatch(path.name))}
    return [job for job in run.jobs() if job.pid in numbers] if numbers else []


def temporary_files(results):
    """What jobs are writing, or left when they were killed."""
    return [path for pattern in ("*/*/.*", "figures/.*") for path in results.glob(pattern)]


@contextmanager
def _small_disk(folder, kilobytes):
    """An empty file system of this size in the place of a folder; what it holds in the end is moved to where there is room."""
    if os.getuid():
        raise NotPossible("a small file system can be mounted by root only")
    shutil.rmtree(folder)
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        raise NotPossible(f"a small file system can't be mounted here: {done.stderr.strip()}")
    larger = folder.with_name("larger")
    try:
        yield
    finally:
        try:
            shutil.copytree(folder, larger)
        finally:
            _unmount(folder)
        folder.rmdir()
        larger.rename(folder)


def _unmount(folder):
    """Also if something that was left behind still uses it."""
    if subprocess.run(["umount", folder]).returncode:
        subprocess.run(["umount", "--lazy", folder], check=True)


KILLS = (job_killed, job_killed_as_it_writes, snakemake_killed, everything_killed, killed_twice, interrupted)
OTHERS = (product_truncated, product_rotten, record_damaged, memory_lost, memory_lost_in_a_run, two_runs_at_once, disk_full)
