"""Claims about where gradient flow goes, and its equations (gradient-flow paper, theorem 4.1 and section 5.2)."""

import numpy as np
from scipy.optimize import minimize

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.gradient_flow.literal import COVARIANCE, N_CONTEXT, balanced_entries, literal_gradient, literal_loss, prompts_of
from cotdepth.theory import finite, flow

LEDGER = Ledger("gradient-flow")
SPECTRA = ([1.0, 1.0, 1.0], [4.0, 2.0, 1.0])
EXACT = 1e-12  # relative, of rounding
SMALL = "D = 2, covariance ((1, 0.3), (0.3, 0.6)), N = 2"


def paper_gamma(covariance, n_context) -> np.ndarray:
    """The paper's Gamma, written out."""
    return (1 + 1 / n_context) * covariance + np.trace(covariance) / n_context * np.eye(len(covariance))


def random_states(count: int, dim: int = 2):
    """States of the flow with standard normal entries."""
    rng = np.random.default_rng(11)
    return [flow.State(rng.standard_normal((dim, dim)), float(rng.standard_normal())) for _ in range(count)]


# --- where the flow starts and ends -------------------------------------------------------------------------------


@LEDGER.claim(
    "Assumption 3.3", "random matrices",
    sentence="A matrix with random entries, times its transpose and rescaled, is a start as assumed.",
    form="Largest deviation of |U_11(0)|_F / sigma and u(0) / sigma from 1 over 100 normal matrices Theta (D = 4, sigma = 0.3)",
    kind="exact",
)  # fmt: skip
def random_start():
    """Norms of starts made of random matrices."""
    rng = np.random.default_rng(12)
    starts = [flow.balanced_start(rng.standard_normal((4, 4)), scale=0.3) for _ in range(100)]
    gaps = [max(abs(np.linalg.norm(start.key_query) / 0.3 - 1), abs(start.value / 0.3 - 1)) for start in starts]
    return Outcome(Check("largest relative deviation of a norm", worst(gaps), EXACT))


@LEDGER.claim(
    "Theorem 4.1", "limit of the flow",
    sentence="From the paper's starts gradient flow converges to u = |Gamma^-1|_F^(1/2) and U = |Gamma^-1|_F^(-1/2) Gamma^-1.",
    form="Largest relative distance of the integrated flow at time 200 from that limit, at most 1e-6 (eigenvalues 1, 1, 1 and 4, 2, 1, N"
         " = 20, start scale 0.1)",
    kind="numerical",
)  # fmt: skip
def limit():
    """How far the flow ends from the printed limit."""
    return Outcome(Check("largest relative distance of (u, U) from the limit", worst(map(distance_from_limit, SPECTRA)), 1e-6))


@LEDGER.claim(
    "Theorem 4.1", "starts below the scale",
    sentence="Any start of the assumed form with sigma^2 |Gamma|_op sqrt(D) < 2 will do.",
    form="Largest relative distance of the integrated flow at time 200 from the limit for five random directions Theta at 0.99 of the"
         " largest scale, at most 1e-6 (eigenvalues 1, 1, 1 and 4, 2, 1, N = 20)",
    kind="numerical",
)  # fmt: skip
def starts_below_the_scale():
    """Ends of flows that start near the largest scale."""
    rng = np.random.default_rng(13)
    largest = [np.sqrt(2 / (np.linalg.norm(paper_gamma(np.diag(spectrum), 20), 2) * np.sqrt(3))) for spectrum in SPECTRA]
    gaps = [distance_from_limit(spectrum, rng.standard_normal((3, 3)), 0.99 * scale) for spectrum, scale in zip(SPECTRA, largest)
            for _ in range(5)]  # fmt: skip
    return Outcome(Check("largest relative distance of (u, U) from the limit", worst(gaps), 1e-6))


def distance_from_limit(spectrum, theta=np.eye(3), scale=0.1) -> float:
    """Distance of the flow's end from the printed limit, relative to the limit's size."""
    landscape = flow.fixed_landscape(np.array(spectrum), 20)
    end = flow.state_at(flow.integrate(landscape, flow.balanced_start(theta, scale=scale), [0, 200]), 1)
    inverse = np.linalg.inv(finite.gamma(np.diag(spectrum), 20))
    size = np.sqrt(np.linalg.norm(inverse))
    return float(max(np.linalg.norm(end.key_query - inverse / size) / size, abs(end.value - size) / size))


@LEDGER.claim(
    "Theorem 4.1", "global minimum",
    sentence="That limit is a global minimum of the population loss over all parameters of the layer.",
    form="How far the lowest loss that BFGS finds in all parameters from 20 random starts is below the loss at the limit, relative, at"
         f" most 1e-9; the loss in all parameters is the literal one at a random point to {EXACT:g} ({SMALL})",
    kind="numerical",
)  # fmt: skip
def global_minimum():
    """The loss at the limit beside the lowest found."""
    rng = np.random.default_rng(14)
    at_limit = flow.full_loss(balanced_entries(flow.balanced_limit(flow.fixed_landscape(COVARIANCE, N_CONTEXT))), COVARIANCE, N_CONTEXT)
    found = [minimize(lambda y: flow.full_loss(y.reshape(3, 3), COVARIANCE, N_CONTEXT), rng.standard_normal(9), method="BFGS",
                      jac=lambda y: flow.full_gradient(y.reshape(3, 3), COVARIANCE, N_CONTEXT).ravel()).fun for _ in range(20)]  # fmt: skip
    point = rng.standard_normal((3, 3))
    literal = abs(flow.full_loss(point, COVARIANCE, N_CONTEXT) / literal_loss([COVARIANCE], [1], point) - 1)
    below = Check("loss at the limit over the lowest found, less 1", at_limit / min(found) - 1, 1e-9)
    return Outcome(below if literal < EXACT else Check("relative difference between the loss and the literal one", literal, EXACT))


# --- the equations of the flow ------------------------------------------------------------------------------------


@LEDGER.claim(
    "Lemma 5.2", "equations of the flow",
    sentence="The block moves as -u^2 Gamma Lambda U Lambda + u Lambda^2 and the value as -tr(u Gamma Lambda U Lambda U^T - Lambda^2 U^T).",
    form="Largest difference from minus the gradient of the literal layer's exact population loss, of the printed right-hand sides and of"
         f" the library's, at three random states ({SMALL})",
    kind="exact",
)  # fmt: skip
def equations_of_the_flow():
    """Printed velocities, and the library's, beside the literal gradient."""
    landscape, squared = flow.fixed_landscape(COVARIANCE, N_CONTEXT), COVARIANCE @ COVARIANCE

    def gap(state):
        (block, value), slope = state, -literal_gradient([COVARIANCE], [1], balanced_entries(state))
        curved = paper_gamma(COVARIANCE, N_CONTEXT) @ COVARIANCE @ block @ COVARIANCE
        printed = value * squared - value**2 * curved, -np.trace(value * curved @ block.T - squared @ block.T)
        library = flow.gradient(landscape, state)
        gaps = [np.abs(velocity[0] - slope[:2, :2]).max() + abs(velocity[1] - slope[2, 2])
                for velocity in (printed, (-library.key_query, -library.value))]  # fmt: skip
        return max(gaps) / np.abs(slope).max()

    return Outcome(Check("largest relative difference of a velocity", worst(map(gap, random_states(3))), 1e-11))


@LEDGER.claim(
    "Lemma 5.2", "blocks that stay 0",
    sentence="The other blocks of relevant entries, u_12 and u_21, stay 0 along the flow.",
    form=f"Largest entry there of the literal population loss's gradient at three random states with both blocks 0, relative ({SMALL})",
    kind="exact",
)  # fmt: skip
def blocks_that_stay():
    """The literal gradient in the blocks that the start leaves at 0."""
    slopes = [literal_gradient([COVARIANCE], [1], balanced_entries(state)) for state in random_states(3)]
    parts = [max(np.abs(slope[:2, 2]).max(), np.abs(slope[2, :2]).max()) / np.abs(slope).max() for slope in slopes]
    return Outcome(Check("largest entry over the largest of the gradient", worst(parts), 1e-11))


@LEDGER.claim(
    "Lemma A.1", "loss",
    sentence="The flow descends tr(u^2 Gamma Lambda U Lambda U^T / 2 - u Lambda^2 U^T), which is the population loss but for a constant.",
    form="Largest difference of that and of the library's loss from the literal population loss less tr(Lambda) / 2, at ten random states"
         f" ({SMALL})",
    kind="exact",
)  # fmt: skip
def loss():
    """Printed loss, and the library's, beside the literal one."""
    landscape = flow.fixed_landscape(COVARIANCE, N_CONTEXT)

    def gap(state):
        literal = literal_loss([COVARIANCE], [1], balanced_entries(state)) - np.trace(COVARIANCE) / 2
        return max(abs(other - literal) for other in (printed_loss(state), flow.loss(landscape, state))) / (1 + abs(literal))

    return Outcome(Check("largest relative difference of a loss", worst(map(gap, random_states(10))), EXACT))


def printed_loss(state) -> float:
    """Eq. (5.5), written out."""
    curved = paper_gamma(COVARIANCE, N_CONTEXT) @ COVARIANCE @ state.key_query @ COVARIANCE @ state.key_query.T
    return float(np.trace(state.value**2 / 2 * curved - state.value * COVARIANCE @ COVARIANCE @ state.key_query.T))


@LEDGER.claim(
    "Lemma 5.3", "global minima",
    sentence="At every global minimum the product of value and block is Gamma^-1.",
    form="Largest relative distance of the product from Gamma^-1 where the flow ends from ten random states, balanced or not, and of the"
         f" library's product, at most 1e-8 ({SMALL}, time 2000)",
    kind="numerical",
)  # fmt: skip
def global_minima():
    """Products where flows from unbalanced starts end."""
    landscape, inverse = flow.fixed_landscape(COVARIANCE, N_CONTEXT), np.linalg.inv(paper_gamma(COVARIANCE, N_CONTEXT))
    ends = [flow.state_at(flow.integrate(landscape, state, [0, 2000]), 1) for state in random_states(10)]
    products = [end.value * end.key_query for end in ends] + [flow.best_product(landscape)]
    gaps = [np.linalg.norm(product - inverse) / np.linalg.norm(inverse) for product in products]
    return Outcome(Check("largest relative distance from Gamma^-1", worst(gaps), 1e-8))


@LEDGER.claim(
    "Lemma D.2", "fourth moments",
    sentence="For normal x with covariance Lambda, E[x x^T A x x^T] = Lambda (A + A^T) Lambda + tr(A Lambda) Lambda.",
    form=f"Largest relative difference of that from the mean over a rule that is exact for fourth powers, ten random matrices A ({SMALL})",
    kind="exact",
)  # fmt: skip
def fourth_moments():
    """The printed moments beside the mean over examples."""
    prompts, rng = prompts_of(COVARIANCE), np.random.default_rng(15)
    examples = prompts.tokens[:, :-1, 0]

    def gap(middle):
        found = prompts.mean(np.einsum("pi,pj,p->pij", examples, examples, np.einsum("pi,ij,pj->p", examples, middle, examples)))
        printed = COVARIANCE @ (middle + middle.T) @ COVARIANCE + np.trace(middle @ COVARIANCE) * COVARIANCE
        return np.abs(found - printed).max() / np.abs(printed).max()

    return Outcome(Check("largest relative difference of an entry", worst(gap(rng.standard_normal((2, 2))) for _ in range(10)), EXACT))
