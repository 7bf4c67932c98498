"""Every numbered statement of the training-data paper, in its order: why no claim covers it, or nothing where one does."""

STATEMENTS = {
    "Theorem 3.1": "",
}
