"""Claims about what the layer answers (gradient-flow paper, sections 3.2, 4.1 and 5.1)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.theory import finite, flow

LEDGER = Ledger("gradient-flow")
EXACT = 1e-12  # relative, of rounding


def a_prompt(dim: int, n_context: int, seed: int):
    """Features, labels, query, and the layer's two matrices: standard normal."""
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((n_context, dim)), rng.standard_normal(n_context), rng.standard_normal(dim)
    return parts, rng.standard_normal((2, dim + 1, dim + 1))


@LEDGER.claim(
    "Equation 3.6", "entries that matter",
    sentence="Of the two matrices only the last row of the values and the first D columns of the keys and queries change the answer.",
    form="Largest change of the literal layer's answer with all other entries set to 0, over 20 random prompts and layers (D = 3, N = 5)",
    kind="exact",
)  # fmt: skip
def entries_that_matter():
    """Answers with and without the entries that should not matter."""
    def change(seed):
        parts, (key_query, projection) = a_prompt(3, 5, seed)
        tokens, kept = flow.embedding(*parts), np.zeros((4, 4))
        kept[-1] = projection[-1]
        less = flow.layer_output(tokens, key_query * [1, 1, 1, 0], kept)[-1, -1]
        return abs(less - flow.layer_output(tokens, key_query, projection)[-1, -1])

    return Outcome(Check("largest change of an answer", worst(map(change, range(20))), EXACT))


@LEDGER.claim(
    "Lemma 5.1", "quadratic form",
    sentence="The answer is a quadratic form in the stacked columns of the matrix U of relevant entries, with H = X (x) E E^T / 2 N.",
    form="Largest difference between the form and the literal layer's answer, over 20 random prompts and layers (D = 3, N = 5)",
    kind="exact",
)  # fmt: skip
def quadratic_form():
    """The form in the library against the literal layer."""
    gaps = [form_gap(seed, lambda tokens, u: u.ravel(order="F") @ flow.quadratic_form(tokens) @ u.ravel(order="F")) for seed in range(20)]
    return Outcome(Check("largest difference of two answers", worst(gaps), EXACT))


@LEDGER.claim(
    "Slides, notation", "order of Vec",
    sentence="Vec stacks a matrix so that ((1, 2), (3, 4)) becomes (1, 2, 3, 4).",
    form="Largest difference between the quadratic form of Lemma 5.1 and the literal layer's answer with rows stacked, corrected: with"
         " columns stacked (20 random prompts and layers, D = 3, N = 5)",
    kind="exact",
    erratum="Vec((1, 2), (3, 4)) = (1, 3, 2, 4): columns are stacked, as the slide and the paper say in words.",
)  # fmt: skip
def order_of_vec():
    """The form with either order of entries."""
    def printed(tokens, u):
        query = np.block([[np.zeros((3, 3)), tokens[:-1, -1:]], [tokens[None, :-1, -1], np.zeros((1, 1))]])
        return u.ravel() @ (np.kron(query, tokens @ tokens.T) / 10) @ u.ravel()

    def corrected(tokens, u):
        return u.ravel(order="F") @ flow.quadratic_form(tokens) @ u.ravel(order="F")

    measure = "largest difference of two answers"
    return Outcome(*(Check(measure, worst(form_gap(seed, form) for seed in range(20)), EXACT) for form in (printed, corrected)))


def form_gap(seed, form) -> float:
    """How far a form in the relevant entries is from the literal layer's answer."""
    parts, matrices = a_prompt(3, 5, seed)
    tokens = flow.embedding(*parts)
    return abs(form(tokens, flow.relevant_entries(*matrices)) - flow.layer_output(tokens, *matrices)[-1, -1])


@LEDGER.claim(
    "Section 5.1", "negative eigenvalues",
    sentence="The matrix H of the quadratic form has at least D + 1 negative eigenvalues.",
    form="Largest number of negative eigenvalues that random prompts lack, D = 4, N = 1 to 8; corrected: of min(D + 1, N + 1), and no"
         " prompt has more",
    kind="exact",
    erratum="H has exactly min(D + 1, N + 1) negative eigenvalues almost surely: fewer than D + 1 where N < D.",
)  # fmt: skip
def negative_eigenvalues():
    """Counted for prompts shorter and longer than the dimension."""
    lengths = np.arange(1, 9)
    counts = np.array([np.sum(np.linalg.eigvalsh(flow.quadratic_form(flow.embedding(*a_prompt(4, n, n)[0]))) < -1e-9) for n in lengths])
    expected = np.minimum(5, lengths + 1)
    corrected = Check("eigenvalues missing or too many", worst(abs(counts - expected)), 0)
    return Outcome(Check("eigenvalues missing", worst(5 - counts), 0), corrected)


# --- the answer of the trained layer ------------------------------------------------------------------------------

SPECTRUM, N_TRAINING = np.array([4.0, 2.0, 1.0]), 20


def trained_matrices() -> np.ndarray:
    """Keys and queries, and values, where the flow ends, (2, D + 1, D + 1)."""
    end, found = flow.balanced_limit(flow.fixed_landscape(SPECTRUM, N_TRAINING)), np.zeros((2, 4, 4))
    found[0, :3, :3], found[1, 3, 3] = end
    return found


def first_factor_outcome(labelled) -> Outcome:
    """The trained layer's answer beside the printed product of matrices, and beside that with a row for its left factor, over 20 prompts.

    The printed result is compared with the latter two.
    """
    inverse, left, right = np.linalg.inv(gamma()), np.diag([0.0, 0, 0, 1]), np.zeros((4, 4))
    right[:3, :3] = inverse

    def gaps(seed):
        (features, labels, query), _ = a_prompt(3, 7, seed)
        labels = labelled(features, labels)
        tokens = flow.embedding(features, labels, query)
        product = left @ (tokens @ tokens.T / 7) @ right @ np.append(query, 0)  # a vector
        answer, result = flow.prediction(tokens, *trained_matrices()), query @ inverse @ (labels @ features) / 7
        return np.abs(product - answer).max(), max(abs(product[-1] - answer), abs(result - answer))

    printed, corrected = zip(*map(gaps, range(20)))
    measure = "largest difference from the answer"
    return Outcome(Check(f"{measure}, of an entry", worst(printed), EXACT), Check(measure, worst(corrected), EXACT))


def gamma() -> np.ndarray:
    """The paper's Gamma, written out."""
    return (1 + 1 / N_TRAINING) * np.diag(SPECTRUM) + SPECTRUM.sum() / N_TRAINING * np.eye(3)


FIRST_FACTOR = "The left factor is the row (0, 1), the last row of the printed matrix: the product as printed is a vector, not an answer."


@LEDGER.claim(
    "Equation 4.2", "answer on linear labels",
    sentence="On a prompt of a linear task the trained layer answers x_query^T Gamma^-1 (1/M) sum_i x_i x_i^T w.",
    form="Largest difference of an entry of the printed product of matrices from the answer of the layer at the flow's limit; corrected:"
         " of that product with the row (0, 1) on its left, and of the printed result, 20 random prompts (eigenvalues 4, 2, 1, N = 20, M ="
         " 7)",
    kind="exact", erratum=FIRST_FACTOR,
)  # fmt: skip
def answer_on_linear_labels():
    """With labels of a task."""
    return first_factor_outcome(lambda features, labels: features @ [1.0, -1.0, 2.0])


@LEDGER.claim(
    "Equation 4.3", "answer on any labels",
    sentence="On any prompt the trained layer answers x_query^T Gamma^-1 (1/M) sum_i y_i x_i.",
    form="Largest difference of an entry of the printed product of matrices from the answer of the layer at the flow's limit; corrected:"
         " of that product with the row (0, 1) on its left, and of the printed result, 20 random prompts with random labels (eigenvalues"
         " 4, 2, 1, N = 20, M = 7)",
    kind="exact", erratum=FIRST_FACTOR,
)  # fmt: skip
def answer_on_any_labels():
    """With labels that are unrelated to the features."""
    return first_factor_outcome(lambda features, labels: labels)


@LEDGER.claim(
    "Corollary 4.3", "answer",
    sentence="The trained layer answers x_query^T (Lambda + Lambda / N + tr(Lambda) / N)^-1 (1/M) sum_i y_i x_i.",
    form="Largest difference between the answer of the layer at the flow's limit and that, the sum over all M examples (the printed upper"
         " limit m stands for M), 20 random prompts (eigenvalues 4, 2, 1, N = 20, M = 7)",
    kind="exact",
)  # fmt: skip
def answer_of_the_corollary():
    """The same answer, with the matrix of the corollary."""
    return Outcome(first_factor_outcome(lambda features, labels: labels).corrected)


@LEDGER.claim(
    "Theorem 4.1", "scaling",
    sentence="The answer is the same if the values are multiplied by c and the keys and queries divided by it.",
    form="Largest relative change of the literal layer's answer for c = -3, 0.01, 100 on 20 random prompts and layers (D = 3, N = 5)",
    kind="exact",
)  # fmt: skip
def scaling():
    """Answers of rescaled layers."""
    def change(seed, factor):
        parts, (key_query, projection) = a_prompt(3, 5, seed)
        tokens = flow.embedding(*parts)
        answer = flow.layer_output(tokens, key_query, projection)[-1, -1]
        return abs(flow.layer_output(tokens, key_query / factor, factor * projection)[-1, -1] / answer - 1)

    changes = [change(seed, factor) for seed in range(20) for factor in (-3, 0.01, 100)]
    return Outcome(Check("largest relative change of an answer", worst(changes), 1e-10))


@LEDGER.claim(
    "Theorem 4.1", "isotropic features",
    sentence="With isotropic features the layer is that of an earlier construction but for the factor 1 / (1 + (D + 1) / N).",
    form="Largest difference of the product u U at the minimum from that multiple of the identity, for D = 1, 4, 30 and N = 1, 20, 1000",
    kind="exact",
)  # fmt: skip
def isotropic_features():
    """The product at the minimum, and the paper's factor."""
    def gap(dim, n):
        product = flow.best_product(flow.fixed_landscape(np.ones(dim), n))
        return np.abs(product - np.eye(dim) / (1 + (dim + 1) / n)).max()

    return Outcome(Check("largest difference of an entry", worst(gap(dim, n) for dim in (1, 4, 30) for n in (1, 20, 1000)), EXACT))


@LEDGER.claim(
    "Footnote 2", "a plain step of gradient descent",
    sentence="A single step of plain gradient descent from 0 cannot predict well where features are anisotropic; the trained layer can.",
    form="Mean squared error that is left with prompts ten times as long (N = M = 10000 rather than 1000, eigenvalues 4, 2, 1): the"
         " larger of the fraction that the trained layer has left, 1/10 if its error vanishes as 1/N, and the fraction that the best"
         " multiple of the identity in its place has lost, at most 1/2; the latter's error stays near 1 - tr(Lambda^2)^2 / (tr(Lambda)"
         " tr(Lambda^3)) of the answer 0's",
    kind="numerical",
)  # fmt: skip
def plain_step():
    """What longer prompts do to the trained layer and to the best plain step."""
    def errors(length):
        multiples = [step * np.eye(3) for step in np.linspace(0, 1, 1001)]
        trained, *plain = (flow.average_prediction_error(product, SPECTRUM, n_context_test=length)
                           for product in (finite.preconditioner(SPECTRUM, length), *multiples))
        return trained, min(plain)

    (trained, plain), (trained_longer, plain_longer) = map(errors, (1000, 10000))
    fractions = trained_longer / trained, 1 - plain_longer / plain
    return Outcome(Check("largest of what the trained layer has left and the plain step has lost", worst(fractions), 0.5))
