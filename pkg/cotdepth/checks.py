"""Checks of numbers that data, models, fits and theory share: which values are allowed."""

from operator import index

import numpy as np

SIMPLEX = 1e-9  # what probabilities may miss 1 by


def whole_number(value) -> int | None:
    """A value as an int where it is an integer, NumPy's among them; None for anything else, booleans among it."""
    try:
        return None if isinstance(value, (bool, np.bool_)) else index(value)
    except TypeError:
        return None


def count_argument(name: str, value) -> int:
    """An integer of at least 1; anything else is a ValueError."""
    count = whole_number(value)
    if count is None or count < 1:
        raise ValueError(f"{name} = {value!r}: must be an integer of at least 1")
    return count


def scale_argument(value, name: str = "scale") -> float:
    """A factor, such as the constant ``c`` of the training-data paper, as a float, finite and not 0; else ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < abs(value) < np.inf:
        raise ValueError(f"{name} = {value!r}: must be a finite number other than 0")
    return float(value)


def positive_argument(name: str, value) -> float:
    """A positive finite float; anything else is a ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
        raise ValueError(f"{name} = {value!r}: must be a positive finite number")
    return float(value)


def shares_argument(probabilities, count: int, name: str = "probabilities") -> np.ndarray:
    """Probabilities of `count` tasks, non-negative with sum 1; anything else is a ValueError that calls them `name`."""
    shares = np.asarray(probabilities)
    if shares.shape != (count,) or shares.dtype.kind not in "iuf":
        raise ValueError(f"{name} = {probabilities!r}: must be {count} numbers, one for each of the tasks")
    if not (shares >= 0).all() or abs(shares.sum() - 1) > SIMPLEX:
        raise ValueError(f"{name} = {shares.tolist()}: must be non-negative with sum 1")
    return shares.astype(float)


def starts_argument(starts, rng):
    """A number of random points to begin from, at least 0, and what draws them; anything else is a ValueError."""
    count = whole_number(starts)
    if count is None or count < 0:
        raise ValueError(f"starts = {starts!r}: must be an integer of at least 0")
    if count and rng is None:
        raise ValueError(f"rng = None: starts = {starts} random points need a np.random.Generator")


def mixture_argument(mixture: str) -> str:
    """What training draws from one task, a prompt or an example; anything else is a ValueError."""
    if mixture not in ("prompt", "example"):
        raise ValueError(f"mixture = {mixture!r}: must be 'prompt' or 'example'")
    return mixture


def choice_argument(name: str, value, allowed):
    """One of the allowed words; anything else is a ValueError."""
    if value not in tuple(allowed):
        raise ValueError(f"{name} = {value!r}: must be one of {', '.join(map(repr, allowed))}")
    return value
