"""Claims about attention with all matrices trained, its errors (asymptotic paper, section 6 and figure 2).

A curve is the median over seeds of the median over prompts, with the paper's mask; it overthinks if in every seed the error at the end
lies above that of every seed at the best depth, which may be 0, as in the theory.
"""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.reading import cells, needs

LEDGER = Ledger("asymptotic")
DEPTH = 20        # the least that shows regimes


def curves(attention, model, guess="fresh"):
    """Datasets (n_context, k) by number of tasks, in rising order, at the lengths that each has."""
    needs(attention.k.max() >= DEPTH and "history" in attention.mask.values, f"depth {DEPTH} and the mask history")
    found = {}
    for each in cells(attention):
        if each.model.item() == model and guess in each.guess.values:
            shown = each.sel(mask="history", guess=guess).dropna("n_context", subset=["seed_median"], how="all")
            if shown.sizes["n_context"]:
                found[each.n_tasks.item()] = shown
    large = len(found) >= 3 and all(each.sizes["n_context"] >= 4 for each in found.values())
    needs(large, f"{model} attention at 3 numbers of tasks, 4 lengths, {guess} guesses")
    return dict(sorted(found.items()))


def overthinks(shown):
    """Which lengths overthink, (n_context,)."""
    return shown.seed_lowest.isel(k=-1) > shown.seed_highest.isel(k=shown.seed_median.argmin("k"))


def falls_first(shown):
    """Which lengths overthink after a gain, (n_context,)."""
    return overthinks(shown) & (shown.seed_median.argmin("k") > 0)


def dimension(attention_theory) -> int:
    """Of the features, by the task ratio M / D of layers with one guess for each task."""
    needs("fixed" in attention_theory.guess.values, "theory of layers with one guess for each task")
    found = attention_theory.n_tasks / attention_theory.task_ratio.sel(guess="fixed")
    sizes = np.unique(np.round(found.values[np.isfinite(found.values)]))
    needs(len(sizes) == 1, "one dimension")
    return int(sizes[0])


def ends(attention, model, guess):
    """Curves at the fewest and at the most tasks."""
    found = list(curves(attention, model, guess).values())
    return found[0], found[-1]


def _fewer(attention, model, guess):
    few, many = ends(attention, model, guess)
    difference = float(overthinks(many).mean() - overthinks(few).mean())
    return Check("fraction of lengths that overthink with the most tasks less that with the fewest", difference, -0.01)


@LEDGER.claim(
    "Figure 2A", "overthinking with few tasks, fresh guesses",
    sentence="In fully trained linear attention overthinking is more prominent when tasks are few.",
    form="Fraction of prompt lengths that overthink at the largest number of tasks less that at the smallest, below 0; fresh guesses,"
         " as in the paper",
    kind="numerical",
)  # fmt: skip
def few_tasks_fresh(attention):
    """Lengths counted, linear attention trained from fresh guesses."""
    return Outcome(_fewer(attention, "linear", "fresh"))


@LEDGER.claim(
    "Figure 2A", "overthinking with few tasks, one guess for each task",
    sentence="In fully trained linear attention overthinking is more prominent when tasks are few.",
    form="As the previous claim, with one first guess for each task, as the theory has it",
    kind="numerical",
)  # fmt: skip
def few_tasks_fixed(attention):
    """Lengths counted, linear attention trained from fixed guesses."""
    return Outcome(_fewer(attention, "linear", "fixed"))


@LEDGER.claim(
    "Figure 2C", "overthinking with few tasks",
    sentence="In softmax attention overthinking is more prominent when tasks are few.",
    form="Fraction of prompt lengths that overthink at the largest number of tasks less that at the smallest, below 0",
    kind="numerical",
)  # fmt: skip
def few_tasks_softmax(attention):
    """Lengths counted, softmax attention."""
    return Outcome(_fewer(attention, "softmax", "fresh"))


def _parted(attention, model):
    """With the most tasks, shortest prompts by their last half and longest ones by their end."""
    many = ends(attention, model, "fresh")[1].seed_median.sortby("n_context")
    drift, left = _drift(many.isel(n_context=0)), many.isel(n_context=-1, k=-1) / many.isel(n_context=-1, k=0)
    measure = "larger of 10 |log of the end over half the depth|, shortest prompts, and 10 times the end over the start, longest"
    return Check(measure, worst([10 * drift, 10 * left]), 1)


def _drift(shown) -> float:
    """How far the error moves in the last half of the depths: size of the log ratio."""
    return abs(float(np.log(shown.isel(k=-1) / shown.sel(k=int(shown.k.max()) // 2))))


PARTED = ("At the most tasks: with the shortest prompts the log of the error moves by at most 0.1 in the last half of the depths, and with"
          " the longest the error ends at a tenth of its start or below (a decade: a decay that a map in logs shows)")  # fmt: skip


@LEDGER.claim(
    "Figure 2A", "saturation and decay with many tasks",
    sentence="With many tasks short prompts saturate and long ones decay, in linear attention.",
    form=PARTED,
    kind="numerical",
)  # fmt: skip
def parted_linear(attention):
    """Ends of the curves with many tasks."""
    return Outcome(_parted(attention, "linear"))


@LEDGER.claim(
    "Figure 2C", "saturation and decay with many tasks",
    sentence="With many tasks short prompts saturate and long ones decay, in softmax attention.",
    form=PARTED,
    kind="numerical",
)  # fmt: skip
def parted_softmax(attention):
    """Ends of the curves with many tasks."""
    return Outcome(_parted(attention, "softmax"))


def _wider(attention, model, guess):
    few, many = (shown.seed_median.argmin("k").mean().item() for shown in ends(attention, model, guess))
    return Check("mean best depth over lengths, fewest tasks less most", few - many, -1)


@LEDGER.claim(
    "Section 6", "more tasks, longer thought, linear",
    sentence="Training on more tasks makes thought useful over a wider range of depths.",
    form="Best depth, averaged over prompt lengths, is larger by a step or more with the most tasks than with the fewest; linear"
         " attention, fresh guesses",
    kind="numerical",
)  # fmt: skip
def wider_linear(attention):
    """Best depths with few and many tasks."""
    return Outcome(_wider(attention, "linear", "fresh"))


@LEDGER.claim(
    "Section 6", "more tasks, longer thought, softmax",
    sentence="Training on more tasks makes thought useful over a wider range of depths.",
    form="Best depth, averaged over prompt lengths, is larger by a step or more with the most tasks than with the fewest; softmax"
         " attention",
    kind="numerical",
)  # fmt: skip
def wider_softmax(attention):
    """Best depths with few and many tasks."""
    return Outcome(_wider(attention, "softmax", "fresh"))


def _faster(attention, model, dim):
    many = ends(attention, model, "fresh")[1]
    many = many.sel(n_context=many.n_context >= dim)
    needs(many.sizes["n_context"] >= 3, f"three lengths of at least D = {dim}")
    good = many.error_median.where(many.reversed_directions == 0).median("seed")   # NaN where every seed is reversed
    measure = "largest change of log E_5 from one length to the next"
    return Outcome(*(Check(name, worst(np.diff(np.log(error.sel(k=5).values))), 0)
                     for name, error in ((measure, many.seed_median), (f"{measure}, good seeds", good))))


@LEDGER.claim(
    "Figure 2B", "longer prompts, faster decay",
    sentence="In the decay regime more examples accelerate the decay of linear attention's error.",
    form="log E_5 at the most tasks falls from each length of at least D to the next: largest change, at most 0; corrected: median"
         " over seeds without a reversed direction",
    kind="numerical",
    erratum="In seeds with a reversed direction, and they are the most with the longest prompts, the error is that of this direction.",
)  # fmt: skip
def faster_linear(attention, attention_theory):
    """Errors after five steps along the length."""
    return _faster(attention, "linear", dimension(attention_theory))


@LEDGER.claim(
    "Figure 2D", "longer prompts, faster decay",
    sentence="In the decay regime more examples accelerate the decay of softmax attention's error.",
    form="log E_5 at the most tasks falls from each length of at least D to the next: largest change, at most 0",
    kind="numerical",
)  # fmt: skip
def faster_softmax(attention, attention_theory):
    """Errors after five steps along the length."""
    return Outcome(_faster(attention, "softmax", dimension(attention_theory)).printed)


@LEDGER.claim(
    "Figure 2D", "softmax decays more gradually",
    sentence="Softmax attention's error decays more gradually than linear attention's.",
    form="At the largest number of tasks and the longest prompts that both have, fresh guesses: E_5 of linear attention over that of"
         " softmax, below 1",
    kind="numerical",
)  # fmt: skip
def gradual(attention):
    """Errors of both after five steps."""
    linear, softmax = (curves(attention, model) for model in ("linear", "softmax"))
    shared = [count for count in linear if count in softmax]
    needs(shared, "linear and softmax attention with the same number of tasks")
    pair = [found[max(shared)].seed_median.sel(k=5).dropna("n_context") for found in (linear, softmax)]
    lengths = np.intersect1d(*(each.n_context.values for each in pair))
    needs(lengths.size, "linear and softmax attention at the same length")
    first, second = (each.sel(n_context=lengths.max()).item() for each in pair)
    return Outcome(Check("E_5 of linear over E_5 of softmax", first / second, 1))


def _first_falling(attention, model, guesses):
    """How many curves overthink, and how many of these have gained something before."""
    shown = [each for guess in guesses for each in curves(attention, model, guess).values()]
    return (sum(int(count(each).sum()) for each in shown) for count in (overthinks, falls_first))


def _some(attention, model, guesses):
    overthinking, falling = _first_falling(attention, model, guesses)
    return Check(f"1 over the number of curves that first fall and then grow, of {overthinking} that overthink",
                 1 / falling if falling else np.inf, 1)  # fmt: skip


def _all(attention, model, guesses):
    overthinking, falling = _first_falling(attention, model, guesses)
    needs(overthinking, "a curve that overthinks")
    return Check(f"fraction of {overthinking} curves that overthink and are at their best at k = 0", 1 - falling / overthinking, 0)


@LEDGER.claim(
    "Figure 2B", "overthinking first falls",
    sentence="There is overthinking in which the error first falls and eventually grows.",
    form="Linear attention, either guesses: the number of curves, of all numbers of tasks and lengths, with a best depth above 0 and an"
         " end above it in every seed is not 0 (1 over the number)",
    kind="numerical",
)  # fmt: skip
def falls_then_grows(attention):
    """Curves that overthink counted."""
    return Outcome(_some(attention, "linear", ("fresh", "fixed")))


@LEDGER.claim(
    "Figure 2B", "all overthinking first falls",
    sentence="Read of all curves, not of those that are shown: in overthinking the error first falls and eventually grows.",
    form="Linear attention, either guesses: fraction of the curves with an end above their best depth, in every seed, that are at their"
         " best at depth 0: 0",
    kind="numerical", standing="reading",
)  # fmt: skip
def always_falls(attention):
    """Curves that overthink counted."""
    return Outcome(_all(attention, "linear", ("fresh", "fixed")))


@LEDGER.claim(
    "Figure 2D", "overthinking first falls",
    sentence="There is overthinking in which the error first falls and eventually grows.",
    form="Softmax attention: the number of curves, of all numbers of tasks and lengths, with a best depth above 0 and an end above it in"
         " every seed is not 0 (1 over the number)",
    kind="numerical",
)  # fmt: skip
def falls_then_grows_softmax(attention):
    """Curves that overthink counted."""
    return Outcome(_some(attention, "softmax", ("fresh",)))


@LEDGER.claim(
    "Figure 2D", "all overthinking first falls",
    sentence="Read of all curves, not of those that are shown: in overthinking the error first falls and eventually grows.",
    form="Softmax attention: fraction of the curves with an end above their best depth, in every seed, that are at their best at"
         " depth 0: 0",
    kind="numerical", standing="reading",
)  # fmt: skip
def always_falls_softmax(attention):
    """Curves that overthink counted."""
    return Outcome(_all(attention, "softmax", ("fresh",)))


def _flat(attention, model):
    drift = _drift(ends(attention, model, "fresh")[1].seed_median.sortby("n_context").isel(n_context=0))
    return Check("|log of the error at the end over that at half the depth|, shortest prompts", drift, 0.1)


@LEDGER.claim(
    "Figure 2B", "saturation is flat",
    sentence="In saturation the error of linear attention hardly changes after an initial period.",
    form="Shortest prompts, most tasks: size of the log of the error at the end over that at half the depth, at most 0.1",
    kind="numerical",
)  # fmt: skip
def flat_linear(attention):
    """The second half of a curve."""
    return Outcome(_flat(attention, "linear"))


@LEDGER.claim(
    "Figure 2D", "saturation is flat",
    sentence="In saturation the error of softmax attention hardly changes after an initial period.",
    form="Shortest prompts, most tasks: size of the log of the error at the end over that at half the depth, at most 0.1",
    kind="numerical",
)  # fmt: skip
def flat_softmax(attention):
    """The second half of a curve."""
    return Outcome(_flat(attention, "softmax"))


@LEDGER.claim(
    "Section 6", "overthinking below saturation",
    sentence="In the end overthinking can be worse than saturation with fewer examples.",
    form="Linear attention, either guesses: smallest over numbers of tasks of the error in the end at one length over that at a longer"
         " one, below 1",
    kind="numerical",
)  # fmt: skip
def worse_than_short(attention):
    """Errors in the end of pairs of lengths."""
    shown = [each for guess in ("fresh", "fixed") for each in curves(attention, "linear", guess).values()]
    ends_of = [each.seed_median.isel(k=-1).sortby("n_context").values for each in shown]
    pairs = [(error[short], error[long]) for error in ends_of for long in range(len(error)) for short in range(long)]
    ratios = [short / long for short, long in pairs if np.isfinite(short)]
    return Outcome(Check("smallest error in the end over that of longer prompts", min(ratios, default=np.nan), 1 - 1e-6))
