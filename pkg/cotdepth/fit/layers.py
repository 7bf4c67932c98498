"""Trained layers of linear self-attention as artifacts."""

import numpy as np
import xarray as xr


def label_layers(fitted: dict, pools: xr.Dataset) -> xr.Dataset:
    """The layers of a cell as a dataset.

    Parameters
    ----------
    fitted : dict of str to cotdepth.fit.adam.Trained
        Layers and loss curves for each pool, by what was trained.
    pools : xarray.Dataset
        What they were trained on; gives the coordinates and the name of the random streams.

    Returns
    -------
    xarray.Dataset
        ``value_block`` (trained, seed, row, col), ``V`` from examples to the estimate; ``marker_scores`` (trained, seed, col),
        ``W`` from the marker to examples, its last entry ``W_24``; and ``loss`` (trained, seed, step), the mean training loss of
        each epoch. In ``col`` the label comes last.
    """
    blocks, scores, losses = (
        np.stack([getattr(each, name) for each in fitted.values()]) for name in ("value_blocks", "marker_scores", "losses")
    )
    dim = blocks.shape[-2]
    found = {
        "value_block": (("row", "col"), blocks, "V[estimate, (x, y)]: V_31 and V_32"),
        "marker_scores": (("col",), scores, "W[(x, y), marker]: W_14 and W_24"),
        "loss": (("step",), losses, "mean training loss |w - w_1|^2 / 2 of an epoch"),
    }
    return xr.Dataset(
        {name: (("trained", "seed", *dims), values, {"long_name": about, "units": "1"}) for name, (dims, values, about) in found.items()},
        coords={
            "trained": ("trained", list(fitted), {"long_name": "what training may change", "units": "1"}),
            **{name: pools.coords[name] for name in ("seed", "n_context")},
            "row": ("row", np.arange(dim), {"long_name": "coordinate of the estimate", "units": "1"}),
            "col": ("col", np.arange(dim + 1), {"long_name": "coordinate of an example, the label last", "units": "1"}),
            "step": ("step", np.arange(1, losses.shape[-1] + 1), {"long_name": "epoch", "units": "epochs"}),
        },
        attrs={"title": "Trained layers of linear self-attention", "source": "training-data paper, section 5",
               "stream": pools.attrs["stream"]},
    )
