"""Files that the page is made of, as the stamp of the report describes them."""

import hashlib
from pathlib import Path

from cotdepth.stamps import StampError


def read_part(path: Path, files: dict[str, str]) -> str:
    """The text of a template, style, script or caption.

    Parameters
    ----------
    path : Path
        The file.
    files : dict
        File name -> SHA-256, from the stamp.

    Raises
    ------
    StampError
        If it is not the file that the stamp describes.
    """
    content = path.read_bytes()
    if files.get(path.name) != hashlib.sha256(content).hexdigest():
        raise StampError(f"{path}: not as it was when the stamp was written; nothing was written, run snakemake again")
    return content.decode("utf-8")
