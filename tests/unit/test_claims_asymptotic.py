"""The claims about the asymptotic paper: those about theory hold or hold as corrected, formulas changed back flip what they should."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.claims.asymptotic import figure_one, layers, simulation
from cotdepth.claims.asymptotic.ledger import CLAIMS, STATEMENTS
from cotdepth.claims.claim import NotRun
from cotdepth.claims.coverage import coverage
from cotdepth.claims.judging import judge
from cotdepth.theory import asymptotic, boundaries, critical, trained_attention
from cotdepth.theory.summary import summarise_regimes

THEORY = [claim for claim in CLAIMS if not claim.roles]
TOPICS = ("boundary", "laws", "stopping", "saturation", "guesses")   # the others have no part in what is changed back
TOUCHED = [claim for claim in THEORY if claim.check.__module__.rpartition(".")[2] in TOPICS]


def verdicts(claims):
    """Verdicts by label, without the name of the paper."""
    with np.errstate(all="ignore"):   # formulas changed back divide by 0
        judged = judge(claims, {}, {}, {})
    labels = [label.removeprefix("asymptotic: ") for label in judged.claim.values.tolist()]
    return dict(zip(labels, judged.verdict.values.tolist()))


@pytest.fixture(scope="module")
def unchanged():
    return verdicts(THEORY)


def test_every_erratum_holds_as_corrected_and_nothing_else_needs_one(unchanged):
    expected = {claim.label.removeprefix("asymptotic: "): "holds as corrected" if claim.erratum else "holds" for claim in THEORY}
    assert unchanged == expected


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
        "Result 5, boundary with noisy labels", "Result 5, sign of the rate", "Result 5, critical decay",
        "Section 5.1, more thought, less error",
        "Result 5.2, best depth", "Result 5.2, best error", "Result 5.2, boundary that the best depth diverges at",
        "Section 5.3, saturation is below the start"]),
    "fresh guesses at M / D": (trained_attention, "effective_task_ratio", lambda ratio: ratio, [
        "Section 6, fresh guesses", "Section 6, fresh guesses are not infinitely many tasks"]),
    "fresh guesses as infinitely many tasks": (trained_attention, "effective_task_ratio", lambda ratio: np.inf, [
        "Section 6, fresh guesses", "Section 6, fresh guesses are not infinitely many tasks"]),
    "exponential at full context": (asymptotic, "_ridgeless_phase", exponential_at_full_context, ["Result 5, rate at full context"]),
    "a diverging best depth in short prompts": (critical, "_optimum", everywhere, ["Result 5.2, short prompts"]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_formula_changed_back_flips_the_claims_that_it_should(change, unchanged, monkeypatch):
    place, name, printed, expected = CHANGES[change]
    monkeypatch.setattr(place, name, printed)
    changed = verdicts(TOUCHED)
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


def test_simulation_agrees_where_the_extrapolated_gap_is_within_its_error():
    agreement, shrinking, above = (check(simulation, name) for name in ("agreement", "shrinking", "above"))
    assert agreement(compared(0.02, [1, 1, 1, 1])).verdict == "holds" and agreement(compared(0.05, [1, 1, 1, 1])).verdict == "fails"
    assert agreement(compared(np.nan, [1, 1, 1, 1])).verdict == "fails"
    assert shrinking(compared(0, [0.8, 0.4, 0.2, 0.1])).verdict == "holds"
    assert shrinking(compared(0, [0.8, 0.8, 0.8, 0.8])).verdict == "fails"
    assert above(compared(0, [0.8, 0.4, 0.2, 0.1])).verdict == "holds" and above(compared(0, [-0.8, 0.4, 0.2, 0.1])).verdict == "fails"
    with pytest.raises(NotRun, match="the largest at least 128"):
        agreement(compared(0, [1, 1, 1, 1]).isel(dim=slice(3)))


def structures(largest_other, reversed_directions):
    """Layers of D = 2 at one size, by seed."""
    seeds = len(largest_other)
    shape = ("n_tasks", "guess", "n_context", "seed")

    def of(values):
        return shape, np.reshape(np.broadcast_to(values, seeds).astype(float), (1, 1, 1, seeds))

    found = {"score_identity": of(1.2), "marker_score": of(-1.2), "largest_other": of(largest_other),
             "reversed_directions": of(reversed_directions)}
    return xr.Dataset(found, coords={"n_tasks": [30], "guess": ["fresh"], "n_context": [40], "row": np.arange(6)})


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
