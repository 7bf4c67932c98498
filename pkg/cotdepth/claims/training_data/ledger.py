"""All claims about the training-data paper."""

from cotdepth.claims.training_data import step_size
from cotdepth.claims.training_data.statements import STATEMENTS

__all__ = ["CLAIMS", "STATEMENTS"]
CLAIMS = [claim for topic in (step_size,) for claim in topic.LEDGER.claims]
