"""Claims about starts that the paper leaves open: all entries of both matrices random (gradient-flow paper, section 6)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst
from cotdepth.claims.reading import listed
from cotdepth.theory import flow

LEDGER = Ledger("gradient-flow")
EQUAL = "equal"  # the covariance of the experiment whose eigenvalues are
POINTS, DISTANCE = 4, 0.01  # of starts, from the point of a single direction


@LEDGER.claim(
    "Section 6", "random starts, equal eigenvalues",
    sentence="Gradient flow from general random starts reaches the global minimum, if features are isotropic.",
    form="Number of flows from random matrices that end above the global minimum; no false alarms if all flows reach it",
    kind="statistical", standing="open",
)  # fmt: skip
def equal_eigenvalues(starts):
    """Ends above the minimum where eigenvalues are equal."""
    return ends_above(starts, lambda name: name == EQUAL)


@LEDGER.claim(
    "Section 6", "random starts, different eigenvalues",
    sentence="Gradient flow from general random starts reaches the global minimum, whatever the covariance.",
    form="Number of flows from random matrices that end above the global minimum, covariances with different eigenvalues; no false alarms"
         " if all flows reach it",
    kind="statistical", standing="open",
)  # fmt: skip
def different_eigenvalues(starts):
    """Ends above the minimum where eigenvalues differ."""
    return ends_above(starts, lambda name: name != EQUAL)


def ends_above(starts, wanted) -> Outcome:
    """How many flows settle above the global minimum, in cells of wanted covariances."""
    cells = listed(starts)
    kept = cells.isel(cell=[place for place, name in enumerate(cells.covariance.values) if wanted(str(name))])
    settled, reached = kept.settled.values, kept.reached.values
    if np.sum(settled == 1) < 5:
        raise NotRun(f"needs at least 5 flows that settle, has {int(np.sum(settled == 1))}")
    above = np.sum((settled == 1) & (reached == 0))
    return Outcome(Check(f"flows that settle above the minimum, of {int(np.sum(settled == 1))}", float(above), 0))


@LEDGER.claim(
    "Section 6", "no other local minima",
    sentence="The loss in all parameters has no local minima that are not global, so that flow from near any point leaves.",
    form=f"Largest loss above the minimum, over that of the answer 0, where gradient flow in all parameters ends from {POINTS} points at"
         f" distance {DISTANCE:g} from the one that answers along the largest eigenvector alone, at time 300 (eigenvalues 1, 1/2, 1/4, N ="
         " 8), at most 1e-6",
    kind="numerical", standing="open",
)  # fmt: skip
def no_other_local_minima():
    """Where flows end that start beside the point of a single direction."""
    spectrum, rng = np.array([1.0, 0.5, 0.25]), np.random.default_rng(71)
    point, least = flow.single_direction_point(spectrum, 8), spectrum.sum() / 2 + flow.minimal_loss(flow.fixed_landscape(spectrum, 8))
    shifts = rng.standard_normal((POINTS, 4, 4))
    ends = [flow.full_flow(point + DISTANCE * shift / np.linalg.norm(shift), spectrum, 8, [0, 300]).loss.values[-1] for shift in shifts]
    return Outcome(Check("largest loss above the minimum, relative", (worst(ends) - least) / (spectrum.sum() / 2), 1e-6))
