"""Pictures as part of the page: no file beside it, no request."""

import base64
import struct
from pathlib import Path
from typing import NamedTuple

from cotdepth.stamps import ArtifactError

SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Picture(NamedTuple):
    """A PNG: its address, which holds it, its size in pixels and in bytes."""

    source: str
    width: int
    height: int
    size: int


def picture(path: Path) -> Picture:
    """Read a PNG.

    Raises
    ------
    ArtifactError
        If the file is none.
    """
    content = Path(path).read_bytes()
    if content[:8] != SIGNATURE or content[12:16] != b"IHDR":
        raise ArtifactError(f"{path}: not a PNG; delete it and run snakemake again")
    width, height = struct.unpack(">II", content[16:24])
    return Picture(f"data:image/png;base64,{base64.b64encode(content).decode()}", width, height, len(content))
