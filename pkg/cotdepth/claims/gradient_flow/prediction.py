"""Claims about the error of the trained layer (gradient-flow paper, theorem 4.2 and corollary 4.3)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.gradient_flow.landscape import paper_gamma
from cotdepth.claims.gradient_flow.literal import COVARIANCE, N_CONTEXT, balanced_entries, literal_error, literal_loss, prompts_of
from cotdepth.theory import finite, flow

LEDGER = Ledger("gradient-flow")
EXACT = 1e-11  # relative, of rounding
TASK, N_TRAINING = np.array([0.8, -0.5]), 3
KINDS = {"linear": (flow.linear_labels, lambda z: z), "quadratic": (flow.quadratic_labels, np.square),
         "cubic": (flow.cubic_labels, lambda z: z**3)}  # fmt: skip
SMALL = "labels w.x, (w.x)^2 and (w.x)^3, D = 2, covariance ((1, 0.3), (0.3, 0.6)), N = 3, M = 2"
SPECTRA = (np.ones(10), np.array([4.0, 2.0, 1.0]), 1 / np.arange(1.0, 6), np.full(3, 0.1))
BOUNDS = "features isotropic in D = 10, with eigenvalues 4, 2, 1 or 1/i in D = 5, and 0.1 in D = 3"


def literal_layer_error(kind: str, product) -> float:
    """Mean squared error of the literal layer with this product of value and block, on labels of a kind."""
    prompts = prompts_of(COVARIANCE, task=TASK, label=KINDS[kind][1], points=(5, 5, 0))
    return literal_error(prompts, balanced_entries(flow.State(np.asarray(product), 1.0)))


def printed_terms(labels) -> tuple[float, float, float]:
    """Best linear predictor, M times the variance, and the bias of (4.6), written out."""
    inverse, trace = np.linalg.inv(paper_gamma(COVARIANCE, N_TRAINING)), np.trace(COVARIANCE)
    weighted, a = inverse @ inverse, labels.weights
    norms = [a @ weighted @ np.linalg.matrix_power(COVARIANCE, power) @ a for power in (3, 2, 1)]
    bias = (norms[0] + 2 * trace * norms[1] + trace**2 * norms[2]) / N_TRAINING**2
    return labels.residual, float(np.trace(labels.spread @ weighted @ COVARIANCE)), float(bias)


def error_gaps(predicted) -> float:
    """Largest relative difference from the literal layer's exact error, over kinds of labels."""
    inverse = np.linalg.inv(paper_gamma(COVARIANCE, N_TRAINING))
    return worst(abs(predicted(labels(TASK, COVARIANCE)) / literal_layer_error(kind, inverse) - 1) for kind, (labels, _) in KINDS.items())


def library_error(labels) -> float:
    """The library's error of the trained layer."""
    return flow.prediction_error(labels, COVARIANCE, n_context=N_TRAINING, n_context_test=N_CONTEXT)


def printed_error(labels) -> float:
    """(4.6), written out."""
    best, spread, bias = printed_terms(labels)
    return best + spread / N_CONTEXT + bias


# --- theorem 4.2 --------------------------------------------------------------------------------------------------


@LEDGER.claim(
    "Theorem 4.2", "error on any labels",
    sentence="The error is that of the best linear predictor, plus tr(Sigma Gamma^-2 Lambda) / M, plus a bias that falls as 1 / N^2.",
    form=f"Largest relative difference of (4.6), written out, and of the library's error, from the literal layer's exact error ({SMALL})",
    kind="exact",
)  # fmt: skip
def error_on_any_labels():
    """Printed error, and the library's, beside the literal layer's."""
    return Outcome(Check("largest relative difference of the error", worst([error_gaps(printed_error), error_gaps(library_error)]), EXACT))


@LEDGER.claim(
    "Slides, theorem 4.2", "variance",
    sentence="The error is that of the best linear predictor, plus tr(Sigma Gamma^-2 Lambda), plus the bias.",
    form="Largest relative difference from the literal layer's exact error; corrected: of the library's error, with the term over M"
         f" ({SMALL})",
    kind="exact",
    erratum="The variance term lacks the factor 1/M, which the paper has.",
)  # fmt: skip
def slides_error():
    """The error without the factor 1/M."""
    measure = "largest relative difference of the error"
    printed = error_gaps(lambda labels: sum(printed_terms(labels)))
    return Outcome(Check(measure, printed, EXACT), Check(measure, error_gaps(library_error), EXACT))


@LEDGER.claim(
    "Theorem 4.2", "covariance of x y",
    sentence="For noiseless linear labels the covariance of x y is |w|_Lambda^2 Lambda + Lambda w w^T Lambda.",
    form=f"Largest difference of that, and of the library's for each kind of labels, from the exact mean over prompts ({SMALL})",
    kind="exact",
)  # fmt: skip
def covariance_of_products():
    """Moments of x y by the rule over prompts."""
    def gap(kind):
        prompts = prompts_of(COVARIANCE, task=TASK, label=KINDS[kind][1], points=(5, 5, 0))
        products = prompts.tokens[:, :-1, 0] * prompts.tokens[:, -1:, 0]
        mean = prompts.mean(products)
        found = prompts.mean(products[:, :, None] * products[:, None]) - np.outer(mean, mean)
        carried = COVARIANCE @ TASK
        printed = [TASK @ carried * COVARIANCE + np.outer(carried, carried)] if kind == "linear" else []
        return max(np.abs(found - other).max() for other in (*printed, KINDS[kind][0](TASK, COVARIANCE).spread)) / np.abs(found).max()

    return Outcome(Check("largest relative difference of an entry", worst(map(gap, KINDS)), EXACT))


@LEDGER.claim(
    "Theorem 4.2", "error on a linear task",
    sentence="On noiseless linear labels the variance is (|w|^2 in Gamma^-2 Lambda^3 plus tr(Gamma^-2 Lambda^2) |w|_Lambda^2) / M.",
    form=f"Relative difference of the printed error from the literal layer's exact error ({SMALL})",
    kind="exact",
)  # fmt: skip
def error_on_a_task():
    """The display after theorem 4.2."""
    inverse = np.linalg.inv(paper_gamma(COVARIANCE, N_TRAINING))
    weighted, carried = inverse @ inverse, COVARIANCE @ TASK
    variance = carried @ weighted @ COVARIANCE @ carried + np.trace(weighted @ COVARIANCE @ COVARIANCE) * TASK @ carried
    printed = variance / N_CONTEXT + printed_terms(flow.linear_labels(TASK, COVARIANCE))[2]
    return Outcome(Check("relative difference of the error", abs(printed / literal_layer_error("linear", inverse) - 1), EXACT))


@LEDGER.claim(
    "Theorem 4.2", "bound for a task",
    sentence="The error on a task is at most (D + 1) |w|_Lambda^2 / M + (|w|_Lambda^2 + 2 |w|^2 tr(Lambda) + |w|_{1/Lambda}^2 tr(Lambda)^2)"
             " / N^2.",
    form=f"Largest ratio of the exact error to the bound, for 20 random tasks each, N and M in 1, 10, 1000 ({BOUNDS})",
    kind="numerical",
)  # fmt: skip
def bound_for_a_task():
    """Errors of random tasks beside the bound."""
    rng = np.random.default_rng(31)

    def ratio(spectrum, n, m):
        w = rng.standard_normal(len(spectrum))
        size, trace = w @ (spectrum * w), spectrum.sum()
        bound = (len(w) + 1) * size / m + (size + 2 * w @ w * trace + w @ (w / spectrum) * trace**2) / n**2
        return flow.prediction_error(flow.linear_labels(w, spectrum), spectrum, n_context=n, n_context_test=m) / bound

    ratios = [ratio(spectrum, n, m) for spectrum in SPECTRA for n in (1, 10, 1000) for m in (1, 10, 1000) for _ in range(20)]
    return Outcome(Check("largest ratio of the error to the bound", worst(ratios), 1))


@LEDGER.claim(
    "Theorem 4.2", "rates",
    sentence="The excess error is of order 1 / M + 1 / N^2: longer training prompts lower it faster than longer test prompts.",
    form="Largest difference of what doubling leaves of each part from 1/2 (variance, M) and 1/4 (bias, N), at N = M = 10000, at most"
         " 1e-3, eigenvalues 4, 2, 1, cubic labels",
    kind="numerical",
)  # fmt: skip
def rates():
    """What remains of variance and bias when lengths double."""
    spectrum = np.array([4.0, 2.0, 1.0])
    labels = flow.cubic_labels([1.0, -1.0, 0.5], spectrum)

    def part(name, n, m):
        return flow.prediction_error_terms(finite.preconditioner(spectrum, n), labels, n_context_test=m)[name]

    variance = part("variance", 10000, 20000) / part("variance", 10000, 10000)
    bias = part("bias", 20000, 10000) / part("bias", 10000, 10000)
    return Outcome(Check("largest difference from a half and a quarter", worst([abs(variance - 1 / 2), abs(bias - 1 / 4)]), 1e-3))


@LEDGER.claim(
    "Equation 4.4", "best linear predictor",
    sentence="In long prompts, after training on long prompts, the layer predicts as the best linear predictor, whatever the labels.",
    form="Largest excess error over the best linear predictor's, relative to the mean square of the label, N = M = 1e6, at most 1e-4"
         " (linear, ReLU, cubic and quadratic labels, eigenvalues 4, 2, 1)",
    kind="numerical",
)  # fmt: skip
def best_linear_predictor():
    """Excess errors in long prompts."""
    spectrum, w = np.array([4.0, 2.0, 1.0]), [1.0, -1.0, 0.5]

    def excess(make):
        labels = make(w, spectrum)
        size = labels.residual + labels.weights @ labels.features @ labels.weights
        return (flow.prediction_error(labels, spectrum, n_context=10**6, n_context_test=10**6) - labels.residual) / size

    kinds = (flow.linear_labels, flow.relu_labels, flow.cubic_labels, flow.quadratic_labels)
    return Outcome(Check("largest relative excess error", worst(map(excess, kinds)), 1e-4))


# --- corollary 4.3 ------------------------------------------------------------------------------------------------


def average_error(spectrum, n, m) -> float:
    """Exact error over tasks."""
    return flow.average_prediction_error(finite.preconditioner(spectrum, n), spectrum, n_context_test=m)


@LEDGER.claim(
    "Corollary 4.3", "average over tasks",
    sentence="Over tasks w ~ N(0, I) the error is the mean of theorem 4.2's.",
    form="Relative difference of the library's average error from the literal layer's, twice its exact loss over tasks (D = 2, covariance"
         " ((1, 0.3), (0.3, 0.6)), N = 3, M = 2)",
    kind="exact",
)  # fmt: skip
def average_over_tasks():
    """The average error, beside the literal layer's."""
    product = finite.preconditioner(COVARIANCE, N_TRAINING)
    literal = 2 * literal_loss([COVARIANCE], [1], balanced_entries(flow.State(product, 1.0)))
    found = flow.average_prediction_error(product, COVARIANCE, n_context_test=N_CONTEXT)
    return Outcome(Check("relative difference of the error", abs(found / literal - 1), EXACT))


@LEDGER.claim(
    "Corollary 4.3", "bound over tasks",
    sentence="The average error is at most (D + 1) tr(Lambda) / M + (tr(Lambda) + 2 D tr(Lambda) + tr(Lambda^-1) tr(Lambda)^2) / N^2.",
    form=f"Largest ratio of the exact error to the bound, written out, and to the library's, N and M in 1, 50, 1e6 ({BOUNDS})",
    kind="numerical",
)  # fmt: skip
def bound_over_tasks():
    """Average errors beside the first bound."""
    def bound(spectrum, n_context, n_context_test):
        dim, trace = len(spectrum), spectrum.sum()
        return (dim + 1) * trace / n_context_test + ((1 + 2 * dim) * trace + np.sum(1 / spectrum) * trace**2) / n_context**2

    return Outcome(Check("largest ratio of the error to the bound", worst([bound_ratio(bound), bound_ratio(flow.average_error_bound)]), 1))


@LEDGER.claim(
    "Corollary 4.3", "bound by the condition number",
    sentence="The average error is at most (D + 1) tr(Lambda) / M + ((1 + 2 D) tr(Lambda) + D^2 kappa) / N^2.",
    form=f"Largest ratio of the exact error to the bound, corrected: to the library's, N and M in 1, 50, 1e6 ({BOUNDS})",
    kind="numerical",
    erratum="The last line before the corollary lacks a factor: D^2 kappa tr(Lambda).",
)  # fmt: skip
def bound_by_condition_number():
    """Average errors beside the second bound."""
    def printed(spectrum, n_context, n_context_test):
        dim, trace, kappa = len(spectrum), spectrum.sum(), spectrum.max() / spectrum.min()
        return (dim + 1) * trace / n_context_test + ((1 + 2 * dim) * trace + dim**2 * kappa) / n_context**2

    measure = "largest ratio of the error to the bound"
    return Outcome(Check(measure, bound_ratio(printed), 1), Check(measure, bound_ratio(flow.condition_error_bound), 1))


def bound_ratio(bound) -> float:
    """Largest ratio of the exact average error to a bound."""
    lengths = (1, 50, 10**6)
    return worst(average_error(spectrum, n, m) / bound(spectrum, n_context=n, n_context_test=m)
                 for spectrum in SPECTRA for n in lengths for m in lengths)  # fmt: skip


@LEDGER.claim(
    "Corollary 4.3", "sufficient lengths",
    sentence="M = 2 (D + 1) tr(Lambda) / eps and N = sqrt((2 (1 + 2 D) tr(Lambda) + D^2 kappa) / eps) suffice for an average error of eps.",
    form=f"Largest ratio of the exact error at those lengths to eps = 1, 0.1, 0.01, 0.001; corrected: with the library's N ({BOUNDS})",
    kind="numerical",
    erratum="N = sqrt(2 tr(Lambda) (1 + 2 D + D^2 kappa) / eps): the factor 2 tr(Lambda) multiplies D^2 kappa too.",
)  # fmt: skip
def sufficient_lengths():
    """Errors at the lengths that should suffice."""
    def printed(spectrum, error):
        dim, kappa = len(spectrum), spectrum.max() / spectrum.min()
        return np.ceil(np.sqrt((2 * (1 + 2 * dim) * spectrum.sum() + dim**2 * kappa) / error))

    def ratio(length, spectrum, error):
        return average_error(spectrum, int(length(spectrum, error)), flow.sufficient_test_length(spectrum, error)) / error

    measure = "largest ratio of the error to what was asked for"
    return Outcome(*(Check(measure, worst(ratio(length, spectrum, error) for spectrum in SPECTRA for error in (1, 0.1, 0.01, 0.001)), 1)
                     for length in (printed, flow.sufficient_length)))  # fmt: skip


@LEDGER.claim(
    "Corollary 4.3", "convergence of learning in context",
    sentence="Errors over tasks fall to 0 as prompts get longer: the layer learns linear functions in context.",
    form=f"Largest average error over the answer 0's at N = M = 1e7, at most 1e-4 ({BOUNDS})",
    kind="numerical",
)  # fmt: skip
def learning_in_context():
    """Errors in very long prompts."""
    ratios = [average_error(spectrum, 10**7, 10**7) / spectrum.sum() for spectrum in SPECTRA]
    return Outcome(Check("largest relative error", worst(ratios), 1e-4))
