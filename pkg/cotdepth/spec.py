"""Canonical specs, cell names and code digests: what a result depends on, as text that can be compared.

Standard library only: it is imported by every parse of the workflow and by every job before anything else.
"""

import ast
import functools
import hashlib
import json
import math
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
LONGEST_SLUG = 180  # of 255 characters that a file name may have; temporary names are longer than the name itself


class CodeError(ValueError):
    """A module or script that is missing or no valid Python, and so has no digest."""


def normalise(value):
    """The same value with numbers in one form: 10.0 becomes 10, -0.0 becomes 0, infinity becomes "inf".

    Raises
    ------
    ValueError
        If the value holds NaN, or something that JSON cannot hold.
    """
    if isinstance(value, dict):
        return {str(key): normalise(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [normalise(item) for item in value]
    if isinstance(value, float):
        return _normalise_float(value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    raise ValueError(f"{value!r}: a spec holds numbers, strings, lists and mappings, not {type(value).__name__}")


def _normalise_float(value):
    if math.isnan(value):
        raise ValueError("nan: a spec needs numbers that equal themselves")
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return int(value) if value == int(value) else value


def canonical(value) -> str:
    """Canonical JSON: sorted keys, normalised numbers, one form for equal values."""
    return json.dumps(normalise(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def identity(values: dict) -> str:
    """Eight hex digits that name a cell by its values on the cell axes."""
    return digest(canonical(values))[:8]


def cell_name(values: dict) -> str:
    """A readable file name for a cell: a slug of its values, then its identity.

    >>> cell_name({"alpha": 0.5, "tau": 4.0})
    'alpha0.5-tau4-8f9afe26'
    """
    slug = "-".join(f"{axis}{value}" for axis, value in normalise(values).items()) or "all"
    return f"{re.sub(r'[^A-Za-z0-9.+-]+', '_', slug)[:LONGEST_SLUG]}-{identity(values)}"


def code_digests(script: Path, known: dict | None = None) -> dict[str, str]:
    """A digest for a script and for every project module it can import, by module name.

    The closure is static: every parent package counts, and so do imports anywhere in a file, but for those inside
    functions of an ``__init__.py``, which serve users and run in no job. Comments, docstrings and layout do not change a
    digest.

    Parameters
    ----------
    script : Path
        Where to start.
    known : dict, optional
        Filled with what is found in each file, and believed: calls that share it read a file once.

    Raises
    ------
    CodeError
        If a file is missing or not valid Python, or uses a relative import.
    """
    script, known, digests = Path(script).resolve(), {} if known is None else known, {}
    waiting = {f"script.{script.stem}": script}
    while waiting:
        name, path = waiting.popitem()
        if path not in known:
            known[path] = _read(path)
        digests[name], imported = known[path]
        waiting.update((module, module_path(module)) for module in imported if module not in digests)
    return dict(sorted(digests.items()))


def code_digest(path: Path) -> str:
    """A digest of what a file does: its syntax tree without docstrings, and so without comments and layout."""
    return _digest_of_source(_source(path), str(path))


@functools.cache
def _digest_of_source(source, path):
    """A job looks at its code when it starts and again before it writes: what has not changed is parsed once."""
    return _digest_of_tree(_tree(source, path))


def module_path(module: str) -> Path:
    """The file of a project module, by its dotted name (a package is its ``__init__.py``)."""
    stem = PACKAGE.parent.joinpath(*module.split("."))
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


def _source(path):
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CodeError(f"{path}: no digest of this code ({error})") from None


def _tree(source, path):
    try:
        return ast.parse(source, filename=str(path))
    except SyntaxError as error:
        raise CodeError(f"{path}: no digest of this code ({error})") from None


def _read(path):
    """Digest of a file, and names of the project modules that it imports, with their parent packages."""
    tree = _tree(_source(path), path)
    return _digest_of_tree(tree), _imports(path, tree)


def _digest_of_tree(tree):
    return digest(ast.unparse(_without_docstrings(tree)))


def _without_docstrings(tree):
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return tree


def _imports(path, tree):
    """Names of the project modules that a file imports, with their parent packages."""
    found = set()
    for node in tree.body if Path(path).name == "__init__.py" else ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise CodeError(f"{path}, line {node.lineno}: relative import; write the full name, which code digests follow")
        for name in _imported_names(node):
            found.update(_with_parents(name))
    return found


def _imported_names(node):
    """Project modules named by one import statement; ``from package import name`` may name a module or a thing in one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE.name]
    if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == PACKAGE.name:
        inside = [f"{node.module}.{alias.name}" for alias in node.names]
        return [node.module, *(name for name in inside if module_path(name).exists())]
    return []


def _with_parents(module):
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
