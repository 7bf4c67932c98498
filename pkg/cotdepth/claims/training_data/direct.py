"""Claims about the error of one step, and about hardness (training-data paper, theorem 3.3)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.training_data import quadrature
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
ROUNDING = 1e-9
TASKS = {"isotropic": np.eye(3), "skewed": np.diag([3.0, 1.0, 0.1]), "turned": np.array([[2.0, 0.5, 0], [0.5, 1, -0.3], [0, -0.3, 0.6]])}
SIZES = [(n, m) for n in (1, 5, 20, 200) for m in (3, 20, 200)]
WEIGHTS = np.array([1.0, -0.5, 2.0])
SETTING = "three covariances, D = 3, n = 1, 5, 20, 200 and m = 3, 20, 200, w = (1, -0.5, 2)"


def literal_error(task, n, m, divisor=None) -> float:
    """``E |w - P X X^T w / divisor|^2``, a total, by quadrature; the divisor is ``m`` unless given."""
    step = np.linalg.inv((1 + 1 / n) * task + np.trace(task) / n * np.eye(3)) * m / (divisor or m)
    samples, weights = quadrature.sample_covariances(task, m, 2)
    return float(weights @ np.sum(((np.eye(3) - step @ samples) @ WEIGHTS) ** 2, axis=1))


def printed_bound(task, n, m) -> float:
    """The bound of theorem 3.3 for these weights, a total, as printed."""
    inverse = np.linalg.inv(task)
    bias = np.eye(3) + np.trace(task) * inverse
    return float(WEIGHTS @ (bias @ bias / n**2 + (np.eye(3) + np.trace(inverse) * task) / m) @ WEIGHTS)


def everywhere(measure):
    """The measure at every task and size."""
    return [measure(task, n, m) for task in TASKS.values() for n, m in SIZES]


@LEDGER.claim(
    "Theorem 3.3", "bound for one task",
    sentence="The mean error of one step is at most w^T((I + tr(Lambda) Lambda^-1)^2/n^2 + (I + tr(Lambda^-1) Lambda)/m) w.",
    form=f"Largest ratio of the mean error, exact by quadrature, to finite.direct_error_bound_at ({SETTING}): at most 1",
    kind="exact",
)  # fmt: skip
def bound_for_one_task():
    """Error over bound, everywhere."""
    ratios = everywhere(lambda task, n, m: literal_error(task, n, m) / 3 / library_bound(task, n, m))
    return Outcome(Check("largest ratio of the error to its bound", worst(ratios), 1))


def library_bound(task, n, m) -> float:
    """The library's bound, per dimension."""
    return finite.direct_error_bound_at(WEIGHTS, task, n_context=n, n_context_test=m)


@LEDGER.claim(
    "Theorem 3.3", "normalisation of the estimate",
    sentence="The estimate of one step is Gamma^-1 X X^T w / n, with n the length of training prompts, and the theorem bounds its error.",
    form=f"Largest ratio of this estimate's mean error, exact by quadrature, to the printed bound ({SETTING}): at most 1; corrected: the"
         " same with m for n, or, if larger, the relative difference of this error from finite.direct_error over 1e-9",
    kind="exact",
    erratum="The sum over the test prompt is divided by its own length m, as in eq. (3.8).",
)  # fmt: skip
def normalisation():
    """The bound on the error of both estimates."""
    printed, corrected = (everywhere(lambda task, n, m, d=d: literal_error(task, n, m, d(n, m)) / printed_bound(task, n, m))
                          for d in (lambda n, m: n, lambda n, m: m))  # fmt: skip
    differences = everywhere(lambda task, n, m: abs(3 * library_error(task, n, m) / literal_error(task, n, m) - 1) / ROUNDING)
    return Outcome(Check("largest ratio of the error to its bound", worst(printed), 1),
                   Check("larger of that ratio and the difference", worst([*corrected, *differences]), 1))  # fmt: skip


def library_error(task, n, m) -> float:
    """The library's exact error of one step, per dimension."""
    return finite.direct_error(task, task, n_context=n, n_context_test=m, weights=WEIGHTS)


@LEDGER.claim(
    "Equation 3.10", "bound on average",
    sentence="Averaged over tasks the error of one step is at most d (1 + H)^2/n^2 + d (1 + H)/m, H the hardness.",
    form="Largest ratio of the exact mean error, by quadrature, to finite.direct_error_bound (three covariances, D = 3, n = 1, 5, 20, 200,"
         " m = 3, 20, 200): at most 1",
    kind="exact",
)  # fmt: skip
def average_bound():
    """Mean error over bound, everywhere."""
    def ratio(task, n, m):
        step = np.linalg.inv((1 + 1 / n) * task + np.trace(task) / n * np.eye(3))
        error = quadrature.mean_errors(step, task, m, 1)[1] / 3
        return error / finite.direct_error_bound(task, n_context=n, n_context_test=m)

    return Outcome(Check("largest ratio of the error to its bound", worst(everywhere(ratio)), 1))


@LEDGER.claim(
    "Equation 3.11", "scale and small eigenvalues",
    sentence="Hardness does not change with the scale of the features, and a weaker weakest skill makes it larger.",
    form="Larger of the relative change of finite.hardness under a scale of 7 over 1e-9, and the ratio of the hardness of eigenvalues"
         " (1, 1, x) at one x to that at the next smaller one, x = 1, 1/2, 1/4, ..., 2^-20: at most 1",
    kind="exact",
)  # fmt: skip
def hardness():
    """Hardness under a scale, and as the smallest eigenvalue falls."""
    change = [abs(finite.hardness(7 * task) / finite.hardness(task) - 1) / ROUNDING for task in TASKS.values()]
    falling = [finite.hardness([1, 1, 0.5**power]) for power in range(21)]
    return Outcome(Check("larger of change and ratio", worst([*change, *np.divide(falling[:-1], falling[1:])]), 1))
