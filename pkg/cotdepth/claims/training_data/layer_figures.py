"""Claims about trained layers (training-data paper, figures 2a and 2b)."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.reading import pick
from cotdepth.claims.training_data.runs import FALSE_ALARM, FEWEST_FOR_NONE, RATE, below_zero, ends, enough_for_none, log_ratio
from cotdepth.theory import finite

LEDGER = Ledger("training-data")
READINGS = {  # statistic over test prompts, and how long these are; the paper states neither
    "mean, test prompts as long as training's": ("error_mean", "own"),
    "median, test prompts as long as training's": ("error_median", "own"),
    "mean, 20 examples in every test prompt": ("error_mean", 20),
    "mean, long test prompts": ("error_mean", "longest"),
}


def curves(tested, task, statistic, length):
    """Errors on (seed, k) for each length of training prompts, shortest first, of layers whose attention was held fixed."""
    chosen = pick(tested[statistic], train_covariance=task, trained="block")
    ends(chosen, "n_context")
    longest = chosen.n_context_test.values.max()
    lengths = {n: {"own": n, "longest": longest}.get(length, length) for n in np.sort(chosen.n_context.values)}
    return [pick(chosen, n_context=n, n_context_test=m).transpose("seed", "k") for n, m in lengths.items()]


def after(curve, thoughts):
    """Errors of the seeds after one thought ("one") or the most of the experiment ("most")."""
    return pick(curve, k=1 if thoughts == "one" else ends(curve, "k")[1])


def on_thinking(reading, statistic, length):
    """Whether thinking helps (figure 2a) and harms (figure 2b), in one reading."""

    @LEDGER.claim(
        "Figure 2a", f"thinking helps: {reading}",
        sentence="Trained and tested on isotropic prompts, linear attention has a lower error after more thoughts.",
        form=f"{reading}: logarithm of the error at the largest depth over that at one thought, below 0 at every training length;"
             f" {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def helps(tested):
        rows = [log_ratio(after(curve, "most"), after(curve, "one")) for curve in curves(tested, "isotropic", statistic, length)]
        return Outcome(below_zero(rows, "log of the error at the largest depth over that at one thought"))

    @LEDGER.claim(
        "Figure 2b", f"thinking harms: {reading}",
        sentence="Trained on prompts that lack directions of the isotropic test, linear attention has a higher error after more thoughts.",
        form=f"{reading}: logarithm of the error at one thought over that at the largest depth, below 0 at every training length;"
             f" {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def harms(tested):
        rows = [log_ratio(after(curve, "one"), after(curve, "most")) for curve in curves(tested, "skewed", statistic, length)]
        return Outcome(below_zero(rows, "log of the error at one thought over that at the largest depth"))


def on_length(reading, statistic, length):
    """Whether longer training prompts help (figure 2a) and harm (figure 2b), and what thinking replaces, in one reading."""

    @LEDGER.claim(
        "Figure 2a", f"longer training prompts help: {reading}",
        sentence="Where more thinking does not harm, longer training prompts lower the error.",
        form=f"{reading}: logarithm of the error at the longest training prompts over that at the shortest, below 0 at one thought and"
             f" at the largest depth; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def helps(tested):
        shortest, *_, longest = curves(tested, "isotropic", statistic, length)
        rows = [log_ratio(after(longest, thoughts), after(shortest, thoughts)) for thoughts in ("one", "most")]
        return Outcome(below_zero(rows, "log of the error at the longest training prompts over that at the shortest"))

    @LEDGER.claim(
        "Figure 2a", f"thinking replaces longer training prompts: {reading}",
        sentence="With more thinking a layer trained on shorter prompts reaches the error of one trained on longer prompts.",
        form=f"{reading}: logarithm of the lowest error over depths at the shortest training prompts over that after one thought at the"
             f" longest, below 0; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def replaces(tested):
        shortest, *_, longest = curves(tested, "isotropic", statistic, length)
        return Outcome(below_zero(log_ratio(shortest.min("k"), after(longest, "one")), "log of the ratio of errors"))

    @LEDGER.claim(
        "Figure 2b", f"longer training prompts harm: {reading}",
        sentence="Where thinking harms, longer training prompts raise the error.",
        form=f"{reading}: logarithm of the error at the shortest training prompts over that at the longest, at the largest depth, below"
             f" 0; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def harms(tested):
        shortest, *_, longest = curves(tested, "skewed", statistic, length)
        return Outcome(below_zero(log_ratio(after(shortest, "most"), after(longest, "most")), "log of the ratio of errors"))


for _reading, (_statistic, _length) in READINGS.items():
    on_thinking(_reading, _statistic, _length)
    on_length(_reading, _statistic, _length)


TRAIN = 1 / np.arange(1.0, 11)          # eigenvalues of figure 2b
TEST = np.full(10, TRAIN.mean())


def strongest(n) -> float:
    """Largest eigenvalue of ``Gamma^-1 Sigma`` of figure 2b, above 2 where thinking harms in long test prompts."""
    return float((TEST / ((1 + 1 / n) * TRAIN + TRAIN.sum() / n)).max())


@LEDGER.claim(
    "Figure 2b", "in the limit of long test prompts",
    sentence="Read of long test prompts, whose length the figure does not tell: at n = 10, 20 and 30 more thinking harms, with eigenvalues"
             " proportional to 1/i in training, d = 10, and an isotropic test of the same trace.",
    form="2 over the largest eigenvalue of Gamma^-1 Sigma, largest of the three lengths: at most 1",
    kind="numerical", standing="reading",
)  # fmt: skip
def long_test_prompts():
    """Largest eigenvalue of the ratio of test and training at the figure's lengths."""
    return Outcome(Check("2 over the largest eigenvalue", worst(2 / strongest(n) for n in (10, 20, 30)), 1))


@LEDGER.claim(
    "Figure 2b", "where overthinking starts",
    sentence="How long training prompts must be before thinking harms in long test prompts, which the paper does not tell.",
    form="Relative difference of finite.overthinking_length, 65.2 examples for the eigenvalues of figure 2b, from the length at which the"
         " largest eigenvalue of Gamma^-1 Sigma is 2, by bisection: at most 1e-9",
    kind="numerical", standing="open",
)  # fmt: skip
def overthinking_starts():
    """The library's length beside bisection."""
    start = brentq(lambda n: strongest(n) - 2, 1, 10**4, xtol=1e-12, rtol=1e-14)
    return Outcome(Check("relative difference of the length", abs(finite.overthinking_length(TRAIN, TEST) / start - 1), 1e-9))


@LEDGER.claim(
    "Equation A.1", "freedom of W_24, in trained layers",
    sentence="What holding W_24 fixed does to thinking, of which the paper does not speak: with W_24 trained too the error is larger.",
    form="Layers trained by Adam on isotropic prompts, in the longest test prompts at the largest depth: logarithm of the error with W held"
         f" fixed over that with all entries trained, below 0 at every training length; {RATE}",
    kind="statistical", standing="open",
)  # fmt: skip
def trained_attention(tested):
    """Errors with fixed attention beside those with all entries trained."""
    chosen = pick(tested.error_mean, train_covariance="isotropic")
    last = chosen.sel(n_context_test=chosen.n_context_test.values.max(), k=ends(chosen, "k")[1]).transpose("trained", "n_context", "seed")
    rows = log_ratio(pick(last, trained="block"), pick(last, trained="all"))
    return Outcome(below_zero(rows, "log of the error with fixed over all trained"))


@LEDGER.claim(
    "Proposition 3.2", "trained layers",
    sentence="The recursion (3.8) tells the error of the trained transformer after every thought.",
    form="Largest absolute standardised difference of the measured mean error from the exact mean under (3.8), with the least-squares"
         " layer of the training pool, in the longest test prompts, at every depth with a known mean, over its limit for a false-alarm rate"
         f" of 0.01 (t tests over at least {FEWEST_FOR_NONE} seeds): at most 1; the measure tells the difference that would be found",
    kind="statistical",
)  # fmt: skip
def trained_layers(layers):
    """Measured errors beside the exact mean of the recursion."""
    seeds = enough_for_none(layers.sizes.get("seed", 1))
    chosen = pick(layers, trained="block", n_context_test=layers.n_context_test.values.max()).sel(k=slice(1, None))
    z, relative = np.abs(chosen.pool_z), np.abs(chosen.error_mean / chosen.pool_theory - 1)
    found = z.values[chosen.pool_theory.notnull().values]
    limit = student.ppf(1 - FALSE_ALARM / (2 * max(found.size, 1)), seeds - 1)
    share = float((limit * relative / z.where(z > 0)).max())     # relative standard error times the limit
    return Outcome(Check(f"largest absolute t statistic over its limit; differences of {share:.2g} of the mean error would be found",
                         worst(found / limit), 1))  # fmt: skip


@LEDGER.claim(
    "Lemma A.1", "blocks that stay zero, in trained layers",
    sentence="From the paper's start, gradient descent moves no blocks but V_31 and W_24.",
    form="Layers of which all entries were trained by Adam on pools of prompts: largest absolute t statistic of an entry of V_32 or W_14,"
         " mean over seeds, over its limit for a false-alarm rate of 0.01 over all entries: at most 1 (one pool moves them by chance); at"
         f" least {FEWEST_FOR_NONE} seeds, and the measure tells the mean that would be found",
    kind="statistical",
)  # fmt: skip
def trained_zero_blocks(trained):
    """Means over pools of the entries that the population does not move."""
    seeds = enough_for_none(trained.sizes["seed"])
    layers = pick(trained, trained="all").transpose(..., "seed", "row", "col")
    labels, marker = layers.value_block.isel(col=-1).values, layers.marker_scores.isel(col=slice(None, -1)).values   # (..., seed, D)
    means = np.concatenate([block.mean(-2).ravel() for block in (labels, marker)])
    errors = np.concatenate([(block.std(-2, ddof=1) / np.sqrt(seeds)).ravel() for block in (labels, marker)])
    limit = student.ppf(1 - FALSE_ALARM / (2 * means.size), seeds - 1)
    with np.errstate(divide="ignore"):
        found = np.divide(np.abs(means), errors, out=np.zeros_like(means), where=means != 0)     # 0 where an entry never moved
    scale = np.abs(layers.value_block.isel(col=slice(None, -1)).values).max()
    return Outcome(Check("largest absolute t statistic over its limit; a mean of"
                         f" {limit * errors.max() / scale:.2g} of the largest entry of V_31 would be found",
                         worst(found / limit), 1))  # fmt: skip
