"""One job of the workflow: read the stamp, call the package, write the artifact.

A script's ``main(job)`` imports what it uses inside the function, so that the stamp is read before the code that it
describes is loaded. Standard library only at the top, for the same reason.
"""

import argparse
import ctypes
import os
import platform
import shutil
import sys
import time
from pathlib import Path

from cotdepth import spec
from cotdepth.stamps import ProvenanceError, StampError, asked_inputs, read_stamp, remove_leftovers, replacing, write_new

THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3   # of malloc.h, with the most that each may be
MOST_TRIM, MOST_MMAP = 2**31 - 1, 2**25
DEVICES = ("auto", "cpu", "cuda")   # what a script that trains or runs a network takes as ``--device``


class Job:
    """What a script needs of its job.

    Attributes
    ----------
    spec : dict
        Everything that this cell of this stage consumes, from the stamp.
    axes : dict
        The cell's values on the cell axes.
    identity : str
        Eight hex digits that name the cell (`cotdepth.spec.identity` of the axes).
    folder : Path
        Where the job writes.
    working_folder : Path
        Beside the artifact, for what must outlive a killed job; gone once the artifact is written.
    """

    def __init__(self, arguments: argparse.Namespace, script: Path):
        self._arguments, self._script = arguments, script
        self._stamp_text, self._stamp = read_stamp(arguments.stamp)
        self.spec, self.axes = self._stamp["spec"], self._stamp["axes"]
        self.identity = spec.identity(self.axes)
        self._lineage, self._read, self._asked = {}, {}, asked_inputs(self._stamp)
        self.folder = arguments.out[0].parent
        self.working_folder = self.folder / f".{arguments.out[0].stem}.work"
        self._check_code()
        for path in arguments.out:
            remove_leftovers(path)  # of a job that was killed; what an orphan is writing it then can't move into place

    def choice(self, name: str) -> str:
        """What the command line chose, of something that changes the result by rounding at most."""
        return getattr(self._arguments, name)

    def paths(self, name: str) -> list[Path]:
        """The paths given as ``--name``, as they are."""
        return getattr(self._arguments, name)

    def read(self, name: str) -> list:
        """The datasets given as ``--name``, each checked to be whole and as it was written."""
        from cotdepth.store import open_artifact

        paths = getattr(self._arguments, name)
        datasets = [open_artifact(path) for path in paths]
        for path, made in zip(paths, (dataset.attrs for dataset in datasets)):
            label = f"{made['experiment']}/{made['stage']}/{made['cell']}"
            self._require_asked(path, label)
            self._lineage[label] = {"stamp": made["stamp"], "content": made["content"]}
            self._read[path] = made["content"]
        return datasets

    def made_of(self) -> dict:
        """The stamp, and the content of every input read so far."""
        return {"stamp": self._stamp_text, "inputs": self._lineage}

    def progress(self, steps, name: str):
        """The steps, with a progress bar in the log every few seconds."""
        from tqdm import tqdm

        return tqdm(steps, name, mininterval=5, ascii=True)

    def write(self, dataset) -> None:
        """Write the artifact, if the stamp and the code are still what they were when the job started."""
        from cotdepth.store import write_artifact

        write_artifact(dataset, self._arguments.out[0], stamp_text=self._stamp_text, inputs=self._lineage, check=self._check)
        shutil.rmtree(self.working_folder, ignore_errors=True)

    def write_figure(self, figure, save) -> None:
        """Write a figure to every path of ``--out`` by `cotdepth.figures.saving.save_figure`, under the same condition."""
        save(figure, self._arguments.out, stamp_text=self._stamp_text, inputs=self._lineage, check=self._check)

    def write_page(self, text: str) -> None:
        """Write a text under the same condition."""
        with replacing(self._arguments.out[0]) as temporary:
            write_new(temporary, text.encode())
            self._check()

    def _require_asked(self, path, label):
        """Raise `StampError` if the stamp asks for other inputs: the job was planned by a configuration before or after it."""
        if self._asked is not None and label not in self._asked:
            raise StampError(f"{self._arguments.stamp}: does not ask for {path}; nothing was written, run snakemake again")

    def _check(self):
        """Raise `StampError` if the stamp, the code that it describes or an input changed since the job read it, or one is missing."""
        missing = sorted((self._asked or set()) - self._lineage.keys())
        if missing:
            raise StampError(f"{self._arguments.stamp}: asks for {missing[0]} too; nothing was written, run snakemake again")
        if read_stamp(self._arguments.stamp)[0] != self._stamp_text:
            raise StampError(f"{self._arguments.stamp}: changed while the job ran; nothing was written, run snakemake again")
        self._check_code()
        self._check_inputs()

    def _check_inputs(self):
        """Raise `StampError` if an input is no longer what was read: a newer run made it again."""
        from cotdepth.store import read_attributes

        for path, content in self._read.items():
            if read_attributes(path)["content"] != content:
                raise StampError(f"{path}: made again while the job ran; nothing was written, run snakemake again")

    def _check_code(self):
        """Raise `StampError` if a stamped or loaded module is not the code that the stamp describes."""
        found = {module: spec.code_digest(spec.module_path(module)) for module in _modules(self._stamp["code"])}
        found[f"script.{self._script.stem}"] = spec.code_digest(self._script)
        changed = [module for module, code in found.items() if self._stamp["code"].get(module) != code]
        if changed:
            raise StampError(f"{self._arguments.stamp}: it describes other code of {changed[0]} than there is; "
                             "nothing was written, run snakemake again")


def run(main, inputs=(), choices=None) -> None:
    """Run a script: parse its command line, hand ``main`` its `Job`, and say how long it took.

    Every script takes ``--stamp FILE``, ``--out FILE...`` and, for each name of ``inputs``, ``--NAME [FILE...]``; for each name of
    ``choices`` ``--NAME WORD``, one of its words, the first if it is not given. Ends with exit
    code 2 and one line where the stamp, the code, an input, the disk or the device is not what it should be, where memory does not
    suffice, or training diverged.
    """
    script = Path(main.__code__.co_filename).resolve()
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__)
    parser.add_argument("--stamp", type=Path, required=True, metavar="FILE")
    for name in (*inputs, "out"):
        parser.add_argument(f"--{name}", type=Path, nargs="+" if name == "out" else "*", required=True, metavar="FILE")
    for name, words in (choices or {}).items():
        parser.add_argument(f"--{name}", choices=words, default=words[0])
    arguments = parser.parse_args()
    os.environ.update(dict.fromkeys(THREAD_SETTINGS, "1"))
    keep_freed_memory()
    started = time.perf_counter()
    try:
        main(Job(arguments, script))
    except (ProvenanceError, spec.CodeError, OSError, FloatingPointError) as error:
        _stop(script, error)
    except (MemoryError, RuntimeError) as error:
        if not _lacks_memory(error):
            raise
        _stop(script, f"not enough memory: {' '.join(str(error).split()) or 'no more could be had'}")
    print(f"{arguments.out[0]}: {time.perf_counter() - started:.1f} s on {platform.node()}, {time.strftime('%Y-%m-%d %H:%M:%S%z')}")


def keep_freed_memory() -> None:
    """Have glibc keep freed blocks for the next step of a loop: it hands them back by default, and the system clears each page anew.

    A tenth to a fifth of the time of GPT-2. Other C libraries have no such setting; results do not depend on it.
    """
    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        set_option(TRIM_THRESHOLD, MOST_TRIM)
        set_option(MMAP_THRESHOLD, MOST_MMAP)


def _stop(script, reason):
    print(f"{script.name}: {reason}", file=sys.stderr)
    raise SystemExit(2) from None


def _lacks_memory(error):
    """Whether an error is for want of memory, of the machine or of a GPU; torch has no kind of its own for the first."""
    gpu = getattr(sys.modules.get("torch"), "OutOfMemoryError", MemoryError)
    return isinstance(error, (MemoryError, gpu)) or "can't allocate memory" in str(error)


def _modules(stamped):
    """Project modules that the stamp describes or that are loaded by now."""
    loaded = {name for name in sys.modules if name.split(".")[0] == spec.PACKAGE.name}
    return sorted(loaded | {name for name in stamped if not name.startswith("script.")})
