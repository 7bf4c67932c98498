"""Which code and which libraries made the results, from what the files say of themselves."""

from collections import Counter
from pathlib import Path

from cotdepth import spec
from cotdepth.audit import listed, recorded


def made_with(results: Path, figures: list[Path], ledger: list[Path]) -> dict:
    """Versions and code of everything below a results folder.

    Returns
    -------
    dict
        ``artifacts`` and ``figures``, how many; ``versions``, library -> version -> files; ``modules``, module -> digests of its code;
        ``code``, one digest over all of them; ``data``, one digest over the contents of all artifacts.

    Raises
    ------
    ArtifactError
        If a file is missing or damaged.
    """
    artifacts = [*listed(results), *ledger]
    records = [recorded(path) for path in (*artifacts, *figures)]
    modules = {}
    for record in records:
        for module, digest in record["code"].items():
            modules.setdefault(module, set()).add(digest)
    modules = {module: sorted(digests) for module, digests in sorted(modules.items())}
    contents = sorted(record["content"] for record in records if "content" in record)
    return {"artifacts": len(artifacts), "figures": len(figures), "versions": _versions(records), "modules": modules,
            "code": spec.digest(spec.canonical(modules)), "data": spec.digest(spec.canonical(contents))}  # fmt: skip


def _versions(records):
    counts = {}
    for record in records:
        for library, version in record["versions"].items():
            counts.setdefault(library, Counter())[version] += 1
    return {library: dict(sorted(versions.items())) for library, versions in sorted(counts.items(), key=lambda item: item[0].lower())}
