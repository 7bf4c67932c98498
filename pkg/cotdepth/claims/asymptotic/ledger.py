"""All claims about the asymptotic paper."""

from cotdepth.claims.asymptotic import boundary
from cotdepth.claims.asymptotic.statements import STATEMENTS

__all__ = ["CLAIMS", "STATEMENTS"]
CLAIMS = [claim for topic in (boundary,) for claim in topic.LEDGER.claims]
