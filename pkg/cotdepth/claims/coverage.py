"""Every numbered statement of a paper, with the claims that cover it or the reason why none does."""

import xarray as xr

from cotdepth.claims.claim import Claim


def coverage(paper: str, statements: dict[str, str], claims: list[Claim]) -> xr.Dataset:
    """Which claims cover which statements.

    Parameters
    ----------
    paper : str
        The paper.
    statements : dict
        For each numbered statement, in the paper's order, the reason why no claim covers it; empty where one does.
    claims : list of Claim
        The claims about the paper.

    Returns
    -------
    xarray.Dataset
        On (statement): ``claims``, how many cover it, and ``reason``.

    Raises
    ------
    ValueError
        If a claim is about a statement that is not listed, a statement has neither a claim nor a reason, or has both.
    """
    counts = {number: sum(claim.number == number for claim in claims) for number in statements}
    for claim in claims:
        if claim.number not in statements:
            raise ValueError(f"{claim.label}: {claim.number} is not among the statements of the paper")
    for number, reason in statements.items():
        if bool(reason) == bool(counts[number]):
            raise ValueError(f"{paper}, {number}: needs " + ("no reason, for claims cover it" if reason else "a claim or a reason why not"))
    label = {"long_name": "numbered statement", "units": "1"}
    return xr.Dataset(
        {"claims": ("statement", list(counts.values()), {"long_name": "claims that cover the statement", "units": "1"}),
         "reason": ("statement", [reason or "" for reason in statements.values()], {"long_name": "why none does", "units": "1"})},
        coords={"statement": ("statement", [f"{paper}: {number}" for number in statements], label)},
    )  # fmt: skip
