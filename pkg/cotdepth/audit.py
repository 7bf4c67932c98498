"""Are the results what the configuration and the code now say? Answered from the files alone, without Snakemake's records."""

import csv
from pathlib import Path
from typing import NamedTuple

from cotdepth import spec
from cotdepth.stamps import ArtifactError, StampError, read_stamp


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

    The stamps on disk are those of the last run or dry run of the workflow; code is compared as it is now.

    Raises
    ------
    ArtifactError
        If the folder holds no results.
    """
    root = Path(root)
    figures = [stamp.with_suffix(kind) for stamp in sorted(root.glob("figures/*.json")) for kind in (".png", ".pdf")]
    expected = listed(root) + figures
    there = [path for table in root.glob("*/cells.csv") for path in sorted(table.parent.glob("*/[!.]*.nc"))]
    strangers = [path for path in there if path not in set(expected)]
    return [*map(_judge, expected), *(Finding(path, "foreign", "no cell of the configuration") for path in strangers)]


def listed(root: Path) -> list[Path]:
    """Paths of all artifacts that the configuration asks for, made or not, from the files ``cells.csv``.

    Raises
    ------
    ArtifactError
        If the folder holds no results.
    """
    tables = sorted(Path(root).glob("*/cells.csv"))
    if not tables:
        raise ArtifactError(f"{root}: no results here; run snakemake first, or name another folder with --root")
    return [table.parent / row["stage"] / f"{row['cell']}.nc"
            for table in tables for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())]  # fmt: skip


def explain(path: Path) -> list[str]:
    """Why an artifact or figure is stale: each parameter, module or input that changed, old and new; empty if none did.

    Raises
    ------
    ProvenanceError
        If the file or its stamp is missing or can't be read.
    """
    path = Path(path)
    made, (text, stamp) = recorded(path), read_stamp(path.with_suffix(".json"))
    lines = [f"parameter {name}: {old} -> {new}" for name, old, new in _changes(made["spec"], stamp["spec"])]
    lines += [f"code {name}: {_short(old)} -> {_short(new)}" for name, old, new in _changes(made["code"], _code_now(stamp["code"]))]
    lines += [f"input {name}: {_short(old)} -> {_short(new)}" for name, old, new in _changed_inputs(path, made["inputs"])]
    if not lines and made["stamp"] != spec.digest(text):
        lines.append("the stamp is of another place or version of the format")
    return lines


def recorded(path: Path) -> dict:
    """What a file says it was made from: ``stamp``, ``spec``, ``code`` and ``inputs``.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, or neither an artifact nor a figure of this project.
    """
    if not Path(path).exists():
        raise ArtifactError(f"{path}: no such file")
    if Path(path).suffix not in (".nc", ".png", ".pdf"):
        raise ArtifactError(f"{path}: neither an artifact (.nc) nor a figure (.png, .pdf)")
    if Path(path).suffix != ".nc":
        from cotdepth.figures.saving import read_figure

        return read_figure(path)
    from cotdepth.store import read_attributes

    return read_attributes(path)


def _judge(path):
    if not path.exists():
        return Finding(path, "missing", "not made yet")
    try:
        made = _checked(path)
        if path.suffix == ".nc" and (made["experiment"], made["stage"], made["cell"]) != (*path.parts[-3:-1], path.stem):
            return Finding(path, "foreign", f"made as {made['experiment']}/{made['stage']}/{made['cell']}")
        changes = explain(path)
    except StampError as error:
        return Finding(path, "foreign", str(error))
    except ArtifactError as error:
        return Finding(path, "damaged", str(error).removeprefix(f"{path}: "))
    return Finding(path, "stale", "; ".join(changes)) if changes else Finding(path, "ok", "")


def _checked(path):
    """What a file was made from, once its contents are known to be what was written."""
    if path.suffix == ".nc":
        from cotdepth.store import read_content

        read_content(path)
    return recorded(path)


def _changes(old, new):
    """Entries of two mappings that differ, as (name, old, new), ``None`` where one has none."""
    names = sorted(old.keys() | new.keys())
    return [(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _code_now(stamped):
    """The digests of the stamped modules as they are now; a stamped one stands where the file is not to be found."""
    paths = {name: _source(name) for name in stamped}
    return {name: spec.code_digest(path) if path.exists() else stamped[name] for name, path in paths.items()}


def _source(module):
    if module.startswith("script."):
        return spec.PACKAGE.parent.parent / "scripts" / f"{module.removeprefix('script.')}.py"
    return spec.module_path(module)


def _changed_inputs(path, inputs):
    """Inputs whose content is no longer what this file was made from."""
    root = path.parent.parent if path.parent.name == "figures" else path.parents[2]
    now = {name: _content(root / f"{name}.nc") for name in inputs}
    return [(name, made["content"], now[name]) for name, made in inputs.items() if now[name] not in (made["content"], "missing")]


def _content(path):
    """The content digest that an artifact states; a deleted or damaged one says nothing about what was made from it."""
    from cotdepth.store import read_attributes

    try:
        return read_attributes(path).get("content") if path.exists() else "missing"
    except ArtifactError:
        return "missing"


def _short(value):
    return value[:8] if isinstance(value, str) else value
