"""Errors of trained linear attention on test prompts."""

import numpy as np
import xarray as xr

from cotdepth.models.lsa import LinearAttention, lsa_step, with_marker_scores
from cotdepth.prompts import Prompts
from cotdepth.rollout import error_per_dimension, rollout


def evaluate_layer(layer: LinearAttention, prompts: Prompts, depth: int) -> np.ndarray:
    """Errors per dimension of a layer at every depth, (depth + 1, n_prompts); initial guess 0."""
    return error_per_dimension(rollout(lsa_step, layer, prompts, np.zeros_like(prompts.weights), depth), prompts.weights)


def read_layer(layers: xr.Dataset, seed: int) -> LinearAttention:
    """One of the layers that `cotdepth.fit.layers.label_layers` put down, ready for a rollout."""
    layer = layers.sel(seed=seed)
    return with_marker_scores(layer.value_block.values, layer.marker_scores.values)
