"""Figures in the order of a reader: by paper, and in a paper by number; last those beyond the papers."""

import re

from cotdepth.report.papers import PAPERS

BEYOND = "beyond"


def grouped(figures: dict) -> dict[str, list[str]]:
    """Names of figures by paper.

    Parameters
    ----------
    figures : dict
        Name -> keys of the configuration, ``paper`` and ``number`` among them where a figure has them.

    Returns
    -------
    dict
        Paper, or `BEYOND`, -> names; groups without figures are left out.
    """
    groups = {paper: [name for name, figure in figures.items() if figure.get("paper", BEYOND) == paper] for paper in (*PAPERS, BEYOND)}
    return {paper: sorted(names, key=lambda name: _place(figures[name])) for paper, names in groups.items() if names}


def _place(figure):
    """Figures before what has no picture in the paper, then by number; ties keep the order of the configuration."""
    number = figure.get("number", "")
    return not number.startswith("Figure"), [int(digits) for digits in re.findall(r"\d+", number)], number
