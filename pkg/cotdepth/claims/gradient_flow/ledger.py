"""All claims about the gradient-flow paper."""

from cotdepth.claims.gradient_flow import (
    answers,
    descent,
    labels,
    landscape,
    minimum,
    model,
    other_starts,
    prediction,
    random_bounds,
    random_covariances,
    random_paths,
    rates,
    shifted_prompts,
    shifts,
)
from cotdepth.claims.gradient_flow.statements import STATEMENTS

__all__ = ["CLAIMS", "STATEMENTS"]
TOPICS = (model, landscape, minimum, rates, prediction, shifts, shifted_prompts, random_covariances, random_paths, random_bounds, answers,
          descent, other_starts, labels)  # fmt: skip
CLAIMS = [claim for topic in TOPICS for claim in topic.LEDGER.claims]
