"""Claims about what a step of thought computes (training-data paper, proposition 3.2 and remark 3.3)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.training_data import quadrature, transformer
from cotdepth.models.lsa import at_optimum, lsa_step
from cotdepth.prompts import Prompts
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
TASK = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.6]])
N_CONTEXT, EXAMPLES, DEPTH, SCALE = 9, 7, 5, 1.3
ROUNDING = 1e-9
SETTING = "D = 3, n = 9, m = 7, c = 1.3, five thoughts"


def prompt():
    """Features (D, m), task weights (D,) and labels (m,) of one prompt."""
    rng = np.random.default_rng(5)
    features, task = np.linalg.cholesky(TASK) @ rng.standard_normal((3, EXAMPLES)), rng.standard_normal(3)
    return features, task, task @ features


def gamma_inverse():
    """``Gamma^-1`` by eq. (3.5), written out."""
    return np.linalg.inv((1 + 1 / N_CONTEXT) * TASK + np.trace(TASK) / N_CONTEXT * np.eye(3))


def literal_thoughts(block):
    """Estimates of the literal transformer with this value block, (depth + 1, D)."""
    features, _, labels = prompt()
    return transformer.thoughts(*transformer.matrices(block, scale=SCALE), features, labels, DEPTH)


def recursion():
    """Estimates by eq. (3.8), (depth + 1, D)."""
    features, task, _ = prompt()
    estimates = [np.zeros(3)]
    for _ in range(DEPTH):
        estimates.append(estimates[-1] - gamma_inverse() @ features @ features.T @ (estimates[-1] - task) / EXAMPLES)
    return np.array(estimates)


def distance(value, truth) -> float:
    """Largest difference of entries."""
    return float(np.abs(value - truth).max())


@LEDGER.claim(
    "Proposition 3.2", "recursion",
    sentence="A thought of the trained transformer is a step w - Gamma^-1 X X^T (w - w_test) / m, eq. (3.8).",
    form=f"Largest difference of the estimates from those of the literal transformer with V_31 = finite.optimal_block ({SETTING}):"
         " at most 1e-9",
    kind="exact",
)  # fmt: skip
def newton_steps():
    """The recursion beside the transformer."""
    return Outcome(Check("largest difference of an estimate", distance(recursion(), literal_thoughts(block())), ROUNDING))


def block():
    """The value block that the library says training finds."""
    return finite.optimal_block(TASK, N_CONTEXT, scale=SCALE)


@LEDGER.claim(
    "Equation 3.9", "exponent",
    sentence="After k steps of generation the estimate w_(k+1) is (I - (I - Gamma^-1 X X^T / m)^k) w_test; the same in (A.9) and (4.2).",
    form=f"Largest difference of the mean error over w, k = 0..4, from that of w_(k+1) of the literal transformer ({SETTING}): at most"
         " 1e-9; corrected: the error of w_k by finite.error_leading_order_at, at the prompt's sample covariance",
    kind="exact",
    erratum="The exponent is the number of applications of the layer: w_k has the power k, as in section 5 of the paper.",
)  # fmt: skip
def exponent():
    """Errors with the printed and with the corrected exponent."""
    features, _, _ = prompt()
    sample = features @ features.T / EXAMPLES
    literal = transformer.errors(*transformer.matrices(-gamma_inverse()), features, DEPTH)
    powers = [np.linalg.matrix_power(np.eye(3) - gamma_inverse() @ sample, k) for k in range(DEPTH)]
    printed = np.array([np.sum(power**2) / 3 for power in powers])              # called the error of w_(k+1)
    corrected = finite.error_leading_order_at(gamma_inverse(), sample, depth=DEPTH).values
    measure = "largest difference of an error"
    return Outcome(Check(measure, distance(printed, literal[1:]), ROUNDING), Check(measure, distance(corrected, literal), ROUNDING))


@LEDGER.claim(
    "Appendix A.2, value block", "sign",
    sentence="The proof of proposition 3.2 recalls the trained value block as +Gamma^-1 / c.",
    form=f"Largest difference of the literal transformer's estimates with this block from eq. (3.8) ({SETTING}): at most 1e-9;"
         " corrected: with finite.optimal_block",
    kind="exact",
    erratum="The block is -Gamma^-1 / c, as in eq. (3.6).",
)  # fmt: skip
def sign():
    """Estimates with both signs of the block."""
    measure = "largest difference of an estimate"
    printed, corrected = (distance(literal_thoughts(value), recursion()) for value in (gamma_inverse() / SCALE, block()))
    return Outcome(Check(measure, printed, ROUNDING), Check(measure, corrected, ROUNDING))


@LEDGER.claim(
    "Appendix A.2, first display", "sign of the labels' term",
    sentence="A thought is w - Gamma^-1 X X^T w / m - Gamma^-1 X y^T / m.",
    form=f"Largest difference from the first thought of the literal transformer ({SETTING}): at most 1e-9; corrected: the library's layer,"
         " models.lsa, which adds the labels' term",
    kind="exact",
    erratum="The last term is added, as the next line of the proof has it.",
)  # fmt: skip
def labels_term():
    """The first thought by the printed display and by the library's layer."""
    features, task, labels = prompt()
    literal = literal_thoughts(-gamma_inverse() / SCALE)[1]
    rows = np.vstack([features, labels])
    layer = at_optimum(finite.preconditioner(TASK, N_CONTEXT), scale=SCALE)
    corrected = lsa_step(layer, Prompts(task[None], (rows @ rows.T / EXAMPLES)[None]), [np.zeros((1, 3))])[0]
    printed, measure = -gamma_inverse() @ features @ labels / EXAMPLES, "largest difference of the first estimate"
    return Outcome(Check(measure, distance(printed, literal), ROUNDING), Check(measure, distance(corrected, literal), ROUNDING))


@LEDGER.claim(
    "Remark 3.3", "gradient and Hessian",
    sentence="A thought follows the gradient of half the mean squared error of the prompt's labels, whose expected Hessian is Lambda.",
    form=f"Larger of two differences: of a thought of the literal transformer from one step along that gradient, by central differences,"
         f" times Gamma^-1; and of the mean sample covariance, by quadrature, from Lambda ({SETTING}): at most 1e-6",
    kind="numerical",
)  # fmt: skip
def gradient_and_hessian():
    """A thought beside a preconditioned gradient step."""
    features, _, labels = prompt()
    estimates = literal_thoughts(-gamma_inverse() / SCALE)
    slope = [central_difference(features, labels, estimates[1], 1e-5 * unit) for unit in np.eye(3)]
    samples, weights = quadrature.sample_covariances(TASK, EXAMPLES, 1)
    hessian = distance(np.einsum("p,pab->ab", weights, samples), TASK)
    return Outcome(Check("larger difference", max(distance(estimates[1] - gamma_inverse() @ slope, estimates[2]), hessian), 1e-6))


def central_difference(features, labels, estimate, change) -> float:
    """Derivative of half the mean squared error along a change of the estimate, per unit length."""
    ahead, behind = (np.mean((labels - shifted @ features) ** 2) / 2 for shifted in (estimate + change, estimate - change))
    return (ahead - behind) / (2 * np.linalg.norm(change))


@LEDGER.claim(
    "Remark 3.3", "pseudo-Newton",
    sentence="As Gamma is a regularised Lambda, a thought is a step of a pseudo-Newton method.",
    form="Distance of a step from Newton's method (finite.pseudo_newton, root mean square over directions, on the own task) times"
         " (n + 1 + H) / (1 + H), largest over n = 10 to 10^6 and eigenvalues i^-s, s = 0, 1, 2, D = 10, of hardness H: at most 1, so"
         " that it vanishes in long training prompts",
    kind="numerical",
)  # fmt: skip
def pseudo_newton():
    """Distance to Newton's method beside its bound, which falls like 1/n."""
    tasks = [np.arange(1.0, 11) ** -power for power in (0, 1, 2)]
    scaled = [float(finite.pseudo_newton(task, n).distance_to_newton) * (n + 1 + harder(task)) / (1 + harder(task))
              for task in tasks for n in (10, 100, 10**4, 10**6)]  # fmt: skip
    return Outcome(Check("largest scaled distance", worst(scaled), 1 + ROUNDING))


def harder(task) -> float:
    """Hardness of a spectrum."""
    return task.sum() / task.min()
