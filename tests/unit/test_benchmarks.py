"""The benchmarks run, and refuse to print times of something wrong."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ENGINE, ATTENTION, GPT2, SCALE = (BENCHMARKS / f"{name}.py" for name in ("engine", "attention", "gpt2", "scale"))


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


def test_the_benchmark_of_attention_runs():
    done = subprocess.run([sys.executable, ATTENTION, "--quick"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [row for row in map(str.split, done.stdout.splitlines()) if row]
    rows = {row[0]: row[1:] for row in lines[:-2]}
    for (name, layers), line in zip([("linear", 2400), ("softmax", 1125)], lines[-2:]):
        assert line[:3] == [name, str(layers), "5000"]
        assert float(line[5]) == pytest.approx(layers * 5000 * float(line[3]) / 3.6e6, rel=0.02)   # of one speed, here
    for name, sizes in {"linear": ["40", "20"], "softmax": ["40", "20"], "64": ["20", "3"]}.items():
        literal, fast, ratio, difference = map(float, rows[name][2:])
        assert rows[name][:2] == sizes and ratio == pytest.approx(literal / fast, rel=0.02) and 0 <= difference < 1e-10


def test_a_wrong_attention_is_not_timed():
    largest_difference = runpy.run_path(str(ATTENTION))["largest_difference"]
    assert largest_difference([1.0, 2.0], [1.0, 2.0 + 1e-11]) > 0
    for wrong in (2.0 + 1e-9, float("nan")):
        with pytest.raises(ArithmeticError, match="differ by a relative"):
            largest_difference([1.0, 2.0], [1.0, wrong])


def test_the_benchmark_of_gpt2_runs_and_counts_the_models_of_the_paper_scale():
    done = subprocess.run([sys.executable, GPT2, "--quick", "--repeats", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, _, _, *rows = [line for line in done.stdout.splitlines() if line]
    assert 0 <= float(said.split()[-1]) < 1e-10
    counted = [(name, *map(int, (length, steps, models))) for name, length, _, steps, models, _ in map(str.split, rows)]
    assert counted == [("gpt2-depth", 40, 20000, 20),
                       *(("gpt2-covariate-shift", length, 500000, 4) for length in (40, 70, 100)), ("gpt2-prompt-shift", 40, 500000, 1)]
    for _, _, seconds, steps, models, hours in map(str.split, rows):
        assert float(hours) == pytest.approx(float(seconds) * int(steps) * int(models) / 3600, rel=0.02)


def test_wrong_thought_is_not_timed():
    largest_difference = runpy.run_path(str(GPT2))["largest_difference"]
    assert largest_difference([1.0, 2.0], [1.0, 2.0 + 1e-11]) > 0
    for wrong in (2.0 + 1e-9, float("nan")):
        with pytest.raises(ArithmeticError, match="differ by a relative"):
            largest_difference([1.0, 2.0], [1.0, wrong])


def test_the_benchmark_of_scale_runs_and_counts_its_jobs():
    done = subprocess.run([sys.executable, SCALE, "--jobs", "40", "--sample", "2"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[2:-1]]
    assert [int(row[0]) for row in rows] == [40, 40, 40, 40, 40, 40, 2, 1, 1, 40]
    assert all(float(cell) > 0 for row in rows for cell in row[-3:])


def test_a_job_that_fails_is_not_timed(tmp_path):
    measure = runpy.run_path(str(SCALE))["measure"]
    with pytest.raises(RuntimeError, match="exit code 3\nwhy"):
        measure(tmp_path, "-c", "print('why'); raise SystemExit(3)")


@pytest.mark.parametrize("given", [["--jobs", "45"], ["--jobs", "30"], ["--sample", "0"], ["--jobs", "40", "--sample", "41"]])
def test_sizes_that_the_benchmark_of_scale_cannot_take_are_refused_in_a_line(given):
    done = subprocess.run([sys.executable, SCALE, *given], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.splitlines()[-1].startswith("scale.py: error: --")
