"""The agreement table has a row for everything that is compared, and is made again when, and only when, something compared has changed."""

from pathlib import Path

import pytest

from cotdepth import open_results


def table(checkout):
    return open_results("agreement", "table", root=checkout.results)


def test_every_experiment_that_is_compared_has_rows_with_points_and_too_few_seeds_to_judge(finished):
    made = table(finished)
    assert set(made.experiment.values.tolist()) == {Path(path).parts[-3] for path in finished.plan().agreement_inputs()}
    assert (made.points > 0).all() and (made.seeds == 2).all() and (made.judged == 0).all()
    assert all(" = " in where for where in made.largest_difference_place.values) and (made.largest_z_place == "").all()


@pytest.mark.parametrize("path, again", [
    ("pkg/cotdepth/agreement/shift.py", True), ("pkg/cotdepth/theory/flow_answers.py", True), ("pkg/cotdepth/figures/style.py", False),
    ("pkg/cotdepth/gpt2_training.py", False),
])  # fmt: skip
def test_an_edit_of_code_makes_the_table_again_if_it_bears_on_it(checkout, path, again):
    checkout.append(path, "\nEDITED = True\n")
    assert ("agreement" in checkout.rules(judging=True)) == again


def test_an_experiment_that_is_not_there_is_a_row_that_says_so(checkout):
    checkout.configure("agreement", "lsa-depth: layer", "elsewhere: layer")
    assert checkout.rules(judging=True) == {"agreement": 1}
    checkout.run("--cores", "1", "--", "results/agreement/table/" + next((checkout.results / "agreement/table").glob("*.nc")).name)
    made = table(checkout)
    [row] = [made.isel(agreement=at) for at, name in enumerate(made.experiment.values) if name == "elsewhere"]
    assert row.points == 0 and row.remark.item().startswith("not run") and "lsa-depth" not in made.experiment
