"""Where damped steps overthink: the growth rate over task ratio and step size, and its boundary."""

import xarray as xr

from cotdepth.theory import asymptotic
from cotdepth.theory.arguments import PARAMETERS


def summarise_damping(alpha: float, sigma: float, tau: list[float], step_size: list[float]) -> xr.Dataset:
    """Growth rate of the error over task ratios and step sizes.

    Parameters
    ----------
    alpha, sigma : float
        Context ratio and relative label noise, as in `cotdepth.theory.asymptotic`.
    tau, step_size : list of float
        Task ratios and step sizes; dimensions.

    Returns
    -------
    xarray.Dataset
        ``growth_rate`` (tau, step_size), ``critical_task_ratio`` (step_size), above which nothing overthinks, and
        ``drift_boundary``, ``tau_+``, below which no step size keeps from overthinking.
    """
    ratios, sizes = (xr.DataArray(values, dims=name) for name, values in (("tau", tau), ("step_size", step_size)))
    found = {
        "growth_rate": asymptotic.growth_rate(alpha, ratios, sigma, step_size=sizes),
        "critical_task_ratio": asymptotic.critical_task_ratio(alpha, sigma, step_size=sizes),
        "drift_boundary": asymptotic.drift_boundary(alpha, sigma),
    }
    source = "asymptotic paper, section 5; step sizes and the drift boundary derived for this project"
    made = xr.Dataset(found, attrs={"title": "Growth rate of the error over task ratio and step size", "source": source})
    about = {name: {"long_name": PARAMETERS[name].long_name, "units": "1"} for name in made.coords}
    return made.assign_coords({name: (made[name].dims, made[name].values, about[name]) for name in made.coords})
