"""Experiment beside theory: the gap, its standard error, and the extrapolation to infinite dimension."""

import warnings

import numpy as np
import pytest
import xarray as xr

from cotdepth.comparison import compare_finite_size, extrapolate

DIMS = [64, 128, 256, 512]


def on_dims(values, dims=DIMS):
    """One row of values for each dimension D."""
    values = np.asarray(values, float)
    return xr.DataArray(values, dims=("dim", "k")[: values.ndim], coords={"dim": dims})


def powers(a, b, c, dims=DIMS):
    dims = np.array(dims, float)[:, None]
    return on_dims(a + b / dims + c / dims**2, dims[:, 0])


A, B, C = np.array([1.0, 2e-9, 3e8, 0.0]), np.array([5.0, 1e-7, -1e10, 1.0]), np.array([-30.0, 1e-5, 0.0, 100.0])


@pytest.mark.parametrize("dims", [[16, 32, 48, 64], DIMS, [64, 128, 256, 512, 1024], [512, 64, 256, 128]], ids=str)
@pytest.mark.parametrize("errors", [[1.0] * 5, [1e-3, 1.0, 1e-2, 10.0, 0.1]], ids=["equal", "unequal"])
def test_corrections_of_first_and_second_order_are_extrapolated_exactly(dims, errors):
    mean = powers(A, B, C, dims)
    scale = np.abs(mean).max("dim")
    limit = extrapolate(mean, xr.DataArray(errors[: len(dims)], dims="dim", coords={"dim": mean.dim}) * scale)
    np.testing.assert_allclose(limit.sel(term="value") / scale, A / scale, atol=1e-9)


def test_the_extrapolated_value_and_its_standard_error_are_those_of_repeated_experiments():
    """False alarm 1e-4: four standard errors of a mean, and of a standard deviation, of 4000 experiments."""
    n, error = 4000, np.array([0.3, 0.1, 0.2, 0.05, 0.1])
    dims = [16, 32, 64, 128, 256]
    noise = error[:, None] * np.random.default_rng(3).standard_normal((5, n))
    mean = powers(np.ones(n), 5.0, -30.0, dims) + xr.DataArray(noise, dims=("dim", "k"))
    limit = extrapolate(mean, xr.zeros_like(mean) + error[:, None])
    claimed = limit.sel(term="standard error")
    assert np.ptp(claimed.values) < 1e-12
    assert abs(limit.sel(term="value").mean() - 1.0) < 4 * claimed[0] / np.sqrt(n)
    assert abs(limit.sel(term="value").std(ddof=1) / claimed[0] - 1) < 4 / np.sqrt(2 * n)


def test_the_extrapolation_does_not_depend_on_the_unit_of_the_error():
    mean, error = powers(1.0, 5.0, 2.0), on_dims(np.array([[0.1], [0.2], [0.3], [0.2]]))
    xr.testing.assert_allclose(extrapolate(mean, error) * 1e-12, extrapolate(mean * 1e-12, error * 1e-12), rtol=1e-9, atol=0)


def test_a_precise_dimension_counts_more_than_a_noisy_one():
    """A wrong mean that says how wrong it is does little harm."""
    mean, error = powers(1.0, 5.0, 2.0, [16, 32, 64, 128, 256]), np.array([1e-3, 1e-3, 1.0, 1e-3, 1e-3])
    mean[2] += 0.5
    limit = extrapolate(mean, xr.zeros_like(mean) + error[:, None])
    assert abs(limit.sel(term="value").item() - 1) < 1e-4


def nan_mean(mean, error):
    mean[1] = np.nan


def infinite_mean(mean, error):
    mean[1] = np.inf


def no_error(mean, error):
    error[2] = 0


def nan_error(mean, error):
    error[2] = np.nan


def errors_too_wide_apart(mean, error):
    error[:, 0] = [1.0, 1e30, 1e60, 1e90]


@pytest.mark.parametrize("spoil", [nan_mean, infinite_mean, no_error, nan_error, errors_too_wide_apart])
def test_what_cannot_be_extrapolated_is_nan(spoil):
    mean, error = powers(1.0, 5.0, 2.0), powers(0.1, 0.0, 0.0)
    assert np.isfinite(extrapolate(mean, error)).all()
    spoil(mean, error)
    assert np.isnan(extrapolate(mean, error)).all()


def test_three_dimensions_are_too_few():
    mean = powers(1.0, 5.0, 2.0, DIMS[:3])
    assert np.isnan(extrapolate(mean, mean * 0.1)).all()


def test_depths_are_extrapolated_one_by_one():
    mean, error = powers(A, B, C), powers(np.ones(4), 0, 0)
    mean[0, 2] = np.nan
    assert np.isnan(extrapolate(mean, error)).any("term").values.tolist() == [False, False, True, False]


def experiment(n_pools=6, seed=0):
    """Errors of pools at four dimensions and three depths."""
    rng = np.random.default_rng(seed)
    sizes = {"dim": DIMS, "seed": range(n_pools), "k": range(3)}
    shape = tuple(len(values) for values in sizes.values())
    mean = xr.DataArray(1 + 0.1 * rng.random(shape), coords=sizes)
    quantiles = xr.DataArray([0.8, 1.2], coords={"quantile": [0.25, 0.75]})
    return xr.Dataset({"error_mean": mean, "error_median": mean * 0.9, "error_quantile": mean * quantiles})


THEORY = xr.DataArray([1.0, 0.5, 0.25], coords={"k": range(3)})


def test_the_gap_is_relative_to_the_theory():
    found, pools = compare_finite_size(experiment(), THEORY), experiment().error_mean
    for dim in DIMS:
        values = pools.sel(dim=dim, k=2).values
        assert found.gap.sel(dim=dim, k=2).item() == pytest.approx(values.mean() / 0.25 - 1)
        assert found.gap_standard_error.sel(dim=dim, k=2).item() == pytest.approx(values.std(ddof=1) / 6**0.5 / 0.25)


def test_medians_and_extremes_are_over_pools():
    found, medians = (
        compare_finite_size(experiment(), THEORY).sel(dim=128, k=1),
        experiment().error_median.sel(dim=128, k=1).values,
    )
    ordered = sorted(medians)
    assert (found.pool_lowest, found.pool_highest) == (ordered[0], ordered[-1])
    assert found.error_median.item() == pytest.approx((ordered[2] + ordered[3]) / 2) and found.error_quantile.dims == (
        "quantile",
    )


def test_pools_that_a_dimension_does_not_have_are_not_counted():
    some = experiment(6)
    some["error_mean"] = some.error_mean.where((some.seed < 4) | (some.dim != 128))
    padded, short = (
        compare_finite_size(some, THEORY).sel(dim=128),
        compare_finite_size(experiment(6).isel(seed=slice(4)), THEORY).sel(dim=128),
    )
    xr.testing.assert_allclose(padded.gap, short.gap)
    xr.testing.assert_allclose(padded.gap_standard_error, short.gap_standard_error)


def test_a_single_pool_has_no_standard_error():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy says that there are no degrees of freedom
        found = compare_finite_size(experiment(1), THEORY)
    assert np.isfinite(found.gap).all() and np.isnan(found.gap_standard_error).all() and np.isnan(found.extrapolated_gap).all()


def test_every_variable_is_labelled():
    found = compare_finite_size(experiment(), THEORY)
    assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in found.data_vars.values())
    assert found.attrs.keys() >= {"title", "source"} and found.extrapolated_gap.dims == ("k",)
