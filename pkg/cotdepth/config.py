"""The configuration: checked against its schema before anything runs, ranges written out."""

import math

from cotdepth.hints import nearest

MOST_VALUES = 50_000   # in a configuration, aliases and ranges written out: a few bytes can stand for more than any memory holds
MOST_IN_A_RANGE = 10_000
DEEPEST = 20           # lists and mappings inside each other
MOST_MIXED = 200       # values of different kinds in a list: to find two alike, each is compared with each
LARGEST = 2**63        # whole numbers are below
LONGEST = 500          # characters of a line


class ConfigError(ValueError):
    """A configuration that says something it may not; one line for each fault, none too long to be read."""

    def __init__(self, message: str):
        lines = [line if len(line) <= LONGEST else f"{line[:LONGEST]}..." for line in str(message).splitlines()]
        super().__init__("\n".join(lines))


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
    import jsonschema

    require_plain(config)
    config = _write_out(config)
    faults = [f"{path} = nan: must be a number" for path in _nans(config, ())]
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(config), key=lambda error: error.json_path)
    faults = faults or list(dict.fromkeys(line for error in errors for line in _lines(error, schema)))   # a fault may break two rules
    if faults:
        raise ConfigError("\n".join(faults))
    return config


def require_plain(config) -> None:
    """Refuse what is no mapping of plain values, or too large or too deep to be one: before anything walks through all of it.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    if not isinstance(config, dict):
        raise ConfigError("config: must be a mapping of keys to values")
    waiting, count = [(config, ())], 0
    while waiting:
        value, path = waiting.pop()
        _require_plain_value(value, path)
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        count += 1 + (len(value) if inside else 0)
        if count > MOST_VALUES:
            raise ConfigError(f"config: more than {MOST_VALUES} values, repeated ones (YAML aliases) counted")
        waiting += [(item, (*path, key)) for key, item in inside]


def _require_plain_value(value, path):
    """One value of a configuration, and the last key that leads to it."""
    if len(path) > DEEPEST:
        raise ConfigError(f"{_dotted(path[:3])}: more than {DEEPEST} lists and mappings inside each other")
    if path and not (path[-1] is None or isinstance(path[-1], (str, int, float))):
        raise ConfigError(f"{_dotted(path)}: must have text as its key")
    if path and isinstance(path[-1], int) and not -LARGEST < path[-1] < LARGEST:
        raise ConfigError(f"{_dotted(path[:-1]) or 'config'}: must have text as its keys")
    if path and isinstance(path[-1], str) and not path[-1].isprintable():
        raise ConfigError(f"{_dotted(path)}: must have printable text in one line as its key")
    if isinstance(value, str) and not value.isprintable():
        raise ConfigError(f"{_dotted(path)} = {value!r}: must be printable text in one line")
    if isinstance(value, list) and len(value) > MOST_MIXED and path[-1] != "grids" and not _is_of_one_kind(value):
        raise ConfigError(f"{_dotted(path)}: a list of more than {MOST_MIXED} values must hold numbers alone, or text alone")
    if isinstance(value, int) and not -LARGEST < value < LARGEST:
        raise ConfigError(f"{_dotted(path)}: must be a number of at most 18 digits")
    if not (value is None or isinstance(value, (str, int, float, dict, list))):
        raise ConfigError(f"{_dotted(path)} = {value!r}: must be text, a number, a list or a mapping, not {type(value).__name__}")


def _is_of_one_kind(values):
    """Whether a list holds numbers alone or text alone."""
    return all(type(value) in (int, float) for value in values) or all(isinstance(value, str) for value in values)


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
    return "".join(f"[{key}]" if isinstance(key, int) else f".{_word(key)}" for key in path).removeprefix(".")


def _word(key):
    """A key in one line; one that is no plain text as Python writes it."""
    return key if isinstance(key, str) and key.isprintable() else repr(key)


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
    if not all(type(end) in (int, float) and math.isfinite(end) for end in (start, stop)):
        return None
    if type(count) is not int or not 2 <= count <= MOST_IN_A_RANGE:
        return None
    steps = [index / (count - 1) for index in range(count)]
    if spacing == "linear":
        return [_short(start + (stop - start) * step) for step in steps]
    if spacing == "log" and min(start, stop) > 0:
        return [_short(start * (stop / start) ** step) for step in steps]
    return None


def _short(value):
    return float(f"{value:.10g}")
