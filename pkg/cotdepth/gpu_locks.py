"""Which GPU a job takes where several jobs and several GPUs meet: the first that no other job holds, by lock files."""

import os
import re
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

BETWEEN_LOOKS = 1.0   # seconds
_held = {}   # by GPU, the locks of this process: the system releases them when it ends, however it ends


def visible_gpus(properties: list) -> list[str]:
    """Names of the GPUs that CUDA shows to this process, in its order, which are the same in every process of a machine.

    Their numbers are not: a cluster may give every job a GPU of its own and call it 0. A part of a GPU (MIG) is named as in
    CUDA_VISIBLE_DEVICES, since torch names the whole.

    Parameters
    ----------
    properties : list
        ``torch.cuda.get_device_properties`` of each.
    """
    entries = [entry.strip() for entry in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    parts = [entry if entry.startswith("MIG-") else None for entry in entries] + [None] * len(properties)
    return [part or f"GPU-{device.uuid}" for part, device in zip(parts, properties)]


def take_gpu(names: list[str], folder: Path | None = None, waiting=print) -> int:
    """The place of a GPU in a list of names, held until this process ends; a process takes one, and waits while all are held.

    Jobs of one user on one machine see each other's locks.

    Parameters
    ----------
    names : list of str
        As by `visible_gpus`.
    folder : Path, optional
        Of the lock files; one of this user in the machine's temporary folder if it is not given.
    waiting : callable
        Called once with a line for the log, if no GPU is free.

    Raises
    ------
    OSError
        If the folder belongs to somebody else, or can't be written.
    """
    for place, name in enumerate(names):
        if name in _held:
            return place
    folder, said = _own_folder() if folder is None else Path(folder), False
    while True:
        for place, name in enumerate(names):
            lock = _lock(folder, name)
            if lock is not None:
                _held[name] = lock
                return place
        if not said:
            waiting(f"waiting for a GPU: other jobs hold {', '.join(names)}")
            said = True
        time.sleep(BETWEEN_LOOKS)


def _lock(folder, name):
    """The lock of a GPU, held; None if another process holds it."""
    lock = FileLock(folder / f"{re.sub(r'[^A-Za-z0-9-]', '_', name)}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _own_folder():
    """A folder that only this user can write to; others may not make this process wait, nor lead its locks elsewhere."""
    folder = Path(tempfile.gettempdir()) / f"cotdepth-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.lstat()
    if folder.is_symlink() or owner.st_uid != os.getuid() or owner.st_mode & 0o022:
        raise PermissionError(f"{folder}: must be a folder of yours alone, for the locks of GPUs; remove it")
    return folder
