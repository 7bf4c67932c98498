r"""The ridgeless error curve at great depth: a contour integral in one dimension, in closed form.

``E(t) = sum_k E_k t^k`` on a circle ``t = r^2 exp(2 i a)`` is the mean of ``F(x, y)`` over the ratio of ``x`` and ``y`` at the
product ``x y = t``; one Fourier transform over ``a`` then gives every ``E_k``. With ``1/x = z_1 + b (v + 1/v)``, ``|v| < 1``, and
``w`` likewise for ``y``, the generating function of the asymptotic paper (Result 4) reads

    F = g(x) g(y) / (1 - (1 + beta (1 + alpha)) v w + beta sqrt(alpha) v w (v + w))

(derived for this project from the Stieltjes transform of the Marchenko-Pastur law). Only ratios that bring ``x`` or ``y`` close to
the real axis are hard, so Gauss-Legendre panels halve towards them.
"""

import numpy as np
from numba import njit
from scipy.fft import irfft

LARGEST_DEPTH = 20_000
CIRCLE_NODES = 16  # for each depth
PANEL_NODES = 10
DECAY = 34.0  # minus log of what folds into a coefficient; rounding grows by exp(DECAY / CIRCLE_NODES) up to the largest depth


def log_errors(alpha, prompt_variance, beta, growth_rate, step_size, depth: int) -> np.ndarray:
    """Logarithms of the errors ``E_0 .. E_depth``, (depth + 1,), of one point; arguments as in `row_filter.log_errors`, scalars."""
    n_nodes = CIRCLE_NODES * max(depth, 10)
    inside = DECAY / (2 * n_nodes)  # log of the critical radius over that of the circle
    radius = np.exp(-growth_rate / 2 - inside)
    c = 1 + prompt_variance
    centre = (1 - step_size + prompt_variance - step_size / alpha) / c  # z_1
    width = step_size / c / np.sqrt(alpha)  # b
    angles = np.pi * np.arange(n_nodes // 2 + 1) / n_nodes  # the other half of the circle is conjugate
    rule = np.polynomial.legendre.leggauss(PANEL_NODES)
    series = _series(angles, inside, (radius * centre, radius * width, radius), alpha, beta, rule)
    precise = irfft(series.conj().astype(np.clongdouble), n_nodes)  # in float64 its rounding would be the largest error
    scaled = precise[: depth + 1].astype(float)
    scaled[0] = 1  # E_0 without rounding
    return np.log(scaled) + (growth_rate + 2 * inside) * np.arange(depth + 1)


@njit(cache=True)
def _series(angles, finest, circle, alpha, beta, rule):
    """``E(t)`` at every angle; `finest` is the distance of the nearest singularity."""
    series = np.empty(len(angles), np.complex128)
    for i, angle in enumerate(angles):
        total = 0j
        for side, upper in ((-1.0, angle), (1.0, np.pi / 2 - angle)):
            while upper > 0:
                lower = upper / 2 if upper > finest else 0.0
                total += _panel(angle, side * lower, side * upper, circle, alpha, beta, rule)
                upper = lower
        series[i] = total / np.pi
    return series


@njit(cache=True)
def _panel(angle, start, stop, circle, alpha, beta, rule):
    """Integral of ``F(x, y)`` over the ratio; from `angle` before and after a half turn, which swaps the signs of both."""
    centre, width, radius = circle
    total = 0j
    for node, weight in zip(*rule):
        offset = (start + stop) / 2 + (stop - start) / 2 * node
        x, y = _turned(2 * angle + offset), _turned(-offset)
        value = _generating_function(x, y, circle, alpha, beta)
        value += _generating_function(x, y, (-centre, -width, -radius), alpha, beta)
        total += weight * value
    return total * abs(stop - start) / 2


@njit(cache=True)
def _turned(angle):
    """``1 - exp(i angle)``, to full relative accuracy at small angles."""
    return complex(2 * np.sin(angle / 2) ** 2, -np.sin(angle))


@njit(cache=True)
def _generating_function(x, y, circle, alpha, beta):
    """``F`` where `x` and `y` are one less ``x/r`` and ``y/r``, and `circle` is ``(r z_1, r b, r)``."""
    v, g = _transforms(x, circle, alpha)
    w, h = _transforms(y, circle, alpha)
    return g * h / (1 - v * w * (1 + beta * (1 + alpha) - beta * np.sqrt(alpha) * (v + w)))


@njit(cache=True)
def _transforms(turned, circle, alpha):
    """``v(x)`` and ``g(x)``, the mean of ``1/(1 - x z)`` over the spectrum."""
    centre, width, radius = circle
    low, high = centre - 2 * width, centre + 2 * width
    root = _root((1 - low + low * turned) * (1 - high + high * turned))
    share = 2 / (1 - centre + centre * turned + root)
    v = width * (1 - turned) * share
    if alpha < 1:  # with the pole of the atom at x = 1 in closed form
        return v, (1 - np.sqrt(alpha) * v) / (1 - radius + radius * turned)
    return v, share / (1 - v / np.sqrt(alpha))


@njit(cache=True)
def _root(z):
    """Principal square root of a number in the middle of the range of floats."""
    size = np.sqrt(z.real**2 + z.imag**2)
    if z.real > 0:
        real = np.sqrt((size + z.real) / 2)
        return complex(real, z.imag / (2 * real))
    imaginary = np.copysign(np.sqrt((size - z.real) / 2), z.imag)
    return complex(z.imag / (2 * imaginary), imaginary)
