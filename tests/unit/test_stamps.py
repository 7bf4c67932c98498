"""Stamp files: written whole, only if they changed, and read with a clear message if they are no stamps."""

import os
from pathlib import Path

import pytest

from cotdepth import stamps

LONG_AGO = 1_000_000_000 * 10**9  # ns


def stamp(**changed):
    given = {
        "experiment": "e",
        "stage": "s",
        "axes": {"alpha": 2},
        "script": Path("s.py"),
        "code": {"m": "1"},
        "consumed": {"depth": 3},
    }
    return stamps.stamp_text(**(given | changed))


@pytest.fixture
def old(tmp_path):
    """A stamp file written long ago."""
    path = tmp_path / "cell.json"
    stamps.write_text(path, stamp())
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


def test_a_stamp_that_did_not_change_is_not_written(old):
    assert not stamps.write_text(old, stamp())
    assert old.stat().st_mtime_ns == LONG_AGO


def test_a_stamp_that_changed_is_written(old):
    assert stamps.write_text(old, stamp(consumed={"depth": 4}))
    assert old.read_text() == stamp(consumed={"depth": 4}) and old.stat().st_mtime_ns > LONG_AGO


def test_a_stamp_that_is_not_even_text_is_written_afresh(old):
    old.write_bytes(b"\xff\xfe\x00")
    assert stamps.write_text(old, stamp())
    assert old.read_text() == stamp()


def test_a_stamp_is_written_into_folders_that_are_not_there_yet(tmp_path):
    path = tmp_path / "experiment" / "stage" / "cell.json"
    assert stamps.write_text(path, stamp()) and path.read_text() == stamp()


@pytest.mark.parametrize("same", [{"axes": {"alpha": 2.0}}, {"consumed": {"depth": 3.0}}, {"script": Path("elsewhere/s.py")}])
def test_a_stamp_does_not_depend_on_how_values_are_spelled_or_where_the_code_lies(same):
    assert stamp(**same) == stamp()


@pytest.mark.parametrize("changed", [
    {"experiment": "f"}, {"stage": "t"}, {"axes": {"alpha": 3}}, {"script": Path("t.py")}, {"code": {"m": "2"}},
    {"consumed": {"depth": 4}},
])  # fmt: skip
def test_a_stamp_depends_on_everything_that_it_names(changed):
    assert stamp(**changed) != stamp()


def test_a_stamp_that_was_written_can_be_read(old):
    text, read = stamps.read_stamp(old)
    assert text == stamp()
    assert read["spec"] == {"depth": 3} and read["code"] == {"m": "1"} and read["axes"] == {"alpha": 2}


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"3", b'{"spec": {}}', b'{"code": {}}', b"\xff\xfe"])
def test_a_file_that_is_no_stamp_is_named(tmp_path, content):
    path = tmp_path / "cell.json"
    path.write_bytes(content)
    with pytest.raises(stamps.StampError, match=r"cell\.json: not a stamp"):
        stamps.read_stamp(path)


def test_a_stamp_that_is_not_there_is_named(tmp_path):
    with pytest.raises(stamps.StampError, match=r"cell\.json: not a stamp"):
        stamps.read_stamp(tmp_path / "cell.json")


@pytest.mark.parametrize("interruption", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(old, interruption):
    with pytest.raises(type(interruption)):
        with stamps.replacing(old) as temporary:
            temporary.write_text("half a st")
            raise interruption
    assert old.read_text() == stamp() and list(old.parent.iterdir()) == [old]


def test_a_reader_never_sees_half_a_file(old):
    with stamps.replacing(old) as temporary:
        temporary.write_text("a new one")
        assert old.read_text() == stamp()
    assert old.read_text() == "a new one" and list(old.parent.iterdir()) == [old]


def test_two_writers_of_one_process_number_have_names_of_their_own_that_are_known_as_temporary(old):
    with stamps.replacing(old) as one, stamps.replacing(old) as other:
        assert one != other and one.parent == other.parent == old.parent
        for name in (one.name, other.name):
            match = stamps.TEMPORARY.fullmatch(name)
            assert match.groups() == ("cell", stamps.host(), str(os.getpid()), ".json")
        one.touch()
        other.touch()


def test_what_is_there_already_is_not_written_over_under_a_temporary_name(tmp_path):
    """Nor what a link in its place leads to."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    for name in ("precious", "link"):
        with pytest.raises(FileExistsError):
            stamps.write_new(tmp_path / name, b"other")
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_failed_move_leaves_the_old_file_and_nothing_else(old, monkeypatch):
    def refuse(*paths):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        stamps.write_text(old, "a new one")
    assert old.read_text() == stamp() and list(old.parent.iterdir()) == [old]


def test_what_killed_writers_left_of_a_file_is_removed_and_nothing_else(tmp_path):
    left = [f".cell-1.5.cotdepth-{stamps.host()}-17-0123abcd.nc", ".cell-1.5.cotdepth-0a1b2c3d-4242-0123abcd.nc"]
    kept = ["cell-1.5.nc", ".cell-1.5.17.nc", ".cell-1.5.work", ".cell-1.5.cotdepth-mine.nc"]
    kept += [left[0].replace("1.5.", "1.52."), left[0].replace(".nc", ".json"), left[0].replace("cell", "another")]
    for name in (*left, *kept):
        (tmp_path / name).touch()
    stamps.remove_leftovers(tmp_path / "cell-1.5.nc")
    assert {path.name for path in tmp_path.iterdir()} == {*kept}
