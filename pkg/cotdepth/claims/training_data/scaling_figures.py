"""Claims about test-time scaling on the own task (training-data paper, figure 1, corollary 3.5 and remark 3.5)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.training_data.runs import ends
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
UNREACHED = 10**7   # training prompts longer than this are not looked for


def largest_ratio(errors, axis) -> float:
    """Largest ratio of an error to the one before it along an axis."""
    ends(errors, axis)
    after, before = errors.isel({axis: slice(1, None)}).values, errors.isel({axis: slice(None, -1)}).values
    return worst((after / before).ravel())


def errors_and_bounds(scaling):
    """Errors in long test prompts and the paper's bounds after one thought or more, together."""
    both = scaling[["error", "bound"]].to_dataarray("curve")
    return both.sel(k=slice(1, None))


@LEDGER.claim(
    "Figure 1", "more thinking",
    sentence="The error, and its bound, fall with every thought.",
    form="Largest ratio of an error in long test prompts, or of the bound, to that one thought before, over tasks and training lengths"
         " of the experiment: at most 1",
    kind="numerical",
)  # fmt: skip
def more_thinking(scaling):
    """Errors along depth."""
    return Outcome(Check("largest ratio of successive errors", largest_ratio(scaling[["error", "bound"]].to_dataarray("curve"), "k"), 1))


@LEDGER.claim(
    "Figure 1", "longer training prompts",
    sentence="At every depth the error, and its bound, are lower after training on longer prompts.",
    form="Largest ratio of an error in long test prompts, or of the bound, to that of the next shorter training prompts, k >= 1: at most 1",
    kind="numerical",
)  # fmt: skip
def longer_prompts(scaling):
    """Errors along the length of training prompts."""
    ratio = largest_ratio(errors_and_bounds(scaling).sortby("n_context"), "n_context")
    return Outcome(Check("largest ratio to the next shorter length", ratio, 1))


@LEDGER.claim(
    "Figure 1", "harder tasks",
    sentence="At every depth and length the curves of harder tasks are higher, the error's as well as the bound's.",
    form="Largest ratio of an error in long test prompts, or of the bound, to that of the next harder task, k >= 1: at most 1",
    kind="numerical",
)  # fmt: skip
def harder_tasks(scaling):
    """Errors and bounds along hardness, hardest first."""
    both = errors_and_bounds(scaling).sortby(scaling.hardness, ascending=False)
    return Outcome(Check("largest ratio to the next harder task", largest_ratio(both, "covariance"), 1))


@LEDGER.claim(
    "Corollary 3.5", "the error grows with hardness",
    sentence="Read of any two tasks, the error itself, not the bound alone, grows with the hardness.",
    form="Pairs of random tasks of unit trace, D = 3, 300, n = 10 and 1000, k = 1 and 10: number where the error in long test prompts,"
         " finite.error_leading_order, of the harder is below that of the other: at most 0",
    kind="numerical", standing="reading",
)  # fmt: skip
def errors_of_harder_tasks():
    """Pairs in which the harder task has the lower error."""
    rng = np.random.default_rng(17)
    return Outcome(Check("pairs in the other order", sum(in_the_other_order(rng.dirichlet(np.ones(3), 2)) for _ in range(300)), 0))


def in_the_other_order(pair) -> bool:
    """Whether the harder of two tasks has the lower error, at some length and depth."""
    easier, harder = sorted(pair, key=lambda spectrum: spectrum.sum() / spectrum.min())
    lower, higher = (np.array([finite.error_leading_order(task, task, n_context=n, depth=10).values[[1, 10]] for n in (10, 1000)])
                     for task in (easier, harder))  # fmt: skip
    return bool((higher < lower).any())


@LEDGER.claim(
    "Corollary 3.5", "harder tasks need longer thought",
    sentence="To come below a target error, harder tasks need more thoughts.",
    form="Largest excess of the fewest thoughts that reach a target over those of the next harder task (one beyond the largest depth if"
         " it is not reached), over targets and training lengths of the experiment: at most 0",
    kind="numerical",
)  # fmt: skip
def thoughts_of_harder_tasks(scaling):
    """Fewest thoughts to each target, along hardness."""
    ends(scaling, "covariance")
    reached = (scaling.error <= scaling.target).transpose("covariance", ..., "k")
    fewest = np.where(reached.any("k"), reached.argmax("k"), scaling.sizes["k"])[np.argsort(scaling.hardness.values)]
    return Outcome(Check("largest excess of thoughts", float(np.max(fewest[:-1] - fewest[1:])), 0))


@LEDGER.claim(
    "Remark 3.5", "depth for context length",
    sentence="At a fixed test error, more thoughts allow for shorter training prompts.",
    form="Shortest training prompts that reach a target error in long test prompts: largest growth from one depth to the next, and, if"
         " larger, 1 plus the growth from k = 1 to the largest depth, in examples, over tasks and targets: at most 0",
    kind="numerical",
)  # fmt: skip
def depth_for_length(scaling):
    """Lengths that a target needs, along depth."""
    needed = scaling.context_needed.sel(k=slice(1, None)).transpose(..., "k").fillna(UNREACHED).values
    ends(scaling.context_needed.sel(k=slice(1, None)), "k")
    growth = worst([np.diff(needed).max(), (needed[..., -1] - needed[..., 0]).max() + 1])
    return Outcome(Check("largest growth of the length needed", growth, 0))
