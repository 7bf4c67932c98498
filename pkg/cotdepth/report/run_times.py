"""How long jobs took: from Snakemake's benchmark files where there are any, else from the last line of each job's log."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

ENDED = re.compile(r"^.*: (\d+(?:\.\d+)?) s on ", re.MULTILINE)  # the host that follows is of no interest to a reader


class StageTimes(NamedTuple):
    """Jobs of one stage that left a time: how many, seconds in all and of the longest."""

    jobs: int
    seconds: float
    longest: float


def stage_times(results: Path, experiment: str, stage: str, cells: list[str]) -> StageTimes | None:
    """Times of the jobs of these cells of a stage when they last ran, or None if none left any."""
    logs = [Path(results, "logs", experiment, stage, f"{cell}.log") for cell in cells]
    found = [seconds for seconds in (_seconds(Path(results), log) for log in logs if log.exists()) if seconds is not None]
    return StageTimes(len(found), sum(found), max(found)) if found else None


def _seconds(results, log):
    benchmark = results / "benchmarks" / log.relative_to(results / "logs").with_suffix(".tsv")
    if benchmark.exists():
        [row] = csv.DictReader(benchmark.read_text(encoding="utf-8").splitlines(), delimiter="\t")
        return float(row["s"])
    ends = ENDED.findall(log.read_text(encoding="utf-8", errors="replace"))
    return float(ends[-1]) if ends else None
