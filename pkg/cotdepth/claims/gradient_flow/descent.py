"""Claims about gradient descent with steps of a finite size, which the paper asks about (gradient-flow paper, section 6)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst

LEDGER = Ledger("gradient-flow")


@LEDGER.claim(
    "Section 6", "steps of a finite size",
    sentence="Gradient descent on the population loss with steps of a finite size ends at the global minimum too.",
    form="Largest excess loss at the last time over that of the start, over all covariances, step sizes and starts of the experiment,"
         " over exp(-t): that of the flow falls as exp(-2 t) in the end, t in final decay times",
    kind="numerical", standing="open",
)  # fmt: skip
def finite_steps(descent):
    """The last excess loss of every run of descent."""
    duration = float(descent.time.max())
    if duration < 10:
        raise NotRun(f"needs runs of at least 10 final decay times, has {duration:g}")
    left = (descent.excess_loss.isel(time=-1) / descent.excess_loss.isel(time=0)).values.ravel()
    return Outcome(Check("largest fraction of the excess loss that is left, over exp(-t)", worst(left) * np.exp(duration), 1))


@LEDGER.claim(
    "Section 6", "order in the step size",
    sentence="Gradient descent follows gradient flow, the closer the smaller its steps, to first order.",
    form="Largest difference of the order, the binary logarithm of what halving the step size divides the largest distance from the flow"
         " by, from 1: nearer to 1 than to 1/2 or 2 means at most 0.5. Smallest two step sizes, all covariances and starts",
    kind="numerical", standing="open",
)  # fmt: skip
def order_in_the_step_size(descent):
    """Orders from the two smallest step sizes."""
    if descent.sizes["step"] < 3:
        raise NotRun(f"needs at least two halvings of the step size, has {descent.sizes['step'] - 1}")
    orders = np.log2(descent.largest_distance.isel(step=-2) / descent.largest_distance.isel(step=-1)).values.ravel()
    return Outcome(Check("largest difference of the order from 1", worst(abs(orders - 1)), 0.5))


@LEDGER.claim(
    "Section 6", "another optimiser",
    sentence="Adam on the population loss ends at a global minimum too.",
    form="Largest excess loss where Adam ends over that of the flow's start, at most 1e-3 (all covariances and starts)",
    kind="numerical", standing="open",
)  # fmt: skip
def another_optimiser(flow, descent):
    """Where Adam ends."""
    if float(flow.time.max()) < 10:
        raise NotRun("needs runs of at least 10 final decay times")
    left = (descent.adam_excess_loss / flow.excess_loss.isel(time=0)).values.ravel()
    return Outcome(Check("largest fraction of the excess loss that is left", worst(left), 1e-3))
