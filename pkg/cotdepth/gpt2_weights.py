"""Weights of GPT-2 in an artifact: all numbers of a model in a row, and a table of what stands where."""

from collections.abc import Mapping
from math import prod

import numpy as np
import torch
import xarray as xr
from torch import Tensor


def label_weights(states: list[Mapping[str, Tensor]]) -> xr.Dataset:
    """Models of one architecture, one for each seed, as a dataset.

    Returns
    -------
    xarray.Dataset
        ``parameters`` (seed, parameter), and for each tensor of a model its ``tensor_shape`` (tensor), ``"64 192"`` for 64 rows and 192
        columns; the tensors follow each other in the order of the table, each row by row.
    """
    rows = [np.concatenate([one.detach().cpu().numpy().ravel() for one in state.values()]) for state in states]
    shapes = [" ".join(map(str, one.shape)) for one in states[0].values()]
    return xr.Dataset(
        {
            "parameters": (("seed", "parameter"), np.stack(rows), {"long_name": "weights of the model, tensor by tensor", "units": "1"}),
            "tensor_shape": ("tensor", shapes, {"long_name": "rows and columns of the tensor", "units": "1"}),
        },
        coords={
            "seed": ("seed", np.arange(len(rows)), {"long_name": "training", "units": "1"}),
            "tensor": ("tensor", list(states[0]), {"long_name": "name of the tensor in the model", "units": "1"}),
        },
    )


def read_weights(weights: xr.Dataset, seed: int) -> dict[str, Tensor]:
    """The tensors of one model, as `torch.nn.Module.load_state_dict` takes them."""
    shapes = [tuple(map(int, text.split())) for text in weights.tensor_shape.values.tolist()]
    ends = np.cumsum([prod(shape) for shape in shapes])
    parts = np.split(weights.parameters.sel(seed=seed).values, ends[:-1])
    return {name: torch.from_numpy(part.reshape(shape).copy()) for name, part, shape in zip(weights.tensor.values.tolist(), parts, shapes)}
