"""The report as a part of the workflow: made when asked for, from what is there, and again when that changed."""

import re

import pytest


def scripts(checkout):
    """Which scripts ``snakemake report`` would run."""
    done = checkout.snakemake("-n", "-p", "report")
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(set(re.findall(r"python scripts/(\w+)\.py", done.stdout + done.stderr)))


@pytest.fixture
def reported(checkout):
    """A finished run with its report."""
    assert scripts(checkout) == ["report"] and checkout.rules(judging=True) == {}   # a bare run does not make it
    checkout.run("report", "--cores", "1")
    return checkout


def test_the_report_holds_every_figure_and_claim_and_is_made_again_when_something_in_it_changed(reported):
    from cotdepth.store import open_artifact

    page = (reported.results / "report.html").read_text(encoding="utf-8")
    plan, ledger = reported.plan(), open_artifact(reported.results / "claims.nc")
    assert page.count("data:image/png;base64,") == len(plan.figures) and page.count('id="claim-') == ledger.sizes["claim"]
    assert all(f'id="figure-{name}"' in page for name in plan.figures) and all(f"<h3>{name}</h3>" in page for name in plan._blocks)
    assert scripts(reported) == []
    reported.append("workflow/report/scaling.rst", "\nAnother sentence.\n")
    assert scripts(reported) == ["report"]
    reported.append("pkg/cotdepth/report/page.css", "p { color: red; }\n")
    reported.run("report", "--cores", "1")
    remade = (reported.results / "report.html").read_text(encoding="utf-8")
    for added in ("p { color: red; }\n", "<p>Another sentence.</p>\n"):
        assert added in remade
        remade = remade.replace(added, "")
    assert remade == page   # the same but for these, to the byte
    reported.configure("figures.step-size", "title: Step sizes", "title: Step sizes\n    alt: Two curves of which one grows without bound.")
    assert scripts(reported) == ["report"] and reported.rules(judging=True) == {}
    reported.configure("figures.step-size", "title: Step sizes", "title: Sizes of steps")
    assert scripts(reported) == ["figure_descent", "report"]


def test_a_caption_that_changes_while_the_job_runs_is_seen(checkout):
    checkout.dry_run()   # stamps
    checkout.append("workflow/report/scaling.rst", "\nAnother sentence.\n")
    figures = [str(path.relative_to(checkout.folder)) for path in checkout.results.glob("figures/*.png")]
    done = checkout.python("scripts/report.py", "--stamp", "results/report.json", "--figures", *figures, "--ledger", "results/claims.nc",
                           "--agreement", "--captions", "workflow/report", "--out", "results/report.html")  # fmt: skip
    assert done.returncode == 2 and "scaling.rst: not as it was when the stamp was written" in done.stderr
    assert not (checkout.results / "report.html").exists()
