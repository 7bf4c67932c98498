"""Ctrl-C, put off while it would do harm."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def uninterrupted():
    """Ctrl-C takes effect at the end of the block.

    xarray takes two locks for a file, one after the other; interrupted between them it keeps the first, and waits for it without
    end when it closes the file. Only a main thread is ever interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)
