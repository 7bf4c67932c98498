"""Trained layers of linear self-attention as artifacts."""

import numpy as np
import xarray as xr


def label_layers(fitted, pools: xr.Dataset) -> xr.Dataset:
    """The layers of a cell as a dataset.

    Parameters
    ----------
    fitted : cotdepth.fit.adam.Trained
        Layers and loss curves, for each pool.
    pools : xarray.Dataset
        What they were trained on; gives the coordinates and the name of the random streams.

    Returns
    -------
    xarray.Dataset
        ``value_block`` (seed, row, col), ``V`` from examples to the estimate; ``marker_scores`` (seed, col), ``W`` from
        the marker to examples, its last entry ``W_24``; and ``loss`` (seed, step), the mean training loss of each epoch. In
        ``col`` the label comes last.
    """
    dim = fitted.value_blocks.shape[-2]
    found = {
        "value_block": (("seed", "row", "col"), fitted.value_blocks, "V[estimate, (x, y)]: V_31 and V_32"),
        "marker_scores": (("seed", "col"), fitted.marker_scores, "W[(x, y), marker]: W_14 and W_24"),
        "loss": (("seed", "step"), fitted.losses, "mean training loss |w - w_1|^2 / 2 of an epoch"),
    }
    return xr.Dataset(
        {name: (dims, values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()},
        coords={
            **{name: pools.coords[name] for name in ("seed", "n_context")},
            "row": ("row", np.arange(dim), {"long_name": "coordinate of the estimate", "units": "1"}),
            "col": ("col", np.arange(dim + 1), {"long_name": "coordinate of an example, the label last", "units": "1"}),
            "step": ("step", np.arange(1, fitted.losses.shape[1] + 1), {"long_name": "epoch", "units": "epochs"}),
        },
        attrs={"title": "Trained layers of linear self-attention", "source": "training-data paper, section 5",
               "stream": pools.attrs["stream"]},
    )
