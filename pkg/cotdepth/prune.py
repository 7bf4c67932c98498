"""What no configuration names any more, and what killed jobs left behind: found, and removed if asked."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cotdepth import spec
from cotdepth.audit import configured, recorded
from cotdepth.repair import QUARANTINE
from cotdepth.run_locks import require_no_run
from cotdepth.stamps import INDEX, LEDGER, TEMPORARY, ArtifactError, StampError, host, read_stamp

WORKING = re.compile(r"\.(.+-[0-9a-f]{8})\.work")   # of a cell, as by `cotdepth.job.Job.working_folder`
LONG = 86400   # seconds without a change, after which nobody writes a temporary file any more: not even on another machine
BY_CELL = {"logs": (".log",), "benchmarks": (".tsv",)}   # folders with files named as cells and figures are
OF_CLUSTER = "slurm"   # in the folder of logs: the cluster's own, which it names and removes itself
UNNAMED, LEFT, GONE = "of no configuration", "left by a killed job", "of something that is gone"


class Leftover(NamedTuple):
    """A file or a folder that nothing needs: what it is, in words, and its size in bytes."""

    path: Path
    what: str
    size: int


def leftovers(root: Path) -> list[Leftover]:
    """What could be removed from a results folder.

    The configuration is that of the last run or dry run of the workflow. An artifact counts only if it says itself that it was
    made where it lies: what is damaged or foreign there is for `cotdepth.repair.repair`. The quarantine and files of other
    kinds stay.

    Raises
    ------
    ArtifactError
        If the folder holds no results.
    """
    root = Path(root)
    wanted = {path.with_suffix("") for path in configured(root)}
    kinds = (_of_cells, _of_figures, _of_the_ledger, _of_jobs, _by_cell)
    found = [one for kind in kinds for one in kind(root, wanted)]
    return [Leftover(path, what, _size(path)) for path, what in found]


def remove(root: Path, found: list[Leftover]) -> None:
    """Remove what `leftovers` found, and the folders that are empty then.

    Raises
    ------
    RunUnderWay
        If snakemake is running here.
    OSError
        If a file can't be removed.
    """
    for leftover in found:
        require_no_run(root)   # one may have started since
        if leftover.path.is_dir() and not leftover.path.is_symlink():
            shutil.rmtree(leftover.path)
        else:
            leftover.path.unlink(missing_ok=True)
    above = {folder for leftover in found for folder in leftover.path.parents if Path(root) in folder.parents}
    for folder in sorted(above, key=lambda folder: -len(folder.parts)):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _of_cells(root, wanted) -> Iterator[tuple[Path, str]]:
    """Artifacts and stamps of cells that no configuration names, and tables of experiments once no artifact is left there.

    Without its table an experiment would be seen by no audit, and what is damaged or foreign there would stay for ever.
    """
    for table in sorted(root.glob("*/cells.csv")):
        artifacts = set(table.parent.glob("*/[!.]*.nc"))
        for path in sorted({*artifacts, *table.parent.glob("*/[!.]*.json")}):
            if path.with_suffix("") not in wanted and _place(path) == path.with_suffix("").parts[-3:]:
                artifacts.discard(path)
                yield path, UNNAMED
        if not artifacts and not any(table.parent in stem.parents for stem in wanted):
            yield table, UNNAMED


def _of_figures(root, wanted) -> Iterator[tuple[Path, str]]:
    """Figures that no configuration names, with their stamps and records."""
    for stamp in sorted((root / "figures").glob("[!.]*.json")):
        if stamp.with_suffix("") in wanted or _place(stamp)[:2] != ("figures", stamp.stem):
            continue
        pictures = [path for path in map(stamp.with_suffix, (".png", ".pdf")) if path.exists() and _made(path)]
        for path in (*pictures, stamp.with_suffix(".made.json"), stamp):
            if path.exists():
                yield path, UNNAMED


def _of_the_ledger(root, wanted) -> Iterator[tuple[Path, str]]:
    """The verdicts on claims, with their stamp, log and benchmark, where the configuration has no claims."""
    ledger, stem = root / LEDGER, Path(LEDGER).stem
    if ledger.with_suffix("") not in wanted and (not ledger.exists() or _made(ledger)):
        for path in (ledger, ledger.with_suffix(".json"), root / "logs" / f"{stem}.log", root / "benchmarks" / f"{stem}.tsv"):
            if path.exists():
                yield path, UNNAMED


def _of_jobs(root, wanted) -> Iterator[tuple[Path, str]]:
    """What jobs that no longer run have left: working folders of no further use, and temporary files."""
    for folder, inside, files in os.walk(root):
        folder = Path(folder)
        working = [name for name in inside if _is_stage(root, folder) and _is_spent(folder, name, wanted)]
        yield from ((folder / name, LEFT) for name in sorted(working))
        yield from ((folder / name, LEFT) for name in sorted(files) if _is_abandoned(folder / name))
        inside[:] = [name for name in inside if name not in working and not _is_apart(root, folder / name)]


def _by_cell(root, wanted) -> Iterator[tuple[Path, str]]:
    """Logs and benchmarks of cells and figures that no configuration names."""
    for base, kinds in BY_CELL.items():
        for path in sorted([*(root / base).glob("*/*/[!.]*.*"), *(root / base).glob("figures/[!.]*.*")]):
            stem = path.relative_to(root / base).with_suffix("")
            if path.is_file() and path.suffix in kinds and stem.parts[0] != OF_CLUSTER and root / stem not in wanted:
                yield path, GONE


def _place(path):
    """Experiment, stage and cell that an artifact or a stamp says it is of; nothing for what is neither."""
    try:
        made = recorded(path) if path.suffix == ".nc" else read_stamp(path)[1]
        return made["experiment"], made["stage"], made["cell"]
    except (ArtifactError, StampError, KeyError):
        return ()


def _made(path):
    """What an artifact or a figure says that it was made from; nothing where it is missing, damaged or neither."""
    try:
        return recorded(path)
    except ArtifactError:
        return {}


def _is_stage(root, folder):
    """Whether a folder is that of a stage of an experiment."""
    return folder.parent.parent == root and (folder.parent / "cells.csv").exists()


def _is_spent(folder, name, wanted):
    """Whether a folder is the working folder of a cell, and of no further use: nobody asks for the cell, or it was made since."""
    match = WORKING.fullmatch(name)
    if not match or folder / match[1] not in wanted:
        return match is not None
    artifact, stamp = (folder / f"{match[1]}{suffix}" for suffix in (".nc", ".json"))
    try:
        return _made(artifact).get("stamp") == spec.digest(read_stamp(stamp)[0])
    except StampError:
        return False


def _is_apart(root, folder):
    """Whether a folder is not for pruning: the quarantine, or the results of another scale."""
    return folder == root / QUARANTINE or (folder / INDEX).exists()


def _is_abandoned(path):
    """Whether a file has a temporary name, and its writer is dead on this machine, or has written nothing for long."""
    match = TEMPORARY.fullmatch(path.name)
    if not match:
        return False
    if match["host"] == host() and not _lives(int(match["process"])):
        return True
    try:
        return time.time() - path.lstat().st_mtime > LONG
    except FileNotFoundError:   # its writer moved it into place
        return False


def _lives(process):
    """Whether a process of this number runs on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _size(path):
    """Bytes of a file, or of all files below a folder; links are not followed."""
    inside = [path] if path.is_symlink() or not path.is_dir() else [*path.rglob("*")]
    return sum(one.lstat().st_size for one in inside if not one.is_dir() or one.is_symlink())
