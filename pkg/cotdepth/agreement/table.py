"""The agreement table: for each experiment and theory how well they agree over the whole grid, and where they agree least."""

import math
from typing import NamedTuple

import numpy as np
import xarray as xr

from cotdepth.agreement.differences import Differences, place, standardised
from cotdepth.claims.claim import z_limit
from cotdepth.standardised import FEWEST_SEEDS, LARGEST_SHARE

FALSE_ALARM = 1e-3  # of a whole row
TEXTS = {
    "experiment": "experiment",
    "quantity": "what is compared",
    "theory": "theory that it is compared with",
    "largest_z_place": "where the largest standardised difference is",
    "largest_difference_place": "where the largest relative difference is",
    "remark": "what to know",
}
COUNTS = {
    "points": "points compared",
    "seeds": "seeds, the fewest of a cell",
    "judged": f"points with a standard error to judge by: from {FEWEST_SEEDS} seeds or more, and below {LARGEST_SHARE:.0%} of the mean",
    "beyond": "judged points beyond the limit",
}
NUMBERS = {
    "within_two": "fraction of |z| below 2 (0.954 by chance alone)",
    "within_three": "fraction of |z| below 3 (0.997 by chance alone)",
    "largest_z": "z of the largest size; above 0 where theory is exceeded",
    "z_limit": "limit on |z| with a false-alarm rate of 0.1% over all judged points",
    "median_difference": "median size of the relative differences",
    "largest_difference": "relative difference of the largest size",
}


class Agreement(NamedTuple):
    """A quantity beside a theory, over the cells of an experiment; a row of the table."""

    quantity: str
    theory: str
    cells: list[Differences]
    remark: str = ""


def agreement_table(found: dict[str, list[Agreement]], missing: dict[str, str]) -> xr.Dataset:
    """The rows of all experiments.

    Parameters
    ----------
    found : dict
        For each experiment its comparisons, from `cotdepth.agreement.kinds.KINDS`.
    missing : dict
        Experiments that the configuration lacks, with the kind of comparison; each has a row without numbers.

    Returns
    -------
    xarray.Dataset
        On (agreement): texts by `TEXTS`, counts by `COUNTS` and numbers by `NUMBERS`, NaN where there are none. ``z`` is a
        difference in standard errors, as `cotdepth.agreement.differences.standardised` has it. Differences are relative to theory.
    """
    rows = [row(experiment, each) for experiment, agreements in found.items() for each in agreements]
    rows += [_not_run(experiment) for experiment in missing]
    labels = [": ".join(filter(None, (each["experiment"], each["quantity"], each["theory"]))) for each in rows]
    kinds = ((TEXTS, str), (COUNTS, int), (NUMBERS, float))
    return xr.Dataset(
        {name: ("agreement", [convert(each[name]) for each in rows], {"long_name": about, "units": "1"})
         for names, convert in kinds for name, about in names.items()},
        coords={"agreement": ("agreement", labels, {"long_name": "experiment and theory", "units": "1"})},
        attrs={"title": "Experiments beside theory: standardised and relative differences", "source": "all experiments that have a theory"},
    )  # fmt: skip


def row(experiment: str, agreement: Agreement) -> dict:
    """The entries of one row, by name."""
    cells = agreement.cells
    differences = [cell.relative for cell in cells]
    scores = [score.where(np.isfinite(cell.relative)) for score, cell in zip(map(standardised, cells), cells, strict=True)]
    z, relative = _present(scores), _present(differences)
    limit = z_limit(FALSE_ALARM, len(z)) if len(z) else math.nan
    (largest_z, z_place), (largest_difference, difference_place) = _largest(cells, scores), _largest(cells, differences)
    return {
        "experiment": experiment, "quantity": agreement.quantity, "theory": agreement.theory, "remark": agreement.remark,
        "points": len(relative), "seeds": min((cell.seeds for cell in cells), default=0), "judged": len(z),
        "beyond": np.sum(abs(z) > limit), "within_two": _fraction(z, 2), "within_three": _fraction(z, 3),
        "largest_z": largest_z, "largest_z_place": z_place, "z_limit": limit,
        "median_difference": np.median(abs(relative)) if len(relative) else math.nan,
        "largest_difference": largest_difference, "largest_difference_place": difference_place,
    }  # fmt: skip


def _not_run(experiment):
    nothing = dict.fromkeys(TEXTS, "") | dict.fromkeys(COUNTS, 0) | dict.fromkeys(NUMBERS, math.nan)
    return nothing | {"experiment": experiment, "remark": "not run: the experiment is not in the configuration"}


def _present(parts):
    """All values but NaN, which stands where there is nothing to compare."""
    flat = np.concatenate([part.values.ravel() for part in parts]) if parts else np.empty(0)
    return flat[~np.isnan(flat)]


def _fraction(z, bound):
    return np.mean(abs(z) < bound) if len(z) else math.nan


def _largest(cells, parts):
    """The value of the largest size, and where it is."""
    sizes = [abs(part.values).ravel() for part in parts]
    tops = [np.nanmax(size) if np.any(~np.isnan(size)) else -math.inf for size in sizes]
    if not tops or max(tops) == -math.inf:
        return math.nan, ""
    at = int(np.argmax(tops))
    index = int(np.nanargmax(sizes[at]))
    return parts[at].values.ravel()[index], place(cells[at], parts[at], index)
