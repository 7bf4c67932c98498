"""Faults at random moments, on the real Snakefile: after the next run the results must be, byte for byte, those of an undisturbed one,
or the user has been told what to do, and doing so leads there. Anything else is a loss.

    python tests/workflow/fault_injection.py                   # 120 kills, 60 other faults and 20 kills under SLURM
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
from dataclasses import dataclass, field
from pathlib import Path

from faults import KILLS, OTHERS, NotPossible, NotTold, Subject, ToldByReadme
from faults_of_slurm import FAULTS_OF_SLURM
from project_copy import copy_project
from runs import advice, wait_for_orphans
from tabulate import tabulate

ATTEMPTS = 6   # how often a user does what a run says before giving up
TURNS = 5   # of a fault that does not strike, for the run ended before
ALL = (*KILLS, *OTHERS, *FAULTS_OF_SLURM)
OUTCOMES = ("recovered by itself", "told by the run", "told by the audit", "told by README", "losses")


def inject(subject, fault) -> tuple[int, str]:
    """Cause a fault and then do what a user does: how often it struck before the run ended, and one of `OUTCOMES`."""
    try:
        struck = int(fault(subject))
    except NotTold as said:
        print(f"not told what to do: {said}", file=sys.stderr)
        return 1, "losses"
    except ToldByReadme:
        outcome = settle(subject)
        return 1, "told by README" if outcome == "recovered by itself" else outcome
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


@dataclass
class Tally:
    """What came of the faults so far: how often each kind struck, and an outcome for each turn that it had, whether it struck or not."""

    struck: Counter = field(default_factory=Counter)
    outcomes: Counter = field(default_factory=Counter)
    impossible: dict = field(default_factory=dict)

    @property
    def lost(self) -> bool:
        """Whether anything was lost."""
        return any(outcome == "losses" for _, outcome in self.outcomes)

    def missed(self, kinds) -> list[str]:
        """Faults of these kinds that had all their turns and struck in none."""
        turns = Counter(fault for fault, _ in self.outcomes.elements())
        return [_title(fault) for fault in kinds if turns[fault] >= TURNS and not self.struck[fault]]

    def strikes(self, kinds) -> int:
        """How often faults of these kinds struck."""
        return sum(self.struck[fault] for fault in kinds)

    def turn(self, subject, fault) -> None:
        """Cause a fault, and note what comes of it or why it can't be caused here."""
        try:
            struck, outcome = inject(subject, fault)
        except NotPossible as reason:
            self.impossible[fault] = reason
            return
        self.struck[fault] += struck
        self.outcomes[fault, outcome] += 1
        print(f"{_title(fault)}, {struck} times: {outcome}", file=sys.stderr, flush=True)

    def table(self, faults) -> str:
        """How often each fault struck, and what came of its turns."""
        rows = [(_title(fault), self.struck[fault], *(self.outcomes[fault, outcome] for outcome in OUTCOMES)) for fault in faults]
        rows.append(("total", *(sum(column) for column in list(zip(*rows))[1:])))
        return tabulate(rows, ["fault", "struck", *OUTCOMES])


def campaign(subject, wanted: dict, deadline: float) -> Tally:
    """Faults of random kinds until each group struck so often, or the deadline comes, or something is lost.

    ``wanted`` says for each group of kinds how often; every kind of a group has its turn before one has a second.
    """
    tally, turns = Tally(), {kinds: [] for kinds in wanted}
    while time.monotonic() < deadline and not tally.lost:
        lacking = [kinds for kinds, times in wanted.items() if tally.strikes(kinds) < times and set(kinds) - tally.impossible.keys()]
        if not lacking:
            break
        kinds = subject.chance.choice(lacking)
        turns[kinds] = turns[kinds] or subject.chance.sample(kinds, len(kinds))
        fault = turns[kinds].pop()
        if fault not in tally.impossible:
            tally.turn(subject, fault)
    return tally


def each_once(subject, kinds, deadline: float) -> Tally:
    """A fault of each kind that struck, in a random order, until something is lost; no further turn after the deadline."""
    tally = Tally()
    for fault in subject.chance.sample(kinds, len(kinds)):
        for _ in range(TURNS):
            if time.monotonic() < deadline and not tally.lost and not tally.struck[fault] and fault not in tally.impossible:
                tally.turn(subject, fault)
    return tally


def _title(fault):
    return fault.__name__.replace("_", " ")


def main():
    from conftest import CONFIG, Checkout

    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="faults-")) / "checkout"
    copy_project(folder, CONFIG.read_text(encoding="utf-8"))
    started, checkout = time.monotonic(), Checkout(folder)
    wanted = {KILLS: options.kills, OTHERS: options.others, FAULTS_OF_SLURM: options.slurm}
    try:
        tally = campaign(Subject(checkout, options.seed), wanted, started + 60 * options.minutes)
    finally:
        checkout.end()
    print(tally.table(ALL))
    for fault, reason in tally.impossible.items():
        print(f"{_title(fault)} was not tried: {reason}")
    print(f"seed {options.seed}, {time.monotonic() - started:.0f} s")
    if tally.lost:
        raise SystemExit(f"lost something; see {folder}")
    shutil.rmtree(folder.parent)
    if any(tally.strikes(kinds) < times for kinds, times in wanted.items() if set(kinds) - tally.impossible.keys()):
        raise SystemExit("fewer faults than wanted: the time was over; see --minutes")


def _options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=120, help="of jobs, of snakemake, of both, and Ctrl-C (default 120)")
    parser.add_argument("--others", type=int, default=60, help="damaged files, lost records, full disks, second runs (default 60)")
    parser.add_argument("--slurm", type=int, default=20, help="of the daemons and jobs of a throw-away SLURM (default 20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="no new fault after so many (default 60)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
