"""Configurations of somebody else: whatever they say, they give a plan or lines that say what is wrong, and nothing in them runs."""

import copy
import datetime
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from fuzzed_reader import damaged

from cotdepth.cli import main
from cotdepth.config import ConfigError, check_config
from cotdepth.config_files import named_config_files, read_config_file
from cotdepth.plan import Plan

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA, STAGES, CONFIG, TINY = (
    yaml.safe_load((CHECKOUT / name).read_text(encoding="utf-8"))
    for name in ("workflow/schemas/config.schema.yaml", "workflow/stages.yaml", "config.yaml", "tests/data/tiny.yaml"))  # fmt: skip
COPIES = 1000   # of each kind

CYCLE = [1]
CYCLE.append(CYCLE)
BOMB = [1]
for _ in range(9):
    BOMB = [BOMB] * 10
DEEP = []
for _ in range(3000):
    DEEP = [DEEP]
VALUES = [
    None, True, False, -1, 0, 1, 2, 0.5, 1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan, 10**9, 10**18, -(10**18), 10**30, 2**70000,
    "", "x", "a\nb", "../../etc", "/", "$(touch ran)", "-rf", "'; touch ran; '", '"', "{experiment}", "*", "a" * 5000, "\ud800", "\x1b[2J",
    "dim", [], {}, [[]], [None], [1, "a"], [1, 1], [math.nan], [[1, 2], [3]], {"a": {}}, {1: 2}, {None: 1},
    {"from": 1, "to": 2, "count": 10**12},
    {"from": 1, "to": 2, "count": 3},
    {"from": 1e-308, "to": 1e308, "count": 5, "spacing": "log"}, {"from": -1e308, "to": 1e308, "count": 3},
    {"from": 10**400, "to": 1, "count": 3},
    {"from": 0, "to": 1, "count": 10_000}, datetime.date(2020, 1, 1), {1, 2}, b"bytes", (1, 2), print,
    [*range(20_000)],
]  # fmt: skip
BOMBS = [CYCLE, BOMB, DEEP, [*range(60_000)]]   # what walks through these does not come back


def refused_or_planned(make):
    """A plan, or None if it was refused in lines that can be read; any other error is raised."""
    try:
        return Plan(check_config(make(), SCHEMA), STAGES, CHECKOUT / "scripts")
    except ConfigError as error:
        lines = str(error).split("\n")
        assert lines and all(line.isprintable() and 0 < len(line) < 600 for line in lines), lines
        return None


def small(config, rng):
    """One experiment of a configuration, with the figures of it alone."""
    name = str(rng.choice(list(config["experiments"])))
    figures = {key: figure for key, figure in config["figures"].items()
               if all(source.startswith(f"{name}/") for source in figure["inputs"].values())}  # fmt: skip
    return copy.deepcopy({"results": "results", "experiments": {name: config["experiments"][name]}, "figures": figures})


def places(value, path=()):
    """Every place in nested values, as (holder, key)."""
    inside = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [place for key, item in inside for place in [(value, key), *places(item)]]


def spoiled(rng):
    """One experiment with one to three values replaced, removed, renamed, repeated or taken from elsewhere."""
    config = small(CONFIG if rng.random() < 0.5 else TINY, rng)
    for _ in range(rng.integers(1, 4)):
        found = places(config)
        holder, key = found[rng.integers(len(found))]
        other, other_key = found[rng.integers(len(found))]
        kind = rng.choice(["replace", "take", "remove", "rename", "list", "unlist"], p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
        if kind == "replace":
            holder[key] = VALUES[rng.integers(len(VALUES))]
        elif kind == "take":
            holder[key] = copy.deepcopy(other[other_key])
        elif kind == "remove":
            del holder[key]
        elif kind == "rename" and isinstance(holder, dict):
            name = VALUES[rng.integers(len(VALUES))]
            holder[other_key if isinstance(name, (list, dict, set)) else name] = holder.pop(key)
        elif kind == "list":
            holder[key] = [holder[key], VALUES[rng.integers(len(VALUES))]]
        elif kind == "unlist" and isinstance(holder[key], list) and holder[key]:
            holder[key] = holder[key][0]
    if rng.random() < 0.05:
        holder, key = found[0]
        holder[key] = BOMBS[rng.integers(len(BOMBS))]
    return config


def test_a_spoiled_configuration_gives_a_plan_or_readable_lines():
    planned = 0
    for number in range(COPIES):
        planned += refused_or_planned(lambda: spoiled(np.random.default_rng([1, number]))) is not None
    assert COPIES / 50 < planned < COPIES / 2   # neither are all refused nor none


def test_a_damaged_file_gives_a_plan_or_readable_lines(tmp_path):
    path, planned = tmp_path / "mine.yaml", 0
    for number in range(COPIES):
        rng = np.random.default_rng([2, number])
        path.write_bytes(damaged(yaml.safe_dump(small(TINY, rng)).encode(), rng))
        planned += refused_or_planned(lambda: read_config_file(path)) is not None
    assert COPIES / 200 < planned < COPIES / 2


# --- files made to harm -------------------------------------------------------------------------------------------


def levels(count, item):
    return "a0: &a0 " + item("1", 0) + "\n" + "".join(f"a{n}: &a{n} " + item(f"*a{n - 1}", n) + "\n" for n in range(1, count))


def lists(value, n):
    return "[" + ", ".join([value] * 10) + "]"


def mappings(value, n):
    return "{" + ", ".join(f"k{i}: {value}" for i in range(10)) + "}"


def merges(value, n):
    return "{k: 1}" if n == 0 else "{" + f"<<: [{', '.join([value] * 10)}], k{n}: 1" + "}"


FILES = {
    "lists of aliases": levels(10, lists),
    "mappings of aliases": levels(10, mappings),
    "merged mappings": levels(10, merges),
    "an alias of itself": "experiments: &e {x: *e}",
    "deep YAML": "results: " + "[" * 3000 + "]" * 3000,
    "deep JSON": '{"results": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a large number": "results: 0x" + "f" * 20_000,
    "a long number": "results: " + "9" * 20_000,
    "a large key": "0x" + "f" * 20_000 + ": 1",
    "a function": "results: !!python/name:os.system",
    "a call": "results: !!python/object/apply:os.system ['touch ran']",
    "a template": "__use_yte__: true\nresults: '?open(\"ran\", \"w\").name'",
    "a template in escapes": '"__use\\x5fyte__": true\nresults: "?open(\'ran\', \'w\').name"',
    "a merged template": "<<: {__use_yte__: true}\nresults: '?open(\"ran\", \"w\").name'",
    "a template in JSON": '{"__use_yte__": true}',
    "a large file": "results: " + "a" * 2**21,
    "two documents": "results: a\n---\nresults: b",
    "a list": "[1, 2]",
    "text": "text",
    "nothing": "",
    "a half character": '{"results": "\\ud800"}',
    "a line break in a name": '{"experiments": {"a\\n": {}}}',
    "a key twice": "results: a\nresults: b",
    "a key twice, deep inside": "experiments:\n  a: [{alpha: 1, tau: 2, alpha: 3}]",
    "a key twice in JSON": '{"experiments": {"a": 1, "a": 2}}',
    "a terminal command": 'results: "\\e[2J"',
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_made_to_harm_is_refused_in_one_line_before_it_does(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(FILES[name], encoding="utf-8")
    assert main(["check", "mine.yaml"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("cotdepth: 'mine.yaml': ") and len(line) < 600
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff\xfe\x00"),
                                  lambda path: path.symlink_to(path)], ids=["missing", "folder", "bytes", "link"])  # fmt: skip
def test_what_is_no_file_of_text_is_refused(make, tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    make(path)
    assert main(["check", str(path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"cotdepth: '{path}': ")


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_the_scales_of_the_project_pass(scale, capsys):
    assert main(["check", str(CHECKOUT / "workflow" / "scales" / f"{scale}.yaml")]) == 0
    assert f"artifacts and {len(CONFIG['figures'])} figures in results/{scale}" in capsys.readouterr().out


def test_json_is_read_as_snakemake_reads_it(tmp_path):
    (tmp_path / "mine.json").write_text('{\n\t"results": "elsewhere"}')
    assert read_config_file(tmp_path / "mine.json") == {"results": "elsewhere"}


@pytest.mark.parametrize("line, names", [
    ("-n --configfile a b --cores 2", ["a", "b"]), ("--configfiles a", ["a"]), ("--configf=a -n b", ["a"]), ("--config a=b", []),
    ("--configfile=a b", ["a"]), ("--configfile=a --configfile b c", ["a", "b", "c"]),
    ("--configfile=", []), ("-n results/a.nc", []), ("", []),
])  # fmt: skip
def test_the_configuration_files_of_a_command_line_are_found(line, names):
    assert named_config_files(line.split()) == [Path(name) for name in names]


def test_the_start_script_reads_configuration_files_before_snakemake_does(tmp_path):
    (tmp_path / "good.yaml").write_text("results: elsewhere\n")
    (tmp_path / "bad.yaml").write_text(FILES["a template"])
    command = [sys.executable, "-m", "cotdepth.config_files", "-n", "--configfile"]
    done = subprocess.run([*command, "good.yaml", "bad.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("run: 'bad.yaml': __use_yte__: a configuration holds values, not code")
    assert subprocess.run([*command, "good.yaml"], cwd=tmp_path).returncode == 0 and not (tmp_path / "ran").exists()
    lines = (CHECKOUT / "run").read_text(encoding="utf-8").splitlines()
    checks = [number for number, line in enumerate(lines) if line.startswith('python -m cotdepth.config_files "$@" || exit')]
    assert checks and checks[0] < lines.index('exec snakemake "$@"')


@pytest.mark.parametrize("name, code, said", [("good.yaml", 0, "snakemake -n --configfile=good.yaml all\n"), ("bad.yaml", 2, "")])
def test_the_container_reads_configuration_files_before_snakemake_does(tmp_path, name, code, said):
    """Its entry point, with a program in the place of snakemake that says how it was called."""
    (tmp_path / "good.yaml").write_text("results: elsewhere\n")
    (tmp_path / "bad.yaml").write_text(FILES["a template"])
    for program, text in (("snakemake", '#!/bin/sh\necho snakemake "$@"\n'), ("python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')):
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(0o755)
    lines = (CHECKOUT / "Containerfile").read_text(encoding="utf-8").splitlines()
    [entry] = [json.loads(line.removeprefix("ENTRYPOINT ")) for line in lines if line.startswith("ENTRYPOINT ")]
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = [*entry, "-n", f"--configfile={name}", "all"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, said) and not (tmp_path / "ran").exists()


# --- names --------------------------------------------------------------------------------------------------------

METACHARACTERS = ["a\nb", "a'b", 'a"b', "a`b", "$(touch ran)", "a;b", "a|b", "a&b", "a>b", "-rf", "--out", "a*b", "a?b", "{experiment}",
                  "a\\b", "a\tb", "\x00", "\x1b[2J", "a" * 300, ""]  # fmt: skip


@pytest.mark.parametrize("name", METACHARACTERS, ids=ascii)
def test_a_results_folder_with_a_hostile_name_is_refused(name):
    with pytest.raises(ConfigError, match="results"):
        check_config(TINY | {"results": name}, SCHEMA)


@pytest.mark.parametrize("name", ["results", "../elsewhere", "/scratch/me/runs", "my results", "r\u00e9sultats", "a,b+c=d@e:f [1]"])
def test_a_results_folder_may_lie_anywhere(name):
    assert check_config(TINY | {"results": name}, SCHEMA)["results"] == name


@pytest.mark.parametrize("name", [*METACHARACTERS, "..", "../up", "a/b", ".hidden", "a b", "quarantine", "logs", "a\n"], ids=ascii)
@pytest.mark.parametrize("kind", ["experiments", "figures"])
def test_an_experiment_or_figure_with_a_hostile_name_is_refused(kind, name):
    if kind == "figures" and name in ("quarantine", "logs"):
        pytest.skip("figures have a folder of their own")
    config = copy.deepcopy(TINY)
    config[kind][name] = config[kind]["phase-diagram"]
    assert refused_or_planned(lambda: config) is None


@pytest.mark.parametrize("case", [name for name in METACHARACTERS if name.isprintable() and 0 < len(name) < 201] + ["../up", "x" * 200],
                         ids=ascii)  # fmt: skip
def test_the_label_of_a_case_never_shows_in_a_path_as_it_is(case):
    config = copy.deepcopy(TINY)
    config["experiments"]["general-covariance"]["case"] = case
    for path in refused_or_planned(lambda: config).all_artifacts():
        parts = Path(path).parts
        assert len(parts) == 4 and ".." not in parts and len(parts[-1]) < 240
        assert all(part[0].isalpha() and not set(part) & set(" '\"`$;|&><*?{}\\\n") for part in parts)
