"""Every numbered statement of the gradient-flow paper, in its order: why no claim covers it, or nothing where one does."""

STATEMENTS = {
    "Theorem 4.1": "",
}
