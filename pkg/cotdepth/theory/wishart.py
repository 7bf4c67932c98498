"""Exact means over random prompts: traces of products of a Wishart matrix and fixed ones.

``W = Z Z^T`` with ``Z`` of shape (dim, n_context), independent standard normal entries.
"""

from collections import defaultdict
from fractions import Fraction
from functools import cache
from math import prod

import numpy as np


@cache
def trace_moment(dim: int, n_context: int, power: int) -> int:
    """``E tr(W^power)``, an integer.

    Notes
    -----
    The power sum is a combination of zonal polynomials, and only partitions of the form (a, b, 1, ..., 1) contribute;
    the mean of each zonal polynomial is a product over its boxes (Hanlon, Stanley and Stembridge 1992). This replaces a
    recursion over all partitions and costs O(power^3).
    """
    if power == 0:
        return dim
    return int(2 * power * sum(_zonal_term(shape, dim, n_context) for shape in _near_hooks(power)))


def _near_hooks(size):
    """Partitions (a, b, 1, ..., 1) of a size."""
    yield (size,)
    for a in range(1, size):
        for b in range(1, min(a, size - a) + 1):
            yield (a, b) + (1,) * (size - a - b)


def _zonal_term(shape, dim, n_context):
    """Coefficient of one zonal polynomial in the power sum, over twice the size, times its mean."""
    boxes = [(i, j) for i, row in enumerate(shape) for j in range(row)]
    heights = [sum(row > j for row in shape) for j in range(shape[0])]
    contents = [2 * j - i for i, j in boxes]  # that of the corner, 0, comes first
    hooks = [(shape[i] - j - 1, heights[j] - i - 1) for i, j in boxes]  # arm and leg
    norm = prod((2 * arm + leg + 1) * (2 * arm + leg + 2) for arm, leg in hooks)
    mean = prod((n_context + content) * (dim + content) for content in contents)
    return Fraction(prod(contents[1:]) * mean, norm)


def mean_traces(words, n_context, algebra) -> list:
    """``E tr(W A_1 W A_2 ... W A_r)`` for each word, by contracting one pair of normal factors after the other.

    Parameters
    ----------
    words : list of tuple
        The fixed matrices ``A_1 .. A_r`` of each trace, as elements of the algebra.
    n_context : int or array of them
        Columns of ``Z``; an array broadcasts against the traces of the algebra, and all its means take one contraction.
    algebra
        What the fixed matrices are, and the type of the result:
        has ``product(a, b)``, ``transpose(a)`` and ``trace(a)`` (`Diagonal`, `General`), a number or an array.

    Notes
    -----
    ``E[Z_pa F] = E[dF/dZ_pa]``: the first ``Z`` meets its partner, which leaves ``n_context``, or either factor of another
    ``W``, in the same trace (which then turns round or splits) or in another (which then joins it). Equal products of
    traces are computed once, so the cost stays far below the (2r - 1)!! pairings.
    """
    canonical, n_context = cache(lambda word: _canonical(word, algebra)), _plain(n_context)

    @cache
    def mean(words):
        if not words:
            return 1
        factors = defaultdict(int)
        for factor, rest in _contractions(words[0], words[1:], n_context, algebra):
            rest = tuple(sorted(map(canonical, rest)))
            factors[rest] = factors[rest] + factor  # not in place: traces are shared
        return sum(factor * mean(rest) for rest, factor in factors.items())

    return [mean((canonical(word),)) for word in words]


def _contractions(word, others, n_context, algebra):
    """What the first ``Z`` of a word leaves: pairs of a factor and the remaining words."""
    yield _closed(word, others, algebra, n_context)
    for i in range(1, len(word)):
        head, tail = word[:i], word[i:]
        yield 1, (_joined(tail, _turned(head, algebra), algebra), *others)
        yield _closed(tail, (head, *others), algebra)
    for i, other in enumerate(others):
        rest = others[:i] + others[i + 1 :]
        for j in range(len(other)):
            there = other[j:] + other[:j]
            yield 1, (_joined(there, _turned(word, algebra), algebra), *rest)
            yield 1, (_joined(word, there, algebra), *rest)


def _turned(word, algebra):
    """The transpose of the word: read backwards, each matrix transposed."""
    return tuple(algebra.transpose(a) for a in reversed(word))


def _joined(first, second, algebra):
    """The word ``A_1 W .. A_r B_1 W .. B_s``: no ``W`` between the two."""
    return first[:-1] + (algebra.product(first[-1], second[0]),) + second[1:]


def _closed(word, others, algebra, factor=1):
    """``tr(A_1 W A_2 .. W A_r)``, one ``W`` less than matrices: a number if none is left."""
    if len(word) == 1:
        return factor * algebra.trace(word[0]), others
    return factor, (word[1:-1] + (algebra.product(word[-1], word[0]),), *others)


def _canonical(word, algebra):
    """The smallest of the ways to write the same trace: rotations, and the transpose."""
    ways = (word, _turned(word, algebra))
    least = min(map(min, ways))
    return min(way[i:] + way[:i] for way in ways for i, first in enumerate(way) if first == least)


def _plain(values):
    """An array of one value as a Python number, which computes faster; others as they are."""
    return np.asarray(values).item() if np.size(values) == 1 else values


class Diagonal:
    """Matrices ``diag(first^a second^b)`` as their exponents ``(a, b)``; of integers, so that means are exact.

    Parameters
    ----------
    first, second : (..., dim) array of int
        Of type object, for integers of any size; traces have shape (...).
    """

    def __init__(self, first: np.ndarray, second: np.ndarray):
        self._trace = cache(lambda a, b: _plain((first**a * second**b).sum(-1)))

    def product(self, first, second):
        """The exponents add up."""
        return first[0] + second[0], first[1] + second[1]

    def transpose(self, element):
        """A diagonal matrix is its transpose."""
        return element

    def trace(self, element):
        """The sum over the diagonal."""
        return self._trace(*element)


class General:
    """Products of named matrices as words of their names: ``"qQ"`` is ``q q^T``, the empty word the identity.

    Parameters
    ----------
    symmetric : str
        Names of the matrices that equal their transpose.
    **matrices : (..., dim, dim) array
        By name, one lower-case letter each; traces have shape (...).
    """

    def __init__(self, symmetric: str = "", **matrices: np.ndarray):
        transposed = {name.upper(): np.swapaxes(matrix, -1, -2) for name, matrix in matrices.items() if name not in symmetric}
        self._symmetric, self._matrices = symmetric, matrices | transposed
        self._dim = next(iter(matrices.values())).shape[-1]
        self.transpose, self.trace, self._value = map(cache, (self.transpose, self.trace, self._value))

    def product(self, first, second):
        """One word after the other."""
        return first + second

    def transpose(self, element):
        """The word backwards, with the names of the transposed matrices."""
        return "".join(name if name in self._symmetric else name.swapcase() for name in reversed(element))

    def trace(self, element):
        """The trace of the product of the word's matrices."""
        return _plain(np.trace(self._value(element), axis1=-2, axis2=-1))

    def _value(self, element):
        """The product itself, from that of the word without its last letter."""
        if not element:
            return np.eye(self._dim)
        return self._value(element[:-1]) @ self._matrices[element[-1]]
