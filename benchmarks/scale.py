"""What the workflow itself costs with thousands of jobs: planning, seeing that there is nothing to do, starting a job, the audit.

A copy of the project in a temporary folder gets a configuration of so many jobs: a map of the ridgeless theory, a small cell for each
combination of alpha and tau. With --run the workflow makes all its artifacts, which takes a second or two each. Without, the scripts
make them in one process and `snakemake --touch` notes them as made; the workflow then makes a sample of them again, one at a time.
Planning is also timed with five stages of a fifth as many cells, each of which has inputs.
"""

import argparse
import os
import random
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from tabulate import tabulate

PROJECT = Path(__file__).resolve().parents[1]
SNAKEMAKE = ("-m", "snakemake", "--quiet", "all", "--max-jobs-per-timespan", "1000/1s")
IMPORTS = "import cotdepth.job, cotdepth.store, cotdepth.theory.summary, cotdepth.theory.row_filter"  # what a job of the map imports
AUDIT = "import sys; from cotdepth.cli import main; sys.exit(main(['audit']))"
REPEATS = 3

# Makes the artifacts of stamps as their jobs would, one after another in one process.
IN_ONE_PROCESS = """
import contextlib, os, runpy, sys
for stamp in sys.stdin.read().split():
    sys.argv = ["scripts/theory_ridgeless.py", "--stamp", stamp, "--out", stamp.removesuffix(".json") + ".nc"]
    with contextlib.redirect_stdout(None):
        runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main():
    options = _options()
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        rows = [*planning(Path(folder) / "pipeline", pipeline(options.jobs)), *running(Path(folder) / "map", options)]
    print(tabulate(rows, ["jobs", "what", "seconds", "CPU seconds", "peak memory (MB)"], floatfmt=".3g"))
    print(f"seconds are medians of {REPEATS} where there is nothing to do; {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}")


def planning(checkout, config):
    """Times of dry runs where nothing has been made."""
    copy_project(checkout, config)
    first, again = (measure(checkout, *SNAKEMAKE, "-n") for _ in range(2))
    jobs = len(list(checkout.glob("results/*/*/*.json")))
    return [(jobs, "dry run, nothing made, no stamps yet", *first), (jobs, "dry run, nothing made", *again)]


def running(checkout, options):
    """Times with all artifacts there, of making some of them again, and of the audit."""
    rows = planning(checkout, a_map(options.jobs))
    jobs, stamps = rows[0][0], sorted(map(str, checkout.glob("results/*/*/*.json")))
    if options.run:
        rows.append((jobs, "run of all jobs", *measure(checkout, *SNAKEMAKE)))
    else:
        measure(checkout, "-c", IN_ONE_PROCESS, given="\n".join(stamps))
        measure(checkout, *SNAKEMAKE, "--touch", "--forceall")
    nothing = median(checkout, *SNAKEMAKE)
    rows += [(jobs, "run, nothing to do", *nothing), (jobs, "dry run, nothing to do", *median(checkout, *SNAKEMAKE, "-n"))]
    return [*rows, *starting(checkout, stamps, options.sample, nothing), (jobs, "cotdepth audit", *measure(checkout, "-c", AUDIT))]


def starting(checkout, stamps, sample, nothing):
    """What a job costs in a run, by itself, and before it does anything."""
    for stamp in random.Random(1).sample(stamps, sample):
        (checkout / stamp).with_suffix(".nc").unlink()
    again = measure(checkout, *SNAKEMAKE, "--cores", "1")
    in_run = [(spent - start) / sample for spent, start in zip(again[:2], nothing[:2])]
    alone = median(checkout, "scripts/theory_ridgeless.py", "--stamp", stamps[0], "--out", "other.nc")
    imports = median(checkout, "-c", IMPORTS)
    return [(sample, "one job of a run, without the start of the run", *in_run, again[2]), (1, "the same job by hand", *alone),
            (1, "interpreter and imports of such a job", *imports)]  # fmt: skip


def median(checkout, *command):
    """The measurement with the median time."""
    return sorted(measure(checkout, *command) for _ in range(REPEATS))[REPEATS // 2]


def measure(checkout, *command, given=""):
    """Seconds, CPU seconds and peak memory (MB) of a command and all it starts; an error if it fails."""
    settings = {"PYTHONPATH": str(checkout / "pkg"), "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])}
    started = time.perf_counter()
    with open(checkout / "said", "w+") as said:
        process = subprocess.Popen([sys.executable, *command], cwd=checkout, env=os.environ | settings, text=True,
                                   stdin=subprocess.PIPE, stdout=said, stderr=said)  # fmt: skip
        process.stdin.write(given)
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command}: exit code {process.returncode}\n{said.read()}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def copy_project(checkout, config):
    """The project with another configuration, without results."""
    copied = runpy.run_path(str(PROJECT / "tests" / "workflow" / "project_copy.py"))
    copied["copy_project"](checkout, yaml.safe_dump(config))


def a_map(jobs):
    """A configuration of so many independent jobs."""
    alpha = _largest_divisor(jobs)
    block = {"title": "Map", "theory": "ridgeless", "cell_axes": ["alpha", "tau"], "alpha": _range(0.5, 8, alpha),
             "tau": _range(1.5, 20, jobs // alpha), "sigma": 0.1, "depth": 4}  # fmt: skip
    return {"results": "results", "experiments": {"map": block}, "figures": {}}


def pipeline(jobs):
    """A configuration of five stages with a fifth of so many cells each."""
    cells = jobs // 5
    alpha = _largest_divisor(cells)
    block = {"title": "Pipeline", "learner": "reduced", "theory": "ridgeless", "comparison": "finite-size",
             "cell_axes": ["alpha", "tau", "dim"], "alpha": [*range(1, alpha + 1)], "tau": [*range(2, cells // alpha + 2)], "dim": 4,
             "sigma": 0.5, "ridge": 0, "experiment_seed": 1, "seeds": 1, "n_test": 2, "depth": 2, "quantiles": [0.5]}  # fmt: skip
    return {"results": "results", "experiments": {"pipeline": block}, "figures": {}}


def _range(start, stop, count):
    return {"from": start, "to": stop, "count": count, "spacing": "log"}


def _largest_divisor(number):
    """The largest divisor up to the square root, at least 2."""
    divisors = [divisor for divisor in range(2, int(number**0.5) + 1) if number % divisor == 0]
    if not divisors:
        raise SystemExit(f"{number}: must be a product of two numbers above 1")
    return divisors[-1]


def _options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=2000, help="a multiple of 10, at least 40 (default 2000)")
    parser.add_argument("--sample", type=int, default=40, help="jobs that are made again one at a time (default 40)")
    parser.add_argument("--run", action="store_true", help="the workflow itself makes every artifact: a second or two each")
    options = parser.parse_args()
    if options.jobs < 40 or options.jobs % 10:
        parser.error(f"--jobs {options.jobs}: must be a multiple of 10, at least 40")
    if not 1 <= options.sample <= options.jobs:
        parser.error(f"--sample {options.sample}: must be from 1 to the number of jobs")
    return options


if __name__ == "__main__":
    main()
