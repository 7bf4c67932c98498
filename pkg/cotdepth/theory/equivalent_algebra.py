"""Matrices of a deterministic equivalent, stored no larger than they need to be.

What commutes is kept as eigenvalues (`Spectra`), the rest as equal blocks (`Blocks`); both carry how often each
coordinate occurs, so a spectrum of two levels costs two numbers in any dimension. Arrays may have leading axes, such as
points of a contour.
"""

from typing import NamedTuple

import numpy as np
import scipy  # loads scipy.sparse at its first use: it takes long

ROUNDING = 1e-13  # relative to the largest entry of all matrices: below, an entry is 0; and equal blocks differ by less


class Spectra(NamedTuple):
    """Commuting matrices as their eigenvalues, (..., n)."""

    counts: np.ndarray  # (n,), how often each eigenvalue occurs

    axes = 1  # that one matrix takes

    def identity(self):
        return np.ones(len(self.counts))

    def product(self, a, b):
        return a * b

    def inverse(self, a):
        return 1 / a

    def function(self, a, f):
        return f(a)

    def inner(self, a, b):
        """``tr(a b)``."""
        return (a * b) @ self.counts

    def eigenvalues(self, a):
        return a

    def rows(self, a):
        """A vector whose inner product with that of ``b`` is ``tr(a b^T)``."""
        return np.sqrt(self.counts) * a


class Blocks(NamedTuple):
    """Block-diagonal matrices as their blocks, (..., n, B, B)."""

    counts: np.ndarray  # (n, B), how often each coordinate occurs; 0 for one that fills up a block

    axes = 3

    def identity(self):
        return np.broadcast_to(np.eye(self.counts.shape[1]), self.counts.shape + self.counts.shape[1:]).copy()

    def product(self, a, b):
        return a @ b

    def inverse(self, a):
        return np.linalg.inv(a)

    def function(self, a, f):
        """``f`` of a real symmetric matrix."""
        values, vectors = np.linalg.eigh(a)
        return (vectors * f(np.maximum(values, 0))[..., None, :]) @ np.swapaxes(vectors, -1, -2)

    def inner(self, a, b):
        """``tr(a b)``."""
        return np.sum(self.counts[:, :, None] * a * np.swapaxes(b, -1, -2), axis=(-3, -2, -1))

    def eigenvalues(self, a):
        return np.linalg.eigvals(a).reshape(*a.shape[:-3], -1)

    def rows(self, a):
        """A vector whose inner product with that of ``b`` is ``tr(a b^T)``."""
        weighted = np.sqrt(self.counts)[:, :, None] * a
        return weighted.reshape(*a.shape[:-3], -1)


def reduced(covariances) -> tuple[Spectra | Blocks, list[np.ndarray]]:
    """An algebra for covariances of one dimension, and each of them as an element of it."""
    first = covariances[0].basis
    if all(covariance.basis is first for covariance in covariances):
        spectra, counts = np.unique([covariance.spectrum for covariance in covariances], axis=1, return_counts=True)
        return Spectra(counts.astype(float)), list(spectra)
    matrices, labels = _smallest_blocks(np.array([covariance.matrix for covariance in covariances]))
    sizes = np.bincount(labels)
    blocks, counts = _distinct(_cut(matrices, labels, sizes), sizes)
    if sizes.max() == 1:
        values = blocks[:, :, 0, 0].T  # (matrices, n)
        return Spectra(counts[:, 0]), list(np.where(values > ROUNDING * np.abs(values).max(axis=1, keepdims=True), values, 0))
    return Blocks(counts), list(np.moveaxis(blocks, 1, 0))


def _smallest_blocks(matrices):
    """The matrices in the axes given or in the eigenbasis of all that commute, and which block each coordinate is in."""
    weights = np.random.default_rng(0).uniform(1, 2, len(matrices))  # so that no eigenvalues of the sum coincide by chance
    _, basis = np.linalg.eigh(np.tensordot(weights, matrices, 1))
    candidates = [matrices, basis.T @ matrices @ basis]
    labels = [_components(candidate) for candidate in candidates]
    best = min((0, 1), key=lambda i: (np.bincount(labels[i]).astype(float) ** 3).sum())
    return candidates[best], labels[best]


def _components(matrices):
    linked = np.abs(matrices).max(axis=0) > ROUNDING * np.abs(matrices).max()
    return scipy.sparse.csgraph.connected_components(scipy.sparse.csr_array(linked), directed=False)[1]


def _cut(matrices, labels, sizes):
    """Blocks (n, matrices, B, B), the smaller ones filled up with coordinates of their own."""
    blocks = np.tile(np.eye(sizes.max()), (len(sizes), len(matrices), 1, 1))
    for label, size in enumerate(sizes):
        places = np.flatnonzero(labels == label)
        blocks[label, :, :size, :size] = matrices[:, places[:, None], places]
    return blocks


def _distinct(blocks, sizes):
    """Those that differ by more than rounding, with the counts of their coordinates, (n, B)."""
    keys = np.column_stack([sizes, np.round(blocks.reshape(len(blocks), -1) / np.abs(blocks).max(), 12) + 0.0])
    _, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
    used = np.arange(sizes.max()) < sizes[first, None]
    return blocks[first], counts[:, None] * used.astype(float)
