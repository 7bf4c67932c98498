"""The table ``cells.csv`` of an experiment: which cells its stages have. Names in it become paths, so they must be plain names."""

import csv
import re
from pathlib import Path

from cotdepth.stamps import ArtifactError

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{0,254}")  # of an experiment, a stage, a cell or a figure


def read_cells(table: Path) -> list[tuple[str, str]]:
    """Stage and cell of every row.

    Raises
    ------
    ArtifactError
        If the file is missing or no such table, or a name in it is none that a file of this project has.
    """
    try:
        rows = [(row["stage"], row["cell"]) for row in csv.DictReader(Path(table).read_text(encoding="utf-8").splitlines())]
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise ArtifactError(f"{table}: not a table of cells ({error}); `snakemake -n` writes it afresh") from None
    require_names(table, [name for row in rows for name in row])
    return rows


def require_names(path: Path, names: list) -> None:
    """Refuse names, read from a file, that would lead out of their folder or into a hidden one.

    Raises
    ------
    ArtifactError
        Naming the file and the first such name.
    """
    for name in names:
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise ArtifactError(f"{path}: {str(name)[:80]!r} is no name of an experiment, stage, cell or figure")
