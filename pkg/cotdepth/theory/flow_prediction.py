"""How well the trained layer predicts the label of a query (gradient-flow paper, theorem 4.2 and section 4.2), exactly.

A layer with the product ``A = u U`` answers ``(1/M) sum_i y_i x_i^T A x_query``; training finds ``A = Gamma^-1``. Shifts are in what
one passes: labels that are not linear (task shift), labels built on another covariance than training's (covariate shift),
another query (query shift). Errors are mean squares of one label: they have its units, and no division by ``D``.
"""

import numpy as np

from cotdepth.checks import positive_argument
from cotdepth.covariance import as_covariance
from cotdepth.theory.flow_labels import Labels, Query, noise_argument
from cotdepth.theory.flow_landscape import moments_argument
from cotdepth.theory.population import context_argument, matrix_argument, preconditioner


def prediction_error(labels: Labels, covariance, *, n_context, n_context_test, query: Query | None = None) -> float:
    """Mean squared error of the trained layer's answer to a query.

    Parameters
    ----------
    labels : Labels
        Of the examples of the test prompt, as from `cotdepth.theory.flow_labels`, on the test features.
    covariance : Covariance, (D, D) array or (D,) array
        Of the features in training.
    n_context, n_context_test : int
        Examples in a training prompt (``N``) and in a test prompt (``M``), or ``inf``.
    query : Query, optional
        A query of the same law as the examples where it is not given.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, eq. (4.6), as printed there; its slides drop ``1/M`` from the variance (erratum). Shifts were derived
    for this project.
    """
    return prediction_error_at(preconditioner(covariance, n_context), labels, n_context_test=n_context_test, query=query)


def prediction_error_at(product, labels: Labels, *, n_context_test, query: Query | None = None) -> float:
    """`prediction_error` of a layer with any product ``A = u U``, (D, D), which may be asymmetric.

    ``residual + |A^T Lambda a - a_q|^2_S + tr(cov(x y) A S A^T) / M`` with the query's second moment ``S`` and best predictor ``a_q``.
    Raises ValueError if an argument is out of range.
    """
    terms = prediction_error_terms(product, labels, n_context_test=n_context_test, query=query)
    return sum(terms.values())


def prediction_error_terms(product, labels: Labels, *, n_context_test, query: Query | None = None) -> dict[str, float]:
    """The three parts of `prediction_error_at`: ``"best predictor"``, ``"bias"`` and ``"variance"``, the last falling as ``1/M``."""
    product, m = matrix_argument("product", product, len(labels.features)), context_argument("n_context_test", n_context_test)
    query = labels.query if query is None else query
    if len(query.features) != len(product):
        raise ValueError(f"query has {len(query.features)} features: must be {len(product)}, as the labels have")
    off = product.T @ (labels.features @ labels.weights) - query.weights
    return {
        "best predictor": float(query.residual),
        "bias": float(off @ query.features @ off),
        "variance": float(np.sum((labels.spread @ product) * (product @ query.features))) / m,
    }


def average_prediction_error(product, test_covariance, *, n_context_test, second_moment=None, label_noise: float = 0.0) -> float:
    """`prediction_error_at` over linear tasks ``w ~ N(0, I)``, for the noiseless label of the query.

    Parameters
    ----------
    product : (D, D) array
        ``u U``, such as `cotdepth.theory.population.preconditioner` of the training covariance.
    test_covariance : Covariance, (D, D) array or (D,) array
        Of the features of the test prompt's examples.
    n_context_test : int
        Examples in a test prompt, at least 1, or ``inf``.
    second_moment : optional
        Of the query's features, as the covariance; that of the examples where it is not given.
    label_noise : float
        Standard deviation of noise on the examples' labels; the query's own noise would add its square.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, average of eq. (4.6); shifts were derived for this project.
    """
    test, m = as_covariance(test_covariance, name="test_covariance"), context_argument("n_context_test", n_context_test)
    product, variance = matrix_argument("product", product, test.dim), noise_argument(label_noise) ** 2
    asked = test if second_moment is None else as_covariance(second_moment, name="second_moment")
    if asked.dim != test.dim:
        raise ValueError(f"second_moment has {asked.dim} features, test_covariance {test.dim}: must be equal")
    off = product.T @ test.matrix - np.eye(test.dim)
    weighted = product @ asked.matrix @ product.T
    spread = np.sum((test.matrix @ weighted) * test.matrix) + (test.trace + variance) * np.sum(weighted * test.matrix)
    return float(np.sum((asked.matrix @ off) * off) + spread / m)


# --- random covariances -------------------------------------------------------------------------------------------


def mean_answer(product, moments) -> np.ndarray:
    """``B = A^T E[Lambda]``, (D, D): the mean answer to a fixed query is ``x_query^T B w`` over random diagonal covariances.

    Parameters
    ----------
    product : (D, D) array
        ``u U`` of the layer.
    moments : (D, 3) array
        As in `cotdepth.theory.flow_landscape.random_landscape`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, after eq. (4.12): ``I / 3`` for exponential entries and long prompts. For a query with the prompt's own
    covariance it is not what answers look like (erratum): see `answer_slope`.
    """
    moments = moments_argument(moments)
    return matrix_argument("product", product, len(moments)).T * moments[:, 0]


def answer_slope(product, moments) -> float:
    """Regression slope of answers on labels if the query shares the random covariance: ``tr(E[Lambda^2] A) / E tr(Lambda)``.

    Over tasks ``w ~ N(0, I)``. Arguments as in `mean_answer`.

    2/3, not 1/3, for exponential entries and long prompts. Derived for this project.
    """
    moments = moments_argument(moments)
    return float(np.diag(matrix_argument("product", product, len(moments))) @ moments[:, 1] / moments[:, 0].sum())


# --- bounds -------------------------------------------------------------------------------------------------------


def average_error_bound(covariance, *, n_context, n_context_test) -> float:
    """Bound on the error over noiseless tasks ``w ~ N(0, I)``: ``(D + 1) t / M + ((1 + 2 D) t + tr(Lambda^-1) t^2) / N^2``.

    With ``t = tr(Lambda)``. Arguments as in `prediction_error`; the covariance has full rank, else ValueError.

    Source: gradient-flow paper, before Corollary 4.3.
    """
    spectrum, n, m = _bound_arguments(covariance, n_context, n_context_test)
    trace, dim = spectrum.sum(), len(spectrum)
    return float((dim + 1) * trace / m + ((1 + 2 * dim) * trace + np.sum(1 / spectrum) * trace**2) / n**2)


def condition_error_bound(covariance, *, n_context, n_context_test) -> float:
    """A simpler, larger `average_error_bound`: ``(D + 1) t / M + (1 + 2 D + D^2 kappa) t / N^2`` with the condition number ``kappa``.

    Source: gradient-flow paper, last line before Corollary 4.3, which lacks the trace beside ``D^2 kappa`` (erratum: see
    `printed_error_bound`).
    """
    spectrum, n, m = _bound_arguments(covariance, n_context, n_context_test)
    return float((len(spectrum) + 1) * spectrum.sum() / m + _conditioned(spectrum) * spectrum.sum() / n**2)


def printed_error_bound(covariance, *, n_context, n_context_test) -> float:
    """`condition_error_bound` as printed, with ``((1 + 2 D) t + D^2 kappa) / N^2``: no bound where ``tr(Lambda) > 1`` (erratum)."""
    spectrum, n, m = _bound_arguments(covariance, n_context, n_context_test)
    dim, trace = len(spectrum), spectrum.sum()
    return float((dim + 1) * trace / m + ((1 + 2 * dim) * trace + dim**2 * spectrum.max() / spectrum.min()) / n**2)


def sufficient_test_length(covariance, error: float) -> int:
    """Examples in a test prompt that suffice for a mean squared error, beside `sufficient_length` in training: ``2 (D + 1) t / error``.

    Parameters
    ----------
    covariance : Covariance, (D, D) array or (D,) array
        Of the features, full rank.
    error : float
        Mean squared error over noiseless tasks ``w ~ N(0, I)``, positive and finite.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, Corollary 4.3.
    """
    spectrum, error = _full_rank_spectrum(covariance), positive_argument("error", error)
    return int(np.ceil(2 * (len(spectrum) + 1) * spectrum.sum() / error))


def sufficient_length(covariance, error: float) -> int:
    """Examples in a training prompt that suffice, beside `sufficient_test_length`: ``sqrt(2 t (1 + 2 D + D^2 kappa) / error)``.

    Arguments as there. Source: gradient-flow paper, Corollary 4.3, corrected (erratum: see `printed_sufficient_length`).
    """
    spectrum, error = _full_rank_spectrum(covariance), positive_argument("error", error)
    return int(np.ceil(np.sqrt(2 * spectrum.sum() * _conditioned(spectrum) / error)))


def printed_sufficient_length(covariance, error: float) -> int:
    """`sufficient_length` as printed, ``sqrt((2 (1 + 2 D) t + D^2 kappa) / error)``, where it need not suffice.

    Source: gradient-flow paper, Corollary 4.3: factor 2 and the trace must multiply ``D^2 kappa`` too (erratum).
    """
    spectrum, error = _full_rank_spectrum(covariance), positive_argument("error", error)
    dim = len(spectrum)
    return int(np.ceil(np.sqrt((2 * (1 + 2 * dim) * spectrum.sum() + dim**2 * spectrum.max() / spectrum.min()) / error)))


def _conditioned(spectrum):
    return 1 + 2 * len(spectrum) + len(spectrum) ** 2 * spectrum.max() / spectrum.min()


def _bound_arguments(covariance, n_context, n_context_test):
    n, m = context_argument("n_context", n_context), context_argument("n_context_test", n_context_test)
    return _full_rank_spectrum(covariance), n, m


def _full_rank_spectrum(covariance):
    covariance = as_covariance(covariance)
    if covariance.rank < covariance.dim:
        raise ValueError(f"covariance has rank {covariance.rank}: the bound needs full rank ({covariance.dim})")
    return covariance.spectrum
