"""Hints for names that are not there."""

import difflib


def nearest(name: str, valid) -> str:
    """A hint: the valid name nearest to one that is not, or all of them."""
    close = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.4)
    return f"the nearest valid one is {close[0]!r}" if close else f"valid ones are {', '.join(map(repr, sorted(valid)))}"
