"""Is a run of snakemake under way? It holds its lock from its start to its end; one that was killed leaves it behind."""

from pathlib import Path

from cotdepth.stamps import ProvenanceError

LOCKS = Path(".snakemake") / "locks"  # in the folder that snakemake was started in


class RunUnderWay(ProvenanceError):
    """Something that would disturb a run of snakemake that is under way."""


def is_held(locks: Path) -> bool:
    """Whether a run holds the locks in this folder."""
    return locks.is_dir() and any(locks.iterdir())


def require_no_run(root: Path) -> None:
    """Refuse to go on while a run started in this folder, or in one that holds the results, is under way.

    Raises
    ------
    RunUnderWay
        Naming the lock, and what to do if nothing runs.
    """
    places = dict.fromkeys([Path.cwd(), *Path(root).resolve().parents])
    for place in [place for place in places if is_held(place / LOCKS)]:
        raise RunUnderWay(f"{place / LOCKS}: snakemake is running here; wait for its end (if it was killed: "
                          f"`snakemake --unlock` in {place})")  # fmt: skip
