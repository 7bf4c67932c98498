"""Claims about the boundary of overthinking (asymptotic paper, result 5)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome
from cotdepth.theory import asymptotic

LEDGER = Ledger("asymptotic")


@LEDGER.claim(
    "Result 5", "boundary with noisy labels",
    sentence="With more tasks a dimension than the printed boundary tau_minus, thinking improves the error exponentially (alpha > 1).",
    form="The exact error falls from k = 60 to k = 120 at (alpha, tau, sigma) = (3, 1.6, 2), which is above tau_minus;"
         " corrected: it falls above max(tau_minus, tau_plus), by a tenth, and rises below it",
    kind="numerical",
    erratum="There is a second boundary, tau_plus = 1 + (1 + sigma^2)/max(1, alpha): noise in the fitted matrix reverses directions.",
)  # fmt: skip
def noisy_boundary():
    """Growth of the error between depths 60 and 120, as a ratio, on both sides of the boundary."""
    boundary = float(asymptotic.critical_task_ratio(3, 2))
    printed, below, above = (growth(3, tau, 2) for tau in (1.6, 0.9 * boundary, 1.1 * boundary))
    return Outcome(
        Check("E_120 / E_60 at tau = 1.6", printed, 1),
        Check("larger of E_120 / E_60 above and E_60 / E_120 below the corrected boundary", max(above, 1 / below), 1),
    )


def growth(alpha: float, tau: float, sigma: float) -> float:
    """Ratio of the errors at depths 120 and 60."""
    curve = asymptotic.error_curve(alpha, tau, sigma, depth=120)
    return float(np.divide(curve.sel(k=120), curve.sel(k=60)))
