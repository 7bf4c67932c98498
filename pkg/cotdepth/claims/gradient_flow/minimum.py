"""Claims about the minimum of the loss (gradient-flow paper, corollary A.2)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.gradient_flow.landscape import EXACT, SMALL, paper_gamma, random_states
from cotdepth.claims.gradient_flow.literal import COVARIANCE, N_CONTEXT, balanced_entries, literal_loss
from cotdepth.theory import flow

LEDGER = Ledger("gradient-flow")


@LEDGER.claim(
    "Corollary A.2", "minimum",
    sentence="The minimum of the flow's loss is -tr(Lambda^2 Gamma^-1) / 2.",
    form="Relative difference of that and of the library's minimum from the literal loss, less tr(Lambda) / 2, at (U, u) = (Gamma^-1, 1)"
         f" ({SMALL})",
    kind="exact",
)  # fmt: skip
def minimum():
    """Printed minimum, and the library's, beside the literal loss there."""
    inverse = np.linalg.inv(paper_gamma(COVARIANCE, N_CONTEXT))
    literal = literal_loss([COVARIANCE], [1], balanced_entries(flow.State(inverse, 1.0))) - np.trace(COVARIANCE) / 2
    printed, library = -np.trace(COVARIANCE @ COVARIANCE @ inverse) / 2, flow.minimal_loss(flow.fixed_landscape(COVARIANCE, N_CONTEXT))
    return Outcome(Check("relative difference of the minimum", worst(abs(other / literal - 1) for other in (printed, library)), EXACT))


@LEDGER.claim(
    "Corollary A.2", "loss above its minimum",
    sentence="The loss exceeds its minimum by |Gamma^1/2 (u Lambda^1/2 U Lambda^1/2 - Lambda Gamma^-1)|_F^2 / 2.",
    form=f"Largest relative difference of that and of the library's excess from the literal loss's, at ten random states ({SMALL})",
    kind="exact",
)  # fmt: skip
def loss_above_its_minimum():
    """Printed excess, and the library's, beside the literal one."""
    landscape, gamma = flow.fixed_landscape(COVARIANCE, N_CONTEXT), paper_gamma(COVARIANCE, N_CONTEXT)
    least = literal_loss([COVARIANCE], [1], balanced_entries(flow.State(np.linalg.inv(gamma), 1.0)))

    def gap(state):
        literal = literal_loss([COVARIANCE], [1], balanced_entries(state)) - least
        residual = state.value * power(COVARIANCE, 0.5) @ state.key_query @ power(COVARIANCE, 0.5) - COVARIANCE @ np.linalg.inv(gamma)
        printed = np.linalg.norm(power(gamma, 0.5) @ residual) ** 2 / 2
        return max(abs(other / literal - 1) for other in (printed, flow.excess_loss(landscape, state)))

    return Outcome(Check("largest relative difference of the excess", worst(map(gap, random_states(10))), 1e-11))


@LEDGER.claim(
    "Corollary A.2", "display (ii)",
    sentence="In the proof twice the loss is u^2 tr(Gamma Lambda U Lambda U^T) - 2 u tr(Lambda^2 U Lambda^1/2).",
    form="Largest relative difference from twice the literal loss less its constant, at ten random states; corrected: of u^2 tr(Gamma"
         f" Lambda U Lambda U^T) - 2 u tr(Lambda^2 U), and of twice the library's loss ({SMALL})",
    kind="exact",
    erratum="The last Lambda^1/2 is a slip: tr(Lambda^2 U).",
)  # fmt: skip
def second_display():
    """Twice the loss with and without the stray factor."""
    def pulled(factor):
        return lambda state: -2 * state.value * np.trace(COVARIANCE @ COVARIANCE @ state.key_query @ factor)

    return display_outcome(pulled(power(COVARIANCE, 0.5)), pulled(np.eye(2)))


@LEDGER.claim(
    "Corollary A.2", "bracket before display (ii)",
    sentence="In the proof the pull in twice the loss is -u tr(Gamma Lambda Gamma^-1 Lambda^1/2 U Lambda^1/2 - Gamma Lambda^1/2 U"
             " Lambda^3/2 Gamma^-1).",
    form="Largest relative difference of twice the loss with that pull from twice the literal loss less its constant, at ten random"
         f" states; corrected: with a plus in the bracket, and of twice the library's loss ({SMALL})",
    kind="exact",
    erratum="The two terms of the bracket are added; as printed they cancel.",
)  # fmt: skip
def bracket():
    """Twice the loss with either sign in the bracket."""
    gamma = paper_gamma(COVARIANCE, N_CONTEXT)
    inverse, half = np.linalg.inv(gamma), power(COVARIANCE, 0.5)

    def pulled(sign):
        def term(state):
            one = gamma @ COVARIANCE @ inverse @ half @ state.key_query @ half
            return -state.value * np.trace(one + sign * gamma @ half @ state.key_query @ power(COVARIANCE, 1.5) @ inverse)

        return term

    return display_outcome(pulled(-1), pulled(1))


def display_outcome(printed, corrected) -> Outcome:
    """Twice the loss with the pull of either form, beside the literal loss; the library's beside it too."""
    gamma, landscape, states = paper_gamma(COVARIANCE, N_CONTEXT), flow.fixed_landscape(COVARIANCE, N_CONTEXT), random_states(10)

    def gap(state, pulled):
        twice = 2 * literal_loss([COVARIANCE], [1], balanced_entries(state)) - np.trace(COVARIANCE)
        curved = state.value**2 * np.trace(gamma @ COVARIANCE @ state.key_query @ COVARIANCE @ state.key_query.T)
        return abs(curved + pulled(state) - twice) / (1 + abs(twice))

    def library_gap(state):
        twice = 2 * literal_loss([COVARIANCE], [1], balanced_entries(state)) - np.trace(COVARIANCE)
        return abs(2 * flow.loss(landscape, state) - twice) / (1 + abs(twice))

    measure, library = "largest relative difference of twice the loss", worst(map(library_gap, states))
    return Outcome(Check(measure, worst(gap(state, printed) for state in states), EXACT),
                   Check(measure, worst([library, *(gap(state, corrected) for state in states)]), EXACT))  # fmt: skip


def power(matrix, exponent) -> np.ndarray:
    """A power of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * values**exponent @ vectors.T
