"""Agreement of trained linear attention with exact theory."""

import xarray as xr

from cotdepth.agreement.differences import Differences, cell_axes, partners
from cotdepth.agreement.table import Agreement

FIXED = "block"  # of the layers trained: those whose W_24 was not, as the theory of the population optimum has it
QUANTITIES = {FIXED: "mean error, W_24 fixed", "all": "mean error, W_24 trained"}
OPTIMUM = "theory is of training on infinitely many prompts"
JITTER = "theory leaves out the jitter of Adam, which shows where errors nearly vanish"


def layer(stages: dict[str, list[xr.Dataset]]) -> list[Agreement]:
    """Mean errors beside those at the population optimum, where ``W_24`` was fixed, and at the least-squares layer of each pool.

    Parameters
    ----------
    stages : dict
        Artifacts of ``compare`` (`cotdepth.attention_comparison.compare_layers`) and ``evaluate``, which knows the seeds. To the pools'
        theory differences are paired by seed.
    """
    cells = [(compare.sel(k=slice(1, None)), partners(compare, stages["evaluate"])[0].sizes["seed"]) for compare in stages["compare"]]
    trained = cells[0][0].trained.values.tolist()
    optimum = [Agreement(QUANTITIES[FIXED], "exact at the population optimum", [_optimum(*cell) for cell in cells], OPTIMUM)]
    pools = [Agreement(QUANTITIES[which], "exact at the least-squares layer of each pool", [_pools(*cell, which) for cell in cells], JITTER)
             for which in trained]  # fmt: skip
    return optimum * (FIXED in trained) + pools


def _optimum(cell, seeds):
    own, theory = cell.sel(trained=FIXED, drop=True), cell.theory_error.sel(theory="exact", drop=True)
    return Differences(own.error_mean / theory - 1, own.error_standard_error / theory, seeds, seeds - 1, cell_axes(cell))


def _pools(cell, seeds, which):
    own = cell.sel(trained=which, drop=True)
    relative = own.error_mean / own.pool_theory - 1
    return Differences(relative, abs(relative / own.pool_z), seeds, seeds - 1, cell_axes(cell))
