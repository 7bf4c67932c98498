"""Claims about training on prompts with random covariances: the equations, the minimum, answers (gradient-flow paper, 4.3, C.1 and C.2)."""

from itertools import product

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.gradient_flow.landscape import paper_gamma, random_states
from cotdepth.claims.gradient_flow.literal import COVARIANCE, N_CONTEXT, balanced_entries, literal_gradient, literal_loss
from cotdepth.theory import flow

LEDGER = Ledger("gradient-flow")
EXACT = 1e-11  # relative, of rounding
VALUES = np.array([[0.5, 2.0], [1.0, 1.5]])  # of each entry of a random diagonal covariance
CHANCES = np.array([[0.7, 0.3], [0.5, 0.5]])
CHOICES = list(product(range(2), repeat=2))
DIAGONALS = [np.diag(VALUES[range(2), choice]) for choice in CHOICES]
SHARES = [float(np.prod(CHANCES[range(2), choice])) for choice in CHOICES]
MOMENTS = np.stack([np.sum(CHANCES * VALUES**power, axis=1) for power in (1, 2, 3)], axis=1)
TWO_VALUES = "diagonal covariances, D = 2, entries 0.5 or 2 (probability 0.7, 0.3) and 1 or 1.5 (equal), N = 2"
MIXED, MIXED_SHARES = (COVARIANCE, np.diag([0.4, 1.2])), (0.3, 0.7)


def expectation(of) -> np.ndarray:
    """Mean over the diagonal covariances of a function of covariance and Gamma."""
    return sum(share * of(covariance, paper_gamma(covariance, N_CONTEXT)) for share, covariance in zip(SHARES, DIAGONALS))


def constants() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``gamma_i``, ``xi_i`` and ``zeta_ij`` of (C.3): means over the diagonal covariances; ``gamma_i`` stand in zeta's diagonal too."""
    def products(covariance, _):
        values = np.diag(covariance)
        return (N_CONTEXT + 1) / N_CONTEXT * np.outer(values**2, values) + np.outer(values, values) * values.sum() / N_CONTEXT

    zeta = expectation(products)
    return np.diag(zeta), expectation(lambda covariance, _: np.diag(covariance) ** 2), zeta


@LEDGER.claim(
    "Lemma C.1", "equations of the flow",
    sentence="With random covariances the velocities of block and value are the means of those with one, and the other blocks stay 0.",
    form="Largest difference from minus the gradient of the literal layer's exact loss, of the printed right-hand sides and of the"
         " library's, at three random states (covariances ((1, 0.3), (0.3, 0.6)) and diag(0.4, 1.2) with probabilities 0.3 and 0.7, N = 2)",
    kind="exact",
)  # fmt: skip
def equations_of_the_flow():
    """Printed velocities, and the library's, beside the literal gradient."""
    landscape = flow.mixture_landscape(MIXED, MIXED_SHARES, N_CONTEXT)

    def printed(block, value):
        curved, squared = sum(share * np.stack([paper_gamma(each, N_CONTEXT) @ each @ block @ each, each @ each])
                              for share, each in zip(MIXED_SHARES, MIXED))
        return [value * squared - value**2 * curved, -value * np.trace(curved @ block.T) + np.trace(squared @ block.T)]

    def gap(state):
        slope, library = -literal_gradient(MIXED, MIXED_SHARES, balanced_entries(state)), flow.gradient(landscape, state)
        filled = [balanced_entries(flow.State(*velocity)) for velocity in (printed(*state), (-library.key_query, -library.value))]
        return max(np.abs(velocity - slope).max() for velocity in filled) / np.abs(slope).max()

    return Outcome(Check("largest relative difference of a velocity", worst(map(gap, random_states(3))), EXACT))


@LEDGER.claim(
    "Corollary C.2", "constants",
    sentence="For diagonal covariances every entry moves on its own, with gamma_i and xi_i for the diagonal and zeta_ij for the others.",
    form="Largest relative difference of the library's curvatures and pulls from gamma, zeta and xi by enumeration; and of (C.4), written"
         f" out, from the mean of (C.1), at three random states ({TWO_VALUES})",
    kind="exact",
)  # fmt: skip
def diagonal_constants():
    """Constants by enumeration, and the equations with them."""
    gamma, xi, zeta = constants()
    landscape = flow.random_landscape(MOMENTS, N_CONTEXT)
    library = [np.abs(landscape.curvature / zeta - 1).max(), np.abs(np.diag(landscape.pull) / xi - 1).max()]

    def gap(state):
        block, value = state
        curved = expectation(lambda covariance, gamma: gamma @ covariance @ block @ covariance)
        matrices = value * expectation(lambda covariance, _: covariance @ covariance) - value**2 * curved
        printed = -zeta * value**2 * block + value * np.diag(xi)
        rest = zeta - np.diag(gamma)
        moved = -np.sum(gamma * value * np.diag(block) ** 2) - np.sum(rest * value * block**2) + xi @ np.diag(block)
        return max(np.abs(printed - matrices).max(), abs(moved + np.trace(value * curved @ block.T) - xi @ np.diag(block)))

    return Outcome(Check("largest difference", worst([*library, *map(gap, random_states(3))]), EXACT))


@LEDGER.claim(
    "Lemma C.3", "loss",
    sentence="The flow descends sum gamma_i u^2 u_ii^2 / 2 + sum zeta_ij u^2 u_ij^2 / 2 - sum xi_i u_ii u.",
    form="Largest difference of that, and of the library's loss, from the literal population loss less E tr(Lambda) / 2, at ten random"
         f" states ({TWO_VALUES})",
    kind="exact",
)  # fmt: skip
def loss():
    """Printed loss, and the library's, beside the literal one."""
    _, xi, zeta = constants()
    landscape = flow.random_landscape(MOMENTS, N_CONTEXT)

    def gap(state):
        printed = np.sum(zeta * state.value**2 * state.key_query**2) / 2 - xi @ np.diag(state.key_query) * state.value
        literal = literal_loss(DIAGONALS, SHARES, balanced_entries(state)) - MOMENTS[:, 0].sum() / 2
        return max(abs(printed - literal), abs(flow.loss(landscape, state) - literal)) / (1 + abs(literal))

    return Outcome(Check("largest relative difference of a loss", worst(map(gap, random_states(10))), EXACT))


@LEDGER.claim(
    "Lemma C.4", "minimum and excess",
    sentence="The minimum is -sum xi_i^2 / gamma_i / 2, and the loss exceeds it by sums of squares of u u_ii - xi_i / gamma_i and u u_ij.",
    form="Largest relative difference of (C.6) and (C.7), written out, and of the library's minimum and excess, from the literal loss and"
         f" its value at u U = diag(xi / gamma), ten random states ({TWO_VALUES})",
    kind="exact",
)  # fmt: skip
def minimum_and_excess():
    """Printed minimum and excess, and the library's, beside the literal loss."""
    gamma, xi, zeta = constants()
    landscape = flow.random_landscape(MOMENTS, N_CONTEXT)
    least = literal_loss(DIAGONALS, SHARES, balanced_entries(flow.State(np.diag(xi / gamma), 1.0)))
    minima = [-np.sum(xi**2 / gamma) / 2, flow.minimal_loss(landscape)]

    def gap(state):
        literal = literal_loss(DIAGONALS, SHARES, balanced_entries(state)) - least
        printed = np.sum(zeta * (state.value * state.key_query - np.diag(xi / gamma)) ** 2) / 2
        return max(abs(printed / literal - 1), abs(flow.excess_loss(landscape, state) / literal - 1))

    gaps = [abs(each / (least - MOMENTS[:, 0].sum() / 2) - 1) for each in minima] + [gap(state) for state in random_states(10)]
    return Outcome(Check("largest relative difference", worst(gaps), EXACT))


@LEDGER.claim(
    "Lemma C.4", "global minima",
    sentence="All global minima have u U = diag(xi_i / gamma_i).",
    form="Largest relative distance from that of the product where the flow ends from ten random states, and of the library's product, at"
         f" most 1e-8 ({TWO_VALUES}, time 2000)",
    kind="numerical",
)  # fmt: skip
def global_minima():
    """Products where flows from unbalanced starts end."""
    gamma, xi, _ = constants()
    landscape, best = flow.random_landscape(MOMENTS, N_CONTEXT), np.diag(xi / gamma)
    ends = [flow.state_at(flow.integrate(landscape, state, [0, 2000]), 1) for state in random_states(10)]
    products = [end.value * end.key_query for end in ends] + [flow.best_product(landscape)]
    return Outcome(Check("largest relative distance", worst(np.linalg.norm(each - best) / np.linalg.norm(best) for each in products), 1e-8))


# --- what the layer answers ---------------------------------------------------------------------------------------


@LEDGER.claim(
    "Equation 4.12", "answer",
    sentence="After training on random covariances the layer answers x_query^T E[Lambda^2] E[Gamma Lambda^2]^-1 (1/M) sum_i x_i x_i^T w.",
    form="Largest difference of an entry of the printed product of matrices from the answer of the layer at the flow's limit; corrected:"
         f" of that product with the row (0, 1) on its left, and of the printed result, 20 random prompts ({TWO_VALUES}, M = 7)",
    kind="exact",
    erratum="The left factor is the row (0, 1), the last row of the printed block matrix: the product as printed is a vector, not an"
            " answer.",
)  # fmt: skip
def answer():
    """The printed product, and the answer of the trained layer beside the printed result."""
    rng, best, matrices = np.random.default_rng(41), trained_on_diagonals(), np.zeros((2, 3, 3))
    matrices[0, :2, :2], matrices[1, 2, 2] = flow.balanced_limit(flow.random_landscape(MOMENTS, N_CONTEXT))

    def gaps():
        features, query, w = rng.standard_normal((7, 2)), rng.standard_normal(2), rng.standard_normal(2)
        tokens = flow.embedding(features, features @ w, query)
        product = np.diag([0, 0, 1.0]) @ (tokens @ tokens.T / 7) @ np.pad(best, (0, 1)) @ np.append(query, 0)  # a vector
        answer, result = flow.prediction(tokens, *matrices), query @ best @ features.T @ features @ w / 7
        return np.abs(product - answer).max(), max(abs(product[-1] - answer), abs(result - answer))

    printed, corrected = zip(*(gaps() for _ in range(20)))
    measure = "largest difference from the answer"
    return Outcome(Check(f"{measure}, of an entry", worst(printed), EXACT), Check(measure, worst(corrected), EXACT))


def trained_on_diagonals() -> np.ndarray:
    """``E[Gamma Lambda^2]^-1 E[Lambda^2]``, by enumeration."""
    curved = expectation(lambda covariance, gamma: gamma @ covariance @ covariance)
    return np.linalg.solve(curved, expectation(lambda covariance, _: covariance @ covariance))


def exponential_mean(of) -> float:
    """Mean over an entry of law Exp(1), by Gauss-Laguerre quadrature, exact for polynomials."""
    nodes, masses = np.polynomial.laguerre.laggauss(8)
    return float(masses @ of(nodes))


def exponential_product() -> tuple[np.ndarray, np.ndarray]:
    """Moments of five entries of law Exp(1), and the product after training on them in long prompts."""
    moments = flow.diagonal_moments([flow.exponential_law()] * 5)
    return moments, flow.best_product(flow.random_landscape(moments, np.inf))


@LEDGER.claim(
    "Equation 4.12", "a third of the label, any query",
    sentence="For exponential entries and long prompts the mean answer to a query is a third of the label.",
    form="Largest difference of an entry of the library's mean answer, and of the multiple of Lambda that quadrature finds, from a third"
         " of the identity, for a query that does not depend on the prompt's covariance (D = 5)",
    kind="exact",
)  # fmt: skip
def third_for_any_query():
    """The mean answer to a query that is independent of the covariance."""
    moments, found = exponential_product()
    third = exponential_mean(lambda x: x**2) / exponential_mean(lambda x: x**3) * exponential_mean(lambda x: x)
    library = np.abs(flow.mean_answer(found, moments) - np.eye(5) / 3).max()
    return Outcome(Check("largest difference from a third", worst([library, abs(third - 1 / 3)]), EXACT))


@LEDGER.claim(
    "Equation 4.12", "a third of the label, query of the prompt",
    sentence="For exponential entries and long prompts the mean answer is a third of the label, the query being drawn as the examples are.",
    form="Difference from 1/3 of the regression slope of answers on labels for a query of the prompt's own covariance, by quadrature;"
         " corrected: of the library's slope from what quadrature finds, 2/3 (D = 5)",
    kind="exact",
    erratum="A query of the prompt's covariance depends on it: the slope is 2/3. One third is the slope for a query that does not, and"
            " the relative squared error.",
)  # fmt: skip
def third_for_the_prompts_query():
    """The slope for a query that shares the random covariance."""
    moments, found = exponential_product()
    factor = exponential_mean(lambda x: x**2) / exponential_mean(lambda x: x**3)
    slope = factor * exponential_mean(lambda x: x**2) / exponential_mean(lambda x: x)  # E[answer label] / E[label^2]
    return Outcome(Check("difference of the slope from 1/3", abs(slope - 1 / 3), EXACT),
                   Check("difference of the library's slope", abs(flow.answer_slope(found, moments) - slope), EXACT))  # fmt: skip


@LEDGER.claim(
    "Equation 4.12", "no learning in context",
    sentence="Training on random covariances does not make the layer learn linear functions in context, however long the prompts.",
    form="Fixed-covariance error over the random-covariance error of the trained layer, relative to the answer 0's, at N = M = 1e6; the"
         " latter is a third (exponential entries, D = 5, query of the prompt's covariance)",
    kind="numerical",
)  # fmt: skip
def no_learning():
    """What is left of the error in long prompts, with a fixed and with random covariances."""
    long = 10**6
    landscapes = (flow.fixed_landscape(np.ones(5), long), flow.random_landscape(exponential_product()[0], long))
    fixed, random = (flow.mean_prediction_error(each, flow.best_product(each)) / each.feature_trace for each in landscapes)
    return Outcome(Check("error with a fixed covariance over that with random ones", fixed / random, 1e-3))
