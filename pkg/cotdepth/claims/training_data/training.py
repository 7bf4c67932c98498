"""Claims about what training finds (training-data paper, theorem 3.1 and appendix A.1)."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.training_data import quadrature, transformer
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
TASK, N_CONTEXT, SCALE = np.array([[2.0, 0.5], [0.5, 1.0]]), 2, 1.3
ROUNDING = 1e-9
BLOCK = np.array([[-0.3, 0.2], [0.5, -0.1]])   # a V_31 without symmetry, away from the optimum
SETTING = "Lambda = (2 0.5; 0.5 1), n = 2, c = 1.3"


def training_prompts():
    """Prompts of the setting, with their weights in the mean."""
    return quadrature.prompts([np.linalg.cholesky(TASK)] * N_CONTEXT)


def block_gradient(block) -> np.ndarray:
    """Gradient of the literal loss with respect to ``V_31``, (D, D)."""
    _, gradient, _ = transformer.loss_and_gradient(*transformer.matrices(block, scale=SCALE), training_prompts())
    return gradient[3:5, :2]


def distance(value, truth) -> float:
    """Largest difference of entries, relative to the largest entry of the truth."""
    return float(np.abs(np.asarray(value) - truth).max() / np.abs(truth).max())


@LEDGER.claim(
    "Theorem 3.1", "minimiser",
    sentence="With the attention held fixed, gradient descent ends at the value block -Gamma^-1 / c.",
    form="Relative distance of the block from finite.optimal_block after 3000 steps from 0 with finite.step_size, gradients from"
         f" the literal transformer, exact by quadrature ({SETTING}): at most 1e-6",
    kind="numerical",
)  # fmt: skip
def minimiser():
    """Descent on the literal loss, whose gradient in the block is affine: measured once at 0 and at each unit block."""
    units = np.eye(4).reshape(4, 2, 2)
    start = block_gradient(np.zeros((2, 2))).ravel()
    slope = np.array([block_gradient(unit).ravel() - start for unit in units])  # (entry of the block, entry of the gradient)
    block, step = np.zeros(4), finite.step_size(TASK, N_CONTEXT, scale=SCALE)
    for _ in range(3000):
        block = block - step * (start + block @ slope)
    found = distance(block.reshape(2, 2), finite.optimal_block(TASK, N_CONTEXT, scale=SCALE))
    return Outcome(Check("relative distance to the optimal block", found, 1e-6))


@LEDGER.claim(
    "Theorem 3.1", "global minimum",
    sentence="The matrices that descent reaches are a global minimum of the loss over all entries of V and W.",
    form=f"Loss there minus the lowest found by L-BFGS over all 72 entries from 4 random starts ({SETTING}; a loss of 0.4 to 1,"
         " exact by quadrature): at most 1e-6",
    kind="numerical",
)  # fmt: skip
def global_minimum():
    """The literal loss at the optimum, beside the lowest that free descent finds."""
    drawn = training_prompts()
    at_optimum = transformer.loss_and_gradient(*transformer.matrices(finite.optimal_block(TASK, N_CONTEXT)), drawn)[0]
    starts = 0.5 * np.random.default_rng(0).standard_normal((4, 72))
    lowest = min(minimize(flat_loss, start, args=(drawn,), jac=True, method="L-BFGS-B", options={"maxiter": 300}).fun for start in starts)
    return Outcome(Check("loss at V* and W* above the lowest loss found", at_optimum - lowest, 1e-6))


def flat_loss(entries, drawn):
    """Loss and gradient at all entries of V and W, (72,)."""
    loss, *gradients = transformer.loss_and_gradient(*entries.reshape(2, 6, 6), drawn)
    return loss, np.concatenate([gradient.ravel() for gradient in gradients])


@LEDGER.claim(
    "Lemma A.1", "blocks that stay zero",
    sentence="From the paper's start, gradient descent moves no blocks but V_31 and W_24.",
    form=f"Largest entry of the exact gradient of the literal loss outside these two blocks, relative to the largest inside, at V_31"
         f" without symmetry and W_24 = 0.7 ({SETTING}): at most 1e-9",
    kind="exact",
)  # fmt: skip
def zero_blocks():
    """The gradient outside the two blocks."""
    point = transformer.matrices(BLOCK, scale=SCALE, marker_weight=0.7)
    _, values, scores = transformer.loss_and_gradient(*point, training_prompts())
    largest = max(np.abs(values[3:5, :2]).max(), abs(scores[2, 5]))
    values[3:5, :2] = scores[2, 5] = 0
    others = max(np.abs(values).max(), np.abs(scores).max())
    return Outcome(Check("largest other entry of the gradient, relative", others / largest, ROUNDING))


@LEDGER.claim(
    "Equation A.2", "loss",
    sentence="On the invariant blocks the loss is c^2/2 tr(V Gamma Lambda V^T) + d/2 + c tr(V Lambda).",
    form=f"Relative difference of finite.population_loss from the literal loss, exact by quadrature ({SETTING}): at most 1e-9",
    kind="exact",
)  # fmt: skip
def loss():
    """The loss of a block without symmetry."""
    literal = transformer.loss_and_gradient(*transformer.matrices(BLOCK, scale=SCALE), training_prompts())[0]
    formula = finite.population_loss(BLOCK, TASK, N_CONTEXT, scale=SCALE)
    return Outcome(Check("relative difference of the losses", abs(formula / literal - 1), ROUNDING))


@LEDGER.claim(
    "Appendix A.1, stationarity", "gradient",
    sentence="The gradient of the loss in V_31 is c^2/2 (Gamma Lambda V^T + V Gamma Lambda) + c Lambda.",
    form="Distance from the gradient of the literal loss, exact by quadrature, at a block without symmetry, relative"
         f" ({SETTING}): at most 1e-9; corrected: finite.population_gradient",
    kind="exact",
    erratum="The gradient is c^2 V Gamma Lambda + c Lambda; the printed Lyapunov equation symmetrises its first term. Both vanish at the"
            " same block.",
)  # fmt: skip
def gradient():
    """Printed and true gradient at a block without symmetry."""
    literal = block_gradient(BLOCK)
    second = ((1 + 1 / N_CONTEXT) * TASK + np.trace(TASK) / N_CONTEXT * np.eye(2)) @ TASK
    printed = SCALE**2 / 2 * (second @ BLOCK.T + BLOCK @ second) + SCALE * TASK
    corrected = finite.population_gradient(BLOCK, TASK, N_CONTEXT, scale=SCALE)
    measure = "relative distance to the gradient of the literal loss"
    return Outcome(Check(measure, distance(printed, literal), ROUNDING), Check(measure, distance(corrected, literal), ROUNDING))


@LEDGER.claim(
    "Lemma A.2", "second moment with a matrix between",
    sentence="E[S A S] = (n-1)/n Lambda A Lambda + (Lambda (A + A^T) Lambda + tr(Lambda A) Lambda)/n for the sample covariance S.",
    form="Relative distance of the formula from the mean by quadrature, for A without symmetry, n = 2, 3 and 7: at most 1e-9",
    kind="exact",
)  # fmt: skip
def second_moment_lemma():
    """The lemma, for several lengths."""
    return Outcome(Check("relative distance to the mean", worst(distance(lemma(n), mean_between(n)) for n in (2, 3, 7)), ROUNDING))


def lemma(n):
    """The formula of Lemma A.2."""
    crossed = TASK @ (BLOCK + BLOCK.T) @ TASK + np.trace(TASK @ BLOCK) * TASK
    return (n - 1) / n * TASK @ BLOCK @ TASK + crossed / n


def mean_between(n, between=BLOCK):
    """``E[S A S]`` by quadrature."""
    samples, weights = quadrature.sample_covariances(TASK, n, 2)
    return np.einsum("p,pab->ab", weights, samples @ between @ samples)


@LEDGER.claim(
    "Appendix A.1.2, last line", "first factor",
    sentence="The proof of Lemma A.2 ends with the factor (n-1)/n^2 before Lambda A Lambda.",
    form="Relative distance from E[S^2] by quadrature (A = I, n = 2, 3 and 7): at most 1e-9; corrected: finite.second_moment",
    kind="exact",
    erratum="The factor is (n-1)/n, as in the statement of the lemma.",
)  # fmt: skip
def last_line():
    """Printed and corrected second moment."""
    lengths, measure = (2, 3, 7), "relative distance to the mean"
    means = [mean_between(n, np.eye(2)) for n in lengths]
    printed = [(n - 1) / n**2 * TASK @ TASK + (2 * TASK @ TASK + np.trace(TASK) * TASK) / n for n in lengths]
    corrected = [finite.second_moment(TASK, n) for n in lengths]
    return Outcome(*(Check(measure, worst(map(distance, found, means)), ROUNDING) for found in (printed, corrected)))


@LEDGER.claim(
    "Equation A.1", "freedom of W_24",
    sentence="The loss depends on W_24 only through its product with V_31, so that holding it fixed restricts nothing in training.",
    form=f"Relative difference of the literal loss, exact by quadrature, at V_31 s and W_24 / s from that at s = 1, s = 0.3, 2 and 5"
         f" ({SETTING}): at most 1e-9",
    kind="exact",
)  # fmt: skip
def product_alone():
    """Losses at blocks of one product."""
    drawn = training_prompts()
    losses = [transformer.loss_and_gradient(*transformer.matrices(BLOCK * s, scale=SCALE, marker_weight=-SCALE / s), drawn)[0]
              for s in (1, 0.3, 2, 5)]  # fmt: skip
    return Outcome(Check("largest relative difference of a loss", worst(abs(loss / losses[0] - 1) for loss in losses), ROUNDING))


@LEDGER.claim(
    "Equation A.1", "freedom of W_24, in thought",
    sentence="Read of thinking, too, of which the paper does not speak here: holding W_24 fixed restricts nothing.",
    form="With W_24 trained too (gradient flow from V_31 = 0 on the exact literal loss), the distance of the estimate after 500 thoughts"
         f" from w, relative, in a prompt with the population's covariance ({SETTING}): at most 1e-6",
    kind="numerical", standing="reading",
)  # fmt: skip
def attention_in_thought():
    """Where thoughts of a layer with trained attention converge to, beside the task."""
    layer, (features, task) = free_layer(), free_prompt()
    end = transformer.thoughts(*layer, features, task @ features, 500)[-1]
    return Outcome(Check("relative distance of the last estimate from w", distance(end, task), 1e-6))


@LEDGER.claim(
    "Equation A.1", "where thoughts converge with W_24 free",
    sentence="What becomes of thinking when W_24 is trained, of which the paper does not speak: it drifts to a larger size, and thoughts"
             " converge to (|W_24| / c) w.",
    form="With W_24 trained too (gradient flow from V_31 = 0 on the exact literal loss), the relative distance of the estimate after 500"
         " thoughts from |W_24| / c w, with finite.free_attention_weight, in a prompt with the population's covariance; or, if larger, that"
         f" of the first 8 errors from finite.error_leading_order_drifted_at ({SETTING}): at most 1e-5",
    kind="numerical", standing="open",
)  # fmt: skip
def attention_weight():
    """Where thoughts of a layer with trained attention converge to, beside the library's."""
    layer, (features, task) = free_layer(), free_prompt()
    end = transformer.thoughts(*layer, features, task @ features, 500)[-1]
    ratio = finite.free_attention_weight(TASK, N_CONTEXT, scale=SCALE) / SCALE
    curve = finite.error_leading_order_drifted_at(finite.preconditioner(TASK, N_CONTEXT), TASK, ratio=ratio, depth=8)
    errors = np.abs(transformer.errors(*layer, features, 8) - curve.values).max()
    return Outcome(Check("larger distance, of the last estimate or of the errors", max(distance(end, ratio * task), errors), 1e-5))


def free_layer():
    """The transformer that gradient flow finds with the attention free."""
    block, weight = free_flow()
    return transformer.matrices(block, scale=SCALE, marker_weight=weight)


def free_prompt():
    """Features with the population's covariance, and the task."""
    return transformer.exact_features(TASK, 20, np.random.default_rng(1)), np.array([1.0, -2.0])


def free_flow() -> tuple[np.ndarray, float]:
    """``V_31`` and ``W_24`` at the end of gradient flow from 0 and ``-c`` on the literal loss."""
    drawn = training_prompts()

    def velocity(_, entries):
        point = transformer.matrices(entries[:4].reshape(2, 2), scale=SCALE, marker_weight=entries[4])
        _, values, scores = transformer.loss_and_gradient(*point, drawn)
        return -np.append(values[3:5, :2].ravel(), scores[2, 5])

    end = solve_ivp(velocity, (0, 60), [0, 0, 0, 0, -SCALE], method="LSODA", rtol=1e-9, atol=1e-11).y[:, -1]
    return end[:4].reshape(2, 2), float(end[4])
