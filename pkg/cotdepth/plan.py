"""The plan: where every artifact lies, which cells feed which, and the stamps on disk."""

import csv
import functools
import io
import json
import math
import os
from pathlib import Path

from cotdepth import spec
from cotdepth.audit import table_digest
from cotdepth.claim_stages import AGREEMENT, CLAIMS, agreement_stages, claim_stages
from cotdepth.config import ConfigError
from cotdepth.experiments import FAMILIES, experiment_points, experiment_stages
from cotdepth.hints import nearest
from cotdepth.report_stamp import ABOUT_FIGURES, REPORT, reported
from cotdepth.stamps import INDEX, LEDGER, ArtifactError, stamp_text, write_text


class Plan:
    """All cells and figures of a configuration.

    Parameters
    ----------
    config : dict
        As `cotdepth.config.check_config` returns it.
    table : dict
        What each stage and figure consumes (``workflow/stages.yaml``).
    scripts : Path
        Folder of the scripts.

    Raises
    ------
    ConfigError
        Naming the experiment or figure, the key and what is allowed.
    """

    def __init__(self, config: dict, table: dict, scripts: Path):
        self.results, self.figures, self._scripts = Path(config["results"]), config["figures"], Path(scripts)
        self.device, self.resources = config.get("device", "auto"), config.get("resources", {})
        self._blocks, self._drawn, self._agreeing = config["experiments"], table["figure"], {}
        self.experiments = {name: experiment_stages(name, block, table, self._scripts) for name, block in self._blocks.items()}
        for name, figure in self.figures.items():
            self._check_figure(f"figures.{name}", figure)
        there = {"experiments": self.experiments, "check_source": self._check_source}
        self.claims = claim_stages(config.get("claims", {}), table["claims"], self._scripts, **there)
        agreement = agreement_stages(config.get("agreement", {}), table["agreement"], self._scripts, **there)
        self.experiments = self.experiments | {name: stages for name, stages in ((CLAIMS, self.claims), (AGREEMENT, agreement)) if stages}
        self.ledger, self.report = self.results / LEDGER, self.results / REPORT

    def family(self, stage: str, family: str) -> list[str]:
        """Experiments whose stage is made by this family."""
        return [name for name, stages in self.experiments.items() if stage in stages and stages[stage].family == family]

    def drawn_by(self, draw: str) -> list[str]:
        """Names of the figures that one script draws."""
        return [name for name, figure in self.figures.items() if figure["draw"] == draw]

    def artifact(self, experiment: str, stage: str, cell: str) -> str:
        """Path of an artifact."""
        return str(self.results / experiment / stage / f"{cell}.nc")

    def artifacts(self, experiment: str, stage: str) -> list[str]:
        """Paths of all artifacts of a stage."""
        return [self.artifact(experiment, stage, cell) for cell in self.experiments[experiment][stage].cells]

    def all_artifacts(self) -> list[str]:
        """Paths of the artifacts of every stage of every experiment."""
        return [path for name, stages in self.experiments.items() for stage in stages for path in self.artifacts(name, stage)]

    def upstream(self, experiment: str, stage: str, cell: str, source: str) -> list[str]:
        """Paths of the artifacts of stage ``source`` that a cell of ``stage`` reads: those that agree on all shared axes."""
        return [self.artifact(experiment, source, name) for name in self._upstream_cells(experiment, stage, cell, source)]

    def figure_inputs(self, figure: str, role: str) -> list[str]:
        """Paths of the artifacts that a figure reads in one of its roles; none if it goes without."""
        inputs = self.figures[figure]["inputs"]
        return self.artifacts(*inputs[role].split("/")) if role in inputs else []

    def claim_inputs(self, paper: str) -> list[str]:
        """Paths of the artifacts that the claims of a paper are judged by, each once."""
        return self._read_by(self.claims[paper])

    def agreement_inputs(self) -> list[str]:
        """Paths of the artifacts that the agreement table sets side by side."""
        return self._read_by(self.experiments[AGREEMENT]["table"])

    def _read_by(self, stage):
        """Paths of what a stage reads of other experiments, each once."""
        [(_, parameters)] = stage.cells.values()
        sources = {source: None for role in parameters["reads"].values() for source in role}
        return [path for source in sources for path in self.artifacts(*source.split("/"))]

    def judged(self) -> list[str]:
        """Paths of the artifacts that hold the verdicts on each paper."""
        return [path for paper in self.claims for path in self.artifacts(CLAIMS, paper)]

    def agreement(self) -> list[str]:
        """Paths of the artifacts that set experiments beside theories in one table; none if there are none."""
        return [path for stage in self.experiments.get(AGREEMENT, {}) for path in self.artifacts(AGREEMENT, stage)]

    def write(self, replace: bool = True) -> int:
        """Write the index, the tables of cells and the stamps, each only if its content changed.

        Parameters
        ----------
        replace : bool
            Whether files that exist may be replaced; new ones are written in any case.

        Returns
        -------
        int
            How many kept an outdated content.

        Raises
        ------
        ConfigError
            If the results folder can't be written.
        ValueError
            If the code of a stage has no digest.
        """
        try:
            for folder in ("logs", "figures"):
                (self.results / folder).mkdir(parents=True, exist_ok=True)
            return sum(_write(path, text, products, replace) for path, text, products in self._files())
        except OSError as error:
            raise ConfigError(f"results = {str(self.results)!r}: cannot be written ({error})") from None

    def _files(self):
        """The index, every table of cells and every stamp: its path, its text and the files that were made from it."""
        code = functools.cache(functools.partial(spec.code_digests, known={}))
        tables = {experiment: _cells_table(stages) for experiment, stages in self.experiments.items()}
        index = {"experiments": list(self.experiments), "figures": list(self.figures), "ledger": bool(self.claims),
                 "tables": {experiment: table_digest(table) for experiment, table in tables.items()}}  # fmt: skip
        yield self.results / INDEX, json.dumps(index, indent=1) + "\n", []
        for experiment, stages in self.experiments.items():
            yield self.results / experiment / "cells.csv", tables[experiment], []
            for name, stage in stages.items():
                for cell, (axes, parameters) in stage.cells.items():
                    inputs = {source: self._upstream_cells(experiment, name, cell, source) for source in stage.inputs}
                    path = Path(self.artifact(experiment, name, cell))
                    yield path.with_suffix(".json"), stamp_text(
                        experiment=experiment, stage=name, axes=axes, script=stage.script, code=code(stage.script),
                        consumed=parameters | {"inputs": inputs}), [path]  # fmt: skip
        for name, figure in self.figures.items():
            yield self._figure_stamp(name, figure, code)
        if self.claims:
            yield self._ledger_stamp(code)
        yield self._report_stamp(code)

    def _ledger_stamp(self, code):
        script = self._scripts / "collect_claims.py"
        text = stamp_text(experiment=CLAIMS, stage="ledger", axes={}, script=script, code=code(script),
                          consumed={"papers": list(self.claims)})  # fmt: skip
        return self.ledger.with_suffix(".json"), text, [self.ledger]

    def _report_stamp(self, code):
        script = self._scripts / "report.py"
        text = stamp_text(experiment="report", stage="page", axes={}, script=script, code=code(script),
                          consumed=reported(self._blocks, self.experiments, self.figures, self.claims, self._scripts.parent))  # fmt: skip
        return self.report.with_suffix(".json"), text, []

    def _figure_stamp(self, name, figure, code):
        figure = {key: value for key, value in figure.items() if key not in ABOUT_FIGURES}
        inputs = {role: {source: list(self._stage(source).cells)} for role, source in figure["inputs"].items()}
        script = self._scripts / self._drawn[figure["draw"]]["script"]
        path = self.results / "figures" / name
        text = stamp_text(experiment="figures", stage=name, axes={}, script=script, code=code(script),
                          consumed={**figure, "inputs": inputs})  # fmt: skip
        return path.with_suffix(".json"), text, [path.with_suffix(".png"), path.with_suffix(".pdf")]

    def _upstream_cells(self, experiment, stage, cell, source):
        stages = self.experiments[experiment]
        shared = tuple(axis for axis in stages[source].axes if axis in stages[stage].axes)
        if (experiment, source, shared) not in self._agreeing:
            self._agreeing[experiment, source, shared] = _by_values(stages[source].cells, shared)
        return self._agreeing[experiment, source, shared].get(_values(stages[stage].cells[cell], shared), [])

    def _stage(self, source):
        experiment, stage = source.split("/")
        return self.experiments[experiment][stage]

    def _check_figure(self, where, figure):
        """A figure shows what is there: its roles, their sources, its depth and its panels."""
        if figure["draw"] not in self._drawn:
            raise ConfigError(f"{where}.draw = {figure['draw']!r}: not known; {nearest(figure['draw'], self._drawn)}")
        roles = self._drawn[figure["draw"]]["inputs"]
        unknown = [role for role in figure["inputs"] if role not in roles]
        if unknown:
            raise ConfigError(f"{where}.inputs.{unknown[0]}: unknown key; {nearest(unknown[0], roles)}")
        for role, wanted in roles.items():
            if role not in figure["inputs"] and role in self._drawn[figure["draw"]].get("optional", ()):
                continue
            if role not in figure["inputs"]:
                raise ConfigError(f"{where}.inputs: {role!r} is missing, an <experiment>/{wanted}")
            self._check_source(f"{where}.inputs.{role}", figure["inputs"][role], wanted, self._drawn[figure["draw"]]["families"][role])
        self._check_together(where, figure)
        self._check_keys(where, figure)

    def _check_together(self, where, figure):
        """Theory is drawn beside the experiment that it is of."""
        shown = [source for role, source in figure["inputs"].items() if role in self._drawn[figure["draw"]].get("together", ())]
        if len({source.partition("/")[0] for source in shown}) > 1:
            raise ConfigError(f"{where}.inputs: {', '.join(shown)}: must be of one experiment")

    def _check_keys(self, where, figure):
        """A figure has the keys that its drawing reads, and no others."""
        drawn = self._drawn[figure["draw"]]
        for key in ("depth", "panels"):
            if (key in figure) != (key in drawn):
                raise ConfigError(f"{where}.{key}: " + (f"{figure['draw']} does not read it" if key in figure else "is missing"))
        for role, axes in drawn.get("axes", {}).items():
            if role in figure["inputs"]:
                self._check_axes(f"{where}.inputs.{role}", figure["inputs"][role], axes, product=role in drawn.get("product", ()))
        if "tested" in drawn:
            self._check_tested(where, figure, drawn["tested"])
        if "depth" in drawn:
            self._check_depth(where, figure, drawn["depth"])
        if "panels" in drawn:
            self._check_panels(where, figure, figure["inputs"][drawn["panels"]])

    def _check_source(self, where, source, wanted, family):
        experiment, _, stage = source.partition("/")
        if experiment not in self.experiments:
            raise ConfigError(f"{where} = {source!r}: no experiment {experiment!r}; {nearest(experiment, self.experiments)}")
        if stage not in self.experiments[experiment]:
            stages = self.experiments[experiment]
            raise ConfigError(f"{where} = {source!r}: {experiment} has no stage {stage!r}; {nearest(stage, stages)}")
        if stage != wanted:
            raise ConfigError(f"{where} = {source!r}: must be the stage {wanted!r} of an experiment")
        if family not in {self._blocks[experiment].get(kind) for kind in FAMILIES}:
            raise ConfigError(f"{where} = {source!r}: must be of an experiment with {family!r} as its learner or theory")

    def _check_axes(self, where, source, axes, *, product):
        """A drawing that arranges cells needs certain cell axes, and may need a cell for every combination of their values."""
        stage = self._stage(source)
        values = [{cell[axis] for cell, _ in stage.cells.values()} for axis in stage.axes]
        if set(stage.axes) != set(axes):
            raise ConfigError(f"{where} = {source!r}: has the cell axes {', '.join(stage.axes)}; must have {', '.join(axes)}")
        if product and math.prod(map(len, values)) != len(stage.cells):
            raise ConfigError(f"{where} = {source!r}: must have a cell for every combination of {', '.join(axes)}")

    def _check_tested(self, where, figure, roles):
        """A drawing of short and long test prompts: each length of training prompts, and the longest test, must have been tested."""
        points = [self._points(figure, role) for role in roles]
        drawn = {point["n_context"] for point in points[0]} | {max(max(point["n_context_test"]) for point in points[0])}
        for role, found in zip(roles, points):
            missing = sorted(drawn - set.intersection(*(set(point["n_context_test"]) for point in found)))
            if missing:
                raise ConfigError(f"{where}.inputs.{role}: n_context_test must hold {missing[0]} for {figure['draw']}")

    def _points(self, figure, role):
        experiment = figure["inputs"][role].partition("/")[0]
        return experiment_points(experiment, self._blocks[experiment])

    def _check_depth(self, where, figure, roles):
        for role in set(roles) & set(figure["inputs"]):
            least = min(point["depth"] for point in self._points(figure, role))
            if figure["depth"] > least:
                experiment = figure["inputs"][role].partition("/")[0]
                raise ConfigError(f"{where}.depth = {figure['depth']}: {experiment} has depths up to {least} only")

    def _check_panels(self, where, figure, source):
        axes, cells = self._stage(source).axes, [values for values, _ in self._stage(source).cells.values()]
        for index, shared in enumerate(figure["panels"]):
            unknown = [name for name in shared if name not in axes]
            if unknown:
                raise ConfigError(f"{where}.panels[{index}].{unknown[0]}: {source} has no such cell axis; {nearest(unknown[0], axes)}")
            if not any(all(values[name] == value for name, value in shared.items()) for values in cells):
                raise ConfigError(f"{where}.panels[{index}] = {shared}: {source} has no such cell")


def _by_values(cells, shared):
    """Names of cells by their values on some axes: looked up for every cell, of which there may be thousands."""
    groups = {}
    for name, cell in cells.items():
        groups.setdefault(_values(cell, shared), []).append(name)
    return groups


def _values(cell, shared):
    axes, _ = cell
    return spec.canonical([axes[axis] for axis in shared])


def _cells_table(stages):
    """The text of ``cells.csv``: a row for each cell of each stage; an axis that a stage does not depend on stays empty."""
    axes = list(dict.fromkeys(axis for stage in stages.values() for axis in stage.axes))
    text = io.StringIO()
    rows = csv.DictWriter(text, ["stage", "cell", *axes], lineterminator="\n")
    rows.writeheader()
    for name, stage in stages.items():
        rows.writerows({"stage": name, "cell": cell, **spec.normalise(values)} for cell, (values, _) in stage.cells.items())
    return text.getvalue()


def _write(path, text, products, replace):
    """Write one file if its content changed; true if it should have been and may not."""
    if path.exists() and not replace:
        return path.read_bytes() != text.encode()
    if write_text(path, text) and products and all(_made_from(product, text) for product in products):
        oldest = min(product.stat().st_mtime_ns for product in products)
        os.utime(path, ns=(oldest, oldest))  # back to what its products were made from: it must not look newer than they are
    return False


def _made_from(product, text):
    from cotdepth.audit import recorded

    try:
        return recorded(product)["stamp"] == spec.digest(text)
    except ArtifactError:
        return False
