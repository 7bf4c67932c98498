"""Where training runs: of no influence on what is trained but for rounding, and so in the log, not in the stamp."""

import torch


class DeviceError(OSError):
    """A device that was asked for and is not there."""


def chosen_device(asked: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` is CUDA where there is one. Says so in the log.

    Raises
    ------
    DeviceError
        If CUDA was asked for and torch finds none.
    """
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise DeviceError("device = cuda: torch finds no CUDA device on this machine; use cpu or auto")
    device = "cuda" if there and asked != "cpu" else "cpu"
    print(f"device: {device_name(device)}")
    return device


def device_name(device: str) -> str:
    """With the name of the GPU: rounding differs between them."""
    return f"cuda, {torch.cuda.get_device_name()}" if device == "cuda" else device
