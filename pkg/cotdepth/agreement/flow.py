"""Agreement of gradient descent with gradient flow."""

import xarray as xr

from cotdepth.agreement.differences import Differences, cell_axes
from cotdepth.agreement.table import Agreement

FIRST_ORDER = "deterministic; of first order in the step size, the smallest of which is compared"
QUANTITIES = {
    "key_query_distance": "block U_11 in gradient descent, distance over the norm of its limit",
    "value_distance": "value u_-1 in gradient descent, distance over its limit",
}


def flow(stages: dict[str, list[xr.Dataset]]) -> list[Agreement]:
    """How far descent with the smallest step size is from the flow, over time.

    Parameters
    ----------
    stages : dict
        Artifacts of ``train`` (`cotdepth.flow_training.train_from`).
    """
    return [Agreement(about, "gradient flow, integrated", [_differences(cell, name) for cell in stages["train"]], FIRST_ORDER)
            for name, about in QUANTITIES.items()]  # fmt: skip


def _differences(cell, name):
    followed = cell[name].isel(step=-1, drop=True)
    return Differences(followed.sel(time=followed.time > 0), None, cell.sizes["seed"], 0, cell_axes(cell))
