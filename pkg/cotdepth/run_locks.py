"""Is a run of snakemake under way? Answered by its locks, and by one of ours that lives as long as its process.

Snakemake locks what it reads and writes, but any run that ends in a folder removes the locks of all others there; and a run that
was killed leaves its own behind.
"""

import fcntl
import os
from pathlib import Path

from cotdepth.stamps import ProvenanceError

LOCKS = Path(".snakemake") / "locks"  # of snakemake, in the folder that it was started in
HELD = ".run.lock"  # ours, in a results folder; runs share it


class RunUnderWay(ProvenanceError):
    """Something that would disturb a run of snakemake that is under way."""


def hold(root: Path) -> None:
    """Hold a results folder until this process ends, however it ends; the system then lets go.

    Raises
    ------
    OSError
        If the file system knows no locks.
    """
    descriptor = os.open(Path(root) / HELD, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def is_under_way(place: Path, root: Path) -> bool:
    """Whether a run started in the folder ``place`` has locks, or one holds the results folder ``root``."""
    return _is_locked(Path(place)) or _is_held(Path(root))


def require_no_run(root: Path) -> None:
    """Refuse to go on while a run is under way with these results, or started in this folder or in one that holds the results.

    Raises
    ------
    RunUnderWay
        Naming the lock, and what to do if nothing runs.
    """
    places = dict.fromkeys([Path.cwd(), *Path(root).resolve().parents])
    for place in filter(_is_locked, places):
        raise RunUnderWay(f"{place / LOCKS}: snakemake is running here; wait for its end (if it was killed: "
                          f"`snakemake --unlock` in {place})")  # fmt: skip
    if _is_held(Path(root)):
        raise RunUnderWay(f"{Path(root) / HELD}: snakemake is running here; wait for its end")


def _is_locked(place):
    locks = place / LOCKS
    return locks.is_dir() and any(locks.iterdir())


def _is_held(root):
    """Whether somebody, perhaps another user, holds the results; nobody can where the file system knows no locks."""
    lock = root / HELD
    try:
        with open(lock, "r+" if os.access(lock, os.W_OK) else "r") as file:   # over NFS only what is open for writing can be locked
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
