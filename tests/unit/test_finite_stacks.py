"""Errors of many layers at many lengths, how deep and how long they are exact or near their limit, and drifted attention."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.covariance import haar, identity, limited_support, power_law
from cotdepth.theory import finite, wishart

INF = float("inf")
RNG = np.random.default_rng(0)
SKEWED = np.array([[0.6, 0.1, 0.0], [0.1, 0.4, 0.2], [0.0, 0.2, 0.5]])
LENGTHS = [2, 7, 40]


def layers(*matrices):
    """A stack with dims (strength, seed, row, col): the matrices, and 0.8 times them."""
    stack = xr.DataArray(np.array(matrices), dims=("seed", "row", "col"), coords={"seed": np.arange(len(matrices)) + 10})
    return xr.concat([stack, 0.8 * stack], dim=xr.DataArray(["full", "weak"], dims="strength", name="strength"))


ASYMMETRIC = [0.5 * np.eye(3) + 0.2 * RNG.standard_normal((3, 3)) for _ in range(2)]
CASES = {  # preconditioners, test covariance, depth
    "isotropic": (layers(0.7 * np.eye(3), 0.4 * np.eye(3)), 1.3 * np.eye(3), 6),
    "commuting": (layers(np.diag([0.9, 0.5, 0.2]), np.diag([0.3, 0.5, 0.7])), [1.0, 0.6, 0.4], 4),
    "white": (layers(*ASYMMETRIC), 1.3 * np.eye(3), 4),
    "general": (layers(*ASYMMETRIC), SKEWED, 3),
}
CONTRACTIONS = {"isotropic": 0, "commuting": 1, "white": 1, "general": 1}


# --- stacks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [finite.error_exact_at, finite.error_expansion_at], ids=["exact", "expansion"])
@pytest.mark.parametrize("kind", CASES)
def test_a_stack_of_layers_at_many_lengths_equals_one_by_one(kind, function):
    stack, sigma, depth = CASES[kind]
    curves = function(stack, sigma, n_context_test=[*LENGTHS, INF], depth=depth)
    assert curves.dims == ("strength", "seed", "n_context_test", "k") and curves.seed.values.tolist() == [10, 11]
    for strength, seed, m in np.ndindex(2, 2, 4):
        single = function(stack.values[strength, seed], sigma, n_context_test=[*LENGTHS, INF][m], depth=depth)
        np.testing.assert_allclose(curves[strength, seed, m], single, rtol=1e-13)
        assert single.n_context_test == curves.n_context_test[m]


@pytest.mark.parametrize("kind", CASES)
def test_a_stack_takes_one_contraction(kind, monkeypatch):
    calls, contract = [], wishart.mean_traces
    monkeypatch.setattr(wishart, "mean_traces", lambda *arguments: calls.append(arguments) or contract(*arguments))
    stack, sigma, _ = CASES[kind]
    finite.error_exact_at(stack, sigma, n_context_test=LENGTHS, depth=1)
    assert len(calls) == CONTRACTIONS[kind]


def test_the_most_general_kind_covers_a_stack():
    """Isotropic, commuting and asymmetric layers on isotropic test features: the formula of the last holds for all."""
    matrices = [0.7 * np.eye(3), np.diag([0.9, 0.5, 0.2]), ASYMMETRIC[0]]
    together = finite.error_exact_at(layers(*matrices), identity(3), n_context_test=7, depth=4)
    for seed, matrix in enumerate(matrices):
        single = finite.error_exact_at(matrix, identity(3), n_context_test=7, depth=4)
        np.testing.assert_allclose(together[0, seed], single, rtol=1e-11)
    depths = [finite.largest_exact_depth(layers(*matrices[:last]), identity(3), n_context_test=7) for last in (1, 2, 3)]
    assert depths == [40, 6, 5]


NAMED = xr.DataArray([5, 9], dims="n_context_test")


@pytest.mark.parametrize("lengths", [(5, 9), range(5, 10, 4), np.array([5, 9]), np.array([5.0, 9.0]), NAMED], ids=str)
def test_lengths_may_be_any_sequence(lengths):
    curves = finite.error_exact([1.0, 0.5], [1.0, 1.0], n_context=4, n_context_test=lengths, depth=2)
    assert curves.dims == ("n_context_test", "k") and curves.n_context_test.values.tolist() == [5, 9] and curves.n_context == 4
    assert curves.n_context_test.attrs == {"long_name": "examples in a test prompt", "units": "1"}
    single = finite.error_exact([1.0, 0.5], [1.0, 1.0], n_context=4, n_context_test=9, depth=2)
    np.testing.assert_allclose(curves.sel(n_context_test=9), single, rtol=1e-14)


def test_an_untrained_layer_keeps_its_error():
    """A layer at 0, alone and in a stack."""
    curve = finite.error_exact_at(np.zeros((3, 3)), SKEWED, n_context_test=5, depth=4)
    assert (curve == 1).all()
    stack = layers(np.zeros((3, 3)), ASYMMETRIC[0])
    np.testing.assert_allclose(finite.error_exact_at(stack, SKEWED, n_context_test=LENGTHS, depth=4).sel(seed=10), 1, rtol=1e-15)


def test_a_matrix_is_read_by_name_or_by_position():
    matrix = ASYMMETRIC[0]
    for array in (matrix.tolist(), xr.DataArray(matrix.T, dims=("col", "row")), xr.DataArray(matrix, dims=("i", "j"))):
        curve = finite.error_leading_order_at(array, SKEWED, depth=3)
        np.testing.assert_array_equal(curve, finite.error_leading_order_at(matrix, SKEWED, depth=3))


# --- how far the exact means go -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, depth", [("isotropic", 40), ("commuting", 6), ("white", 5), ("general", 4)])
def test_exact_means_are_known_to_the_largest_exact_depth(kind, depth):
    stack, sigma, _ = CASES[kind]
    assert finite.largest_exact_depth(stack, sigma, n_context_test=[3, INF]) == depth
    assert finite.largest_exact_depth(stack, sigma, n_context_test=[INF]) == 2000
    with pytest.raises(NotImplementedError, match=kind):
        finite.error_exact_at(stack, sigma, n_context_test=[3, INF], depth=depth + 1)


# --- how long a test prompt is long enough ------------------------------------------------------------------------

RATIOS = {  # (n, k): R_k(m) / R_k(inf) at D = 10, isotropic, for m = k^2 D times 1, 10, 100, 1000
    (10, 1): "1.909 1.091 1.009 1.001",
    (10, 4): "2.829 1.162 1.016 1.002",
    (30, 2): "16.88 2.249 1.123 1.012",
    (30, 8): "190.9 3.205 1.159 1.015",
    (100, 4): "3.1e4 85.2 3.07 1.164",
    (1000, 1): "9092 910 91.9 10.1",
    (1000, 8): "1.2e21 2.3e13 9.6e6 361",
}


def digits(number):
    return len(number.split("e")[0].replace(".", ""))


@pytest.mark.parametrize("n, k", RATIOS)
def test_the_leading_order_needs_prompts_longer_than_the_paper_says(n, k):
    lengths = [k**2 * 10 * 10**power for power in range(4)]
    curves = finite.error_exact(identity(10), identity(10), n_context=n, n_context_test=[*lengths, INF], depth=k)[:, k].values
    for printed, ratio in zip(RATIOS[n, k].split(), curves[:4] / curves[4]):
        assert float(f"{ratio:.{digits(printed)}g}") == float(printed)


@pytest.mark.parametrize("tolerance", [0.1, 0.01])
def test_long_enough_prompts_leave_about_the_tolerance(tolerance):
    """What is left beside it is of second order in the tolerance."""
    lengths = finite.long_enough(identity(10), identity(10), n_context=30, depth=8, tolerance=tolerance)
    np.testing.assert_allclose(lengths, [k * (2 * k - 1) * 30**2 / 11 / tolerance for k in range(9)], rtol=1e-10)
    for k in (1, 2, 8):
        m = [round(lengths[k].item()), INF]
        short, long = finite.error_exact(identity(10), identity(10), n_context=30, n_context_test=m, depth=k)[:, k].values
        assert abs(short / long - 1 - tolerance) < tolerance**2 + 1e-3 * tolerance


def test_no_length_is_enough_where_the_leading_order_vanishes():
    lengths = finite.long_enough([2.0, 1.0], [2.0, 1.0], n_context=INF, depth=3)
    assert lengths.values.tolist() == [0, INF, INF, INF] and lengths.name == "n_context_test" and lengths.n_context == INF


# --- drifted attention --------------------------------------------------------------------------------------------

DRIFTED = {  # preconditioner, test covariance, ratio, length, depth
    "isotropic": (finite.preconditioner(identity(4), 20), identity(4), 1.4, 100, 12),
    "general": (finite.preconditioner(power_law(3, 1.0), 8), haar(power_law(3, 0.5), rng=RNG), 0.7, 60, 3),
    "reversed": (finite.preconditioner(power_law(3, 1.0), 8), identity(3), -1.3, 30, 4),
}


@pytest.mark.parametrize("name", DRIFTED)
def test_simulated_steps_of_a_drifted_layer_meet_the_exact_error(name):
    """10000 prompts; the update with W_13 = c I, W_24 = -r c and V_31 = -P / (r c), from the literal transformer.

    The weights are the axes, so that only prompts are random. False alarm 1.3e-4: 4.5 standard errors, 19 depths in all.
    """
    step, test, ratio, m, depth = DRIFTED[name]
    rng, scale, dim = np.random.default_rng(5), 1.5, len(step)
    x = rng.standard_normal((10_000, m, dim)) @ np.linalg.cholesky(test.matrix).T
    gram, block = np.einsum("pmi,pmj->pij", x, x) / m, -step / (ratio * scale)
    exact = finite.error_exact_drifted_at(step, test, ratio=ratio, n_context_test=m, depth=depth)
    estimate = np.zeros_like(gram)                                         # (prompt, D, task)
    for k in range(1, depth + 1):
        estimate = estimate + block @ (scale * gram @ estimate - ratio * scale * gram)
        errors = np.sum((np.eye(dim) - estimate) ** 2, axis=(1, 2)) / dim
        standard_error = errors.std() / 100
        assert abs(errors.mean() - exact[k].item()) < 4.5 * standard_error < 0.2 * exact[k].item()



@pytest.mark.parametrize("kind", CASES)
def test_a_layer_that_did_not_drift_has_the_plain_error(kind):
    stack, sigma, depth = CASES[kind]
    drifted = finite.error_exact_drifted_at(stack, sigma, ratio=1, n_context_test=[7, INF], depth=depth)
    plain = finite.error_exact_at(stack, sigma, n_context_test=[7, INF], depth=depth)
    np.testing.assert_allclose(drifted, plain, rtol=1e-14)
    leading = finite.error_leading_order_drifted_at(stack, sigma, ratio=1, depth=depth)
    np.testing.assert_allclose(leading, plain.sel(n_context_test=INF), rtol=1e-14)


@pytest.mark.parametrize("kind", CASES)
def test_each_layer_may_have_its_own_drift(kind):
    stack, sigma, _ = CASES[kind]
    ratio = xr.DataArray([1.2, 0.8], dims="seed", coords={"seed": [10, 11]})
    curves = finite.error_exact_drifted_at(stack, sigma, ratio=ratio, n_context_test=[7, INF], depth=2)
    for strength, seed in np.ndindex(2, 2):
        arguments = dict(ratio=[1.2, 0.8][seed], n_context_test=[7, INF], depth=2)
        single = finite.error_exact_drifted_at(stack.values[strength, seed], sigma, **arguments)
        np.testing.assert_allclose(curves[strength, seed], single, rtol=1e-13)
    assert curves.ratio.dims == ("seed",)


@pytest.mark.parametrize("kind", CASES)
def test_one_step_does_not_see_the_drift(kind):
    stack, sigma, _ = CASES[kind]
    drifted = finite.error_exact_drifted_at(stack, sigma, ratio=1.7, n_context_test=[7, INF], depth=1)
    np.testing.assert_allclose(drifted, finite.error_exact_at(stack, sigma, n_context_test=[7, INF], depth=1), rtol=1e-12)


def test_drifted_layers_end_beside_the_target_wherever_features_reach():
    """Two directions of three end at r w, the third at 0."""
    test = limited_support(3, 1.0, support=2)
    curve = finite.error_leading_order_drifted_at(finite.preconditioner(test, 9), test, ratio=1.6, depth=2000)
    assert curve[-1].item() == pytest.approx((2 * 0.6**2 + 1) / 3, rel=1e-12)
    assert curve.ratio == 1.6 and curve.name == "error" and curve.attrs["units"] == "1"


@pytest.mark.parametrize("n, weight, trained", [(10, 1.488, 2.24), (20, 1.608, 3.68), (30, 1.670, 4.50)])
def test_training_all_parameters_makes_errors_rise(n, weight, trained):
    """W_24 and the total error at k = 12, m = 1000 of networks with all parameters free, trained on 5000 prompts (D = 10)."""
    step = finite.preconditioner(identity(10), n)
    curve = 10 * finite.error_exact_drifted_at(step, identity(10), ratio=weight, n_context_test=1000, depth=20)
    assert curve[12].item() == pytest.approx(trained, rel=0.03)
    assert curve[20].item() == pytest.approx(10 * (weight - 1) ** 2, rel=0.02) and curve[20] > 3 * curve.min()
    assert weight == pytest.approx(finite.free_attention_weight(identity(10), n), rel=0.04)


# --- errors -------------------------------------------------------------------------------------------------------


STACK = layers(np.eye(2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: finite.error_exact_at(STACK, [1.0, 1.0], n_context_test=[3, 0], depth=1), "^n_context_test = 0: a number of exam"),
        (lambda: finite.error_exact_at(STACK, [1.0, 1.0], n_context_test=[3, 1.5], depth=1), "^n_context_test = 1.5: a number"),
        (lambda: finite.error_exact_at(STACK, [1.0, 1.0], n_context_test=[3, [4]], depth=1), r"^n_context_test = \[4\]: a number"),
        (lambda: finite.error_exact_at(STACK, [1.0, 1.0], n_context_test=[], depth=1), r"^n_context_test has shape \(0,\)"),
        (lambda: finite.error_exact_at(STACK, [1.0, 1.0], n_context_test=[[3]], depth=1), r"^n_context_test has shape \(1, 1\)"),
        (
            lambda: finite.error_exact_at(STACK, [1.0, 1.0], n_context_test=xr.DataArray([3], dims="seed"), depth=1),
            r"^n_context_test has shape \(1,\) and dims \('seed',\): give one length, or several along n_context_test",
        ),
        (lambda: finite.error_leading_order_at(STACK.values, [1.0, 1.0], depth=1), r"^preconditioner has shape \(2, 1, 2, 2\)"),
        (lambda: finite.error_leading_order_at(STACK, [1.0], depth=1), r"^preconditioner has shape \(2, 2\)"),
        (lambda: finite.error_leading_order_at(STACK.rename(row="i"), [1.0, 1.0], depth=1), "^preconditioner has dims .*'i'.*row, col"),
        (lambda: finite.error_leading_order_at(STACK.rename(seed="k"), [1.0, 1.0], depth=1), "^preconditioner has dims .*'k'"),
        (lambda: finite.error_leading_order_at(STACK.rename(seed="n_context_test"), [1.0, 1.0], depth=1), "^preconditioner has dims"),
        (lambda: finite.error_leading_order_at(STACK[:, :0], [1.0, 1.0], depth=1), "^preconditioner has sizes .*at least one layer"),
        (lambda: finite.error_leading_order_drifted_at(STACK, [1.0, 1.0], ratio=0, depth=1), "^ratio = 0: must be a finite number"),
        (
            lambda: finite.error_leading_order_drifted_at(STACK, [1.0, 1.0], ratio=xr.DataArray([1.0], dims="run"), depth=1),
            r"^ratio has dims \('run',\): must be among those of the layers",
        ),
        (lambda: finite.long_enough([1.0], [1.0], n_context=1, depth=1, tolerance=0), "^tolerance = 0: must be a positive finite"),
        (lambda: finite.long_enough([1.0], [1.0], n_context=1, depth=61), "^depth = 61: .*from 0 to 60"),
    ],
)
def test_refused_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
