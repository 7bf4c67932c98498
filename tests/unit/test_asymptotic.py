"""The ridgeless asymptotic theory against exact series, printed values and itself."""

import math

import numpy as np
import pytest
import xarray as xr
from flint import arb, arb_poly, ctx
from scipy.optimize import brentq

from cotdepth.theory import asymptotic

PHASES = ["exponential", "slow", "polynomial", "saturation", "overthinking"]


# --- the curve, against ball arithmetic ---------------------------------------------------------------------------


def moment(p, alpha):
    """Moment p of the Marchenko-Pastur law of ratio 1/alpha, from Narayana numbers; the atom at 0 has none."""
    narayana = (math.comb(p, r) * math.comb(p - 1, r) // (r + 1) for r in range(p))
    return sum((number / alpha**r for r, number in enumerate(narayana)), arb(0)) if p else arb(1)


def exact_curve(alpha, tau, sigma, depth):
    """E_0..E_depth as balls, from P/(1 - beta x y Q) with exact moments and nothing of the library.

    With M(x) = sum mu_n x^n and N(x) = sum nu_n x^n the moments of z^n and (s/c)^2 z^n, P = (xM(x) - yM(y))/(x - y) and
    likewise Q, so (x - y) F = xM(x) - yM(y) + beta xy (xN(x) - yN(y)) F: each row of F in powers of y gives the next.
    """
    ctx.prec = 1500
    alpha, sigma, length = arb(alpha), arb(sigma), 2 * depth + 3
    c = 1 + (1 + sigma**2) / alpha
    beta = arb(0) if tau == math.inf else (c - 1) / (arb(tau) - 1)
    power = [moment(p, alpha) / c**p for p in range(length + 2)]

    def shifted(first, n):
        return sum(((-1) ** j * math.comb(n, j) * power[first + j] for j in range(n + 1)), arb(0))

    mu, nu = [[shifted(first, n) for n in range(length)] for first in (0, 2)]
    rows, drive, y = [arb_poly(mu)], arb_poly([0, 0, *nu]), arb_poly([0, 1])
    for i in range(1, depth + 1):
        inner = sum((nu[a] * rows[i - 2 - a] for a in range(i - 1)), arb_poly([]))
        shifted_row = rows[-1] - mu[i - 1] + beta * (drive * rows[-1] - y * inner)
        rows.append(arb_poly([shifted_row[j] for j in range(1, length - i)]))
    return [row[k] for k, row in enumerate(rows)]


def random_point(phase, rng):
    """A random (alpha, tau, sigma) meant for one phase; the tests check which phase it is in."""
    alpha = {"slow": 1.0, "saturation": rng.uniform(0.2, 1)}.get(phase, math.exp(rng.uniform(math.log(1.05), 2)))
    if phase == "overthinking":
        alpha = math.exp(rng.uniform(-2, 2))
    sigma = rng.choice([0.0, rng.uniform(0.05, 2.5)])
    if phase == "slow":
        sigma = max(sigma, 0.1)  # without noise alpha = 1 overthinks at every finite tau
    critical = asymptotic.critical_task_ratio(alpha, sigma).item()
    above = {"polynomial": 0.0, "overthinking": -rng.uniform(0.05, 1)}.get(phase, math.exp(rng.uniform(-4, 4)))
    return alpha, 1 + (critical - 1) * (1 + above) if above else critical, sigma


def special_points():
    infinite = [(alpha, math.inf, sigma) for alpha in (0.5, 1.0, 3.0) for sigma in (0.0, 0.7)]
    return infinite + [(1.0, 4.0, 0.0), (1.0, 1.05, 2.0), (1.0, 2.0, 0.0), (0.01, 1.001, 5.0), (1e3, 50.0, 0.0)]


CURVES = [random_point(phase, np.random.default_rng([1, seed])) for seed, phase in enumerate(PHASES * 6)]
CURVES += special_points()


def test_the_points_of_the_exact_comparison_cover_every_phase():
    found = [asymptotic.phase(*point).item() for point in CURVES]
    assert all(found.count(phase) >= 4 for phase in PHASES), found
    assert sum(point[0] == 1 for point in CURVES) >= 6


@pytest.mark.parametrize("point", CURVES, ids="{0[0]:.4g}-{0[1]:.4g}-{0[2]:.3g}".format)
def test_curve_equals_the_exact_series_at_every_depth(point):
    exact = exact_curve(*point, depth=60)
    assert min(error.rel_accuracy_bits() for error in exact) > 60
    curve = asymptotic.error_curve(*point, depth=60)
    np.testing.assert_allclose(curve, [float(error) for error in exact], rtol=1e-10, atol=0)


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 11])
def test_shallow_curves_are_the_start_of_deep_ones(depth):
    deep = asymptotic.error_curve(0.7, 1.5, 0.3, depth=300)
    np.testing.assert_allclose(asymptotic.error_curve(0.7, 1.5, 0.3, depth=depth), deep[: depth + 1], rtol=1e-12)


# --- printed digits -----------------------------------------------------------------------------------------------

PRINTED = {
    (4, 3): {1: "0.300006", 5: "0.0151681", 10: "1.12297e-3", 30: "3.8268e-7"},
    (2, 4): {1: "0.44444815", 2: "0.24279932", 5: "0.09053379", 10: "0.03023931"},
    (0.5, 4): {1: "0.88888148", 2: "0.77366365", 5: "0.74880291", 10: "0.75331141"},
    (3, 1.5): {1: "0.750025", 2: "0.53127813", 5: "0.36677811", 10: "0.63561365"},
}


def half_a_unit_in_the_last_place(printed):
    mantissa, _, exponent = printed.partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


@pytest.mark.parametrize("point", PRINTED)
def test_printed_digits(point):
    curve = asymptotic.error_curve(*point, 0.01, depth=30)
    for k, printed in PRINTED[point].items():
        assert abs(curve.sel(k=k).item() - float(printed)) <= 1.0001 * half_a_unit_in_the_last_place(printed)


def test_the_papers_improvement_that_is_overthinking():
    curve = asymptotic.error_curve(3, 1.6, 2, depth=120)
    assert curve.sel(k=12).item() == pytest.approx(26.3, abs=0.05)
    assert curve.sel(k=120).item() == pytest.approx(2.6e19, abs=0.05e19)
    assert asymptotic.phase(3, 1.6, 2).item() == "overthinking"
    assert asymptotic.oscillation_boundary(3, 2).item() < 1.6 < asymptotic.drift_boundary(3, 2).item()


def test_printed_growth_rate():
    assert asymptotic.growth_rate(3, 1.5, 0.01).item() == pytest.approx(0.26330, abs=5e-6)


def test_printed_floors_and_a_harmful_first_step():
    assert asymptotic.error_floor(0.5, 3.1, 1).item() == pytest.approx(10.5)
    assert asymptotic.error_floor(0.5, 8, 0.1).item() == pytest.approx(0.58431, abs=5e-6)
    assert asymptotic.optimal_depth(0.5, 2, 1, max_depth=50).optimal_depth.item() == 0


# --- boundaries ---------------------------------------------------------------------------------------------------


def bulk_average(function, alpha, n=4000):
    """Average over the continuous part of the Marchenko-Pastur law, by the midpoint rule in s = 1 + 1/alpha + 2 cos/sqrt(alpha)."""
    angle = (np.arange(n) + 0.5) * np.pi / n
    s = 1 + 1 / alpha + 2 * np.cos(angle) / np.sqrt(alpha)
    return np.mean(2 * np.sin(angle) ** 2 / s * function(s))


@pytest.mark.parametrize("alpha", [0.05, 0.6, 1.0, 1.4, 7.0])
@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_oscillation_boundary_equals_its_integral_and_the_printed_form(alpha, sigma):
    boundary = asymptotic.oscillation_boundary(alpha, sigma).item()
    c = 1 + (1 + sigma**2) / alpha
    integral = bulk_average(lambda s: (s / c) ** 2 / (2 - s / c) ** 2, alpha)
    h = alpha + 1 + 2 * sigma**2
    root = math.sqrt(h**2 - 4 * alpha)
    printed = 1 + (1 + sigma**2) * (h - root) * (h + alpha + 1 - root) / (2 * alpha * root)
    assert boundary == pytest.approx(1 + (c - 1) * integral, rel=1e-12)
    assert boundary == pytest.approx(printed, rel=1e-12)


def test_oscillation_boundary_without_noise():
    assert asymptotic.oscillation_boundary(3.0).item() == pytest.approx(1 + 6 / (3 * 2), rel=1e-14)
    assert asymptotic.oscillation_boundary(0.5).item() == pytest.approx(1 + 2.5 / 0.5, rel=1e-14)
    assert asymptotic.oscillation_boundary(1.0).item() == math.inf


CROSSINGS = {0.05: 0.209, 0.1: 0.279, 0.2: 0.360, 0.5: 0.462, 1: 0.5, 1.5: 0.594, 2: 0.653, 3: 0.727, 5: 0.805}
CROSSINGS |= {10: 0.884, 50: 0.972}


@pytest.mark.parametrize("alpha", CROSSINGS)
def test_noise_where_the_drift_boundary_takes_over(alpha):
    def excess(sigma):
        return (asymptotic.drift_boundary(alpha, sigma) - asymptotic.oscillation_boundary(alpha, sigma)).item()

    crossing = brentq(excess, 0.01, 3, xtol=1e-12)
    assert crossing == pytest.approx(CROSSINGS[alpha], abs=5e-4 if alpha != 1 else 1e-10)
    for sigma, ruling in [(crossing - 0.1, asymptotic.oscillation_boundary), (crossing + 0.1, asymptotic.drift_boundary)]:
        assert asymptotic.critical_task_ratio(alpha, sigma) == ruling(alpha, sigma)


# --- phases, rates, floors and curves agree -----------------------------------------------------------------------


def random_grid(n=600):
    """Log-uniform alpha in [0.1, 10] and tau - 1 in [0.05, 50], sigma in [0, 2]; a tenth at each special value."""
    rng = np.random.default_rng(7)
    alpha, tau = np.exp(rng.uniform(np.log(0.1), np.log(10), n)), 1 + np.exp(rng.uniform(np.log(0.05), np.log(50), n))
    sigma = np.where(rng.random(n) < 0.3, 0.0, rng.uniform(0, 2, n))
    alpha[: n // 5] = 1.0
    critical = asymptotic.critical_task_ratio(alpha, sigma).values
    tau[:: n // 40] = critical[:: n // 40]
    tau[1 :: n // 40] = np.inf
    return alpha, tau, sigma


@pytest.fixture(scope="module")
def grid():
    """The random grid with everything the library says about it, and log errors to depth 400."""
    points = random_grid()
    named = {name: getattr(asymptotic, name)(*points) for name in ("phase", "growth_rate", "error_floor")}
    return xr.Dataset(named | {"log_error": asymptotic.log_error_curve(*points, depth=400)})


def test_the_grid_covers_every_phase(grid):
    assert set(grid.phase.values) == set(PHASES)


def test_growth_rate_has_the_sign_of_the_phase(grid):
    sign = {"overthinking": 1.0, "exponential": -1.0, "slow": 0.0, "polynomial": 0.0, "saturation": 0.0}
    np.testing.assert_array_equal(np.sign(grid.growth_rate), [sign[phase] for phase in grid.phase.values])


def test_curves_grow_at_the_growth_rate(grid):
    """|log(E_400/E_399) - rate| < 0.005, as the laws k^{-1/2} and k^{-3/2} imply.

    Where tau is large near alpha = 1 the prefactor of the last law is small and it takes over beyond depth 400: there
    (at most 2 % of the points) the same must hold at depth 2000.
    """
    slope = grid.log_error.diff("k").isel(k=-1)
    late = np.flatnonzero(np.abs(slope - grid.growth_rate) >= 0.005)
    assert len(late) <= 0.02 * grid.sizes["point"]
    for point in late:
        chosen = grid.isel(point=point)
        deep = asymptotic.log_error_curve(chosen.alpha.item(), chosen.tau.item(), chosen.sigma.item(), depth=2000)
        assert abs(deep.diff("k").isel(k=-1) - chosen.growth_rate) < 0.005


def test_floors_exist_exactly_above_the_critical_ratio(grid):
    above = grid.tau > asymptotic.critical_task_ratio(grid.alpha, grid.sigma) * (1 + 1e-12)
    np.testing.assert_array_equal(np.isfinite(grid.error_floor), above | np.isinf(grid.tau))
    np.testing.assert_array_equal(grid.error_floor > 0, grid.phase == "saturation")


def radius(alpha, tau, sigma, sign, other=None):
    """Smallest |x| with beta x y Q(x, y) = 1 on one side, with y = x or a given y; the bulk edge if there is none."""
    c = 1 + (1 + sigma**2) / alpha
    edge = 1 / max(sign * (1 - (1 - sign / math.sqrt(alpha)) ** 2 / c), 1e-9)

    def excess(r):
        x, y = sign * r, sign * r if other is None else other
        loop = bulk_average(lambda s: (s / c) ** 2 / ((1 - x * (1 - s / c)) * (1 - y * (1 - s / c))), alpha)
        return (c - 1) / (tau - 1) * x * y * loop - 1

    inside = edge * (1 - 1e-6)
    return brentq(excess, 0, inside) if excess(inside) > 0 else edge


@pytest.mark.parametrize(
    "point", [(3, 1.5, 0.01), (3, 1.6, 2), (0.6, 1.3, 0.2), (1, 1.4, 1.0), (2.5, 4, 0.3), (8, 1.9, 1.2), (0.2, 1.5, 2)]
)
def test_growth_rate_is_the_radius_of_convergence_in_its_defining_integral(point):
    radii = [radius(*point, sign) for sign in (-1, 1)]
    assert asymptotic.growth_rate(*point).item() == pytest.approx(-2 * math.log(min(radii)), rel=1e-7)


def rate_of_approach(alpha, tau, sigma):
    """Slowest exponential in E_k - E_inf for alpha < 1 (derived for this project).

    Two equal poles, x = y = +-r; the atom of one factor (x = 1) with the bulk edge of the other; or the atom with a pole
    of the other, beta y Q(1, y) = 1, which exists and then decides if beta sqrt(alpha) > 1.
    """
    poles = [-2 * math.log(radius(alpha, tau, sigma, sign)) for sign in (-1, 1)]
    return max(*poles, -math.log(radius(alpha, tau, sigma, 1, other=1.0)))


def test_saturating_curves_reach_their_floor_at_the_known_rate(grid):
    """|E_k / E_inf - 1| exp(-rate k) at depth 400 is at most twice its maximum up to depth 200.

    Its limit is a constant, or 0 by a power law. Curves may cross their floor, so no comparison of two depths; and beside
    tau_c two exponentials of nearly equal rates and opposite signs let it rise towards its limit, hence the factor 2.
    Rounding leaves 1e-11.
    """
    saturating = grid.where((grid.phase == "saturation") & np.isfinite(grid.tau), drop=True)
    assert saturating.sizes["point"] > 50
    distance = np.abs(np.exp(saturating.log_error) / saturating.error_floor - 1)
    points = zip(saturating.alpha.values, saturating.tau.values, saturating.sigma.values)
    rate = xr.DataArray([rate_of_approach(*point) for point in points], dims="point")
    earlier = distance.sel(k=slice(0, 200))
    bound = (earlier * np.exp(rate * (400 - earlier.k))).max("k")
    assert (distance.sel(k=400) <= 2 * bound + 1e-11).all()
    assert (distance.sel(k=400) < 1e-9).sum() > 30


def test_slow_improvement_has_its_closed_law():
    """At alpha = 1 above tau_c, E_k = sqrt(c / (2 pi k)) / (1 - beta) (1 + O(k^-1/2))."""
    for tau, sigma in [(6.0, 0.5), (8.0, 1.0), (math.inf, 0.0)]:
        c = 2 + sigma**2
        law = math.sqrt(c / (2 * math.pi * 1000)) / (1 - (c - 1) / (tau - 1))
        assert asymptotic.error_curve(1.0, tau, sigma, depth=1000)[-1].item() == pytest.approx(law, rel=0.01)


def test_population_optimum_improves_by_the_papers_theorem():
    """E_k ~ k^{-3/2} (2 sqrt(alpha)/(1 + alpha))^{2k} (1 + O(1/k)) at sigma = 0: what is left halves as depth doubles."""
    alpha = 2.0
    rate = asymptotic.growth_rate(alpha, math.inf).item()
    assert rate == pytest.approx(2 * math.log(2 * math.sqrt(alpha) / (1 + alpha)), rel=1e-14)
    depths = np.array([250, 500, 1000, 2000])
    log_error = asymptotic.log_error_curve(alpha, math.inf, 0.0, depth=2000).sel(k=depths).values
    left = np.diff(log_error - rate * depths + 1.5 * np.log(depths))
    assert abs(left[-1]) < 0.01
    np.testing.assert_allclose(left[:-1] / left[1:], 2, atol=0.2)


def test_large_task_ratio_tends_to_the_population_optimum():
    """The correction is first order in beta = (c - 1)/(tau - 1)."""
    limit = asymptotic.error_curve(2.0, math.inf, 0.3, depth=20)
    gaps = [np.abs(asymptotic.error_curve(2.0, tau, 0.3, depth=20) / limit - 1)[1:] for tau in (1e8, 1e9)]
    np.testing.assert_allclose(gaps[0] / gaps[1], 10, rtol=1e-3)
    assert asymptotic.error_floor(0.4, math.inf, 0.3).item() == 0.6
    assert asymptotic.growth_rate(2.0, 1e12, 0.3).item() == pytest.approx(
        asymptotic.growth_rate(2.0, math.inf, 0.3).item(), rel=1e-6
    )


@pytest.mark.parametrize("alpha, sigma", [(0.4, 0.1), (0.4, 1.5), (1.0, 0.3), (1.0, 1.5), (3.0, 0.1), (3.0, 1.5)])
def test_phase_switches_at_the_critical_ratio(alpha, sigma):
    critical = asymptotic.critical_task_ratio(alpha, sigma).item()
    above = "saturation" if alpha < 1 else "slow" if alpha == 1 else "exponential"
    near = critical * (1 + np.array([-1e-10, -1e-13, 0, 1e-13, 1e-10]))
    words = ["overthinking", "polynomial", "polynomial", "polynomial", above]
    assert asymptotic.phase(alpha, near, sigma).values.tolist() == words
    rates = asymptotic.growth_rate(alpha, near, sigma).values
    assert rates[0] > 0 and (rates[1:4] == 0).all() and (rates[4] < 0) == (above == "exponential")


def test_infinite_task_ratio_at_alpha_one_is_slow_even_where_the_boundary_is_infinite():
    assert asymptotic.phase(1.0, math.inf).item() == "slow"
    assert asymptotic.phase(1.0, 1e9).item() == "overthinking"


# --- optimal depth ------------------------------------------------------------------------------------------------


def test_optimal_depth_minimises_the_curve():
    tau = np.linspace(1.05, 3, 40)
    best = asymptotic.optimal_depth(3.0, tau, 0.3, max_depth=200)
    curve = asymptotic.error_curve(3.0, tau, 0.3, depth=200)
    np.testing.assert_array_equal(best.optimal_depth, curve.argmin("k"))
    np.testing.assert_array_equal(best.optimal_error, curve.min("k"))
    assert best.optimal_depth.dims == ("tau",) and best.optimal_depth.dtype.kind == "i"
    assert best.optimal_depth.max() == 200 and best.optimal_depth.min() < 5


@pytest.mark.parametrize("alpha", [0.001, 0.1, 0.4])
def test_optimal_depth_on_a_floor_is_the_first_that_reaches_it(alpha):
    """On a floor rounding decides which error is the smallest number; it must not decide the answer by more than a few steps."""
    best = [asymptotic.optimal_depth(alpha, math.inf, 0.5, max_depth=depth).optimal_depth.item() for depth in (300, 2000)]
    assert abs(best[0] - best[1]) <= 5 and best[1] < 150


def test_optimal_depth_sees_errors_below_the_range_of_floats():
    best = asymptotic.optimal_depth(100.0, math.inf, max_depth=500)
    assert best.optimal_depth.item() == 500 and best.optimal_error.item() == 0


# --- shapes and labels --------------------------------------------------------------------------------------------


def test_curve_labels():
    curve = asymptotic.error_curve(2.0, np.array([2.0, 4.0]), 0.01, depth=3)
    assert curve.dims == ("tau", "k") and curve.name == "error"
    assert curve.attrs == {"long_name": "error per dimension |w - w_k|^2 / D", "units": "1"}
    assert curve.k.values.tolist() == [0, 1, 2, 3]
    assert curve.alpha.item() == 2.0 and curve.sigma.item() == 0.01
    np.testing.assert_array_equal(curve.sel(k=0), 1)


@pytest.mark.parametrize("name", ["growth_rate", "error_floor", "phase"])
def test_results_of_scalars_are_labelled_scalars(name):
    result = getattr(asymptotic, name)(2.0, 4.0)
    assert result.shape == () and result.name == name and set(result.coords) == {"alpha", "tau", "sigma"}
    assert result.attrs["units"] == "1" and result.attrs["long_name"]


@pytest.mark.parametrize("name", ["critical_task_ratio", "oscillation_boundary", "drift_boundary"])
def test_boundaries_are_labelled(name):
    result = getattr(asymptotic, name)(np.array([0.5, 2.0]), 0.1)
    assert result.dims == ("alpha",) and result.name == name and result.sigma.item() == 0.1
    assert result.attrs["units"] == "1" and result.attrs["long_name"]


def test_a_boundary_is_an_argument_of_the_next_call():
    alpha = np.array([0.5, 2.0, 3.0])
    critical = asymptotic.critical_task_ratio(alpha, 0.3)
    words = asymptotic.phase(alpha, critical, 0.3)
    assert words.dims == ("alpha",) and (words == "polynomial").all()
    np.testing.assert_array_equal(words.tau, critical)


def test_grids_equal_their_points():
    alpha = xr.DataArray([0.5, 2.0], dims="alpha")
    tau = xr.DataArray([1.5, 4.0, np.inf], dims="tau")
    curve = asymptotic.error_curve(alpha, tau, 0.2, depth=7)
    assert curve.dims == ("alpha", "tau", "k")
    for a in (0.5, 2.0):
        for t in (1.5, 4.0, np.inf):
            np.testing.assert_array_equal(curve.sel(alpha=a, tau=t), asymptotic.error_curve(a, t, 0.2, depth=7))


def test_overflow_and_underflow_are_quiet():
    with np.errstate(all="raise"):
        assert asymptotic.error_curve(1.0, 1.001, 2.0, depth=500)[-1] == np.inf
        assert asymptotic.error_curve(50.0, np.inf, depth=500)[-1] == 0


@pytest.mark.parametrize("depth", [-1, 20_001, 3.0, True, "3", None])
@pytest.mark.parametrize("curve", [asymptotic.error_curve, asymptotic.log_error_curve])
def test_a_refused_depth_is_named(curve, depth):
    with pytest.raises(ValueError, match=r"^depth = .*: a depth is an integer from 0 to 20000"):
        curve(2.0, 4.0, depth=depth)


@pytest.mark.parametrize("depth", [-1, 2001, 3.0])
def test_a_refused_largest_depth_is_named(depth):
    with pytest.raises(ValueError, match=r"^max_depth = .*: a depth is an integer from 0 to 2000"):
        asymptotic.optimal_depth(2.0, 4.0, max_depth=depth)


def test_depth_may_be_a_numpy_integer():
    assert asymptotic.error_curve(2.0, 4.0, depth=np.int32(5)).sizes["k"] == 6
