"""Covariances: spectra, eigenbases, and what is refused."""

import dataclasses

import numpy as np
import pytest

from cotdepth.covariance import (
    Covariance,
    aligned,
    as_covariance,
    from_matrix,
    haar,
    identity,
    in_basis_of,
    limited_support,
    power_law,
    shuffled,
    with_trace,
)
from cotdepth.theory.finite import (
    error_exact,
    gamma,
    hardness,
    mixture_gamma,
    mixture_preconditioner,
    mixture_second_moment,
    overthinking_length,
    preconditioner,
    second_moment,
)

TYPES = {"ES": (0.2, 20), "HS": (0.8, 20), "EL": (0.2, 100), "HL": (0.8, 100)}  # training-data paper, section 5.1


def rotation(dim, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


# --- spectra ------------------------------------------------------------------------------------------------------


def test_identity():
    np.testing.assert_array_equal(identity(3).matrix, np.eye(3))
    assert (identity(3).dim, identity(3).trace, identity(3).rank) == (3, 3.0, 3)


@pytest.mark.parametrize("exponent", [1, 0.8, 0, -2.5])
def test_power_law(exponent):
    np.testing.assert_allclose(power_law(4, exponent).spectrum, [1, 2.0**-exponent, 3.0**-exponent, 4.0**-exponent], rtol=1e-15)


def test_limited_support_is_rank_deficient():
    covariance = limited_support(5, 1.0, support=2)
    assert covariance.spectrum.tolist() == [1.0, 0.5, 0, 0, 0] and covariance.rank == 2
    assert hardness(covariance) == pytest.approx(3.0)


def test_with_trace_scales_the_matrix_and_keeps_the_basis():
    covariance = haar(power_law(4, 1.0), rng=np.random.default_rng(0))
    scaled = with_trace(covariance, 1.0)
    assert np.trace(scaled.matrix) == pytest.approx(1, rel=1e-14)
    np.testing.assert_allclose(scaled.matrix * covariance.trace, covariance.matrix, atol=1e-15)


def test_a_matrix_comes_back():
    root = np.random.default_rng(1).standard_normal((4, 4))
    np.testing.assert_allclose(from_matrix(root @ root.T).matrix, root @ root.T, atol=1e-13)
    assert from_matrix(np.diag([1.0, 3.0, 2.0])).spectrum.tolist() == [1.0, 3.0, 2.0]


def test_the_rank_of_a_rotated_matrix_is_seen_through_rounding():
    basis = rotation(30)
    deficient = Covariance(np.r_[np.ones(10) * 1e-3, np.zeros(20)], basis)
    covariance = from_matrix(basis @ np.diag(deficient.spectrum) @ basis.T)
    assert covariance.rank == 10 and hardness(covariance) == pytest.approx(10)


def test_covariances_do_not_change():
    spectrum = np.ones(2)
    covariance = Covariance(spectrum)
    spectrum[0] = 5
    assert covariance.trace == 2
    with pytest.raises(ValueError, match="read-only"):
        covariance.spectrum[0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        covariance.spectrum = spectrum


def test_as_covariance_takes_three_forms():
    covariance = power_law(3, 1.0)
    assert as_covariance(covariance) is covariance
    np.testing.assert_array_equal(as_covariance([1, 2]).matrix, np.diag([1.0, 2.0]))
    np.testing.assert_allclose(as_covariance([[2, 1], [1, 2]]).matrix, [[2, 1], [1, 2]], atol=1e-15)


# --- eigenbases ---------------------------------------------------------------------------------------------------


def test_haar_keeps_the_spectrum_and_repeats_with_its_seed():
    covariance = haar(power_law(6, 1.0), rng=np.random.default_rng(3))
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance.matrix)[::-1], power_law(6, 1.0).spectrum, atol=1e-14)
    np.testing.assert_array_equal(covariance.matrix, haar(power_law(6, 1.0), rng=np.random.default_rng(3)).matrix)


def test_haar_bases_are_uniform():
    """Entries of the basis and their products have the moments of the uniform law.

    E b = 0 at once shows missing signs: without them the diagonal of the basis is negative or positive more often.
    False alarm 1e-4 (4.6 standard errors, 27 entries).
    """
    rng = np.random.default_rng(5)
    bases = np.array([haar(identity(3), rng=rng).basis for _ in range(4000)])
    values = np.concatenate([bases, bases**2 - 1 / 3, bases**4 - 1 / 5], axis=1)
    z = values.mean(0) / values.std(0) * np.sqrt(len(values))
    assert np.abs(z).max() < 4.6


def test_common_basis():
    target = haar(power_law(4, 2.0), rng=np.random.default_rng(0))
    task = in_basis_of(power_law(4, -1.0), target)
    np.testing.assert_allclose(task.matrix @ target.matrix, target.matrix @ task.matrix, atol=1e-14)
    assert task.spectrum.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_shuffled_moves_support_and_order():
    draws = [shuffled(limited_support(6, 1.0, support=2), rng=np.random.default_rng(seed)).spectrum for seed in range(40)]
    assert all(sorted(draw) == [0, 0, 0, 0, 0.5, 1.0] for draw in draws)
    assert {np.flatnonzero(draw == 1).item() for draw in draws} == set(range(6))
    assert any(np.argmax(draw) > np.flatnonzero(draw == 0.5).item() for draw in draws)


def test_aligned_follows_the_order_of_the_target():
    target = haar(Covariance([0.1, 3.0, 0.5, 2.0, 1.0]), rng=np.random.default_rng(0))
    draws = [aligned(limited_support(5, 1.0, support=3), target, rng=np.random.default_rng(seed)) for seed in range(40)]
    for draw in draws:
        by_target = draw.spectrum[np.argsort(-target.spectrum)]
        np.testing.assert_array_equal(by_target[by_target > 0], limited_support(3, 1.0, support=3).spectrum)
        assert draw.basis is not None and np.allclose(draw.matrix @ target.matrix, target.matrix @ draw.matrix)
    assert len({tuple(draw.spectrum > 0) for draw in draws}) == 10  # every support


def test_hardness_of_the_papers_task_types():
    tasks = {name: limited_support(1000, exponent, support=support) for name, (exponent, support) in TYPES.items()}
    assert {name: round(hardness(task)) for name, task in tasks.items()} == {"ES": 24, "HS": 52, "EL": 124, "HL": 324}
    assert round(hardness(power_law(1000, 0.8))) == 3886


def test_selection_of_haar_tasks_in_closed_form():
    """With independent Haar bases the best shares are proportional to 1/(|Lambda|_F^2 - 1/D); section 5.1 has 50 tasks a type."""
    tasks = {name: with_trace(limited_support(1000, exponent, support=support), 1.0) for name, (exponent, support) in TYPES.items()}
    scores = {name: 1 / (np.sum(task.spectrum**2) - 1 / 1000) for name, task in tasks.items()}
    shares = {name: score / sum(scores.values()) / 50 for name, score in scores.items()}
    assert {name: round(share, 5) for name, share in shares.items()} == {"ES": 0.00236, "HS": 0.00133, "EL": 0.01259, "HL": 0.00373}


def test_tasks_in_a_common_basis_mix_in_it():
    """A mixture of commuting tasks has a symmetric Gamma in their basis, however each example or prompt is drawn."""
    target = haar(power_law(6, 0.8), rng=np.random.default_rng(2))
    tasks = [aligned(limited_support(6, 0.2, support=4), target, rng=np.random.default_rng(seed)) for seed in range(4)]
    for mixture in ("prompt", "example"):
        gamma = mixture_gamma(tasks, np.full(4, 0.25), 8, mixture=mixture)
        np.testing.assert_allclose(gamma @ target.matrix, target.matrix @ gamma, atol=1e-13)


# --- eigenvectors of the range only -------------------------------------------------------------------------------


def partial(dim, rank, seed=0):
    """A covariance of low rank that knows its range only, and the same matrix with a full basis."""
    known = haar(limited_support(dim, 0.8, support=rank), rng=np.random.default_rng(seed))
    assert known.basis.shape == (dim, rank) and known.rank == rank
    return known, from_matrix(known.matrix)


def test_a_partial_basis_gives_the_matrix():
    covariance = Covariance([3.0, 0.0, 0.0], [[0.6], [0.0], [0.8]])
    np.testing.assert_allclose(covariance.matrix, 3 * np.outer([0.6, 0, 0.8], [0.6, 0, 0.8]), atol=1e-15)
    assert (covariance.dim, covariance.trace, covariance.rank) == (3, 3.0, 1)
    assert with_trace(covariance, 1.0).matrix == pytest.approx(covariance.matrix / 3)


def test_functions_of_a_covariance_with_a_partial_basis():
    """exp(Lambda) and (Lambda + I)^-1 are constant on the null space, which needs no eigenvectors."""
    covariance, full = partial(7, 3)
    for function in (np.exp, lambda spectrum: 1 / (1 + spectrum), np.sqrt):
        expected = full.with_eigenvalues(function(full.spectrum))
        np.testing.assert_allclose(covariance.with_eigenvalues(function(covariance.spectrum)), expected, atol=1e-13)


@pytest.mark.parametrize("n", [3, np.inf])
def test_the_theory_of_a_partial_basis_is_that_of_the_matrix(n):
    (covariance, full), (_, other) = partial(6, 3), partial(6, 4, seed=1)
    assert hardness(covariance) == pytest.approx(hardness(full), rel=1e-12)
    for function in (gamma, preconditioner, second_moment):
        np.testing.assert_allclose(function(covariance, n), function(full, n), rtol=1e-10, atol=1e-12)
    for function in (mixture_gamma, mixture_preconditioner, mixture_second_moment):
        for mixture in ("prompt", "example"):
            values = [function([task, other], [0.3, 0.7], n, mixture=mixture) for task in (covariance, full)]
            np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-11)
    assert overthinking_length(covariance, other) == pytest.approx(overthinking_length(full, other), rel=1e-9)
    errors = [error_exact(task, task, n_context=n, n_context_test=5, depth=2) for task in (covariance, full)]
    np.testing.assert_allclose(*errors, rtol=1e-9)


def test_haar_ranges_are_uniform():
    """The projector on the range of a rank 1 covariance in 3 dimensions has the moments of a uniform direction.

    False alarm 1e-4 (4.4 standard errors, 9 entries).
    """
    rng = np.random.default_rng(6)
    draws = np.array([haar(Covariance([0.0, 2.0, 0.0]), rng=rng).matrix.ravel() / 2 for _ in range(4000)])
    z = (draws.mean(0) - np.eye(3).ravel() / 3) / draws.std(0) * np.sqrt(len(draws))
    assert np.abs(z).max() < 4.4


def test_haar_moves_the_positive_eigenvalues_first():
    covariance = haar(Covariance([0.0, 2.0, 0.0, 3.0]), rng=np.random.default_rng(0))
    assert covariance.spectrum.tolist() == [2.0, 3.0, 0.0, 0.0]


def test_tasks_in_a_common_basis_share_it():
    target = haar(power_law(5, 1.0), rng=np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for task in (aligned(limited_support(5, 1.0, support=2), target, rng=rng), shuffled(target, rng=rng), in_basis_of(identity(5), target)):
        assert task.basis is target.basis and not task.spectrum.flags.writeable


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [[1.0, -0.5], [[1.0, 0.0], [0.0, -0.5]]])
def test_a_negative_eigenvalue_is_named(value):
    with pytest.raises(ValueError, match=r"^covariance has the eigenvalue -0.5: must be positive semidefinite \(eigenvalues >= 0\)"):
        as_covariance(value)


def test_an_indefinite_matrix_is_refused_by_its_name():
    with pytest.raises(ValueError, match=r"^test_covariance has the eigenvalue -1: must be positive semidefinite"):
        as_covariance([[1.0, 2.0], [2.0, 1.0]], name="test_covariance")


@pytest.mark.parametrize(
    "value, message",
    [
        ([1.0, np.nan], "^covariance has the eigenvalue nan: "),
        ([1.0, np.inf], "^covariance has the eigenvalue inf: "),
        ([0.0, 0.0], "^covariance = 0: at least one eigenvalue must be positive"),
        ([], r"^covariance has shape \(0,\): "),
        (1.0, r"^covariance has shape \(\): give a Covariance, a \(D, D\) matrix or a \(D,\) spectrum"),
        (np.ones((2, 2, 2)), r"^covariance has shape \(2, 2, 2\): "),
        (np.ones((2, 3)), r"^covariance has shape \(2, 3\): a covariance matrix has shape \(D, D\)"),
        ([[1.0, 0.5], [0.4, 1.0]], "^covariance is off symmetric by 0.1: "),
        ([[1.0, np.nan], [np.nan, 1.0]], "^covariance = nan: entries must be finite"),
        (["a", "b"], "^covariance = .*must be an array of real numbers"),
        ([[1.0], [1.0, 2.0]], "^covariance = "),
        ([True, False], "^covariance = .*must be an array of real numbers"),
        (None, "^covariance = None: must be an array of real numbers"),
    ],
)
def test_what_is_no_covariance_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        as_covariance(value)


def test_bases_must_be_orthonormal():
    with pytest.raises(ValueError, match=r"^basis is off orthonormal by 0.21: "):
        Covariance([1.0, 2.0], np.diag([1.1, 1.0]))
    with pytest.raises(ValueError, match=r"^basis has shape \(3, 3\): must be \(2, r\), 1 <= r <= 2"):
        Covariance([1.0, 2.0], np.eye(3))
    with pytest.raises(ValueError, match="^target has 3 features, covariance 2"):
        in_basis_of(identity(2), identity(3))


def test_a_partial_basis_where_all_eigenvectors_are_needed_is_refused():
    covariance, target = partial(4, 2)[0], power_law(4, 1.0)
    with pytest.raises(ValueError, match="^basis has 2 eigenvectors: the eigenvalues after the first 2 must be 0"):
        Covariance([1.0, 1.0, 0.1, 0.0], covariance.basis)
    with pytest.raises(ValueError, match=r"^values\[2:\] differ: without their eigenvectors \(basis has 2\) they must be equal"):
        covariance.with_eigenvalues([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(ValueError, match=r"^values has shape \(3,\): must be \(4,\)"):
        covariance.with_eigenvalues(np.ones(3))
    with pytest.raises(ValueError, match="^covariance has 2 eigenvectors in 4 dimensions: all 4 are needed here"):
        shuffled(covariance, rng=np.random.default_rng(0))
    for relative in (in_basis_of, lambda task, of: aligned(task, of, rng=np.random.default_rng(0))):
        with pytest.raises(ValueError, match="^target has 2 eigenvectors in 4 dimensions: all 4 are needed here"):
            relative(target, covariance)
    low = limited_support(4, 1.0, support=2)
    np.testing.assert_allclose(in_basis_of(low, covariance).spectrum, low.spectrum)


@pytest.mark.parametrize("dim", [0, -1, 2.0, True, None])
def test_dimensions_are_positive_integers(dim):
    with pytest.raises(ValueError, match="^dim = .*: must be an integer of at least 1"):
        identity(dim)


def test_parameters_of_spectra_out_of_range():
    with pytest.raises(ValueError, match="^support = 4: at most dim = 3"):
        limited_support(3, 1.0, support=4)
    with pytest.raises(ValueError, match="^exponent = nan: must be finite"):
        power_law(3, np.nan)
    with pytest.raises(ValueError, match="^trace = 0: must be positive and finite"):
        with_trace(identity(3), 0)
