"""The short version of the faults at random moments: nothing is lost; and a loss would be noticed."""

import os
import random
import subprocess
import time
from types import SimpleNamespace

import psutil
import pytest
from fault_injection import ALL, TURNS, campaign, each_once, settle
from faults import KILLS, OTHERS, NotPossible, NotTold, Subject, ToldByReadme, disk_full, writers
from runs import advice, kill_all_in, processes_in


@pytest.fixture
def subject(checkout):
    return Subject(checkout, seed=1)


@pytest.mark.parametrize("kinds", [KILLS, tuple(fault for fault in OTHERS if fault is not disk_full)])
def test_faults_at_random_moments_lose_nothing(subject, kinds):
    """On a slow machine fewer of them."""
    tally = each_once(subject, kinds, deadline=time.monotonic() + 400)
    assert not tally.impossible and not tally.lost and not tally.missed(kinds), tally.table(kinds)


def test_a_loss_counts_and_ends_a_campaign_though_the_fault_did_not_strike(monkeypatch):
    monkeypatch.setattr("fault_injection.settle", lambda _: "losses")
    tally = campaign(SimpleNamespace(chance=random.Random(1)), {(never_strikes,): 1}, deadline=float("inf"))
    assert tally.lost and tally.outcomes == {(never_strikes, "losses"): 1} and tally.strikes([never_strikes]) == 0
    assert tally.table([never_strikes]).split("\n")[2].split() == ["never", "strikes", "0", "0", "0", "0", "0", "1"]


def test_a_fault_that_is_not_told_of_counts_as_a_loss():
    tally = each_once(SimpleNamespace(chance=random.Random(1)), [is_not_told], deadline=float("inf"))
    assert tally.lost


@pytest.mark.parametrize("settled, outcome", [
    ("recovered by itself", "told by README"), ("told by the run", "told by the run"), ("losses", "losses"),
])  # fmt: skip
def test_a_fault_that_readme_tells_of_counts_as_such_if_nothing_else_is_to_be_done(monkeypatch, settled, outcome):
    monkeypatch.setattr("fault_injection.settle", lambda _: settled)
    tally = each_once(SimpleNamespace(chance=random.Random(1)), [is_told_by_readme], deadline=float("inf"))
    assert tally.outcomes == {(is_told_by_readme, outcome): 1} and tally.strikes([is_told_by_readme]) == 1


def test_a_fault_that_never_strikes_is_missed(monkeypatch):
    monkeypatch.setattr("fault_injection.settle", lambda _: "recovered by itself")
    tally = each_once(SimpleNamespace(chance=random.Random(1)), [never_strikes], deadline=float("inf"))
    assert tally.missed([never_strikes]) == ["never strikes"] and tally.outcomes.total() == TURNS


def test_only_jobs_of_the_run_count_as_writing(tmp_path):
    (tmp_path / "figures").mkdir()
    ours, stranger = psutil.Process(), psutil.Process(os.getppid())
    run = SimpleNamespace(jobs=lambda: [ours])
    (tmp_path / "figures" / f".map{ours.pid}.cotdepth-0123abcd-{stranger.pid}-4567abcd.png").touch()
    assert writers(run, tmp_path) == []
    (tmp_path / "figures" / f".map.cotdepth-0123abcd-{ours.pid}-4567abcd.png").touch()
    assert writers(run, tmp_path) == [ours]


def test_what_still_runs_in_a_checkout_is_killed_and_nothing_else(tmp_path):
    (tmp_path / "checkout" / "results").mkdir(parents=True)
    inside, outside = (subprocess.Popen(["sleep", "300"], cwd=tmp_path / name) for name in ("checkout/results", "."))
    try:
        kill_all_in(tmp_path / "checkout")
        assert psutil.wait_procs([psutil.Process(outside.pid)], timeout=0)[1] and not list(processes_in(tmp_path / "checkout"))
    finally:
        for process in (inside, outside):
            process.kill()
            process.wait()


def never_strikes(subject):
    return 0


def is_not_told(subject):
    raise NotTold("failed")


def is_told_by_readme(subject):
    raise ToldByReadme


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


def test_a_record_that_is_gone_is_no_whole_result_though_every_picture_is_there(subject):
    [record] = (name for name in subject.beside if name.endswith(".made.json"))
    subject.path(record).unlink()
    assert subject.checkout.products() == subject.expected and not subject.whole()
    assert settle(subject) != "losses" and subject.whole()


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
    assert all(fault.__doc__ for fault in ALL) and len({fault.__name__ for fault in ALL}) == len(ALL) == 16
