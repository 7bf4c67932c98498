"""Claims about training with thought (training-data paper, figures 2c and 2d of GPT-2 and 4a to 4c of linear attention)."""

import numpy as np

from cotdepth.claims.claim import Ledger, Outcome
from cotdepth.claims.training_data.runs import RATE, below_zero, ends, log_ratio, pick

LEDGER = Ledger("training-data")


def gpt2(thought, task, length):
    """Median errors of GPT-2s on (seed, k), in prompts of one length ("shortest" or "longest") or of all, (length, seed, k)."""
    chosen = pick(thought.error_median, train_covariance=task)
    chosen = chosen.isel(n_context=int(chosen.n_context.values.argmax())) if "n_context" in chosen.dims else chosen
    shortest, longest = ends(chosen, "n_context_test")
    chosen = chosen if length == "all" else chosen.sel(n_context_test=shortest if length == "shortest" else longest)
    return chosen.transpose(..., "seed", "k")


@LEDGER.claim(
    "Figure 2c", "thinking helps",
    sentence="A GPT-2 trained to think on isotropic prompts has a lower error after more thoughts.",
    form="Logarithm of the median error over test prompts at the depth of training over that at one thought, below 0 at every prompt"
         f" length; {RATE}",
    kind="statistical",
)  # fmt: skip
def gpt2_thinking_helps(thought):
    """Errors at the depth of training beside one thought."""
    curves = gpt2(thought, "isotropic", "all")
    rows = log_ratio(pick(curves, k=int(thought.train_depth)), pick(curves, k=1))
    return Outcome(below_zero(rows, "log of the ratio of errors"))


@LEDGER.claim(
    "Figure 2c", "longer prompts help",
    sentence="Where GPT-2 does not overthink, longer prompts lower the error.",
    form="Isotropic task: logarithm of the median error in the longest prompts over that in the shortest, below 0 at one thought and at the"
         f" depth of training; {RATE}",
    kind="statistical",
)  # fmt: skip
def gpt2_longer_prompts_help(thought):
    """Errors in long prompts beside those in short ones."""
    longest, shortest = (gpt2(thought, "isotropic", length) for length in ("longest", "shortest"))
    rows = [log_ratio(pick(longest, k=k), pick(shortest, k=k)) for k in (1, int(thought.train_depth))]
    return Outcome(below_zero(rows, "log of the ratio of errors"))


def on_overthinking(length):
    """Whether GPT-2 overthinks in short or in long prompts."""

    @LEDGER.claim(
        "Figure 2d", f"thinking harms, {length} prompts",
        sentence="Trained on prompts that lack directions of the isotropic test, GPT-2 has a higher error after more thoughts.",
        form=f"{length} prompts: logarithm of the median error at the depth of training over that at the largest depth, below 0; {RATE}",
        kind="statistical",
    )  # fmt: skip
    def harms(thought):
        curve = gpt2(thought, "skewed", length)
        rows = log_ratio(pick(curve, k=int(thought.train_depth)), pick(curve, k=ends(curve, "k")[1]))
        return Outcome(below_zero(rows, "log of the ratio of errors"))


on_overthinking("shortest")
on_overthinking("longest")


@LEDGER.claim(
    "Figure 2d", "longer prompts harm",
    sentence="Where GPT-2 overthinks, longer prompts raise the error.",
    form="Skewed task, largest depth: logarithm of the median error in the shortest prompts over that in the longest, below 0 (one model"
         f" for all lengths); {RATE}",
    kind="statistical",
)  # fmt: skip
def gpt2_longer_prompts_harm(thought):
    """Errors in short prompts beside those in long ones, at the largest depth."""
    longest, shortest = (gpt2(thought, "skewed", length) for length in ("longest", "shortest"))
    last = ends(longest, "k")[1]
    return Outcome(below_zero(log_ratio(pick(shortest, k=last), pick(longest, k=last)), "log of the ratio of errors"))


def chain_errors(chains, task, depth):
    """Mean errors at the end of training with ``depth`` thoughts, (n_context, supervision, seed, k)."""
    chosen = pick(chains.error_mean, train_covariance=task, train_depth=depth).isel(step=-1)
    return chosen.transpose("n_context", "supervision", "seed", "k").dropna("n_context", how="all")


def on_training_depth(number, depth):
    """Whether longer prompts help linear attention trained with this many thoughts."""

    @LEDGER.claim(
        number, "longer prompts help",
        sentence=f"Trained with {depth} thoughts from a random start, linear attention has a lower error with longer prompts.",
        form="Logarithm of the mean error, at the depth and end of training, with the longest prompts over that with the shortest, below 0;"
             f" runs are seeds and both ways of supervision; {RATE}",
        kind="statistical",
    )  # fmt: skip
    def longer_prompts_help(chains):
        errors = pick(chain_errors(chains, "isotropic", depth), k=depth)
        shortest, longest = ends(errors, "n_context")
        rows = log_ratio(errors.sel(n_context=longest), errors.sel(n_context=shortest)).ravel()
        return Outcome(below_zero(rows, "log of the ratio of errors"))


on_training_depth("Figure 4a", 2)
on_training_depth("Figure 4b", 4)


@LEDGER.claim(
    "Figure 4b", "thinking replaces longer prompts",
    sentence="With more thoughts a fixed error is reached with shorter prompts.",
    form="Logarithm of the mean error with 4 thoughts, in training and test, over that with 2 thoughts and the next longer prompts, below 0"
         f" for every pair of lengths; runs are seeds and both ways of supervision; {RATE}",
    kind="statistical",
)  # fmt: skip
def thinking_replaces_prompts(chains):
    """Errors of longer thought beside those of longer prompts."""
    more, fewer = (pick(chain_errors(chains, "isotropic", depth), k=depth).sortby("n_context") for depth in (4, 2))
    ends(more, "n_context")
    rows = [log_ratio(more.isel(n_context=i), fewer.isel(n_context=i + 1)).ravel() for i in range(more.sizes["n_context"] - 1)]
    return Outcome(below_zero(rows, "log of the ratio of errors"))


@LEDGER.claim(
    "Figure 4c", "thinking harms",
    sentence="Trained on prompts that lack directions of the isotropic test, linear attention has a higher error after more thoughts.",
    form="Logarithm of the mean error at 2 thoughts over that at 4, at the end of training, below 0; runs are seeds, both ways of"
         f" supervision and both depths of training; {RATE}",
    kind="statistical",
)  # fmt: skip
def thinking_harms(chains):
    """Errors at two thoughts beside those at four, of every model."""
    errors = [chain_errors(chains, "skewed", depth) for depth in (2, 4)]
    rows = np.concatenate([log_ratio(pick(error, k=2), pick(error, k=4)).ravel() for error in errors])
    return Outcome(below_zero(rows, "log of the ratio of errors"))


@LEDGER.claim(
    "Figure 4c", "training with more thoughts harms",
    sentence="Trained and tested with 4 thoughts on a task that lacks directions of the test, the error is higher than with 2.",
    form="Logarithm of the mean error, at the depth and end of training, with 2 thoughts over that with 4, below 0; runs are seeds and both"
         f" ways of supervision; {RATE}",
    kind="statistical",
)  # fmt: skip
def training_harms(chains):
    """Errors of models trained with two thoughts beside those with four."""
    fewer, more = (pick(chain_errors(chains, "skewed", depth), k=depth) for depth in (2, 4))
    return Outcome(below_zero(log_ratio(fewer, more).ravel(), "log of the ratio of errors"))
