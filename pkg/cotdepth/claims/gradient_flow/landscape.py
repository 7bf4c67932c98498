"""Claims about where gradient flow goes (gradient-flow paper, theorem 4.1)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import finite, flow

LEDGER = Ledger("gradient-flow")
SPECTRA = ([1.0, 1.0, 1.0], [4.0, 2.0, 1.0])


@LEDGER.claim(
    "Theorem 4.1", "limit of the flow",
    sentence="From the paper's starts gradient flow converges to u = |Gamma^-1|_F^(1/2) and U = |Gamma^-1|_F^(-1/2) Gamma^-1.",
    form="Largest relative distance of the integrated flow at time 200 from that limit, at most 1e-6 (eigenvalues 1, 1, 1 and 4, 2, 1,"
         " N = 20, start scale 0.1)",
    kind="numerical",
)  # fmt: skip
def limit():
    """How far the flow ends from the printed limit."""
    return Outcome(Check("largest relative distance of (u, U) from the limit", worst(map(distance_from_limit, SPECTRA)), 1e-6))


def distance_from_limit(spectrum) -> float:
    """Distance of the flow's end from the printed limit, relative to the limit's size."""
    landscape = flow.fixed_landscape(np.array(spectrum), 20)
    end = flow.state_at(flow.integrate(landscape, flow.balanced_start(np.eye(3), scale=0.1), [0, 200]), 1)
    inverse = np.linalg.inv(finite.gamma(np.diag(spectrum), 20))
    size = np.sqrt(np.linalg.norm(inverse))
    return float(max(np.linalg.norm(end.key_query - inverse / size) / size, abs(end.value - size) / size))
