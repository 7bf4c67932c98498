"""Prompts to predict labels in: of the laws that GPT-2 is trained on and tested on (gradient-flow paper and its slides, Garg et al.)."""

import numpy as np

from cotdepth.checks import count_argument
from cotdepth.written_prompts import WrittenPrompts

LAWS = ("fixed", "random", "skewed", "noisy", "orthant")   # and random-c for whole numbers c: random covariances times c


def draw_labelled(law: str, dim: int, n_context: int, n_prompts: int, *, noise: float = 0.0, rng: np.random.Generator) -> WrittenPrompts:
    """Draw prompts of ``n_context`` examples and a query, ``y = x.w``, each with its own ``w ~ N(0, I)``.

    Parameters
    ----------
    law : str
        ``fixed``: ``x ~ N(0, I)``. ``random``: ``x ~ N(0, Lambda)``, a diagonal ``Lambda`` of its own for each prompt with entries of law
        Exp(1); ``random-4``: ``N(0, 4 Lambda)``. ``skewed``: the i-th eigenvalue proportional to ``1 / i^2``, their mean 1, the eigenbasis
        uniform, one for each prompt. ``noisy``: as fixed, with noise in the labels of the examples. ``orthant``: as fixed, but all examples
        of a prompt in one orthant, a random one; not so the query.
    dim, n_context, n_prompts : int
        More prompts leave the first ones as they were.
    noise : float
        Standard deviation of the label noise of ``noisy``; the query's label has none.
    rng : numpy.random.Generator
        Its children draw.

    Returns
    -------
    WrittenPrompts
        Of n_context + 1 rows, the last one the query.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    for name, value in {"dim": dim, "n_context": n_context, "n_prompts": n_prompts}.items():
        count_argument(name, value)
    tasks, features, shapes, noises = rng.spawn(4)
    weights = tasks.standard_normal((n_prompts, dim))
    x = _shaped(law, features.standard_normal((n_prompts, n_context + 1, dim)), shapes)
    y = np.einsum("pnd,pd->pn", x, weights)
    if law == "noisy":
        y[:, :-1] += noise * noises.standard_normal((n_prompts, n_context))
    return WrittenPrompts(weights, np.concatenate([x, y[:, :, None]], axis=2))


def random_scale(law: str) -> int | None:
    """``c`` of ``random-c``, 1 of ``random``, None of a law of another kind; a ValueError if there is no such law."""
    kind, _, scale = law.partition("-")
    if law in LAWS:
        return 1 if law == "random" else None
    if kind != "random" or not scale.isdecimal() or int(scale) < 1:
        raise ValueError(f"law = {law!r}: must be one of {', '.join(LAWS)}, or random-c for a whole number c")
    return int(scale)


def skewed_spectrum(dim: int) -> np.ndarray:
    """Eigenvalues proportional to ``1 / i^2`` with mean 1, (D,)."""
    values = np.arange(1.0, dim + 1) ** -2
    return values / values.mean()


def _shaped(law, white, rng):
    """Features of a law from white ones (n_prompts, n_context + 1, D)."""
    n_prompts, _, dim = white.shape
    if (scale := random_scale(law)) is not None:
        return white * np.sqrt(scale * rng.standard_exponential((n_prompts, 1, dim)))
    if law == "skewed":
        bases, _ = np.linalg.qr(rng.standard_normal((n_prompts, dim, dim)))
        return (white * np.sqrt(skewed_spectrum(dim))) @ bases.mT   # whichever signs qr gives: white has either alike
    if law == "orthant":
        signs = rng.choice([-1.0, 1.0], size=(n_prompts, 1, dim))
        return np.concatenate([signs * np.abs(white[:, :-1]), white[:, -1:]], axis=1)
    return white
