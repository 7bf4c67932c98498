"""The law of the error at large depth with its constant, and the best depth just below the boundary of overthinking.

Ridgeless, isotropic; arguments as in `cotdepth.theory.asymptotic`. Derived for this project by expanding ``F(x, y) = P / (1 - beta x y
Q)`` (asymptotic paper, Result 4) at its dominant pole ``x = y``: to second order in the product and in the ratio of ``x`` and ``y``.
"""

import numpy as np
import xarray as xr

from cotdepth.theory import boundaries
from cotdepth.theory.arguments import labelled


def asymptotic_law(alpha, tau, sigma=0.0) -> xr.Dataset:
    """Constants of ``E_k ~ prefactor k^(-1/2) exp(growth_rate k)``, which the error approaches as ``1 + O(1/k)``; on an edge slower.

    At large `tau` a law ``k^(-3/2)`` with a larger constant comes first, and this one takes over at great depth only.

    Returns
    -------
    xr.Dataset
        `prefactor`, `growth_rate` and `side`: ``oscillation`` or ``drift``, the pole that decides; ``edge`` at ``alpha = 1`` above
        the boundary, where the growth rate is 0; ``floor`` for ``alpha < 1`` above it. Prefactors are NaN on a floor, at infinite
        `tau`, and for ``alpha < 1`` at the drift boundary, where the error grows like `k`: there is no such law.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> law = asymptotic_law(3.0, 1.5, 0.01)
    >>> law.side.item(), round(law.growth_rate.item(), 5)
    ('oscillation', 0.2633)
    """
    outputs = xr.apply_ufunc(_law, *labelled(alpha=alpha, tau=tau, sigma=sigma), output_core_dims=[[], [], []], keep_attrs=False)
    names = {"prefactor": "constant of the error at large depth", "growth_rate": "growth rate of the error, limit of log(error)/k",
             "side": "what decides the error at large depth"}  # fmt: skip
    return _dataset(outputs, names)


def optimal_depth_constants(alpha, sigma=0.0) -> xr.Dataset:
    """Constants of the best depth ``depth_constant / delta`` and its error ``error_constant sqrt(delta)``, ``delta = tau_c - tau -> 0+``.

    Both minimise ``C k^(-1/2) exp(gamma k)`` and hold up to corrections of relative order `delta`. NaN for ``alpha <= 1``: below 1 the
    best depth stays finite at the boundary, since the error passes below its floor before it settles there; at 1 the edge of the
    spectrum adds a term of the same order.

    Returns
    -------
    xr.Dataset
        `depth_constant` (steps), `error_constant` (per dimension) and `boundary`, the larger one: ``oscillation`` or ``drift``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> constants = optimal_depth_constants(3.0, 0.3)
    >>> round(constants.depth_constant.item(), 6), round(constants.error_constant.item(), 6)
    (1.131996, 0.136499)
    """
    outputs = xr.apply_ufunc(_optimum, *labelled(alpha=alpha, sigma=sigma), output_core_dims=[[], [], []], keep_attrs=False)
    names = {"depth_constant": "best depth times tau_c - tau, just below tau_c",
             "error_constant": "smallest error over sqrt(tau_c - tau), just below tau_c", "boundary": "what sets in at tau_c"}  # fmt: skip
    return _dataset(outputs, names)


def _dataset(outputs, names):
    described = zip(outputs, names.items())
    return xr.Dataset({name: array.assign_attrs(long_name=long_name, units="1") for array, (name, long_name) in described})


def _law(alpha, tau, sigma):
    points = boundaries.critical_points(alpha, tau, sigma)
    drifts = points.drift_factor > points.oscillation_factor
    above = tau > boundaries.critical_task_ratio(alpha, sigma) * (1 - 1e-12)
    balanced = above & (alpha < 1) & (tau <= boundaries.drift_boundary(alpha, sigma) * (1 + 1e-12))  # pole and floor meet
    settles, edge = above & (alpha < 1) & ~balanced, (above | np.isinf(tau)) & (alpha == 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # at infinite tau and where another law holds
        prefactor = _prefactor(alpha, tau, sigma, np.where(drifts, points.drift, points.oscillation))
        slow = np.sqrt((1 + boundaries.prompt_variance(alpha, sigma)) / (2 * np.pi)) / (1 - boundaries.noise_strength(alpha, tau, sigma))
    prefactor = np.select([settles | balanced | np.isinf(tau), edge], [np.nan, slow], prefactor)
    rate = np.where(settles | balanced | edge, 0.0, boundaries.singularity(alpha, tau, sigma))
    return prefactor, rate, np.select([settles, edge, drifts], ["floor", "edge", "drift"], "oscillation")


def _prefactor(alpha, tau, sigma, v):
    decay, spread, weight = _expansion(alpha, tau, sigma, v)
    return weight / (2 * np.sqrt(np.pi * decay * spread))


def _expansion(alpha, tau, sigma, v):
    """``kappa``, ``A`` and ``P`` at a critical point `v`, where ``x = s r``: averages over the Marchenko-Pastur law in closed form.

    ``kappa = beta r^2 <a^2 / (1 - x z)^3>``, ``A = s beta r^3 <a^2 z / (1 - x z)^4>``, ``P = <1 / (1 - x z)^2>``, ``a = s/c``.
    """
    beta, (centre, width) = boundaries.noise_strength(alpha, tau, sigma), boundaries.bulk_map(alpha, sigma)
    noise, square = beta * np.sqrt(alpha) * v**3, v**2
    inverse = centre + width * (v + 1 / v)  # 1/x
    slope = v * inverse / (width * (1 - square))  # d log v / d log x
    change = slope * v * ((2 * width * v + centre) * (1 - square) + 2 * v**2 * inverse) / (width * (1 - square) ** 2)
    kappa = slope * (1 - noise) / (1 - square)
    spread = (change * (1 - noise) - noise * slope**2) / (1 - square)
    mean = v * inverse / width / (1 - v / np.sqrt(alpha))  # <1 / (1 - x z)>
    return kappa, spread, mean**2 / (1 - square)


def _optimum(alpha, sigma):
    tau = boundaries.critical_task_ratio(alpha, sigma)
    drifts = boundaries.drift_boundary(alpha, sigma) > boundaries.oscillation_boundary(alpha, sigma)
    points = boundaries.critical_points(alpha, tau, sigma)
    with np.errstate(divide="ignore", invalid="ignore"):  # at alpha = 1
        kappa, spread, weight = _expansion(alpha, tau, sigma, np.where(drifts, points.drift, points.oscillation))
        depth = (tau - 1) * kappa / 2
        error = weight / (2 * np.sqrt(np.pi * kappa * spread)) * np.sqrt(np.e / depth)
    finite = alpha > 1
    return np.where(finite, depth, np.nan), np.where(finite, error, np.nan), np.where(drifts, "drift", "oscillation")
