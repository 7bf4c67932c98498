"""Claims about the step size of gradient descent (training-data paper, theorem 3.1)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome
from cotdepth.theory import finite

LEDGER = Ledger("training-data")


@LEDGER.claim(
    "Theorem 3.1", "step size",
    sentence="Gradient descent with step 1 / (c^2 |Gamma|) converges.",
    form="Largest factor by which a step multiplies a direction of the error, |1 - step c^2 lambda(Gamma Lambda)|, is at most 1, for"
         " Lambda = 4 I, D = 5, n = 20; corrected: with step 1 / (c^2 |Gamma Lambda|)",
    kind="exact",
    erratum="The step needs |Gamma Lambda|, as in the paper's proof; the printed one diverges where |Lambda| > 2.",
)  # fmt: skip
def step_size():
    """Contraction of one step of descent in its worst direction."""
    spectrum = np.full(5, 4.0)
    gamma = np.diag(finite.gamma(np.diag(spectrum), 20))
    curvature = gamma * spectrum
    printed, corrected = (abs(1 - curvature / scale).max() for scale in (gamma.max(), curvature.max()))
    measure = "largest factor of a direction in one step"
    return Outcome(Check(measure, printed, 1), Check(measure, corrected, 1))
