"""Claims about simulated errors on prompts that differ from those in training (gradient-flow paper, section 4.2).

A shift counts as tolerated here where the layer's mean squared error in the longest prompts is at most twice that of least squares,
fitted to the same prompts.
"""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst, z_limit
from cotdepth.claims.gradient_flow.cells import chosen, listed, needed

LEDGER = Ledger("gradient-flow")
FALSE_ALARM = 1e-3
TRAINING, TURNED = "skewed", "turned"  # covariances of the experiment: training's, and another
TOLERATED = 2
READING = (
    "Tolerated is read as at most twice the error of least squares fitted to the same prompts, in the longest prompts, of the layer at the"
    " flow's limit"
)


@LEDGER.claim(
    "Theorem 4.2", "simulation",
    sentence="The error on linear labels is (4.6), and what follows from it for other queries and covariates.",
    form="Largest difference between simulated and exact mean errors of the layer at the flow's limit, in standard errors over test"
     " prompts, all"
         f" covariances, scales and lengths; false alarm {FALSE_ALARM:g} over all comparisons",
    kind="statistical",
)  # fmt: skip
def simulation(shifts, shifted):
    """Standardised differences on linear labels."""
    return agreement(shifts, shifted, ["linear"])


@LEDGER.claim(
    "Theorem 4.2", "simulation of other labels",
    sentence="The error on labels that are not linear is (4.6).",
    form="Largest difference between simulated and exact mean errors of the layer at the flow's limit, in standard errors over test"
     " prompts, all"
         f" other kinds of labels, and lengths; false alarm {FALSE_ALARM:g} over all comparisons",
    kind="statistical",
)  # fmt: skip
def simulation_of_other_labels(shifts, shifted):
    """Standardised differences on other labels."""
    return agreement(shifts, shifted, [label for label in shifts.label.values if label != "linear"])


def agreement(shifts, shifted, labels) -> Outcome:
    """The largest standardised difference of mean errors, for these labels."""
    exact, seen = (listed(each).sel(label=labels) for each in (shifts, needed(shifted, model="flow limit")))
    gaps = abs((seen.seed_mean - exact.seed_mean) / seen.seed_mean_standard_error).values.ravel()
    gaps = gaps[np.isfinite(gaps)]  # cells have labels, scales and lengths of their own
    if not len(gaps) or shifted.sizes["seed"] < 8:
        raise NotRun(f"needs errors of at least 8 seeds on {', '.join(labels)} labels, has {shifted.sizes['seed']}")
    return Outcome(Check("largest difference in standard errors", worst(gaps), z_limit(FALSE_ALARM, len(gaps))))


# --- which shifts are tolerated -----------------------------------------------------------------------------------


def over_least_squares(cells) -> np.ndarray:
    """Errors of the layer in the longest prompts over those of least squares, for all kinds of labels and scales that there are."""
    longest = int(cells.n_context_test.max())
    if longest < 100:
        raise NotRun(f"needs test prompts of at least 100 examples, has {longest}")
    errors = cells.seed_mean.sel(n_context_test=longest)
    ratios = (errors.sel(model="flow limit") / errors.sel(model="least squares")).values.ravel()
    found = ratios[np.isfinite(ratios)]
    if not len(found):
        raise NotRun(f"needs such prompts of {longest} examples")
    return found


def tolerated(cells) -> Outcome:
    """Whether all are at most twice those of least squares."""
    return Outcome(Check("largest error over that of least squares", worst(over_least_squares(cells)), TOLERATED))


def not_tolerated(cells) -> Outcome:
    """Whether all are more than twice those of least squares."""
    return Outcome(Check("twice the error of least squares over the layer's, largest", TOLERATED / min(over_least_squares(cells)), 1))


@LEDGER.claim(
    "Section 4.2", "task shift, simulated",
    sentence="Labels that are noisy or not linear are tolerated.",
    form=f"Largest ratio of mean errors, linear, ReLU, cubic and quadratic labels with noise. {READING}",
    kind="numerical",
)  # fmt: skip
def task_shift(shifted):
    """Errors on other labels beside those of least squares."""
    cells = chosen(shifted, test_covariance=TRAINING, query_covariance=TRAINING)
    return tolerated(cells.sel(covariate_scale=[1]))


@LEDGER.claim(
    "Section 4.2", "query shift, simulated",
    sentence="Another law of the query is tolerated.",
    form=f"Largest ratio of mean errors, linear labels with noise, examples as in training and a query of another covariance. {READING}",
    kind="numerical",
)  # fmt: skip
def query_shift(shifted):
    """Errors for another query beside those of least squares."""
    return tolerated(chosen(shifted, test_covariance=TRAINING, query_covariance=TURNED))


@LEDGER.claim(
    "Section 4.2", "covariate shift, simulated",
    sentence="Another covariance of the examples is not tolerated.",
    form=f"Twice the error of least squares over the layer's, linear labels with noise, examples of another covariance. {READING}",
    kind="numerical",
)  # fmt: skip
def covariate_shift(shifted):
    """Errors for other examples beside those of least squares."""
    return not_tolerated(chosen(shifted, test_covariance=TURNED))


@LEDGER.claim(
    "Section 4.2", "scaled covariates, simulated",
    sentence="Scaling all features by a constant is not tolerated, while least squares is robust to it.",
    form=f"Twice the error of least squares over the layer's, linear labels with noise, features twice and three times as large. {READING}",
    kind="numerical",
)  # fmt: skip
def scaled_covariates(shifted):
    """Errors on scaled prompts beside those of least squares."""
    cells, scales = chosen(shifted, test_covariance=TRAINING, query_covariance=TRAINING), [2, 3]
    if not np.isin(scales, cells.covariate_scale.values).all():
        raise NotRun("needs features twice and three times as large")
    return not_tolerated(cells.sel(covariate_scale=scales))
