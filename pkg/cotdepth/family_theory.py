"""The general formula at a regime as a configuration gives it."""

import numpy as np
import xarray as xr

from cotdepth.families import TESTED_ON, covariance_of, deployment, training_families
from cotdepth.theory import equivalents


def predicted_errors(spec: dict) -> xr.Dataset:
    """The theory of a regime at its dimension.

    Returns
    -------
    xarray.Dataset
        ``error`` (tested_on, k) on new tasks and, a mean over families by their shares, on training tasks;
        ``numerical_error`` (tested_on, k), an estimate; ``growth_rate``.
    """
    families, used = training_families(spec), deployment(spec)
    covariances = [family.covariance for family in families], covariance_of(spec, spec["test_covariance"])
    regime = {
        "train_context": [family.n_context for family in families],
        "label_noise": [family.label_noise for family in families],
        "n_tasks": sum(family.n_tasks for family in families),
        "shares": spec["shares"],
        "test_context": used.n_context,
        "ridge": spec["ridge"],
        "step_size": used.step_size,
    }
    noisy = {"test_noise": used.noise, "depth": used.depth}
    new = equivalents.error_curve(*covariances, **regime, **noisy)
    training = equivalents.training_task_error_curve(*covariances, **regime, **noisy)
    estimates = [np.atleast_2d(curve.error_estimate).max(0) for curve in (new, training)]
    curves = [new.values, spec["shares"] @ np.atleast_2d(training)]
    return _labelled(curves, estimates, equivalents.growth_rate(*covariances, **regime), spec["dim"])


def _labelled(curves, estimates, rate, dim):
    return xr.Dataset(
        {
            "error": (("tested_on", "k"), np.stack(curves), {"long_name": "predicted mean error |w - w_k|^2 / D", "units": "1"}),
            "numerical_error": (("tested_on", "k"), np.stack(estimates), {"long_name": "estimated numerical error of it", "units": "1"}),
            "growth_rate": rate.variable,
        },
        coords={
            "tested_on": ("tested_on", list(TESTED_ON), {"long_name": "whose tasks the test prompts have", "units": "1"}),
            "k": ("k", np.arange(len(curves[0])), {"long_name": "chain-of-thought depth", "units": "steps"}),
            "dim": ((), dim, {"long_name": "feature dimension, D", "units": "features"}),
        },
        attrs={"title": "Error against depth by the general formula", "source": "derived for this project"},
    )
