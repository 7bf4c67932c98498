"""The ledger of claims is judged again when, and only when, something that a paper's checks read has changed."""

import pytest
import xarray as xr

COLLECTED = {"collect_claims": 1}


def judged_again(checkout, *arguments):
    return {rule: count for rule, count in checkout.rules(*arguments, judging=True).items() if "claims" in rule}


def ledger(checkout):
    """Verdict of every claim, by its label."""
    with xr.open_dataset(checkout.results / "claims.nc") as made:
        return dict(zip(made.claim.values.tolist(), made.verdict.values.tolist()))


@pytest.mark.parametrize("path, expected", [
    ("pkg/cotdepth/claims/asymptotic/boundary.py", {"claims_asymptotic": 1}),
    ("pkg/cotdepth/theory/flow_dynamics.py", {"claims_gradient_flow": 1}),
    ("pkg/cotdepth/models/lsa.py", {"claims_training_data": 1}),
    ("pkg/cotdepth/claims/claim.py", {"claims_asymptotic": 1, "claims_gradient_flow": 1, "claims_training_data": 1}),
    ("pkg/cotdepth/figures/style.py", {}),
])  # fmt: skip
def test_an_edit_of_code_judges_the_papers_that_it_bears_on(checkout, path, expected):
    checkout.append(path, "\nEDITED = True\n")
    assert judged_again(checkout) == expected | (COLLECTED if expected else {})


def test_a_second_run_judges_nothing(checkout):
    assert judged_again(checkout) == {}


def test_a_deleted_experiment_leaves_its_claims_not_run(checkout):
    before = ledger(checkout)
    text = (checkout.folder / "config.yaml").read_text(encoding="utf-8")
    start, end = text.index("  step-size:"), text.index("  gradient-flow:")
    text = text[:start] + text[end:]
    start = text.index("  step-size:")   # the figure
    text = text[:start] + text[text.index("  gradient-flow:", start):]
    (checkout.folder / "config.yaml").write_text(text, encoding="utf-8")
    checkout.run("--cores", "2")
    after = ledger(checkout)
    changed = {claim for claim in before if before[claim] != after[claim]}
    with xr.open_dataset(checkout.results / "claims.nc") as made:
        reads = {claim for claim, roles in zip(made.claim.values.tolist(), made.roles.values.tolist()) if "step-size/theory" in roles}
    assert reads and {after[claim] for claim in reads} == {"not run"} and changed <= reads
