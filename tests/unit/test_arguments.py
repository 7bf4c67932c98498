"""Which arguments theory functions accept, and how several broadcast."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.theory.arguments import labelled


def broadcast(**arguments):
    """What a theory function sees: the sum of the arguments, with all coordinates."""
    return xr.apply_ufunc(lambda *values: sum(values), *labelled(**arguments))


def test_scalars_become_scalar_coordinates():
    result = broadcast(alpha=2, tau=np.float32(4), sigma=np.array(0.5))
    assert result.dims == () and result.item() == 6.5
    assert {name: result[name].item() for name in result.coords} == {"alpha": 2.0, "tau": 4.0, "sigma": 0.5}


@pytest.mark.parametrize("name", ["alpha", "tau", "sigma"])
def test_one_bare_array_becomes_a_dim_of_its_own_name(name):
    result = broadcast(**({"alpha": 2.0, "tau": 4.0, "sigma": 0.5} | {name: [2, 3]}))
    assert result.dims == (name,) and name in result.indexes
    assert result[name].values.tolist() == [2.0, 3.0]


def test_several_bare_arrays_become_points():
    result = broadcast(alpha=[1.0, 2.0], tau=(2.0, 3.0), sigma=0.5)
    assert result.dims == ("point",) and not result.indexes
    assert result.values.tolist() == [3.5, 5.5]
    assert result.alpha.values.tolist() == [1.0, 2.0] and result.tau.dims == ("point",)


def test_points_broadcast_as_numpy_does():
    result = broadcast(alpha=[1.0, 2.0, 3.0], tau=[5.0])
    assert result.sizes == {"point": 3} and result.tau.values.tolist() == [5.0] * 3
    with pytest.raises(ValueError, match=r"alpha has shape \(2,\), tau has shape \(3,\)"):
        broadcast(alpha=[1.0, 2.0], tau=[2.0, 3.0, 4.0])


def test_dataarrays_broadcast_by_name():
    alpha = xr.DataArray([1.0, 2.0], dims="alpha")
    tau = xr.DataArray([[2.0, 3.0]], dims=("seed", "case"), coords={"case": ["a", "b"]})
    result = broadcast(alpha=alpha, tau=tau, sigma=0.0)
    assert result.dims == ("alpha", "seed", "case")
    assert result.alpha.values.tolist() == [1.0, 2.0] and result.case.values.tolist() == ["a", "b"]
    assert result.tau.dims == ("seed", "case")


def test_a_bare_array_meets_a_dataarray_on_its_own_name():
    tau = xr.DataArray([2.0, 3.0], dims="alpha", coords={"alpha": [1.0, 2.0]})
    result = broadcast(alpha=[1.0, 2.0], tau=tau)
    assert result.dims == ("alpha",) and result.tau.values.tolist() == [2.0, 3.0]


def test_different_labels_on_one_dim_are_refused():
    tau = xr.DataArray([2.0, 3.0], dims="alpha", coords={"alpha": [1.0, 2.0]})
    with pytest.raises(ValueError, match="alpha"):
        broadcast(alpha=[1.0, 2.5], tau=tau)


def test_a_dim_is_never_labelled_with_an_argument_that_was_not_used():
    tau = xr.DataArray([2.0, 3.0], dims="alpha", coords={"alpha": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"^tau has a dim alpha, but the argument alpha has dims \(\)$"):
        labelled(alpha=2.0, tau=tau)


def test_an_argument_outranks_the_history_of_a_dataarray():
    tau = xr.DataArray(3.0, coords={"sigma": 0.0, "k": 5})
    result = broadcast(alpha=2.0, tau=tau, sigma=0.5)
    assert result.sigma.item() == 0.5 and "k" not in result.coords


def test_integers_become_floats_and_the_argument_is_untouched():
    alpha = xr.DataArray(np.array([1, 2]), dims="alpha")
    assert labelled(alpha=alpha)[0].dtype == float
    assert alpha.dtype.kind == "i" and not alpha.coords


def test_coordinates_say_what_they_are():
    result = broadcast(alpha=[1.0, 2.0], tau=4.0)
    assert result.alpha.attrs == {"long_name": "context ratio L/D", "units": "1"}
    assert result.tau.attrs == {"long_name": "task ratio M/D", "units": "1"}


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, -np.inf, 0])
def test_context_ratio_out_of_range(value):
    with pytest.raises(ValueError, match=rf"^alpha = {value}: the context ratio must be positive and finite.*alpha > 0"):
        labelled(alpha=value)


@pytest.mark.parametrize("value", [0.8, 1.0, 1, np.nan, -np.inf])
def test_task_ratio_out_of_range(value):
    with pytest.raises(ValueError, match=rf"^tau = {value}: the ridgeless curve needs more tasks than dimensions \(tau > 1\)$"):
        labelled(tau=value)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_noise_out_of_range(value):
    with pytest.raises(ValueError, match=rf"^sigma = {value}: the noise is a standard deviation.*\(sigma >= 0\)$"):
        labelled(sigma=value)


def test_limits_of_the_ranges_are_allowed():
    assert labelled(tau=np.inf, sigma=0)[0].item() == np.inf


def test_the_first_refused_value_of_an_array_is_named():
    with pytest.raises(ValueError, match=r"^tau = 0.5: "):
        labelled(tau=[2.0, 0.5, 0.25])
    with pytest.raises(ValueError, match=r"^tau = nan: "):
        labelled(tau=xr.DataArray([[2.0, np.nan]], dims=("a", "b")))


@pytest.mark.parametrize("value", [True, np.True_, [True, False], "2", None, 1j, [None], {"a": 1}, object()])
def test_what_is_not_a_real_number_is_refused(value):
    with pytest.raises(ValueError, match="^alpha = .*must be a real number or an array of real numbers"):
        labelled(alpha=value)
    with pytest.raises(ValueError, match="^alpha"):
        labelled(alpha=xr.DataArray(np.array(True)))


def test_ragged_lists_are_refused_by_name():
    with pytest.raises(ValueError, match="^alpha = "):
        labelled(alpha=[[1.0], [1.0, 2.0]])


def test_bare_arrays_of_several_dims_are_refused():
    with pytest.raises(ValueError, match=r"^tau has shape \(2, 3\): .*DataArrays with named dims"):
        labelled(tau=np.full((2, 3), 4.0))
