"""Test-time scaling on the training task: what depth buys, and what it replaces."""

import numpy as np
import pytest

from cotdepth.covariance import identity, power_law, with_trace
from cotdepth.theory import finite
from cotdepth.theory.scaling import summarise_scaling

TASKS = {"isotropic": identity(4), "skewed": with_trace(power_law(4, 1.5), 4.0)}
LENGTHS, TARGETS = [3, 30, 300], [0.3, 1e-2, 1e-6]
tasks = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def summarised(task, depth=6):
    return summarise_scaling(task, n_context=LENGTHS, target=TARGETS, depth=depth)


@tasks
def test_the_length_needed_is_the_shortest_that_reaches_the_target(task):
    needed = summarised(task).context_needed
    for target in TARGETS:
        for k in range(1, 7):
            length = int(needed.sel(target=target, k=k))
            assert finite.error_leading_order(task, task, n_context=length, depth=k)[k] <= target
            assert length == 1 or finite.error_leading_order(task, task, n_context=length - 1, depth=k)[k] > target


@tasks
def test_depth_replaces_length_and_a_lower_error_needs_more_of_it(task):
    needed = summarised(task).context_needed
    assert np.isnan(needed.sel(k=0)).all() and (needed.diff("k") <= 0).sel(k=slice(2, None)).all()
    assert (needed.sel(k=slice(1, None)).diff("target") >= 0).all()


def test_a_length_that_nobody_looks_for_is_nan(monkeypatch):
    whole = summarised(TASKS["isotropic"]).context_needed
    monkeypatch.setattr("cotdepth.theory.scaling.LONGEST", int(whole.sel(target=1e-2, k=2)))
    cut = summarised(TASKS["isotropic"]).context_needed
    assert cut.sel(target=1e-2, k=2) == whole.sel(target=1e-2, k=2) and np.isnan(cut.sel(target=1e-2, k=1))
    assert np.array_equal(cut, whole.where(whole <= whole.sel(target=1e-2, k=2)), equal_nan=True)


@tasks
def test_error_and_bound_share_their_slope_at_large_depth(task):
    found = summarised(task, depth=60)
    decades = np.log10(found[["error", "bound"]]).diff("k").sel(k=60)
    np.testing.assert_allclose(decades.error, found.slope, rtol=1e-3)
    np.testing.assert_allclose(decades.bound, found.slope, rtol=1e-12)
    assert (found.error <= found.bound * (1 + 1e-9)).all()


def test_the_isotropic_task_is_known_in_closed_form():
    """Error ``((D + 1) / (n + D + 1))^2k``; ``k (2k - 1) n^2 / (D + 1)`` over the tolerance of a tenth; hardness D."""
    found = summarised(TASKS["isotropic"])
    n, k = found.n_context, found.k
    np.testing.assert_allclose(found.error, (5 / (n + 5)) ** (2 * k), rtol=1e-9)
    np.testing.assert_allclose(found.test_context_needed, n**2 * k * (2 * k - 1) / 5 / 0.1, rtol=1e-6)
    assert found.hardness == pytest.approx(4)


def test_every_variable_is_labelled():
    found = summarised(TASKS["skewed"])
    assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in found.variables.values())
    assert found.error.dims == found.test_context_needed.dims == ("n_context", "k") and found.context_needed.dims == ("target", "k")
