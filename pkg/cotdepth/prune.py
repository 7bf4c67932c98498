"""What no configuration names any more, and what killed jobs left behind: found, and removed if asked."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cotdepth import spec
from cotdepth.audit import configured, recorded
from cotdepth.repair import QUARANTINE
from cotdepth.run_locks import require_no_run
from cotdepth.stamps import INDEX, ArtifactError, StampError, read_stamp

TEMPORARY = re.compile(r"\..+\.(\d+)\.(nc|json|csv|png|pdf|pt)")  # as by `cotdepth.stamps.replacing`, with the number of the process
WORKING = re.compile(r"\.(.+)\.work")                             # as by `cotdepth.job.Job.working_folder`
BY_CELL = {"logs": (".log",), "benchmarks": (".tsv", ".jsonl")}   # folders with files named as cells and figures are
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
    found = [*_of_cells(root, wanted), *_of_figures(root, wanted), *_of_jobs(root, wanted), *_by_cell(root, wanted)]
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
    require_no_run(root)
    for leftover in found:
        if leftover.path.is_dir() and not leftover.path.is_symlink():
            shutil.rmtree(leftover.path)
        else:
            leftover.path.unlink(missing_ok=True)
    above = {folder for leftover in found for folder in leftover.path.parents if Path(root) in folder.parents}
    for folder in sorted(above, key=lambda folder: -len(folder.parts)):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _of_cells(root, wanted) -> Iterator[tuple[Path, str]]:
    """Artifacts and stamps of cells, and tables of experiments, that no configuration names."""
    for table in sorted(root.glob("*/cells.csv")):
        for path in sorted(table.parent.glob("*/[!.]*.*")):
            if path.suffix in (".nc", ".json") and path.with_suffix("") not in wanted and _place(path) == path.with_suffix("").parts[-3:]:
                yield path, UNNAMED
        if not any(table.parent in stem.parents for stem in wanted):
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


def _of_jobs(root, wanted) -> Iterator[tuple[Path, str]]:
    """What jobs that no longer run have left: working folders of no further use, and temporary files."""
    for folder, inside, files in os.walk(root):
        working = [name for name in inside if (match := WORKING.fullmatch(name)) and _is_spent(Path(folder) / match[1], wanted)]
        yield from ((Path(folder) / name, LEFT) for name in sorted(working))
        for name in sorted(files):
            match = TEMPORARY.fullmatch(name)
            if match and not _lives(int(match[1])):
                yield Path(folder) / name, LEFT
        inside[:] = [name for name in inside if name not in working and not _is_apart(root, Path(folder) / name)]


def _by_cell(root, wanted) -> Iterator[tuple[Path, str]]:
    """Logs and benchmarks of cells and figures that no configuration names."""
    for base, kinds in BY_CELL.items():
        for path in sorted([*(root / base).glob("*/*/[!.]*.*"), *(root / base).glob("figures/[!.]*.*")]):
            if path.is_file() and path.suffix in kinds and root / path.relative_to(root / base).with_suffix("") not in wanted:
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


def _is_spent(stem, wanted):
    """Whether the working folder of a cell is of no further use: nobody asks for the cell, or it was made since."""
    if stem not in wanted:
        return True
    artifact, stamp = (stem.with_name(stem.name + suffix) for suffix in (".nc", ".json"))
    try:
        return _made(artifact).get("stamp") == spec.digest(read_stamp(stamp)[0])
    except StampError:
        return False


def _is_apart(root, folder):
    """Whether a folder is not for pruning: the quarantine, or the results of another scale."""
    return folder == root / QUARANTINE or (folder / INDEX).exists()


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
