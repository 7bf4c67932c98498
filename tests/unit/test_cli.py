"""The command ``cotdepth`` on a small results folder, whole and spoiled in every way that it must notice."""

import csv
import json
import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from cotdepth import spec, stamps, store
from cotdepth.audit import table_digest
from cotdepth.cli import main

CODE = {"cotdepth.streams": spec.code_digest(spec.module_path("cotdepth.streams"))}
OTHER_CODE = {"cotdepth.streams": "0" * 64}
ONE, TWO = {"alpha": 1}, {"alpha": 2}


class Results:
    """A results folder with an experiment of two stages, ``first`` and ``second``, of two cells each."""

    def __init__(self, root):
        self.root = root
        for axes in (ONE, TWO):
            self.make("first", axes)
            self.make("second", axes)
        with open(root / "e" / "cells.csv", "w", encoding="utf-8") as file:
            rows = [[stage, spec.cell_name(axes), axes["alpha"]] for stage in ("first", "second") for axes in (ONE, TWO)]
            csv.writer(file).writerows([["stage", "cell", "alpha"], *rows])
        self.configure(["e"], [])

    def configure(self, experiments, figures):
        """Write the index of the configuration, as the workflow does."""
        tables = {name: table_digest((self.root / name / "cells.csv").read_text()) for name in experiments}
        (self.root / stamps.INDEX).write_text(json.dumps({"experiments": experiments, "figures": figures, "tables": tables}))

    def path(self, stage, axes=ONE):
        return self.root / "e" / stage / f"{spec.cell_name(axes)}.nc"

    def stamp(self, stage, axes=ONE, depth=3, code=CODE):
        """Write a stamp, as the workflow does before it runs."""
        text = stamps.stamp_text(
            experiment="e", stage=stage, axes=axes, script=Path("s.py"), code=code, consumed={**axes, "depth": depth}
        )
        stamps.write_text(self.path(stage, axes).with_suffix(".json"), text)
        return text

    def make(self, stage, axes=ONE, value=1.0, **stamped):
        """Write a stamp and the artifact that it describes."""
        label = {"long_name": "the error", "units": "1"}
        data = xr.Dataset({"error": ("k", np.full(3, value), label)}, attrs={"title": "A title", "source": "a source"})
        text, source = self.stamp(stage, axes, **stamped), self.path("first", axes)
        made_from = {key: store.read_attributes(source)[key] for key in ("stamp", "content")} if stage == "second" else None
        inputs = {f"e/first/{source.stem}": made_from} if made_from else {}
        store.write_artifact(data, self.path(stage, axes), stamp_text=text, check=lambda: None, inputs=inputs)


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results")


@pytest.fixture
def command(capsys):
    """Run the command: its exit code, its lines and its error lines."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()

    return run


def test_results_that_are_what_they_should_be_pass_the_audit(results, command):
    assert command("audit", "--root", results.root) == (0, ["4 ok"], [])


def benchmark(results, axes, text):
    path = results.root / "benchmarks" / results.path("first", axes).relative_to(results.root).with_suffix(".tsv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_times_are_summed_by_rule_and_memory_is_the_largest_that_was_seen(results, command):
    benchmark(results, ONE, "s\th:m:s\tmax_rss\n1.5\t0:00:01\t300.2\n")
    benchmark(results, TWO, "s\th:m:s\tmax_rss\n4.25\t0:00:04\tNA\n")
    code, (_, _, row), errors = command("times", "--root", results.root)
    assert (code, errors, row.split()) == (0, [], ["s", "2", "6", "4.2", "300"])


def test_without_benchmarks_there_are_no_times(results, command):
    assert command("times", "--root", results.root) == (0, ["no job has left its times here"], [])


@pytest.mark.parametrize("text", ["", "s\tmax_rss\n", "s\tmax_rss\n1\t2\n1\t2\n", "s\n1\n", "s\tmax_rss\none\ttwo\n", "s\tmax_rss\n1\n"])
def test_a_spoiled_benchmark_file_is_named_and_left_out(results, command, text):
    benchmark(results, ONE, text)
    code, lines, [error] = command("times", "--root", results.root)
    assert (code, lines) == (0, ["no job has left its times here"])
    assert "not the benchmark file of one job" in error and str(results.root) in error
    benchmark(results, TWO, "s\tmax_rss\n4.25\tNA\n")
    code, (_, _, row), errors = command("times", "--root", results.root)
    assert (code, errors, row.split()) == (0, [error], ["s", "1", "4", "4.2"])


@pytest.mark.parametrize("changed", [{"script": None}, {"script": 3}, {"spec": 3}], ids=str)
def test_a_job_whose_stamp_names_no_script_is_left_out_of_the_times(results, command, changed):
    benchmark(results, ONE, "s\tmax_rss\n1.5\t300.2\n")
    path = results.path("first").with_suffix(".json")
    made = json.loads(path.read_text()) | changed
    path.write_text(json.dumps({name: value for name, value in made.items() if value is not None}))
    code, lines, [error] = command("times", "--root", results.root)
    assert (code, lines) == (0, ["no job has left its times here"]) and str(path) in error and error.startswith("cotdepth: left out: ")


def changed_parameter(results):
    results.stamp("second", depth=4)


def changed_code(results):
    results.make("second", code=OTHER_CODE)


def changed_input(results):
    results.make("first", value=2.0)


def deleted(results):
    results.path("second").unlink()


def truncated(results):
    path = results.path("second")
    path.write_bytes(path.read_bytes()[:-500])


def edited(results):
    with netCDF4.Dataset(results.path("second"), "a") as file:
        file["error"][0] = 2.0


def copied_from_another_cell(results):
    shutil.copy(results.path("second", TWO), results.path("second"))


def copied_from_another_stage(results):
    shutil.copy(results.path("first"), results.path("second"))


def of_another_program(results):
    xr.Dataset().to_netcdf(results.path("second"))


def without_stamp(results):
    results.path("second").with_suffix(".json").unlink()


@pytest.mark.parametrize("spoil, verdict, reason", [
    (changed_parameter, "stale", "parameter depth: 3 -> 4"),
    (changed_code, "stale", f"code cotdepth.streams: 00000000 -> {CODE['cotdepth.streams'][:8]}"),
    (changed_input, "stale", f"input e/first/{spec.cell_name(ONE)}: "),
    (deleted, "missing", "not made yet"),
    (truncated, "damaged", "damaged ("),
    (edited, "damaged", "opened for writing by another program"),
    (copied_from_another_cell, "foreign", f"made as e/second/{spec.cell_name(TWO)}"),
    (copied_from_another_stage, "foreign", f"made as e/first/{spec.cell_name(ONE)}"),
    (of_another_program, "damaged", "not an artifact of cotdepth"),
    (without_stamp, "foreign", "not a stamp"),
], ids=lambda value: getattr(value, "__name__", None))  # fmt: skip
def test_the_audit_finds_the_one_file_at_fault(results, command, spoil, verdict, reason):
    spoil(results)
    code, (_, _, *faults, count), errors = command("audit", "--root", results.root)
    assert (code, errors) == (1, []) and set(count.split(", ")) == {"3 ok", f"1 {verdict}"}
    [fault] = faults
    assert fault.split()[:2] == [verdict, str(results.path("second"))] and reason in fault


def test_a_file_that_the_configuration_does_not_ask_for_is_foreign(results, command):
    stranger = results.path("second", {"alpha": 3})
    shutil.copy(results.path("second"), stranger)
    code, lines, _ = command("audit", "--root", results.root)
    assert code == 1 and lines[-1] == "1 foreign, 4 ok" and lines[2].split()[:2] == ["foreign", str(stranger)]


def test_an_experiment_that_left_the_configuration_is_foreign(results, command):
    results.configure([], [])
    assert command("audit", "--root", results.root)[1][-1] == "4 foreign"


def test_what_was_made_from_something_stale_is_stale_too(results, command):
    results.stamp("first", depth=4)
    _, lines, _ = command("audit", "--root", results.root)
    assert lines[-1] == "2 ok, 2 stale"
    _, lines, _ = command("explain", results.path("second"))
    assert lines == [f"input e/first/{spec.cell_name(ONE)}: stale (parameter depth: 3 -> 4)"]


def test_damage_is_blamed_on_the_damaged_file_alone(results, command):
    path = results.path("first")
    path.write_bytes(path.read_bytes()[:-500])
    _, lines, _ = command("audit", "--root", results.root)
    assert [line.split()[1] for line in lines if line.startswith("damaged")] == [str(path)]


def test_a_deleted_intermediate_does_not_make_what_was_made_from_it_stale(results, command):
    results.path("first").unlink()
    assert command("audit", "--root", results.root)[1][-1] == "1 missing, 3 ok"


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_what_was_made_from_an_intermediate_that_is_gone_and_would_be_made_otherwise_is_stale(results, command, damage):
    results.stamp("first", depth=4)
    damage(results.path("first"))
    assert command("audit", "--root", results.root)[1][-1].endswith("2 ok, 1 stale")
    _, lines, _ = command("explain", results.path("second"))
    assert lines == [f"input e/first/{spec.cell_name(ONE)}: gone or damaged, and its stamp is another one now"]


def test_a_reverted_edit_is_not_stale(results, command):
    results.stamp("second", depth=4)
    results.stamp("second", depth=3)
    assert command("audit", "--root", results.root)[0] == 0


def test_explain_names_every_change_old_and_new(results, command):
    results.make("second", code=OTHER_CODE | {"cotdepth.gone": "1" * 64})
    results.stamp("second", depth=4, code=CODE)
    code, lines, _ = command("explain", results.path("second"))
    assert code == 0 and lines[0] == "parameter depth: 3 -> 4" and lines[1].startswith("code cotdepth.gone: 11111111 -> None")
    assert lines[2].startswith("code cotdepth.streams: 00000000 -> ") and len(lines) == 3


@pytest.mark.parametrize("folder, given", [("second", "{}"), ("second", "../second/{}"), (".", "second/{}"), ("..", "e/second/{}")])
def test_explain_says_the_same_from_within_the_results(results, command, monkeypatch, folder, given):
    changed_input(results)
    monkeypatch.chdir(results.root / "e" / folder)
    code, [line], _ = command("explain", given.format(results.path("second").name))
    assert code == 0 and line.startswith(f"input e/first/{spec.cell_name(ONE)}: ")


def test_code_that_is_no_python_is_named_in_one_line(results, command, monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    monkeypatch.setattr(spec, "module_path", lambda module: broken)
    for arguments in (["audit", "--root", results.root], ["explain", results.path("second")]):
        code, _, [line] = command(*arguments)
        assert code == 2 and line.startswith(f"cotdepth: {broken}: no digest of this code")


def test_verdicts_on_claims_are_foreign_once_no_claims_are_configured(results, command):
    (results.root / stamps.LEDGER).write_bytes(results.path("first").read_bytes())
    code, lines, _ = command("audit", "--root", results.root)
    [foreign] = [line.split()[1] for line in lines if line.startswith("foreign")]
    assert code == 1 and foreign == str(results.root / "claims.nc")


def test_explain_says_if_nothing_changed(results, command):
    assert command("explain", results.path("second")) == (
        0,
        ["nothing changed: it is what the configuration and the code say"],
        [],
    )


def test_show_says_what_a_file_holds_and_what_made_it(results, command):
    code, lines, _ = command("show", results.path("second"))
    text = "\n".join(lines)
    assert code == 0
    for said in (
        "A title",
        "a source",
        "second",
        '{"alpha": 1}',
        "depth: 3",
        f"e/first/{spec.cell_name(ONE)}",
        "k 3",
        "the error",
    ):
        assert said in text


def test_ls_counts_what_is_made(results, command):
    results.path("first").unlink()
    code, lines, _ = command("ls", "--root", results.root)
    assert code == 0 and [line.split()[:5] for line in lines[2:]] == [
        ["e", "first", "1", "of", "2"],
        ["e", "second", "2", "of", "2"],
    ]


@pytest.mark.parametrize("arguments", [
    ["ls", "--root", "nowhere"], ["audit", "--root", "nowhere"], ["show", "nowhere.nc"], ["explain", "nowhere.nc"],
    ["show", "text.nc"],
    ["explain", "text.nc"], ["show", "other.nc"], ["show", "text.png"], ["explain", "text.png"], ["show", "nowhere.png"],
], ids=" ".join)  # fmt: skip
def test_what_cannot_be_answered_ends_with_code_2_and_one_line_that_names_it(tmp_path, monkeypatch, command, arguments):
    monkeypatch.chdir(tmp_path)
    xr.Dataset().to_netcdf("other.nc")
    for name in ("text.nc", "text.png"):
        Path(name).write_text("text")
    code, lines, errors = command(*arguments)
    assert (code, lines) == (2, [])
    [line] = errors
    assert line.startswith(f"cotdepth: {arguments[-1]}: ")


def test_show_of_a_damaged_file_ends_with_code_2(results, command):
    edited(results)
    code, _, errors = command("show", results.path("second"))
    assert code == 2 and "opened for writing by another program" in errors[0] and len(errors) == 1


@pytest.mark.parametrize("arguments", [[], ["predikt"], ["show"], ["audit", "--rot", "results"]], ids=" ".join)
def test_a_wrong_command_line_ends_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2 and "usage: cotdepth" in capsys.readouterr().err


@pytest.fixture
def figures(results):
    """A figure of the results folder, as PNG and PDF, and its stamp."""
    from matplotlib.figure import Figure

    from cotdepth.figures.saving import save_figure

    path = results.root / "figures" / "map"
    text = stamps.stamp_text(experiment="figures", stage="map", axes={}, script=Path("s.py"), code=CODE, consumed={"depth": 3})
    stamps.write_text(path.with_suffix(".json"), text)
    source = results.path("second")
    lineage = {f"e/second/{source.stem}": {"stamp": "any", "content": store.read_content(source)}}
    kinds = [path.with_suffix(kind) for kind in (".png", ".pdf")]
    save_figure(Figure(figsize=(1, 1)), kinds, stamp_text=text, inputs=lineage, check=lambda: None)
    results.configure(["e"], ["map"])
    return kinds


@pytest.mark.parametrize("kind", [0, 1], ids=["png", "pdf"])
def test_figures_are_judged_like_artifacts(results, figures, kind, command):
    assert command("audit", "--root", results.root)[1] == ["6 ok"]
    results.make("second", value=2.0)
    lines = command("audit", "--root", results.root)[1]
    assert lines[-1] == "4 ok, 2 stale" and lines[2 + kind].split()[:3] == ["stale", str(figures[kind]), "input"]
    figures[kind].write_bytes(figures[kind].read_bytes()[:-1])
    assert command("audit", "--root", results.root)[1][-1] == "1 damaged, 4 ok, 1 stale"
    figures[kind].unlink()
    assert command("audit", "--root", results.root)[1][-1] == "1 missing, 4 ok, 1 stale"
