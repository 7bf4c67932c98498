"""Claims about training on several tasks (training-data paper, theorem 4.1 and eq. 4.2)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.training_data import quadrature, transformer
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
ROUNDING = 1e-9
TASKS = [np.array([[2.0, 0.5], [0.5, 0.5]]), np.array([[0.4, -0.3], [-0.3, 1.5]])]   # they do not commute
SHARES, N_CONTEXT, SCALE = np.array([0.3, 0.7]), 2, 1.3
MEAN = np.tensordot(SHARES, TASKS, 1)
SETTING = "two tasks that do not commute, D = 2, n = 2, c = 1.3"


def printed_gamma(n=N_CONTEXT, tasks=TASKS) -> np.ndarray:
    """``Gamma`` of eq. (4.1), as printed."""
    mean = np.tensordot(SHARES, tasks, 1)
    moments = sum(share * (2 * task @ task + np.trace(task) * task) for share, task in zip(SHARES, tasks))
    return (n - 1) / n * mean + moments @ np.linalg.inv(mean) / n


def slope(block, mixture) -> float:
    """Largest entry of the gradient of the literal loss in ``V_31`` at this block, relative to that at 0."""
    drawn = quadrature.mixed_prompts(TASKS, SHARES, N_CONTEXT, mixture=mixture)
    here, at_zero = (transformer.loss_and_gradient(*transformer.matrices(value, scale=SCALE), drawn)[1][3:5, :2]
                     for value in (block, np.zeros((2, 2))))  # fmt: skip
    return float(np.abs(here).max() / np.abs(at_zero).max())


def library_block(mixture) -> np.ndarray:
    """The library's minimiser."""
    return -finite.mixture_preconditioner(TASKS, SHARES, N_CONTEXT, mixture=mixture) / SCALE


@LEDGER.claim(
    "Theorem 4.1", "each prompt from one task",
    sentence="With each training prompt drawn from one of several tasks, training finds -Gamma^-1 / c with Gamma of eq. (4.1).",
    form=f"Gradient of the literal loss there, exact by quadrature, relative to that at 0 ({SETTING}): at most 1e-9; corrected: at"
         ' finite.mixture_preconditioner(mixture="prompt")',
    kind="exact",
    erratum="(4.1) is for examples drawn each from its own task; for prompts Gamma is the mean of Gamma_l Lambda_l times the inverse of the"
            " mean covariance.",
)  # fmt: skip
def prompts_from_one_task():
    """The gradient at the printed and at the corrected block, prompts from one task each."""
    measure = "relative gradient of the loss"
    printed = -np.linalg.inv(printed_gamma()) / SCALE
    return Outcome(Check(measure, slope(printed, "prompt"), ROUNDING), Check(measure, slope(library_block("prompt"), "prompt"), ROUNDING))


@LEDGER.claim(
    "Theorem 4.1", "each example from one task",
    sentence="With each example of a prompt drawn from one of several tasks, training finds -Gamma^-1 / c with Gamma of eq. (4.1).",
    form=f"Larger of the relative gradients of the literal loss, exact by quadrature, at this block and at finite.mixture_preconditioner("
         f'mixture="example") ({SETTING}): at most 1e-9',
    kind="exact",
)  # fmt: skip
def examples_from_one_task():
    """The gradient at both blocks, examples from one task each."""
    slopes = [slope(block, "example") for block in (-np.linalg.inv(printed_gamma()) / SCALE, library_block("example"))]
    return Outcome(Check("relative gradient of the loss", worst(slopes), ROUNDING))


@LEDGER.claim(
    "Appendix A.6, last line", "sign",
    sentence="The proof of theorem 4.1 ends with the minimiser +Gamma^-1 / c.",
    form=f"Relative gradient of the literal loss there, exact by quadrature ({SETTING}, each example from one task): at most 1e-9;"
         ' corrected: at minus finite.mixture_preconditioner(mixture="example") / c',
    kind="exact",
    erratum="The minimiser is -Gamma^-1 / c.",
)  # fmt: skip
def sign():
    """The gradient at both signs."""
    measure = "relative gradient of the loss"
    printed, corrected = (slope(block, "example") for block in (np.linalg.inv(printed_gamma()) / SCALE, library_block("example")))
    return Outcome(Check(measure, printed, ROUNDING), Check(measure, corrected, ROUNDING))


@LEDGER.claim(
    "Theorem 4.1", "step size",
    sentence="As in theorem 3.1, gradient descent with step 1 / (c^2 |Gamma|) converges.",
    form="Largest factor of a direction of the error in one step, |1 - step lambda(S)| with S = E[(X X^T/n)^2] by quadrature, for 4 times"
         ' the tasks (each example from one, n = 2): at most 1; corrected: with step 1 / |finite.mixture_second_moment(mixture="example")|',
    kind="exact",
    erratum="The step needs |S| = |Gamma times the mean covariance|, as in the proof of theorem 3.1.",
)  # fmt: skip
def step_size():
    """Contraction of one step of descent in its worst direction."""
    tasks = [4 * task for task in TASKS]
    features, _, weights = quadrature.mixed_prompts(tasks, SHARES, N_CONTEXT, mixture="example")
    grams = features @ features.transpose(0, 2, 1) / N_CONTEXT
    curvature = np.linalg.eigvalsh(np.einsum("p,pab->ab", weights, grams @ grams))
    second = finite.mixture_second_moment(tasks, SHARES, N_CONTEXT, mixture="example")
    norms = (np.linalg.norm(printed_gamma(tasks=tasks), ord=2), np.linalg.norm(second, ord=2))
    printed, corrected = (float(np.abs(1 - curvature / norm).max()) for norm in norms)
    measure = "largest factor of a direction in one step"
    return Outcome(Check(measure, printed, 1), Check(measure, corrected, 1))


@LEDGER.claim(
    "Lemma A.4", "second moment with a matrix between",
    sentence="Of examples each from one task, with mean covariance M: E[S A S] = (n-1)/n M A M + sum pi (Lambda (A + A^T) Lambda"
             " + tr(A Lambda) Lambda)/n.",
    form="Relative distance of the formula from the mean by quadrature, A without symmetry; or, if larger, of"
         ' finite.mixture_second_moment(mixture="example") from it with A = I (two tasks that do not commute, D = 2, n = 3): at most 1e-9',
    kind="exact",
)  # fmt: skip
def second_moment():
    """The lemma and the library beside the mean."""
    between, n = np.array([[-0.3, 0.2], [0.5, -0.1]]), 3
    features, _, weights = quadrature.mixed_prompts(TASKS, SHARES, n, mixture="example")
    grams = features @ features.transpose(0, 2, 1) / n
    means = [np.einsum("p,pab->ab", weights, grams @ matrix @ grams) for matrix in (between, np.eye(2))]
    own = sum(share * (task @ (between + between.T) @ task + np.trace(between @ task) * task) for share, task in zip(SHARES, TASKS))
    found = ((n - 1) / n * MEAN @ between @ MEAN + own / n, finite.mixture_second_moment(TASKS, SHARES, n, mixture="example"))
    return Outcome(Check("largest relative distance to the mean", worst(map(distance, found, means)), ROUNDING))


def distance(value, truth) -> float:
    """Largest difference of entries, relative to the largest entry of the truth."""
    return float(np.abs(value - truth).max() / np.abs(truth).max())


@LEDGER.claim(
    "Equation 4.1", "symmetry",
    sentence="Gamma is symmetric: its square root and its order among matrices are used.",
    form='Asymmetry of finite.mixture_gamma(mixture="example") relative to its largest entry, two tasks that do not commute (D = 2, n = 2):'
         " at most 1e-9; corrected: of two tasks that commute",
    kind="exact",
    erratum="Gamma is symmetric only if the tasks commute; proposition 4.2 and appendix A.8 need that.",
)  # fmt: skip
def symmetry():
    """Asymmetry of tasks that do not commute, and of tasks that do."""
    commuting = [TASKS[0], np.eye(2) + TASKS[0] @ TASKS[0]]
    gammas = [finite.mixture_gamma(tasks, SHARES, N_CONTEXT, mixture="example") for tasks in (TASKS, commuting)]
    measure = "relative asymmetry"
    printed, corrected = (distance(gamma.T, gamma) for gamma in gammas)
    return Outcome(Check(measure, printed, ROUNDING), Check(measure, corrected, ROUNDING))


@LEDGER.claim(
    "Section 4.2, relevance", "limit of long prompts, each from one task",
    sentence="When training prompts are long, n far above d, Gamma is the mean covariance of the tasks.",
    form="Relative distance of the preconditioner that minimises the loss, E[S] E[S^2]^-1 by quadrature over prompts of one task each,"
         " n = 10^6 and D = 2, from the inverse of the mean covariance: at most 1e-3; corrected: from the inverse of"
         ' finite.mixture_gamma(mixture="prompt") at infinite n',
    kind="numerical",
    erratum="So it is for examples drawn each from its own task; for prompts the limit is the mean of Lambda_l^2 times the inverse of the"
            " mean covariance.",
)  # fmt: skip
def long_prompts():
    """The limit of Gamma, prompts from one task each."""
    drawn = [quadrature.sample_covariances(task, 10**6, 2) for task in TASKS]
    second = sum(share * np.einsum("p,pab->ab", weights, samples @ samples) for share, (samples, weights) in zip(SHARES, drawn))
    minimiser, measure = MEAN @ np.linalg.inv(second), "relative distance to the inverse of the limit"
    limits = (MEAN, finite.mixture_gamma(TASKS, SHARES, np.inf, mixture="prompt"))
    printed, corrected = (distance(np.linalg.inv(limit), minimiser) for limit in limits)
    return Outcome(Check(measure, printed, 1e-3), Check(measure, corrected, 1e-3))


@LEDGER.claim(
    "Section 4.2, relevance", "limit of long prompts, examples each from one task",
    sentence="When training prompts are long, n far above d, Gamma is the mean covariance of the tasks.",
    form='Relative distance of finite.mixture_gamma(mixture="example") from it at n = 10^6, D = 2: at most 1e-3',
    kind="numerical",
)  # fmt: skip
def long_prompts_of_examples():
    """The limit of Gamma, examples from one task each."""
    gamma = finite.mixture_gamma(TASKS, SHARES, 10**6, mixture="example")
    return Outcome(Check("relative distance to the mean covariance", distance(gamma, MEAN), 1e-3))


@LEDGER.claim(
    "Equation 4.2", "estimate or error",
    sentence="The estimate after a chain of thought on a target task is w_(k+1) = (I - Gamma^-1 S)^k w, S the prompt's sample covariance.",
    form="Largest difference from the estimates of the literal transformer for one prompt of a third task, m = 5, k = 0..4: at most 1e-9;"
         " corrected: of the mean squares over w of w - w_k from D times finite.error_leading_order_at at S",
    kind="exact",
    erratum="That is the error w - w_k, with k applications of the layer.",
)  # fmt: skip
def estimate_or_error():
    """The printed estimate, and the error, beside the literal transformer."""
    inverse, task = np.linalg.inv(printed_gamma()), np.array([1.0, -2.0])
    features = np.random.default_rng(6).standard_normal((2, 5))
    sample, layer = features @ features.T / 5, transformer.matrices(-inverse)
    printed = np.array([np.linalg.matrix_power(np.eye(2) - inverse @ sample, k) @ task for k in range(5)])
    literal = transformer.thoughts(*layer, features, task @ features, 5)[1:]
    library = finite.error_leading_order_at(inverse, sample, depth=5).values
    gap = np.abs(library - transformer.errors(*layer, features, 5)).max()
    return Outcome(Check("largest difference of an estimate", np.abs(printed - literal).max(), ROUNDING),
                   Check("largest difference of an error", gap, ROUNDING))  # fmt: skip


@LEDGER.claim(
    "Equation 4.2", "mean error on a target",
    sentence="The mean error on the target is E tr((I - S Gamma^-T)^k (I - Gamma^-1 S)^k) over prompts of the target.",
    form="Relative difference of finite.error_exact_at from this mean by quadrature, for a layer of two tasks that do not commute and a"
         " target that commutes with none, m = 2, 5 and 40, k = 0..3, D = 2: at most 1e-7",
    kind="exact",
)  # fmt: skip
def mean_error():
    """The library's exact mean beside quadrature."""
    inverse, target, gaps = np.linalg.inv(printed_gamma()), np.array([[1.0, 0.4], [0.4, 0.9]]), []
    for m in (2, 5, 40):
        library = 2 * finite.error_exact_at(inverse, target, n_context_test=m, depth=3).values
        gaps += [*abs(library / quadrature.mean_errors(inverse, target, m, 3) - 1)]
    return Outcome(Check("largest relative difference", worst(gaps), 1e-7))
