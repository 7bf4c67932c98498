"""The short version of the faults at random moments: nothing is lost; and a loss would be noticed."""

import time

import pytest
from fault_injection import campaign, settle, table
from faults import ALL, KILLS, OTHERS, NotPossible, Subject, disk_full
from runs import advice


@pytest.fixture
def subject(checkout):
    return Subject(checkout, seed=1)


@pytest.mark.parametrize("kinds, times", [(KILLS, 10), (tuple(fault for fault in OTHERS if fault is not disk_full), 6)])
def test_faults_at_random_moments_lose_nothing(subject, kinds, times):
    counted, impossible = campaign(subject, {kinds: times}, deadline=time.monotonic() + 600)
    assert not impossible and not any(counted[fault, "losses"] for fault in kinds), table(counted, kinds)
    assert sum(counted.values()) >= times, table(counted, kinds)


def test_a_full_disk_is_named_and_with_more_room_the_results_are_those_of_an_undisturbed_run(subject):
    try:
        assert disk_full(subject)
    except NotPossible as reason:
        pytest.skip(str(reason))
    assert settle(subject) != "losses" and subject.whole()


def test_results_that_differ_without_a_word_count_as_a_loss(subject):
    name = next(iter(subject.expected))
    subject.expected[name] += b" "
    assert settle(subject) == "losses"


def test_a_file_too_many_counts_as_a_loss(subject):
    name = next(name for name in subject.expected if name.endswith(".nc"))
    subject.path(name).with_name(".left.1.nc").write_bytes(b"")
    assert settle(subject) == "losses"


def test_a_run_that_fails_and_does_not_say_what_to_do_counts_as_a_loss(subject):
    subject.checkout.append("scripts/theory_ridgeless.py", "\nraise SystemExit(3)\n")
    assert settle(subject) == "losses"


@pytest.mark.parametrize("said, told", [
    ("It can be removed with the --unlock argument.", ("unlock", [])),
    ("evaluate.py: results/e/train/a2-b.nc: damaged (x: y); delete it and run snakemake again", ("delete", ["results/e/train/a2-b.nc"])),
    ("train.py: results/a.json: changed while the job ran; nothing was written, run snakemake again", ("again", [])),
    ("At least one job did not complete successfully.", None),
])  # fmt: skip
def test_what_a_run_tells_the_user_to_do(said, told):
    assert advice(f"before\n{said}\nafter\n") == told


def test_every_kind_of_fault_says_what_it_does():
    assert all(fault.__doc__ for fault in ALL) and len({fault.__name__ for fault in ALL}) == len(ALL) == 13
