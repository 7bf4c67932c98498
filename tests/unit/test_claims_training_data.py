"""Claims about the training-data paper: its errata hold as corrected, and a formula put back to its printed form flips its claims."""

import sys

import numpy as np
import pytest
import xarray as xr

from cotdepth.claims.claim import NotRun
from cotdepth.claims.coverage import coverage
from cotdepth.claims.judging import judge
from cotdepth.claims.training_data import quadrature, runs
from cotdepth.claims.training_data.ledger import CLAIMS, STATEMENTS
from cotdepth.covariance import as_covariance
from cotdepth.models import lsa
from cotdepth.theory import finite, mixtures, population

THEORY = [claim for claim in CLAIMS if not claim.roles]
PAPER = "training-data: "


# --- the printed forms, as functions of the library ---------------------------------------------------------------


def flipped_block(covariance, n_context, *, scale=1.0):
    return finite.preconditioner(covariance, n_context) / scale


def short_second_moment(covariance, n_context):
    task, n = as_covariance(covariance).matrix, n_context
    return (n - 1) / n**2 * task @ task + (2 * task @ task + np.trace(task) * task) / n


def symmetrised_gradient(block, covariance, n_context, *, scale=1.0):
    second = population.second_moment(covariance, n_context)
    return scale**2 / 2 * (second @ block.T + block @ second) + scale * as_covariance(covariance).matrix


def late(curve):
    """A curve with the exponent k for w_(k+1)."""
    return curve.copy(data=np.concatenate([curve.values[..., :1], curve.values[..., :-1]], axis=-1))


def late_error(original):
    return lambda *args, **kwargs: late(original(*args, **kwargs))


def divided_by_training_length(original):
    def direct_error(train, test, *, n_context, n_context_test, weights):
        """By the moments of the estimate divided by n: the step is m/n times as long."""
        task, w, ratio = np.asarray(test), np.asarray(weights), n_context_test / n_context
        step = ratio * finite.preconditioner(train, n_context)
        bias, square = w - step @ task @ w, step.T @ step
        return (bias @ bias + w @ (task @ square @ task + np.trace(task @ square) * task) @ w / n_context_test) / len(task)

    return direct_error


def printed_length(covariance, test_covariance, *, n_context, depth, tolerance=0.1):
    dim = np.shape(covariance)[0]
    return xr.DataArray(dim * np.arange(depth + 1.0) ** 2 / tolerance**2, dims="k")   # k sqrt(d/m) is the tolerance


def weights_of_examples(original):
    return lambda n_context, mixture: original(n_context, "example")


def negative(original):
    return lambda *args, **kwargs: -original(*args, **kwargs)


def symmetric(original):
    def gamma(*args, **kwargs):
        found = original(*args, **kwargs)
        return (found + found.T) / 2

    return gamma


def subtracted_labels(original):
    """A step with the labels' term subtracted: with the labels turned round."""
    def step(params, prompts, history):
        turned = lsa.LinearAttention(params.value_block, params.score_block * np.append(np.ones(params.score_block.shape[1] - 1), -1))
        return original(turned, prompts, history)

    return step


MUTATIONS = {
    "step size": (finite.step_size, lambda _: finite.printed_step_size,
                  {"Theorem 3.1, step size", "Theorem 3.1, minimiser"}),
    "sign of the value block": (finite.optimal_block, lambda _: flipped_block,
                  {"Theorem 3.1, minimiser", "Theorem 3.1, global minimum", "Proposition 3.2, recursion",
                   "Appendix A.2, value block, sign"}),
    "factor of the second moment": (population.second_moment, lambda _: short_second_moment,
                  {"Appendix A.1.2, last line, first factor", "Equation A.2, loss", "Appendix A.1, stationarity, gradient"}),
    "gradient": (finite.population_gradient, lambda _: symmetrised_gradient, {"Appendix A.1, stationarity, gradient"}),
    "freedom of the attention": (finite.free_attention_weight, lambda _: lambda covariance, n_context, *, scale=1.0: abs(scale),
                  {"Equation A.1, freedom of W_24"}),
    "sign of the labels' term": (lsa.lsa_step, subtracted_labels, {"Appendix A.2, first display, sign of the labels' term"}),
    "exponent": (finite.error_leading_order_at, late_error,
                  {"Equation 3.9, exponent", "Equation 4.2, estimate or error", "Equation 4.3, tasks that do not commute",
                   "Theorem 3.4, leading order", "Theorem 3.4, hidden constant"}),
    "exponent of the mean": (finite.error_exact_at, late_error,
                  {"Theorem 3.4, exact mean at finite length", "Equation 4.2, mean error on a target",
                   "Corollary 3.5, without its factor"}),
    "normalisation of the estimate": (finite.direct_error, divided_by_training_length,
                  {"Theorem 3.3, normalisation of the estimate"}),
    "long test prompts": (finite.long_enough, lambda _: printed_length,
                  {"Theorem 3.4, hidden constant"}),
    "mixture of prompts": (mixtures.second_moment_weights, weights_of_examples,
                  {"Theorem 4.1, each prompt from one task", "Section 4.2, relevance, limit of long prompts, each from one task"}),
    "sign of the mixture's block": (finite.mixture_preconditioner, negative,
                  {"Theorem 4.1, each prompt from one task", "Theorem 4.1, each example from one task", "Appendix A.6, last line, sign"}),
    "symmetry of Gamma": (finite.mixture_gamma, symmetric, {"Equation 4.1, symmetry", "Equation 4.3, tasks that do not commute",
                   "Section 4.2, relevance, limit of long prompts, each from one task"}),
    "overthinking at every length": (finite.overthinking_length, lambda _: lambda train, test: 10.0,
                  {"Figure 2b, in the limit of long test prompts"}),
}  # fmt: skip


# --- verdicts -----------------------------------------------------------------------------------------------------


def replace(patch, function, other):
    """Put another function in the place of one wherever the library or its claims have it by name."""
    for name, module in list(sys.modules.items()):
        if name.startswith("cotdepth"):
            for attribute in [key for key, value in vars(module).items() if value is function]:
                patch.setattr(module, attribute, other)


def watched(function, users, current):
    def call(*args, **kwargs):
        users.add(current[0])
        return function(*args, **kwargs)

    return call


@pytest.fixture(scope="session")
def unmutated():
    """Verdict of every claim about theory, and for each function that is mutated, the claims whose checks call it."""
    users, current, verdicts = {name: set() for name in MUTATIONS}, [None], {}
    with pytest.MonkeyPatch.context() as patch:
        for name, (function, *_) in MUTATIONS.items():
            replace(patch, function, watched(function, users[name], current))
        for claim in THEORY:
            current[0] = claim.label
            verdicts[claim.label] = judge([claim], {}, {}, {}).verdict.item()
    return verdicts, users


def test_errata_hold_as_corrected_and_all_else_holds(unmutated):
    """No claim about theory fails: where the paper is wrong, the corrected form is right."""
    expected = {claim.label: "holds as corrected" if claim.erratum else "holds" for claim in THEORY}
    assert unmutated[0] == expected
    assert sum(bool(claim.erratum) for claim in THEORY) >= 20


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_formula_put_back_to_its_printed_form_flips_its_claims(name, unmutated, monkeypatch):
    """Exactly those; a claim whose check never calls the function cannot flip, and is not judged again."""
    verdicts, users = unmutated
    function, printed, expected = MUTATIONS[name]
    replace(monkeypatch, function, printed(function))
    touched = [claim for claim in THEORY if claim.label in users[name]]
    again = judge(touched, {}, {}, {}).verdict.values
    flipped = {claim.label for claim, verdict in zip(touched, again) if verdict != verdicts[claim.label]}
    assert flipped == {PAPER + label for label in expected}


def test_every_statement_is_accounted_for():
    listed = coverage("training-data", STATEMENTS, CLAIMS)
    assert listed.claims.sum() == len(CLAIMS)


def test_without_experiments_their_claims_are_not_run():
    measured = [claim for claim in CLAIMS if claim.roles]
    judged = judge(measured, {}, {}, {role: f"gone/{role}" for claim in measured for role in claim.roles})
    assert set(judged.verdict.values) == {"not run"} and all("gone/" in needs for needs in judged.needs.values)


# --- what runs decide ---------------------------------------------------------------------------------------------


def test_runs_decide_one_way_the_other_or_not():
    """With eight runs of unit noise: clear effects in both directions, and none."""
    noise = np.random.default_rng(1).standard_normal((2, 8))
    assert runs.below_zero(noise - 5, "difference").holds
    assert not runs.below_zero(noise + [[-5], [5]], "difference").holds
    for undecided in (noise - noise.mean(1, keepdims=True), [[1.0]], [[np.nan, 1.0]], [[0.0, 0.0]]):
        with pytest.raises(NotRun, match="needs"):
            runs.below_zero(undecided, "difference")


def test_false_alarms_of_runs_are_as_stated():
    """Without effect at most one in a hundred holds: of 4000 draws 40 are expected; 75 or more have probability below 1e-6."""
    rng, holding = np.random.default_rng(2), 0
    for _ in range(4000):
        try:
            holding += runs.below_zero(rng.standard_normal((1, 5)), "difference").holds
        except NotRun:
            continue
    assert 10 < holding < 75


def layers_that_change(slope, *, seeds=6):
    """Errors that change by a factor ``exp(slope)`` a thought for the isotropic task and ``exp(-slope)`` for the skewed."""
    rng, steps, lengths = np.random.default_rng(3), np.arange(5), np.array([10, 20, 30])
    sign = xr.DataArray([slope, -slope], dims="train_covariance", coords={"train_covariance": ["isotropic", "skewed"]})
    steps = xr.DataArray(steps, dims="k", coords={"k": steps})
    lengths = xr.DataArray(lengths, dims="n_context", coords={"n_context": lengths})
    noise = xr.DataArray(rng.normal(0, 0.01, (2, seeds, 4)), dims=("trained", "seed", "n_context_test"),
                         coords={"trained": ["block", "all"], "n_context_test": [10, 20, 30, 1000]})  # fmt: skip
    error = np.exp(sign * steps * lengths / 10 + noise)
    return xr.Dataset({"error_mean": error, "error_median": error})


@pytest.mark.parametrize("slope, expected", [(-1, "holds"), (1, "fails")])
def test_figures_of_layers_follow_the_data(slope, expected):
    figures = [claim for claim in CLAIMS if claim.roles == ("tested",) and claim.number == "Figure 2a" and "replaces" not in claim.name]
    figures += [claim for claim in CLAIMS if claim.roles == ("tested",) and claim.number == "Figure 2b"]
    assert len(figures) == 16
    assert set(judge(figures, {"tested": layers_that_change(slope)}, {}, {}).verdict.values) == {expected}


@pytest.mark.parametrize("name, value", [
    ("n_context_test", 20), ("k", 1), ("trained", "block"), ("train_covariance", "skewed"), ("n_context", 30),
])  # fmt: skip
def test_a_missing_label_is_not_run_and_named(name, value):
    """Of each figure's claims, those that need it; no other error."""
    given = layers_that_change(-1).drop_sel({name: value})
    if name == "n_context":
        given = given.drop_sel(n_context=20)
    judged = judge([claim for claim in CLAIMS if claim.roles == ("tested",)], {"tested": given}, {}, {})
    stopped = judged.needs.values[judged.verdict.values == "not run"]
    assert any(name in needs for needs in stopped)


# --- the oracle ---------------------------------------------------------------------------------------------------


def test_quadrature_knows_moments_of_wishart_matrices():
    """E[W] = m I and E[det W] = m (m - 1) in two dimensions; moments of a chi-squared variable."""
    samples, weights = quadrature.sample_covariances(np.eye(2), 7, 4)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.einsum("p,pab->ab", weights, samples), np.eye(2), atol=1e-12)
    assert weights @ np.linalg.det(7 * samples) == pytest.approx(7 * 6)
    nodes, chances = quadrature.chi_squared(5, 3)
    assert [chances @ nodes**power for power in range(4)] == pytest.approx([1, 5, 35, 315])
