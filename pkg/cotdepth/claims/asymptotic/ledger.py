"""All claims about the asymptotic paper."""

from cotdepth.claims.asymptotic import (
    attention,
    boundary,
    curve,
    figure_one,
    guesses,
    laws,
    layers,
    model,
    saturation,
    simulation,
    stopping,
)
from cotdepth.claims.asymptotic.statements import STATEMENTS

__all__ = ["CLAIMS", "STATEMENTS"]
TOPICS = (model, curve, simulation, boundary, figure_one, laws, stopping, saturation, guesses, attention, layers)
CLAIMS = [claim for topic in TOPICS for claim in topic.LEDGER.claims]
