"""Where training runs: of no influence on what is trained but for rounding, and so in the log, not in the stamp."""

import resource
import sys

import torch

from cotdepth.gpu_locks import take_gpu, visible_gpus


class DeviceError(OSError):
    """A device that was asked for and is not there."""


def chosen_device(asked: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` is CUDA where there is one. Says so in the log.

    Of several GPUs, ``cuda`` is from then on the first that no other job holds (`cotdepth.gpu_locks`), among those that
    CUDA_VISIBLE_DEVICES shows; while all are held, this waits.

    Raises
    ------
    DeviceError
        If CUDA was asked for and torch finds none.
    """
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise DeviceError("device = cuda: torch finds no CUDA device on this machine; use cpu or auto")
    if not there or asked == "cpu":
        print("device: cpu")
        return "cpu"
    names = visible_gpus([torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())])
    place = take_gpu(names)
    torch.cuda.set_device(place)
    print(f"device: {device_name('cuda')}, {names[place]}, of {', '.join(names)}")
    return "cuda"


def device_name(device: str) -> str:
    """With the name of the GPU: rounding differs between them."""
    return f"cuda, {torch.cuda.get_device_name()}" if device == "cuda" else device


def peak_memory() -> str:
    """The most memory that this process has had so far, and of a GPU if it used one, in words for the log."""
    unit = 1 if sys.platform == "darwin" else 2**10   # of ru_maxrss, in bytes
    said = f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20:.0f} MiB"
    used = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return said + (f", of the GPU {used / 2**20:.0f} MiB" if used else "")
