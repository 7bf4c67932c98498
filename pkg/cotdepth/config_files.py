"""Configuration files of somebody else, read so that nothing in them runs and nothing small in them becomes large.

Snakemake reads configuration files before the project does, and runs Python that stands in them where they ask for the template
language YTE. `./run` has them read here first; ``cotdepth check FILE`` does it by itself.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import yaml

from cotdepth.config import DEEPEST, MOST_VALUES, ConfigError, require_plain

LARGEST_FILE = 2**20  # bytes
TEMPLATE = "__use_yte__"


def read_config_file(path: Path) -> dict:
    """What a configuration file says, in plain values.

    Raises
    ------
    ConfigError
        If the file is missing, too large, neither JSON nor plain YAML, gives a key twice, or holds code.
    """
    try:
        config = _parsed(_text(Path(path)))
        require_plain(config)
    except (ConfigError, OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{str(path)!r}: {_reason(error)}") from None
    if TEMPLATE in config:
        raise ConfigError(f"{str(path)!r}: {TEMPLATE}: a configuration holds values, not code for snakemake to run")
    return config


def named_config_files(arguments: list[str]) -> list[Path]:
    """The files that a command line of snakemake names with ``--configfile``, in any of its spellings."""
    found, follows = [], False
    for argument in arguments:
        option, _, value = argument.partition("=")
        if argument.startswith("-"):
            names_files = option.startswith("--configf")
            found += [Path(value)] if names_files and value else []
            follows = names_files and option == argument   # of `--configfile=FILE` nothing more is taken
        elif follows:
            found.append(Path(argument))
    return found


def _text(path):
    if not path.is_file():
        raise ConfigError("no such file")
    if path.stat().st_size > LARGEST_FILE:
        raise ConfigError(f"larger than {LARGEST_FILE} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError("not a text; targets go before --configfile") from None


def _parsed(text):
    """JSON if it is that, else YAML, as snakemake tries them."""
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError:
        pass
    loader = yaml.SafeLoader(text)
    root = loader.get_single_node()
    if root is None:
        return None
    _require_small(root)
    _require_unique_keys(root)
    return loader.construct_document(root)


def _require_small(root):
    """Refuse YAML whose aliases stand for too much, before merged mappings are written out."""
    waiting, count = [(root, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        inside = node.value if isinstance(node, yaml.CollectionNode) else []
        count += 1 + len(inside)
        if count > 2 * MOST_VALUES or depth > DEEPEST + 1:
            raise ConfigError("too many values, or too deep inside each other, with its aliases written out")
        waiting += [(one, depth + 1) for item in inside for one in (item if isinstance(item, tuple) else (item,))]


def _require_unique_keys(node):
    """Refuse a key that a mapping gives twice: the last would count, without a word."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    lines = {}
    for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
        line, name = key.start_mark.line + 1, (key.tag, key.value)
        if name in lines:
            raise ConfigError(f"line {line}: {key.value!r} is given a second time, first in line {lines[name]}; leave one out")
        lines[name] = line
    inside = node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in pairs]
    for value in inside:
        _require_unique_keys(value)


def _unique_keys(pairs):
    """An object of JSON, refused if it gives a key twice."""
    twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    if twice:
        raise ConfigError(f"{twice[0]!r} is given a second time; leave one out")
    return dict(pairs)


def _reason(error):
    """An error in one line."""
    if isinstance(error, yaml.YAMLError):
        return f"not plain YAML ({' '.join(str(error).split())})"
    return "too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())


def main(arguments: list[str]) -> int:
    """Read the files that a command line of snakemake names; 2 with a line for each that is refused."""
    faults = []
    for path in named_config_files(arguments):
        try:
            read_config_file(path)
        except ConfigError as error:
            faults.append(f"run: {error}")
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 2 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
