"""What the layer answers after training on random covariances: where the gradient-flow paper's factor 1/3 holds."""

import numpy as np
import xarray as xr

from cotdepth.theory.flow_landscape import best_product, mean_prediction_error, random_landscape
from cotdepth.theory.flow_laws import diagonal_moments
from cotdepth.theory.flow_prediction import answer_slope, mean_answer

MEASURES = {
    "fixed_query_slope": "slope of answers on labels of queries that do not depend on the prompt's covariance",
    "own_query_slope": "slope of answers on labels of queries with the prompt's covariance",
    "relative_error": "mean squared error over that of the answer 0, queries with the prompt's covariance",
}


def summarise_answers(laws, *, n_context) -> xr.Dataset:
    """Slopes and error over the length of prompts, in training as in test, and in long prompts.

    Parameters
    ----------
    laws : sequence of D laws
        All alike, as in `cotdepth.theory.flow_laws.diagonal_moments`.
    n_context : list of int
        Lengths of prompts.

    Returns
    -------
    xarray.Dataset
        Each of `MEASURES` over `n_context`, and with ``_limit`` that in long prompts.
    """
    moments = diagonal_moments(laws)
    curves = np.array([_measures(moments, n) for n in n_context]).T
    limits = _measures(moments, np.inf)
    found = {name: ("n_context", values, about) for (name, about), values in zip(MEASURES.items(), curves)}
    found |= {f"{name}_limit": ((), value, f"{about}, long prompts") for (name, about), value in zip(MEASURES.items(), limits)}
    return xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()},
        coords=answer_axes(n_context),
        attrs={"title": "Answers after training on random covariances", "source": "gradient-flow paper, after eq. (4.12)"},
    )


def answer_axes(n_context) -> dict:
    """Coordinates that theory and simulation share."""
    return {"n_context": ("n_context", list(n_context), {"long_name": "examples in a prompt, training or test", "units": "examples"})}


def _measures(moments, n):
    """Those of `MEASURES` at one length, in their order."""
    landscape = random_landscape(moments, n)
    product = best_product(landscape)
    return [float(np.trace(mean_answer(product, moments))) / len(moments), answer_slope(product, moments),
            mean_prediction_error(landscape, product) / landscape.feature_trace]
