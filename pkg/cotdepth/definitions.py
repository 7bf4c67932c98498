"""Covariances as a configuration defines them."""

import numpy as np

from cotdepth.covariance import Covariance, haar, limited_support, with_trace
from cotdepth.streams import stream


def defined_covariance(name: str, definitions: dict, *, dim: int, experiment_seed: int) -> Covariance:
    """The covariance that an experiment defines under a name: the same one in all of its stages.

    Parameters
    ----------
    name : str
        Also names the random stream of a drawn eigenbasis.
    definitions : dict
        By name, ``{exponent, trace}`` with ``support`` if it is limited, ``{spectrum, trace}`` or ``{levels, trace}``; ``basis`` is
        ``"axes"``, the default, ``"haar"``, or ``"pairs"`` with an ``angle``; ``trace`` a number or ``"dim"``.
    dim : int
        Feature dimension D.
    experiment_seed : int
        The experiment's own seed.
    """
    covariance, basis = defined_spectrum(definitions[name], dim), definitions[name].get("basis", "axes")
    if basis == "axes":
        return covariance
    if basis == "pairs":
        return Covariance(covariance.spectrum, _turned_pairs(dim, definitions[name]["angle"]))
    if basis == "haar":
        return haar(covariance, rng=stream(experiment_seed, f"eigenbasis of {name}", cell="", seed=0))
    raise ValueError(f"basis = {basis!r}: must be 'axes', 'haar' or 'pairs'")


def _turned_pairs(dim, angle):
    """Feature i and feature i + D/2, turned into each other by an angle in degrees, (D, D)."""
    turn = np.deg2rad(angle)
    return np.kron([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.eye(dim // 2))


def defined_spectrum(definition: dict, dim: int) -> Covariance:
    """A defined covariance on the axes, whatever its basis: for what does not depend on the basis."""
    if "spectrum" in definition:
        covariance = Covariance(definition["spectrum"])
    elif "levels" in definition:
        covariance = Covariance(np.repeat(np.array(definition["levels"], dtype=float), dim // len(definition["levels"])))
    else:
        covariance = limited_support(dim, definition["exponent"], support=definition.get("support", dim))
    return with_trace(covariance, dim if definition["trace"] == "dim" else definition["trace"])
