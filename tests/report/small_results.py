"""A small results folder with made-up numbers, text that a page must escape, and claims with every verdict."""

import json
from pathlib import Path

import numpy as np
import xarray as xr
import yaml
from matplotlib.figure import Figure

from cotdepth.claims.claim import Check, Ledger, Outcome
from cotdepth.claims.judging import collect, judge_paper
from cotdepth.figures.saving import save_figure
from cotdepth.store import open_artifact, write_artifact

CHECKOUT = Path(__file__).resolve().parents[2]
STAGES = yaml.safe_load((CHECKOUT / "workflow/stages.yaml").read_text(encoding="utf-8"))
COVARIANCES = {"weak": {"exponent": 1, "trace": 2}, "strong": {"exponent": 1, "trace": 8}}
EXPERIMENTS = {
    "step-size": {"title": "Steps & sizes", "theory": "descent", "cell_axes": ["covariance"], "dim": 4, "covariances": COVARIANCES,
                  "covariance": ["weak", "strong"], "n_context": 10, "steps": 5},
    "damping-map": {"title": "Damping", "theory": "damping", "cell_axes": [], "alpha": 2, "sigma": 0.3, "tau": [1.5, 2],
                    "step_size": [round(0.05 * i, 2) for i in range(1, 21)]},
}  # fmt: skip
FIGURES = {
    "step-size": {"title": "Step <sizes>", "draw": "descent", "paper": "training-data", "number": "Theorem 3.1",
                  "alt": "Two curves, one of which grows.", "inputs": {"theory": "step-size/theory"}},
    "step-size-again": {"title": "Steps once more", "draw": "descent", "inputs": {"theory": "step-size/theory"}},
}  # fmt: skip
STATEMENTS = {"Theorem 10": "", "Lemma 2": "a step of a proof", "Theorem 9": ""}


def found(outcome):
    """A check that reads nothing and finds this."""
    return lambda: outcome


def made_up_claims(paper):
    """Claims with every verdict that numbers can give and every standing, and with text that a page must escape."""
    ledger = Ledger(paper)
    outcomes = {
        "small": Outcome(Check("gap", 1e-13, 1e-9)),
        "corrected": Outcome(Check("ratio <of> both", 7.5, 1), Check("ratio & more", 0.25, 1)),
        "wrong": Outcome(Check("gap", np.inf, 1)),
        "undecided": Outcome(Check("gap", np.nan, 1), Check("gap", np.nan, 1)),
    }
    for index, (name, outcome) in enumerate(outcomes.items()):
        words = {"kind": ("exact", "numerical", "statistical")[index % 3], "erratum": "Read < for >." if name == "corrected" else "",
                 "standing": {"wrong": "reading", "undecided": "open"}.get(name, "stated")}  # fmt: skip
        ledger.claim(("Theorem 10", "Theorem 9")[index % 2], name, sentence=f"The {name} error is <b>below</b> tau & alpha.",
                     form=f"|a - b| < c for {name}", **words)(found(outcome))  # fmt: skip
    ledger.claim("Theorem 9", "missing", sentence="Layers do so too.", form="as above", kind="statistical")(lambda layers: None)
    return ledger.claims


def agreement():
    """A table of agreement, its columns not in the order in which they are shown."""
    rows = {"largest": ([2.5, np.nan, 11.0], "largest standardised difference"), "points": ([3, 20, 100], "points"),
            "experiment": (["a", "c", "b"], "experiment")}  # fmt: skip
    variables = {name: ("agreement", values, {"long_name": about, "units": "1"}) for name, (values, about) in rows.items()}
    return xr.Dataset(variables, attrs={"title": "Agreement of all"})


def reading_order(ledger):
    """Positions of the claims in the order of the papers' statements."""
    labels = [f"{paper}: {number}" for paper, number in zip(ledger.paper.values, ledger.number.values)]
    return sorted(range(len(labels)), key=lambda index: ledger.statement.values.tolist().index(labels[index]))


def make_results(plan, results):
    """Write every artifact and figure of a plan; returns the ledger."""
    for path in map(Path, plan.all_artifacts()):
        if path.parents[1].name != "claims":
            _write(xr.Dataset({"x": ((), 1.0, {"long_name": "x", "units": "1"})}, attrs={"title": "t", "source": "s"}), path)
        log = results / "logs" / path.relative_to(results).with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"a line\n{path}: 12.5 s on secret-host, 2026-01-01 00:00:00+0000\n")
    papers = []
    for paper in plan.claims:
        [path] = map(Path, plan.artifacts("claims", paper))
        judged = judge_paper(paper, made_up_claims(paper), STATEMENTS, [], reads={}, missing={"layers": "nothing/compare"})
        _write(judged, path)
        papers.append(open_artifact(path))
    _write(collect(papers), plan.ledger)
    for name in plan.figures:
        _draw(results / "figures" / f"{name}.png")
    return open_artifact(plan.ledger)


def read_stamp_of(product):
    return json.loads(product.with_suffix(".json").read_text(encoding="utf-8"))


def _write(dataset, path):
    write_artifact(dataset, path, stamp_text=path.with_suffix(".json").read_text(encoding="utf-8"), check=lambda: None, inputs={})


def _draw(path):
    figure = Figure(figsize=(9, 3))
    figure.subplots().plot([1, 2, 4])
    save_figure(figure, [path, path.with_suffix(".pdf")], stamp_text=path.with_suffix(".json").read_text(), inputs={}, check=lambda: None)
