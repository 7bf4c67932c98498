"""All claims about the gradient-flow paper."""

from cotdepth.claims.gradient_flow import landscape
from cotdepth.claims.gradient_flow.statements import STATEMENTS

__all__ = ["CLAIMS", "STATEMENTS"]
CLAIMS = [claim for topic in (landscape,) for claim in topic.LEDGER.claims]
