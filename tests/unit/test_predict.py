"""The command ``cotdepth predict`` against the library."""

import subprocess
import sys

import pytest
from matplotlib import image

from cotdepth.cli import main
from cotdepth.design import best_depth, smallest_task_ratio
from cotdepth.theory import asymptotic


@pytest.fixture
def predict(capsys):
    """Run it: its exit code, its labelled lines as a dictionary, the rows of its table and its error lines."""

    def run(*arguments):
        code = main(["predict", *map(str, arguments)])
        said = capsys.readouterr()
        head, _, table = said.out.partition("\n\n")
        lines = dict(line.split(":", 1) for line in head.splitlines())
        rows = [[float(value) for value in row.split()] for row in table.splitlines()[2:]]
        return code, {name: text.strip() for name, text in lines.items()}, rows, said.err.splitlines()

    return run


@pytest.mark.parametrize("point", [(2, 4, 0.1), (3, 1.5, 0.01), (0.5, 8, 0.1), (3, 1.6, 2), (1, 30, 0.3)], ids=str)
@pytest.mark.parametrize("step_size", [1.0, 0.8])
def test_the_report_says_what_the_library_says(predict, point, step_size):
    given = [text for pair in zip(("--alpha", "--tau", "--sigma"), point) for text in pair]
    code, lines, rows, errors = predict(*given, "--depth", 60, "--step-size", step_size)
    assert code == 0 and not errors
    phase, rate = (getattr(asymptotic, name)(*point, step_size=step_size).item() for name in ("phase", "growth_rate"))
    critical = asymptotic.critical_task_ratio(point[0], point[2], step_size=step_size).item()
    assert lines["phase"].startswith(f"{phase}: ") and lines["growth rate"].startswith(f"{rate:.6g} a step")
    assert lines["boundary"].startswith(f"tau_c = {critical:.6g} (")
    assert lines["boundary"].endswith(f"tau = {point[1]} is {'below' if phase == 'overthinking' else 'above'} it")
    assert ("drift, tau_+" in lines["boundary"]) == (critical == asymptotic.drift_boundary(point[0], point[2]).item())
    assert ("error floor" in lines) == (phase == "saturation")
    best = best_depth(*point, max_depth=60, step_size=step_size)
    falling = " (still falling)" if best.optimal_depth == 60 else ""
    assert lines["best depth"] == f"{best.optimal_depth.item()} of 60{falling}, error {best.optimal_error.item():.6g}"
    curve = asymptotic.error_curve(*point, depth=60, step_size=step_size)
    assert len(rows) == 11 and rows[-1][0] == 60
    for k, error in rows:
        assert error == pytest.approx(curve.sel(k=k).item(), rel=1e-5)


def test_ridge_and_test_noise(predict):
    _, lines, rows, _ = predict("--alpha", 2, "--tau", 0.6, "--sigma", 0.1, "--ridge", 0.2, "--test-noise", 0.3, "--depth", 5)
    assert lines["phase"].startswith("saturation: ") and "test noise" in lines and "error floor" not in lines
    curve = asymptotic.error_curve(2.0, 0.6, 0.1, ridge=0.2, test_noise=0.3, depth=5)
    assert [row[1] for row in rows] == pytest.approx(curve.values.tolist(), rel=1e-5)


def test_below_the_boundary_thinking_can_cease_to_hurt_again_with_ridge(predict):
    _, few, _, _ = predict("--alpha", 2, "--tau", 0.6, "--sigma", 0.1, "--ridge", 0.2)
    _, more, _, _ = predict("--alpha", 2, "--tau", 1.2, "--sigma", 0.1, "--ridge", 0.2)
    assert "ceases to hurt" in few["boundary"] and "below it" in more["boundary"] and "ceases" not in more["boundary"]


def test_depths_beyond_those_of_datasets(predict):
    _, lines, rows, _ = predict("--alpha", 3, "--tau", 1.5, "--sigma", 0.01, "--depth", 2500)
    assert lines["best depth"].startswith("5 of 2500, ") and rows[-1][0] == 2500


def test_targets(predict):
    _, lines, _, _ = predict("--alpha", 2, "--tau", 4, "--sigma", 0.1, "--target", 0.01)
    curve = asymptotic.error_curve(2.0, 4.0, 0.1, depth=60)
    first = int(lines["error 0.01"].removeprefix("first reached at depth "))
    assert curve.sel(k=first) <= 0.01 < curve.sel(k=first - 1)
    assert lines["smallest tau"].startswith(f"{smallest_task_ratio(2.0, 0.1, target=0.01, max_depth=60).item():.6g} ")
    _, lines, _, _ = predict("--alpha", 0.5, "--tau", 4, "--sigma", 0.1, "--target", 0.01)
    assert lines["error 0.01"] == "not reached up to depth 60" and lines["smallest tau"].startswith("none")


@pytest.mark.parametrize("line, arguments", [
    ("tau = 0.8: the ridgeless curve needs more tasks than dimensions (tau > 1)", ["--alpha", 2, "--tau", 0.8]),
    ("alpha = -1.0: the context ratio must be positive", ["--alpha", -1, "--tau", 4]),
    ("alpha = 'two': must be a number", ["--alpha", "two", "--tau", 4]),
    ("depth = '1e2': must be an integer", ["--alpha", 2, "--tau", 4, "--depth", "1e2"]),
    ("depth = -1: a depth is an integer from 0 to ", ["--alpha", 2, "--tau", 4, "--depth", -1]),
    ("target = 2.0: the target is an error", ["--alpha", 2, "--tau", 4, "--ridge", 1, "--depth", 3, "--target", 2]),
    ("plot = nowhere/p.png: the folder nowhere does not exist", ["--alpha", 2, "--tau", 4, "--plot", "nowhere/p.png"]),
    ("plot = p.txt: must end in .png or .pdf", ["--alpha", 2, "--tau", 4, "--plot", "p.txt"]),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_cannot_be_used_is_named_in_one_line(predict, tmp_path, monkeypatch, line, arguments):
    monkeypatch.chdir(tmp_path)
    code, lines, _, errors = predict(*arguments)
    assert code == 2 and not lines and len(errors) == 1
    assert errors[0].startswith(f"cotdepth: {line}") and not list(tmp_path.iterdir())


def test_plots_are_written_and_show_the_curve(predict, tmp_path):
    for name in ("a.png", "b.png", "c.pdf"):
        tau = 4 if name == "a.png" else 1.5
        assert predict("--alpha", 3, "--tau", tau, "--depth", 40, "--plot", tmp_path / name)[0] == 0
    one, other = (image.imread(tmp_path / name) for name in ("a.png", "b.png"))
    assert one[..., :3].std() > 0.05 and abs(one - other).max() > 0.5
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("extension", [("--ridge", 0.1), ("--test-noise", 0.2), ("--step-size", 0.8)], ids=lambda given: given[0])
def test_extensions_are_plotted_too(predict, tmp_path, extension):
    assert predict("--alpha", 2, "--tau", 4, *extension, "--depth", 5, "--plot", tmp_path / "a.png")[0] == 0
    assert (tmp_path / "a.png").exists()


def test_an_answer_without_a_plot_draws_nothing_and_trains_nothing():
    """Start-up counts: what takes long to import must not be imported."""
    program = "import sys; from cotdepth.cli import main; main('predict --alpha 2 --tau 4'.split())\n"
    slow = {"matplotlib", "torch", "cvxpy", "snakemake", "scipy.optimize", "scipy.sparse"}
    program += f"print(*({slow} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "" and "best depth" in done.stdout
