"""Artifacts: whole, checksummed, byte-deterministic NetCDF files that say what made them.

An artifact is written beside its final name, closed, read back, and only then moved into place, so a file that exists is
whole. Its ``content`` attribute is a digest of everything else in it: edits by hand show on reading. Behind what NetCDF reads stands
a seal, a digest of all bytes before it, which is checked first: the NetCDF library can run for ever on a file with one wrong bit.
Files may come from somebody else: reading one runs nothing that is in it, and takes no more memory than a few times its size.
"""

import hashlib
import importlib.metadata
import json
import math
import os
import sys
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from cotdepth import spec
from cotdepth.interrupts import uninterrupted
from cotdepth.records import MAPPINGS, require_kinds
from cotdepth.room import shortage
from cotdepth.stamps import SCHEMA_VERSION, ArtifactError, flush, replacing

DIMENSIONS = (
    "seed", "k", "n_context", "n_context_test", "n_tasks", "dim", "alpha", "tau", "sigma", "ridge", "step_size", "model",
    "mask", "mixture", "guess", "trained", "reading", "theory", "quantile", "start", "task", "type", "other_type", "feature", "component",
    "row", "col", "family", "tested_on", "test_law", "supervision", "step", "time", "start_deviation", "label", "covariate_scale", "target",
    "parameter", "tensor", "claim", "statement", "agreement", "cell", "point",
)  # fmt: skip
SEAL = b"cotdepth seal sha256 "  # before the digest
HDF5 = b"\x89HDF\r\n\x1a\n"  # how NetCDF files of today begin
UNREADABLE = (OSError, RuntimeError, AttributeError, UnicodeDecodeError, MemoryError)  # what netCDF4 raises for damaged files
TEXTS = ("title", "source", "experiment", "stage", "cell", "script", "stamp", "content")
ENCODED = ("axes", *MAPPINGS)  # as JSON
VERSIONED = ("cotdepth", "cvxpy", "matplotlib", "netCDF4", "numba", "numpy", "scipy", "torch", "transformers", "xarray")


def write_artifact(dataset: xr.Dataset, path: Path, *, stamp_text: str, check, inputs: dict[str, dict]) -> None:
    """Write a dataset as an artifact: whole and as stamped, or not at all.

    Parameters
    ----------
    dataset : xarray.Dataset
        Every variable has ``long_name`` and ``units`` (``"1"`` if none), every dimension is one of `DIMENSIONS`; the
        attributes ``title`` and ``source`` say what it is and where it comes from.
    path : Path
        The file to write.
    stamp_text : str
        The stamp that the job read when it started; kept in the file.
    check : callable
        Called just before the file is moved into place; raises if the result must not stand (the stamp changed).
    inputs : dict
        For each artifact that was read, ``experiment/stage/cell``, its ``stamp`` and ``content`` digests.

    Raises
    ------
    ArtifactError
        If a label is missing.
    OSError
        If the file can't be written; says so if there is hardly any room on its disk.
    """
    _require_labels(dataset, path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    labelled = dataset.assign_attrs(_provenance(stamp_text, inputs))
    with replacing(path) as temporary:
        try:
            _write_whole(labelled, temporary, _encoding(dataset))
        except (RuntimeError, OSError, ArtifactError) as error:   # netCDF4 does not say that a disk is full
            reasons = filter(None, (f"{path}: cannot be written ({error})", shortage(path.parent), "nothing was written"))
            raise OSError("; ".join(reasons)) from None
        check()


def _write_whole(labelled, path, encoding):
    """Write a dataset with the digest of its contents, and read it back."""
    with uninterrupted():
        labelled.to_netcdf(path, engine="netcdf4", format="NETCDF4", encoding=encoding)
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("content", _content(file))
    seal(path)
    read_content(path)
    flush(path)


def open_artifact(path: Path) -> xr.Dataset:
    """Read an artifact into memory, after checking that it is whole and as it was written.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, edited or no artifact of this project.
    """
    read_content(path)
    _read_attributes(path)
    try:
        with uninterrupted(), xr.open_dataset(path, engine="netcdf4") as dataset:
            return dataset.load()
    except Exception as error:   # attributes that xarray obeys, such as units of time, may say anything
        raise ArtifactError(f"{path}: not an artifact of cotdepth ({_line(error)})") from None


def read_content(path: Path) -> str:
    """The content digest of an artifact, checked against what is in it.

    Raises
    ------
    ArtifactError
        If the file is missing, cannot be read to the end, or differs from what was written.
    """
    _require_sealed(path)
    try:
        with netCDF4.Dataset(path) as file:
            _require_modest(file, path)
            recorded, found = getattr(file, "content", None), _content(file)
    except ArtifactError:
        raise
    except Exception as error:   # strange types of attributes raise anything
        raise ArtifactError(f"{path}: damaged ({_line(error)}); delete it and run snakemake again") from None
    if recorded is None:
        raise ArtifactError(f"{path}: not an artifact of cotdepth (it has no content digest)")
    if recorded != found:
        raise ArtifactError(f"{path}: damaged: its contents differ from what was written; delete it and run snakemake again")
    return recorded


def read_attributes(path: Path) -> dict:
    """The global attributes of an artifact, those that hold JSON decoded; variables are not read.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged or no artifact of this project.
    """
    _require_sealed(path)
    return _read_attributes(path)


def seal(path: Path) -> None:
    """Append the digest of all bytes of a file to it."""
    with open(path, "rb+") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0, os.SEEK_END)
        file.write(SEAL + digest)


def _require_sealed(path):
    """Refuse a file that is not byte for byte what was sealed, before a library in C looks at it."""
    if not Path(path).is_file():
        raise ArtifactError(f"{path}: no such artifact")
    try:
        found, recorded = _digests(path)
    except OSError as error:
        raise ArtifactError(f"{path}: damaged ({_line(error)}); delete it and run snakemake again") from None
    if recorded is None:
        raise ArtifactError(f"{path}: damaged ({_without_seal(path)}), or not an artifact of cotdepth; delete it and run snakemake again")
    if recorded != found:
        raise ArtifactError(f"{path}: damaged: its contents differ from what was written; delete it and run snakemake again")


def _without_seal(path):
    """What may have happened to a file that has none: the NetCDF library cuts it off when it opens a file for writing."""
    with open(path, "rb") as file:
        is_netcdf = file.read(len(HDF5)) == HDF5
    return "cut off, edited, or opened for writing by another program: open artifacts read-only" if is_netcdf else "cut off or edited"


def _digests(path):
    """The digest of what stands before the seal, and the one that the seal holds; None where there is no seal."""
    sha = hashlib.sha256()
    left = Path(path).stat().st_size - len(SEAL) - sha.digest_size
    with open(path, "rb") as file:
        while left > 0 and (part := file.read(min(left, 2**20))):
            sha.update(part)
            left -= len(part)
        end = file.read()
    return sha.digest(), end.removeprefix(SEAL) if left == 0 and end.startswith(SEAL) else None


def _read_attributes(path):
    try:
        with netCDF4.Dataset(path) as file:
            attributes = {name: file.getncattr(name) for name in file.ncattrs()}
        made = attributes | {name: json.loads(attributes[name]) for name in ENCODED}
    except UNREADABLE as error:
        raise ArtifactError(f"{path}: damaged ({_line(error)}); delete it and run snakemake again") from None
    except (KeyError, ValueError, TypeError):
        raise ArtifactError(f"{path}: not an artifact of cotdepth (it has no spec)") from None
    require_kinds(made, path, texts=TEXTS, mappings=ENCODED)
    return made


def _line(error):
    """An error in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _require_modest(file, path):
    """Refuse a file that says it holds more than it can, before memory is made for it.

    Artifacts are not compressed and hold plain numbers and characters: what they declare, they hold.
    """
    size = Path(path).stat().st_size
    for name, variable in file.variables.items():
        if not isinstance(variable.datatype, np.dtype) or variable.dtype.kind not in "iufS":
            raise ArtifactError(f"{path}: not an artifact of cotdepth (variable {name[:80]!r} holds neither numbers nor characters)")
        chunks = variable.chunking()
        chunks = variable.shape if chunks in (None, "contiguous") else chunks
        declared = max(math.prod(map(int, shape)) for shape in (variable.shape, chunks)) * variable.dtype.itemsize
        if declared > size:
            raise ArtifactError(f"{path}: not an artifact of cotdepth (variable {name[:80]!r} declares {declared} bytes "
                                f"in a file of {size})")  # fmt: skip


def _require_labels(dataset, path):
    unknown = [dim for dim in dataset.dims if dim not in DIMENSIONS]
    if unknown:
        raise ArtifactError(f"{path}: dimension {unknown[0]!r} is not one of {', '.join(DIMENSIONS)}")
    for name, variable in dataset.variables.items():
        missing = [label for label in ("long_name", "units") if label not in variable.attrs]
        if missing:
            raise ArtifactError(f"{path}: variable {name!r} has no {missing[0]}")
    missing = [label for label in ("title", "source") if label not in dataset.attrs]
    if missing:
        raise ArtifactError(f"{path}: the dataset has no attribute {missing[0]!r}")


def _provenance(stamp_text, inputs):
    stamp = json.loads(stamp_text)
    return {
        **{name: stamp[name] for name in ("experiment", "stage", "cell", "script")},
        **{name: spec.canonical(stamp[name]) for name in ("axes", "spec", "code")},
        "stamp": spec.digest(stamp_text), "inputs": spec.canonical(inputs), "versions": spec.canonical(versions()),
        "schema_version": SCHEMA_VERSION,
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of the libraries that can change a number and that this process has loaded."""
    return {name: importlib.metadata.version(name) for name in VERSIONED if name in sys.modules}


def _encoding(dataset):
    """Checksums on every variable; text as characters, since checksums need a fixed width."""
    text = {name for name, variable in dataset.variables.items() if variable.dtype.kind in "UO"}
    checked = {name: {"fletcher32": True} for name, variable in dataset.variables.items() if variable.ndim}
    return {name: checked.get(name, {}) | ({"dtype": "S1"} if name in text else {}) for name in dataset.variables}


def _content(file):
    """A digest of all variables and attributes of an open NetCDF file."""
    file.set_auto_maskandscale(False)
    file.set_auto_chartostring(False)
    sha = hashlib.sha256(_attributes(file))
    for name in sorted(file.variables):
        variable = file.variables[name]
        values = np.ascontiguousarray(variable[...])
        sha.update(f"{name} {variable.dimensions} {values.shape} {values.dtype.str}".encode() + _attributes(variable))
        sha.update(memoryview(values).cast("B") if values.size else b"")
    return sha.hexdigest()


def _attributes(holder):
    values = {name: np.asarray(holder.getncattr(name)).tolist() for name in holder.ncattrs() if name != "content"}
    return json.dumps(values, sort_keys=True).encode()
