"""A disk without room is named where a log may be empty, and only there."""

import shutil
from types import SimpleNamespace

import pytest

from cotdepth.room import LITTLE_ROOM, shortage
from cotdepth.workflow import warn_of_full_disk


@pytest.mark.parametrize("free, said", [(0, True), (LITTLE_ROOM - 1, True), (LITTLE_ROOM, False)])
def test_a_disk_without_room_is_named_after_a_failed_run(monkeypatch, capsys, tmp_path, free, said):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free) if folder == tmp_path else None)
    warn_of_full_disk(SimpleNamespace(results=tmp_path))
    line = capsys.readouterr().err
    assert (line != "") == said
    if said:
        assert str(tmp_path) in line and "make room and run snakemake again" in line and line.count("\n") == 1


def test_where_there_is_room_nothing_is_said_of_it(monkeypatch, tmp_path):
    for free, said in ((1_230_000, f"only 1.2 MB are free on the disk of {tmp_path}"), (LITTLE_ROOM, ""), (10**12, "")):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
        assert shortage(tmp_path) == said
