"""Ridge, step size, test noise and training tasks in the asymptotic theory, against formulas over the Marchenko-Pastur law."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.theory import asymptotic

# --- ridge --------------------------------------------------------------------------------------------------------


def marchenko_pastur(ratio, n=250):
    """Gauss nodes and weights of eigenvalues of a Wishart matrix of mean 1, its atom at 0 included."""
    diagonal = np.full(n, 1 + 1 / ratio)
    diagonal[0] = 1
    off = np.full(n - 1, ratio**-0.5)
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return nodes, vectors[0] ** 2


def closed_system(alpha, tau, sigma, lam, depth, radius, n=64):
    """The paper's equations for ridge, with its averages over the spectrum of the tasks."""
    s, weights = marchenko_pastur(tau)
    c = 1 + (1 + sigma**2) / alpha
    fitted = s / (s + lam / (2 * c))
    x = radius * np.exp(2j * np.pi * np.arange(n) / n)
    zeta, phi = x / ((1 - x) * c), np.ones(n, complex)
    for _ in range(3000):
        q = 1 / (1 + np.outer(zeta * phi, fitted))
        phi = (phi + 1 / (1 + zeta / alpha * (q @ (weights * fitted)))) / 2
    dressed = np.outer(zeta * phi, zeta * phi)

    def average(values):
        return (q * (weights * values)) @ q.T

    loop = dressed / alpha
    rest = 1 - loop * average(fitted**2)
    plain = average(np.ones_like(s)) / np.outer(1 - x, 1 - x) / rest
    shrunk = fitted / (s + lam / (2 * c))
    noise = (c - 1) / tau * (dressed * average(shrunk) + loop * average(np.ones_like(s)) * average(shrunk) / rest)
    coefficients = np.fft.fft2(plain / (1 - noise)) / n**2
    return np.diag(coefficients).real[: depth + 1] * radius ** (-2.0 * np.arange(depth + 1))


@pytest.mark.parametrize("point", [(2, 1.5, 0.1, 0.3), (2, 0.6, 0.1, 0.2), (0.7, 3, 0.5, 1.0), (2, 1.05, 0.1, 0.05)], ids=str)
def test_ridge_is_the_papers_closed_system(point):
    alpha, tau, sigma, ridge = point
    expected = closed_system(*point, depth=6, radius=0.3)
    np.testing.assert_allclose(asymptotic.error_curve(alpha, tau, sigma, ridge=ridge, depth=6), expected, rtol=1e-7)


def test_a_small_ridge_is_none():
    np.testing.assert_allclose(
        asymptotic.error_curve(2, 4, 0.3, ridge=1e-12, depth=40), asymptotic.error_curve(2, 4, 0.3, depth=40), rtol=1e-9
    )


# --- step size, test noise and training tasks, ridgeless ----------------------------------------------------------


def on_torus(alpha, tau, sigma, step_size, depth, radius, n=96):
    """Series of the generating functions of error, test noise and training tasks, on nodes of the spectrum (atom included)."""
    s, weights = marchenko_pastur(alpha, 90)
    c = 1 + (1 + sigma**2) / alpha
    beta, a = (c - 1) / (tau - 1), step_size * s / c
    x = radius * np.exp(2j * np.pi * np.arange(n) / n)
    g = 1 / (1 - np.outer(x, 1 - a))
    xy, rest = np.outer(x, x), np.outer(1 - x, 1 - x)
    p, q, u = ((g * (weights * f)) @ g.T for f in (np.ones_like(s), a**2, step_size * a / c))
    error = p / (1 - beta * xy * q)
    noise = xy * (u + rest * beta * u * error) / (alpha * rest)
    mean = np.outer(g @ weights, g @ weights)
    memory = rest / tau * (1 - 1 / c) * (mean + tau / (tau - 1) * (p - mean)) * error
    known = (1 - 1 / c) * (1 - 1 / tau) * error + p / c + memory
    scale = radius ** (-2.0 * np.arange(depth + 1)) / n**2
    return [np.diag(np.fft.fft2(series)).real[: depth + 1] * scale for series in (error, noise, known)]


POINTS = [(3, 3, 0.3), (0.6, 5, 0.4), (2, 1.3, 0.3), (1, 9, 0.2)]


@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("step_size", [0.4, 1.0, 1.5])
def test_step_size_and_test_noise(point, step_size):
    radius = 0.3 if step_size > 1 else 0.5   # inside the poles, and as large as they allow: the rest is rounding
    error, noise, _ = on_torus(*point, step_size, depth=8, radius=radius)
    np.testing.assert_allclose(asymptotic.error_curve(*point, step_size=step_size, depth=8), error, rtol=1e-7)
    both = asymptotic.error_curve(*point, step_size=step_size, test_noise=0.7, depth=8)
    np.testing.assert_allclose(both, error + 0.49 * noise, rtol=1e-7)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_training_tasks(point):
    np.testing.assert_allclose(
        asymptotic.training_task_error_curve(*point, depth=8), on_torus(*point, 1.0, depth=8, radius=0.5)[2], rtol=1e-7
    )


def test_printed_noise_and_training_errors():
    added = asymptotic.error_curve(3, 3, 0.3, test_noise=1.0, depth=8) - asymptotic.error_curve(3, 3, 0.3, depth=8)
    np.testing.assert_allclose(added[1:], [0.2119, 0.2381, 0.3131, 0.3444, 0.3825, 0.4031, 0.4247, 0.4379], atol=5.1e-5)
    training = asymptotic.training_task_error_curve(3, 3, 0.3, depth=4)
    np.testing.assert_allclose(training[1:], [0.3221, 0.1432, 0.0776, 0.0462], atol=5.1e-5)


def test_nothing_is_memorised_of_infinitely_many_tasks():
    error = asymptotic.error_curve(3, np.inf, 0.3, depth=60)
    np.testing.assert_allclose(asymptotic.training_task_error_curve(3, np.inf, 0.3, depth=60), error, rtol=1e-9)


def test_shorter_steps_remove_oscillation_but_not_drift():
    """At alpha = 2, sigma = 0.3 the boundaries are 2.53 and 1.545; only the first moves, to 1.54 at step size 0.9."""
    taus = xr.DataArray([1.5, 1.7, 3.0], dims="tau")
    for step_size, grows in ((1.0, [True, True, False]), (0.8, [True, False, False])):
        error = asymptotic.error_curve(2.0, taus, 0.3, step_size=step_size, depth=400)
        assert (error.sel(k=400) > error.sel(k=200)).values.tolist() == grows


# --- arguments ----------------------------------------------------------------------------------------------------


def test_extensions_broadcast_by_name_and_label_the_result():
    ridge = xr.DataArray([0.0, 0.2], dims="ridge")
    step_size = xr.DataArray([0.5, 1.0, 1.5], dims="step_size")
    error = asymptotic.error_curve(2.0, 4.0, 0.1, ridge=ridge, step_size=step_size, depth=3)
    assert dict(error.sizes) == {"ridge": 2, "step_size": 3, "k": 4}
    assert error.ridge.values.tolist() == [0, 0.2]
    for values in (dict(ridge=0.0, step_size=1.5), dict(ridge=0.2, step_size=0.5)):
        np.testing.assert_allclose(error.sel(values), asymptotic.error_curve(2.0, 4.0, 0.1, **values, depth=3), rtol=1e-9)


def test_defaults_leave_no_coordinates():
    plain = asymptotic.error_curve(2.0, 4.0, 0.1, ridge=0, step_size=1, test_noise=0.0, depth=3)
    xr.testing.assert_identical(plain, asymptotic.error_curve(2.0, 4.0, 0.1, depth=3))
    assert set(plain.coords) == {"alpha", "tau", "sigma", "k"}


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("ridge = -1", {"ridge": -1}),
        ("step_size = 0", {"step_size": 0}),
        ("test_noise = nan", {"test_noise": np.nan}),
        ("tau = 0.8: the ridgeless curve", {"tau": 0.8}),
        ("tau = 0.8: the ridgeless curve", {"tau": 0.8, "ridge": [0.0, 0.1]}),
        ("tau = 0.0: with ridge", {"tau": 0.0, "ridge": 0.1}),
        ("with ridge or test_noise, depth = 201: a depth is an integer from 0 to 200", {"ridge": 0.1, "depth": 201}),
    ],
)
def test_bad_input_is_refused(message, arguments):
    with pytest.raises(ValueError, match=message):
        asymptotic.error_curve(**({"alpha": 2.0, "tau": 4.0, "depth": 3} | arguments))


# --- error estimates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", [{"ridge": 1e-15}, {"test_noise": 1e-13}, {"test_noise": 1e-13, "step_size": 0.8}], ids=str)
def test_the_estimate_bounds_the_error(extension):
    """Where ridge or noise are too small to matter, the general formula errs by its difference from the ridgeless engine.

    A relative 1e-11 of it is not the contour's: the general formula stands at a very large dimension instead of an infinite one.
    """
    step_size = extension.get("step_size", 1.0)
    for point in POINTS:
        error = asymptotic.error_curve(*point, depth=60, **extension)
        exact = asymptotic.error_curve(*point, depth=60, step_size=step_size)
        assert (np.abs(error - exact) <= error.error_estimate + 1e-11 * exact).all()
        assert (error.error_estimate <= 1e-6 * exact).all()


def test_only_what_the_general_formula_gave_has_an_estimate():
    ridge = xr.DataArray([0.0, 0.2], dims="ridge")
    error = asymptotic.error_curve(2.0, [3.0, 4.0], 0.1, ridge=ridge, depth=3)
    assert error.error_estimate.dims == error.dims and (error.error_estimate > 0).all()
    assert error.error_estimate.attrs == {"long_name": "estimated numerical error", "units": "1"}
    assert "error_estimate" in asymptotic.training_task_error_curve(2.0, 4.0, depth=3).coords
    assert "error_estimate" not in asymptotic.error_curve(2.0, 4.0, step_size=0.5, depth=3).coords


def test_no_points_give_no_curves():
    for function, extension in ((asymptotic.error_curve, {"ridge": 0.1}), (asymptotic.training_task_error_curve, {})):
        assert function(2.0, np.array([]), **extension, depth=3).shape == (0, 4)


# --- the logarithm ------------------------------------------------------------------------------------------------


def test_the_logarithm_is_that_of_the_error():
    step_size = xr.DataArray([0.5, 1.0], dims="step_size")
    log_error = asymptotic.log_error_curve(2.0, [1.5, 4.0], 0.1, step_size=step_size, depth=30)
    error = asymptotic.error_curve(2.0, [1.5, 4.0], 0.1, step_size=step_size, depth=30)
    assert log_error.dims == error.dims and set(log_error.coords) == set(error.coords)
    np.testing.assert_allclose(log_error, np.log(error), rtol=0, atol=1e-13)
    assert log_error.name == "log_error"
    assert log_error.attrs == {"long_name": "natural logarithm of the error per dimension", "units": "1"}
