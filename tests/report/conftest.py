"""The report of a small results folder, and a browser to open it in."""

import os
import shutil
from types import SimpleNamespace

import pytest
from small_results import CHECKOUT, EXPERIMENTS, FIGURES, STAGES, agreement, make_results, read_stamp_of

from cotdepth.plan import Plan
from cotdepth.report.page import build_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> SimpleNamespace:
    """``page``, the path of the report, the ``ledger`` behind it, the ``plan``, and ``build``, which makes the text again."""
    results = tmp_path_factory.mktemp("report") / "results"
    papers = {name: {"inputs": {role: f"nothing/{stage}" for role, stage in STAGES["claims"][name]["inputs"].items()}}
              for name in ("training-data", "asymptotic")}  # fmt: skip
    plan = Plan({"results": str(results), "experiments": EXPERIMENTS, "figures": FIGURES, "claims": papers}, STAGES, CHECKOUT / "scripts")
    plan.write()
    ledger = make_results(plan, results)

    def build():
        return build_page(read_stamp_of(plan.report)["spec"], results, CHECKOUT / "workflow/report", agreement=[agreement()],
                          figures=[results / "figures" / f"{name}.png" for name in FIGURES], ledger=[(plan.ledger, ledger)])  # fmt: skip

    plan.report.write_text(build(), encoding="utf-8")
    return SimpleNamespace(page=plan.report, ledger=ledger, plan=plan, build=build, results=results)


@pytest.fixture(scope="session")
def chromium():
    """An installed Chromium, started once; tests that need it are skipped where there is none."""
    reason = "needs playwright (pip install playwright) and Chromium or Chrome"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"{reason}; looked for {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, report):
    """Open the report: a function of the settings of a browser context. No request may leave, and nothing may complain."""
    contexts, complaints = [], []

    def open_page(**settings):
        context = chromium.new_context(**{"viewport": {"width": 1400, "height": 900}, **settings})
        contexts.append(context)
        context.set_default_timeout(0)   # a slow machine is not a fault of the page
        context.route(lambda url: not url.startswith("file:"), lambda route: (complaints.append(route.request.url), route.abort()))
        page = context.new_page()
        page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(report.page.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
