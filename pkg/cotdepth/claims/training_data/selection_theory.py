"""Claims about choosing tasks (training-data paper, eqs. 4.4 and 4.5, proposition 4.3 and appendix A.8)."""

import numpy as np
from scipy.optimize import minimize

from cotdepth import selection, selection_objectives
from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
ROUNDING = 1e-9
MIXTURES = "150 random mixtures of 6 tasks of unit trace on the axes, with one weak direction, and such a target, D = 3, n = 2 to 10^4"


def unit_trace(rng, dim) -> np.ndarray:
    """A random covariance of unit trace."""
    basis = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    return basis * rng.dirichlet(np.ones(dim)) @ basis.T


def weak_direction(rng) -> np.ndarray:
    """A random spectrum of unit trace, (3,), whose first value is between 10^-4 and 1/3."""
    weak = 10 ** rng.uniform(-4, np.log10(1 / 3))
    return np.append(weak, (1 - weak) * rng.dirichlet([5, 5]))


def mixtures(count=150):
    """Random instances of proposition 4.3: smallest eigenvalues of tasks, shares, those of Gamma and of the target, and n."""
    rng = np.random.default_rng(13)
    for _ in range(count):
        tasks, shares, target = [weak_direction(rng) for _ in range(6)], rng.dirichlet(np.ones(6)), weak_direction(rng)
        n = int(10 ** rng.uniform(np.log10(2), 4))
        gamma = np.diag(finite.mixture_gamma(tasks, shares, n, mixture="example")).min()
        yield np.array([task.min() for task in tasks]), shares, gamma, target.min(), n


@LEDGER.claim(
    "Equation 4.4", "not convex",
    sentence="The objective tr((I - Gamma^-1/2 Sigma Gamma^-1/2)^2k) is not convex in the probabilities.",
    form="Mean of selection.evaluate at both vertices less its value halfway, for tasks (0.1, 0.05, 0.85) and (0.4, 0.05, 0.55), target"
         " (0.05, 0.05, 0.9), k = 1, infinite n: at most -1e-3, where a convex function has at least 0",
    kind="exact",
)  # fmt: skip
def not_convex():
    """A chord below the function."""
    tasks, target = [[0.1, 0.05, 0.85], [0.4, 0.05, 0.55]], [0.05, 0.05, 0.9]
    first, second, middle = (float(selection.evaluate(shares, tasks, target, objective="exact", depth=1, mixture="example").objective)
                             for shares in ([1, 0], [0, 1], [0.5, 0.5]))  # fmt: skip
    return Outcome(Check("mean at the ends less the value halfway", (first + second) / 2 - middle, -1e-3))


@LEDGER.claim(
    "Equation 4.5", "convex quadratic program",
    sentence="Minimising |I - Sigma^-1 sum pi_l Lambda_l|_F^2 over the probabilities is a convex quadratic program.",
    form="selection.solve's value of this norm, written out, less the lowest found by SLSQP from 5 random starts (8 random tasks that do"
         " not commute, D = 4), relative; or, if larger, minus the smallest eigenvalue of the Gram matrix, relative: at most 1e-6",
    kind="numerical",
)  # fmt: skip
def convex_program():
    """The solution beside a general solver's, and the curvature."""
    rng = np.random.default_rng(14)
    tasks, target = [unit_trace(rng, 4) for _ in range(8)], unit_trace(rng, 4)
    parts = np.array([np.linalg.solve(target, task).ravel() for task in tasks])

    def norm(shares):
        return np.sum((np.eye(4).ravel() - shares @ parts) ** 2)

    found = [minimize(norm, start, method="SLSQP", bounds=[(0, 1)] * 8, constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
                      options={"ftol": 1e-14, "maxiter": 500}).fun for start in rng.dirichlet(np.ones(8), 5)]  # fmt: skip
    excess = norm(selection.solve(tasks, target).probability.values) / min(found) - 1
    curvature = np.linalg.eigvalsh(selection_objectives.surrogate_gram(tasks, target).gram.values)
    return Outcome(Check("larger of the relative excess and the negative curvature", max(excess, -curvature[0] / curvature[-1]), 1e-6))


@LEDGER.claim(
    "Proposition 4.3", "half of the probability",
    sentence="If the smallest eigenvalues of Gamma and of the target differ by at most epsilon, half of the probability or more lies on"
             " tasks whose smallest eigenvalue is at most 4 (epsilon + sigma_min(Sigma)).",
    form=f"Largest of 1/2 less that probability, at the smallest epsilon ({MIXTURES}): at most 0",
    kind="numerical",
)  # fmt: skip
def half_on_hard_tasks():
    """Probability of the hard tasks."""
    missing = [0.5 - shares[smallest <= 4 * (abs(gamma - target) + target)].sum() for smallest, shares, gamma, target, _ in mixtures()]
    return Outcome(Check("largest lack of probability", worst(missing), 0))


@LEDGER.claim(
    "Proposition 4.3", "hard tasks are told apart",
    sentence="Where epsilon and sigma_min(Sigma) are small, that set is of hard tasks, those with small smallest eigenvalues.",
    form="150 random hard targets (D = 3, sigma_min(Sigma) at most 1/(100 d)), each with 6 random tasks on the axes and the easiest,"
         " Lambda = I/d, n = 1000 d, probabilities by selection.solve, Gamma by finite.mixture_gamma: number whose set has the easiest"
         " task: at most 0",
    kind="numerical",
)  # fmt: skip
def hard_tasks_told_apart():
    """Sets of what is selected for a hard target, and the easiest task."""
    rng = np.random.default_rng(16)
    return Outcome(Check("sets that have the easiest task", sum(easiest_is_called_hard(rng) for _ in range(150)), 0))


def easiest_is_called_hard(rng) -> bool:
    """Whether the set of the proposition has the isotropic task, when tasks are selected for a random hard target."""
    target = np.append(10 ** rng.uniform(-4, np.log10(1 / 300)), rng.dirichlet([5, 5]))
    target[1:] *= 1 - target[0]
    tasks = [*(weak_direction(rng) for _ in range(6)), np.full(3, 1 / 3)]
    gamma = finite.mixture_gamma(tasks, selection.solve(tasks, target).probability.values, 3000, mixture="example")
    smallest = np.linalg.eigvalsh(gamma)[0]
    return bool(1 / 3 <= 4 * (abs(smallest - target.min()) + target.min()))


@LEDGER.claim(
    "Proposition 4.3", "in short training prompts",
    sentence="Read at every n, of which the proposition has no premise, the set singles out some of the tasks.",
    form=f"Number of mixtures with n at most 4 d whose set has every task ({MIXTURES}): at most 0 (with unit traces sigma_min(Gamma) is at"
         " least 1/n, so that the set cannot lack a task unless n > 4 d)",
    kind="numerical", standing="reading",
)  # fmt: skip
def short_training_prompts():
    """Mixtures in short prompts whose set has every task."""
    full = [bool((smallest <= 4 * (abs(gamma - target) + target)).all()) for smallest, _, gamma, target, n in mixtures() if n <= 12]
    return Outcome(Check("sets that have every task", sum(full), 0))


@LEDGER.claim(
    "Appendix A.8, first display", "threshold",
    sentence="The probability of the set of proposition 4.3 is P(X <= 2 (epsilon + sigma_min(Sigma))), X a task's smallest eigenvalue.",
    form=f"Largest difference of the two probabilities ({MIXTURES}): at most 1e-9; corrected: with 4 for 2",
    kind="exact",
    erratum="The threshold is 4 times, as in the statement and at the end of the proof.",
)  # fmt: skip
def threshold():
    """The probability of the set, and of the printed and the corrected event."""
    gaps = {2: [], 4: []}
    for smallest, shares, gamma, target, _ in mixtures():
        bound = abs(gamma - target) + target
        inside = shares[smallest <= 4 * bound].sum()
        for factor, found in gaps.items():
            found.append(abs(shares[smallest <= factor * bound].sum() - inside))
    measure = "largest difference of the probabilities"
    return Outcome(Check(measure, worst(gaps[2]), ROUNDING), Check(measure, worst(gaps[4]), ROUNDING))


@LEDGER.claim(
    "Appendix A.8, Jensen's inequality", "convexity",
    sentence="The smallest eigenvalue is a convex function of the covariance, so that E sigma_min(Lambda) <= sigma_min(E Lambda).",
    form="Largest of sigma_min of the mean less the mean of sigma_min over 200 random pairs, D = 3: at most 0, as for a convex function;"
         " corrected: its negative, as for a concave one, which is what the inequality needs",
    kind="numerical",
    erratum="The smallest eigenvalue is concave. The inequality is right.",
)  # fmt: skip
def jensen():
    """Convexity and concavity of the smallest eigenvalue, at random."""
    rng, gaps = np.random.default_rng(15), []
    for _ in range(200):
        pair = [unit_trace(rng, 3) for _ in range(2)]
        gaps.append(np.linalg.eigvalsh(sum(pair) / 2)[0] - np.mean([np.linalg.eigvalsh(task)[0] for task in pair]))
    return Outcome(Check("largest excess over the mean", worst(gaps), ROUNDING),
                   Check("largest shortfall", worst(-np.array(gaps)), ROUNDING))  # fmt: skip
