"""How long jobs took and how much memory they had, by rule, from Snakemake's benchmark files."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from cotdepth.audit import configured
from cotdepth.stamps import ArtifactError, ProvenanceError, StampError, read_stamp


class RuleTimes(NamedTuple):
    """Of the jobs of one rule: seconds in all and of the longest, and the largest memory in MB, None where jobs were too short to see."""

    rule: str
    jobs: int
    seconds: float
    longest: float
    memory: float | None


def rule_times(root: Path, note) -> list[RuleTimes]:
    """What the jobs of each rule took when they last ran, the longest sum first; jobs without a benchmark file are left out.

    Parameters
    ----------
    root : Path
        A results folder.
    note : callable
        Called with a line for each job that is left out because its stamp or its benchmark file cannot be read.

    Raises
    ------
    ProvenanceError
        If the folder holds no results.
    """
    records = defaultdict(list)
    for artifact in (path for path in configured(root) if path.suffix == ".nc"):
        benchmark = (Path(root) / "benchmarks" / artifact.relative_to(root)).with_suffix(".tsv")
        if benchmark.exists():
            try:
                records[_rule(artifact.with_suffix(".json"))].append(_record(benchmark))
            except ProvenanceError as error:
                note(str(error))
    return sorted((_times(rule, found) for rule, found in records.items() if found), key=lambda times: -times.seconds)


def _rule(path):
    """The rule that makes what a stamp describes: it is called as its script."""
    script = read_stamp(path)[1].get("script")
    if not isinstance(script, str):
        raise StampError(f"{path}: names no script; `snakemake -n` writes stamps afresh")
    return Path(script).stem


def _record(path):
    """Seconds and MB of one job; its memory is ``NA`` if it ended before Snakemake looked."""
    try:
        [row] = csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t")
        return float(row["s"]), None if row["max_rss"] == "NA" else float(row["max_rss"])
    except (ValueError, KeyError, TypeError):
        raise ArtifactError(f"{path}: not the benchmark file of one job; delete it, nothing depends on it") from None


def _times(rule, records):
    seconds, memory = [record[0] for record in records], [record[1] for record in records if record[1] is not None]
    return RuleTimes(rule, len(records), sum(seconds), max(seconds), max(memory, default=None))
