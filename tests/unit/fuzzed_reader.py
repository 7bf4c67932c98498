"""Read damaged copies of a file, one after another, in a process of its own: a reader in C that crashes or hangs takes that one along.

Command line: KIND WHOLE SEED FIRST COUNT, where KIND is ``artifact`` or ``checkpoint``, or the same with ``sealed-`` before it: then
the checksum of the file is made to fit the damage, as somebody with bad intentions would. Prints a line for each damaged copy: its number,
before it is read, then ``same`` (read, and what the whole file holds), ``refused`` (by the error that readers may raise, in one line) or
what is wrong.
"""

import contextlib
import hashlib
import io
import json
import resource
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np

MEMORY, SECONDS = 4 * 2**30, 5   # of one copy, of processor time: files are small, and other processes may keep this one waiting


def damaged(whole: bytes, rng) -> bytes:
    """A copy with bytes flipped, overwritten, inserted, removed, doubled or cut off: one to three such things."""
    data, used = bytearray(whole), np.flatnonzero(np.frombuffer(whole, np.uint8))   # most of a small file is empty space
    for _ in range(rng.integers(1, 4)):
        place = int(rng.choice(used) if rng.random() < 0.8 else rng.integers(len(data) + 1))
        length = int(rng.integers(1, 9))
        kind = rng.choice(["bit", "byte", "number", "insert", "remove", "double", "cut"], p=[0.3, 0.25, 0.2, 0.07, 0.07, 0.06, 0.05])
        if kind == "bit" and place < len(data):
            data[place] ^= 1 << int(rng.integers(8))
        elif kind == "byte":
            data[place : place + 1] = rng.bytes(1)
        elif kind == "number":   # sizes and addresses as they stand in binary files
            width = int(rng.choice([2, 4, 8]))
            value = int(rng.choice([0, 1, 2**15, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]))
            data[place : place + width] = (value % 256**width).to_bytes(width, "little")
        elif kind == "insert":
            data[place:place] = rng.bytes(length)
        elif kind == "remove":
            del data[place : place + length]
        elif kind == "double":
            data[place:place] = data[place : place + 64]
        elif kind == "cut":
            del data[place:]
    return bytes(data)


def judged(read, same, refusals, path):
    """What became of one copy."""
    try:
        found = read(path)
    except refusals as error:
        return "refused" if "\n" not in str(error) else f"refused in several lines: {error!r}"
    except BaseException as error:
        return f"raised {error!r}"
    return "same" if same(found) else "read as something else"


def artifact_reader(path):
    """Read an artifact in every way that the project does."""
    from cotdepth import store
    from cotdepth.audit import recorded
    from cotdepth.stamps import ArtifactError

    def read(path):
        dataset, made = store.open_artifact(path), recorded(path)
        return dataset, made

    whole = read(path)

    def same(found):
        return found[0].identical(whole[0]) and found[1] == whole[1]

    return read, same, (ArtifactError,)


def checkpoint_reader(path):
    """Read a checkpoint; one that is damaged is not used."""
    import torch

    from cotdepth.checkpoints import Checkpoints

    def read(path):
        with contextlib.redirect_stdout(io.StringIO()):
            return Checkpoints(path.parent, {}).load(path.name.partition(".")[0])

    def same(found):
        return found is None or json.dumps(_plain(found, torch)) == json.dumps(whole)

    whole = _plain(read(path), torch)
    return read, same, ()


def _plain(state, torch):
    if isinstance(state, dict):
        return {name: _plain(value, torch) for name, value in state.items()}
    return state.tolist() if isinstance(state, torch.Tensor) else state


def sealed_artifact(whole, rng):
    """A damaged copy whose seal fits."""
    from cotdepth.store import SEAL

    data = damaged(whole[: -len(SEAL) - 32], rng)
    return data + SEAL + hashlib.sha256(data).digest()


def sealed_checkpoint(whole, rng):
    """A damaged copy whose digest fits."""
    data = damaged(whole[32:], rng)
    return hashlib.sha256(data).digest() + data


DAMAGED = {"artifact": damaged, "checkpoint": damaged, "sealed-artifact": sealed_artifact, "sealed-checkpoint": sealed_checkpoint}
READERS = {"artifact": artifact_reader, "checkpoint": checkpoint_reader}


def main(kind, whole, seed, first, count):
    whole = Path(whole)
    read, same, refusals = READERS[kind.removeprefix("sealed-")](whole)
    content = whole.read_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(int(first), int(first) + int(count)):
            path = Path(folder) / whole.name
            path.write_bytes(DAMAGED[kind](content, np.random.default_rng([int(seed), number])))
            print(number, end=" ", flush=True)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            verdict = judged(read, same, refusals, path)
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(" ".join(verdict.split()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
