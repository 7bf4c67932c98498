"""Writing figures: whole, with the same bytes every time, and with the stamp that they were made from."""

import base64
import json
import re
from pathlib import Path

from matplotlib.figure import Figure

from cotdepth import spec
from cotdepth.stamps import ArtifactError, replacing


def save_figure(figure: Figure, path: Path, *, stamp_text: str, inputs: dict, check) -> None:
    """Write a figure as PNG or PDF, with its provenance in the file's metadata.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    path : Path
        Ends in ``.png`` or ``.pdf``.
    stamp_text, inputs, check
        As in `cotdepth.store.write_artifact`.
    """
    made = {"stamp": spec.digest(stamp_text), "inputs": inputs, "spec": json.loads(stamp_text)["spec"],
            "code": json.loads(stamp_text)["code"]}  # fmt: skip
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata=_metadata(path.suffix, base64.b64encode(spec.canonical(made).encode()).decode()))
        check()


def read_figure(path: Path) -> dict:
    """The provenance of a figure: ``stamp``, ``inputs``, ``spec`` and ``code``.

    Raises
    ------
    ArtifactError
        If the file is damaged, or has none.
    """
    try:
        text = _read_pdf(path) if Path(path).suffix == ".pdf" else _read_png(path)
        return json.loads(base64.b64decode(text))
    except (OSError, SyntaxError, ValueError) as error:
        raise ArtifactError(f"{path}: damaged ({error}); delete it and run snakemake again") from None
    except (AttributeError, KeyError, TypeError):
        raise ArtifactError(f"{path}: not a figure of cotdepth (it has no stamp)") from None


def _read_png(path):
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return image.text["cotdepth"]


def _read_pdf(path):
    content = Path(path).read_bytes()
    if not content.rstrip().endswith(b"%%EOF"):
        raise ValueError("it has no end")
    return re.search(rb"/Keywords \(([A-Za-z0-9+/=]+)\)", content)[1]


def _metadata(suffix, made):
    """Fixed metadata: no dates, no version of the library that drew it."""
    if suffix == ".pdf":
        return {"CreationDate": None, "Producer": None, "Creator": "cotdepth", "Keywords": made}
    return {"Software": "cotdepth", "cotdepth": made}
