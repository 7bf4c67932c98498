"""The claims about the asymptotic paper: those about theory hold or hold as corrected, formulas changed back flip what they should."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.claims.asymptotic import attention, figure_one, layers, simulation
from cotdepth.claims.asymptotic.ledger import CLAIMS, STATEMENTS
from cotdepth.claims.claim import NotRun
from cotdepth.claims.coverage import coverage
from cotdepth.claims.judging import judge
from cotdepth.theory import asymptotic, boundaries, critical, trained_attention
from cotdepth.theory.summary import summarise_regimes

THEORY = [claim for claim in CLAIMS if not claim.roles]
TOPICS = {trained_attention: ("guesses",)}   # that read the module whose formula is changed back: no others do
OTHERS = ("boundary", "laws", "stopping", "saturation")


def verdicts(claims):
    """Verdicts by label, without the name of the paper."""
    with np.errstate(all="ignore"):   # formulas changed back divide by 0
        judged = judge(claims, {}, {}, {})
    labels = [label.removeprefix("asymptotic: ") for label in judged.claim.values.tolist()]
    return dict(zip(labels, judged.verdict.values.tolist()))


@pytest.fixture(scope="module")
def unchanged():
    return verdicts(THEORY)


# readings of loose sentences that are not true, each beside a claim that says what is
UNTRUE = [
    "Section 5.3, saturation below the start", "Section 5.3, deeper thought does no harm",
    "Section 6, fresh guesses at their number of tasks", "Section 6, fresh guesses as infinitely many tasks",
]  # fmt: skip


def test_every_erratum_holds_as_corrected_and_nothing_else_needs_one(unchanged):
    expected = {claim.label.removeprefix("asymptotic: "): "holds as corrected" if claim.erratum else "holds" for claim in THEORY}
    assert unchanged == expected | dict.fromkeys(UNTRUE, "fails")
    assert all(claim.standing == "reading" for claim in THEORY if claim.label.removeprefix("asymptotic: ") in UNTRUE)


def test_every_statement_is_accounted_for():
    assert coverage("asymptotic", STATEMENTS, CLAIMS).sizes["statement"] == len(STATEMENTS)


# --- formulas changed back ----------------------------------------------------------------------------------------

RIDGELESS_PHASE, OPTIMUM = asymptotic._ridgeless_phase, critical._optimum


def exponential_at_full_context(*point):
    word = RIDGELESS_PHASE(*point)
    return np.where(word == "slow", "exponential", word)


def everywhere(alpha, sigma):
    return OPTIMUM(np.where(alpha > 1, alpha, 1.5), sigma)


CHANGES = {
    "the printed boundary": (boundaries, "critical_task_ratio", boundaries.oscillation_boundary, [
        "Result 5, boundary with noisy labels", "Result 5, sign of the rate", "Result 5, critical decay with noisy labels",
        "Section 5.1, more thought, less error",
        "Result 5.2, scaling with noisy labels", "Result 5.2, boundary that the best depth diverges at",
        "Section 5.3, saturation above the start"]),
    "fresh guesses at M / D": (trained_attention, "effective_task_ratio", lambda ratio: ratio, [
        "Section 6, fresh guesses at an effective number of tasks"]),
    "fresh guesses as infinitely many tasks": (trained_attention, "effective_task_ratio", lambda ratio: np.inf, [
        "Section 6, fresh guesses at an effective number of tasks"]),
    "exponential at full context": (asymptotic, "_ridgeless_phase", exponential_at_full_context, ["Result 5, rate at full context"]),
    "a diverging best depth in short prompts": (critical, "_optimum", everywhere, ["Result 5.2, short prompts"]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_formula_changed_back_flips_the_claims_that_it_should(change, unchanged, monkeypatch):
    place, name, printed, expected = CHANGES[change]
    monkeypatch.setattr(place, name, printed)
    changed = verdicts([claim for claim in THEORY if claim.check.__module__.rpartition(".")[2] in TOPICS.get(place, OTHERS)])
    flipped = {label: verdict for label, verdict in changed.items() if verdict != unchanged[label]}
    assert flipped == dict.fromkeys(expected, "fails")


# --- claims about artifacts ---------------------------------------------------------------------------------------


def test_without_an_experiment_its_claims_are_not_run():
    reading = [claim for claim in CLAIMS if claim.roles]
    judged = judge(reading, {}, {}, {role: f"{role}/stage" for claim in reading for role in claim.roles})
    assert set(judged.verdict.values.tolist()) == {"not run"}
    assert all("not in the configuration" in why for why in judged.needs.values.tolist())


def check(module, name):
    [found] = [claim.check for claim in module.LEDGER.claims if claim.check.__name__ == name]
    return found


def diagram(depth=80):
    return summarise_regimes([0.5, 1.5, 3.0], [1.3, 2.0, 4.0, 8.0], [0.1, 2.0], depth=depth)


def test_the_map_has_the_second_boundary_and_a_shallow_one_does_not_tell():
    deep = diagram()
    assert check(figure_one, "map_boundary")(deep).verdict == "holds as corrected"
    assert check(figure_one, "map_boundary")(deep.assign(critical_task_ratio=deep.oscillation_boundary)).verdict == "fails"
    assert check(figure_one, "quiet_boundary")(deep).verdict == "holds"
    too_far = deep.assign(oscillation_boundary=3 * deep.oscillation_boundary)   # errors fall left of it
    assert check(figure_one, "quiet_boundary")(too_far).verdict == "fails"
    with pytest.raises(NotRun, match="needs depth 80"):
        check(figure_one, "map_boundary")(diagram(20))


def compared(extrapolated, gaps):
    """Two settings whose mean gap is `gaps` by dimension, at every depth."""
    dims, depths = [16, 32, 64, 128], np.arange(21)
    one = np.broadcast_to(np.array(gaps, dtype=float)[:, None], (4, 21))
    return xr.Dataset(
        {"gap": (("cell", "dim", "k"), np.stack([one, one])), "gap_standard_error": (("cell", "dim", "k"), np.full((2, 4, 21), 0.01)),
         "extrapolated_gap": (("cell", "k"), np.full((2, 21), extrapolated)),
         "extrapolated_gap_standard_error": (("cell", "k"), np.full((2, 21), 0.01))},
        coords={"alpha": ("cell", [2.0, 3.0]), "tau": ("cell", [4.0, 1.5]), "dim": dims, "k": depths},
    )  # fmt: skip


def pools(count=1000):
    return xr.Dataset({"error_mean": (("cell", "seed", "k"), np.ones((8, count, 21)))})


def test_simulation_agrees_where_the_extrapolated_gap_is_within_its_error():
    agreement, shrinking, above = (check(simulation, name) for name in ("agreement", "shrinking", "above"))
    few, many = compared(0.02, [1, 1, 1, 1]), pools()
    assert agreement(few, many).verdict == "holds" and agreement(compared(0.05, [1, 1, 1, 1]), many).verdict == "fails"
    assert agreement(compared(0.05, [1, 1, 1, 1]), pools(5)).verdict == "holds"   # five standard errors of five pools are not rare
    assert shrinking(compared(0, [0.8, 0.4, 0.2, 0.1]), many).verdict == "holds"
    assert shrinking(compared(0, [0.8, 0.8, 0.8, 0.8]), many).verdict == "fails"
    assert shrinking(compared(0, [0.3, 0, 0, -0.5]), many).verdict == "fails"   # the other way, and farther
    assert shrinking(compared(0, [0.001, 0, 0, 0]), many).verdict == "fails"   # noise
    assert above(compared(0, [0.8, 0.4, 0.2, 0.1]), many).verdict == "holds"
    assert above(compared(0, [-0.8, 0.4, 0.2, 0.1]), many).verdict == "fails"
    with pytest.raises(NotRun, match="the largest at least 128"):
        agreement(compared(0, [1, 1, 1, 1]).isel(dim=slice(3)), many)


def test_gaps_without_errors_to_judge_by_are_left_out_and_counted():
    agreement, data, many = check(simulation, "agreement"), compared(0.02, [1, 1, 1, 1]), pools()
    carried = data.extrapolated_gap_standard_error.where(data.k != 5, 0.5)
    partly = agreement(data.assign(extrapolated_gap_standard_error=carried), many)
    assert partly.verdict == "holds" and "8 of 10 points" in partly.printed.measure
    broken = data.assign(extrapolated_gap=data.extrapolated_gap.where(data.k != 3))
    assert agreement(broken, many).verdict == "fails" and np.isnan(agreement(broken, many).printed.value)
    for error in (0.5, np.nan):
        with pytest.raises(NotRun, match="needs 3 pools"):
            agreement(data.assign(extrapolated_gap_standard_error=0 * carried + error), many)
    with pytest.raises(NotRun, match="needs 3 pools"):
        agreement(data, pools(2))
    with pytest.raises(NotRun, match="at D = 16, k = 5"):
        check(simulation, "above")(data.assign(gap_standard_error=0 * data.gap_standard_error + 1), many)


def test_typical_errors_are_a_reading_and_the_mean_is_judged_beside_them():
    typical, carried = (check(simulation, name) for name in ("typical", "carried"))
    data = compared(0, [0, 0, 0, 0])
    data["theory"] = (("cell", "k"), np.ones((2, 21)))
    for median, mean, expected in ((0.9, 1, ("holds", "fails")), (0.1, 1, ("fails", "holds")), (0.4, 0.5, ("fails", "fails"))):
        shown = data.assign(error_median=0 * data.gap + median, error_mean=0 * data.gap + mean)
        assert (typical(shown).verdict, carried(shown).verdict) == expected


def structures(largest_other, reversed_directions):
    """Layers of D = 2 at one size, by seed."""
    seeds = len(largest_other)
    shape = ("n_tasks", "guess", "n_context", "seed")

    def of(values):
        return shape, np.reshape(np.broadcast_to(values, seeds).astype(float), (1, 1, 1, seeds))

    found = {"score_identity": of(1.2), "marker_score": of(-1.2), "largest_other": of(largest_other),
             "reversed_directions": of(reversed_directions)}
    coords = {"n_tasks": [30], "guess": ["fresh"], "n_context": [40], "row": np.arange(6)}
    return xr.Dataset(found, coords=coords, attrs={"axes": ["n_tasks"]})


def test_a_reversed_direction_is_an_erratum_to_the_learned_matrices():
    other_blocks, routing = check(layers, "other_blocks"), check(layers, "routing")
    assert other_blocks(structures([0.01, 0.05], [0, 0])).verdict == "holds"
    assert other_blocks(structures([0.01, 0.7], [0, 1])).verdict == "holds as corrected"
    assert other_blocks(structures([0.7, 0.7], [0, 1])).verdict == "fails"
    assert routing(structures([0.01], [0])).verdict == "holds"
    with pytest.raises(NotRun, match="without a reversed direction"):
        routing(structures([0.7], [1]))
    with pytest.raises(NotRun, match="ten times as many"):
        routing(structures([0.7], [0]).assign_coords(n_tasks=[3]))


# --- attention ----------------------------------------------------------------------------------------------------

LENGTHS, TASKS, DEPTHS = np.array([4.0, 8, 16, 32]), (8, 40, 160), np.arange(29)


def fall(rate):
    """An error that falls from 2 at a rate, (n_context, k)."""
    return 2 * np.exp(-np.multiply.outer(np.broadcast_to(rate, LENGTHS.shape), DEPTHS))


def turning(best):
    """An error that falls and grows again after a best depth, (n_context, k)."""
    return np.exp(0.01 * (DEPTHS - np.broadcast_to(best, LENGTHS.shape)[:, None]) ** 2)


EXPECTED = [turning(2), turning(4), fall(LENGTHS / 16)]   # overthinking with few tasks, decay with many, the faster the longer the prompt
EXPECTED[2][0] = np.maximum(fall(0.5)[0], 1.5)            # shortest prompts: saturation


def trained(**models):
    """Curves (n_context, k) by model and number of tasks, the same in all of three seeds but for 1%."""
    cells = [(model, tasks, curve) for model, curves in models.items() for tasks, curve in zip(TASKS, curves, strict=True)]
    curves = np.stack([curve for _, _, curve in cells])[:, None, None]
    on = ("cell", "mask", "guess", "n_context", "k")
    seeds = np.repeat(np.repeat(np.repeat(curves, 2, 1), 2, 2)[:, :, :, :, None], 3, 4) * np.array([0.99, 1, 1.01])[:, None]
    found = {"error_median": (("cell", "mask", "guess", "n_context", "seed", "k"), seeds), "seed_median": (on, seeds[..., 1, :]),
             "seed_lowest": (on, seeds[..., 0, :]), "seed_highest": (on, seeds[..., 2, :]), "seed_median_of_means": (on, seeds[..., 1, :]),
             "reversed_directions": (("cell", "guess", "n_context", "seed"), np.zeros((len(cells), 2, 4, 3)))}  # fmt: skip
    return xr.Dataset(found, coords={"model": ("cell", [model for model, _, _ in cells]), "n_tasks": ("cell", [n for _, n, _ in cells]),
                                     "mask": ["history", "data_only"], "guess": ["fresh", "fixed"], "n_context": LENGTHS,
                                     "seed": range(3), "k": DEPTHS})  # fmt: skip


def of_theory(curves, dim=8):
    """Theory (n_context, k) by number of tasks, the same for both guesses."""
    on = ("model", "n_tasks", "guess", "n_context", "k")
    ratios = np.multiply.outer(np.array(TASKS) / dim, [3.0, 1.0])[None]
    found = {"error": (on, np.repeat(np.stack(curves)[None, :, None], 2, 2)), "task_ratio": (on[:3], ratios)}
    coords = {"model": ["linear"], "n_tasks": list(TASKS), "guess": ["fresh", "fixed"], "n_context": LENGTHS, "k": DEPTHS}
    return xr.Dataset(found, coords=coords, attrs={"axes": ["model", "n_tasks"]})


def planted(most=None, few=None, middle=None):
    """Curves by number of tasks, some of them not as expected."""
    return [EXPECTED[0] if few is None else few, EXPECTED[1] if middle is None else middle, EXPECTED[2] if most is None else most]


PLANTED = {   # claims of both models, and curves with which they fail
    "overthinking with few tasks": (["few_tasks_fresh", "few_tasks_fixed", "few_tasks_softmax"], planted(few=EXPECTED[2])),
    "short prompts that go on falling": (
        ["parted_linear", "parted_softmax", "flat_linear", "flat_softmax"], planted(most=fall(LENGTHS / 16))),
    "long prompts that saturate": (["parted_linear", "parted_softmax"], planted(most=np.maximum(EXPECTED[2], 0.3))),
    "a best depth that does not grow": (["wider_linear", "wider_softmax"], planted(few=turning(20), most=turning(20))),
    "no growth": (["falls_then_grows", "falls_then_grows_softmax"], 3 * [EXPECTED[2]]),
    "growth from the start": (["falls_then_grows", "falls_then_grows_softmax", "always_falls", "always_falls_softmax"], 3 * [turning(0)]),
    "growth from the start with few tasks": (["always_falls", "always_falls_softmax"], planted(few=turning(0))),
    "longer prompts that are slower": (["faster_linear", "faster_softmax"], planted(most=fall(1 / LENGTHS))),
    "no long prompt that ends worse": (["worse_than_short"], 3 * [EXPECTED[2]]),
}


def judged(name, data, theory):
    made = check(attention, name)
    [roles] = [claim.roles for claim in attention.LEDGER.claims if claim.check is made]
    return made(**{"attention": data, "attention_theory": theory} if len(roles) == 2 else {"attention": data}).verdict


@pytest.mark.parametrize("failure", PLANTED)
def test_attention_that_is_not_as_the_paper_says_fails(failure):
    names, curves = PLANTED[failure]
    expected = planted(few=turning([2, 2, 2, 1]))   # with few tasks the longest prompts end worst
    for name in names:
        assert judged(name, trained(linear=expected, softmax=expected), of_theory(expected)) == "holds"
        assert judged(name, trained(linear=curves, softmax=curves), of_theory(expected)) == "fails"


def test_softmax_that_decays_faster_than_linear_attention_fails():
    slower = planted(most=fall(LENGTHS / 64))
    assert check(attention, "gradual")(trained(linear=EXPECTED, softmax=slower)).verdict == "holds"
    assert check(attention, "gradual")(trained(linear=slower, softmax=EXPECTED)).verdict == "fails"


def test_the_decay_regime_begins_at_the_dimension_of_the_artifact():
    shortest_fastest = planted(most=fall(np.array([1, 0.1, 0.2, 0.3])))
    data = trained(linear=shortest_fastest)
    assert judged("faster_linear", data, of_theory(EXPECTED, dim=8)) == "holds"
    assert judged("faster_linear", data, of_theory(EXPECTED, dim=4)) == "fails"
    with pytest.raises(NotRun, match="three lengths of at least D = 16"):
        judged("faster_linear", data, of_theory(EXPECTED, dim=16))
    with pytest.raises(NotRun, match="one guess for each task"):
        judged("faster_linear", data, of_theory(EXPECTED).sel(guess=["fresh"]))


def test_seeds_with_a_reversed_direction_are_an_erratum_to_faster_decay():
    data = trained(linear=EXPECTED)
    reversed_ = (data.n_context == 32) & (data.seed > 0) & (data.n_tasks == 160)
    data["error_median"] = data.error_median.where(~reversed_, 5)
    data["seed_median"] = data.error_median.median("seed")
    assert judged("faster_linear", data, of_theory(EXPECTED)) == "fails"
    data["reversed_directions"] = data.reversed_directions.where(~reversed_, 1)
    assert judged("faster_linear", data, of_theory(EXPECTED)) == "holds as corrected"


def test_a_full_layer_beside_theory():
    beside, closing, levels = (check(layers, name) for name in ("beside_fixed", "closing_fixed", "levels_off"))
    theory = of_theory(3 * [fall(0.5)])
    far, near, floor = 2 * fall(0.5), 1.1 * fall(0.5), np.maximum(fall(0.5), 0.1)
    assert beside(trained(linear=[far, near, near]), theory).verdict == "holds"
    assert beside(trained(linear=[far, far, near]), theory).verdict == "fails"
    assert closing(trained(linear=[far, far, near]), theory).verdict == "holds"
    assert closing(trained(linear=[far, far, 1.8 * fall(0.5)]), theory).verdict == "fails"
    assert levels(trained(linear=[far, near, near]), theory).verdict == "holds"
    assert levels(trained(linear=[far, floor, near]), theory).verdict == "holds as corrected"
    assert levels(trained(linear=[far, 20 * fall(0.5), near]), theory).verdict == "fails"   # far from theory, but it does not level off
    assert levels(trained(linear=[far, turning(2), near]), theory).verdict == "fails"


def test_earlier_estimates_that_are_used_are_told_from_others():
    used, unused = (check(layers, name) for name in ("used_history", "unused_history"))
    same = trained(linear=EXPECTED)
    other = same.assign(error_median=same.error_median * (1 + 0.02 * (same.mask == "history")))
    assert (used(same).verdict, unused(same).verdict) == ("fails", "holds")
    assert (used(other).verdict, unused(other).verdict) == ("holds", "fails")


def test_small_experiments_with_attention_are_not_run():
    data = trained(linear=EXPECTED, softmax=EXPECTED)
    for small in (data.sel(k=slice(0, 19)), data.isel(n_context=slice(3)), data.isel(cell=[0, 1, 3, 4]), data.sel(mask=["data_only"])):
        for claim in attention.LEDGER.claims:
            with pytest.raises(NotRun, match="needs"):
                claim.check(**{role: small if role == "attention" else of_theory(EXPECTED) for role in claim.roles})
