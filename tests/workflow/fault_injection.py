"""Faults at random moments, on the real Snakefile: after the next run the results must be, byte for byte, those of an undisturbed one,
or the user has been told what to do, and doing so leads there. Anything else is a loss.

    python tests/workflow/fault_injection.py                   # 120 kills and 60 other faults
    python tests/workflow/fault_injection.py --kills 10 --others 7 --seed 2

Random choices come from the seed; what a choice of a moment meets depends on the machine. Linux only.
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from faults import ALL, KILLS, OTHERS, NotPossible, NotTold, Subject
from runs import advice, wait_for_orphans
from tabulate import tabulate

ATTEMPTS = 6   # how often a user does what a run says before giving up
OUTCOMES = ("recovered by itself", "told by the run", "told by the audit", "losses")


def inject(subject, fault) -> tuple[int, str]:
    """Cause a fault and then do what a user does: how often it struck before the run ended, and one of `OUTCOMES`."""
    try:
        struck = int(fault(subject))
    except NotTold as said:
        print(f"not told what to do: {said}", file=sys.stderr)
        return 1, "losses"
    return struck, settle(subject)


def settle(subject) -> str:
    """Run again, doing what is said, until the results are those of the undisturbed run: one of `OUTCOMES`."""
    followed = _run_as_told(subject.checkout)
    if followed is None:
        return "losses"
    wait_for_orphans(subject.checkout.folder)
    if subject.whole():
        return "told by the run" if followed else "recovered by itself"
    for _ in range(ATTEMPTS):
        named = re.findall(r"^damaged +(\S+)", subject.checkout.cotdepth("audit").stdout, re.MULTILINE)
        for path in named:
            (subject.checkout.folder / path).unlink(missing_ok=True)
        if not named or _run_as_told(subject.checkout) is None:
            return "losses"
        if subject.whole():
            return "told by the audit"
    return "losses"


def _run_as_told(checkout):
    """Run until a run succeeds, doing what it says if it fails: what was done, None if it fails and says nothing."""
    followed = []
    for _ in range(ATTEMPTS):
        done = checkout.snakemake("--cores", "2")
        if done.returncode == 0:
            return followed
        told = advice(done.stdout + done.stderr)
        if told is None:
            print(done.stdout, done.stderr, file=sys.stderr)
            return None
        followed.append(told[0])
        if told[0] == "unlock":
            checkout.run("--unlock")
        for path in told[1]:
            (checkout.folder / path).unlink(missing_ok=True)
    return None


def table(counted: Counter, faults) -> str:
    """How often each fault struck, and what came of it."""
    rows = [(_title(fault), *(counted[fault, outcome] for outcome in OUTCOMES)) for fault in faults]
    rows.append(("total", *(sum(column) for column in list(zip(*rows))[1:])))
    return tabulate([(name, sum(counts), *counts) for name, *counts in rows], ["fault", "how many", *OUTCOMES])


def campaign(subject, wanted: dict, deadline: float) -> tuple[Counter, dict]:
    """Faults of random kinds until each group struck so often, or the deadline comes, or something is lost.

    ``wanted`` says for each group of kinds how often; every kind of a group has its turn before one has a second.
    Returns how often each kind came to what, and why some could not be tried.
    """
    counted, impossible, turns = Counter(), {}, {kinds: [] for kinds in wanted}
    while time.monotonic() < deadline and not any(counted[fault, "losses"] for fault in ALL):
        lacking = [kinds for kinds, times in wanted.items() if _struck(counted, kinds) < times and set(kinds) - impossible.keys()]
        if not lacking:
            break
        kinds = subject.chance.choice(lacking)
        turns[kinds] = turns[kinds] or subject.chance.sample(kinds, len(kinds))
        fault = turns[kinds].pop()
        if fault in impossible:
            continue
        try:
            struck, outcome = inject(subject, fault)
        except NotPossible as reason:
            impossible[fault] = reason
            continue
        counted[fault, outcome] += struck
        print(f"{_title(fault)}, {struck} times: {outcome}", file=sys.stderr, flush=True)
    return counted, impossible


def _struck(counted, kinds):
    return sum(counted[fault, outcome] for fault in kinds for outcome in OUTCOMES)


def _title(fault):
    return fault.__name__.replace("_", " ")


def main():
    from conftest import Checkout, _copy_project

    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="faults-")) / "checkout"
    _copy_project(folder)
    started = time.monotonic()
    subject = Subject(Checkout(folder), options.seed)
    counted, impossible = campaign(subject, {KILLS: options.kills, OTHERS: options.others}, started + 60 * options.minutes)
    print(table(counted, ALL))
    for fault, reason in impossible.items():
        print(f"{_title(fault)} was not tried: {reason}")
    print(f"seed {options.seed}, {time.monotonic() - started:.0f} s")
    if any(counted[fault, "losses"] for fault in ALL):
        raise SystemExit(f"lost something; see {folder}")
    shutil.rmtree(folder.parent)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=120, help="of jobs, of snakemake, of both, and Ctrl-C (default 120)")
    parser.add_argument("--others", type=int, default=60, help="damaged files, lost records, full disks, second runs (default 60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="no new fault after so many (default 60)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
