"""Claims about the step size of gradient descent (training-data paper, theorem 3.1)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
ERRATUM = "The step needs |Gamma Lambda|, as in the paper's proof; the printed one diverges where |Lambda| > 2."


@LEDGER.claim(
    "Theorem 3.1", "step size",
    sentence="Gradient descent with step 1 / (c^2 |Gamma|) converges.",
    form="Largest factor by which a step multiplies a direction of the error, |1 - step c^2 lambda(Gamma Lambda)|, is at most 1, for"
         " Lambda = 4 I, D = 5, n = 20; corrected: with finite.step_size, 1 / (c^2 |Gamma Lambda|)",
    kind="exact",
    erratum=ERRATUM,
)  # fmt: skip
def step_size():
    """Contraction of one step of descent in its worst direction."""
    spectrum = np.full(5, 4.0)
    gamma = (1 + 1 / 20) * spectrum + spectrum.sum() / 20
    printed, corrected = (abs(1 - step * gamma * spectrum).max() for step in (1 / gamma.max(), finite.step_size(spectrum, 20)))
    measure = "largest factor of a direction in one step"
    return Outcome(Check(measure, printed, 1), Check(measure, corrected, 1))


@LEDGER.claim(
    "Theorem 3.1", "step size in descent",
    sentence="Gradient descent with step 1 / (c^2 |Gamma|) converges.",
    form="Loss above its minimum after the last step of descent, over that at the start, largest over the covariances of the experiment:"
         " at most 1; corrected: with the step size of the proof. Needs a covariance with an eigenvalue above 2",
    kind="numerical",
    erratum=ERRATUM,
)  # fmt: skip
def descent_converges(descent):
    """Whether descent of the experiment ends lower than it began."""
    if not (descent.largest_eigenvalue > 2).any():
        raise NotRun("needs a covariance with an eigenvalue above 2")
    ratio = (descent.excess_loss.isel(step=-1) / descent.excess_loss.isel(step=0)).transpose("step_size", ...)
    measure = "largest ratio of the excess loss at the last step to that at the start"
    printed, corrected = (worst(ratio.sel(step_size=rule).values.ravel()) for rule in ("as printed", "as proved"))
    return Outcome(Check(measure, printed, 1), Check(measure, corrected, 1))
