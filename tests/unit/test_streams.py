"""Random streams: named, reproducible, independent of each other."""

import itertools

import numpy as np
import pytest
import xarray as xr

from cotdepth.evaluation import prompt_streams
from cotdepth.streams import stream

NAME = {"experiment_seed": 1, "purpose": "pool", "cell": "0123abcd", "seed": 2, "prompt": 3}


def raw(n=4, **changed):
    """The first bits of a stream."""
    return stream(**(NAME | changed)).bit_generator.random_raw(n).tolist()


def test_the_same_name_gives_the_same_numbers():
    assert raw(100) == raw(100)


def test_a_stream_does_not_depend_on_what_was_drawn_before():
    before = raw()
    np.random.default_rng(0).random(10)
    stream(**(NAME | {"prompt": 2})).random(1000)
    assert raw() == before


@pytest.mark.parametrize("part, other", [
    ("experiment_seed", 2), ("purpose", "test prompt"), ("cell", "0123abce"), ("seed", 3), ("prompt", 4),
    ("experiment_seed", 1 + 2**32), ("seed", 2 + 2**32), ("prompt", 3 + 2**32),
])  # fmt: skip
def test_every_part_of_the_name_matters(part, other):
    assert set(raw()).isdisjoint(raw(**{part: other}))


def test_the_parts_of_a_name_are_not_interchangeable():
    parts = [
        {"experiment_seed": 2, "seed": 1},
        {"seed": 3, "prompt": 2},
        {"purpose": "0123abcd", "cell": "pool"},
        {"experiment_seed": 3, "prompt": 1},
    ]
    assert len({raw(1, **swapped)[0] for swapped in [{}, *parts]}) == 5


def test_no_two_names_share_a_stream():
    """False alarm: 2e-13, two 64-bit numbers out of 2592 equal by chance."""
    grid = itertools.product((0, 1, 2), ("pool", "test prompt"), ("", "0", "1"), range(12), range(12))
    firsts = [raw(1, **dict(zip(NAME, name)))[0] for name in grid]
    assert len(set(firsts)) == len(firsts) == 2592


def test_neighbouring_streams_are_uncorrelated():
    """False alarm 1e-4: 3160 pairs, each five and a half standard errors."""
    draws = np.array([stream(**(NAME | {"prompt": prompt})).standard_normal(2000) for prompt in range(80)])
    correlations = np.corrcoef(draws)[np.triu_indices(80, 1)]
    assert np.abs(correlations).max() < 5.5 / np.sqrt(2000)


def test_more_prompts_leave_the_first_ones_as_they_were():
    recipe = xr.Dataset(attrs={"experiment_seed": 1, "stream": "0123abcd"})
    few, many = ([rng.random(3).tolist() for rng in prompt_streams(recipe, 0, n_test)] for n_test in (3, 10))
    assert many[:3] == few and len({tuple(numbers) for numbers in many}) == 10


def test_the_numbers_of_a_stream_are_fixed_for_ever():
    """Cached results are compared with new ones across versions: a new naming scheme would make all data other data."""
    assert raw(2) == [12754463750131412517, 5488712086141583388]
