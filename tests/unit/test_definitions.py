"""Covariances as a configuration defines them: spectra, traces and bases that every stage finds again."""

import numpy as np
import pytest

from cotdepth.definitions import defined_covariance, defined_spectrum

DEFINITIONS = {
    "flat": {"exponent": 0, "trace": "dim"},
    "steep": {"exponent": 1, "trace": 3},
    "short": {"exponent": 1, "support": 2, "trace": 1},
    "given": {"spectrum": [3, 0, 1, 0], "trace": 8},
    "turned": {"exponent": 1, "trace": 3, "basis": "haar"},
    "turned-too": {"exponent": 1, "trace": 3, "basis": "haar"},
    "on-axes": {"exponent": 1, "trace": 3, "basis": "axes"},
    "levels": {"levels": [2, 1], "trace": 12},
    "pairs": {"levels": [2, 1], "trace": 12, "basis": "pairs", "angle": 90},
    "half-turned": {"levels": [3, 1], "trace": "dim", "basis": "pairs", "angle": 45},
}


def defined(name, experiment_seed=1, dim=4):
    return defined_covariance(name, DEFINITIONS, dim=dim, experiment_seed=experiment_seed)


@pytest.mark.parametrize("name, spectrum", [
    ("flat", [1, 1, 1, 1]),
    ("steep", np.array([12, 6, 4, 3]) * 3 / 25),
    ("short", [2 / 3, 1 / 3, 0, 0]),
    ("given", [6, 0, 2, 0]),
    ("levels", [4, 4, 2, 2]),
    ("pairs", [2, 2, 4, 4]),
])  # fmt: skip
def test_a_definition_gives_its_spectrum_scaled_to_its_trace(name, spectrum):
    np.testing.assert_allclose(defined(name).matrix, np.diag(spectrum), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dim", [3, 7])
def test_the_word_dim_makes_the_mean_eigenvalue_one(dim):
    assert defined("flat", dim=dim).trace == pytest.approx(dim) and defined("steep", dim=dim).trace == pytest.approx(3)


def test_without_a_basis_it_lies_on_the_axes():
    assert defined("steep").basis is None and np.array_equal(defined("steep").matrix, defined("on-axes").matrix)


def test_pairs_are_turned_by_their_angle():
    """Halfway between the levels 1.5 and 0.5, features i and i + D/2 have variance 1 and covariance 1/2."""
    expected = np.kron([[1.0, 0.5], [0.5, 1.0]], np.eye(3))
    np.testing.assert_allclose(defined("half-turned", dim=6).matrix, expected, atol=1e-14)


def test_a_drawn_basis_is_the_same_in_every_stage():
    assert np.array_equal(defined("turned").basis, defined("turned").basis)
    assert np.linalg.eigvalsh(defined("turned").matrix) == pytest.approx(sorted(defined("steep").spectrum))


@pytest.mark.parametrize("other", [("turned-too", 1), ("turned", 2)], ids=["name", "experiment seed"])
def test_names_and_experiment_seeds_draw_different_bases(other):
    assert np.abs(defined(*other).matrix - defined("turned", 1).matrix).max() > 0.1


def test_a_definition_beside_it_does_not_change_a_drawn_basis():
    alone = defined_covariance("turned", {"turned": DEFINITIONS["turned"]}, dim=4, experiment_seed=1)
    assert np.array_equal(alone.matrix, defined("turned").matrix)


def test_a_spectrum_has_no_basis():
    assert defined_spectrum(DEFINITIONS["turned"], 4).basis is None
    assert np.array_equal(defined_spectrum(DEFINITIONS["turned"], 4).spectrum, defined("steep").spectrum)
