"""Everything that the ridgeless theory says of a set of data regimes, as one dataset."""

import xarray as xr

from cotdepth.theory import asymptotic


def summarise_regimes(alpha, tau, sigma, *, depth: int) -> xr.Dataset:
    """Error curve, boundary, growth rate, floor and phase on the product of the given values.

    Parameters
    ----------
    alpha, tau, sigma : float or list of float
        As in `cotdepth.theory.asymptotic`; each list becomes a dimension of its own name.
    depth : int
        Largest depth K.

    Returns
    -------
    xarray.Dataset
        ``error`` (..., k), ``phase``, ``growth_rate``, ``error_floor``, ``critical_task_ratio``, and its two sides
        ``oscillation_boundary`` and ``drift_boundary``.
    """
    alpha, tau, sigma = _labelled("alpha", alpha), _labelled("tau", tau), _labelled("sigma", sigma)
    return xr.Dataset(
        {
            "error": asymptotic.error_curve(alpha, tau, sigma, depth=depth),
            "phase": asymptotic.phase(alpha, tau, sigma),
            "growth_rate": asymptotic.growth_rate(alpha, tau, sigma),
            "error_floor": asymptotic.error_floor(alpha, tau, sigma),
            "critical_task_ratio": asymptotic.critical_task_ratio(alpha, sigma),
            "oscillation_boundary": asymptotic.oscillation_boundary(alpha, sigma),
            "drift_boundary": asymptotic.drift_boundary(alpha, sigma),
        },
        attrs={
            "title": "Ridgeless theory of the error against depth",
            "source": "asymptotic paper, results 4 and 5, with the boundary corrected for noisy labels",
        },
    )


def _labelled(name, values):
    """A list as an axis of its own name; a single value, also from JSON, as it is."""
    if isinstance(values, list):
        values = [float(value) for value in values]
        return xr.DataArray(values, dims=name, coords={name: values}, name=name)
    return float(values)
