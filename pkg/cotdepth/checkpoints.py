"""How far training has come, kept on disk: a job that was killed goes on from there, on a CPU to the same bytes."""

import hashlib
import io
from pathlib import Path

import torch

from cotdepth import spec
from cotdepth.stamps import replacing, write_new
from cotdepth.store import versions

DIGEST = 32   # bytes, before the state


class Checkpoints:
    """States of trainings by name, in a folder of their own.

    Parameters
    ----------
    folder : Path
        Made when a state is saved; another job of the same cell may remove it at any time.
    made_of : dict
        What decides the outcome beside the versions of libraries: stamp, inputs, device. States made of something else are not used.
    """

    def __init__(self, folder: Path, made_of: dict):
        self._folder, self._made_of = Path(folder), spec.digest(spec.canonical(made_of | {"versions": versions()}))

    def load(self, name: str) -> dict | None:
        """The state saved under this name, None if there is none, or none that can be used; never runs code that a file holds."""
        path = self._path(name)
        content = path.read_bytes() if path.exists() else None
        if content is None:
            return None
        if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
            print(f"{path}: damaged, and not used: training starts anew")
            return None
        try:
            return torch.load(io.BytesIO(content[DIGEST:]), map_location="cpu", weights_only=True)
        except Exception as error:   # whole, but not written here: it may hold anything
            print(f"{path}: not a checkpoint ({type(error).__name__}), and not used: training starts anew")
            return None

    def save(self, name: str, state: dict) -> None:
        """Keep a state in the place of the one before, whole or not at all."""
        written = io.BytesIO()
        torch.save(state, written)
        content = hashlib.sha256(written.getvalue()).digest() + written.getvalue()
        try:
            self._write(self._path(name), content)
        except FileNotFoundError:   # the folder was removed in this instant
            self._write(self._path(name), content)

    def _path(self, name):
        return self._folder / f"{name}.{self._made_of[:16]}.pt"

    def _write(self, path, content):
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            write_new(temporary, content)
