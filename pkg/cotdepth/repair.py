"""Out of the way with what the audit finds damaged or foreign: moved to a quarantine, nothing deleted."""

import json
import shutil
from pathlib import Path

from cotdepth.audit import Finding, audit, configured
from cotdepth.run_locks import require_no_run

QUARANTINE = "quarantine"  # a folder of the results, with a folder for each repair: 1, 2, ...
FAULTS = ("damaged", "foreign")


def repair(root: Path) -> tuple[Path | None, list[Finding]]:
    """Move every damaged or foreign artifact and figure to a new folder of the quarantine, under the path that it had.

    Its stamp, and the record of a figure, go with it: as copies where the configuration asks for the file, since there they
    stand for what is to be made in its place. ``moved.json`` says what was moved and why.

    Parameters
    ----------
    root : Path
        A results folder.

    Returns
    -------
    folder : Path or None
        Where everything went; None if there was nothing to move.
    faults : list of Finding
        What the audit said of the files that were moved.

    Raises
    ------
    RunUnderWay
        If snakemake is running here.
    ArtifactError
        If the folder holds no results.
    """
    root = Path(root)
    require_no_run(root)
    faults = [finding for finding in audit(root) if finding.verdict in FAULTS]
    if not faults:
        return None, []
    require_no_run(root)   # the audit took its time, and one may have started
    wanted, folder = set(configured(root)), _new_folder(root / QUARANTINE)
    _write_list(folder, root, faults)
    for fault in faults:
        _move(fault.path, root, folder)
        for record in _records(fault.path):
            (_copy if fault.path in wanted else _move)(record, root, folder)
    return folder, faults


def _new_folder(quarantine):
    """The first folder of the quarantine with a number that is free."""
    quarantine.mkdir(exist_ok=True)
    number = 1 + max((int(path.name) for path in quarantine.iterdir() if path.name.isdecimal()), default=0)
    folder = quarantine / str(number)
    folder.mkdir()
    return folder


def _write_list(folder, root, faults):
    moved = [{"file": str(fault.path.relative_to(root)), "verdict": fault.verdict, "reason": fault.reason} for fault in faults]
    (folder / "moved.json").write_text(json.dumps(moved, indent=1) + "\n", encoding="utf-8")


def _records(path):
    """What lies beside a file and says how it is made: its stamp, and the record of a figure."""
    return [path.with_suffix(suffix) for suffix in ((".json",) if path.suffix == ".nc" else (".json", ".made.json"))]


def _move(path, root, folder):
    """Move a file, or the link that stands in its place; nothing if it is gone already, with another that it belongs to."""
    if path.exists() or path.is_symlink():
        shutil.move(path, _place(path, root, folder))


def _copy(path, root, folder):
    if path.is_file():
        shutil.copy2(path, _place(path, root, folder))


def _place(path, root, folder):
    place = folder / path.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
