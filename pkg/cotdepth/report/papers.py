"""The papers by the names that the configuration and the claims have for them."""

from typing import NamedTuple


class Paper(NamedTuple):
    """How a paper is cited, and what it is called in a table."""

    title: str
    authors: str
    short: str


PAPERS = {
    "training-data": Paper(
        "Understanding the Role of Training Data in Test-Time Scaling", "Javanmard, Mirzasoleiman, Mirrokni", "Training data"
    ),
    "asymptotic": Paper("An Asymptotic Theory of Chain-of-Thought in In-Context Learning", "", "Asymptotic"),
    "gradient-flow": Paper("Trained Transformers Learn Linear Models In-Context", "Zhang, Frei, Bartlett", "Gradient flow"),
}
