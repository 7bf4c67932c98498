"""Writing figures: whole, with the same bytes every time, and with a record of what they were made from."""

import hashlib
import json
from pathlib import Path

from matplotlib.figure import Figure

from cotdepth import spec
from cotdepth.records import write_record
from cotdepth.stamps import flush, replacing
from cotdepth.store import versions

METADATA = {".pdf": {"CreationDate": None, "Producer": None, "Creator": "cotdepth"}, ".png": {"Software": "cotdepth"}}


def save_figure(figure: Figure, paths: list[Path], *, stamp_text: str, inputs: dict, check) -> None:
    """Write a figure in several formats, and beside them the record ``<figure>.made.json``.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    paths : list of Path
        One name with the suffixes ``.png``, ``.pdf`` or both.
    stamp_text, inputs, check
        As in `cotdepth.store.write_artifact`.
    """
    contents = {path.suffix: _save(figure, path, check) for path in paths}
    stamp = json.loads(stamp_text)
    made = {"stamp": spec.digest(stamp_text), "spec": stamp["spec"], "code": stamp["code"], "inputs": inputs,
            "versions": versions(), "contents": contents}  # fmt: skip
    write_record(paths[0].with_suffix(".made.json"), made)


def _save(figure, path, check):
    """Write one format; returns the digest of its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata=METADATA[path.suffix])
        flush(temporary)
        check()
    return hashlib.sha256(path.read_bytes()).hexdigest()
