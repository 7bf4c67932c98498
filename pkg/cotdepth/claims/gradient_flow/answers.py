"""Claims about simulated answers after training on random covariances (gradient-flow paper, after equation 4.12)."""

import numpy as np
from scipy import stats

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst
from cotdepth.claims.reading import pick

LEDGER = Ledger("gradient-flow")
FALSE_ALARM = 1e-3
MEASURES = ("fixed_query_slope", "own_query_slope", "relative_error")


def t_limit(answered, comparisons: int) -> float:
    """Largest difference in standard errors over seeds, for `FALSE_ALARM` over all comparisons; `NotRun` where there are few seeds."""
    seeds = answered.sizes["seed"]
    if seeds < 5:
        raise NotRun(f"needs at least 5 seeds, has {seeds}")
    return float(stats.t.isf(FALSE_ALARM / (2 * comparisons), seeds - 1))


@LEDGER.claim(
    "Equation 4.12", "simulation",
    sentence="Answers after training on random covariances are those of the layer with E[Gamma Lambda^2]^-1 E[Lambda^2].",
    form="Largest difference between simulated and exact slopes and errors, in standard errors over seeds (Student's t), all laws and"
         f" lengths; false alarm {FALSE_ALARM:g} over all comparisons",
    kind="statistical",
)  # fmt: skip
def simulation(answers, answered):
    """Standardised differences of all measures."""
    gaps = [abs((answered[f"{name}_mean"] - answers[name]) / answered[f"{name}_standard_error"]).values.ravel() for name in MEASURES]
    return Outcome(Check("largest difference in standard errors", worst(np.concatenate(gaps)), t_limit(answered, sum(map(len, gaps)))))


@LEDGER.claim(
    "Equation 4.12", "a third of the label, simulated",
    sentence="For exponential entries the mean answer is a third of the label, the query being drawn as the examples are.",
    form="Difference of the simulated slope for queries of the prompt's covariance from that for others, a third in long prompts, in"
         f" standard errors over seeds, longest prompts; corrected: from the exact slope for such queries; false alarm {FALSE_ALARM:g}"
         " (Student's t)",
    kind="statistical",
    erratum="A query of the prompt's covariance depends on it: the slope is 2/3 in long prompts.",
)  # fmt: skip
def third_simulated(answers, answered):
    """The slope in the longest prompts beside both exact ones."""
    exact, seen = (pick(each, covariance="exponential").sel(n_context=each.n_context.max()) for each in (answers, answered))
    limit, measure = t_limit(answered, 1), "difference in standard errors"
    gaps = [float(abs(seen.own_query_slope_mean - exact[name]) / seen.own_query_slope_standard_error) for name in reversed(MEASURES[:2])]
    return Outcome(Check(measure, gaps[1], limit), Check(measure, gaps[0], limit))
