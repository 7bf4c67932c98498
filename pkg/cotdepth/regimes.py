"""Regimes as a configuration gives them, relative to the dimension: task families, how the fit is used, and the theory of both."""

import numpy as np
import xarray as xr

from cotdepth.covariance import Covariance
from cotdepth.definitions import defined_covariance
from cotdepth.family_evaluation import TESTED_ON, Deployment
from cotdepth.family_pools import Family, covariance_root
from cotdepth.theory import equivalents


def training_families(spec: dict) -> list[Family]:
    """The families of a training pool.

    Parameters
    ----------
    spec : dict
        ``dim`` D, ``tau`` for M = tau D, and for each family its share of the tasks in ``shares`` and, as lists or one value for all,
        ``train_covariance`` (a name among the ``covariances``), ``alpha`` for L = alpha D and ``sigma`` for label noise ``sigma
        sqrt(D)``.
    """
    shares, dim = spec["shares"], spec["dim"]
    names, alphas, sigmas = (np.broadcast_to(spec[key], len(shares)) for key in ("train_covariance", "alpha", "sigma"))
    return [
        Family(_covariance(spec, str(name)), round(share * spec["tau"] * dim), round(alpha * dim), sigma * np.sqrt(dim))
        for name, share, alpha, sigma in zip(names, shares, alphas, sigmas, strict=True)
    ]


def deployment(spec: dict) -> Deployment:
    """How the fit is used: ``test_covariance``, ``alpha_test`` and ``sigma_test`` likewise, ``step_size`` and ``depth``."""
    return Deployment(
        root=covariance_root(_covariance(spec, spec["test_covariance"])),
        n_context=round(spec["alpha_test"] * spec["dim"]),
        noise=spec["sigma_test"] * np.sqrt(spec["dim"]),
        step_size=spec["step_size"],
        depth=spec["depth"],
    )


def predicted_errors(spec: dict) -> xr.Dataset:
    """The theory of a regime at its dimension.

    Returns
    -------
    xarray.Dataset
        ``error`` (tested_on, k) on new tasks and, a mean over families by their shares, on training tasks;
        ``numerical_error`` (tested_on, k), an estimate; ``growth_rate``.
    """
    families, used = training_families(spec), deployment(spec)
    covariances = [family.covariance for family in families], _covariance(spec, spec["test_covariance"])
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


def _covariance(spec, name) -> Covariance:
    return defined_covariance(name, spec["covariances"], dim=spec["dim"], experiment_seed=spec["experiment_seed"])
