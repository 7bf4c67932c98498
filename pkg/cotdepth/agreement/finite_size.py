"""Agreement of simulations at several dimensions with theory."""

import xarray as xr

from cotdepth.agreement.differences import Differences, cell_axes, partners
from cotdepth.agreement.table import Agreement

AT_INFINITY = "theory is of infinite D: expect differences of order 1/D"
AT_SAME = "an asymptotic formula evaluated at the same D: expect differences of order 1/D"


def finite_size(stages: dict[str, list[xr.Dataset]]) -> list[Agreement]:
    """The gap extrapolated to infinite dimension, if there are dimensions enough, and the gap at the largest dimension.

    Parameters
    ----------
    stages : dict
        Artifacts of ``compare`` (`cotdepth.comparison.compare_finite_size`) and ``evaluate``, which knows the seeds.
    """
    cells = [(compare.sel(k=slice(1, None)), _seeds(compare, stages["evaluate"])) for compare in stages["compare"]]
    same = "dim" in cells[0][0].theory.dims
    limits = [_differences(cell, "extrapolated_gap", seeds) for cell, seeds in cells]
    largest = [_differences(cell.isel(dim=[-1]), "gap", seeds) for cell, seeds in cells]
    at_largest = Agreement("mean error at the largest D", f"limit of the mean error, {'same' if same else 'infinite'} D", largest,
                           AT_SAME if same else AT_INFINITY)  # fmt: skip
    if all(limit.relative.isnull().all() for limit in limits):
        return [at_largest]
    remark = "a + b/D + c/D^2 through all D; standard errors say nothing of higher orders"
    return [Agreement("mean error extrapolated to infinite D", "limit of the mean error", limits, remark), at_largest]


def _seeds(compare, evaluated):
    return min(each.sizes["seed"] for each in partners(compare, evaluated))


def _differences(cell, name, seeds):
    return Differences(cell[name], cell[f"{name}_standard_error"], seeds, seeds - 1, cell_axes(cell))
