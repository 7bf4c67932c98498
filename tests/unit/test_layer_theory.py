"""One trained layer in every approximation: where each holds, and where the exact one ends."""

import numpy as np
import pytest

from cotdepth.covariance import haar, identity, power_law
from cotdepth.theory import finite
from cotdepth.theory.layer import summarise_layer

TURNED = haar(power_law(3, 1.0), rng=np.random.default_rng(0))
PAIRS = {
    "isotropic": (identity(3), identity(3), 40),
    "commuting": (TURNED, identity(3), 6),
    "not commuting": (TURNED, power_law(3, 0.5), 4),
}
pairs = pytest.mark.parametrize("train, test, known", PAIRS.values(), ids=PAIRS)


def summarised(train, test, lengths=(30, 100), depth=4, n_context=10):
    return summarise_layer(train, test, n_context=n_context, n_context_test=list(lengths), depth=depth)


@pytest.mark.parametrize("name", ["commuting", "not commuting"])
def test_the_exact_error_is_nan_exactly_beyond_the_depth_to_which_it_is_known(name):
    train, test, known = PAIRS[name]
    found = summarised(train, test, depth=known + 2).error
    assert np.isfinite(found.sel(theory="exact")).all("n_context_test").values.tolist() == (known + 1) * [True] + 2 * [False]
    assert np.isfinite(found.drop_sel(theory="exact")).all()


@pairs
def test_what_is_left_of_each_approximation_falls_with_its_power_of_the_test_length(train, test, known):
    """Ten times as long: a hundredth of the error to first order, a tenth of that to leading order."""
    found = summarised(train, test, lengths=(100_000, 1_000_000), depth=3).error
    for theory, factor in (("first order", 100), ("leading order", 10)):
        short, long = np.abs(found.sel(theory=theory) - found.sel(theory="exact")).sel(k=slice(2, 3)).values
        np.testing.assert_allclose(short / long, factor, rtol=0.05)


@pairs
def test_one_step_is_exact_to_first_order(train, test, known):
    found = summarised(train, test, lengths=(2, 30), depth=1).error
    np.testing.assert_allclose(found.sel(theory="first order"), found.sel(theory="exact"), rtol=1e-9)


def test_deeper_than_the_expansion_goes_only_the_leading_order_is_left():
    found = summarised(identity(2), identity(2), lengths=(50,), depth=62).error.isel(n_context_test=0)
    assert np.isfinite(found).all("theory").values.tolist() == 41 * [True] + 22 * [False]
    assert [int(np.isfinite(found.sel(theory=name)).sum()) for name in ("exact", "first order", "leading order")] == [41, 61, 63]


def test_above_the_overthinking_length_more_thinking_hurts():
    train, test = power_law(3, 2.0), identity(3)
    length = float(summarised(train, test).overthinking_length)
    assert 1 < length < 1000
    for n_context, grows in ((int(length), False), (int(length) + 1, True)):
        found = summarised(train, test, lengths=(np.inf,), depth=60, n_context=n_context).error.isel(n_context_test=0)
        assert ((found.sel(k=60) > found.sel(k=59)) == grows).all()
        np.testing.assert_allclose(found, [found[0]] * 3, rtol=1e-6)   # they are one in infinitely long prompts


def test_attention_that_is_trained_conserves_what_the_flow_conserves():
    """``W_24^2 - |V_31|_F^2`` stays 1, and the product ends at the preconditioner."""
    weight = float(summarised(TURNED, TURNED).attention_weight)
    block = finite.preconditioner(TURNED, 10) / weight
    assert weight**2 - np.sum(block**2) == pytest.approx(1)


def test_every_variable_is_labelled():
    found = summarised(*PAIRS["commuting"][:2])
    assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in found.variables.values())
    assert found.error.dims == ("theory", "n_context_test", "k")
