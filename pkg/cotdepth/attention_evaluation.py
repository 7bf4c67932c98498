"""Errors of trained linear attention on test prompts."""

import numpy as np
import xarray as xr

from cotdepth.models.lsa import LinearAttention, lsa_step, with_marker_scores
from cotdepth.prompts import Prompts
from cotdepth.rollout import error_per_dimension, rollout


def evaluate_layer(layer: LinearAttention, prompts: Prompts, depth: int) -> np.ndarray:
    """Errors per dimension of a layer at every depth, (depth + 1, n_prompts); initial guess 0."""
    return error_per_dimension(rollout(lsa_step, layer, prompts, np.zeros_like(prompts.weights), depth), prompts.weights)


def evaluate_layers(layers: xr.Dataset, prompts: Prompts, depth: int) -> np.ndarray:
    """Errors of the layers of one seed, put down by `cotdepth.fit.layers.label_layers`; (trained, depth + 1, n_prompts)."""
    return np.array([evaluate_layer(read_layer(layers.sel(trained=trained)), prompts, depth) for trained in layers.trained.values])


def read_layer(layer: xr.Dataset) -> LinearAttention:
    """One layer of those that `cotdepth.fit.layers.label_layers` put down, ready for a rollout."""
    return with_marker_scores(layer.value_block.values, layer.marker_scores.values)
