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
                  {"Equation A.1, where thoughts converge with W_24 free"}),
    "sign of the labels' term": (lsa.lsa_step, subtracted_labels, {"Appendix A.2, first display, sign of the labels' term"}),
    "exponent": (finite.error_leading_order_at, late_error,
                  {"Equation 3.9, exponent", "Equation 4.2, estimate or error", "Equation 4.3, tasks that do not commute",
                   "Theorem 3.4, leading order", "Theorem 3.4, hidden constant"}),
    "exponent of the mean": (finite.error_exact_at, late_error,
                  {"Theorem 3.4, exact mean at finite length", "Equation 4.2, mean error on a target",
                   "Corollary 3.5, its factor in long test prompts"}),
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
                  {"Figure 2b, where overthinking starts"}),
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


FAILING_READINGS = {PAPER + label for label in (  # what the paper's sentences do not say, if they are read with care
    "Corollary 3.5, without its factor", "Proposition 4.2, short prompts", "Proposition 4.3, in short training prompts",
    "Corollary 3.5, the error grows with hardness", "Figure 2b, in the limit of long test prompts",
    "Equation A.1, freedom of W_24, in thought",
)}  # fmt: skip


def test_errata_hold_as_corrected_and_all_else_holds(unmutated):
    """Nothing that the paper states fails: where it is wrong, the corrected form is right. Some readings of it fail."""
    expected = {claim.label: "holds as corrected" if claim.erratum else "holds" for claim in THEORY}
    expected |= dict.fromkeys(FAILING_READINGS, "fails")
    assert all(claim.standing == "reading" for claim in THEORY if claim.label in FAILING_READINGS)
    assert unmutated[0] == expected
    assert sum(bool(claim.erratum) for claim in THEORY) == 18


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


def test_an_infinite_run_counts_and_what_is_no_number_is_counted():
    runs_of = np.array([-1.0, -1.1, -0.9, -1.0, -1.2, -0.8])
    assert runs.below_zero(runs_of, "ratio").holds
    with pytest.raises(NotRun, match="more than 7"):
        runs.below_zero([*runs_of, np.inf], "ratio")
    assert not runs.below_zero([np.inf, np.inf, np.inf], "ratio").holds
    found = runs.below_zero([*runs_of, np.nan], "ratio")
    assert found.holds and "1 of 7 runs" in found.measure
    with pytest.raises(NotRun, match="two thirds"):
        runs.below_zero([*runs_of, *4 * [np.nan]], "ratio")


# --- planted failures ---------------------------------------------------------------------------------------------


def labelled(values, **coords):
    return xr.DataArray(values, dims=list(coords), coords=coords)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.01, shape)


def verdicts_on(role, data, name=""):
    """Verdict by label of the claims that read this role alone."""
    claims = [claim for claim in CLAIMS if claim.roles == (role,) and name in claim.label]
    assert claims
    return dict(zip([claim.label.removeprefix(PAPER) for claim in claims], judge(claims, {role: data}, {}, {}).verdict.values))


READ = ["independent", "shuffled", "aligned"]
TYPES = ["easy-short", "hard-short", "easy-long", "hard-long"]


def selections(order):
    """Probabilities that grow along the types in this order, and hardness along `TYPES`; 4 seeds, 5 tasks of a type."""
    rank = np.array([order.index(name) + 1.0 for name in TYPES])
    of_type = labelled(rank + noise(3, 4, 4), reading=READ, seed=range(4), type=TYPES)
    types = np.repeat(TYPES, 5)
    each = labelled(np.repeat(rank, 5) + noise(3, 4, 20), reading=READ, seed=range(4), task=range(20))
    hardness = labelled(np.broadcast_to(np.repeat([1.0, 2, 3, 4], 5), (3, 20)), reading=READ, task=range(20))
    found = xr.Dataset({"type_probability": of_type, "probability": each, "hardness": hardness})
    return found.assign_coords(task_type=("task", types))


def test_selected_tasks_are_judged_by_the_data():
    assert set(verdicts_on("selected", selections(TYPES)).values()) == {"holds"}
    assert set(verdicts_on("selected", selections(TYPES[::-1])).values()) == {"fails"}
    swapped = verdicts_on("selected", selections(["hard-short", "easy-short", "hard-long", "easy-long"]))
    assert {label for label, verdict in swapped.items() if verdict == "fails"} == {
        label for label in swapped if "harder tasks get more" in label or "type to type" in label}  # fmt: skip


def errors_on_target(gain, *, n_context, objective=None):
    """Errors of what is selected ``exp(-gain)`` times those of all else."""
    models = ["selected", "uniform", *TYPES]
    size = np.where(np.array(models) == "selected", -gain, 0.0)[:, None]
    axes = {"reading": READ, "seed": range(4), "mixture": ["prompt", "example"], "model": models, "k": range(3)}
    error = labelled(np.exp(size + noise(3, 4, 2, 6, 3)), **axes)
    if objective is not None:
        better = labelled([-gain, 0.0, 0.0], objective=["surrogate", "exact-2-prompt", "exact-2-example"])
        error = error * np.exp(better)
    return error.to_dataset(name="error").assign_coords(n_context=n_context, dim=100)


@pytest.mark.parametrize("gain, expected", [(1, "holds"), (-1, "fails")])
def test_what_selection_is_worth_is_judged_by_the_data(gain, expected):
    assert set(verdicts_on("target", errors_on_target(gain, n_context=50)).values()) == {expected}
    assert set(verdicts_on("exact_target", errors_on_target(gain, n_context=1000, objective=True)).values()) == {expected}


def test_the_surrogate_is_judged_only_where_training_prompts_are_long():
    """Ten times the dimension; and an artifact that does not tell its sizes is not judged."""
    short = errors_on_target(1, n_context=999, objective=True)
    for data, needs in ((short, "n >= 10 d = 1000"), (short.drop_vars("dim"), "dim")):
        judged = judge([claim for claim in CLAIMS if claim.roles == ("exact_target",)], {"exact_target": data}, {}, {})
        assert set(judged.verdict.values) == {"not run"} and all(needs in text for text in judged.needs.values)


def thinkers(isotropic, skewed, *, layers=12):
    """Median errors that change by these factors a thought, more in longer prompts; depth of training 2, largest depth 4, 4 seeds."""
    slope = labelled([isotropic, skewed], train_covariance=["isotropic", "skewed"])
    steps, lengths = labelled(range(5), k=range(5)), labelled([1.0, 2.0], n_context_test=[5, 20])
    error = np.exp(slope * steps * lengths + labelled(noise(4, 5), seed=range(4), k=range(5)))
    sizes = {"layers": layers, "heads": 8, "width": 256, "dim": 10, "steps": 20000, "train_depth": 2}
    return error.to_dataset(name="error_median").assign_coords(sizes)


def test_gpt2_is_judged_by_the_data():
    assert set(verdicts_on("thought", thinkers(-1, 1)).values()) == {"holds"}
    assert set(verdicts_on("thought", thinkers(1, -1)).values()) == {"fails"}


def test_overthinking_that_the_isotropic_model_shares_is_not_charged_to_directions():
    found = verdicts_on("thought", thinkers(2, 1), "Figure 2d, thinking harms")
    assert {label for label, verdict in found.items() if verdict == "fails"} == {label for label in found if "beyond" in label}


def test_a_small_gpt2_decides_nothing_that_is_stated():
    claims = [claim for claim in CLAIMS if claim.roles == ("thought",)]
    judged = judge(claims, {"thought": thinkers(1, -1, layers=3)}, {}, {})
    found = set(zip([claim.standing for claim in claims], judged.verdict.values))
    assert found == {("stated", "not run"), ("reading", "fails")}
    assert all("layers 3" in text for text in np.where(judged.needs == "", judged.measure, judged.needs))


def chains(sign, *, spread=0.0, seeds=6):
    """Errors that fall with lengths and, on the isotropic task, with thoughts; `spread` shifts all runs of a seed alike."""
    tasks = labelled([-1.0, 1.0], train_covariance=["isotropic", "skewed"])
    steps, lengths = labelled(range(5), k=range(5)), labelled([1.0, 1.5, 2.0], n_context=[20, 40, 80])
    runs_of = labelled(noise(2, 2, seeds, 5), train_depth=[2, 4], supervision=["teacher", "unrolled"], seed=range(seeds), k=range(5))
    shared = labelled(np.random.default_rng(5).normal(0, spread, seeds), seed=range(seeds))
    error = np.exp(sign * tasks * steps * lengths + runs_of + shared * steps)
    error = error.where((error.train_covariance == "isotropic") | (error.n_context == 20))
    return error.expand_dims(step=[2000]).to_dataset(name="error_mean")


def test_chains_are_judged_by_the_data():
    assert set(verdicts_on("chains", chains(1)).values()) == {"holds"}
    assert set(verdicts_on("chains", chains(-1)).values()) == {"fails"}


def test_runs_of_one_seed_are_not_taken_as_independent():
    """Two seeds with four runs each, all of which go with their seed: eight independent runs would decide."""
    found = verdicts_on("chains", chains(0.8, spread=1, seeds=2), "Figure 4c, thinking harms")
    assert set(found.values()) == {"not run"}


def scaling(order=1.0):
    """Curves of two tasks, of which the first is harder; with -1, falling errors rise."""
    hard, steps, lengths = labelled([0.1, 0.3], covariance=["hard", "easy"]), labelled(range(4), k=range(4)), [10, 100, 1000]
    error = np.exp(-order * hard * steps * labelled(np.log10(lengths), n_context=lengths))
    target = labelled([0.5, 0.2], target=[0.5, 0.2])
    needed = 10 ** (-np.log(target) / (hard * steps.where(steps > 0)))        # of the same law
    found = xr.Dataset({"error": error, "bound": 1.1 * error, "context_needed": needed if order > 0 else 1 / needed})
    return found.assign(hardness=labelled([20.0, 5.0], covariance=["hard", "easy"]))


def test_scaling_is_judged_by_the_data():
    assert set(verdicts_on("scaling", scaling()).values()) == {"holds"}
    turned = verdicts_on("scaling", scaling(-1))
    assert {label for label, verdict in turned.items() if verdict == "holds"} <= {"Corollary 3.5, harder tasks need longer thought"}
    exchanged = scaling().assign(hardness=scaling().hardness[::-1].assign_coords(covariance=["hard", "easy"]))
    found = verdicts_on("scaling", exchanged)
    assert {label for label, verdict in found.items() if verdict == "fails"} == {
        "Figure 1, harder tasks", "Corollary 3.5, harder tasks need longer thought"}  # fmt: skip


@pytest.mark.parametrize("seeds, moved, expected", [(10, 0, "holds"), (10, 5, "fails"), (7, 0, "not run")])
def test_no_difference_is_said_of_enough_seeds_only(seeds, moved, expected):
    """Entries that the population leaves alone, moved by so many standard deviations; the measure tells what would be found."""
    draws = np.random.default_rng(6).normal(0, 0.01, (2, seeds, 2, 3))
    values = np.pad(np.eye(2), ((0, 0), (0, 1)), constant_values=moved * 0.01) + draws[0]
    at = {"trained": ["all"], "seed": range(seeds), "row": range(2), "col": range(3)}
    data = xr.Dataset({"value_block": labelled(values[None], **at), "marker_scores": labelled(draws[1][:, 0][None], trained=["all"],
                                                                                             seed=range(seeds), col=range(3))})  # fmt: skip
    [claim] = [claim for claim in CLAIMS if claim.roles == ("trained",)]
    judged = judge([claim], {"trained": data}, {}, {})
    assert judged.verdict.item() == expected
    assert "would be found" in judged.measure.item() or "at least 8 seeds" in judged.needs.item()


# --- the oracle ---------------------------------------------------------------------------------------------------


def test_quadrature_knows_moments_of_wishart_matrices():
    """E[W] = m I and E[det W] = m (m - 1) in two dimensions; moments of a chi-squared variable."""
    samples, weights = quadrature.sample_covariances(np.eye(2), 7, 4)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.einsum("p,pab->ab", weights, samples), np.eye(2), atol=1e-12)
    assert weights @ np.linalg.det(7 * samples) == pytest.approx(7 * 6)
    nodes, chances = quadrature.chi_squared(5, 3)
    assert [chances @ nodes**power for power in range(4)] == pytest.approx([1, 5, 35, 315])
