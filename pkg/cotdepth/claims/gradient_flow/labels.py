"""Claims about GPT-2 on labels (slides of the gradient-flow paper, and the out-of-distribution prompts of Garg et al. that they show).

Errors are means over test prompts of models that were trained in the experiment: standard errors are over prompts, not over models.
What GPT-2 does is a reading, since models of the experiment are of other sizes than those of the slides.
"""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, NotRun, Outcome, worst, z_limit
from cotdepth.claims.reading import chosen, listed, pick
from cotdepth.label_theory import linear_attention_limit

LEDGER = Ledger("gradient-flow")
FALSE_ALARM = 1e-3
CLOSE = "Close is read as nearer to least squares than to the answer 0, in the longest prompts; means over prompts and seeds"


def gpt2(errors, **axes):
    """Mean error and its standard error of models trained on a law, over seeds, on (test_law, n_context_test)."""
    cells = chosen(errors, **axes).isel(cell=0).sel(model="gpt2")
    deviation = np.sqrt((cells.error_standard_error**2).mean("seed") / cells.sizes["seed"])
    return cells.error_mean.mean("seed"), deviation, int(cells.n_context)


def trained(errors) -> str:
    """The models behind a number: how many of each kind, and their training prompts."""
    lengths = sorted({int(n) for n in np.unique(listed(errors).n_context.values)})
    return f"{errors.sizes['seed']} trained for each law, on prompts of {', '.join(map(str, lengths))} examples"


def laws(errors, *wanted):
    """`NotRun` unless models were tested on these laws."""
    missing = [law for law in wanted if law not in errors.test_law.values]
    if missing:
        raise NotRun(f"needs tests on prompts of the law {', '.join(missing)}")


# --- random covariances -------------------------------------------------------------------------------------------


@LEDGER.claim(
    "Slides, random covariances", "limit of linear attention",
    sentence="Trained on random covariances, linear attention is left with an error however long the prompts, larger ones on scaled"
             " covariances.",
    form="Largest relative difference of the library's limit per dimension from E c lambda (1 - c lambda / 3)^2, lambda of law Exp(1), by"
         " quadrature: 1/3, 76/3 and 387 for c = 1, 4, 9",
    kind="exact",
)  # fmt: skip
def limit_of_linear_attention():
    """Limits on scaled random covariances, by quadrature."""
    nodes, masses = np.polynomial.laguerre.laggauss(8)

    def gap(scale, law):
        expected = masses @ (scale * nodes * (1 - scale * nodes / 3) ** 2)
        return abs(linear_attention_limit("random", law, 3) / expected - 1)

    laws_of = {1: "random", 4: "random-4", 9: "random-9"}
    return Outcome(Check("largest relative difference", worst(gap(*each) for each in laws_of.items()), 1e-12))


@LEDGER.claim(
    "Slides, random covariances", "GPT-2 where linear attention fails",
    sentence="Trained on random covariances, GPT-2 predicts well on such prompts, where linear attention is left with a third of the"
             " label.",
    form="Mean error of GPT-2 with learned positions, in prompts as long as in training, plus its standard error times the limit for a"
         f" false alarm of {FALSE_ALARM:g}, over the limit of linear attention in endless prompts",
    kind="statistical", standing="reading",
)  # fmt: skip
def where_linear_attention_fails(covariate_labels, covariate_limit):
    """The error of GPT-2 beside the limit of linear attention."""
    laws(covariate_labels, "random")
    mean, deviation, n = gpt2(covariate_labels, train_law="random", positions="learned")
    place = {"test_law": "random", "n_context_test": n}
    limit = chosen(covariate_limit, train_law="random").isel(cell=0).error.sel(test_law="random")
    high = pick(mean, **place) + z_limit(FALSE_ALARM) * deviation.sel(place)
    return Outcome(Check(f"upper end of the error over the limit, {trained(covariate_labels)}", float(high / limit), 1))


# --- prompts that are longer than in training ---------------------------------------------------------------------


def spikes(errors, train_law, test_law):
    """Errors in the shortest prompts longer than those in training and in those, and the standard error of their difference."""
    laws(errors, test_law)
    mean, deviation, n = gpt2(errors, train_law=train_law, positions="learned")
    longer = [length for length in mean.n_context_test.values if length > n]
    if not longer or n not in mean.n_context_test.values:
        raise NotRun(f"needs tests on prompts of {n} examples and of more")
    places = [{"test_law": test_law, "n_context_test": length} for length in (min(longer), n)]
    after, before = (float(mean.sel(place)) for place in places)
    return after, before, float(np.hypot(*(deviation.sel(place) for place in places)))


@LEDGER.claim(
    "Slides, longer prompts", "a spike",
    sentence="With learned positions the error rises as soon as prompts are longer than in training, for fixed and for random covariances.",
    form="Largest fall of the mean error from prompts as long as in training to the next longer ones, in standard errors over prompts (as"
         f" if of independent prompts, though they are the same ones), at most minus the limit for a false alarm of {FALSE_ALARM:g} over"
         " both",
    kind="statistical", standing="reading",
)  # fmt: skip
def spike(covariate_labels):
    """The rise of the error at the training length."""
    rises = [spikes(covariate_labels, law, law) for law in ("fixed", "random")]
    falls = [(before - after) / deviation for after, before, deviation in rises]
    return Outcome(Check(f"largest fall in standard errors, {trained(covariate_labels)}", worst(falls), -z_limit(FALSE_ALARM, 2)))


@LEDGER.claim(
    "Slides, longer prompts", "a smaller spike at higher variance",
    sentence="The spike seems smaller on prompts of higher variance.",
    form="Ratio of the errors beyond and at the training length on covariances times 9, over that ratio without the factor, models"
         " trained on random covariances",
    kind="numerical", standing="reading",
)  # fmt: skip
def smaller_spike(covariate_labels):
    """The factor of the spike on scaled prompts beside that on others."""
    ratios = [after / before for after, before, _ in (spikes(covariate_labels, "random", law) for law in ("random-9", "random"))]
    measure = f"factor of the spike at higher variance over that without, {trained(covariate_labels)}"
    return Outcome(Check(measure, ratios[0] / ratios[1], 1))


@LEDGER.claim(
    "Slides, longer prompts", "without positions",
    sentence="Without positional encodings the error on prompts that are longer than in training is smaller.",
    form="Largest ratio of mean errors without positions to those with learned ones, in the longest prompts, tested on the law of"
         " training, fixed and random",
    kind="numerical", standing="reading",
)  # fmt: skip
def without_positions(covariate_labels):
    """Errors in the longest prompts with and without positions."""
    def ratio(law):
        laws(covariate_labels, law)
        found = [gpt2(covariate_labels, train_law=law, positions=kind) for kind in ("none", "learned")]
        longest = int(found[0][0].n_context_test.max())
        if longest <= found[0][2]:
            raise NotRun("needs prompts that are longer than in training")
        bare, placed = (float(mean.sel(test_law=law, n_context_test=longest)) for mean, *_ in found)
        return bare / placed

    return Outcome(Check(f"largest ratio of errors, {trained(covariate_labels)}", worst(map(ratio, ("fixed", "random"))), 1))


# --- out-of-distribution prompts ----------------------------------------------------------------------------------


def closeness(errors, law) -> float:
    """Error of GPT-2 in the longest prompts over the mean of those of least squares and of the answer 0."""
    laws(errors, law)
    longest = int(errors.n_context_test.max())
    if longest < 8:
        raise NotRun(f"needs prompts of at least 8 examples, has {longest}")
    means = listed(errors).error_mean.sel(test_law=law, n_context_test=longest).mean(["cell", "seed"])
    return float(means.sel(model="gpt2") / (means.sel(model="least squares") + means.sel(model="zero")) * 2)


def close(errors, law) -> Outcome:
    """Whether the error is nearer to that of least squares."""
    return Outcome(Check(f"error over the mean of least squares' and the answer 0's, {trained(errors)}", closeness(errors, law), 1))


@LEDGER.claim(
    "Slides, other prompts", "label noise",
    sentence="With noise in the examples' labels the error of GPT-2 stays close to that of least squares.",
    form=f"Error of GPT-2 over the mean of those of least squares and of the answer 0. {CLOSE}",
    kind="numerical", standing="reading",
)  # fmt: skip
def label_noise(prompt_labels):
    """Noisy labels."""
    return close(prompt_labels, "noisy")


@LEDGER.claim(
    "Slides, other prompts", "one orthant",
    sentence="With all examples in one orthant the error of GPT-2 stays close to that of least squares.",
    form=f"Error of GPT-2 over the mean of those of least squares and of the answer 0. {CLOSE}",
    kind="numerical", standing="reading",
)  # fmt: skip
def one_orthant(prompt_labels):
    """Examples of one orthant."""
    return close(prompt_labels, "orthant")


@LEDGER.claim(
    "Slides, other prompts", "non-isotropic features, close",
    sentence="With non-isotropic features the error of GPT-2 stays close to that of least squares.",
    form=f"Error of GPT-2 over the mean of those of least squares and of the answer 0. {CLOSE}. The slide says this of all three shifts,"
         " and of this one also that it fails",
    kind="numerical", standing="reading",
)  # fmt: skip
def non_isotropic_close(prompt_labels):
    """Features of different variances, read as the caption has it."""
    return close(prompt_labels, "skewed")


@LEDGER.claim(
    "Slides, other prompts", "non-isotropic features, failure",
    sentence="With non-isotropic features GPT-2 fails.",
    form="Mean of the errors of least squares and of the answer 0 over that of GPT-2: fails is read as not close. Longest prompts; means"
         " over prompts and seeds",
    kind="numerical", standing="reading",
)  # fmt: skip
def non_isotropic_failure(prompt_labels):
    """Features of different variances, read as the panel's title has it."""
    measure = f"mean of least squares' and the answer 0's error over GPT-2's, {trained(prompt_labels)}"
    return Outcome(Check(measure, 1 / closeness(prompt_labels, "skewed"), 1))


@LEDGER.claim(
    "Slides, other prompts", "linear attention",
    sentence="Noise in labels is tolerated by the trained layer of linear attention in long prompts, other features and examples of one"
             " orthant are not.",
    form="Its limit in endless prompts with noise over the smaller of those for non-isotropic features and for one orthant, at most 1e-3",
    kind="numerical",
)  # fmt: skip
def linear_attention(prompt_limit):
    """Limits of linear attention under the three shifts."""
    laws(prompt_limit, "noisy", "skewed", "orthant")
    limits = [float(prompt_limit.error.sel(test_law=law).mean()) for law in ("noisy", "skewed", "orthant")]
    return Outcome(Check("limit with noise over the smaller of the others", limits[0] / min(limits[1:]), 1e-3))
