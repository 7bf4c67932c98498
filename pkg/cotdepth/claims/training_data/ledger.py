"""All claims about the training-data paper."""

from cotdepth.claims.training_data import (
    depth,
    direct,
    layer_figures,
    mixtures,
    scaling_figures,
    selection_figures,
    selection_theory,
    step_size,
    target,
    thinking,
    thought_figures,
    training,
)
from cotdepth.claims.training_data.statements import STATEMENTS

__all__ = ["CLAIMS", "STATEMENTS"]
TOPICS = (training, step_size, thinking, direct, depth, scaling_figures, mixtures, target, selection_theory, layer_figures,
          selection_figures, thought_figures)  # fmt: skip
CLAIMS = [claim for topic in TOPICS for claim in topic.LEDGER.claims]
