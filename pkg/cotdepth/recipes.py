"""What recipes of random draws share: a digest of what comes out, and the check that it comes out again."""

import hashlib

import numpy as np

from cotdepth.stamps import ArtifactError


def digest(*arrays: np.ndarray | None) -> str:
    """Sixteen hex digits of the bytes of some arrays; None counts as no bytes."""
    found = hashlib.blake2b(digest_size=8)
    for array in arrays:
        found.update(b"" if array is None else np.ascontiguousarray(array))
    return found.hexdigest()


def check_drawn(what: str, found: str, recorded: str) -> None:
    """Raise `ArtifactError` if the digest of what was drawn again is not the one that its recipe records."""
    if found != recorded:
        raise ArtifactError(f"{what}: drawn again it differs from its recipe; "
                            "delete the recipe, made on another machine or with other libraries, and run snakemake again")
