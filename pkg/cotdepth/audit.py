"""Are the results what the configuration and the code now say? Answered from the files alone, without Snakemake's records."""

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from cotdepth import spec
from cotdepth.cells import read_cells, require_names
from cotdepth.records import read_record
from cotdepth.stamps import INDEX, LEDGER, ArtifactError, StampError, read_stamp

PICTURES = (".png", ".pdf")


class Finding(NamedTuple):
    """What the audit says of one file.

    ``verdict`` is ``ok``, ``missing`` (not made yet), ``stale`` (made from other parameters, code or inputs), ``damaged``
    (truncated, corrupted or edited by hand) or ``foreign`` (not of this configuration, or not of this place).
    """

    path: Path
    verdict: str
    reason: str


def audit(root: Path) -> list[Finding]:
    """Judge every artifact and figure below a results folder, and name those that are missing.

    The configuration is that of the last run or dry run of the workflow; code is compared as it is now.

    Raises
    ------
    ArtifactError
        If the folder holds no results.
    """
    root, changes, expected = Path(root), Changes(), configured(root)
    there = [*root.glob("*/*/[!.]*.nc"), *(path for kind in PICTURES for path in root.glob(f"figures/[!.]*{kind}")),
             *root.glob(LEDGER)]  # fmt: skip
    ours = [path for path in there if path.suffix != ".nc" or path.name == LEDGER or (path.parents[1] / "cells.csv").exists()]
    strangers = sorted(set(ours) - set(expected))
    return [*(_judge(path, changes) for path in expected),
            *(Finding(path, "foreign", "not of this configuration") for path in strangers)]  # fmt: skip


def configured(root: Path) -> list[Path]:
    """Paths of all artifacts and figures that the configuration asks for, made or not.

    Raises
    ------
    ArtifactError
        If the folder holds no results.
    """
    index = _index(root)
    figures = [Path(root) / "figures" / f"{name}{kind}" for name in index["figures"] for kind in PICTURES]
    return [*listed(root), *figures, *([Path(root) / LEDGER] if index.get("ledger") else [])]


def listed(root: Path) -> list[Path]:
    """Paths of all artifacts that the configuration asks for, made or not.

    Raises
    ------
    ArtifactError
        If the folder holds no results.
    """
    index = _index(root)
    tables = [Path(root) / name / "cells.csv" for name in index["experiments"]]
    cells = [(table.parent, row) for table in tables for row in read_cells(table)]
    for table in tables:   # readable, but shorter than it was, it would call good results foreign
        if table_digest(table.read_text(encoding="utf-8")) != index["tables"].get(table.parent.name):
            raise ArtifactError(f"{table}: edited, or cut short; `snakemake -n` with the configuration of these results writes it afresh")
    return [folder / stage / f"{cell}.nc" for folder, (stage, cell) in cells]


def table_digest(text: str) -> str:
    """What tells a table of cells from one that was edited or cut short."""
    return hashlib.sha256(text.encode()).hexdigest()


def explain(path: Path) -> list[str]:
    """Why an artifact or figure is stale: each parameter, module or input that changed, old and new; empty if none did.

    Raises
    ------
    ProvenanceError
        If the file or its stamp is missing or can't be read.
    """
    return Changes().of(Path(path))


def recorded(path: Path) -> dict:
    """What a file says it was made from: ``stamp``, ``spec``, ``code`` and ``inputs``.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, or neither an artifact nor a figure of this project.
    """
    path = Path(path)
    if path.suffix not in (".nc", *PICTURES):
        raise ArtifactError(f"{path}: neither an artifact (.nc) nor a figure (.png, .pdf)")
    if not path.exists():
        raise ArtifactError(f"{path}: no such file")
    if path.suffix != ".nc":
        return _recorded_figure(path)
    from cotdepth.store import read_attributes

    return read_attributes(path)


class Changes:
    """What changed since files were made; remembers what it has found, since many files share inputs and code."""

    def __init__(self):
        self._found, self._codes, self._recorded = {}, {}, functools.cache(recorded)

    def of(self, path: Path) -> list[str]:
        """A line for each parameter, module or input of a file that changed."""
        if path not in self._found:
            made, (text, stamp) = self._recorded(path), read_stamp(path.with_suffix(".json"))
            own = [f"parameter {name}: {old} -> {new}" for name, old, new in _differences(made["spec"], stamp["spec"])]
            own += [f"code {name}: {_short(old)} -> {_short(new)}"
                    for name, old, new in _differences(made["code"], self._code_now(stamp["code"]))]  # fmt: skip
            if not own and made["stamp"] != spec.digest(text):
                own.append("the stamp is of another place or version of the format")
            self._found[path] = own + self._of_inputs(path, made["inputs"])
        return self._found[path]

    def _of_inputs(self, path, inputs):
        """A line for each input that is no longer what the file was made from, or is stale itself."""
        root = _results_folder(path)
        lines = [(name, self._of_input(root / f"{name}.nc", made)) for name, made in inputs.items()]
        return [f"input {name}: {change}" for name, change in lines if change]

    def _of_input(self, path, made):
        """How an input changed; of one that is gone or damaged only its stamp can tell."""
        try:
            now = self._recorded(path)["content"]
            stale = self.of(path)
        except (ArtifactError, StampError):
            return _other_stamp(path, made["stamp"])
        return f"{_short(made['content'])} -> {_short(now)}" if now != made["content"] else f"stale ({stale[0]})" if stale else None

    def _code_now(self, stamped):
        """The digests of the stamped modules as they are now; a stamped one stands where the file is not to be found."""
        for name in stamped.keys() - self._codes.keys():
            path = _source(name)
            self._codes[name] = spec.code_digest(path) if path.exists() else stamped[name]
        return {name: self._codes[name] for name in stamped}


def _other_stamp(path, recorded_stamp):
    """That an input which can't be read is to be made otherwise than the one that was used, if so."""
    try:
        text, _ = read_stamp(path.with_suffix(".json"))
    except StampError:
        return None
    return None if spec.digest(text) == recorded_stamp else "gone or damaged, and its stamp is another one now"


def _place(made):
    """Where an artifact was made for: the last parts of its path."""
    return made["experiment"], made["stage"], made["cell"]


def _results_folder(path):
    """The results folder that a file lies in: the nearest one above it with an index, or else where an artifact would have it."""
    parents = Path(os.path.abspath(path)).parents   # a path from within the results names too few of them
    return next((folder for folder in parents if (folder / INDEX).exists()), parents[2])


def _index(root):
    """The experiments and figures of the configuration."""
    path = Path(root) / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        index["tables"] = dict(index["tables"])
        names = [name for kind in ("experiments", "figures", "tables") for name in index[kind]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ArtifactError(f"{root}: no results here; run snakemake first, or name another folder with --root") from None
    require_names(path, names)
    return index


def _recorded_figure(path):
    """The record beside a figure, once its bytes are known to be those that were written."""
    try:
        made = read_record(path.with_suffix(".made.json"))
    except ArtifactError as error:
        raise ArtifactError(f"{path}: its record is damaged or missing ({error}); delete both and run snakemake again") from None
    if hashlib.sha256(path.read_bytes()).hexdigest() != made["contents"].get(path.suffix):
        raise ArtifactError(f"{path}: damaged (its contents differ from what was written); delete it and run snakemake again")
    return made


def _judge(path, changes):
    if not path.exists():
        return Finding(path, "missing", "not made yet")
    try:
        made = _checked(path)
        if path.suffix == ".nc" and path.name != LEDGER and _place(made) != (*path.parts[-3:-1], path.stem):
            return Finding(path, "foreign", f"made as {made['experiment']}/{made['stage']}/{made['cell']}")
        lines = changes.of(path)
    except StampError as error:
        return Finding(path, "foreign", str(error))
    except ArtifactError as error:
        return Finding(path, "damaged", str(error).removeprefix(f"{path}: "))
    return Finding(path, "stale", "; ".join(lines)) if lines else Finding(path, "ok", "")


def _checked(path):
    """What a file was made from, once its contents are known to be what was written."""
    if path.suffix == ".nc":
        from cotdepth.store import read_content

        read_content(path)
    return recorded(path)


def _differences(old, new):
    """Entries of two mappings that differ, as (name, old, new), ``None`` where one has none."""
    names = sorted(old.keys() | new.keys())
    return [(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _source(module):
    if module.startswith("script."):
        return spec.PACKAGE.parent.parent / "scripts" / f"{module.removeprefix('script.')}.py"
    return spec.module_path(module)


def _short(value):
    return value[:8] if isinstance(value, str) else value
