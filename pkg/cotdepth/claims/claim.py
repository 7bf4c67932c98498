"""A claim: one checkable sentence of a paper, the form in which it is checked, and what the check found.

A new claim is one function in a file of its paper, with the decorator `Ledger.claim`. Its parameters are the roles of the
artifacts that it reads (none for a claim about theory alone), and it returns an `Outcome`.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

KINDS = ("exact", "numerical", "statistical")
STANDINGS = ("stated", "reading", "open")
VERDICTS = ("holds", "holds as corrected", "fails", "not run")


class NotRun(Exception):
    """Raised by a check whose data cannot decide the claim; the message says what it needs."""


class Check(NamedTuple):
    """One number and what it may be at most: the form holds if ``value <= limit``.

    ``measure`` says in words what the number is, so that it can be read in the ledger without the code.
    """

    measure: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the value is within the limit; a value that is not a number is not."""
        return bool(self.value <= self.limit)


class Outcome(NamedTuple):
    """What a check found: of the sentence as printed, and of its corrected form if it needs one."""

    printed: Check
    corrected: Check | None = None

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, from the numbers alone."""
        if self.printed.holds:
            return "holds"
        return "holds as corrected" if self.corrected is not None and self.corrected.holds else "fails"


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper, and how it is checked.

    Attributes
    ----------
    paper : str
        ``training-data``, ``asymptotic`` or ``gradient-flow``.
    number : str
        The statement that it belongs to, as in the list of the paper's statements: ``Theorem 3.1``, ``Figure 2b``.
    name : str
        A few words that tell the claims of one statement apart; paper, number and name are its identity.
    sentence : str
        What the paper says, in our words.
    form : str
        What is checked, exactly.
    kind : str
        ``exact`` (algebra, to rounding), ``numerical`` (a computation with a stated tolerance) or ``statistical`` (from random
        draws; the form states the false-alarm rate).
    erratum : str
        What is wrong with the printed sentence and how it should read; empty if nothing is.
    standing : str
        ``stated`` by the paper, one ``reading`` of what it says loosely or leaves to the reader, or ``open``: a question that it asks
        or what it does not speak of. An erratum is of something stated.
    check : callable
        Takes combined datasets by role and returns an `Outcome`, or raises `NotRun`.
    """

    paper: str
    number: str
    name: str
    sentence: str
    form: str
    kind: str
    erratum: str
    check: Callable[..., Outcome]
    standing: str = "stated"

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles of the artifacts that the check reads."""
        return tuple(inspect.signature(self.check).parameters)

    @property
    def label(self) -> str:
        """Identity in one line."""
        return f"{self.paper}: {self.number}, {self.name}"


@dataclass
class Ledger:
    """The claims about one paper, in the order in which they were written down."""

    paper: str
    claims: list[Claim] = field(default_factory=list)

    def claim(self, number: str, name: str, *, sentence: str, form: str, kind: str, erratum: str = "", standing: str = "stated"):
        """Decorate a check: add the claim that it decides.

        Raises
        ------
        ValueError
            If the kind is not one of `KINDS` or the standing not one of `STANDINGS`, what has an erratum is not stated, or the label
            is taken.
        """
        if kind not in KINDS:
            raise ValueError(f"kind = {kind!r}: must be {', '.join(KINDS)}")
        if standing not in STANDINGS:
            raise ValueError(f"standing = {standing!r}: must be {', '.join(STANDINGS)}")
        if erratum and standing != "stated":
            raise ValueError(f"erratum = {erratum!r}: of something that the paper does not state (standing = {standing!r})")

        def add(check):
            claim = Claim(self.paper, number, name, sentence, form, kind, erratum, check, standing)
            if claim.label in {known.label for known in self.claims}:
                raise ValueError(f"name = {name!r}: {number} has a claim of this name already")
            self.claims.append(claim)
            return check

        return add


def z_limit(false_alarm: float, comparisons: int = 1) -> float:
    """Largest absolute standardised difference allowed, for a two-sided false-alarm rate over all comparisons together."""
    from scipy.stats import norm

    return float(-norm.ppf(false_alarm / (2 * comparisons)))


def worst(values) -> float:
    """The largest of many numbers; NaN if there are none or one of them is not a number, which no limit allows."""
    found = [float(value) for value in values]
    return math.nan if not found or any(map(math.isnan, found)) else max(found)
