"""Artifacts: whole, labelled, the same bytes every time, and no damage passes unnoticed."""

import json
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from cotdepth import spec, stamps, store
from cotdepth.stamps import ArtifactError, StampError

LABEL = {"long_name": "something", "units": "1"}
STAMP = stamps.stamp_text(
    experiment="e", stage="s", axes={"alpha": 2}, script=Path("s.py"), code={"cotdepth": "abc"}, consumed={"depth": 3, "tau": 4.0}
)


def sample(seed=0):
    """Floats, whole numbers, text and single values."""
    rng = np.random.default_rng(seed)
    return xr.Dataset(
        {
            "error": (("seed", "k"), rng.random((3, 5)), LABEL),
            "small": (("k",), rng.random(5).astype("f4"), LABEL),
            "n_tasks": ((), 64, LABEL),
            "rate": ((), 0.1, LABEL),
            "phase": (("seed",), ["slow", "", "overthinking é"], LABEL),
            "law": ((), "gaussian", LABEL),
            "undefined": (("k",), [np.nan, np.inf, -np.inf, -0.0, 5e-324], LABEL),
        },
        coords={
            "k": ("k", np.arange(5), LABEL | {"units": "steps"}),
            "model": ("model", ["a", "bb"], LABEL),
            "alpha": ((), 2.0, LABEL),
        },
        attrs={"title": "A sample", "source": "nowhere"},
    )


def write(path, dataset=None, *, check=lambda: None, inputs=None):
    store.write_artifact(sample() if dataset is None else dataset, path, stamp_text=STAMP, check=check, inputs=inputs or {})


@pytest.fixture
def artifact(tmp_path):
    path = tmp_path / "cell.nc"
    write(path)
    return path


def test_two_writes_give_the_same_bytes(artifact, tmp_path):
    write(tmp_path / "again" / "other-name.nc")
    assert (tmp_path / "again" / "other-name.nc").read_bytes() == artifact.read_bytes()


def test_a_dataset_that_was_read_gives_the_same_bytes_again(artifact, tmp_path):
    read = store.open_artifact(artifact)
    write(tmp_path / "again.nc", read.drop_attrs(deep=False).assign_attrs(sample().attrs))
    assert (tmp_path / "again.nc").read_bytes() == artifact.read_bytes()


def test_values_types_and_labels_come_back(artifact):
    read, written = store.open_artifact(artifact), sample()
    xr.testing.assert_identical(read.drop_attrs(deep=False), written.drop_attrs(deep=False))
    numbers = [name for name, variable in written.variables.items() if variable.dtype.kind in "fi"]
    assert {name: read[name].dtype for name in numbers} == {name: written[name].dtype for name in numbers}
    assert np.signbit(read.undefined[3])


def test_an_empty_dimension_comes_back(tmp_path):
    write(tmp_path / "cell.nc", sample().isel(k=slice(0)))
    assert store.open_artifact(tmp_path / "cell.nc").sizes["k"] == 0


def test_an_artifact_says_what_it_is_and_what_made_it(tmp_path):
    write(tmp_path / "cell.nc", inputs={"e/data/cell": {"stamp": "1", "content": "2"}})
    made = store.read_attributes(tmp_path / "cell.nc")
    assert (made["title"], made["source"]) == ("A sample", "nowhere")
    assert (made["experiment"], made["stage"], made["cell"], made["axes"]) == (
        "e",
        "s",
        spec.cell_name({"alpha": 2}),
        {"alpha": 2},
    )
    assert made["spec"] == {"depth": 3, "tau": 4} and made["code"] == {"cotdepth": "abc"} and made["stamp"] == spec.digest(STAMP)
    assert made["inputs"] == {"e/data/cell": {"stamp": "1", "content": "2"}}
    assert made["schema_version"] == stamps.SCHEMA_VERSION and made["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize("spoil, message", [
    (lambda d: d.error.attrs.pop("long_name"), "variable 'error' has no long_name"),
    (lambda d: d.law.attrs.pop("units"), "variable 'law' has no units"),
    (lambda d: d.k.attrs.pop("units"), "variable 'k' has no units"),
    (lambda d: d.attrs.pop("title"), "no attribute 'title'"),
    (lambda d: d.attrs.pop("source"), "no attribute 'source'"),
    (lambda d: d.update({"extra": (("depth",), [1.0], LABEL)}), "dimension 'depth' is not one of seed, k, "),
])  # fmt: skip
def test_a_dataset_without_its_labels_is_refused_and_nothing_is_written(tmp_path, spoil, message):
    dataset = sample()
    spoil(dataset)
    with pytest.raises(ArtifactError, match=message):
        write(tmp_path / "cell.nc", dataset)
    assert not list(tmp_path.iterdir())


def test_a_check_that_fails_leaves_the_old_artifact_and_nothing_else(artifact):
    def refuse():
        raise StampError("changed")

    before = artifact.read_bytes()
    with pytest.raises(StampError):
        write(artifact, sample(1), check=refuse)
    assert artifact.read_bytes() == before and list(artifact.parent.iterdir()) == [artifact]


def test_the_check_comes_last_before_the_artifact_appears(tmp_path):
    there = []
    write(tmp_path / "cell.nc", check=lambda: there.append((tmp_path / "cell.nc").exists()))
    assert there == [False] and (tmp_path / "cell.nc").exists()


def test_what_cannot_be_written_leaves_the_old_artifact_and_nothing_else(artifact):
    before = artifact.read_bytes()
    with pytest.raises((TypeError, ValueError)):
        write(artifact, sample().assign(bad=("k", [object()] * 5, LABEL)))
    assert artifact.read_bytes() == before and list(artifact.parent.iterdir()) == [artifact]


def test_a_reader_keeps_the_old_artifact_while_a_new_one_takes_its_place(artifact):
    with xr.open_dataset(artifact) as reader:
        write(artifact, sample(1))
        np.testing.assert_array_equal(reader.error, sample(0).error)
    np.testing.assert_array_equal(store.open_artifact(artifact).error, sample(1).error)


def test_content_digest_is_that_of_the_data(artifact, tmp_path):
    write(tmp_path / "same.nc")
    write(tmp_path / "other.nc", sample(1))
    assert store.read_content(tmp_path / "same.nc") == store.read_content(artifact) != store.read_content(tmp_path / "other.nc")


@pytest.mark.parametrize("length", [0, 1, 0.01, 0.3, 0.5, 0.9, 0.999, -1])
def test_a_truncated_artifact_is_noticed(artifact, length):
    whole = artifact.read_bytes()
    artifact.write_bytes(whole[: int(length * len(whole)) if isinstance(length, float) else length])
    with pytest.raises(ArtifactError, match=r"cell\.nc: damaged"):
        store.open_artifact(artifact)


def test_a_flipped_bit_anywhere_is_noticed_or_harmless(artifact):
    whole, original, n_flips = artifact.read_bytes(), store.open_artifact(artifact), 200
    rng, noticed = np.random.default_rng(7), 0
    for place in np.linspace(0, len(whole), n_flips, endpoint=False):
        position = int(place + rng.random() * len(whole) / n_flips)
        flipped = bytearray(whole)
        flipped[position] ^= 1 << rng.integers(8)
        artifact.unlink()  # HDF5 remembers a file that it could not open
        artifact.write_bytes(flipped)
        try:
            assert store.open_artifact(artifact).identical(original), f"byte {position}: read as something else"
        except ArtifactError:
            noticed += 1
    assert noticed > n_flips / 10  # the rest hit the padding of a small file


def test_a_flipped_bit_in_the_data_is_noticed(artifact):
    """Not by the checksum of the format alone: a file written without any would be noticed too."""
    whole = bytearray(artifact.read_bytes())
    [start] = [whole.find(sample().error.values.tobytes())]
    assert start > 0
    whole[start + 9] ^= 16
    artifact.write_bytes(whole)
    with pytest.raises(ArtifactError, match="cell.nc"):
        store.open_artifact(artifact)


def change_value(file):
    file["error"][1, 2] = 0.5


def change_text(file):
    file["law"].set_auto_chartostring(False)
    file["law"][0] = b"G"


def change_units(file):
    file["k"].units = "seconds"


def change_spec(file):
    file.spec = '{"depth":4,"tau":4}'


def add_attribute(file):
    file.note = "looks fine to me"


def add_variable(file):
    file.createVariable("extra", "f8", ("k",))[:] = 1


def rename_variable(file):
    file.renameVariable("error", "mistake")


@pytest.mark.parametrize(
    "edit", [change_value, change_text, change_units, change_spec, add_attribute, add_variable, rename_variable]
)
def test_an_edit_by_hand_is_noticed(artifact, edit):
    with netCDF4.Dataset(artifact, "a") as file:
        edit(file)
    with pytest.raises(ArtifactError, match=r"cell\.nc: damaged \(cut off, edited, or opened for writing by another program: open art"):
        store.open_artifact(artifact)
    store.seal(artifact)
    with pytest.raises(ArtifactError, match=r"cell\.nc: damaged: its contents differ from what was written"):
        store.open_artifact(artifact)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_file_of_another_program_is_no_artifact(tmp_path, sealed):
    sample().to_netcdf(tmp_path / "cell.nc")
    if sealed:
        store.seal(tmp_path / "cell.nc")
    for read in (store.open_artifact, store.read_content, store.read_attributes):
        with pytest.raises(ArtifactError, match=r"cell\.nc: .*not an artifact of cotdepth"):
            read(tmp_path / "cell.nc")


def test_a_flipped_bit_is_noticed_wherever_it_is_and_before_the_netcdf_library_looks(artifact, monkeypatch):
    monkeypatch.setattr(store.netCDF4, "Dataset", None)
    whole = artifact.read_bytes()
    for place in [*range(0, len(whole), 997), len(whole) - 1]:
        artifact.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ArtifactError, match=r"cell\.nc: damaged"):
            store.open_artifact(artifact)


def test_a_program_that_only_opened_an_artifact_for_writing_is_named_as_what_may_have_happened(artifact):
    with netCDF4.Dataset(artifact, "a"):
        pass
    with pytest.raises(ArtifactError, match=r"opened for writing by another program: open artifacts read-only"):
        store.open_artifact(artifact)


def test_other_programs_read_what_stands_before_the_seal(artifact):
    with xr.open_dataset(artifact) as dataset:
        assert dataset.load().drop_attrs(deep=False).identical(sample().drop_attrs(deep=False))


@pytest.mark.parametrize("read", [store.open_artifact, store.read_content, store.read_attributes])
def test_a_file_that_is_not_there_or_no_netcdf_is_named(tmp_path, read):
    with pytest.raises(ArtifactError, match=r"cell\.nc: "):
        read(tmp_path / "cell.nc")
    (tmp_path / "cell.nc").write_text(json.dumps({"not": "a NetCDF file"}))
    with pytest.raises(ArtifactError, match=r"cell\.nc: damaged"):
        read(tmp_path / "cell.nc")
