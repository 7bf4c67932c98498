"""Agreement of answers to shifted prompts with theory."""

import json

import xarray as xr

from cotdepth.agreement.differences import Differences, cell_axes, partners
from cotdepth.agreement.table import Agreement

ERRORS = "standard errors are over test prompts, for the tasks of the seeds"
LAYERS = {"flow limit": ERRORS, "trained on samples": f"theory is of training on infinitely many prompts; {ERRORS}"}


def shift(stages: dict[str, list[xr.Dataset]]) -> list[Agreement]:
    """Mean squared errors of the layers at the flow's limit, and of those trained on a sample, beside theory of the former.

    Parameters
    ----------
    stages : dict
        Artifacts of ``evaluate`` and ``theory``.
    """
    pairs = [(measured, partners(measured, stages["theory"])[0]) for measured in stages["evaluate"]]
    return [Agreement(f"mean squared error, {model}", "exact at the flow's limit", [_differences(*pair, model) for pair in pairs], remark)
            for model, remark in LAYERS.items()]  # fmt: skip


def _differences(measured, theory, model):
    own, seeds = measured.sel(model=model, drop=True), measured.sizes["seed"]
    freedom = seeds * (json.loads(measured.attrs["spec"])["n_test"] - 1)
    relative, spread = own.seed_mean / theory.seed_mean - 1, own.seed_mean_standard_error / theory.seed_mean
    return Differences(relative, spread, seeds, freedom, cell_axes(measured))
