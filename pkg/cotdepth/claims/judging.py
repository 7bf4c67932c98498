"""From claims and datasets to a ledger: each claim checked, its numbers and its verdict in one labelled dataset."""

import math

import xarray as xr

from cotdepth.claims.claim import Check, Claim, NotRun, Outcome
from cotdepth.claims.coverage import coverage
from cotdepth.combine import combine

NOTHING = Check("", math.nan, math.nan)
TEXTS = {
    "paper": "paper",
    "number": "number of the statement in the paper",
    "name": "what it is about",
    "sentence": "what the paper says, in our words",
    "form": "what is checked",
    "kind": "kind of test",
    "erratum": "what is wrong with the printed sentence",
    "standing": "whether the paper states it, it is a reading of the paper, or open there",
    "roles": "artifacts that the check reads",
    "verdict": "verdict",
    "needs": "what the check would need to run",
    "measure": "what the printed form is measured by",
    "corrected_measure": "what the corrected form is measured by",
}
NUMBERS = {
    "value": "what was found, for the printed form",
    "limit": "what it may be at most",
    "corrected_value": "what was found, for the corrected form",
    "corrected_limit": "what that may be at most",
}


def judge(claims: list[Claim], datasets: dict[str, xr.Dataset], sources: dict[str, str], missing: dict[str, str]) -> xr.Dataset:
    """Check claims of one paper.

    Parameters
    ----------
    claims : list of Claim
        Those of one paper.
    datasets : dict
        Combined artifacts by role.
    sources : dict
        ``experiment/stage`` of every role that is there, named in the ledger.
    missing : dict
        The same of roles whose experiment is not in the configuration.

    Returns
    -------
    xarray.Dataset
        On (claim): the texts of each claim, its ``verdict``, ``value`` and ``limit`` of the printed form and of the corrected one
        (NaN if there is none), and ``needs``, which is empty unless the verdict is ``not run``.

    Raises
    ------
    KeyError
        If a claim reads a role that is neither there nor missing: a mistake in the claim.
    """
    rows = [_row(claim, datasets, sources, missing) for claim in claims]
    texts = {name: ("claim", [str(row[name]) for row in rows], {"long_name": about, "units": "1"}) for name, about in TEXTS.items()}
    numbers = {name: ("claim", [float(row[name]) for row in rows], {"long_name": about, "units": "1"}) for name, about in NUMBERS.items()}
    labels = ("claim", [claim.label for claim in claims], {"long_name": "claim", "units": "1"})
    return xr.Dataset({**texts, **numbers}, coords={"claim": labels})


def _row(claim, datasets, sources, missing):
    """Everything that the ledger says of one claim."""
    verdict, needs, (printed, corrected) = _decide(claim, datasets, missing)
    corrected = corrected or NOTHING
    read = ", ".join(sources.get(role, missing.get(role, role)) for role in claim.roles)
    return {**{name: getattr(claim, name) for name in ("paper", "number", "name", "sentence", "form", "kind", "erratum", "standing")},
            "roles": read, "verdict": verdict, "needs": needs, "measure": printed.measure, "value": printed.value, "limit": printed.limit,
            "corrected_measure": corrected.measure, "corrected_value": corrected.value, "corrected_limit": corrected.limit}  # fmt: skip


def _decide(claim, datasets, missing):
    """Verdict, what it would need, and outcome of one claim."""
    absent = [missing[role] for role in claim.roles if role in missing]
    if absent:
        return "not run", f"needs {', '.join(absent)}, not in the configuration", Outcome(NOTHING)
    try:
        outcome = claim.check(**{role: datasets[role] for role in claim.roles})
    except NotRun as reason:
        return "not run", str(reason), Outcome(NOTHING)
    return outcome.verdict, "", outcome


def judge_paper(
    paper: str, claims: list[Claim], statements: dict[str, str], artifacts: list[xr.Dataset], *, reads: dict, missing: dict
) -> xr.Dataset:
    """Verdicts on a paper's claims, with the list of its statements, as an artifact.

    Parameters
    ----------
    paper, claims, statements
        As in `judge` and `cotdepth.claims.coverage.coverage`.
    artifacts : list of xarray.Dataset
        All that the roles read, in any order.
    reads : dict
        Role -> ``{experiment/stage: cells}``.
    missing : dict
        Role -> ``experiment/stage`` of what the configuration lacks.
    """
    sources = {role: next(iter(source)) for role, source in reads.items()}
    datasets = {role: combine([cell for cell in artifacts if _source(cell) == source]) for role, source in sources.items()}
    judged = judge(claims, datasets, sources, missing)
    about = {"title": f"Claims of the {paper} paper and their verdicts", "source": f"{paper} paper"}
    return xr.merge([judged, coverage(paper, statements, claims)]).assign_attrs(about)


def _source(artifact):
    return f"{artifact.attrs['experiment']}/{artifact.attrs['stage']}"


def collect(papers: list[xr.Dataset]) -> xr.Dataset:
    """The ledger: verdicts and statements of all papers, along (claim) and (statement)."""
    claims, statements = (xr.concat([paper[names] for paper in papers], along) for names, along in
                          (([*TEXTS, *NUMBERS], "claim"), (["claims", "reason"], "statement")))  # fmt: skip
    ledger = xr.merge([claims, statements], combine_attrs="override")   # "drop" would drop the labels of variables too
    ledger.attrs = {"title": "What the papers say, and what is true", "source": "all three papers"}
    return ledger
