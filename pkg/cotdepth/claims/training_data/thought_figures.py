"""Claims about training with thought (training-data paper, figures 2c and 2d of GPT-2 and 4a to 4c of linear attention)."""

import numpy as np

from cotdepth.claims.claim import Ledger, NotRun, Outcome
from cotdepth.claims.reading import pick
from cotdepth.claims.training_data.runs import RATE, below_zero, ends, log_ratio, log_ratio_by_seed, noted, setting

LEDGER = Ledger("training-data")
PAPER = {"layers": 12, "heads": 8, "width": 256, "dim": 10, "steps": 20000}   # section 5
STANDINGS = {"stated": "", "reading": ", smaller models"}   # that models of any size tell of the paper's is a reading
SIZES = {"stated": "models as large as the paper's or larger", "reading": "models of the experiment's size, in the measure"}
RATIO = "log of the ratio of errors"
AVERAGED = "averaged over both ways of supervision within a seed, which they share, and tested over seeds"


def gpt2(thought, task, length):
    """Median errors of GPT-2s on (seed, k), in prompts of one length ("shortest" or "longest") or of all, (length, seed, k)."""
    chosen = pick(thought.error_median, train_covariance=task)
    chosen = chosen.isel(n_context=int(chosen.n_context.values.argmax())) if "n_context" in chosen.dims else chosen
    shortest, longest = ends(chosen, "n_context_test")
    chosen = chosen if length == "all" else chosen.sel(n_context_test=shortest if length == "shortest" else longest)
    return chosen.transpose(..., "seed", "k")


def within(curves, thought):
    """Growth of the logarithm of the error from one thought to the depth of training."""
    return log_ratio(pick(curves, k=int(thought.train_depth)), pick(curves, k=1))


def beyond(curves, thought):
    """The same from the depth of training to the largest."""
    return log_ratio(pick(curves, k=ends(curves, "k")[1]), pick(curves, k=int(thought.train_depth)))


def decide(rows, thought, standing):
    """Whether all are below 0, with the models' sizes; NotRun if what is stated is asked of models smaller than the paper's."""
    sizes = {name: setting(thought, name) for name in PAPER}
    if standing == "stated" and any(sizes[name] < PAPER[name] for name in PAPER):
        raise NotRun(f"needs {in_words(PAPER)}; has {in_words(sizes)}")
    return Outcome(noted(below_zero(rows, RATIO), in_words(sizes)))


def in_words(sizes) -> str:
    """Sizes by name."""
    return ", ".join(f"{name} {size:g}" for name, size in sizes.items())


def on_help(standing):
    """Whether thinking and longer prompts help GPT-2."""

    @LEDGER.claim(
        "Figure 2c", f"thinking helps{STANDINGS[standing]}",
        sentence="A GPT-2 trained to think on isotropic prompts has a lower error after more thoughts.",
        form="Logarithm of the median error over test prompts at the depth of training over that at one thought, below 0 at every prompt"
             f" length; {SIZES[standing]}; {RATE}",
        kind="statistical", standing=standing,
    )  # fmt: skip
    def thinking_helps(thought):
        return decide(within(gpt2(thought, "isotropic", "all"), thought), thought, standing)

    @LEDGER.claim(
        "Figure 2c", f"longer prompts help{STANDINGS[standing]}",
        sentence="Where GPT-2 does not overthink, longer prompts lower the error.",
        form="Isotropic task: logarithm of the median error in the longest prompts over that in the shortest, below 0 at one thought and"
             f" at the depth of training; {SIZES[standing]}; {RATE}",
        kind="statistical", standing=standing,
    )  # fmt: skip
    def longer_prompts_help(thought):
        longest, shortest = (gpt2(thought, "isotropic", length) for length in ("longest", "shortest"))
        rows = [log_ratio(pick(longest, k=k), pick(shortest, k=k)) for k in (1, int(thought.train_depth))]
        return decide(rows, thought, standing)


def on_overthinking(standing, length):
    """Whether GPT-2 overthinks in short or in long prompts."""

    @LEDGER.claim(
        "Figure 2d", f"thinking harms, {length} prompts{STANDINGS[standing]}",
        sentence="Trained on prompts that lack directions of the isotropic test, GPT-2 has a higher error after more thoughts.",
        form=f"{length} prompts, the contrast of figure 2c: logarithm of the median error at one thought over that at the depth of"
             f" training, below 0; {SIZES[standing]}; {RATE}",
        kind="statistical", standing=standing,
    )  # fmt: skip
    def harms(thought):
        return decide(-within(gpt2(thought, "skewed", length), thought), thought, standing)

    @LEDGER.claim(
        "Figure 2d", f"thinking harms beyond the depth of training, {length} prompts{STANDINGS[standing]}",
        sentence="The error grows with further thoughts because directions of the test lacked in training.",
        form=f"{length} prompts, logarithm of the median error at the largest depth over that at the depth of training: minus itself, and"
             " the isotropic model's, which lacks none, less it, by seed, both below 0;"
             f" {SIZES[standing]}; {RATE}",
        kind="statistical", standing=standing,
    )  # fmt: skip
    def harms_more(thought):
        skewed, isotropic = (beyond(gpt2(thought, task, length), thought) for task in ("skewed", "isotropic"))
        return decide([-skewed, isotropic - skewed], thought, standing)


def on_harmful_length(standing):
    """Whether longer prompts harm GPT-2 that overthinks."""

    @LEDGER.claim(
        "Figure 2d", f"longer prompts harm{STANDINGS[standing]}",
        sentence="Where GPT-2 overthinks, longer prompts raise the error.",
        form="Skewed task, largest depth: logarithm of the median error in the shortest prompts over that in the longest, below 0 (one"
             f" model for all lengths); {SIZES[standing]}; {RATE}",
        kind="statistical", standing=standing,
    )  # fmt: skip
    def longer_prompts_harm(thought):
        longest, shortest = (gpt2(thought, "skewed", length) for length in ("longest", "shortest"))
        last = ends(longest, "k")[1]
        return decide(log_ratio(pick(shortest, k=last), pick(longest, k=last)), thought, standing)


for _standing in STANDINGS:
    on_help(_standing)
    on_overthinking(_standing, "shortest")
    on_overthinking(_standing, "longest")
    on_harmful_length(_standing)


def chain_errors(chains, task, depth):
    """Mean errors at the end of training with ``depth`` thoughts, (n_context, supervision, seed, k), lengths and seeds of the task."""
    chosen = pick(chains.error_mean, train_covariance=task, train_depth=depth).isel(step=-1)
    return chosen.transpose("n_context", "supervision", "seed", "k").dropna("n_context", how="all").dropna("seed", how="all")


def decide_chains(rows, chains):
    """Whether all are below 0, with the number of seeds and the length of training."""
    return Outcome(noted(below_zero(rows, RATIO), f"{np.shape(rows)[-1]} seeds, {int(chains.step[-1])} steps of training"))


def on_training_depth(number, depth):
    """Whether longer prompts help linear attention trained with this many thoughts."""

    @LEDGER.claim(
        number, "longer prompts help",
        sentence=f"Trained with {depth} thoughts from a random start, linear attention has a lower error with longer prompts.",
        form="Logarithm of the mean error, at the depth and end of training, with the longest prompts over that with the shortest, below 0;"
             f" {AVERAGED}; {RATE}",
        kind="statistical",
    )  # fmt: skip
    def longer_prompts_help(chains):
        errors = pick(chain_errors(chains, "isotropic", depth), k=depth)
        shortest, longest = ends(errors, "n_context")
        return decide_chains(log_ratio_by_seed(errors.sel(n_context=longest, drop=True), errors.sel(n_context=shortest, drop=True)), chains)


on_training_depth("Figure 4a", 2)
on_training_depth("Figure 4b", 4)


@LEDGER.claim(
    "Figure 4b", "thinking replaces longer prompts",
    sentence="With more thoughts a fixed error is reached with shorter prompts.",
    form="Logarithm of the mean error with 4 thoughts, in training and test, over that with 2 thoughts and the next longer prompts, below 0"
         f" for every pair of lengths; {AVERAGED}; {RATE}",
    kind="statistical",
)  # fmt: skip
def thinking_replaces_prompts(chains):
    """Errors of longer thought beside those of longer prompts."""
    more, fewer = (pick(chain_errors(chains, "isotropic", depth), k=depth).sortby("n_context") for depth in (4, 2))
    ends(more, "n_context")
    pairs = [(more.isel(n_context=i, drop=True), fewer.isel(n_context=i + 1, drop=True)) for i in range(more.sizes["n_context"] - 1)]
    return decide_chains([log_ratio_by_seed(*pair) for pair in pairs], chains)


@LEDGER.claim(
    "Figure 4c", "thinking harms",
    sentence="Trained on prompts that lack directions of the isotropic test, linear attention has a higher error after more thoughts.",
    form="Logarithm of the mean error at 2 thoughts over that at 4, at the end of training, below 0; averaged over both depths of"
         f" training and {AVERAGED}; {RATE}",
    kind="statistical",
)  # fmt: skip
def thinking_harms(chains):
    """Errors at two thoughts beside those at four, of every model."""
    errors = [chain_errors(chains, "skewed", depth) for depth in (2, 4)]
    return decide_chains(np.mean([log_ratio_by_seed(pick(error, k=2), pick(error, k=4)) for error in errors], axis=0), chains)


@LEDGER.claim(
    "Figure 4c", "training with more thoughts harms",
    sentence="Trained and tested with 4 thoughts on a task that lacks directions of the test, the error is higher than with 2.",
    form="Logarithm of the mean error, at the depth and end of training, with 2 thoughts over that with 4, below 0;"
         f" {AVERAGED}; {RATE}",
    kind="statistical",
)  # fmt: skip
def training_harms(chains):
    """Errors of models trained with two thoughts beside those with four."""
    fewer, more = (pick(chain_errors(chains, "skewed", depth), k=depth) for depth in (2, 4))
    return decide_chains(log_ratio_by_seed(fewer, more), chains)
