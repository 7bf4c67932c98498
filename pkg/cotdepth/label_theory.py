"""Linear attention trained on prompts of one law and asked in prompts of another, all of them infinitely long.

It answers ``x_q^T A S w``, ``S`` the second moment of a test prompt's examples. Training on random diagonal covariances has
``A = E[Lambda^2] / E[Lambda^3]`` (gradient-flow paper, (4.11) for long prompts): 1/3 for entries of law Exp(1), 1 for ``Lambda = I``.
Its ``E y_hat = <w, x_q> / 3`` is of a query that does not depend on ``Lambda``; of a query with the prompt's own covariance the error is
``E lambda (1 - A lambda)^2`` in each direction, 1/3 of that of the answer 0 for Exp(1), and 43 times it for 9 times Exp(1).
"""

from math import factorial, pi

import numpy as np
import xarray as xr

from cotdepth.label_prompts import random_scale, skewed_spectrum


def linear_attention_limit(train_law: str, test_law: str, dim: int) -> float:
    """Mean of ``(x_q.w - answer)^2 / D`` over prompts, queries and tasks ``w ~ N(0, I)``.

    Parameters
    ----------
    train_law, test_law : str
        As `cotdepth.label_prompts.draw_labelled` has them; training on ``fixed`` or ``random``.
    dim : int
        D; matters where eigenvalues differ in a known way, and for one orthant.

    Raises
    ------
    ValueError
        If a law is another.
    """
    factors = {"fixed": 1.0, "random": factorial(2) / factorial(3)}
    if train_law not in factors:
        raise ValueError(f"train_law = {train_law!r}: must be one of {', '.join(factors)}")
    factor = factors[train_law]
    if test_law == "orthant":   # S = (1 - 2 / pi) I + (2 / pi) s s^T with signs s, of a query with covariance I
        return (1 - factor) ** 2 + (dim - 1) * (2 * factor / pi) ** 2
    first, second, third = _moments(test_law, dim)
    return first - 2 * factor * second + factor**2 * third


def _moments(law, dim):
    """Means of ``lambda``, ``lambda^2`` and ``lambda^3`` over eigenvalues; noise in labels averages out."""
    scale = random_scale(law)
    if scale is not None:
        return [scale**power * factorial(power) for power in (1, 2, 3)]
    values = skewed_spectrum(dim) if law == "skewed" else np.ones(dim)
    return [float((values**power).mean()) for power in (1, 2, 3)]


def summarise_shift(train_law: str, test_law: list[str], dim: int) -> xr.Dataset:
    """``error`` (test_law) by `linear_attention_limit`."""
    about = {"long_name": "mean of (x.w - prediction)^2 / D, linear attention in infinitely long prompts", "units": "1"}
    return xr.Dataset(
        {"error": ("test_law", [linear_attention_limit(train_law, law, dim) for law in test_law], about)},
        coords={"test_law": ("test_law", test_law, {"long_name": "law of test prompts", "units": "1"})},
        attrs={"title": "Linear attention under shifts, in infinitely long prompts", "source": "gradient-flow paper, (4.11) and (4.12)"},
    )
