"""Agreement of answers after training on random covariances with theory."""

import xarray as xr

from cotdepth.agreement.differences import Differences, cell_axes, partners
from cotdepth.agreement.table import Agreement

QUANTITIES = {
    "fixed_query_slope": "slope of answers, query without the prompt's covariance",
    "own_query_slope": "slope of answers, query with the prompt's covariance",
    "relative_error": "mean squared error, query with the prompt's covariance",
}


def random_answers(stages: dict[str, list[xr.Dataset]]) -> list[Agreement]:
    """Slopes and errors beside theory.

    Parameters
    ----------
    stages : dict
        Artifacts of ``evaluate`` and ``theory``.
    """
    pairs = [(measured, partners(measured, stages["theory"])[0]) for measured in stages["evaluate"]]
    return [Agreement(about, "exact at the flow's limit", [_differences(*pair, name) for pair in pairs])
            for name, about in QUANTITIES.items()]  # fmt: skip


def _differences(measured, theory, name):
    relative, spread = measured[f"{name}_mean"] / theory[name] - 1, measured[f"{name}_standard_error"] / abs(theory[name])
    return Differences(relative, spread, measured.sizes["seed"], measured.sizes["seed"] - 1, cell_axes(measured))
