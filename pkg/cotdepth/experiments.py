"""Experiments: from a block of the configuration to stages and cells.

The block names families (a learner, a theory, a comparison), and the table of stages (``workflow/stages.yaml``) says what
each stage of a family consumes. The rest follows: the cell axes that a stage depends on, and its cells.
"""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

from cotdepth import spec
from cotdepth.config import ConfigError
from cotdepth.hints import nearest

FAMILIES = ("learner", "theory", "comparison")
DESCRIPTIVE = ("title", "cell_axes", "covariances")
MODERATE = {"condition": 1e4, "trace": (1e-6, 1e6)}  # where gradient flow is integrated reliably, in a second
RESERVED = ("agreement", "benchmarks", "claims", "figures", "logs", "quarantine", "smoke", "paper")
MOST_CELLS = 100_000  # of an experiment


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
    cells: dict[str, tuple[dict, dict]]


def experiment_points(name: str, block: dict) -> list[dict]:
    """The parameters of each combination of values on the cell axes, in each grid of an experiment.

    Raises
    ------
    ConfigError
        If the name is reserved, or a cell axis has no value.
    """
    where, found = f"experiments.{name}", []
    if name in RESERVED:
        raise ConfigError(f"{where}: this name is reserved; so are {', '.join(RESERVED)}")
    for grid in block.get("grids", [{}]):
        merged = {key: value for key, value in {**block, **grid}.items() if key != "grids"}
        missing = [axis for axis in block["cell_axes"] if axis not in merged or axis in (*FAMILIES, *DESCRIPTIVE)]
        if missing:
            raise ConfigError(f"{where}.cell_axes: {missing[0]!r} has no value in the block or in a grid")
        values = [_distinct(f"{where}.{axis}", _as_list(merged[axis])) for axis in block["cell_axes"]]
        if len(found) + math.prod(map(len, values)) > MOST_CELLS:
            raise ConfigError(f"{where}: more than {MOST_CELLS} combinations of values on the cell axes")
        found += [{**merged, **dict(zip(block["cell_axes"], choice))} for choice in itertools.product(*values)]
    return found


def experiment_stages(name: str, block: dict, table: dict, scripts: Path) -> dict[str, Stage]:
    """The stages of an experiment by name, in the order of the table.

    Parameters
    ----------
    name, block
        The experiment, as `cotdepth.config.check_config` returns it.
    table : dict
        Family kind -> family -> stage -> ``{script, keys, inputs, over, lists, where, covariances}`` and
        what `_check_values` reads.
    scripts : Path
        Folder of the scripts.

    Raises
    ------
    ConfigError
        Naming the experiment, the key and what is allowed.
    """
    where, points, stages = f"experiments.{name}", experiment_points(name, block), {}
    families = {kind: block[kind] for kind in FAMILIES if kind in block}
    if not families:
        raise ConfigError(f"{where}: needs a learner, a theory or both")
    for kind, family in families.items():
        if family not in table[kind]:
            raise ConfigError(f"{where}.{kind} = {family!r}: not known; {nearest(family, table[kind])}")
        for stage, entry in table[kind][family].items():
            if stage in stages:
                raise ConfigError(f"{where}: {family} and {stages[stage].family} both make the stage {stage!r}")
            stages[stage] = _stage(f"{where} ({family}, {stage})", family, entry, points, stages, block["cell_axes"], scripts)
    _require_readers(where, points, stages)
    return stages


def _stage(where, family, entry, points, stages, cell_axes, scripts):
    """One stage with its cells."""
    inputs, over = tuple(entry.get("inputs", ())), set(entry.get("over", ()))
    missing = [source for source in inputs if source not in stages]
    if missing:
        raise ConfigError(f"{where}: needs the stage {missing[0]!r}, which this experiment does not have")
    if not over <= set(cell_axes):
        raise ConfigError(f"{where}: goes over {', '.join(sorted(over))}, which must be among the cell_axes")
    reached = {*entry["keys"], *(axis for source in inputs for axis in stages[source].axes)} - over
    axes = tuple(axis for axis in cell_axes if axis in reached)
    return Stage(family, scripts / entry["script"], tuple(entry["keys"]), inputs, axes, _cells(where, entry, points, axes))


def _cells(where, entry, points, axes):
    """The cells of a stage, each with its values on the axes and the parameters that it consumes."""
    cells, wanted = {}, entry.get("where", {})
    for point in [point for point in points if all(point.get(key) == value for key, value in wanted.items())]:
        values, parameters = {axis: point[axis] for axis in axes}, _parameters(where, entry, point)
        known = cells.setdefault(spec.cell_name(values), (values, parameters))[1]
        if known != parameters:
            key = next(key for key in parameters if known[key] != parameters[key])
            raise ConfigError(f"{where}: the cell {values} is asked for with two values of {key}: {known[key]}, {parameters[key]}")
    if not cells:
        raise ConfigError(f"{where}: no cell of the experiment has {', '.join(f'{key} = {value}' for key, value in wanted.items())}")
    return cells


def _parameters(where, entry, point):
    """What a stage consumes of a point, checked against its entry in the table."""
    missing = [key for key in entry["keys"] if key not in point]
    if missing:
        raise ConfigError(f"{where}: {missing[0]!r} is missing")
    parameters = {key: point[key] for key in entry["keys"]}
    for key, value in parameters.items():
        if key in entry.get("only_lists", ()) and not isinstance(value, list):
            raise ConfigError(f"{where}: {key} = {value}: must be a list, and not among the cell_axes")
        if isinstance(value, list) and key not in entry.get("lists", ()):
            raise ConfigError(f"{where}: {key} = {value}: one value, or {key!r} among the cell_axes")
        if isinstance(value, list) and key not in entry.get("parallel", ()):
            _distinct(f"{where}: {key}", value)
    _check_values(where, entry, {**point, **parameters})
    named = entry.get("covariances", {})
    definitions = {name: _definition(f"{where}: {key}", name, point, restrictions or ())
                   for key, restrictions in named.items() for name in _as_list(parameters[key])}  # fmt: skip
    if "taught" in entry:
        _check_teacher(where, entry["taught"], parameters, definitions)
    return parameters | ({"covariances": definitions} if definitions else {})


def _check_values(where, entry, point):
    """What a stage can and cannot do with values that are each allowed."""
    for keys in entry.get("whole", ()):
        for factors in itertools.product(*(_as_list(point[key]) for key in keys)):
            product = math.prod(factors)
            if product == math.inf or abs(product - round(product)) > 1e-9 * product:
                given = ", ".join(f"{key} = {factor}" for key, factor in zip(keys, factors))
                raise ConfigError(f"{where}: {given}: {' x '.join(keys)} = {product:g} must be a whole number")
    for key, unless in entry.get("exceeds_one", {}).items():
        if min(_as_list(point[key])) <= 1 and not (unless and point[unless] > 0):
            raise ConfigError(f"{where}: {key} = {point[key]}: must be above 1{f' where {unless} is 0' if unless else ''}")
    first, *others = entry.get("parallel", [None])
    for key in others:
        if len(_as_list(point[key])) not in (1, len(_as_list(point[first]))):
            raise ConfigError(f"{where}: {key} = {point[key]}: must be one value, or as many as {first} = {point[first]}")
    for key in entry.get("sum_to_one", ()):
        if abs(sum(_as_list(point[key])) - 1) > 1e-9:
            raise ConfigError(f"{where}: {key} = {point[key]}: must have the sum 1")
    for key, other in entry.get("divides", ()):
        if point[other] % point[key]:
            raise ConfigError(f"{where}: {key} = {point[key]}: must divide {other} = {point[other]}")
    for key, other in entry.get("at_least", ()):
        least, said = (point[other], f"{other} = {point[other]}") if isinstance(other, str) else (other, f"{other} here")
        if point[key] < least:
            raise ConfigError(f"{where}: {key} = {point[key]}: must be at least {said}")
    for key, allowed in entry.get("within", {}).items():
        if not set(_as_list(point[key])) <= set(allowed):
            raise ConfigError(f"{where}: {key} = {point[key]}: may hold {', '.join(allowed)} only")
    for key, largest in entry.get("at_most", {}).items():
        if point[key] > largest:
            raise ConfigError(f"{where}: {key} = {point[key]}: must be at most {largest} here")
    for key, needs in entry.get("room", {}).items() if point.get("positions") == "learned" else ():
        terms = [_term(need, point) for need in needs]
        needed, said = sum(size for size, _ in terms), " + ".join(words for _, words in terms)
        if point[key] < needed:
            raise ConfigError(f"{where}: {key} = {point[key]}: must be at least {said} = {needed}")
    for key, allowed in entry.get("only", {}).items():
        if point.get(key, allowed) != allowed:
            raise ConfigError(f"{where}: {key} = {point[key]}: must be {allowed}; it is not known for other values")


def _check_teacher(where, taught, parameters, definitions):
    """The descent of a teacher, if there is one, converges in long prompts. Few experiments need what is imported here."""
    from cotdepth.definitions import defined_spectrum
    from cotdepth.teacher import taught_step

    for key, law in taught.items():
        covariance = defined_spectrum(definitions[parameters[law]], parameters["dim"])
        try:
            for supervision in _as_list(parameters["supervision"]):
                taught_step(supervision, parameters[key], covariance)
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from None


def _term(need, point):
    """A term of the room that is needed, and in words: a number, or a key with a factor, which may depend on the kind of tokens."""
    if isinstance(need, int):
        return need, str(need)
    key, factor = need
    factor = factor[point["tokens"]] if isinstance(factor, dict) else factor
    return factor * max(_as_list(point[key])), key if factor == 1 else f"{factor} x {key}"


def _definition(where, name, point, restrictions):
    """A covariance of the experiment by its name; one that the stage cannot use is refused."""
    known, dim = point.get("covariances", {}), point["dim"]
    if name not in known:
        hint = nearest(name, known) if known else "the experiment defines none"
        raise ConfigError(f"{where} = {name!r}: not among the covariances; {hint}")
    if "law" in known[name]:
        return _random_definition(where, name, known[name], restrictions)
    if "all_random" in restrictions:
        raise ConfigError(f"{where} = {name!r}: must be a random covariance, {{law: ...}}, here")
    if dim % len(known[name].get("levels", [1])) or dim % 2 and known[name].get("basis") == "pairs":
        raise ConfigError(f"{where} = {name!r}: its levels or pairs do not divide dim = {dim} features equally")
    spectrum = known[name].get("spectrum", [1] * known[name].get("support", dim))
    if len(spectrum) > dim or "spectrum" in known[name] and len(spectrum) != dim:
        raise ConfigError(f"{where} = {name!r}: it has {len(spectrum)} eigenvalues, and dim = {dim}")
    if "full_rank" in restrictions and (len(spectrum) < dim or not all(spectrum)):
        raise ConfigError(f"{where} = {name!r}: must have {dim} positive eigenvalues")
    identity = known[name].get("exponent") == 0 and len(spectrum) == dim and known[name]["trace"] in ("dim", dim)
    if "isotropic" in restrictions and not identity:
        raise ConfigError(f"{where} = {name!r}: must be {{exponent: 0, trace: dim}} here")
    if "on_axes" in restrictions and known[name].get("basis", "axes") != "axes":
        raise ConfigError(f"{where} = {name!r}: its basis is not used here; leave it out")
    if "moderate" in restrictions:
        _require_moderate(f"{where} = {name!r}", known[name], dim)
    return known[name]


def _require_moderate(where, definition, dim):
    """Refuse a covariance that gradient flow takes forever with, or whose features have no ordinary size."""
    levels = definition.get("spectrum", definition.get("levels", [1]))
    spread = abs(definition.get("exponent", 0)) * math.log(definition.get("support", dim))
    condition = max(max(levels) / min(levels) if min(levels) else math.inf, math.exp(min(spread, 700)))
    low, high = MODERATE["trace"]
    if condition > MODERATE["condition"]:
        raise ConfigError(f"{where}: its largest eigenvalue is {condition:.3g} times the smallest; at most {MODERATE['condition']:g} here")
    if definition["trace"] != "dim" and not low <= definition["trace"] <= high:
        raise ConfigError(f"{where}: its trace is {definition['trace']:g}; must be from {low:g} to {high:g} here")


def _random_definition(where, name, definition, restrictions):
    """A law of random covariances by its name, for the few stages that can use one."""
    if not {"all_random", "may_be_random"} & set(restrictions):
        raise ConfigError(f"{where} = {name!r}: a random covariance cannot be used here")
    law = definition["law"]
    if law["family"] == "uniform" and not law["low"] < law["high"]:
        raise ConfigError(f"{where} = {name!r}: low = {law['low']} must be below high = {law['high']}")
    return definition


def _distinct(where, values):
    """The values of an axis, if there are no two alike."""
    if len({spec.canonical(value) for value in values}) < len(values):
        raise ConfigError(f"{where} = {values}: must be different values")
    return values


def _as_list(value):
    return value if isinstance(value, list) else [value]


def _require_readers(where, points, stages):
    """Refuse a parameter that nothing reads: whoever wrote it expects an effect."""
    read = {key for stage in stages.values() for key in stage.keys}
    unread = sorted({key for point in points for key in point} - read - {*DESCRIPTIVE, *FAMILIES})
    if unread:
        raise ConfigError(f"{where}.{unread[0]}: no stage of this experiment reads it; they read {', '.join(sorted(read))}")
