"""Artifacts: whole, checksummed, byte-deterministic NetCDF files that say what made them.

An artifact is written beside its final name, closed, read back, and only then moved into place, so a file that exists is
whole. Its ``content`` attribute is a digest of everything else in it: damage and edits by hand show on reading.
"""

import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from cotdepth import spec
from cotdepth.stamps import SCHEMA_VERSION, ArtifactError, flush, replacing

DIMENSIONS = (
    "seed", "k", "n_context", "n_context_test", "n_tasks", "dim", "alpha", "tau", "sigma", "ridge", "step_size", "model",
    "mask", "mixture", "guess", "trained", "reading", "theory", "quantile", "start", "task", "type", "other_type", "feature", "component",
    "row", "col", "family", "tested_on", "test_law", "supervision", "step", "time", "start_deviation", "label", "covariate_scale", "target",
    "parameter", "tensor", "claim", "statement", "agreement", "cell", "point",
)  # fmt: skip
UNREADABLE = (OSError, RuntimeError, AttributeError, UnicodeDecodeError)  # what netCDF4 raises for damaged files
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
    """
    _require_labels(dataset, path)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    labelled = dataset.assign_attrs(_provenance(stamp_text, inputs))
    with replacing(path) as temporary:
        labelled.to_netcdf(temporary, engine="netcdf4", format="NETCDF4", encoding=_encoding(dataset))
        with netCDF4.Dataset(temporary, "a") as file:
            file.setncattr("content", _content(file))
        read_content(temporary)
        flush(temporary)
        check()


def open_artifact(path: Path) -> xr.Dataset:
    """Read an artifact into memory, after checking that it is whole and as it was written.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged or edited.
    """
    read_content(path)
    with xr.open_dataset(path, engine="netcdf4") as dataset:
        return dataset.load()


def read_content(path: Path) -> str:
    """The content digest of an artifact, checked against what is in it.

    Raises
    ------
    ArtifactError
        If the file is missing, cannot be read to the end, or differs from what was written.
    """
    if not Path(path).exists():
        raise ArtifactError(f"{path}: no such artifact")
    try:
        with netCDF4.Dataset(path) as file:
            recorded, found = getattr(file, "content", None), _content(file)
    except UNREADABLE as error:
        raise ArtifactError(f"{path}: damaged ({error}); delete it and run snakemake again") from None
    if recorded is None:
        raise ArtifactError(f"{path}: not an artifact of cotdepth (it has no content digest)")
    if recorded != found:
        raise ArtifactError(f"{path}: its contents differ from what was written; delete it and run snakemake again")
    return recorded


def read_attributes(path: Path) -> dict:
    """The global attributes of a NetCDF file, those that hold JSON decoded; the file's contents are not checked.

    Raises
    ------
    ArtifactError
        If the file cannot be opened, or is no artifact of this project.
    """
    try:
        with netCDF4.Dataset(path) as file:
            attributes = {name: file.getncattr(name) for name in file.ncattrs()}
        return attributes | {name: json.loads(attributes[name]) for name in ("axes", "spec", "code", "inputs", "versions")}
    except UNREADABLE as error:
        raise ArtifactError(f"{path}: damaged ({error}); delete it and run snakemake again") from None
    except (KeyError, ValueError):
        raise ArtifactError(f"{path}: not an artifact of cotdepth (it has no spec)") from None


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
