# Names and paths shared by the rules; the values that a job consumes are in its stamp.

RESULTS = str(plan.results)
STAGE = f"{RESULTS}/{{experiment}}"
LOG = f"{RESULTS}/logs/{{experiment}}"
BENCHMARK = f"{RESULTS}/benchmarks/{{experiment}}"


def only(names):
    """A wildcard constraint: one of these names (or nothing at all, if there are none)."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    experiment=only(plan.experiments),
    figure=only(plan.figures),
    cell="[^/]+",


def upstream(stage, source):
    """The artifacts of stage `source` that a cell of `stage` reads."""
    return lambda wildcards: plan.upstream(wildcards.experiment, stage, wildcards.cell, source)


def shown(role):
    """The artifacts that a figure reads in one of its roles."""
    return lambda wildcards: plan.figure_inputs(wildcards.figure, role)


def judged_by(paper):
    """The artifacts that the claims of a paper are judged by."""
    return lambda wildcards: plan.claim_inputs(paper)


def ledger_file():
    """The ledger, if claims are configured."""
    return [str(plan.ledger)] if plan.claims else []


def figure_files():
    """All figures."""
    return expand(f"{RESULTS}/figures/{{figure}}.{{kind}}", figure=plan.figures, kind=["png", "pdf"])
