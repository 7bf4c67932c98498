"""Is there room on a disk? Said only where there is hardly any: a reader takes it for the reason."""

import shutil
from pathlib import Path

LITTLE_ROOM = 10_000_000  # bytes: less than many artifacts have


def shortage(folder: Path) -> str:
    """That there is hardly any room on the disk of a folder, in words; an empty text if there is more."""
    free = shutil.disk_usage(folder).free
    return f"only {free / 1e6:.1f} MB are free on the disk of {folder}" if free < LITTLE_ROOM else ""
