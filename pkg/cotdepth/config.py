"""The configuration: checked against its schema before anything runs, ranges written out."""

import math

import jsonschema

from cotdepth.hints import nearest


class ConfigError(ValueError):
    """A configuration that says something it may not; one line for each fault."""


def check_config(config: dict, schema: dict) -> dict:
    """The configuration with its ranges written out as lists, once it is known to fit the schema.

    Parameters
    ----------
    config : dict
        What the YAML files say.
    schema : dict
        JSON schema whose properties carry, beside the usual keys, ``unit``, ``description`` and ``expected`` (the allowed
        values in words, used in messages).

    Raises
    ------
    ConfigError
        Naming the key, its value and what is allowed; an unknown key comes with the nearest valid one.
    """
    config = _write_out(config)
    faults = [f"{path} = nan: must be a number" for path in _nans(config, ())]
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(config), key=lambda error: error.json_path)
    faults = faults or list(dict.fromkeys(line for error in errors for line in _lines(error, schema)))   # a fault may break two rules
    if faults:
        raise ConfigError("\n".join(faults))
    return config


def _nans(value, path):
    """Paths of all NaN in nested values; comparisons let them through, so a schema cannot refuse them."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _nans(item, (*path, key))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in _nans(item, (*path, index))]
    return [_dotted(path)] if isinstance(value, float) and math.isnan(value) else []


def _lines(error, schema):
    """One line for each fault that a schema error reports."""
    path = _dotted(error.absolute_path)
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known = _known(error.schema, schema)
        unknown = [key for key in error.instance if key not in known]
        return [f"{_dotted([*error.absolute_path, key])}: unknown key; {nearest(str(key), known)}" for key in unknown]
    if "expected" in error.schema:
        return [f"{path} = {error.instance!r}: must be {error.schema['expected']}"]
    return [f"{path or 'config'}: {error.message}"]


def _known(part, schema):
    """Names of the properties of a part of the schema, with those that it refers to."""
    referred = schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else {}
    return {**part.get("properties", {}), **referred.get("properties", {})}


def _dotted(path):
    """``experiments.mine.alpha[2]`` for the keys and indices that lead to a value."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def _write_out(value):
    """Ranges ``{from, to, count, spacing}`` written out as lists, everywhere in a value; faulty ones stay for the schema."""
    if isinstance(value, list):
        return [_write_out(item) for item in value]
    if not isinstance(value, dict):
        return value
    if {"from", "to", "count"} <= value.keys() <= {"from", "to", "count", "spacing"}:
        return _range(value["from"], value["to"], value["count"], value.get("spacing", "linear")) or value
    return {key: _write_out(item) for key, item in value.items()}


def _range(start, stop, count, spacing):
    """``count`` values from start to stop, rounded to ten digits so that their text is short; None if that can't be."""
    if not all(type(end) in (int, float) and math.isfinite(end) for end in (start, stop)) or type(count) is not int or count < 2:
        return None
    steps = [index / (count - 1) for index in range(count)]
    if spacing == "linear":
        return [_short(start + (stop - start) * step) for step in steps]
    if spacing == "log" and min(start, stop) > 0:
        return [_short(start * (stop / start) ** step) for step in steps]
    return None


def _short(value):
    return float(f"{value:.10g}")
