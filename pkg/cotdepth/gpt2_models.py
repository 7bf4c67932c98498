"""GPT-2 models made again from an artifact."""

import json
from collections.abc import Iterator

import numpy as np
import xarray as xr

from cotdepth.gpt2_weights import read_weights
from cotdepth.models.gpt2 import GPT2, Sizes, Thinker


def read_models(trained: xr.Dataset) -> Iterator[tuple[int, GPT2]]:
    """Each seed of a dataset by `cotdepth.gpt2_training.train_seeds`, and its model."""
    made = json.loads(trained.attrs["architecture"])
    for seed in trained.seed.values.tolist():
        model = _started(made["dim"], made["tokens"], Sizes(**made["sizes"]))
        model.load_state_dict(read_weights(trained, seed))
        yield seed, model


def _started(dim, tokens, sizes):
    """A model to be overwritten."""
    rng = np.random.default_rng(0)
    return Thinker(dim, sizes, tokens=tokens, rng=rng) if tokens else GPT2(dim, 1, sizes, rng=rng)
