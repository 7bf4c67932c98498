"""Numbers and parameters as a reader wants to see them."""

import math

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MANY = 12  # values of a list that are still written out


def short(value: float) -> str:
    """Four digits, powers of ten as such; a dash where there is no number."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    power = f"\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10{str(int(exponent)).translate(SUPERSCRIPTS)}" if exponent else ""
    return mantissa.replace("-", "−") + power


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, with the precision that a run time has."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def megabytes(size: int) -> str:
    """Bytes as MB, to one digit after the point."""
    return f"{size / 1e6:.1f} MB"


def plain(value) -> str:
    """A parameter as text: short lists written out, long ones by their ends, mappings as ``name value``."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, list) and len(value) > MANY:
        return f"{len(value)} values from {plain(value[0])} to {plain(value[-1])}"
    return ", ".join(map(plain, value)) if isinstance(value, list) else str(value)
