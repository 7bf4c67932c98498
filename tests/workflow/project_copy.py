"""Copies of the project without results: all that a run of the workflow reads."""

import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
COPIED = ("Snakefile", "workflow", "profiles", "scripts", "pkg", "environment.yml")


def copy_project(folder: Path, config: str) -> None:
    """Make a folder with a copy of the project that has this configuration."""
    folder.mkdir()
    for name in COPIED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(PROJECT / name, folder)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
