"""Stages that read several experiments, those that the configuration has: the claims of each paper, and the agreement table."""

from collections.abc import Callable
from pathlib import Path

from cotdepth import spec
from cotdepth.config import ConfigError
from cotdepth.experiments import Stage
from cotdepth.hints import nearest

CLAIMS, AGREEMENT = "claims", "agreement"  # the folders of their artifacts, as if they were experiments


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


def agreement_stages(compared: dict, table: dict, scripts: Path, *, experiments: dict, check_source: Callable) -> dict[str, Stage]:
    """The stage that sets experiments beside theory, with one cell; none if nothing is compared.

    Parameters
    ----------
    compared : dict
        ``agreement`` of the configuration: experiment -> kind of comparison. An experiment that is not there is not run.
    table : dict
        ``agreement`` of the table of stages: ``{script, kinds: {kind: {family, stages}}}``.
    scripts, experiments, check_source
        As in `claim_stages`.

    Raises
    ------
    ConfigError
        Naming the experiment and what is allowed.
    """
    for name, kind in compared.items():
        if kind not in table["kinds"]:
            raise ConfigError(f"agreement.{name} = {kind!r}: not known; {nearest(kind, table['kinds'])}")
    kinds = {name: kind for name, kind in compared.items() if name in experiments}
    sources = {name: [f"{name}/{stage}" for stage in table["kinds"][kind]["stages"]] for name, kind in kinds.items()}
    for name, kind in kinds.items():
        for source in sources[name]:
            check_source(f"agreement.{name}", source, source.partition("/")[2], table["kinds"][kind]["family"])
    reads = {name: {source: list(_cells(experiments, source)) for source in own} for name, own in sources.items()}
    missing = {name: kind for name, kind in compared.items() if name not in experiments}
    consumed = {"kinds": kinds, "reads": reads, "missing": missing}
    return {"table": Stage("table", scripts / table["script"], (), (), (), {spec.cell_name({}): ({}, consumed)})} if compared else {}


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
