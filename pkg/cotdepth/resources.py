"""What a job asks a cluster for: memory, time, and a GPU where it may train on one; of no influence on its result."""

from collections.abc import Callable

from cotdepth.config import ConfigError
from cotdepth.hints import nearest


def job_needs(table: dict, asked: dict, rules: set[str]) -> dict[str, dict]:
    """What the first attempt at a job of each rule needs.

    Parameters
    ----------
    table : dict
        ``workflow/resources.yaml``: needs by rule, and under ``default`` those of all others.
    asked : dict
        The same from the configuration; a rule or a value that it does not name stays as it is.
    rules : set of str
        Names of all rules that have needs.

    Returns
    -------
    dict
        Rule -> ``{mem_mb, runtime}``, in MB and minutes, and ``gpu`` for rules that may use one.

    Raises
    ------
    ConfigError
        Naming an unknown rule and the nearest one.
    """
    unknown = [rule for rule in asked if rule not in rules]
    if unknown:
        raise ConfigError(f"resources.{unknown[0]}: no such rule; {nearest(unknown[0], rules)}")
    return {rule: {**table["default"], **table.get(rule, {}), **asked.get(rule, {})} for rule in rules}


def growing(needs: dict, device: str) -> dict[str, int | Callable]:
    """Snakemake's resources of a rule: twice and three times the memory and the time at a second and third attempt.

    Parameters
    ----------
    needs : dict
        ``mem_mb``, ``runtime`` and perhaps ``gpu``, at the first attempt.
    device : str
        What the configuration says; with ``cpu`` nothing asks for a GPU.
    """
    grown = {name: _times_attempt(needs[name]) for name in ("mem_mb", "runtime")}
    return grown | ({"gpu": needs["gpu"]} if "gpu" in needs and device != "cpu" else {})


def _times_attempt(amount):
    return lambda wildcards, attempt: amount * attempt
