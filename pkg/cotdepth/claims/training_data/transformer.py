"""The paper's transformer, written out on every token, with full matrices ``V`` and ``W``: what its theory is held against.

Tokens are ``(x, y, 0, 0)`` for an example and ``(0, 0, w_i, 1)`` for a thought, rows of D, 1, D and 1 entries; every token attends
to every token, itself too. Source: training-data paper, eqs. (3.1) to (3.4) and (3.7).
"""

import numpy as np


def matrices(value_block: np.ndarray, *, scale: float = 1.0, marker_weight: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """``V`` and ``W`` of the paper's structure, each (2 D + 2, 2 D + 2): ``V_31``, ``W_13 = c I`` and ``W_24`` (``-c`` unless given)."""
    dim = len(value_block)
    V, W = np.zeros((2, 2 * dim + 2, 2 * dim + 2))
    V[dim + 1 : -1, :dim] = value_block
    W[:dim, dim + 1 : -1] = scale * np.eye(dim)
    W[dim, -1] = -scale if marker_weight is None else marker_weight
    return V, W


def thoughts(V: np.ndarray, W: np.ndarray, features: np.ndarray, labels: np.ndarray, depth: int) -> np.ndarray:
    """Estimates ``w_0 = 0, ..., w_depth``, (depth + 1, D), for one prompt: features (D, m), labels (m,)."""
    dim, m = features.shape
    tokens = np.zeros((2 * dim + 2, m + 1))
    tokens[:dim, :m], tokens[dim, :m], tokens[-1, -1] = features, labels, 1
    estimates = [np.zeros(dim)]
    for _ in range(depth):
        newest = tokens[:, -1]
        output = newest + V @ (tokens @ (tokens.T @ (W @ newest))) / m
        estimates.append(output[dim + 1 : -1])
        tokens = np.column_stack([tokens, np.concatenate([np.zeros(dim + 1), estimates[-1], [1]])])
    return np.array(estimates)


def errors(V: np.ndarray, W: np.ndarray, features: np.ndarray, depth: int) -> np.ndarray:
    """Mean over task weights ``w ~ N(0, I)`` of ``|w - w_k|^2 / D`` for one prompt's features (D, m), without noise, (depth + 1,).

    The error is linear in ``w`` (from the guess 0), so that the unit vectors are enough.
    """
    units = np.eye(len(features))
    return np.mean([np.sum((unit - thoughts(V, W, features, unit @ features, depth)) ** 2, axis=1) for unit in units], axis=0)


def exact_features(covariance: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """Features (D, m) whose sample covariance is this one, as that of an infinitely long prompt."""
    dim = len(covariance)
    rows = np.linalg.qr(rng.standard_normal((m, dim)))[0].T                     # (D, m), orthonormal
    return np.sqrt(m) * np.linalg.cholesky(covariance) @ rows


def loss_and_gradient(V: np.ndarray, W: np.ndarray, drawn: tuple) -> tuple[float, np.ndarray, np.ndarray]:
    """The population loss, eq. (3.4), and its gradients with respect to all entries of ``V`` and ``W``, from the guess 0.

    ``drawn`` are features (N, D, n), task weights (N, D) and the weight of each prompt in the mean, (N,).
    """
    features, tasks, chances = drawn
    _, dim, n = features.shape
    rows = np.concatenate([features, np.einsum("pdn,pd->pn", features, tasks)[:, None]], axis=1)     # (N, D + 1, n)
    gram = np.zeros((len(features), 2 * dim + 2, 2 * dim + 2))                                       # E E^T / n
    gram[:, : dim + 1, : dim + 1] = rows @ rows.transpose(0, 2, 1) / n
    gram[:, -1, -1] = 1 / n
    newest = np.eye(2 * dim + 2)[-1]
    seen = gram @ (W @ newest)                                                                       # (N, 2 D + 2)
    residual = seen @ V.T
    residual[:, dim + 1 : -1] -= tasks
    pulled = np.einsum("pab,pb->pa", gram, residual @ V)
    loss = chances @ np.sum(residual**2, axis=1) / 2
    return loss, (residual * chances[:, None]).T @ seen, np.outer(chances @ pulled, newest)
