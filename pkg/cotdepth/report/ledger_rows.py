"""The ledger of claims as rows of tables."""

import math
from collections import Counter

import xarray as xr

from cotdepth.claims.claim import STANDINGS, VERDICTS
from cotdepth.report.numbers import short

MARKS = {"holds": "●", "holds as corrected": "◐", "fails": "✕", "not run": "○"}  # told apart without colour
STANDING = {"stated": "the paper states it", "reading": "a reading of the paper", "open": "the paper leaves it open"}


def claim_rows(ledger: xr.Dataset) -> list[dict]:
    """One mapping for each claim, in the order of the papers' statements: all its texts, and its checks with numbers as such and as text.

    ``index`` is the claim's position in the ledger, ``place`` that of its statement.
    """
    places = {str(label): place for place, label in enumerate(ledger.statement.values)}
    rows = [_claim_row(index, ledger.isel(claim=index), places) for index in range(ledger.sizes["claim"])]
    return sorted(rows, key=lambda row: row["place"])


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


def verdict_counts(rows: list[dict]) -> dict[str, dict[str, dict[str, int]]]:
    """Paper -> standing -> verdict -> how many claims; standings without claims are left out but for what is stated."""
    found = Counter((row["paper"], row["standing"], row["verdict"]) for row in rows)
    standings = {paper: {row["standing"] for row in rows if row["paper"] == paper} | {"stated"} for paper in (row["paper"] for row in rows)}
    return {paper: {standing: {verdict: found[paper, standing, verdict] for verdict in VERDICTS}
                    for standing in STANDINGS if standing in there} for paper, there in standings.items()}  # fmt: skip


def _claim_row(index, claim, places):
    names = ("paper", "number", "name", "sentence", "form", "kind", "erratum", "standing", "roles", "verdict", "needs")
    texts = {name: str(claim[name].item()) for name in names}
    checks = [_check(claim, label, prefix) for label, prefix in (("as printed", ""), ("as corrected", "corrected_"))]
    return texts | {"index": index, "place": places[f"{texts['paper']}: {texts['number']}"], "mark": MARKS[texts["verdict"]],
                    "checks": [check for check in checks if check["measure"]]}  # fmt: skip


def _check(claim, label, prefix):
    """One measured number beside its limit."""
    value, limit = (float(claim[prefix + name]) for name in ("value", "limit"))
    return {"label": label, "measure": str(claim[prefix + "measure"].item()), "value": value, "limit": limit,
            "value_text": short(value), "limit_text": short(limit), "holds": not math.isnan(value) and value <= limit}  # fmt: skip
