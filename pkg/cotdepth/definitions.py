"""Covariances as a configuration defines them."""

from cotdepth.covariance import Covariance, haar, limited_support, with_trace
from cotdepth.streams import stream


def defined_covariance(name: str, definitions: dict, *, dim: int, experiment_seed: int) -> Covariance:
    """The covariance that an experiment defines under a name: the same one in all of its stages.

    Parameters
    ----------
    name : str
        Also names the random stream of a drawn eigenbasis.
    definitions : dict
        By name, ``{exponent, trace}`` with ``support`` if it is limited, or ``{spectrum, trace}``; ``basis`` is ``"axes"``, the
        default, or ``"haar"``; ``trace`` a number or ``"dim"``.
    dim : int
        Feature dimension D.
    experiment_seed : int
        The experiment's own seed.
    """
    covariance, basis = defined_spectrum(definitions[name], dim), definitions[name].get("basis", "axes")
    if basis not in ("axes", "haar"):
        raise ValueError(f"basis = {basis!r}: must be 'axes' or 'haar'")
    if basis == "axes":
        return covariance
    return haar(covariance, rng=stream(experiment_seed, f"eigenbasis of {name}", cell="", seed=0))


def defined_spectrum(definition: dict, dim: int) -> Covariance:
    """A defined covariance on the axes, whatever its basis: for what does not depend on the basis."""
    if "spectrum" in definition:
        covariance = Covariance(definition["spectrum"])
    else:
        covariance = limited_support(dim, definition["exponent"], support=definition.get("support", dim))
    return with_trace(covariance, dim if definition["trace"] == "dim" else definition["trace"])
