"""The report as text: what is in the ledger is in the table, what changes it reruns it, and nothing else does."""

import html.parser
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from small_results import CHECKOUT, EXPERIMENTS, FIGURES, STAGES, reading_order

from cotdepth import spec
from cotdepth.config import ConfigError, check_config
from cotdepth.plan import Plan
from cotdepth.report.captions import caption_html
from cotdepth.report.figure_groups import grouped
from cotdepth.report.labelled_table import labelled_table
from cotdepth.report.numbers import duration, plain, short
from cotdepth.report.parts import read_part
from cotdepth.report.pictures import picture
from cotdepth.report.run_times import stage_times
from cotdepth.stamps import ArtifactError, StampError

SHOWN = ("standing", "number", "sentence", "form", "kind", "erratum", "verdict", "needs", "name", "measure", "value", "limit",
         "corrected_measure", "corrected_value", "corrected_limit")  # fmt: skip
CLASSES = {"statement": "number"} | {name: name for name in ("sentence", "form", "kind", "erratum", "needs", "name")}


class LedgerTable(html.parser.HTMLParser):
    """Rows of the ledger's table, as a reader of the page gets them: a mapping from what is shown to its text or number."""

    def __init__(self, text):
        super().__init__()
        self.rows, self._inside, self._open, self._check = [], False, [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "tr" and "data-verdict" in given:
            self.rows.append({"id": given["id"], "paper": given["data-paper"], "verdict": given["data-verdict"],
                              "standing": given["data-standing"]})  # fmt: skip
            self._inside = True
        if "check" in given.get("class", "").split():
            self._check = "corrected_" if "corrected" in given["class"] else ""
            self.rows[-1] |= {f"{self._check}{name}": float(given[f"data-{name}"]) for name in ("value", "limit")}
        if tag not in ("meta", "link", "img", "input", "br"):
            self._open.append(given.get("class", ""))

    def handle_endtag(self, tag):
        self._open.pop()
        self._inside = self._inside and tag != "tr"

    def handle_data(self, text):
        here = self._open[-1] if self._open else ""
        name = f"{self._check}measure" if here == "measure" else CLASSES.get(here)
        if self._inside and name:
            self.rows[-1][name] = self.rows[-1].get(name, "") + text


def same(one, other):
    return one == other or (isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other))


def test_the_table_says_what_the_ledger_says(report):
    rows = LedgerTable(report.page.read_text(encoding="utf-8")).rows
    ledger = report.ledger
    assert len(rows) == ledger.sizes["claim"] == 10 and set(ledger.verdict.values) == {"holds", "holds as corrected", "fails", "not run"}
    assert [row["id"] for row in rows] == [f"claim-{index}" for index in reading_order(ledger)]
    for row in rows:
        claim = ledger.isel(claim=int(row["id"].removeprefix("claim-")))
        empty = {name: math.nan if name.endswith(("value", "limit")) else "" for name in SHOWN}
        told = empty | row
        assert {name: told[name] for name in (*SHOWN, "paper") if not same(told[name], claim[name].item())} == {}


def test_what_papers_do_not_state_is_said_and_counted_apart(report):
    text = report.page.read_text(encoding="utf-8")
    summary = text[text.index('id="summary"') : text.index('id="figures"')]
    rows = re.findall(r'<tr role="row" class="(\w+)" data-paper="([\w-]+)">(.*?)</tr>', summary)
    counts = {(paper, standing): list(map(int, re.findall(r">(\d+)</td>", row))) for standing, paper, row in rows}
    expected = {"stated": [1, 1, 0, 1], "reading": [0, 0, 1, 0], "open": [0, 0, 1, 0]}   # holds, as corrected, fails, not run
    assert counts == {(paper, standing): found for paper in ("training-data", "asymptotic") for standing, found in expected.items()}
    assert "6 claims that 2 papers state" in summary
    said = re.findall(r'<dd class="standing">(.*?)</dd>', text)
    assert {words: said.count(words) for words in set(said)} == {"the paper states it": 6, "a reading of the paper": 2,
                                                                  "the paper leaves it open": 2}  # fmt: skip


def test_statements_are_sorted_by_their_place_in_the_list_of_the_paper(report):
    keys = re.findall(r'<tr role="row" id="claim-(\d+)".*?\n<th scope="row" role="rowheader" data-key="(\d+)">', report.page.read_text())
    labels = [f"{paper}: {number}" for paper, number in zip(report.ledger.paper.values, report.ledger.number.values)]
    places = report.ledger.statement.values.tolist()
    assert len(keys) == 10 and all(places.index(labels[int(index)]) == int(key) for index, key in keys)


def test_experiments_figures_and_papers_come_in_the_order_of_the_configuration(report, tmp_path):
    names = re.findall(r'<summary><h3>([\w-]+)</h3> <span class="aside">(?:Steps|Damping)', report.page.read_text())
    assert names == list(EXPERIMENTS) == ["step-size", "damping-map"]
    before, after = stamped(tmp_path), stamped(tmp_path, experiments=dict(reversed(EXPERIMENTS.items())))
    assert {name for name in before if before[name] != after[name]} == {"report.json"}


def test_every_statement_is_listed_with_its_claims_or_the_reason(report):
    text = report.page.read_text(encoding="utf-8")
    listed = text[text.index('id="statements"') : text.index('id="agreement"')]
    assert listed.count("a step of a proof") == 2
    assert re.findall(r'<th scope="row">(.*?)</th>', listed) == ["Theorem 10", "Lemma 2", "Theorem 9"] * 2
    claims = {int(index): name for index, name in re.findall(r'<a href="#claim-(\d+)">(.*?)</a>', listed)}
    assert claims == {index: name for index, name in enumerate(report.ledger.name.values)}


def test_the_same_inputs_give_the_same_bytes(report):
    assert report.build().encode() == report.page.read_bytes()


def test_text_of_the_ledger_and_of_the_configuration_is_escaped(report):
    text = report.page.read_text(encoding="utf-8")
    assert "<b>below</b>" not in text and "&lt;b&gt;below" in text and "Step &lt;sizes&gt;" in text and "Steps &amp; sizes" in text


def test_the_page_says_nothing_of_the_machine_and_refers_to_nothing_outside(report):
    text = report.page.read_text(encoding="utf-8")
    assert "secret-host" not in text and str(report.results) not in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text) and "http" not in re.sub("http-equiv", "", text) and "@import" not in text


def test_run_times_come_from_logs_and_rather_from_benchmark_files(tmp_path):
    logs = tmp_path / "logs" / "e" / "train"
    logs.mkdir(parents=True)
    (logs / "a.log").write_text("x.nc: 3.5 s on h, now\nx.nc: 4.5 s on h, later\n")
    (logs / "b.log").write_text("killed")
    assert stage_times(tmp_path, "e", "train", ["a", "b", "c"]) == (1, 4.5, 4.5)
    benchmark = tmp_path / "benchmarks" / "e" / "train" / "b.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\th:m:s\n7.25\t0:00:07\n")
    assert stage_times(tmp_path, "e", "train", ["a", "b", "c"]) == (2, 11.75, 7.25)
    assert stage_times(tmp_path, "e", "train", ["b"]) == (1, 7.25, 7.25)   # a is no cell of the configuration any more
    assert stage_times(tmp_path, "e", "nothing", ["a"]) is None


def test_numbers_read_well():
    numbers = {0.012345: "0.01235", -2: "−2", 1.5e-13: "1.5\xa0×\xa010⁻¹³", 3e20: "3\xa0×\xa010²⁰", math.nan: "–", math.inf: "∞"}
    assert {value: short(value) for value in numbers} == numbers
    assert [duration(seconds) for seconds in (1.25, 600, 7200)] == ["1.2 s", "10 min", "2.0 h"]
    assert plain({"a": [1, 2]}) == "a 1, 2" and plain(list(range(30))) == "30 values from 0 to 29"


def test_figures_come_by_paper_and_number_those_beyond_the_papers_last():
    numbers = {"d": "Theorem 4.1", "c": "Figure 10", "b": "Figures 2a and 2b", "a": "Figure 1"}
    figures = {name: {"paper": "asymptotic", "number": number} for name, number in numbers.items()}
    figures = {"own": {}, **figures, "t": {"paper": "training-data"}}
    assert grouped(figures) == {"training-data": ["t"], "asymptotic": ["a", "b", "c", "d"], "beyond": ["own"]}


def test_a_table_has_its_texts_first_and_sorts_by_numbers():
    rows = {"z": ("agreement", [np.inf, np.nan], {"long_name": "z", "units": "s"}), "name": ("agreement", ["a", "b"], {"long_name": "who"}),
            "remark": ("agreement", ["", "long " * 20], {"long_name": "remark"})}  # fmt: skip
    table = labelled_table(xr.Dataset(rows | {"other": 1.0}, attrs={"title": "T"}), "agreement")
    assert [column["head"] for column in table["columns"]] == ["who", "z (s)"]
    assert [[cell["text"] for cell in row["cells"]] for row in table["rows"]] == [["a", "∞"], ["b", "–"]]
    assert table["rows"][0]["cells"][1]["key"] == "Infinity"   # as scripts write it
    assert table["rows"][1]["notes"] == [{"head": "remark", "text": "long " * 20}]


@pytest.mark.parametrize("path", sorted((CHECKOUT / "workflow/report").glob("*.rst")), ids=lambda path: path.stem)
def test_every_caption_says_what_to_look_for(path):
    rendered = caption_html(path.read_text(encoding="utf-8"))
    assert rendered.count("<p>") == 2 and "<p>Look for " in rendered and "system-message" not in rendered


def test_every_figure_has_a_caption_and_an_alt_text_of_its_own():
    config = yaml.safe_load((CHECKOUT / "config.yaml").read_text(encoding="utf-8"))
    assert all((CHECKOUT / f"workflow/report/{figure['draw']}.rst").exists() for figure in config["figures"].values())
    alts = [figure["alt"] for figure in config["figures"].values()]
    assert len(set(alts)) == len(alts) and all(len(alt) > 60 for alt in alts)


def test_what_is_not_a_picture_is_refused(tmp_path):
    (tmp_path / "x.png").write_bytes(b"GIF89a" + bytes(40))
    with pytest.raises(ArtifactError, match="not a PNG"):
        picture(tmp_path / "x.png")


def test_a_template_that_changed_since_the_stamp_is_refused(tmp_path):
    (tmp_path / "page.css").write_text("a {}")
    with pytest.raises(StampError, match="page.css: not as it was"):
        read_part(tmp_path / "page.css", {"page.css": "0" * 64})


# --- the stamp ----------------------------------------------------------------------------------------------------


def stamped(tmp_path, experiments=EXPERIMENTS, figures=FIGURES):
    plan = Plan({"results": str(tmp_path), "experiments": experiments, "figures": figures}, STAGES, CHECKOUT / "scripts")
    plan.write()
    return {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.json") if path.name != "configured.json"}


def test_an_alt_text_or_a_number_changes_the_stamp_of_the_report_alone(tmp_path):
    before = stamped(tmp_path)
    changed = FIGURES["step-size"] | {"alt": "Another picture of it.", "number": "Figure 1"}
    after = stamped(tmp_path, figures=FIGURES | {"step-size": changed})
    assert {name for name in before if before[name] != after[name]} == {"report.json"}


def test_the_stamp_holds_the_code_and_every_part_of_the_page(tmp_path):
    stamp = json.loads(stamped(tmp_path)["report.json"])
    folder = Path(spec.PACKAGE) / "report"
    parts = {path.name for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")}
    assert len(parts) >= 5 and parts <= stamp["spec"]["files"].keys()
    assert {f"cotdepth.report.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"} <= stamp["code"].keys()


@pytest.mark.parametrize("changes, match", [
    ({"paper": "mine"}, "paper = 'mine': must be training-data, asymptotic or gradient-flow"), ({"alt": "short"}, "alt = 'short'"),
    ({"paper": ...}, "'paper' is a dependency of 'number'"),
])  # fmt: skip
def test_what_a_figure_says_of_itself_is_checked(changes, match):
    figure = {key: value for key, value in (FIGURES["step-size"] | changes).items() if value is not ...}
    schema = yaml.safe_load((CHECKOUT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=match):
        check_config({"results": "r", "experiments": EXPERIMENTS, "figures": {"f": figure}}, schema)
