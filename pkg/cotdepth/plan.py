"""The plan: which cells each stage of each experiment has, what each consumes, and their stamps on disk.

The configuration names experiments; the table of stages (``workflow/stages.yaml``) says what each stage of a family
consumes. Everything else follows: the cell axes that a stage depends on, its cells, and which cells feed which.
"""

import csv
import io
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

from cotdepth import spec
from cotdepth.config import ConfigError, nearest
from cotdepth.stamps import ArtifactError, stamp_text, write_text

FAMILIES = ("learner", "theory", "comparison")
DESCRIPTIVE = ("title", "cell_axes")
RESERVED = ("figures", "logs", "smoke", "paper")


@dataclass(frozen=True)
class Stage:
    """One stage of one experiment.

    Attributes
    ----------
    family : str
        The learner, theory or comparison that the stage belongs to.
    script : Path
        What makes its artifacts.
    keys : tuple of str
        Parameters that it consumes itself; those of its inputs reach it through their artifacts.
    inputs : tuple of str
        Stages whose artifacts it reads.
    axes : tuple of str
        Cell axes that it depends on.
    cells : dict
        For each cell its values on the axes and the parameters that it consumes.
    """

    family: str
    script: Path
    keys: tuple[str, ...]
    inputs: tuple[str, ...]
    axes: tuple[str, ...]
    cells: dict[str, tuple[dict, dict]] = field(hash=False)


class Plan:
    """All cells of a checked configuration.

    Parameters
    ----------
    config : dict
        As `cotdepth.config.check_config` returns it.
    table : dict
        Family kind -> family -> stage -> ``{script, keys, inputs, over, lists, whole}``.
    scripts : Path
        Folder of the scripts.

    Raises
    ------
    ConfigError
        Naming the experiment or figure, the key and what is allowed.
    """

    def __init__(self, config: dict, table: dict, scripts: Path):
        self.results, self.figures, self._scripts = Path(config["results"]), config["figures"], Path(scripts)
        self.experiments = {name: _stages(name, block, table, self._scripts) for name, block in config["experiments"].items()}
        for name, figure in self.figures.items():
            for role, source in figure["inputs"].items():
                self._require_source(f"figures.{name}.inputs.{role}", source)

    def family(self, stage: str, family: str) -> list[str]:
        """Experiments whose stage is made by this family."""
        return [name for name, stages in self.experiments.items() if stage in stages and stages[stage].family == family]

    def artifact(self, experiment: str, stage: str, cell: str) -> str:
        """Path of an artifact."""
        return str(self.results / experiment / stage / f"{cell}.nc")

    def artifacts(self, experiment: str, stage: str) -> list[str]:
        """Paths of all artifacts of a stage."""
        return [self.artifact(experiment, stage, cell) for cell in self.experiments[experiment][stage].cells]

    def upstream(self, experiment: str, stage: str, cell: str, source: str) -> list[str]:
        """Paths of the artifacts of stage ``source`` that a cell of ``stage`` reads: those that agree on all shared axes."""
        return [self.artifact(experiment, source, name) for name in self._upstream_cells(experiment, stage, cell, source)]

    def figure_inputs(self, figure: str, role: str) -> list[str]:
        """Paths of the artifacts that a figure reads in one of its roles."""
        return self.artifacts(*self.figures[figure]["inputs"][role].split("/"))

    def write(self, replace: bool = True) -> int:
        """Write ``cells.csv`` and the stamps, each only if its content changed.

        Parameters
        ----------
        replace : bool
            Whether stamps and tables that exist may be replaced; new ones are written in any case.

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
        """Every table of cells and every stamp: its path, its text and the files that were made from it."""
        codes = {}
        for experiment, stages in self.experiments.items():
            yield self.results / experiment / "cells.csv", _cells_table(stages), []
            for name, stage in stages.items():
                code = codes.setdefault(stage.script, spec.code_digests(stage.script))
                for cell, (axes, parameters) in stage.cells.items():
                    inputs = {source: self._upstream_cells(experiment, name, cell, source) for source in stage.inputs}
                    path = Path(self.artifact(experiment, name, cell))
                    yield path.with_suffix(".json"), stamp_text(
                        experiment=experiment, stage=name, axes=axes, script=stage.script, code=code,
                        consumed=parameters | {"inputs": inputs}), [path]  # fmt: skip
        for name in self.figures:
            yield self._figure_stamp(name)

    def _figure_stamp(self, name):
        figure = self.figures[name]
        inputs = {role: {source: list(self._stage(source).cells)} for role, source in figure["inputs"].items()}
        script = self._scripts / f"figure_{figure['draw']}.py"
        path = self.results / "figures" / name
        text = stamp_text(experiment="figures", stage=name, axes={}, script=script, code=spec.code_digests(script),
                          consumed={**figure, "inputs": inputs})  # fmt: skip
        return path.with_suffix(".json"), text, [path.with_suffix(".png"), path.with_suffix(".pdf")]

    def _upstream_cells(self, experiment, stage, cell, source):
        axes, _ = self.experiments[experiment][stage].cells[cell]
        candidates = self.experiments[experiment][source].cells.items()
        return [name for name, (other, _) in candidates if all(other[axis] == axes[axis] for axis in axes if axis in other)]

    def _stage(self, source):
        experiment, stage = source.split("/")
        return self.experiments[experiment][stage]

    def _require_source(self, path, source):
        experiment, _, stage = source.partition("/")
        if experiment not in self.experiments:
            raise ConfigError(f"{path} = {source!r}: no experiment {experiment!r}; {nearest(experiment, self.experiments)}")
        if stage not in self.experiments[experiment]:
            stages = self.experiments[experiment]
            raise ConfigError(f"{path} = {source!r}: {experiment} has no stage {stage!r}; {nearest(stage, stages)}")


def _stages(name, block, table, scripts):
    """The stages of one experiment, in the order of the table."""
    where = f"experiments.{name}"
    if name in RESERVED:
        raise ConfigError(f"{where}: this name is reserved; so are {', '.join(RESERVED)}")
    families = {kind: block[kind] for kind in FAMILIES if kind in block}
    if not families:
        raise ConfigError(f"{where}: needs a learner, a theory or both")
    points, stages = _points(where, block), {}
    for kind, family in families.items():
        if family not in table[kind]:
            raise ConfigError(f"{where}.{kind} = {family!r}: not known; {nearest(family, table[kind])}")
        for stage, entry in table[kind][family].items():
            stages[stage] = _stage(f"{where} ({family}, {stage})", family, entry, points, stages, block["cell_axes"], scripts)
    _require_readers(where, points, stages)
    return stages


def _require_readers(where, points, stages):
    """Refuse a parameter that nothing reads: whoever wrote it expects an effect."""
    read = {*DESCRIPTIVE, *FAMILIES, *(key for stage in stages.values() for key in stage.keys)}
    unread = sorted({key for point in points for key in point} - read)
    if unread:
        raise ConfigError(f"{where}.{unread[0]}: no stage of this experiment reads it; they read {', '.join(sorted(read - {*DESCRIPTIVE, *FAMILIES}))}")


def _points(where, block):
    """All points of an experiment: the parameters of each combination of values on the cell axes, in each of its grids."""
    found = []
    for grid in block.get("grids", [{}]):
        merged = {key: value for key, value in {**block, **grid}.items() if key != "grids"}
        missing = [axis for axis in block["cell_axes"] if axis not in merged]
        if missing:
            raise ConfigError(f"{where}.cell_axes: {missing[0]!r} has no value in the block or in a grid")
        values = [_as_list(merged[axis]) for axis in block["cell_axes"]]
        found += [{**merged, **dict(zip(block["cell_axes"], choice))} for choice in itertools.product(*values)]
    return found


def _stage(where, family, entry, points, stages, cell_axes, scripts):
    """One stage with its cells."""
    inputs = tuple(entry.get("inputs", ()))
    missing = [source for source in inputs if source not in stages]
    if missing:
        raise ConfigError(f"{where}: needs the stage {missing[0]!r}, which this experiment does not have")
    reached = {*entry["keys"], *(axis for source in inputs for axis in stages[source].axes)} - {*entry.get("over", ())}
    axes = tuple(axis for axis in cell_axes if axis in reached)
    cells = {}
    for point in points:
        parameters = _parameters(where, entry, point)
        values = {axis: point[axis] for axis in axes}
        known = cells.setdefault(spec.cell_name(values), (values, parameters))
        if known[1] != parameters:
            key = next(key for key in parameters if known[1][key] != parameters[key])
            raise ConfigError(f"{where}: the cell {values} is asked for with two values of {key}: {known[1][key]}, {parameters[key]}")
    return Stage(family, scripts / entry["script"], tuple(entry["keys"]), inputs, axes, cells)


def _parameters(where, entry, point):
    """What a stage consumes of a point, checked against its entry in the table."""
    missing = [key for key in entry["keys"] if key not in point]
    if missing:
        raise ConfigError(f"{where}: {missing[0]!r} is missing")
    parameters = {key: point[key] for key in entry["keys"]}
    for key, value in parameters.items():
        if isinstance(value, list) and key not in entry.get("lists", ()):
            raise ConfigError(f"{where}: {key} = {value}: one value, or {key!r} among the cell_axes")
    for factor, other in entry.get("whole", ()):
        product = parameters[factor] * parameters[other]
        if product != float("inf") and abs(product - round(product)) < 1e-9 * product:
            continue
        raise ConfigError(f"{where}: {factor} = {parameters[factor]}, {other} = {parameters[other]}: "
                          f"{factor} x {other} = {product:g} must be a whole number")
    return parameters


def _as_list(value):
    return value if isinstance(value, list) else [value]


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
