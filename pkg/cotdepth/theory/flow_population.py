"""The population loss of linear self-attention in all its parameters (gradient-flow paper, eq. 3.8), exactly.

The paper's start leaves the blocks ``w_21`` of both matrices at 0, where gradients keep them; other starts do not. With
`cotdepth.theory.flow_model.relevant_entries` ``[[K, p], [k^T, v]]`` (``K = U_11``, ``p = u_12``, ``k = u_21``, ``v = u_-1``), the sample
covariance ``S``, task ``w`` and query ``q``, the prediction is a part odd in ``w`` and one even in it,

    w^T S (p k^T + v K) q    and    p^T S K q + (p^T q)(q^T K q) / N + v (w^T S w)(k^T q),

and only the first is of use. Moments of normal and Wishart variables give the mean square of either. Derived for this project.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.covariance import as_covariance
from cotdepth.theory.flow_dynamics import solved, times_argument
from cotdepth.theory.population import context_argument, gamma_spectrum, matrix_argument


class _Blocks(NamedTuple):
    """Relevant entries, or a gradient with respect to them."""

    K: np.ndarray  # (D, D)
    p: np.ndarray  # (D,)
    k: np.ndarray  # (D,)
    v: float


class _Features(NamedTuple):
    """A covariance and the length of prompts."""

    matrix: np.ndarray
    n: float

    @property
    def trace(self):
        return np.trace(self.matrix)


def full_loss(entries, covariance, n_context) -> float:
    """Half the mean squared error of a query's label over all training prompts, for any parameters.

    Parameters
    ----------
    entries : (D + 1, D + 1) array
        As from `cotdepth.theory.flow_model.relevant_entries`.
    covariance, n_context
        As in `cotdepth.theory.population.gamma`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, eq. (3.8), of which eq. (5.5) is the case ``u_12 = u_21 = 0``.
    """
    blocks, features = _arguments(entries, covariance, n_context)
    return float(_odd_part(blocks, features)[0] + _linear_part(blocks, features)[0] + _cubic_part(blocks, features)[0]) / 2


def full_gradient(entries, covariance, n_context) -> np.ndarray:
    """Gradient of `full_loss` with respect to the relevant entries, (D + 1, D + 1). Arguments as there."""
    blocks, features = _arguments(entries, covariance, n_context)
    parts = [part(blocks, features)[1] for part in (_odd_part, _linear_part, _cubic_part)]
    total = _Blocks(*(sum(each) / 2 for each in zip(*parts)))
    return np.block([[total.K, total.p[:, None]], [total.k[None], np.full((1, 1), total.v)]])


def full_hessian(entries, covariance, n_context) -> np.ndarray:
    """Hessian of `full_loss`, ((D + 1)^2, (D + 1)^2), entries stacked by rows; central differences, to about eight digits.

    Arguments as in `full_loss`: to tell minima from saddles.
    """
    entries, step = np.asarray(entries, dtype=float), 1e-4
    columns = []
    for shift in step * np.eye(entries.size).reshape(-1, *entries.shape):
        ahead, behind = (full_gradient(entries + each, covariance, n_context) for each in (shift, -shift))
        columns.append((ahead - behind).ravel() / (2 * step))
    found = np.array(columns)
    return (found + found.T) / 2


def single_direction_point(covariance, n_context) -> np.ndarray:
    """Entries that answer along the top eigenvector alone, where the gradient vanishes although the loss is not minimal.

    ``u_12 = u_21 = e / sqrt(gamma_1)`` for the largest eigenvalue's ``e`` and ``gamma_1``, and 0 elsewhere: the product that
    answers, ``u_12 u_21^T + u_-1 U_11``, then has rank one. The loss is ``1/2 sum_{i > 1} lambda_i^2 / gamma_i`` above its minimum.
    In short prompts with eigenvalues that differ enough, such as 1, 1/2, 1/4 with 8 examples, it is a local minimum (see
    `full_hessian`) where gradient flow from many starts ends: the paper's theorem 4.1 does not extend to all starts. In longer
    prompts, or with equal eigenvalues, it is a saddle; with those eigenvalues and 30 examples the flow then ends at other local
    minima, in which all blocks take part.

    Arguments as in `full_loss`. Derived for this project, on the question that the gradient-flow paper leaves open in its section 6.
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    top = int(np.argmax(covariance.spectrum))
    direction = np.eye(covariance.dim)[top] if covariance.basis is None else covariance.basis[:, top]
    found = np.zeros((covariance.dim + 1, covariance.dim + 1))
    found[:-1, -1] = found[-1, :-1] = direction / np.sqrt(gamma_spectrum(covariance, n)[top])
    return found


def full_flow(entries, covariance, n_context, times) -> xr.Dataset:
    """Gradient flow on `full_loss` from any parameters: what the paper leaves open.

    Parameters
    ----------
    entries : (D + 1, D + 1) array
        At time 0.
    covariance, n_context
        As in `full_loss`.
    times : (T,) array
        Non-negative and increasing.

    Returns
    -------
    xr.Dataset
        `entries` (time, row, col), `loss`, and `outside`, the norm of the blocks that the paper's start leaves at 0.

    Raises
    ------
    ValueError
        If an argument is out of range.
    RuntimeError
        If the solver gives up.

    Notes
    -----
    Gradient-flow paper, eq. (3.9). Predictions do not depend on the parameters that `entries` leaves out, which never move.
    """
    times, start = times_argument(times), _arguments(entries, covariance, n_context)[0]
    width = len(start.p) + 1

    def velocity(_, y):
        return -full_gradient(y.reshape(width, width), covariance, n_context).ravel()

    path = solved(velocity, np.asarray(entries, dtype=float).ravel(), times).reshape(-1, width, width)
    return labelled_entries(path, [full_loss(each, covariance, n_context) for each in path], times, title="Gradient flow in all parameters")


def labelled_entries(path, losses, times, *, title: str) -> xr.Dataset:
    """Relevant entries over time, (T, D + 1, D + 1), with their losses, as a dataset."""
    outside = np.sqrt(np.sum(path[:, :-1, -1] ** 2, axis=1) + np.sum(path[:, -1, :-1] ** 2, axis=1))
    index = np.arange(path.shape[1])
    return xr.Dataset(
        {
            "entries": (("time", "row", "col"), path, {"long_name": "entries that predictions depend on", "units": "1"}),
            "loss": ("time", np.asarray(losses), {"long_name": "half the mean squared error of a query", "units": "1"}),
            "outside": ("time", outside, {"long_name": "norm of the blocks u_12 and u_21", "units": "1"}),
        },
        coords={
            "time": ("time", times, {"long_name": "time of gradient flow", "units": "steps of step size 1"}),
            "row": ("row", index, {"long_name": "row of the token", "units": "1"}),
            "col": ("col", index, {"long_name": "feature of the query; the last, values", "units": "1"}),
        },
        attrs={"title": title, "source": "gradient-flow paper, eqs. (3.8) and (3.9)"},
    )


# --- mean squares and their gradients -----------------------------------------------------------------------------


def _odd_part(blocks, features):
    """Mean square of ``w^T (S M - I) q`` with ``M = p k^T + v K``, and its gradient."""
    matrix, n = features
    moment = (1 + 1 / n) * matrix @ matrix + features.trace / n * matrix  # E S^2
    used = np.outer(blocks.p, blocks.k) + blocks.v * blocks.K
    slope = 2 * (moment @ used @ matrix - matrix @ matrix)
    value = features.trace + np.sum(used * (slope / 2 - matrix @ matrix))
    return value, _Blocks(blocks.v * slope, slope @ blocks.k, slope.T @ blocks.p, np.sum(slope * blocks.K))


def _linear_part(blocks, features):
    """Mean square of ``g^T q`` with ``g = K^T S p + v (w^T S w) k``, and its gradient."""
    (matrix, n), (K, p, k, v) = features, blocks
    carried, inner = matrix @ p, K @ matrix @ K.T
    # E[S inner S], from Lemma A.2 of the training-data paper
    product = (1 + 1 / n) * matrix @ inner @ matrix + np.sum(matrix * inner) / n * matrix
    scaled = features.trace * matrix + 2 / n * matrix @ matrix  # E[(w^T S w) S]
    fourth = (1 + 2 / n) * features.trace**2 + (2 + 4 / n) * np.sum(matrix**2)  # E (w^T S w)^2
    crossed, size = K @ matrix @ k, k @ matrix @ k
    value = p @ product @ p + 2 * v * p @ scaled @ crossed + v**2 * fourth * size
    weighted = (1 + 1 / n) * np.outer(carried, carried) + p @ carried / n * matrix  # E[S p p^T S]
    return value, _Blocks(
        2 * weighted @ K @ matrix + 2 * v * np.outer(scaled @ p, matrix @ k),
        2 * product @ p + 2 * v * scaled @ crossed,
        2 * v * matrix @ K.T @ scaled @ p + 2 * v**2 * fourth * matrix @ k,
        2 * p @ scaled @ crossed + 2 * v * fourth * size,
    )


def _cubic_part(blocks, features):
    """Mean of ``2 (g^T q) c + c^2`` with ``c = (p^T q)(q^T K q) / N``, and its gradient."""
    first, by_mean = _cross(blocks, features)
    second, by_square = _square(blocks, features)
    return first + second, _Blocks(*(one + other for one, other in zip(by_mean, by_square)))


def _cross(blocks, features):
    """``2 E[(E g^T q) c]`` by Isserlis's theorem, with ``E g = K^T Lambda p + v tr(Lambda) k``."""
    (matrix, n), (K, p, k, v) = features, blocks
    carried, both = matrix @ p, K + K.T
    mean = K.T @ carried + v * features.trace * k
    trace, turned = np.sum(K * matrix), matrix @ both @ matrix
    by_mean = 2 / n * (trace * carried + turned @ p)
    reached = matrix @ mean
    outer = np.outer(reached, carried)
    return mean @ by_mean, _Blocks(
        2 / n * (mean @ carried * matrix + outer + outer.T) + np.outer(carried, by_mean),
        2 / n * (trace * reached + turned @ mean) + matrix @ K @ by_mean,
        v * features.trace * by_mean,
        features.trace * k @ by_mean,
    )


def _square(blocks, features):
    """``E c^2`` by Isserlis's theorem."""
    (matrix, n), (K, p, k, _) = features, blocks
    half, carried = (K + K.T) / 2, matrix @ p
    trace, turned = np.sum(half * matrix), half @ matrix
    size, once = p @ carried, carried @ half @ carried
    twice, pairs = turned.T @ carried, np.sum(turned * turned.T)  # Lambda H Lambda p, and tr (H Lambda)^2
    value = size * (trace**2 + 2 * pairs) + 4 * once * trace + 8 * carried @ half @ twice
    mixed = np.outer(carried, twice)
    by_K = size * (2 * trace * matrix + 4 * matrix @ turned) + 4 * (trace * np.outer(carried, carried) + once * matrix)
    by_K = by_K + 8 * (mixed + mixed.T)
    by_p = 2 * carried * (trace**2 + 2 * pairs) + 8 * trace * twice + 16 * turned.T @ twice
    return value / n**2, _Blocks(by_K / n**2, by_p / n**2, np.zeros_like(k), 0.0)


def _arguments(entries, covariance, n_context):
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    entries = matrix_argument("entries", entries, covariance.dim + 1)
    blocks = _Blocks(entries[:-1, :-1], entries[:-1, -1], entries[-1, :-1], entries[-1, -1])
    return blocks, _Features(covariance.matrix, n)
