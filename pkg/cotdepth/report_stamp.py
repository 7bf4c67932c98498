"""What the report consumes: titles, parameters and stages of the configuration, and the files that its page is made of."""

import hashlib
from pathlib import Path

from cotdepth import spec

REPORT = "report.html"  # in a results folder
ABOUT_FIGURES = ("paper", "number", "alt")  # keys of a figure that the report reads and the drawing does not
PARTS = Path(spec.PACKAGE) / "report"  # the page's template, style and scripts, beside the code that fills them


def reported(blocks: dict, experiments: dict, figures: dict, claims: dict, checkout: Path) -> dict:
    """What the stamp of the report says: experiments, their stages, figures and papers as lists, since their order is shown.

    A stamp sorts the keys of mappings.

    Parameters
    ----------
    blocks : dict
        Experiments as the configuration has them.
    experiments : dict
        Their stages, with those that judge claims.
    figures : dict
        Figures as the configuration has them.
    claims : dict
        The stage of each paper whose claims are judged.
    checkout : Path
        Folder with ``workflow/report``, the captions.
    """
    files = sorted([*PARTS.glob("*.html"), *PARTS.glob("*.css"), *PARTS.glob("*.js"), *(checkout / "workflow" / "report").glob("*.rst")])
    return {
        "experiments": [{"name": name, "block": block, "stages": _stages(experiments[name])} for name, block in blocks.items()],
        "figures": [{"name": name} | {key: figure[key] for key in ("title", "draw", "inputs", *ABOUT_FIGURES) if key in figure}
                    for name, figure in figures.items()],
        "claims": [{"name": paper, "reads": sorted({source for role in _parameters(stage)["reads"].values() for source in role})}
                   for paper, stage in claims.items()],
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }  # fmt: skip


def _stages(stages):
    return [{"name": name, "inputs": list(stage.inputs), "cells": sorted(stage.cells)} for name, stage in stages.items()]


def _parameters(stage):
    [(_, parameters)] = stage.cells.values()
    return parameters
