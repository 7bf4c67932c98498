"""Canonical specs, cell names and code digests: when two things count as the same, and what a stage's code is."""

import json
import math
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cotdepth import spec
from cotdepth.claim_stages import AGREEMENT, CLAIMS
from cotdepth.config import check_config
from cotdepth.plan import Plan

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(CHECKOUT.glob("scripts/*.py"))


@pytest.mark.parametrize("one, other", [
    (10, 10.0),
    (0.0, -0.0),
    (1e3, 1000),
    ({"a": 1, "b": 2}, {"b": 2.0, "a": 1.0}),
    ((1, 2.0), [1.0, 2]),
    ({"deep": [{"y": 1.0, "x": -0.0}]}, {"deep": [{"x": 0, "y": 1}]}),
])  # fmt: skip
def test_equal_values_have_one_canonical_form(one, other):
    assert spec.canonical(one) == spec.canonical(other)


@pytest.mark.parametrize("one, other", [
    (1, True), (0, False), (0, None), (1, "1"), (1, [1]), ([1, 2], [2, 1]), (0.1, 0.1 + 1e-16),
    (math.inf, -math.inf), ({"a": None}, {}),
])  # fmt: skip
def test_different_values_have_different_canonical_forms(one, other):
    assert spec.canonical(one) != spec.canonical(other)


def test_canonical_form_is_json_that_gives_the_value_back():
    value = {"tau": math.inf, "alpha": [0.1, 2.0, 1e-300], "title": "é", "none": None, "flag": True}
    assert json.loads(spec.canonical(value)) == {**value, "tau": "inf"}


@pytest.mark.parametrize("value", [math.nan, [1.0, math.nan], {"a": {"b": math.nan}}])
def test_nan_is_refused(value):
    with pytest.raises(ValueError, match="nan: a spec needs numbers that equal themselves"):
        spec.canonical(value)


@pytest.mark.parametrize("value", [{1, 2}, b"text", object(), 1j])
def test_what_json_cannot_hold_is_refused_by_its_type(value):
    with pytest.raises(ValueError, match=type(value).__name__):
        spec.canonical(value)


def test_cell_name_does_not_depend_on_how_values_are_spelled():
    assert spec.cell_name({"alpha": 2, "tau": 4.0}) == spec.cell_name({"alpha": 2.0, "tau": 4})


def test_cells_of_different_values_have_different_names():
    cells = [
        {"alpha": 2, "tau": 4},
        {"alpha": 4, "tau": 2},
        {"alpha": 2},
        {"alpha": 2, "tau": math.inf},
        {},
        {"model": "a/b"},
        {"model": "a b"},
    ]
    assert len({spec.cell_name(cell) for cell in cells}) == len(cells)


@pytest.mark.parametrize("cell", [{}, {"model": "../x y"}, {"tau": math.inf}, {"alpha": [1, 2]}, {"sigma": 1e-30}])
def test_cell_name_is_one_plain_file_name_that_ends_in_the_identity(cell):
    name = spec.cell_name(cell)
    assert Path(name).name == name and set(name).isdisjoint(" '[],:*")
    assert name.endswith("-" + spec.identity(cell))


CODE = """
def f(x):
    y = x + 1  # one more
    return [y, "text"]
"""


@pytest.fixture
def code_digest(tmp_path):
    def of(text):
        path = tmp_path / "module.py"
        path.write_text(text, encoding="utf-8")
        return spec.code_digest(path)

    return of


@pytest.mark.parametrize("same", [
    '"""A module."""\n' + CODE,
    CODE.replace("  # one more", "  # another comment"),
    CODE.replace("    y =", '    """A function."""\n\n    y ='),
    CODE.replace('[y, "text"]', "[\n        y,\n        'text',\n    ]"),
    CODE.replace("x + 1", "(x+1)"),
])  # fmt: skip
def test_comments_docstrings_and_layout_do_not_change_a_digest(code_digest, same):
    assert same != CODE and code_digest(same) == code_digest(CODE)


def test_a_docstring_in_an_empty_file_does_not_change_its_digest(code_digest):
    assert code_digest("") == code_digest('"""A package."""\n')


@pytest.mark.parametrize("other", [
    CODE.replace("+ 1", "+ 1.0"),
    CODE.replace("+ 1", "- 1"),
    CODE.replace('"text"', '"Text"'),
    CODE.replace("f(x)", "f(x, y=0)"),
    CODE.replace("[y,", "(y,").replace("]", ")"),
    CODE.replace("return", "yield"),
    CODE.replace("\ndef", "\n@cache\ndef"),
    CODE.replace("return", '"no docstring"\n    return').replace('"text"', "__doc__"),
    CODE + "print()\n",
    "import os\n" + CODE,
])  # fmt: skip
def test_a_change_of_code_changes_the_digest(code_digest, other):
    assert code_digest(other) != code_digest(CODE)


@pytest.fixture
def closure(tmp_path):
    def of(text):
        path = tmp_path / "some_script.py"
        path.write_text(text, encoding="utf-8")
        return set(spec.code_digests(path))

    return of


@pytest.mark.parametrize("statement", [
    "import cotdepth.streams",
    "import os, cotdepth.streams as named",
    "from cotdepth import streams",
    "from cotdepth.streams import stream as named",
    "def main():\n    if False:\n        from cotdepth.streams import stream",
    "try:\n    import nothing\nexcept ImportError:\n    from cotdepth.streams import *",
])  # fmt: skip
def test_every_form_of_import_is_followed(closure, statement):
    alone = closure("")
    assert alone == {"script.some_script"}
    assert {"script.some_script", "cotdepth", "cotdepth.streams"} <= closure(statement)


def test_imports_of_imports_and_parent_packages_are_followed(closure):
    assert {"cotdepth.theory", "cotdepth.theory.asymptotic", "cotdepth.theory.row_filter"} <= closure(
        "import cotdepth.theory.summary"
    )


def test_other_packages_are_not_part_of_the_code(closure):
    assert closure("import json, numpy as np\nfrom xarray import Dataset\nimport cotdepth_of_another_kind") == {
        "script.some_script"
    }


@pytest.mark.parametrize("statement, line", [("from . import spec", 1), ("\n\ndef f():\n    from .spec import digest", 4)])
def test_relative_imports_are_refused_with_their_line(closure, statement, line):
    with pytest.raises(ValueError, match=rf"some_script\.py, line {line}: relative import"):
        closure(statement)


def test_a_syntax_error_is_named_with_file_and_line(closure):
    with pytest.raises(ValueError, match=r"some_script\.py: no digest of this code .*line 2"):
        closure("x = 1\ny = = 2\n")


def test_an_import_of_a_project_module_that_is_not_there_is_named(closure):
    with pytest.raises(ValueError, match=r"no_such_module\.py: no digest"):
        closure("import cotdepth.no_such_module")


EVERY_MODULE_LOADED = """
import json, runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print(json.dumps([name for name in sys.modules if name.split(".")[0] == "cotdepth"]))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """For each script the project modules that a real job of it has loaded at its end."""
    plan = Plan(check_config(_tiny_config(tmp_path_factory.mktemp("results")), _yaml("schemas/config.schema.yaml")),
                _yaml("stages.yaml"), CHECKOUT / "scripts")  # fmt: skip
    plan.write()
    return {script.stem: _run(script, *arguments) for script, *arguments in _jobs(plan)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_job_loads_no_module_that_its_stamp_does_not_describe(loaded, script):
    assert loaded[script.stem] <= spec.code_digests(script).keys()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_stamp_describes_no_module_that_its_job_does_not_load(loaded, script):
    assert spec.code_digests(script).keys() - loaded[script.stem] == {f"script.{script.stem}"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_importing_a_script_loads_nothing_that_its_stamp_describes_beyond_the_job(script):
    """The stamp is read before the code that it describes is loaded."""
    code = f"import runpy, sys; runpy.run_path({str(script)!r}); print(*(name for name in sys.modules if 'cotdepth' in name))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in found if not name.startswith("__editable__")} == {
        "cotdepth",
        "cotdepth.job",
        "cotdepth.spec",
        "cotdepth.stamps",
    }
    assert callable(runpy.run_path(str(script))["main"])


def _yaml(name):
    return yaml.safe_load((CHECKOUT / "workflow" / name).read_text(encoding="utf-8"))


def _tiny_config(results):
    config = yaml.safe_load((CHECKOUT / "tests/data/tiny.yaml").read_text(encoding="utf-8"))
    return config | {"results": str(results)}


def _jobs(plan):
    """Script, outputs and inputs of every job of a plan, in an order in which they can run."""
    for experiment, stages in plan.experiments.items():
        for name, stage in stages.items():
            for cell in stage.cells:
                inputs = {source: plan.upstream(experiment, name, cell, source) for source in stage.inputs}
                inputs |= {"data": plan.claim_inputs(name)} if experiment == CLAIMS else {}
                inputs |= {"data": plan.agreement_inputs()} if experiment == AGREEMENT else {}
                yield stage.script, [plan.artifact(experiment, name, cell)], inputs
    for name, figure in plan.figures.items():
        inputs = {role: plan.figure_inputs(name, role) for role in figure["inputs"]}
        outputs = [str(plan.results / "figures" / f"{name}.{kind}") for kind in ("png", "pdf")]
        yield CHECKOUT / "scripts" / f"figure_{figure['draw']}.py", outputs, inputs
    yield CHECKOUT / "scripts" / "collect_claims.py", [str(plan.ledger)], {"data": plan.judged()}
    figures = [str(plan.results / "figures" / f"{name}.png") for name in plan.figures]
    shown = {"figures": figures, "ledger": [str(plan.ledger)], "agreement": plan.agreement()}
    yield CHECKOUT / "scripts" / "report.py", [str(plan.report)], shown | {"captions": [CHECKOUT / "workflow" / "report"]}


def _run(script, outputs, inputs):
    stamp = Path(outputs[0]).with_suffix(".json")
    given = [word for name, paths in inputs.items() for word in (f"--{name}", *paths)]
    command = [sys.executable, "-c", EVERY_MODULE_LOADED, script, "--stamp", stamp, *given, "--out", *outputs]
    job = subprocess.run(command, capture_output=True, text=True)
    assert job.returncode == 0, job.stderr
    return set(json.loads(job.stdout.splitlines()[-1]))
