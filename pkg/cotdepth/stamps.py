"""Stamp files: what a job is asked to make, written by the workflow, read by the job, kept in the artifact.

A stamp is a small JSON file beside the artifact. It holds ``spec`` (everything that this stage and cell consume, and
nothing else) and ``code`` (a digest for each module of the stage's import closure). It is an input of the job, so an
artifact is stale exactly when its stamp changed. Standard library only.
"""

import hashlib
import json
import os
import platform
import re
import secrets
from contextlib import contextmanager
from pathlib import Path

from cotdepth import spec

SCHEMA_VERSION = 2
MODULE = r"\w[\w-]*(\.\w[\w-]*)*"  # names become paths of what is read for its digest
INDEX = "configured.json"  # in a results folder: the experiments and figures of the configuration
LEDGER = "claims.nc"  # in a results folder: the verdicts on the claims of all papers
# By its writer, as by `replacing`: `.STEM.cotdepth-HOST-PROCESS-TOKEN.SUFFIX`
TEMPORARY = re.compile(r"\.(?P<stem>.+)\.cotdepth-(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}(?P<suffix>\.\w+)")


class ProvenanceError(ValueError):
    """What was asked for and what is there do not belong together."""


class StampError(ProvenanceError):
    """A job's stamp and what the job would write do not belong together."""


class ArtifactError(ProvenanceError):
    """An artifact that is not what it should be: missing, damaged, edited or without labels."""


def stamp_text(*, experiment: str, stage: str, axes: dict, script: Path, code: dict, consumed: dict) -> str:
    """The stamp of one cell of one stage, as the text of its file."""
    stamp = {"schema_version": SCHEMA_VERSION, "experiment": experiment, "stage": stage, "cell": spec.cell_name(axes),
             "axes": spec.normalise(axes), "script": Path(script).name, "spec": spec.normalise(consumed), "code": code}
    return json.dumps(stamp, sort_keys=True, indent=1) + "\n"


def read_stamp(path: Path) -> tuple[str, dict]:
    """A stamp file's text, and the stamp.

    Raises
    ------
    StampError
        If the file is missing or is no stamp.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        stamp = json.loads(text)
        if not all(isinstance(stamp[name], dict) for name in ("spec", "code", "axes")):
            raise ValueError("spec, code and axes must be mappings")
        if not all(isinstance(code, str) and re.fullmatch(MODULE, name) for name, code in stamp["code"].items()):
            raise ValueError("code must be digests of modules by their names")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StampError(f"{path}: not a stamp that can be read ({error}); `snakemake -n` writes stamps afresh") from None
    return text, stamp


def asked_inputs(stamp: dict) -> set[str] | None:
    """What the artifacts that a job reads must be, each as ``experiment/stage/cell``; None if its stamp does not list them.

    A stage names its inputs by stage, a figure and what judges several experiments by role and ``experiment/stage``.
    """
    inputs, reads = (stamp["spec"].get(name) for name in ("inputs", "reads"))
    if inputs is None and reads is None:
        return None
    own = {source: cells for source, cells in (inputs or {}).items() if isinstance(cells, list)}
    others = [role for role in {**(inputs or {}), **(reads or {})}.values() if isinstance(role, dict)]
    return {f"{stamp['experiment']}/{source}/{cell}" for source, cells in own.items() for cell in cells} | {
        f"{source}/{cell}" for role in others for source, cells in role.items() for cell in cells}  # fmt: skip


def write_text(path: Path, text: str) -> bool:
    """Write a file whole or not at all; leave it alone if it already says so. True if it was written."""
    path = Path(path)
    if path.exists() and path.read_bytes() == text.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        write_new(temporary, text.encode())
    return True


@contextmanager
def replacing(path: Path):
    """A temporary name beside ``path``, moved onto it if the block ends well and removed if it does not.

    No two writers have the same one: processes on several machines, or in several containers, can have one number.
    """
    writer = f"cotdepth-{host()}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.stem}.{writer}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary names under which killed writers of ``path`` left something."""
    for left in path.parent.glob(f".*{path.suffix}"):
        match = TEMPORARY.fullmatch(left.name)
        if match and (match["stem"], match["suffix"]) == (path.stem, path.suffix):
            left.unlink(missing_ok=True)


def host() -> str:
    """Eight hex digits that stand for this machine in names of files: its own name may be long."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and wait until it is on the disk."""
    with open(path, "xb") as file:
        file.write(content)
    flush(path)


def flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
