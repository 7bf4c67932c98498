"""The command ``cotdepth``: look at results, ask whether they are what they should be, and ask the theory."""

import argparse
import json
import sys
from pathlib import Path

from cotdepth.config import ConfigError
from cotdepth.spec import CodeError
from cotdepth.stamps import ProvenanceError


class UsageError(ValueError):
    """An argument of the command that can't be used."""


def main(arguments=None) -> int:
    """Run the command; 0 if all is well, 1 if an audit finds fault, 2 with one line if it can't be answered."""
    given = _parser().parse_args(arguments)
    try:
        return given.command(given) or 0
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except (ProvenanceError, CodeError, UsageError, ConfigError, OSError) as error:
        print(f"cotdepth: {_plain(error)}", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(prog="cotdepth", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, about in (
        ("ls", _list, "what has been made, by experiment and stage"),
        ("show", _show, "what a file holds and what it was made from"),
        ("audit", _audit, "which files are stale, damaged, foreign or missing"),
        ("explain", _explain, "why a file is stale: what changed, old and new"),
        ("prune", _prune, "what no configuration names any more, and what killed jobs left: show it, and remove it with --yes"),
        ("check", _check, "is a configuration of somebody else valid and safe? Executes nothing that is in it"),
        ("times", _times, "how long jobs took and how much memory they had, by rule"),
        ("predict", _predict, "what the theory says of one regime: phase, boundary, best depth, errors"),
    ):
        command_parser = commands.add_parser(name, help=about, description=about)
        command_parser.set_defaults(command=command)
        if name in ("show", "explain"):
            command_parser.add_argument("file", type=Path, metavar="FILE", help="an artifact (.nc) or a figure (.png, .pdf)")
        elif name == "check":
            command_parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files for --configfile, in their order")
        elif name == "predict":
            _add_regime(command_parser)
        else:
            command_parser.add_argument("--root", type=Path, default=Path("results"), help="the results folder (default: results)")
        if name == "audit":
            command_parser.add_argument("--repair", action="store_true", help="move what is damaged or foreign to <results>/quarantine")
        elif name == "prune":
            command_parser.add_argument("--yes", action="store_true", help="remove what is shown; without it nothing is removed")
    return parser


def _add_regime(parser):
    for name, default, about in (
        ("alpha", None, "context ratio L/D"),
        ("tau", None, "task ratio M/D; inf is the population optimum"),
        ("sigma", "0", "label noise in pretraining, relative to the signal"),
        ("depth", "60", "largest depth, up to 20000; up to 200 with ridge or test noise"),
        ("ridge", "0", "penalty of the fit"),
        ("step-size", "1", "factor on every step"),
        ("test-noise", "0", "noise of the test labels, relative like sigma"),
        ("target", None, "an error per dimension to reach"),
    ):
        shown = f" (default: {default})" if default else ""
        parser.add_argument(f"--{name}", default=default, required=name in ("alpha", "tau"), metavar="NUMBER", help=about + shown)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw error against depth, as .png or .pdf")


def _list(given):
    from collections import Counter

    from tabulate import tabulate

    from cotdepth.audit import listed

    cells = listed(given.root)
    rows = []
    for (experiment, stage), count in Counter(path.parts[-3:-1] for path in cells).items():
        made = [path for path in cells if path.parts[-3:-1] == (experiment, stage) and path.exists()]
        size = sum(path.stat().st_size for path in made) / 1e6
        rows.append((experiment, stage, f"{len(made)} of {count}", f"{size:.1f}"))
    columns = ["experiment", "stage", "cells made", "size (MB)"]
    print(tabulate(rows, columns, colalign=("left", "left", "right", "right"), disable_numparse=True))


def _show(given):
    from cotdepth.audit import recorded

    made = recorded(given.file)
    for name in ("title", "source", "experiment", "stage", "axes"):
        if name in made:
            print(f"{name + ':':12} {made[name] if isinstance(made[name], str) else json.dumps(made[name])}")
    print("parameters:", *(f"  {name}: {json.dumps(value)}" for name, value in made["spec"].items() if name != "inputs"), sep="\n")
    print("inputs:", *(f"  {name}" for name in made["inputs"]), sep="\n")
    if given.file.suffix == ".nc":
        _show_variables(given.file)


def _show_variables(path):
    from tabulate import tabulate

    from cotdepth.store import open_artifact

    dataset = open_artifact(path)
    rows = [(name, ", ".join(f"{dim} {size}" for dim, size in zip(variable.dims, variable.shape)), variable.attrs["units"],
             variable.attrs["long_name"]) for name, variable in dataset.variables.items()]  # fmt: skip
    print("", tabulate(rows, ["variable", "dimensions", "units", "meaning"]), sep="\n")


def _audit(given):
    from collections import Counter

    from tabulate import tabulate

    from cotdepth.audit import audit

    if given.repair:
        _repair(given.root)
    findings = audit(given.root)
    faults = sorted((finding for finding in findings if finding.verdict not in ("ok", "missing")), key=lambda fault: fault.verdict)
    rows = [(fault.verdict, _plain(fault.path), _plain(fault.reason)) for fault in faults] + _missing(findings)
    if rows:
        print(tabulate(rows, ["verdict", "file", "reason"], disable_numparse=True))
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(Counter(finding.verdict for finding in findings).items())))
    return 1 if rows else 0


def _missing(findings):
    """A row for each folder in which files are missing, or for the file where it is one."""
    folders = {}
    for finding in findings:
        if finding.verdict == "missing":
            folders.setdefault(finding.path.parent, []).append(finding)
    return [("missing", _plain(folder), f"{len(files)} files not made yet") if len(files) > 1
            else ("missing", _plain(files[0].path), files[0].reason) for folder, files in folders.items()]  # fmt: skip


def _repair(root):
    from cotdepth.repair import repair

    folder, faults = repair(root)
    if not faults:
        print("nothing is damaged or foreign")
        return
    print(*(f"moved {_plain(fault.path)} ({fault.verdict}: {_plain(fault.reason)})" for fault in faults), sep="\n")
    print(f"They are in {_plain(folder)} under the paths that they had; nothing was deleted. Run snakemake again, with the configuration "
          "of these results: it makes what is missing.\n")  # fmt: skip


def _prune(given):
    from tabulate import tabulate

    from cotdepth.prune import leftovers, remove

    found = leftovers(given.root)
    if not found:
        print("nothing to remove: every file is of the configuration")
        return
    rows = [(_plain(leftover.path), leftover.what, f"{leftover.size / 1e6:.3f}") for leftover in found]
    print(tabulate(rows, ["file", "what it is", "size (MB)"], colalign=("left", "left", "right"), disable_numparse=True))
    total = f"{len(found)} entries, {sum(leftover.size for leftover in found) / 1e6:.3f} MB"
    if given.yes:
        remove(given.root, found)
    print(f"{total}: removed" if given.yes else f"{total}; nothing was removed yet: cotdepth prune --yes removes them. The configuration "
          "is the one that snakemake read last")  # fmt: skip


def _plain(text):
    """A text in one line, whatever is in it: file names can hold anything, and a terminal obeys some of it."""
    return str(text) if str(text).isprintable() else repr(str(text))


def _check(given):
    from snakemake.utils import update_config

    from cotdepth.config_files import read_config_file
    from cotdepth.spec import PACKAGE
    from cotdepth.workflow import load_needs, load_plan

    checkout = PACKAGE.parent.parent
    config = read_config_file(checkout / "config.yaml")
    for path in given.files:
        update_config(config, read_config_file(path))
    plan = load_plan(checkout, config)
    load_needs(checkout, plan)
    written = (checkout / plan.results).resolve()
    if not written.is_relative_to(checkout / "results"):
        print(f"cotdepth: results = {str(plan.results)!r}: snakemake would write to {_plain(written)}, outside of the folder for results; "
              "look whether you want that", file=sys.stderr)  # fmt: skip
    print(f"valid, with config.yaml: {len(plan.experiments)} experiments, {len(plan.all_artifacts())} artifacts and {len(plan.figures)} "
          f"figures in {_plain(plan.results)}")  # fmt: skip


def _explain(given):
    from cotdepth.audit import explain

    changes = explain(given.file)
    print("\n".join(changes) or "nothing changed: it is what the configuration and the code say")


def _times(given):
    from tabulate import tabulate

    from cotdepth.times import rule_times

    def note(line):
        print(f"cotdepth: left out: {_plain(line)}", file=sys.stderr)

    rows = [(found.rule, found.jobs, f"{found.seconds:.0f}", f"{found.longest:.1f}", "" if found.memory is None else f"{found.memory:.0f}")
            for found in rule_times(given.root, note)]  # fmt: skip
    columns = ["rule", "jobs", "time (s)", "longest (s)", "largest memory (MB)"]
    print(tabulate(rows, columns, colalign=("left", *["right"] * 4), disable_numparse=True) if rows else "no job has left its times here")


def _predict(given):
    regime = {name: _number(name, getattr(given, name)) for name in ("alpha", "tau", "sigma", "ridge", "step_size", "test_noise")}
    depth, target = _number("depth", given.depth, int), given.target and _number("target", given.target)
    _check_plot(given.plot)

    from cotdepth.predict import predict

    try:
        report, curve = predict(**regime, depth=depth, target=target)
    except (ValueError, ArithmeticError) as error:
        raise UsageError(error) from None
    print(report)
    if given.plot:
        from cotdepth.figures.prediction import save_prediction

        save_prediction(curve, given.plot)


def _number(name, text, kind=float):
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{name} = {text!r}: must be {'an integer' if kind is int else 'a number'}") from None


def _check_plot(path):
    if path and path.suffix not in (".png", ".pdf"):
        raise UsageError(f"plot = {path}: must end in .png or .pdf")
    if path and not path.parent.is_dir():
        raise UsageError(f"plot = {path}: the folder {path.parent} does not exist")
