"""Every numbered statement of the asymptotic paper, in its order: why no claim covers it, or nothing where one does."""

STATEMENTS = {
    "Result 5": "",
}
