"""Laws of random diagonal covariances as a configuration defines them."""

from cotdepth.theory.flow_laws import named_law


def defined_laws(name: str, definitions: dict, *, dim: int) -> list:
    """The laws of the ``dim`` entries, all alike, that an experiment defines under a name as ``{law: {family, ...}}``."""
    return [named_law(**definitions[name]["law"])] * dim
