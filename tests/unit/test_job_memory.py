"""Memory of jobs: too little ends a job with one line and exit code 2, other faults keep their traceback; freed blocks are kept."""

import platform
import subprocess
import sys

import pytest

from cotdepth import spec, stamps

SCRIPT = """
from cotdepth.job import run


def main(job):
    {body}


if __name__ == "__main__":
    run(main)
"""
WANTS = {
    "no text": "raise MemoryError",
    "numpy": "import numpy\n    numpy.empty(2**58)",
    "torch": "import torch\n    torch.empty(2**58)",
    "a GPU": "import torch\n    raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 3 GiB.\\nGPU 0 has 1 GiB free.')",
}


def done(tmp_path, body):
    script, stamp = tmp_path / "wants_memory.py", tmp_path / "cell.json"
    script.write_text(SCRIPT.format(body=body))
    code = spec.code_digests(script)
    stamps.write_text(stamp, stamps.stamp_text(experiment="e", stage="s", axes={}, script=script, code=code, consumed={}))
    command = [sys.executable, script, "--stamp", stamp, "--out", tmp_path / "cell.nc"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("body", WANTS.values(), ids=WANTS)
def test_a_job_without_enough_memory_ends_with_one_line(tmp_path, body):
    found = done(tmp_path, body)
    [line] = found.stderr.splitlines()
    assert found.returncode == 2 and line.startswith("wants_memory.py: not enough memory: ") and not (tmp_path / "cell.nc").exists()


def test_another_fault_keeps_its_traceback(tmp_path):
    found = done(tmp_path, "raise RuntimeError('a fault')")
    assert found.returncode == 1 and "Traceback" in found.stderr and found.stderr.endswith("RuntimeError: a fault\n")


# How often the system hands out pages, small or huge, while eight arrays of 8 MB are made and freed fifty times.
CHURNS = """
import resource
import sys
import numpy as np
from cotdepth.job import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    [np.ones(2**20) for _ in range(8)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_memory_that_a_loop_frees_is_not_cleared_anew_in_each_step():
    kept, returned = (int(subprocess.check_output([sys.executable, "-c", CHURNS, word])) for word in ("kept", "returned"))
    assert 10 * kept < returned   # once, and in each of fifty steps
