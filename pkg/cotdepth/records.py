"""What a file says it was made from: of the same kinds for artifacts and figures, since others compare it and make paths of it."""

import json
from pathlib import Path

from cotdepth import spec
from cotdepth.cells import require_names
from cotdepth.stamps import ArtifactError, write_text

MAPPINGS = ("spec", "code", "inputs", "versions")  # as JSON
OF_FIGURE = ("contents",)  # the digest of each format


def require_kinds(made: dict, path: Path, *, texts: tuple, mappings: tuple) -> None:
    """Refuse what is not of the kinds that a job writes.

    Parameters
    ----------
    made : dict
        What the file says, ``inputs`` among it.
    path : Path
        The file.
    texts, mappings : tuple of str
        Names of what must be a text, and of what must be a mapping.

    Raises
    ------
    ArtifactError
        Naming the file and the first entry that is missing or something else.
    """
    wrong = [name for name in texts if not isinstance(made.get(name), str)]
    wrong += [name for name in mappings if not isinstance(made.get(name), dict)]
    inputs = made["inputs"].items() if "inputs" not in wrong else ()
    if not all(_is_input(given) and len(place.split("/")) == 3 for place, given in inputs):
        wrong.append("inputs")
    if wrong:
        raise ArtifactError(f"{path}: not an artifact of cotdepth (its attribute {wrong[0]!r} is not what a job writes)")
    require_names(path, [name for place, _ in inputs for name in place.split("/")])


def _is_input(given):
    return isinstance(given, dict) and all(isinstance(given.get(name), str) for name in ("stamp", "content"))


def write_record(path: Path, made: dict) -> None:
    """Write the record ``<figure>.made.json`` of a figure, with a digest of all that it says."""
    write_text(path, json.dumps(made | {"record": _digest(made)}, sort_keys=True, indent=1) + "\n")


def read_record(path: Path) -> dict:
    """The record of a figure, checked to be what was written.

    Raises
    ------
    ArtifactError
        If it is missing, damaged, edited, or no record of a figure.
    """
    try:
        made = json.loads(Path(path).read_text(encoding="utf-8"))
        whole = made.pop("record") == _digest(made)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ArtifactError(f"{path}: no record of how a figure was made") from None
    if not whole:
        raise ArtifactError(f"{path}: its contents differ from what was written")
    require_kinds(made, path, texts=("stamp",), mappings=(*MAPPINGS, *OF_FIGURE))
    return made


def _digest(made):
    return spec.digest(spec.canonical(made))
