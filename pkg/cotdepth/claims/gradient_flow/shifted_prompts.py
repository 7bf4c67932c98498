"""Claims about simulated errors on prompts that differ from those in training (gradient-flow paper, section 4.2).

A shift counts as tolerated here where the layer's mean squared error in the longest prompts is at most twice that of least squares,
fitted to the same prompts.
"""

import numpy as np
from scipy import stats

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst
from cotdepth.claims.reading import chosen, listed, pick

LEDGER = Ledger("gradient-flow")
FALSE_ALARM = 1e-3
TRAINING, TURNED = "skewed", "turned"  # covariances of the experiment: training's, and another
TOLERATED = 2
LARGEST_SHARE = 0.3  # of a mean, that a standard error may have: beyond it rare prompts carry the mean
STUDENT = (
    "by Student's law of as many degrees of freedom as seeds, fewer than those of the prompts; means whose standard error is 30% of them"
    " or more are not judged"
)
READING = (
    "Tolerated is read as at most twice the error of least squares fitted to the same prompts, in the longest prompts, of the layer at"
    " the flow's limit"
)


@LEDGER.claim(
    "Theorem 4.2", "simulation",
    sentence="The error on linear labels is (4.6), and what follows from it for other queries and covariates.",
    form="Largest difference between simulated and exact mean errors of the layer at the flow's limit, in standard errors over test"
         f" prompts, all covariances, scales and lengths; false alarm {FALSE_ALARM:g} over all comparisons, {STUDENT}",
    kind="statistical",
)  # fmt: skip
def simulation(shifts, shifted):
    """Standardised differences on linear labels."""
    return agreement(shifts, shifted, ["linear"])


@LEDGER.claim(
    "Theorem 4.2", "simulation of other labels",
    sentence="The error on labels that are not linear is (4.6).",
    form="Largest difference between simulated and exact mean errors of the layer at the flow's limit, in standard errors over test"
         f" prompts, all other kinds of labels, and lengths; false alarm {FALSE_ALARM:g} over all comparisons, {STUDENT}",
    kind="statistical",
)  # fmt: skip
def simulation_of_other_labels(shifts, shifted):
    """Standardised differences on other labels."""
    return agreement(shifts, shifted, [label for label in shifts.label.values if label != "linear"])


def agreement(shifts, shifted, labels) -> Outcome:
    """The largest standardised difference of mean errors, for these labels."""
    exact, seen = (listed(each).sel(label=labels) for each in (shifts, pick(shifted, model="flow limit")))
    there = exact.seed_mean.notnull()  # cells have labels, scales and lengths of their own
    judged = there & ~(seen.seed_mean_standard_error >= LARGEST_SHARE * seen.seed_mean)  # what is not a number is
    gaps, seeds = abs((seen.seed_mean - exact.seed_mean) / seen.seed_mean_standard_error).values[judged.values], shifted.sizes["seed"]
    if not len(gaps) or seeds < 8:
        raise NotRun(f"needs errors of at least 8 seeds on {', '.join(labels)} labels, has {len(gaps)} to judge, of {seeds} seeds")
    limit = stats.t.isf(FALSE_ALARM / (2 * len(gaps)), seeds)
    return Outcome(Check(f"largest difference in standard errors, of {len(gaps)} means out of {int(there.sum())}", worst(gaps), limit))


# --- which shifts are tolerated -----------------------------------------------------------------------------------


def over_least_squares(cells) -> np.ndarray:
    """Errors of the layer in the longest prompts over those of least squares, for all kinds of labels and scales that there are."""
    longest = int(cells.n_context_test.max())
    if longest < 100:
        raise NotRun(f"needs test prompts of at least 100 examples, has {longest}")
    layer, squares = (cells.seed_mean.sel(n_context_test=longest, model=name).values for name in ("flow limit", "least squares"))
    there = ~(np.isnan(layer) & np.isnan(squares))  # cells have labels and scales of their own
    if not there.any():
        raise NotRun(f"needs such prompts of {longest} examples")
    return layer[there] / squares[there]


def tolerated(cells) -> Outcome:
    """Whether all are at most twice those of least squares."""
    return Outcome(Check("largest error over that of least squares", worst(over_least_squares(cells)), TOLERATED))


def not_tolerated(cells) -> Outcome:
    """Whether all are more than twice those of least squares."""
    return Outcome(Check("twice the error of least squares over the layer's, largest", TOLERATED / np.min(over_least_squares(cells)), 1))


@LEDGER.claim(
    "Section 4.2", "task shift, simulated",
    sentence="Labels that are noisy or not linear are tolerated.",
    form=f"Largest ratio of mean errors, linear, ReLU, cubic and quadratic labels with noise. {READING}",
    kind="numerical", standing="reading",
)  # fmt: skip
def task_shift(shifted):
    """Errors on other labels beside those of least squares."""
    cells = chosen(shifted, test_covariance=TRAINING, query_covariance=TRAINING)
    return tolerated(cells.sel(covariate_scale=[1]))


@LEDGER.claim(
    "Section 4.2", "query shift, simulated",
    sentence="Another law of the query is tolerated.",
    form=f"Largest ratio of mean errors, linear labels with noise, examples as in training and a query of another covariance. {READING}",
    kind="numerical", standing="reading",
)  # fmt: skip
def query_shift(shifted):
    """Errors for another query beside those of least squares."""
    return tolerated(chosen(shifted, test_covariance=TRAINING, query_covariance=TURNED))


@LEDGER.claim(
    "Section 4.2", "covariate shift, simulated",
    sentence="Another covariance of the examples is not tolerated.",
    form=f"Twice the error of least squares over the layer's, linear labels with noise, examples of another covariance. {READING}",
    kind="numerical", standing="reading",
)  # fmt: skip
def covariate_shift(shifted):
    """Errors for other examples beside those of least squares."""
    return not_tolerated(chosen(shifted, test_covariance=TURNED))


@LEDGER.claim(
    "Section 4.2", "scaled covariates, simulated",
    sentence="Scaling all features by a constant is not tolerated, while least squares is robust to it.",
    form=f"Twice the error of least squares over the layer's, linear labels with noise, features twice and three times as large. {READING}",
    kind="numerical", standing="reading",
)  # fmt: skip
def scaled_covariates(shifted):
    """Errors on scaled prompts beside those of least squares."""
    cells, scales = chosen(shifted, test_covariance=TRAINING, query_covariance=TRAINING), [2, 3]
    if not np.isin(scales, cells.covariate_scale.values).all():
        raise NotRun("needs features twice and three times as large")
    return not_tolerated(cells.sel(covariate_scale=scales))
