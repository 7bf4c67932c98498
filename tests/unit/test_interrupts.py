"""Ctrl-C while an artifact is written or read."""

import signal
import threading

import pytest
import xarray as xr
from test_store import write

from cotdepth.interrupts import uninterrupted
from cotdepth.store import open_artifact


def test_ctrl_c_takes_effect_at_the_end_and_works_as_before_afterwards():
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        done.append(1)
    assert done == [1]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_nothing_is_put_off_in_another_thread_which_is_never_interrupted():
    done = []

    def work():
        with uninterrupted():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


@pytest.mark.parametrize("number", range(1, 20))
def test_a_write_that_is_interrupted_between_locks_ends_and_leaves_nothing_behind(tmp_path, monkeypatch, number):
    """Ctrl-C after each of the locks that xarray takes."""
    acquire, taken = xr.backends.locks.acquire, []

    def acquire_and_interrupt(lock, blocking=True):
        got = acquire(lock, blocking)
        taken.append(lock)
        if len(taken) == number:
            signal.raise_signal(signal.SIGINT)
        return got

    monkeypatch.setattr(xr.backends.locks, "acquire", acquire_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "cell.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_read_that_is_interrupted_goes_on_to_its_end_first(tmp_path, monkeypatch):
    write(tmp_path / "cell.nc")
    load, loaded = xr.Dataset.load, []

    def interrupt_and_load(self):
        signal.raise_signal(signal.SIGINT)
        loaded.append(load(self))
        return loaded[0]

    monkeypatch.setattr(xr.Dataset, "load", interrupt_and_load)
    with pytest.raises(KeyboardInterrupt):
        open_artifact(tmp_path / "cell.nc")
    assert loaded
