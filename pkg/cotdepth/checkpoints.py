"""How far training has come, kept on disk: a job that was killed goes on from there, to the same bytes."""

import pickle
from pathlib import Path

import torch

from cotdepth import spec
from cotdepth.stamps import flush, replacing
from cotdepth.store import versions

UNREADABLE = (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError)   # of damaged or foreign files


class Checkpoints:
    """States of trainings by name, in a folder of their own.

    Parameters
    ----------
    folder : Path
        Made when the first state is saved.
    made_of : dict
        What decides the outcome beside the versions of libraries: stamp, inputs, device. States made of something else are not used.
    """

    def __init__(self, folder: Path, made_of: dict):
        self._folder, self._made_of = Path(folder), spec.digest(spec.canonical(made_of | {"versions": versions()}))

    def load(self, name: str) -> dict | None:
        """The state saved under this name, None if there is none that can be used; never runs code that a file holds."""
        path = self._folder / f"{name}.pt"
        if not path.exists():
            return None
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            if saved["made_of"] == self._made_of:
                return saved["state"]
            print(f"{path}: of other parameters, code, inputs, versions or device: training starts anew")
        except UNREADABLE as error:
            print(f"{path}: cannot be read ({error}): training starts anew")
        return None

    def save(self, name: str, state: dict) -> None:
        """Keep a state in the place of the one before, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._folder / f"{name}.pt") as temporary:
            torch.save({"made_of": self._made_of, "state": state}, temporary)
            flush(temporary)
