"""The benchmark of the engine runs, and refuses to print times of something wrong."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "benchmarks" / "engine.py"


def test_the_benchmark_of_the_engine_runs():
    done = subprocess.run([sys.executable, ENGINE, "--quick"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row[0]: row[1:] for row in map(str.split, done.stdout.splitlines()) if row}
    assert rows["10"][3:5] == ["0.635614"] * 2  # of both
    assert float(rows["60"][1]) > 11 and rows["5"][:2] == ["x", "5"]


def test_a_wrong_engine_is_not_timed():
    largest_difference = runpy.run_path(str(ENGINE))["largest_difference"]
    assert largest_difference([1.0, 2.0], [1.0, 2.0 + 1e-11]) > 0
    for wrong in (2.0 + 1e-9, float("nan")):
        with pytest.raises(ArithmeticError, match="differ by a relative"):
            largest_difference([1.0, 2.0], [1.0, wrong])
