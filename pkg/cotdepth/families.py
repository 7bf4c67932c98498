"""Regimes as a configuration gives them, relative to the dimension: task families, and how a model fitted to them is used."""

from dataclasses import dataclass

import numpy as np

from cotdepth.covariance import Covariance
from cotdepth.definitions import defined_covariance

TESTED_ON = ("new tasks", "training tasks")


@dataclass(frozen=True)
class Family:
    """Training tasks that share a law.

    Attributes
    ----------
    covariance : Covariance
        Of the features.
    n_tasks, n_context : int
        Tasks in a pool, one prompt each; examples in a prompt.
    label_noise : float
        Standard deviation of the label noise, absolute.
    """

    covariance: Covariance
    n_tasks: int
    n_context: int
    label_noise: float


@dataclass(frozen=True, eq=False)
class Deployment:
    """How a fitted model is used.

    Attributes
    ----------
    root : (D, D) array
        Symmetric root of the covariance of the features in test prompts.
    n_context : int
        Examples in a test prompt.
    noise : float
        Standard deviation of the noise of their labels, absolute.
    step_size : float
        A factor on every step.
    depth : int
        Number of steps.
    """

    root: np.ndarray
    n_context: int
    noise: float
    step_size: float
    depth: int


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
        Family(covariance_of(spec, str(name)), round(share * spec["tau"] * dim), round(alpha * dim), sigma * np.sqrt(dim))
        for name, share, alpha, sigma in zip(names, shares, alphas, sigmas, strict=True)
    ]


def deployment(spec: dict) -> Deployment:
    """How the fit is used: ``test_covariance``, ``alpha_test`` and ``sigma_test`` likewise, ``step_size`` and ``depth``."""
    return Deployment(
        root=covariance_root(covariance_of(spec, spec["test_covariance"])),
        n_context=round(spec["alpha_test"] * spec["dim"]),
        noise=spec["sigma_test"] * np.sqrt(spec["dim"]),
        step_size=spec["step_size"],
        depth=spec["depth"],
    )


def covariance_root(covariance: Covariance) -> np.ndarray:
    """The symmetric square root, (D, D)."""
    return covariance.with_eigenvalues(np.sqrt(covariance.spectrum))


def covariance_of(spec: dict, name: str) -> Covariance:
    """One of the covariances of a regime, by its name."""
    return defined_covariance(name, spec["covariances"], dim=spec["dim"], experiment_seed=spec["experiment_seed"])
