"""``cotdepth audit --repair`` and ``cotdepth prune``: what is in the way goes aside, what nobody asks for goes, everything else stays."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_cli import ONE, TWO, command, copied_from_another_cell, edited, figures, of_another_program, results, truncated

from cotdepth import prune, repair, spec
from cotdepth.run_locks import LOCKS, RunUnderWay
from cotdepth.stamps import host

assert command and figures and results   # fixtures
THREE = {"alpha": 3}


def contents(root):
    """Bytes of every file below a folder, by path."""
    return {str(path.relative_to(root)): path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}


def made_for_another_configuration(results):
    for stage in ("first", "second"):
        results.make(stage, THREE)
    for suffix in (".nc", ".json"):
        results.path("first", THREE).with_suffix(suffix).unlink()


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A run of snakemake is under way in the folder of the results."""
    lock = tmp_path / ".snakemake" / "locks" / "0.input.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    return lock


# --- repair -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil, axes", [
    (truncated, ONE), (edited, ONE), (of_another_program, ONE), (copied_from_another_cell, ONE), (made_for_another_configuration, THREE),
], ids=lambda value: getattr(value, "__name__", ""))  # fmt: skip
def test_repair_moves_what_is_damaged_or_foreign_aside_and_touches_nothing_else(results, command, spoil, axes):
    spoil(results)
    before, path = contents(results.root), results.path("second", axes)
    name = str(path.relative_to(results.root))
    stamp = str(Path(name).with_suffix(".json"))
    code, lines, errors = command("audit", "--repair", "--root", results.root)
    assert errors == [] and lines[0].startswith(f"moved {path} (") and "Run snakemake again" in lines[1]
    after = contents(results.root)
    asked_for = axes == ONE
    assert after.pop(f"quarantine/1/{name}") == before.pop(name)
    assert after.pop(f"quarantine/1/{stamp}") == (before[stamp] if asked_for else before.pop(stamp))
    [moved] = json.loads(after.pop("quarantine/1/moved.json"))
    assert moved["file"] == name and moved["verdict"] in ("damaged", "foreign") and moved["reason"]
    assert after == before
    assert (code, lines[-1]) == ((1, "1 missing, 3 ok") if asked_for else (0, "4 ok"))


def test_what_was_moved_can_be_moved_back(results, command):
    made_for_another_configuration(results)
    before = contents(results.root)
    command("audit", "--repair", "--root", results.root)
    for path in (results.root / "quarantine" / "1").rglob("*.*"):
        if path.is_file() and path.name != "moved.json":
            shutil.move(path, results.root / path.relative_to(results.root / "quarantine" / "1"))
    shutil.rmtree(results.root / "quarantine")
    assert contents(results.root) == before


def test_every_repair_has_a_folder_of_its_own(results, command):
    for count in (1, 2):
        results.make("second")
        truncated(results)
        command("audit", "--repair", "--root", results.root)
        assert sorted(path.name for path in (results.root / "quarantine").iterdir()) == ["1", "2"][:count]


@pytest.mark.parametrize("stale", [False, True])
def test_repair_leaves_what_is_whole_even_if_it_is_stale(results, command, stale):
    if stale:
        results.stamp("second", depth=4)
    before = contents(results.root)
    code, lines, _ = command("audit", "--repair", "--root", results.root)
    assert lines[0] == "nothing is damaged or foreign" and contents(results.root) == before and code == int(stale)


def test_repair_does_not_disturb_a_run(results, command, locked):
    truncated(results)
    before = contents(results.root)
    code, lines, errors = command("audit", "--repair", "--root", results.root)
    assert (code, lines) == (2, []) and contents(results.root) == before
    assert errors == [f"cotdepth: {locked.parent}: snakemake is running here; wait for its end (if it was killed: `snakemake --unlock` in "
                      f"{locked.parents[2]})"]  # fmt: skip
    locked.unlink()
    assert command("audit", "--repair", "--root", results.root)[1][0].startswith("moved ")


HOLDING = "import sys; from cotdepth.run_locks import hold; hold(sys.argv[1]); print(flush=True); sys.stdin.read()"


def test_a_run_that_lost_snakemakes_locks_is_seen_until_its_process_ends_however_it_ends(results, command):
    truncated(results)
    with subprocess.Popen([sys.executable, "-c", HOLDING, results.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        run.stdout.readline()
        before = contents(results.root)
        code, _, [line] = command("audit", "--repair", "--root", results.root)
        assert code == 2 and line.endswith(".run.lock: snakemake is running here; wait for its end") and contents(results.root) == before
        run.kill()
    assert command("audit", "--repair", "--root", results.root)[1][0].startswith("moved ")


def test_repair_sees_a_run_that_was_started_here_on_results_elsewhere(results, command, tmp_path, monkeypatch):
    started = tmp_path / "started"
    (started / ".snakemake" / "locks").mkdir(parents=True)
    (started / ".snakemake" / "locks" / "0.input.lock").touch()
    monkeypatch.chdir(started)
    assert command("audit", "--repair", "--root", results.root)[0] == 2


def test_a_damaged_figure_goes_with_a_copy_of_its_record_and_the_other_format_stays(results, figures, command):
    png, pdf = figures
    png.write_bytes(b"damaged")
    command("audit", "--repair", "--root", results.root)
    aside = results.root / "quarantine" / "1" / "figures"
    assert {path.name for path in aside.iterdir()} == {"map.png", "map.json", "map.made.json"} and not png.exists()
    assert pdf.exists() and png.with_suffix(".json").exists() and png.with_suffix(".made.json").exists()


def test_a_figure_that_left_the_configuration_goes_with_all_that_belongs_to_it(results, figures, command):
    results.configure(["e"], [])
    assert command("audit", "--repair", "--root", results.root)[1][-1] == "4 ok"
    assert list((results.root / "figures").iterdir()) == []
    assert len(list((results.root / "quarantine" / "1" / "figures").iterdir())) == 4


@pytest.mark.parametrize("name", ["a\nb", "-rf", "$(touch ran)", "a'b", "x" * 240], ids=ascii)
def test_files_with_hostile_names_go_aside_and_show_in_one_line(results, command, name):
    stranger = results.root / "e" / "second" / f"{name}.nc"
    shutil.copy(results.path("second"), stranger)
    code, lines, errors = command("audit", "--repair", "--root", results.root)
    assert (code, errors, len(lines)) == (0, [], 4) and all(line.isprintable() for line in lines) and not stranger.exists()
    assert (results.root / "quarantine" / "1" / "e" / "second" / stranger.name).exists()


@pytest.mark.parametrize("spoil", [
    lambda root: (root / "configured.json").write_text('{"experiments": ["../../etc"], "figures": []}'),
    lambda root: (root / "configured.json").write_text('{"experiments": [], "figures": ["../../../home/me/picture"]}'),
    lambda root: (root / "configured.json").write_text('{"experiments": {"e": 1}}'),
    lambda root: (root / "configured.json").write_text("[" * 100_000),
    lambda root: (root / "e" / "cells.csv").write_text("stage,cell\nfirst,../../../../home/me/file\n"),
    lambda root: (root / "e" / "cells.csv").write_text("stage,cell\n..,x\n"),
    lambda root: (root / "e" / "cells.csv").write_text("stage,cell\nfirst\n"),
    lambda root: (root / "e" / "cells.csv").write_text("no,table\n1,2\n"),
    lambda root: (root / "e" / "cells.csv").write_text(""),
    lambda root: (root / "e" / "cells.csv").write_text("stage,cell\n"),
    lambda root: (root / "e" / "cells.csv").write_text("".join((root / "e" / "cells.csv").read_text().splitlines(keepends=True)[:-1])),
    lambda root: (root / "e" / "cells.csv").write_bytes(b"\xff\xfe"),
    lambda root: (root / "e" / "cells.csv").write_text("stage,cell\nfirst," + "x" * 200_000 + "\n"),
], ids=range(13))  # fmt: skip
@pytest.mark.parametrize("arguments", [["audit"], ["audit", "--repair"], ["prune", "--yes"], ["ls"]], ids=" ".join)
def test_tables_that_lead_out_of_the_results_are_refused_and_nothing_is_touched(results, command, spoil, arguments):
    spoil(results.root)
    before = contents(results.root.parent)
    code, lines, errors = command(*arguments, "--root", results.root)
    assert (code, lines, len(errors)) == (2, [], 1) and contents(results.root.parent) == before


# --- prune --------------------------------------------------------------------------------------------------------


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def temporary(stem, suffix, process, of=None):
    """A name as `cotdepth.stamps.replacing` gives, of a process of this machine or of another."""
    return f".{stem}.cotdepth-{of or host()}-{process}-0123abcd{suffix}"


def add(results, name, text="left"):
    path = results.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


CELL, OTHER, UNASKED = spec.cell_name(ONE), spec.cell_name(TWO), spec.cell_name(THREE)


ELSEWHERE = "00000000"   # another machine


def unchanged_for_a_day(path):
    before = time.time() - 86401
    os.utime(path, (before, before))
    return path


@pytest.fixture
def littered(results):
    """Results with all kinds of things that nobody needs, and their paths."""
    made_for_another_configuration(results)
    return {str(path.relative_to(results.root)) for path in (
        results.path("second", THREE), results.path("second", THREE).with_suffix(".json"),
        add(results, f"e/second/.{UNASKED}.work/a.pt"), add(results, f"e/first/.{CELL}.work/a.pt"),
        add(results, f"e/second/{temporary(CELL, '.nc', dead_process())}"), add(results, temporary("configured", ".json", dead_process())),
        add(results, f"figures/{temporary('map.made', '.json', dead_process())}"), add(results, f"logs/e/second/{UNASKED}.log"),
        unchanged_for_a_day(add(results, f"e/first/{temporary(CELL, '.nc', 1, ELSEWHERE)}")),
        unchanged_for_a_day(add(results, f"e/first/{temporary(CELL, '.nc', os.getpid())}")),
        add(results, f"logs/gone/train/{CELL}.log"),
        add(results, f"benchmarks/e/second/{UNASKED}.tsv"), add(results, "logs/figures/gone.log"),
    )}  # fmt: skip


@pytest.fixture
def kept(results):
    """Things that look like what nobody needs, and are not."""
    results.path("second", TWO).unlink()
    shutil.copy(results.path("first"), results.root / "e" / "first" / "copy-of-mine.nc")
    add(results, f"e/first/{spec.cell_name({'alpha': 4})}.nc", "damaged")
    for name in (f"e/second/.{OTHER}.work/a.pt", f"e/second/{temporary(CELL, '.nc', os.getpid())}", "e/notes.txt", "e/second/notes.txt",
                 "e/second/mine.json", f"e/second/{temporary(CELL, '.nc', dead_process(), ELSEWHERE)}", "e/second/.mine.work/x",
                 f"e/second/.{CELL}.{dead_process()}.nc", f"mine/first/.{UNASKED}.work/x", f"e/second/mine/.{UNASKED}.work/x",
                 "logs/slurm/rule_train/17.log", "logs/slurm/17.log", f".{UNASKED}.work/x",
                 f"logs/e/second/{CELL}.log", f"benchmarks/e/second/{CELL}.tsv", "benchmarks/table.csv", "quarantine/1/e/second/x.nc",
                 "smoke/configured.json", f"smoke/e/second/{temporary(CELL, '.nc', dead_process())}", "mine/first/x.json",
                 ".hidden/x"):  # fmt: skip
        add(results, name)


def test_prune_shows_what_nobody_needs_and_removes_nothing(results, littered, kept, command):
    before = contents(results.root)
    code, lines, errors = command("prune", "--root", results.root)
    shown = {line.split()[0].removeprefix(f"{results.root}/") for line in lines[2:-1]}
    assert shown == {name.removesuffix("/a.pt") for name in littered} and contents(results.root) == before
    assert (code, errors) == (0, []) and lines[-1].startswith(f"{len(shown)} entries, 0.0") and "--yes removes them" in lines[-1]


def test_prune_removes_what_it_shows_and_nothing_else(results, littered, kept, command):
    before = contents(results.root)
    code, lines, _ = command("prune", "--yes", "--root", results.root)
    assert code == 0 and lines[-1].endswith(" MB: removed")
    assert contents(results.root) == {name: content for name, content in before.items() if name not in littered}
    assert not (results.root / "logs" / "gone").exists() and not (results.root / "e" / "second" / f".{UNASKED}.work").exists()
    assert command("prune", "--root", results.root)[1] == ["nothing to remove: every file is of the configuration"]


def test_prune_counts_the_bytes(results, command):
    add(results, f"e/second/.{UNASKED}.work/a.pt", "x" * 1_500_000)
    add(results, f"e/second/.{UNASKED}.work/b/c.pt", "x" * 500_000)
    assert command("prune", "--root", results.root)[1][-1].startswith("1 entries, 2.000 MB; nothing was removed")


def test_an_experiment_that_left_the_configuration_goes_as_a_whole(results, command):
    results.configure([], [])
    command("prune", "--yes", "--root", results.root)
    assert not (results.root / "e").exists() and (results.root / "configured.json").exists()


def test_a_figure_that_left_the_configuration_goes_with_its_records_unless_it_was_edited(results, figures, command):
    results.configure(["e"], [])
    figures[0].write_bytes(b"edited")
    command("prune", "--yes", "--root", results.root)
    assert [path.name for path in (results.root / "figures").iterdir()] == ["map.png"]


def test_checkpoints_of_an_artifact_that_is_to_be_made_again_stay(results, command):
    kept = add(results, f"e/second/.{CELL}.work/a.pt")
    results.stamp("second", depth=4)
    command("prune", "--yes", "--root", results.root)
    assert kept.exists()


def test_prune_removes_nothing_while_a_run_is_under_way_but_shows_it(results, littered, locked, command):
    before = contents(results.root)
    assert command("prune", "--root", results.root)[0] == 0
    code, _, errors = command("prune", "--yes", "--root", results.root)
    assert code == 2 and "snakemake is running here" in errors[0] and contents(results.root) == before


def test_prune_stops_where_a_run_starts_while_it_removes(results, littered, tmp_path):
    before, found = contents(results.root), prune.leftovers(results.root)
    lock = tmp_path / LOCKS / "0.input.lock"

    class Started(type(found)):
        def __iter__(self):
            for number, leftover in enumerate(super().__iter__()):
                if number == 1:
                    lock.parent.mkdir(parents=True)
                    lock.touch()
                yield leftover

    with pytest.raises(RunUnderWay):
        prune.remove(results.root, Started(found))
    removed = before.keys() - contents(results.root).keys()
    assert removed == {str(found[0].path.relative_to(results.root))}


def test_repair_moves_nothing_where_a_run_starts_during_its_audit(results, monkeypatch, tmp_path):
    truncated(results)
    before, audit = contents(results.root), repair.audit

    def slow_audit(root):
        (tmp_path / LOCKS).mkdir(parents=True)
        (tmp_path / LOCKS / "0.input.lock").touch()
        return audit(root)

    monkeypatch.setattr(repair, "audit", slow_audit)
    with pytest.raises(RunUnderWay):
        repair.repair(results.root)
    assert contents(results.root) == before


def test_what_is_damaged_stays_in_sight_of_the_audit_when_its_experiment_goes(results, command):
    truncated(results)
    results.configure([], [])
    command("prune", "--yes", "--root", results.root)
    assert [line.split()[:2] for line in command("audit", "--root", results.root)[1] if line.startswith("foreign")] == [
        ["foreign", str(results.path("second"))]]  # fmt: skip
    command("audit", "--repair", "--root", results.root)
    command("prune", "--yes", "--root", results.root)
    assert not [path for path in (results.root / "e").rglob("*") if path.is_file()]


def test_verdicts_on_claims_go_with_all_that_is_beside_them_once_no_claims_are_configured(results, command):
    shutil.copy(results.path("first"), results.root / "claims.nc")
    for name in ("claims.json", "logs/claims.log", "benchmarks/claims.tsv"):
        add(results, name)
    kept = [add(results, "logs/report.log"), add(results, "report.json")]
    command("prune", "--yes", "--root", results.root)
    assert not list(results.root.rglob("claims.*")) and all(path.exists() for path in kept)


def test_links_are_removed_and_not_followed(results, command, tmp_path):
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "precious").touch()
    (results.root / "e" / "second" / f".{UNASKED}.work").symlink_to(target)
    command("prune", "--yes", "--root", results.root)
    assert (target / "precious").exists() and not (results.root / "e" / "second" / f".{UNASKED}.work").is_symlink()
