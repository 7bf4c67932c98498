"""Shares by the error on the target against grids, the population limit, symmetries and the conditions of optimality."""

import numpy as np
import pytest

from cotdepth.error_selection import best_shares
from cotdepth.selection import evaluate, solve
from cotdepth.theory import equivalents, finite
from cotdepth.theory.equivalent_problem import problem
from cotdepth.theory.equivalent_shares import SINGULAR, ErrorOfShares

INF, RNG = np.inf, np.random.default_rng
REGIME = dict(train_context=200, test_context=200, n_tasks=300, label_noise=2.0)
STEEP, REVERSED, FLAT = np.repeat([0.4, 1.6], 50), np.repeat([1.6, 0.4], 50), np.ones(100)
STRONG, WEAK = np.repeat([0.1, 1.9], 50), np.repeat([1.9, 0.1], 50)


def power(exponent, dim=100):
    spectrum = np.arange(1.0, dim + 1) ** -exponent
    return spectrum / spectrum.mean()


def rotated(spectrum, seed):
    basis, _ = np.linalg.qr(RNG(seed).standard_normal((len(spectrum),) * 2))
    return basis * spectrum @ basis.T


def grid(families, parts):
    """All points of the simplex whose shares are multiples of 1/parts."""
    counts = np.stack(np.meshgrid(*[np.arange(parts + 1)] * families, indexing="ij"), -1).reshape(-1, families)
    return counts[counts.sum(1) == parts] / parts


# --- the error as a function of shares ----------------------------------------------------------------------------


def test_the_error_of_shares_is_the_error_curve_whatever_was_asked_before():
    families, regime = [STRONG, WEAK, power(0.4)], REGIME | {"label_noise": [0.0, 3.0, 1.0], "train_context": [200, 150, 400]}
    error = ErrorOfShares(problem(families, STRONG, **regime), 6)
    for shares in [*RNG(0).dirichlet(np.full(3, 0.5), 12), np.array([0.0, 0.3, 0.7]), np.array([0.0, 0.0, 1.0])]:
        known = equivalents.error_curve(families, STRONG, shares=shares, depth=6, **regime)
        np.testing.assert_allclose(error.curve(shares)[0], known, rtol=1e-9)


CASES = {
    "spectra": ([STEEP, power(0.6), FLAT], power(0.4), REGIME),
    "ridge, two regimes": ([STEEP, REVERSED], FLAT, REGIME | dict(ridge=0.3, label_noise=[0.0, 4.0], train_context=[100, 300])),
    "matrices": ([rotated(power(0.5, 12), 0), rotated(power(0.2, 12), 1)], FLAT[:12], dict(train_context=30, test_context=40, n_tasks=60)),
}


@pytest.mark.filterwarnings("ignore:one eigenvalue")
@pytest.mark.parametrize("case", CASES)
def test_slopes_are_derivatives_towards_single_families(case):
    families, target, regime = CASES[case]
    shares, step = RNG(1).dirichlet(np.full(len(families), 4.0)), 1e-3
    slopes = ErrorOfShares(problem(families, target, **regime), 4).slopes(shares)
    for alone, slope in zip(np.eye(len(families)), slopes):
        ends = [shares + sign * step * (alone - shares) for sign in (1, -1)]
        errors = [equivalents.error_curve(families, target, shares=end, depth=4, **regime)[4].item() for end in ends]
        assert slope == pytest.approx(np.log(errors[0] / errors[1]) / (2 * step), rel=1e-4, abs=1e-5)
    assert shares @ slopes == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", ["spectra", "matrices"])
@pytest.mark.parametrize("context", [20, INF])
def test_many_tasks_and_long_test_prompts_leave_the_population_error(kind, context):
    families = [rotated(power(exponent, 8), seed) if kind == "matrices" else power(exponent, 8) for seed, exponent in enumerate((0.5, 0.9))]
    target = power(0.4, 8)
    error = ErrorOfShares(problem(families, target, train_context=context, test_context=INF, n_tasks=INF), 5)
    for shares in [*RNG(2).dirichlet(np.ones(len(families)), 4), np.eye(len(families))[0]]:
        learned = finite.mixture_preconditioner(families, shares, context, mixture="prompt")
        np.testing.assert_allclose(error.curve(shares)[0], finite.error_leading_order_at(learned, target, depth=5), rtol=1e-9)


def test_slopes_of_the_population_error_are_those_of_the_exact_objective():
    families, target, shares = [STEEP, power(0.6), FLAT], power(0.4), np.array([0.2, 0.5, 0.3])
    slopes = ErrorOfShares(problem(families, target, train_context=150, test_context=INF, n_tasks=INF), 3).slopes(shares)
    known = evaluate(shares, families, target, objective="exact", depth=3, n_context=150, mixture="prompt")
    gradient = (known.gradient / known.objective).values
    np.testing.assert_allclose(slopes, gradient - shares @ gradient, atol=1e-6)


# --- the best shares ----------------------------------------------------------------------------------------------

GRIDS = {
    "two, inside": ([STEEP, REVERSED], 0.3 * STEEP + 0.7, REGIME, 200),
    "two, with a minimum at either end of a hill": ([STRONG, WEAK], STRONG, REGIME | {"n_tasks": 240, "label_noise": 0.0}, 200),
    "two, noises and contexts": ([STEEP, FLAT], STEEP, REGIME | {"label_noise": [10.0, 0.0], "train_context": [150, 250]}, 200),
    "three, one without a share": ([power(0.6), power(0.3)[::-1].copy(), FLAT], power(0.4), REGIME, 24),
    "three, ridge and few tasks": ([STRONG, WEAK, FLAT], STEEP, REGIME | {"n_tasks": 80, "ridge": 0.1}, 24),
}


@pytest.mark.parametrize("case", GRIDS)
def test_no_point_of_a_grid_is_better(case):
    families, target, regime, parts = GRIDS[case]
    best = best_shares(families, target, depth=4, **regime)
    error, points = ErrorOfShares(problem(families, target, **regime), 4), grid(len(families), parts)
    values = np.array([error.curve(point)[0][-1] for point in points])
    least = points[np.argmin(values)]
    assert best.error[-1] < values.min() * (1 + 1e-9) and np.abs(best.share - least).max() < 1.5 / parts
    known = equivalents.error_curve(families, target, shares=best.share.values, depth=4, **regime)
    np.testing.assert_allclose(best.error, known, rtol=1e-9)
    assert best.kkt_residual < 1e-5


def test_families_that_mirror_each_other_get_equal_shares():
    best = best_shares([STEEP, REVERSED, FLAT], FLAT, depth=4, **REGIME)
    assert best.share[0].item() == pytest.approx(best.share[1].item(), abs=1e-4)
    turned = best_shares([STEEP, REVERSED], power(0.3), depth=4, **REGIME)
    back = best_shares([REVERSED, STEEP], power(0.3), depth=4, **REGIME)
    np.testing.assert_allclose(turned.share, back.share[::-1], atol=1e-4)
    assert abs(turned.share[0] - 0.5) > 0.01


def test_the_target_among_useless_families_gets_everything():
    best = best_shares([FLAT, STEEP, REVERSED], STEEP, depth=3, **REGIME)
    assert best.share.values.tolist() == [0, 1, 0] and best.kkt_residual == 0
    np.testing.assert_allclose(best.start_error, best.error[-1].item(), rtol=1e-9)
    error = ErrorOfShares(problem([FLAT, STEEP, REVERSED], STEEP, **REGIME), 3)
    assert all(error.curve(point)[0][-1] >= best.error[-1] * (1 - 1e-9) for point in grid(3, 12))


def test_a_third_of_a_useless_family_can_be_better_than_the_target_alone():
    """Where training on the target alone overthinks. The surrogate, 0 for the target alone, knows nothing of pools."""
    regime = dict(train_context=200, test_context=200, n_tasks=180, depth=4)
    best = best_shares([STRONG, WEAK], STRONG, **regime)
    assert best.surrogate_share.values.tolist() == [1, 0]
    np.testing.assert_allclose(best.share, [0.702, 0.298], atol=1e-3)
    errors = [values[-1].item() for values in (best.error, best.error_at_surrogate, best.error_at_uniform)]
    np.testing.assert_allclose(errors, [0.8345, 1.1425, 1.1426], atol=1e-4)
    assert best_shares([STRONG, WEAK], STRONG, **regime | {"n_tasks": 1000}).share.values.tolist() == [1, 0]


def test_descent_ends_in_the_minimum_on_its_side_of_a_hill():
    best = best_shares([STRONG, WEAK], STRONG, depth=4, **REGIME | {"n_tasks": 240, "label_noise": 0.0})
    reached = dict(zip(best.start.values, best.start_error.values))
    assert reached["uniform"] == pytest.approx(0.59721, abs=1e-5) and reached["surrogate"] == pytest.approx(0.62776, abs=1e-5)


@pytest.mark.parametrize("depth", [1, 4])
def test_in_the_population_limit_they_solve_the_exact_problem(depth):
    families, target = [power(0.6), power(0.3)[::-1].copy(), FLAT], power(0.4)
    best = best_shares(families, target, train_context=150, test_context=INF, n_tasks=INF, depth=depth)
    known = solve(families, target, objective="exact", depth=depth, n_context=150, mixture="prompt")
    np.testing.assert_allclose(best.share, known.probability, atol=1e-4)
    assert best.error[-1].item() == pytest.approx(known.objective.item() / 100, rel=1e-9)


@pytest.mark.parametrize("depth", [1, 10])
def test_an_error_of_zero_is_found(depth):
    best = best_shares([REVERSED, STEEP, FLAT], STEEP, train_context=INF, test_context=INF, n_tasks=INF, depth=depth)
    np.testing.assert_allclose(best.share, [0, 1, 0], atol=1e-6)
    assert abs(best.error[-1]) < 1e-12


def test_what_is_no_number_is_not_taken_for_the_best(monkeypatch):
    monkeypatch.setattr(ErrorOfShares, "curve", lambda self, shares: (np.full(4, np.nan), np.zeros(4)))
    assert ErrorOfShares(problem([FLAT, STEEP], STEEP, **REGIME), 3).log_error(np.array([0.5, 0.5])) == SINGULAR


def test_fits_that_are_singular_are_infinitely_bad():
    """Ridgeless, 60 directions of one family need more than 60 tasks: with equal shares of 124 there are 41."""
    families, regime = list(np.repeat(np.eye(3), [60, 20, 20], axis=1)), dict(train_context=200, test_context=200, n_tasks=124)
    best = best_shares(families, FLAT, **regime, depth=3)
    assert np.isinf(best.error_at_uniform).all() and best.start_error.values[0] == INF
    error = ErrorOfShares(problem(families, FLAT, **regime), 3)
    assert best.error[-1] <= min(error.curve(point)[0][-1] for point in grid(3, 9)) * (1 + 1e-9)
    alone = equivalents.error_curve(families[2], FLAT, **regime, depth=3)
    np.testing.assert_allclose(error.curve([0.0, 0.0, 1.0])[0], alone, rtol=1e-9)
    critical = ErrorOfShares(problem(families, FLAT, **regime | {"n_tasks": 120}), 3)
    assert np.isinf(critical.curve([0.5, 0.25, 0.25])[0]).all()
    with pytest.raises(ArithmeticError, match="too few tasks for directions that it alone has"):
        equivalents.error_curve(families, FLAT, **regime, depth=3)


# --- results, what is refused -------------------------------------------------------------------------------------


def test_results_are_labelled():
    best = best_shares([STEEP, FLAT], STEEP, depth=2, starts=1, rng=RNG(0), **REGIME)
    assert {name: array.dims for name, array in best.items()} == {
        "share": ("family",),
        "error": ("k",),
        "kkt_residual": (),
        "error_at_uniform": ("k",),
        "start_error": ("start",),
        "start_kkt_residual": ("start",),
        "surrogate_share": ("family",),
        "error_at_surrogate": ("k",),
    }
    assert best.k.values.tolist() == [0, 1, 2] and best.start.values.tolist() == ["uniform", "surrogate", "random 1", "best scanned"]
    assert all(array.attrs["units"] == "1" and array.attrs["long_name"] for array in best.values())
    target = np.repeat([1.0, 0.0], 50)
    assert "surrogate_share" not in best_shares([STEEP, FLAT], target, depth=2, **REGIME)


REFUSED = {
    r"train_covariance = array": {"train_covariance": FLAT},
    r"train_covariance\[1\] has 30 features, test_covariance 100": {"train_covariance": [FLAT, np.ones(30)]},
    r"depth = 0: before the first step": {"depth": 0},
    r"depth = 2\.5: a depth is an integer from 0 to 200": {"depth": 2.5},
    r"n_tasks = 100: the ridgeless fit needs more tasks than the 100 training dimensions; give ridge > 0": {"n_tasks": 100},
    r"label_noise = -1: must be": {"label_noise": -1},
    r"train_covariance has 2, train_context has 3: lists mean": {"train_context": [200] * 3},
    r"starts = -1: must be an integer of at least 0": {"starts": -1},
    r"rng = None: starts = 1 random points need": {"starts": 1},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_refused(message):
    arguments = {"train_covariance": [STEEP, FLAT], "test_covariance": STEEP, "depth": 2, **REGIME} | REFUSED[message]
    with pytest.raises(ValueError, match=f"^{message}"):
        best_shares(**arguments)


def test_an_end_that_is_no_minimum_is_an_error(monkeypatch):
    for name, value in {"DESCENT": {"maxiter": 1}, "ROUNDS": 1, "SCANNED": 2}.items():
        monkeypatch.setattr(f"cotdepth.error_selection.{name}", value)
    with pytest.raises(RuntimeError, match="^descent ended with KKT residual"):
        best_shares([STEEP, REVERSED], 0.3 * STEEP + 0.7, depth=4, **REGIME)
