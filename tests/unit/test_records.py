"""Records of figures, damaged or written by somebody else: refused with a line, by whatever reads them."""

import json

import pytest
from test_cli import command, figures, results

from cotdepth import records
from cotdepth.audit import audit
from cotdepth.plan import _made_from
from cotdepth.stamps import ArtifactError

assert command and figures and results   # fixtures
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def record(figures):
    """The record of a figure."""
    return figures[0].with_suffix(".made.json")


def rewrite(record, **changed):
    """Change what a record says; an entry that is None goes. Its digest fits."""
    made = json.loads(record.read_text()) | changed
    made = {name: value for name, value in made.items() if value is not None and name != "record"}
    records.write_record(record, made)


def verdicts(results):
    return {finding.path.suffix: finding.verdict for finding in audit(results.root) if finding.path.parent.name == "figures"}


def test_a_record_that_was_written_can_be_read_and_written_again_to_the_same_bytes(record):
    before = record.read_bytes()
    made = records.read_record(record)
    assert made["spec"] == {"depth": 3} and made["contents"].keys() == {".png", ".pdf"} and "record" not in made
    records.write_record(record, made)
    assert record.read_bytes() == before


HOSTILE = [
    {"spec": None}, {"stamp": None}, {"code": None}, {"inputs": None}, {"contents": None}, {"versions": None},
    {"spec": [1, 2]}, {"stamp": 3},
    {"inputs": ["e/second/cell"]}, {"inputs": {"e/second/cell": "text"}}, {"inputs": {"e/second/cell": {"stamp": "1", "content": 3}}},
    {"inputs": {"e/second/cell": {"content": "1"}}}, {"inputs": {"../../etc/passwd": {"stamp": "1", "content": "1"}}},
    {"inputs": {"../../x": {"stamp": "1", "content": "1"}}}, {"inputs": {"e/second": {"stamp": "1", "content": "1"}}}, {"code": "text"},
    {"contents": ["a", "b"]}, {"contents": {}}, {"contents": {".png": 3, ".pdf": None}},
]  # fmt: skip


@pytest.mark.parametrize("changed", HOSTILE, ids=str)
def test_a_record_of_other_kinds_is_damaged_even_where_its_digest_fits(results, record, command, changed):
    rewrite(record, **changed)
    assert verdicts(results) == {".png": "damaged", ".pdf": "damaged"}
    for arguments in (["explain", record.with_name("map.png")], ["show", record.with_name("map.png")]):
        code, lines, errors = command(*arguments)
        assert (code, lines, len(errors)) == (2, [], 1)
    assert not _made_from(record.with_name("map.png"), "a stamp")
    assert command("audit", "--repair", "--root", results.root)[2] == [] and not record.with_name("map.png").exists()


@pytest.mark.parametrize("content", [
    b"", b"[]", b"3", b"null", DEEP.encode(), b'{"record": ' + DEEP.encode() + b"}", b"\xff\xfe", b'{"record": "x"}', b'{"spec": {}}',
    b'{"record": NaN, "a": NaN}',
], ids=lambda text: repr(text)[:20])  # fmt: skip
def test_what_is_no_record_is_damaged(results, record, content):
    record.write_bytes(content)
    assert verdicts(results) == {".png": "damaged", ".pdf": "damaged"}


def test_a_flipped_bit_in_a_record_is_noticed_or_harmless(record):
    whole, before, noticed = record.read_bytes(), records.read_record(record), 0
    for place in range(len(whole)):
        record.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            assert records.read_record(record) == before
        except ArtifactError:
            noticed += 1
    assert noticed > len(whole) / 2   # the rest is space between words


def test_a_record_that_was_edited_is_damaged(results, record):
    record.write_text(record.read_text().replace('"depth": 3', '"depth": 4'))
    assert verdicts(results) == {".png": "damaged", ".pdf": "damaged"}


def test_pictures_of_other_kinds_in_the_folder_of_figures_are_nobodys_business(results, figures):
    figures[0].with_suffix(".ppm").write_text("a picture")
    assert verdicts(results) == {".png": "ok", ".pdf": "ok"}
