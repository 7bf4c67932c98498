"""The report as one HTML file: the template of this folder, filled, with its style, scripts and pictures inside."""

from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from cotdepth.report import numbers
from cotdepth.report.captions import caption_html
from cotdepth.report.experiment_rows import experiment_rows
from cotdepth.report.figure_groups import BEYOND, grouped
from cotdepth.report.labelled_table import labelled_table
from cotdepth.report.ledger_rows import MARKS, STANDING, claim_rows, statement_rows, verdict_counts
from cotdepth.report.made_with import made_with
from cotdepth.report.papers import PAPERS
from cotdepth.report.parts import read_part
from cotdepth.report.pictures import picture
from cotdepth.report.workflow_graph import workflow_graph

FOLDER = Path(__file__).resolve().parent
TEMPLATE, STYLES, SCRIPTS = "page.html", ("page.css",), ("theory.js", "explorer.js", "tables.js")


def build_page(asked: dict, results: Path, captions: Path, *, figures: list[Path], ledger: list, agreement: list) -> str:
    """The text of the report.

    Parameters
    ----------
    asked : dict
        What the stamp of the report says (`cotdepth.report_stamp.reported`).
    results : Path
        The results folder, with logs and artifacts.
    captions : Path
        Folder with a caption ``<draw>.rst`` for every drawing.
    figures : list of Path
        The pictures, ``<name>.png``.
    ledger : list of (Path, xarray.Dataset)
        The ledger of claims, if claims are configured.
    agreement : list of xarray.Dataset
        Tables along the dimension ``agreement``.

    Raises
    ------
    ArtifactError
        If a picture or an artifact is missing or damaged.
    StampError
        If the template, the style, a script or a caption is not as the stamp says.
    """
    parts = {name: read_part(FOLDER / name, asked["files"]) for name in (TEMPLATE, *STYLES, *SCRIPTS)}
    drawn, experiments = named(asked["figures"]), _experiments(asked["experiments"])
    texts = {draw: read_part(captions / f"{draw}.rst", asked["files"]) for draw in {each["draw"] for each in drawn.values()}}
    made = made_with(results, figures, [path for path, _ in ledger])
    pictures = {path.stem: picture(path) for path in figures}
    return _environment(parts).get_template(TEMPLATE).render(
        style=_joined(parts, STYLES), script=_joined(parts, SCRIPTS), papers=PAPERS, beyond=BEYOND, marks=MARKS,
        standings=STANDING, groups=grouped(drawn), figures=drawn, pictures=pictures,
        picture_size=sum(one.size for one in pictures.values()),
        captions={name: Markup(caption_html(texts[each["draw"]])) for name, each in drawn.items()},
        **_claims(ledger), agreement=[labelled_table(table, "agreement") for table in agreement],
        experiments=experiment_rows(experiments, results), made=made,
        graph=workflow_graph(experiments, drawn, {each["name"]: each["reads"] for each in asked["claims"]}),
    )  # fmt: skip


def named(listed: list[dict]) -> dict[str, dict]:
    """A list of the stamp as a mapping from names, in its order."""
    return {each["name"]: each for each in listed}


def _experiments(listed):
    return {each["name"]: each | {"stages": named(each["stages"])} for each in listed}


def _claims(ledger):
    """Rows of the ledger, or none at all."""
    datasets = [dataset for _, dataset in ledger]
    rows = [row for dataset in datasets for row in claim_rows(dataset)]
    statements = {paper: listed for dataset in datasets for paper, listed in statement_rows(dataset).items()}
    return {"claims": rows, "counts": verdict_counts(rows), "statements": statements}


def _environment(parts):
    environment = Environment(loader=DictLoader(parts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"short": numbers.short, "megabytes": numbers.megabytes, "duration": numbers.duration}
    return environment


def _joined(parts, names):
    """Styles or scripts as they are, not escaped: they are the project's own."""
    return Markup("\n".join(parts[name] for name in names))
