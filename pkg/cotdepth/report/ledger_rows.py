"""The ledger of claims as rows of tables."""

import math

import xarray as xr

from cotdepth.claims.claim import VERDICTS
from cotdepth.report.numbers import short

MARKS = {"holds": "●", "holds as corrected": "◐", "fails": "✕", "not run": "○"}  # told apart without colour


def claim_rows(ledger: xr.Dataset) -> list[dict]:
    """One mapping for each claim, in the order of the papers' statements: all its texts, and its checks with numbers as such and as text.

    ``index`` is the claim's position in the ledger.
    """
    places = {str(label): place for place, label in enumerate(ledger.statement.values)}
    rows = [_claim_row(index, ledger.isel(claim=index)) for index in range(ledger.sizes["claim"])]
    return sorted(rows, key=lambda row: places[f"{row['paper']}: {row['number']}"])


def statement_rows(ledger: xr.Dataset) -> dict[str, list[dict]]:
    """Paper -> one mapping for each numbered statement: its number, the positions and names of its claims, the reason if it has none."""
    claims = [(f"{row.paper.item()}: {row.number.item()}", index, row["name"].item())
              for index, row in ((index, ledger.isel(claim=index)) for index in range(ledger.sizes["claim"]))]  # fmt: skip
    papers = {}
    for label, reason in zip(ledger.statement.values, ledger.reason.values):
        paper, _, number = str(label).partition(": ")
        covering = [{"index": index, "name": name} for statement, index, name in claims if statement == label]
        papers.setdefault(paper, []).append({"number": number, "claims": covering, "reason": str(reason)})
    return papers


def verdict_counts(rows: list[dict]) -> dict[str, dict[str, int]]:
    """Paper -> verdict -> how many claims."""
    papers = dict.fromkeys(row["paper"] for row in rows)
    return {paper: {verdict: sum((row["paper"], row["verdict"]) == (paper, verdict) for row in rows) for verdict in VERDICTS}
            for paper in papers}  # fmt: skip


def _claim_row(index, claim):
    names = ("paper", "number", "name", "sentence", "form", "kind", "erratum", "roles", "verdict", "needs")
    texts = {name: str(claim[name].item()) for name in names}
    checks = [_check(claim, label, prefix) for label, prefix in (("as printed", ""), ("as corrected", "corrected_"))]
    return texts | {"index": index, "mark": MARKS[texts["verdict"]], "checks": [check for check in checks if check["measure"]]}


def _check(claim, label, prefix):
    """One measured number beside its limit."""
    value, limit = (float(claim[prefix + name]) for name in ("value", "limit"))
    return {"label": label, "measure": str(claim[prefix + "measure"].item()), "value": value, "limit": limit,
            "value_text": short(value), "limit_text": short(limit), "holds": not math.isnan(value) and value <= limit}  # fmt: skip
