"""What a deterministic equivalent is asked: training families, a test prompt and a fit, checked and reduced.

Several families are given as lists; a scalar holds for all of them.
"""

import warnings
from typing import NamedTuple

import numpy as np

from cotdepth.checks import shares_argument
from cotdepth.covariance import as_covariance
from cotdepth.theory.equivalent_algebra import Blocks, Spectra, reduced
from cotdepth.theory.population import context_argument

OUTLIER = 0.1  # share of a trace in one eigenvalue, from which the trace is not a sum of many comparable terms


class Family(NamedTuple):
    """Training tasks that share a covariance, a context length and a noise; matrices as elements of the algebra."""

    share: float
    features: np.ndarray  # Lambda
    second: np.ndarray  # C = E[b b^T] = (1 + 1/L) Lambda^2 + (tr Lambda + s^2)/L Lambda
    second_root: np.ndarray
    noise_root: np.ndarray  # of C - Lambda^2


class Problem(NamedTuple):
    """One error curve's worth of arguments."""

    algebra: Spectra | Blocks
    dim: float
    families: list[Family]
    unseen: np.ndarray  # projector onto directions without training features, for a ridgeless fit; else 0
    test: np.ndarray
    test_root: np.ndarray
    per_task: float  # 1/M
    per_test_example: float  # 1/L_te
    penalty: float  # ridge/2
    step_size: float


def problem(
    train_covariance, test_covariance, *, train_context, test_context, n_tasks, label_noise=0.0, shares=None, ridge=0.0, step_size=1.0
) -> Problem:
    """The arguments of `cotdepth.theory.equivalents.error_curve`, checked; ValueError for what is out of range."""
    training, count = _families(train_covariance, train_context, label_noise, shares)
    train = [as_covariance(value, name=name) for name, value in training]
    test = as_covariance(test_covariance, name="test_covariance")
    for (name, _), covariance in zip(training, train):
        if covariance.dim != test.dim:
            raise ValueError(f"{name} has {covariance.dim} features, test_covariance {test.dim}: must be equal")
    contexts = [context_argument(name, value) for name, value in _each("train_context", train_context, count)]
    noises = [number_argument(name, value, 0) for name, value in _each("label_noise", label_noise, count)]
    test_context, tasks = context_argument("test_context", test_context), _tasks(n_tasks)
    shares = _shares(shares, count)
    train = train * count if len(train) == 1 else train
    if min(tasks, test_context) < np.inf:
        _warn_of_outliers(dict(zip((name for name, _ in training), train)) | {"test_covariance": test})
    algebra, (*features, test) = reduced([*train, test])
    ridge, step_size = number_argument("ridge", ridge, 0), number_argument("step_size", step_size, 0, open_end=True)
    found = assembled(
        algebra,
        features,
        test,
        contexts=contexts,
        noises=noises,
        shares=shares,
        n_tasks=tasks,
        test_context=test_context,
        ridge=ridge,
        step_size=step_size,
    )
    _check_tasks(tasks, found)
    return found


def assembled(algebra, features, test, *, contexts, noises, shares, n_tasks, test_context, ridge, step_size) -> Problem:
    """A problem from elements of an algebra: one of `features`, `contexts`, `noises` and `shares` for each family."""
    families = [_family(algebra, *family) for family in zip(shares, features, contexts, noises)]
    return Problem(
        algebra=algebra,
        dim=float(algebra.counts.sum()),
        families=families,
        unseen=_unseen(algebra, families, ridge),
        test=test,
        test_root=algebra.function(test, np.sqrt),
        per_task=1 / n_tasks,
        per_test_example=1 / test_context,
        penalty=ridge / 2,
        step_size=step_size,
    )


def with_shares(asked: Problem, shares) -> Problem:
    """The same problem with other shares, (T,), of its families; those of share 0 are left out."""
    families = [family._replace(share=float(share)) for share, family in zip(shares, asked.families, strict=True) if share > 0]
    return asked._replace(families=families, unseen=_unseen(asked.algebra, families, asked.penalty))


def _unseen(algebra, families, penalty):
    seen = sum(family.share * family.features for family in families)
    if penalty:
        return np.zeros_like(seen)
    return algebra.function(seen, lambda values: (values <= 1e-13 * values.max()).astype(float))


def _family(algebra, share, features, context, noise):
    square = algebra.product(features, features)
    rest = square / context + (algebra.inner(features, algebra.identity()) + noise**2) / context * features
    second = square + rest
    return Family(share, features, second, algebra.function(second, np.sqrt), algebra.function(rest, np.sqrt))


# --- several families ---------------------------------------------------------------------------------------------


def several(value) -> bool:
    """Whether a training covariance is a list of them: a list or tuple of anything but numbers."""
    return isinstance(value, (list, tuple)) and not all(np.ndim(entry) == 0 and not hasattr(entry, "spectrum") for entry in value)


def _families(covariance, context, noise, shares):
    """The training covariances with the names that errors call them by, and the number of families."""
    named = [("train_covariance", covariance)]
    if several(covariance):
        named = [(f"train_covariance[{i}]", value) for i, value in enumerate(covariance)]
    counts = {"train_covariance": len(named)} if several(covariance) else {}
    for name, value in {"train_context": context, "label_noise": noise, "shares": shares}.items():
        if value is not None and np.ndim(value):
            counts[name] = len(value)
    if len(set(counts.values())) > 1 or 0 in counts.values():
        given = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ValueError(f"{given}: lists mean one entry for each task family, so they must be equally long, and not empty")
    return named, next(iter(counts.values()), 1)


def _each(name, value, count):
    """A scalar argument, or the entries of one given for every family, with their names."""
    if np.ndim(value):
        return [(f"{name}[{i}]", entry) for i, entry in enumerate(value)]
    return [(name, value)] * count


def _shares(shares, count):
    if shares is None:
        return np.full(count, 1 / count)
    return shares_argument(shares, count, "shares")


# --- checks -------------------------------------------------------------------------------------------------------


def number_argument(name, value, least, open_end=False) -> float:
    """A finite float of at least (or, at an open end, above) `least`; anything else is a ValueError."""
    real = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not real or not least <= value < np.inf or (open_end and value == least):
        raise ValueError(f"{name} = {value!r}: must be a finite number {'above' if open_end else 'of at least'} {least}")
    return float(value)


def _tasks(value):
    try:
        return context_argument("n_tasks", value)
    except ValueError:
        raise ValueError(f"n_tasks = {value!r}: a number of tasks is an integer of at least 1, or inf") from None


def _check_tasks(tasks, found):
    rank = round(found.dim - found.algebra.inner(found.unseen, found.algebra.identity()))
    if not found.penalty and tasks <= rank:
        raise ValueError(f"n_tasks = {tasks}: the ridgeless fit needs more tasks than the {rank} training dimensions; give ridge > 0")


def _warn_of_outliers(covariances):
    for name, covariance in covariances.items():
        share = covariance.spectrum.max() / covariance.trace
        if share > OUTLIER:
            warnings.warn(
                f"one eigenvalue of {name} is {share:.0%} of the trace: the deterministic equivalent takes traces for sums of many "
                "comparable terms and misses how one such term fluctuates from prompt to prompt and fit to fit",
                stacklevel=4,
            )
