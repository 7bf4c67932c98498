"""Exact errors of the trained layer on prompts that differ from training's: other labels, another query, other or scaled covariates."""

import numpy as np
import xarray as xr

from cotdepth.checks import choice_argument
from cotdepth.covariance import Covariance, with_trace
from cotdepth.theory.flow_labels import Labels, Query, cubic_labels, linear_labels, quadratic_labels, relu_labels
from cotdepth.theory.flow_prediction import prediction_error_at, prediction_error_terms

KINDS = {"linear": linear_labels, "relu": relu_labels, "cubic": cubic_labels, "quadratic": quadratic_labels}


def shifted_labels(kind: str, weights, test: Covariance, asked: Covariance, *, label_noise: float) -> tuple[Labels, Query]:
    """Labels of one kind on the examples of a test prompt, and of a query with a covariance of its own.

    Parameters
    ----------
    kind : {"linear", "relu", "cubic", "quadratic"}
        Labels ``z``, ``max(z, 0)``, ``z^3`` or ``z^2`` of ``z = w.x``.
    weights : (D,) array
    test, asked : Covariance
        Of the features of the examples and of the query.
    label_noise : float
        Standard deviation of the noise on all labels, the query's too.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    labels = KINDS[choice_argument("kind", kind, tuple(KINDS))]
    return labels(weights, test, label_noise=label_noise), labels(weights, asked, label_noise=label_noise).query


def scaled(covariance: Covariance, factor: float) -> Covariance:
    """The covariance of features that are `factor` times as large."""
    return with_trace(covariance, factor**2 * covariance.trace)


def mean_square(query: Query) -> float:
    """Mean square of the query's label: the error of the answer 0."""
    return float(query.residual + query.weights @ query.features @ query.weights)


def summarise_shift(product, tasks, test: Covariance, asked: Covariance, *, labels, covariate_scale, n_context_test,
                    label_noise: float) -> xr.Dataset:
    """Relative errors of a layer over kinds of labels, tasks, scales of all covariates and lengths of test prompts.

    Parameters
    ----------
    product : (D, D) array
        ``u U`` of the layer, such as `cotdepth.theory.population.preconditioner`.
    tasks : (S, D) array
        Weights ``w``, a dimension ``seed``.
    test, asked, label_noise
        As in `shifted_labels`.
    labels : list of str
        Kinds of labels, a dimension ``label``.
    covariate_scale : list of float
        Factors on the features of examples and query.
    n_context_test : list of int
        Examples in a test prompt.

    Returns
    -------
    xarray.Dataset
        `error` (label, seed, covariate_scale, n_context_test), the mean squared error over that of the answer 0; `limit_error` in
        long prompts and `floor`, that of the best linear predictor, (label, seed, covariate_scale); `seed_mean` and
        `limit_seed_mean`, means over seeds of the first two.
    """
    shape = (len(labels), len(tasks), len(covariate_scale))
    errors, limits, floors = np.empty((*shape, len(n_context_test))), np.empty(shape), np.empty(shape)
    for place in np.ndindex(*shape):
        covariances = (scaled(each, covariate_scale[place[2]]) for each in (test, asked))
        found, query = shifted_labels(labels[place[0]], tasks[place[1]], *covariances, label_noise=label_noise)
        size = mean_square(query)
        errors[place] = [prediction_error_at(product, found, n_context_test=m, query=query) / size for m in n_context_test]
        limits[place] = prediction_error_at(product, found, n_context_test=np.inf, query=query) / size
        floors[place] = prediction_error_terms(product, found, n_context_test=np.inf, query=query)["best predictor"] / size
    relative = "mean squared error of the answer over that of the answer 0"
    dims = ("label", "seed", "covariate_scale")
    return xr.Dataset(
        {
            "error": ((*dims, "n_context_test"), errors, {"long_name": relative, "units": "1"}),
            "limit_error": (dims, limits, {"long_name": f"{relative}, long prompts", "units": "1"}),
            "seed_mean": (("label", *dims[2:], "n_context_test"), errors.mean(axis=1),
                          {"long_name": f"{relative}, mean over tasks", "units": "1"}),
            "limit_seed_mean": (("label", *dims[2:]), limits.mean(axis=1),
                                {"long_name": f"{relative}, long prompts, mean over tasks", "units": "1"}),
            "floor": (dims, floors, {"long_name": f"{relative}, of the best linear predictor", "units": "1"}),
        },
        coords=shift_axes(labels, len(tasks), covariate_scale, n_context_test),
        attrs={"title": "Errors of the trained layer under shifts", "source": "gradient-flow paper, eq. (4.6) and section 4.2"},
    )


def shift_axes(labels, n_seeds: int, covariate_scale, n_context_test) -> dict:
    """Coordinates that theory and simulation share."""
    return {
        "label": ("label", list(labels), {"long_name": "labels, as a function of w.x", "units": "1"}),
        "seed": ("seed", np.arange(n_seeds), {"long_name": "task w, and the layer trained for it", "units": "1"}),
        "covariate_scale": ("covariate_scale", list(covariate_scale), {"long_name": "factor on all features", "units": "1"}),
        "n_context_test": ("n_context_test", list(n_context_test), {"long_name": "examples in a test prompt", "units": "examples"}),
    }
