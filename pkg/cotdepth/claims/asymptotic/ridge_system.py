"""The asymptotic paper's solution with ridge, and on training tasks, for isotropic prompts: references that claims are checked against.

Written from the paper's closed system (appendices C.9 and C.3), with no code in common with `cotdepth.theory.equivalents`.
"""

import numpy as np

from cotdepth.theory import boundaries
from cotdepth.theory.row_filter import gauss_rule

NODES = 200   # of a spectrum


def spectrum(ratio):
    """Nodes and weights of the Marchenko-Pastur law of ratio 1/`ratio`, atom included."""
    nodes, weights = gauss_rule(ratio, NODES)
    values = 1 + nodes / np.sqrt(ratio)
    return np.where(np.abs(values) < 1e-12, 0.0, values), weights


def diagonal_coefficients(generating, depth, radius, n_nodes=96):
    """``[x^k y^k]`` of a function of two arrays of points on a circle, for k = 0 .. depth."""
    x = radius * np.exp(2j * np.pi * np.arange(n_nodes) / n_nodes)
    k = np.arange(depth + 1)
    return (np.fft.fft2(generating(x))[k, k] / n_nodes**2).real / radius ** (2 * k)


def ridge_errors(alpha, tau, sigma, ridge, *, depth):
    """Errors with ridge: one scalar fixed point for each x, then averages over the spectrum of the fit."""
    c = 1 + boundaries.prompt_variance(alpha, sigma)
    values, weights = spectrum(tau)
    resolved = values / (values + ridge / (2 * c))                                 # T
    damped = values / (values + ridge / (2 * c)) ** 2                              # T^2 / s'

    def generating(x):
        zeta = x / ((1 - x) * c)
        q, phi = _fixed_point(zeta, resolved, weights, alpha)

        def averaged(function):
            return np.einsum("in,jn,n->ij", q, q, weights * function)

        drive = np.multiply.outer(zeta * phi, zeta * phi)
        pair, ladder = averaged(1.0), 1 - drive / alpha * averaged(resolved**2)
        scalar = averaged(resolved / (values + ridge / (2 * c)))
        noise = (c - 1) / tau * (drive * averaged(damped) + drive / alpha * pair * scalar / ladder)
        return pair / np.multiply.outer(1 - x, 1 - x) / ladder / (1 - noise)

    return diagonal_coefficients(generating, depth, radius=0.5)


def _fixed_point(zeta, resolved, weights, alpha):
    """``q = 1/(1 + zeta phi T)`` with ``phi = 1/(1 + (zeta/alpha) <T q>)``, (points, nodes) and (points,)."""
    phi = np.ones_like(zeta)
    for _ in range(500):
        q = 1 / (1 + np.multiply.outer(zeta * phi, resolved))
        phi = (phi + 1 / (1 + zeta / alpha * (q @ (weights * resolved)))) / 2
    return 1 / (1 + np.multiply.outer(zeta * phi, resolved)), phi


def training_task_errors(alpha, tau, sigma, *, depth):
    """Errors on the training tasks without ridge, from averages over the spectrum of a prompt."""
    variance = boundaries.prompt_variance(alpha, sigma)
    c, beta = 1 + variance, variance / (tau - 1)
    values, weights = spectrum(alpha)
    z = 1 - values / c

    def generating(x):
        resolvent = 1 / (1 - np.multiply.outer(x, z))
        g, one = resolvent @ weights, np.multiply.outer(1 - x, 1 - x)
        P, Q = (np.einsum("in,jn,n->ij", resolvent, resolvent, weights * factor) for factor in (1.0, (values / c) ** 2))
        pole, alone = P / (1 - beta * np.multiply.outer(x, x) * Q), np.multiply.outer(g, g)
        repeated = one / tau * (1 - 1 / c) * (alone + tau / (tau - 1) * (P - alone)) * pole
        return (1 - 1 / c) * (1 - 1 / tau) * pole + P / c + repeated

    return diagonal_coefficients(generating, depth, radius=0.7 * min(1, np.exp(-boundaries.singularity(alpha, tau, sigma) / 2)))
