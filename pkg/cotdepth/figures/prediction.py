"""The error of one regime against depth, with the best depth marked."""

from pathlib import Path

import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cotdepth.figures.saving import METADATA
from cotdepth.figures.style import OKABE_ITO, SETTINGS, describe
from cotdepth.stamps import replacing
from cotdepth.theory.best_depth import best_point


def draw_prediction(error: xr.DataArray) -> Figure:
    """Error against depth on a logarithmic axis; the parameters of the regime are its scalar coordinates."""
    with plt.rc_context(SETTINGS):
        figure, axes = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
        best = best_point(error)
        axes.plot(error.k, error, color=OKABE_ITO[0])
        axes.plot(best.k, best, "o", color=OKABE_ITO[1], label=f"best depth {best.k.item()}: {best.item():.3g}")
        axes.set(yscale="log", xlabel="depth $k$ (steps)", ylabel=r"error $|w - w_k|^2 / D$",
                 title=describe({name: value for name, value in error.coords.items() if not value.dims}))  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        return figure


def save_prediction(error: xr.DataArray, path: Path) -> None:
    """Write it whole or not at all, as PNG or PDF by the suffix of `path`."""
    with replacing(path) as temporary:
        draw_prediction(error).savefig(temporary, metadata=METADATA[path.suffix])
