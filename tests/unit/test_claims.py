"""The ledger of claims: verdicts follow from numbers, what is missing is not run, and every statement is accounted for."""

import math

import numpy as np
import pytest
import xarray as xr

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst, z_limit
from cotdepth.claims.coverage import coverage
from cotdepth.claims.judging import collect, judge, judge_paper


def ledger(check, **changes):
    """One claim, about theorem 1."""
    made = Ledger("asymptotic")
    words = {"sentence": "Errors fall.", "form": "Ratio of errors", "kind": "exact"} | changes
    made.claim("Theorem 1", "errors", **words)(check)
    return made.claims


def verdict(check, **given):
    return judge(ledger(check), given, {}, {}).verdict.item()


@pytest.mark.parametrize("printed, corrected, expected", [
    (1.0, None, "holds"), (1.1, None, "fails"), (math.nan, None, "fails"), (1.1, 0.5, "holds as corrected"), (1.1, 1.2, "fails"),
    (1.1, math.nan, "fails"), (0.9, 7.0, "holds"),
])  # fmt: skip
def test_a_verdict_follows_from_the_numbers(printed, corrected, expected):
    check = corrected if corrected is None else Check("ratio", corrected, 1)
    assert verdict(lambda: Outcome(Check("ratio", printed, 1), check)) == expected


def test_a_claim_whose_experiment_is_missing_is_not_run_and_says_what_it_needs():
    judged = judge(ledger(lambda layers: Outcome(Check("ratio", 0, 1))), {}, {}, {"layers": "lsa-depth/compare"})
    assert (judged.verdict.item(), judged.needs.item()) == ("not run", "needs lsa-depth/compare, not in the configuration")
    assert np.isnan(judged.value).all()


def test_a_check_can_say_that_its_data_do_not_decide():
    def check():
        raise NotRun("needs at least 3 seeds")

    judged = judge(ledger(check), {}, {}, {})
    assert (judged.verdict.item(), judged.needs.item()) == ("not run", "needs at least 3 seeds")


def test_a_role_that_nobody_knows_is_a_mistake():
    with pytest.raises(KeyError):
        verdict(lambda nothing: None)


def test_a_claim_is_told_apart_by_its_name():
    made = Ledger("asymptotic")
    words = {"sentence": "", "form": "", "kind": "exact"}
    made.claim("Theorem 1", "errors", **words)(lambda: None)
    with pytest.raises(ValueError, match="has a claim of this name"):
        made.claim("Theorem 1", "errors", **words)(lambda: None)
    with pytest.raises(ValueError, match="kind = 'rough'"):
        made.claim("Theorem 1", "others", **words | {"kind": "rough"})


def test_every_statement_has_a_claim_or_a_reason():
    claims = ledger(lambda: None)
    listed = coverage("asymptotic", {"Theorem 1": "", "Lemma 2": "a step of a proof"}, claims)
    assert listed.claims.values.tolist() == [1, 0]
    for statements, match in (({}, "not among the statements"), ({"Theorem 1": "a step"}, "needs no reason"),
                              ({"Theorem 1": "", "Lemma 2": ""}, "a claim or a reason")):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            coverage("asymptotic", statements, claims)


def test_a_paper_is_judged_by_the_artifacts_of_each_role_and_papers_are_collected():
    attributes = {"experiment": "lsa-depth", "stage": "compare", "title": "", "source": "", "axes": "{}", "cell": "all"}
    artifact = xr.Dataset({"gap": 0.5}, attrs=attributes)
    other = artifact.assign(gap=9.0).assign_attrs(stage="train")
    judged = judge_paper("asymptotic", ledger(lambda layers: Outcome(Check("gap", layers.gap, 1))), {"Theorem 1": ""}, [other, artifact],
                         reads={"layers": {"lsa-depth/compare": ["all"]}}, missing={})  # fmt: skip
    assert (judged.verdict.item(), judged.value.item(), judged.roles.item()) == ("holds", 0.5, "lsa-depth/compare")
    collected = collect([judged, judged])
    assert collected.sizes == {"claim": 2, "statement": 2} and collected.attrs.keys() == {"title", "source"}
    assert all(variable.attrs["long_name"] and variable.attrs["units"] for variable in collected.variables.values())


def test_limits():
    assert z_limit(0.05) == pytest.approx(1.96, abs=1e-2) and z_limit(0.05, 10) == pytest.approx(2.807, abs=1e-3)
    assert worst([1, 3, 2]) == 3 and math.isnan(worst([])) and math.isnan(worst([1, math.nan]))


def test_an_erratum_is_of_something_that_the_paper_states():
    with pytest.raises(ValueError, match="does not state"):
        ledger(lambda: None, erratum="A sign.", standing="reading")
    with pytest.raises(ValueError, match="standing = 'hearsay'"):
        ledger(lambda: None, standing="hearsay")
    assert judge(ledger(lambda: Outcome(Check("ratio", 0, 1)), standing="open"), {}, {}, {}).standing.item() == "open"
