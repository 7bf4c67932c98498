"""The stages that judge a paper's claims: each reads artifacts of several experiments, those that the configuration has."""

from collections.abc import Callable
from pathlib import Path

from cotdepth import spec
from cotdepth.config import ConfigError
from cotdepth.experiments import Stage
from cotdepth.hints import nearest

CLAIMS = "claims"  # the folder of their artifacts, as if they were an experiment


def claim_stages(blocks: dict, table: dict, scripts: Path, *, experiments: dict, check_source: Callable) -> dict[str, Stage]:
    """A stage with one cell for each paper whose claims are configured.

    Parameters
    ----------
    blocks : dict
        ``claims`` of the configuration: paper -> ``{inputs: {role: experiment/stage}}``.
    table : dict
        ``claims`` of the table of stages: paper -> ``{script, inputs: {role: stage}, families: {role: family}}``.
    scripts : Path
        Folder of the scripts.
    experiments : dict
        Stages of every experiment; a role whose experiment is not among them goes without, and its claims are not run.
    check_source : callable
        ``(where, source, stage, family)``, raises if an experiment that is there is not of the right kind.

    Raises
    ------
    ConfigError
        Naming the paper, the role and what is allowed.
    """
    stages = {}
    for paper, block in blocks.items():
        where = f"claims.{paper}"
        if paper not in table:
            raise ConfigError(f"{where}: not known; {nearest(paper, table)}")
        _check_roles(where, block["inputs"], table[paper], experiments, check_source)
        stages[paper] = _stage(paper, block["inputs"], scripts / table[paper]["script"], experiments)
    return stages


def _check_roles(where, inputs, entry, experiments, check_source):
    unknown = [role for role in inputs if role not in entry["inputs"]]
    if unknown:
        raise ConfigError(f"{where}.inputs.{unknown[0]}: unknown key; {nearest(unknown[0], entry['inputs'])}")
    for role, stage in entry["inputs"].items():
        if role not in inputs:
            raise ConfigError(f"{where}.inputs: {role!r} is missing, an <experiment>/{stage}")
        if inputs[role].partition("/")[0] in experiments:
            check_source(f"{where}.inputs.{role}", inputs[role], stage, entry["families"][role])


def _stage(paper, inputs, script, experiments):
    """The stage of one paper; its one cell knows what it reads and what the configuration lacks."""
    there = {role: source for role, source in inputs.items() if source.partition("/")[0] in experiments}
    reads = {role: {source: list(_cells(experiments, source))} for role, source in there.items()}
    missing = {role: source for role, source in inputs.items() if role not in there}
    return Stage(paper, script, (), (), (), {spec.cell_name({}): ({}, {"reads": reads, "missing": missing})})


def _cells(experiments, source):
    experiment, _, stage = source.partition("/")
    return experiments[experiment][stage].cells
