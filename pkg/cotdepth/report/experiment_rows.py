"""Experiments as a reader wants them: parameters, stages, number of jobs and run times."""

from pathlib import Path

from cotdepth.report.numbers import duration, plain
from cotdepth.report.run_times import stage_times

SEPARATE = ("title", "cell_axes", "grids", "covariances")


def experiment_rows(experiments: dict, results: Path) -> list[dict]:
    """One mapping for each experiment: ``name``, ``title``, ``parameters`` as (key, lines), ``stages`` and their time in all."""
    return [_row(name, each["block"], each["stages"], results) for name, each in experiments.items()]


def _row(name, block, stages, results):
    times = {stage: stage_times(results, name, stage, about["cells"]) for stage, about in stages.items()}
    rows = [{"name": stage, "cells": len(about["cells"]), "time": _time(times[stage]), "longest": _longest(times[stage])}
            for stage, about in stages.items()]  # fmt: skip
    known = [found.seconds for found in times.values() if found]
    return {"name": name, "title": block["title"], "parameters": _parameters(block), "stages": rows, "seconds": sum(known),
            "jobs": sum(len(about["cells"]) for about in stages.values()), "time": duration(sum(known))}  # fmt: skip


def _time(found):
    return duration(found.seconds) if found else "–"


def _longest(found):
    return duration(found.longest) if found else "–"


def _parameters(block):
    """Each key with its lines of text; axes and grids last."""
    lines = {key: [plain(value)] for key, value in block.items() if key not in SEPARATE}
    lines |= {"covariances": [f"{name}: {plain(value)}" for name, value in block.get("covariances", {}).items()]}
    lines |= {"one job for each value of": [plain(block["cell_axes"])], "grids": [plain(grid) for grid in block.get("grids", [])]}
    return [(key, texts) for key, texts in lines.items() if texts and texts != [""]]
