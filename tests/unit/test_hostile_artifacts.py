"""Artifacts and checkpoints of somebody else: damaged in every way, or made to harm. They open as they were, or are refused."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import fuzzed_reader
import netCDF4
import numpy as np
import pytest
import torch
from test_store import sample, write

from cotdepth import spec, stamps, store
from cotdepth.checkpoints import Checkpoints
from cotdepth.stamps import ArtifactError

COPIES = 1000   # of each kind of file


@pytest.fixture
def artifact(tmp_path):
    path = tmp_path / "artifact" / "cell.nc"
    write(path, inputs={"e/data/cell": {"stamp": "1", "content": "2"}})
    return path


@pytest.fixture
def checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path / "work", {})
    checkpoints.save("a", {"steps": 3, "V": torch.arange(12.0).reshape(3, 4), "rng": {"state": [1, 2]}})
    [path] = (tmp_path / "work").iterdir()
    return path


def verdicts(kind, whole, seed, count):
    """What became of each damaged copy, read in processes of their own: where one dies, the next goes on after the copy that it was at."""
    said, process = {}, None
    while len(said) < count:
        command = [sys.executable, fuzzed_reader.__file__, kind, whole, seed, len(said), count - len(said)]
        process = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)   # one that sleeps for ever
        lines = [line.partition(" ") for line in process.stdout.splitlines() if line]
        assert lines, process.stderr
        said |= {int(number): verdict or f"ended the process ({process.returncode})" for number, _, verdict in lines if number.isdigit()}
    return said


@pytest.mark.parametrize("kind", ["artifact", "checkpoint"])
def test_a_damaged_file_is_as_it_was_or_refused(kind, request):
    """A checkpoint that is refused is not used: `None` counts as the same."""
    said = verdicts(kind, request.getfixturevalue(kind), 1, COPIES)
    assert {number: verdict for number, verdict in said.items() if verdict not in ("same", "refused")} == {}


def test_a_checkpoint_made_by_somebody_else_is_used_or_not_but_does_no_harm(checkpoint):
    said = verdicts("sealed-checkpoint", checkpoint, 2, COPIES)
    assert set(said.values()) <= {"same", "read as something else"}


@pytest.mark.parametrize("seed", [1, 2])
def test_an_artifact_made_by_somebody_else_is_refused_or_does_no_harm(artifact, seed):
    """With a seal that fits. The NetCDF library runs for ever on a few of them, which is ended here; it does not crash."""
    said = Counter(verdicts("sealed-artifact", artifact, seed, COPIES // 2).values())
    hung = said.pop(f"ended the process ({-signal.SIGPROF})", 0)
    assert said.keys() == {"same", "refused"} and min(said.values()) > COPIES / 20 and hung <= 3


def test_the_fuzzer_notices_a_reader_that_dies_and_one_that_is_wrong(artifact, monkeypatch, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "fuzzed_reader.py").write_text(
        "import os, sys\n"
        "for number in range(int(sys.argv[4]), int(sys.argv[4]) + int(sys.argv[5])):\n"
        "    print(number, end=' ', flush=True)\n"
        "    if number == 1: os.abort()\n"
        "    print('read as something else' if number == 3 else 'same', flush=True)\n", encoding="utf-8")  # fmt: skip
    monkeypatch.setattr(fuzzed_reader, "__file__", str(site / "fuzzed_reader.py"))
    assert verdicts("artifact", artifact, 1, 5) == {
        0: "same", 1: "ended the process (-6)", 2: "same", 3: "read as something else", 4: "same"}  # fmt: skip


# --- made to harm: the content digest is right --------------------------------------------------------------------


def sealed(path, change):
    """Change a file by ``change(file)``, and make its content digest that of what it holds, as far as that can be computed."""
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("content", store._content(file))
    store.seal(path)


def refused(path):
    with pytest.raises(ArtifactError) as refusal:
        store.open_artifact(path)
    assert str(refusal.value).startswith(f"{path}: ") and "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("options", [{}, {"chunksizes": (10**6,)}, {"zlib": True, "chunksizes": (10**6,)}], ids=str)
def test_a_variable_that_declares_more_than_the_file_holds_is_refused_before_memory_is_made_for_it(artifact, options):
    with netCDF4.Dataset(artifact, "a") as file:
        file.createDimension("huge", 10**12)
        file.createVariable("bomb", "f8", ("huge",), **options)
    store.seal(artifact)
    assert artifact.stat().st_size < 10**6 and "variable 'bomb' declares 8000000000000 bytes in a file of" in refused(artifact)


def test_a_product_of_dimensions_beyond_any_integer_is_refused(artifact):
    with netCDF4.Dataset(artifact, "a") as file:
        for name in ("x", "y", "z"):
            file.createDimension(name, 2**40)
        file.createVariable("bomb", "f8", ("x", "y", "z"), chunksizes=(1, 1, 100))
    store.seal(artifact)
    assert f"declares {2**123} bytes" in refused(artifact)


def test_compressed_zeros_are_refused(artifact):
    """A megabyte of file can stand for a gigabyte of memory."""
    def compress(file):
        file.createDimension("long", 10**6)
        file.createVariable("bomb", "f8", ("long",), zlib=True)[:] = 0

    sealed(artifact, compress)
    assert "variable 'bomb' declares 8000000 bytes" in refused(artifact)


def test_an_attribute_of_a_strange_type_is_refused(artifact):
    """It has a value, but none that can be written as JSON."""
    strange = np.dtype([("letters", "S1", (4,)), ("number", "f8")])
    with netCDF4.Dataset(artifact, "a") as file:
        file.createCompoundType(strange, "strange")
        file.setncattr("harmful", np.zeros((), strange))
    store.seal(artifact)
    assert "damaged" in refused(artifact)


def test_texts_of_any_length_are_refused(artifact):
    """They are kept apart from the variable, and many elements may share one: no size can be known before."""
    def add(file):
        file.createDimension("few", 3)
        file.createVariable("bomb", str, ("few",))

    with netCDF4.Dataset(artifact, "a") as file:
        add(file)
    store.seal(artifact)
    assert "variable 'bomb' holds neither numbers nor characters" in refused(artifact)


def attribute(name, value):
    return lambda file: file.setncattr(name, value)


def of_variable(name, value):
    return lambda file: file["error"].setncattr(name, value)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("change", [
    attribute("spec", "[1, 2]"), attribute("spec", DEEP), attribute("spec", '{"a": ' + DEEP + "}"), attribute("spec", "not JSON"),
    attribute("spec", 3.0), attribute("axes", "null"), attribute("code", '"text"'), attribute("inputs", '{"e/data/cell": "text"}'),
    attribute("inputs", '{"../../etc/passwd": {"stamp": "1", "content": "2"}}'),
    attribute("inputs", '{"e/../cell": {"stamp": "1", "content": "2"}}'),
    attribute("title", 3), attribute("stamp", [1, 2]), attribute("spec", '{"a": ' + "9" * 5000 + "}"),
    of_variable("units", "days since yesterday"), of_variable("scale_factor", "text"), of_variable("_Encoding", "punycode-of-nobody"),
    of_variable("dtype", "object"), of_variable("calendar", "maya"), of_variable("add_offset", [1.0, 2.0]),
], ids=lambda change: None)  # fmt: skip
def test_attributes_of_any_kind_are_obeyed_by_nobody(artifact, change):
    """Refused, or without effect."""
    sealed(artifact, change)
    try:
        store.open_artifact(artifact)
    except ArtifactError as error:
        assert str(error).startswith(f"{artifact}: ") and "\n" not in str(error) and len(str(error)) < 1000


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: os.mkfifo(path), lambda path: path.symlink_to(path)],
                         ids=["folder", "pipe", "link to itself"])  # fmt: skip
def test_what_is_no_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "cell.nc")
    assert "no such artifact" in refused(tmp_path / "cell.nc")


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_in_the_place_of_an_artifact_or_a_checkpoint_runs_nothing(tmp_path, artifact, checkpoint):
    import hashlib

    harmful = pickle.dumps(Hostile(tmp_path / "ran"))
    artifact.write_bytes(harmful)
    assert "damaged" in refused(artifact)
    store.seal(artifact)
    assert "damaged" in refused(artifact)
    for content in (harmful, _torch_file(Hostile(tmp_path / "ran"))):
        checkpoint.write_bytes(hashlib.sha256(content).digest() + content)
        assert Checkpoints(checkpoint.parent, {}).load("a") is None
    assert not (tmp_path / "ran").exists()


def _torch_file(value):
    import io

    written = io.BytesIO()
    torch.save({"state": value}, written)
    return written.getvalue()


@pytest.mark.parametrize("text", [
    "", "[]", "3", "null", DEEP, '{"spec": 3, "code": {}, "axes": {}}', '{"spec": {}, "code": {"../../etc/passwd": "x"}, "axes": {}}',
    '{"spec": {}, "code": {"cotdepth": 3}, "axes": {}}', '{"spec": {}, "code": {}}', "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe",
], ids=lambda text: repr(text)[:30])  # fmt: skip
def test_what_is_no_stamp_is_refused(tmp_path, text):
    path = tmp_path / "cell.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(stamps.StampError, match="not a stamp that can be read"):
        stamps.read_stamp(path)


def test_nothing_in_the_project_unpickles():
    """Every place that could: `torch.load` says ``weights_only=True``, `numpy.load` and `pickle` are not used."""
    code = [path for folder in ("pkg", "scripts", "benchmarks") for path in (Path(__file__).parents[2] / folder).rglob("*.py")]
    lines = [line for path in code for line in path.read_text(encoding="utf-8").splitlines()]
    found = [line for line in lines if "torch.load(" in line and "def " not in line]
    assert found and all("weights_only=True" in line for line in found)
    for word in ("np.load(", "pickle.load", "yaml.load(", "yaml.unsafe_load", "yaml.full_load", "eval(", "joblib.load", "shell=True"):
        assert not [line for line in lines if word in line and ".eval()" not in line], word


def test_a_whole_artifact_still_opens(artifact):
    assert store.open_artifact(artifact).drop_attrs(deep=False).identical(sample().drop_attrs(deep=False))
    assert json.loads(spec.canonical(store.read_attributes(artifact)["spec"])) == {"depth": 3, "tau": 4} and np.__version__
