"""Claims about the choice of tasks in the paper's setting (training-data paper, figures 3a and 3b, eqs. 4.4 and 4.5)."""

import numpy as np
from scipy.stats import spearmanr

from cotdepth.claims.claim import Ledger, NotRun, Outcome
from cotdepth.claims.reading import pick
from cotdepth.claims.training_data.runs import RATE, below_zero, ends, log_ratio, noted, setting

LEDGER = Ledger("training-data")
SETTING = "types Easy-Short, Hard-Short, Easy-Long, Hard-Long (decay 0.2 or 0.8, support short or long) and a hard target"
READINGS = {  # of "randomizing the eigenbases and the support"
    "independent": "each task has random eigenvectors of its own",
    "shuffled": "one common eigenbasis, in which each task has its eigenvalues in random order",
    "aligned": "one common eigenbasis and random support, eigenvalues in the order of the target's",
}
LONG_ENOUGH = 10   # n / d, of "d << n"
LENGTH = f"training prompts of n >= {LONG_ENOUGH} d examples, for (4.5) takes n to be far above d"
NO_WORSE = 1.05   # ratio of errors
SHORT = "training prompts of the experiment's length, which may be below d"
MIXTURES = {"prompt": "each training prompt has one task", "example": "each training example has a task of its own"}
TYPES = ("easy-short", "hard-short", "easy-long", "hard-long")
AT_THE_END = "logarithm of the error on the target in long test prompts at the largest depth"
PAIRS = {
    "harder": [("easy-short", "hard-short"), ("easy-long", "hard-long")],
    "more diverse": [("easy-short", "easy-long"), ("hard-short", "hard-long")],
}


def differences(probability, pairs):
    """Mean probability of a task of the first type less that of the second, (pairs, seeds)."""
    return [(pick(probability, type=first) - pick(probability, type=second)).values for first, second in pairs]


def on_order(reading, meaning, word):
    """Whether harder, or more diverse, tasks get more probability by (4.5), in one reading."""

    @LEDGER.claim(
        "Figure 3a", f"{word} tasks get more, {reading}",
        sentence=f"By (4.5), {word} tasks are selected with higher probability.",
        form=f"{meaning}; {SETTING}: mean probability of the two types that are not {word}, less that of the two that are, below 0 for"
             f" both; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def order(selected):
        chosen = pick(selected.type_probability, reading=reading)
        return Outcome(below_zero(differences(chosen, PAIRS[word]), "difference of probabilities"))


def on_hardness(reading, meaning):
    """Whether probability grows with the measure of hardness, over tasks and over types, in one reading."""

    @LEDGER.claim(
        "Figure 3b", f"favoured over all tasks, {reading}",
        sentence="The probability of a task is positively related to its hardness.",
        form=f"{meaning}; {SETTING}: minus the rank correlation of probability and hardness over all tasks, below 0; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def correlation(selected):
        chosen = pick(selected, reading=reading)
        found = [-spearmanr(chosen.hardness.values, drawn.values).statistic for drawn in chosen.probability.transpose("seed", "task")]
        return Outcome(below_zero(found, "minus the rank correlation"))

    @LEDGER.claim(
        "Figure 3b", f"favoured from type to type, {reading}",
        sentence="Of two types the one with the larger hardness has the larger probability.",
        form=f"{meaning}; {SETTING}: mean probability of each type less that of the next harder, below 0 for all three; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def monotone(selected):
        chosen = pick(selected, reading=reading)
        hardness = [chosen.hardness.values[chosen.task_type.values == name].mean() for name in chosen.type.values]
        ordered = chosen.type.values[np.argsort(hardness)]
        steps = zip(ordered[:-1], ordered[1:])
        return Outcome(below_zero(differences(chosen.type_probability, steps), "difference of probabilities"))


def on_gain(reading, mixture):
    """What the selection is worth on the target, in one reading and one kind of mixture, where training prompts are long."""
    case = f"{reading}, one task per {mixture}"

    @LEDGER.claim(
        "Equation 4.5", f"better than all tasks alike, {case}",
        sentence="Training on the tasks that (4.5) selects serves the target better than training on all tasks alike.",
        form=f"{READINGS[reading]}; {MIXTURES[mixture]}; {LENGTH}: {AT_THE_END}, over that after training on all alike, below 0; {RATE}",
        kind="statistical",
    )  # fmt: skip
    def than_uniform(exact_target):
        return gain(in_long_prompts(exact_target), reading, mixture, ["uniform"])

    @LEDGER.claim(
        "Equation 4.5", f"better than one type alone, {case}",
        sentence="Training on the tasks that (4.5) selects gives the best error on the target, read as a lower one than each type alone.",
        form=f"{READINGS[reading]}; {MIXTURES[mixture]}; {LENGTH}: {AT_THE_END}, over that after training on each of the four types alone,"
             f" below 0 for all four; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def than_one_type(exact_target):
        return gain(in_long_prompts(exact_target), reading, mixture, TYPES)


def on_gain_in_short_prompts(reading, mixture):
    """The same read without the premise that training prompts are long."""
    case = f"{reading}, one task per {mixture}"

    @LEDGER.claim(
        "Equation 4.5", f"better than all tasks alike, short prompts, {case}",
        sentence="Read without its premise d << n: the tasks that (4.5) selects serve the target better than all tasks alike.",
        form=f"{READINGS[reading]}; {MIXTURES[mixture]}; {SHORT}: {AT_THE_END}, over that after training on all alike, below 0; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def than_uniform(target):
        return gain(target, reading, mixture, ["uniform"])

    @LEDGER.claim(
        "Equation 4.5", f"better than one type alone, short prompts, {case}",
        sentence="Read without its premise d << n: the tasks that (4.5) selects give the best error on the target.",
        form=f"{READINGS[reading]}; {MIXTURES[mixture]}; {SHORT}: {AT_THE_END}, over that after training on each of the four types alone,"
             f" below 0 for all four; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def than_one_type(target):
        return gain(target, reading, mixture, TYPES)


def in_long_prompts(target):
    """Errors after training on what (4.5) selects, where training prompts are as long as it assumes; NotRun, naming the sizes, if not."""
    n, dim = setting(target, "n_context"), setting(target, "dim")
    if n < LONG_ENOUGH * dim:
        raise NotRun(f"needs training prompts of n >= {LONG_ENOUGH} d = {LONG_ENOUGH * dim}, has n = {n:g}")
    return pick(target, objective="surrogate")


def gain(target, reading, mixture, others):
    """Whether what is selected serves the target better than each of other choices, at the largest depth."""
    chosen = pick(target.error, reading=reading, mixture=mixture)
    last = chosen.sel(k=ends(chosen, "k")[1])
    rows = [log_ratio(pick(last, model="selected"), pick(last, model=name)) for name in others]
    return Outcome(noted(below_zero(rows, "log of the ratio of errors"), sizes(target)))


def sizes(target) -> str:
    """Length of training prompts and dimension, in words."""
    return f"n = {setting(target, 'n_context'):g}, d = {setting(target, 'dim'):g}"


def on_exact(reading, mixture):
    """Whether (4.5) does as well as (4.4), and whether (4.4) prefers hard and diverse tasks."""
    objective = f"exact-2-{mixture}"

    @LEDGER.claim(
        "Equation 4.5", f"no worse than (4.4), {reading}, one task per {mixture}",
        sentence="Read as a replacement without loss: the tasks that (4.5) selects serve the target no worse than those by (4.4).",
        form=f"{READINGS[reading]}; {MIXTURES[mixture]}; {LENGTH}: logarithm of the error on the target after two thoughts, tasks"
             f" selected by (4.5), over that with tasks selected by (4.4) for two thoughts, below log({NO_WORSE:g});"
             f" {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def no_worse(exact_target):
        approximate = in_long_prompts(exact_target)
        errors = [pick(chosen.error, reading=reading, mixture=mixture, k=2, model="selected")
                  for chosen in (approximate, pick(exact_target, objective=objective))]  # fmt: skip
        worse = log_ratio(*errors) - np.log(NO_WORSE)
        return Outcome(noted(below_zero(worse, f"log of the ratio of errors over {NO_WORSE:g}"), sizes(exact_target)))

    for word in PAIRS:
        on_exact_order(reading, mixture, objective, word)


def on_exact_order(reading, mixture, objective, word):
    """Whether (4.4) prefers harder, or more diverse, tasks."""

    @LEDGER.claim(
        "Equation 4.4", f"{word} tasks get more, {reading}, one task per {mixture}",
        sentence=f"The objective (4.4) favours {word} tasks for a hard target.",
        form=f"{READINGS[reading]}; {MIXTURES[mixture]}; {SETTING}; two thoughts: mean probability of the two types that are not {word},"
             f" less that of the two that are, below 0 for both; {RATE}",
        kind="statistical", standing="reading",
    )  # fmt: skip
    def order(exact_selected):
        chosen = pick(exact_selected.type_probability, reading=reading, objective=objective)
        return Outcome(below_zero(differences(chosen, PAIRS[word]), "difference of probabilities"))


for _reading, _meaning in READINGS.items():
    for _word in PAIRS:
        on_order(_reading, _meaning, _word)
    on_hardness(_reading, _meaning)
    for _mixture in MIXTURES:
        on_gain_in_short_prompts(_reading, _mixture)
for _reading in ("shuffled", "aligned"):
    for _mixture in MIXTURES:
        on_gain(_reading, _mixture)
        on_exact(_reading, _mixture)
