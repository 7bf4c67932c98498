"""The deterministic equivalent against reference values, the theories that it contains, and itself."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from cotdepth.covariance import Covariance, from_matrix, haar, identity, power_law
from cotdepth.theory import asymptotic, equivalents, finite
from cotdepth.theory import equivalent_contour as contour
from cotdepth.theory.equivalent_algebra import Blocks, Spectra, reduced
from cotdepth.theory.equivalent_two_point import error_source, label_noise_source, training_task_source
from cotdepth.theory.isotropic import limit

INF = np.inf
REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "reference_general.json").read_text())["records"]
PRINTED = 3e-8  # nine digits, and what two evaluations of the reference agree to
RNG = np.random.default_rng


def curve(problem, depth, source=error_source):
    return contour.diagonal(*contour.coefficients(problem, [source], depth))[0]


# --- reference values ---------------------------------------------------------------------------------------------

SELECTIONS = {  # of records, each for one test
    "finite pools": lambda record: "train_families" in record,
    "ridge in the limit": lambda record: "lam" in record,
    "population optimum": lambda record: record.get("M") == "inf",
    "noise drives growth in the limit": lambda record: "theory_limit" in record["E"],
}


def selected(name):
    """The records of a selection, as the parameters of its test."""
    return pytest.mark.parametrize("record", list(filter(SELECTIONS[name], REFERENCE)), ids=lambda record: record["id"])


def test_every_reference_is_of_one_selection():
    counts = {record["id"]: sum(chooses(record) for chooses in SELECTIONS.values()) for record in REFERENCE}
    assert len(counts) == len(REFERENCE) and set(counts.values()) == {1}, counts


def covariance_of(record, dim):
    """A covariance as a record describes it: a spectrum, or a matrix where it is rotated."""
    if record["kind"] == "iso":
        return np.ones(dim)
    if record["kind"] == "power":
        spectrum = np.arange(1, dim + 1.0) ** -record["exponent"]
        return spectrum / spectrum.mean()
    if record["kind"] == "two-level-interleaved":
        return np.repeat([0.5, 1.5, 0.5, 1.5], dim // 4)
    spectrum = np.repeat(record["levels"], dim // 2)
    angle = record.get("rotation_angle")
    if angle is None:
        return spectrum
    rotation = np.kron([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.eye(dim // 2))
    return rotation @ np.diag(spectrum) @ rotation.T


def regime_of(record):
    families = record["train_families"]
    total = sum(family["M"] for family in families)
    train = [covariance_of(family["covariance"], record["D"]) for family in families]
    return (train, covariance_of(record["test_covariance"], record["D"])), {
        "train_context": [family["L"] for family in families],
        "test_context": record["L_test"],
        "n_tasks": total,
        "label_noise": [family["label_noise_variance"] ** 0.5 for family in families],
        "shares": [family["M"] / total for family in families],
        "ridge": 2 * record["ridge_r"],
        "step_size": record["step_size"],
        "depth": 10,
    }


def assert_reference(record, name, values, dim=None):
    """Printed digits at every depth; the simulation, where there is one, at two."""
    given = record[name]
    np.testing.assert_allclose(values, given["theory" if "theory" in given else "theory_limit"], rtol=PRINTED, atol=1e-15)
    for k in (1, 3) if dim else ():
        assert abs(given["sim_mean"][k] / values[k] - 1) <= 4 * given["sim_se"][k] / values[k] + 12 / dim


@selected("finite pools")
def test_reference_with_finite_pools(record):
    covariances, regime = regime_of(record)
    error = equivalents.error_curve(*covariances, **regime)
    assert_reference(record, "E", error.values, record["D"])
    noisy = equivalents.error_curve(*covariances, **regime, test_noise=2.0)
    assert_reference(record, "V_per_unit_test_noise_variance", (noisy - error).values / 4, record["D"])
    training = equivalents.training_task_error_curve(*covariances, **regime).values.reshape(-1, 11)
    for i, values in enumerate(training):
        assert_reference(record, f"train_task_error_family{i}", values, record["D"])


@selected("ridge in the limit")
def test_reference_with_ridge_in_the_limit(record):
    problem = limit(record["alpha"], record["tau"], record["sigma"], record["lam"])
    error, training, noise = contour.coefficients(problem, [error_source, training_task_source(0), label_noise_source], 10)
    assert_reference(record, "E", contour.diagonal(error)[0])
    assert_reference(record, "train_task_error_family0", contour.diagonal(training)[0])
    assert_reference(record, "V_times_D", contour.summed_diagonal(noise)[0] * problem.dim)


@selected("noise drives growth in the limit")
def test_reference_where_noise_drives_growth(record):
    """Both theories of the limit; the simulation has 400 features, and lies above: by 4.6% of the 4.7% allowed at the point of 0.2."""
    point, step_size = (record["alpha"], record["tau"], record["sigma"]), record["step_size"]
    errors = asymptotic.error_curve(*point, step_size=step_size, depth=24).values
    assert_reference(record, "E", errors, record["E"]["sim_D"])
    assert_reference(record, "E", curve(limit(*point, step_size=step_size), 24))


@selected("population optimum")
def test_reference_at_the_population_optimum(record):
    """The theory, and beside it the exact mean over test prompts at this dimension."""
    train, test = (covariance_of(record.get(name, {"kind": "iso"}), record["D"]) for name in ("train_covariance", "test_covariance"))
    length, noise = record["L"], record["label_noise_variance"]
    regime = dict(train_context=length, test_context=record["L_test"], n_tasks=INF, label_noise=noise**0.5)
    assert_reference(record, "E", equivalents.error_curve(train, test, **regime, depth=8).values)
    [known] = [values for name, values in record["E"].items() if name.startswith("exact_finite_d")]
    learned = np.diag(1 / ((1 + 1 / length) * train + (train.sum() + noise) / length))  # Gamma^-1, with noise of the labels
    exact = finite.error_exact_at(learned, test, n_context_test=record["L_test"], depth=len(known) - 1)
    np.testing.assert_allclose(exact, known, rtol=PRINTED)


# --- theories that it contains ------------------------------------------------------------------------------------

ISOTROPIC = [(4, 3, 0.01), (0.5, 4, 0.01), (3, 1.5, 0.01), (2, 2, 1.5), (1, 9, 0.2), (8, 20, 0)]
ISOTROPIC += [(2, 1.01, 0.3), (3, INF, 0), (0.5, INF, 0.3)]


@pytest.mark.parametrize("point", ISOTROPIC, ids=str)
def test_isotropic_and_ridgeless_it_is_the_asymptotic_theory(point):
    np.testing.assert_allclose(curve(limit(*point), 60), asymptotic.error_curve(*point, depth=60), rtol=1e-9)
    rate = -2 * np.log(contour.radius_of_convergence(limit(*point), 1e-14))
    assert rate == pytest.approx(asymptotic.growth_rate(*point).item(), abs=1e-10)


@pytest.mark.parametrize("rotated", [False, True])
def test_exact_means_over_test_prompts_approach_it_like_one_over_the_dimension(rotated):
    gaps = []
    for dim in (20, 40, 80):
        train, test = np.repeat([0.4, 1.6], dim // 2), Covariance(np.repeat([0.5, 1.5], dim // 2))
        if rotated:
            test = np.kron([[1, 0.4], [0.4, 1]], np.eye(dim // 2))
        theory = equivalents.error_curve(train, test, train_context=3 * dim, test_context=2 * dim, n_tasks=INF, depth=3)
        exact = finite.error_exact(train, test, n_context=3 * dim, n_context_test=2 * dim, depth=3)
        gaps.append(dim * (exact / theory - 1).values[1:])
    first, second = np.abs(gaps[1] / gaps[0] - 1), np.abs(gaps[2] / gaps[1] - 1)
    assert (second < 0.08).all() and (second < 0.7 * first).all(), (first, second)


# --- itself -------------------------------------------------------------------------------------------------------

REGIME = dict(train_context=60, test_context=90, n_tasks=80, label_noise=2.0, ridge=0.3)
TEST = power_law(40, 0.3)


def both(train, test, **regime):
    """Error on new tasks and on training tasks, noise of the test labels included."""
    regime = REGIME | {"test_noise": 1.5, "depth": 6} | regime
    new, known = (function(train, test, **regime) for function in (equivalents.error_curve, equivalents.training_task_error_curve))
    return np.vstack([new, known.values.reshape(-1, 7)])


def test_commuting_covariances_in_any_common_basis():
    train, (rotation, _) = power_law(40, 0.4), np.linalg.qr(RNG(0).standard_normal((40, 40)))
    rotated = [rotation @ covariance.matrix @ rotation.T for covariance in (train, TEST)]
    np.testing.assert_allclose(both(*rotated), both(train, TEST), rtol=1e-9)


def test_rotating_every_covariance_changes_nothing():
    train, (rotation, _) = haar(power_law(40, 0.4), rng=RNG(1)), np.linalg.qr(RNG(2).standard_normal((40, 40)))
    rotated = [rotation @ covariance.matrix @ rotation.T for covariance in (train, TEST)]
    np.testing.assert_allclose(both(*rotated), both(train, TEST), rtol=1e-9)


def test_common_structure_is_found():
    noise = RNG(3).standard_normal((4, 4))
    pair, rotation = noise @ noise.T, np.linalg.qr(RNG(4).standard_normal((12, 12)))[0]
    blocks = np.zeros((12, 12))
    blocks[0:2, 0:2] = blocks[2:4, 2:4] = pair[:2, :2]
    blocks[4:8, 4:8] = pair
    blocks[8:, 8:] = np.eye(4)
    members = [Covariance(np.array([1.0, 2, 1, 2, 1, 1, 2, 2, 1, 1, 1, 1])), identity(12)]
    algebra, elements = reduced([from_matrix(blocks), *members])
    assert isinstance(algebra, Blocks) and algebra.counts.tolist() == [[4, 0, 0, 0], [2, 2, 0, 0], [1, 1, 1, 1]]
    assert algebra.inner(elements[0], elements[1]) == pytest.approx(np.trace(blocks @ members[0].matrix))
    algebra, elements = reduced([from_matrix(rotation @ covariance.matrix @ rotation.T) for covariance in members])
    assert isinstance(algebra, Spectra) and algebra.counts.sum() == 12


def test_equal_families_are_one():
    one = both(power_law(40, 0.4), TEST)
    split = both([power_law(40, 0.4)] * 2, TEST, shares=[0.3, 0.7], train_context=[60, 60])
    np.testing.assert_allclose(split, one[[0, 1, 1]], rtol=1e-10)
    np.testing.assert_allclose(both(power_law(40, 0.4), TEST, label_noise=[2.0, 2.0]), one[[0, 1, 1]], rtol=1e-10)


def test_nothing_is_memorised_of_infinitely_many_tasks():
    error, known = both(power_law(40, 0.4), TEST, n_tasks=INF)
    np.testing.assert_allclose(known, error, rtol=1e-10)
    np.testing.assert_allclose(both(power_law(40, 0.4), TEST, n_tasks=10**9), [error, known], rtol=1e-5)


def test_long_prompts_and_many_tasks_leave_gradient_descent():
    train, test = np.array([2.0, 1.0, 0.5]), np.array([1.0, 1.5, 0.25])
    regime = dict(train_context=INF, test_context=INF, n_tasks=INF, step_size=0.7, depth=9)
    expected = [np.mean((1 - 0.7 * test / train) ** (2 * k)) for k in range(10)]
    np.testing.assert_allclose(equivalents.error_curve(train, test, **regime), expected, rtol=1e-10)
    rate = equivalents.growth_rate(train, test, train_context=INF, test_context=INF, n_tasks=INF, step_size=0.7)
    assert rate.item() == pytest.approx(2 * np.log(1 - 0.35), rel=1e-10)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_directions_without_training_features(ridge):
    """A rank-deficient fit is the limit of a small ridge, and keeps the initial error of what it has not seen."""
    train = np.repeat([1.0, 0.0], [30, 10])
    error = both(train, TEST, ridge=ridge)
    np.testing.assert_allclose(both(train, TEST, ridge=ridge + 1e-9), error, rtol=1e-6)
    assert equivalents.growth_rate(train, TEST, **REGIME).item() >= 0
    rotation, _ = np.linalg.qr(RNG(6).standard_normal((40, 40)))
    rotated = [rotation * spectrum @ rotation.T for spectrum in (train, TEST.spectrum)]
    np.testing.assert_allclose(both(*rotated, ridge=ridge), error, rtol=1e-9)


@pytest.mark.parametrize("strength", [1.2, 2.6], ids=["decays", "grows"])
def test_growth_rate_is_the_slope_of_a_deep_curve(strength):
    regime = REGIME | {"test_context": 200, "n_tasks": 120}
    covariances = np.repeat([1.4, 0.9], 20), haar(Covariance(np.repeat([strength, 1.0], 20)), rng=RNG(5))
    deep = np.log(equivalents.error_curve(*covariances, **regime, depth=100))
    rate = equivalents.growth_rate(*covariances, **regime).item()
    slope = (deep[100] - deep[80]).item() / 20 + np.log(100 / 80) / 40  # E_k ~ k^(-1/2) exp(rate k)
    assert rate == pytest.approx(slope, abs=0.005)


def test_the_error_estimate_bounds_what_another_contour_changes(monkeypatch):
    regime = REGIME | {"ridge": 0.0, "depth": 40, "n_tasks": 45}
    here = equivalents.error_curve(power_law(40, 0.4), TEST, **regime)
    monkeypatch.setattr(contour, "INSIDE", 2.5)
    monkeypatch.setattr(contour, "NODES", 14)
    there = equivalents.error_curve(power_law(40, 0.4), TEST, **regime)
    assert (abs(here - there) <= here.error_estimate + there.error_estimate).all()
    assert (here.error_estimate < 1e-8 * here).all()


# --- simulation ---------------------------------------------------------------------------------------------------


def fitted(families, n_tasks, ridge, rng):
    """The fit ``A`` to one pool of tasks, by least squares."""
    dim = len(families[0]["spectrum"])
    cross, second = np.zeros((dim, dim)), n_tasks * ridge / 2 * np.eye(dim)
    for family in families:
        count, length = round(family["share"] * n_tasks), family["context"]
        x = rng.standard_normal((count, length, dim)) * np.sqrt(family["spectrum"])
        w = rng.standard_normal((count, dim))
        y = np.einsum("tld,td->tl", x, w) + family["noise"] * rng.standard_normal((count, length))
        b = np.einsum("tld,tl->td", x, y) / length
        cross, second = cross + w.T @ b, second + b.T @ b
    return np.linalg.solve(second, cross.T).T


def rolled(fit, test, context, noise, step_size, depth, rng):
    """Error per dimension of one test prompt, averaged over its task and its label noise."""
    dim = len(test)
    x = rng.standard_normal((context, dim)) * np.sqrt(test)
    update = step_size * fit @ (x.T @ x) / context
    left, sums, errors = np.eye(dim), np.zeros((dim, context)), []
    for _ in range(depth + 1):
        errors.append((np.sum(left**2) + noise**2 * np.sum(sums**2)) / dim)
        left, sums = left - update @ left, sums - update @ sums + step_size * fit @ x.T / context
    return errors


def test_simulation_of_two_noisy_families_with_ridge():
    """False alarm below 2e-3: four standard errors of 40 means at 4 depths, beside a bias of up to 3/D."""
    dim, rng = 100, RNG(7)
    families = [
        dict(spectrum=np.repeat([0.5, 1.5], dim // 2), context=150, noise=3.0, share=0.4),
        dict(spectrum=np.tile([0.6, 1.4], dim // 2), context=80, noise=5.0, share=0.6),
    ]
    test = np.repeat([1.2, 0.8], dim // 2)
    runs = [rolled(fitted(families, 200, 0.4, rng), test, 180, 2.0, 0.9, 4, rng) for _ in range(40)]
    theory = equivalents.error_curve(
        [family["spectrum"] for family in families],
        test,
        train_context=[family["context"] for family in families],
        label_noise=[family["noise"] for family in families],
        shares=[family["share"] for family in families],
        **dict(test_context=180, n_tasks=200, ridge=0.4, step_size=0.9, test_noise=2.0, depth=4),
    )
    gap, error = np.mean(runs, axis=0) / theory - 1, np.std(runs, axis=0, ddof=1) / np.sqrt(len(runs)) / theory
    assert (abs(gap) <= 4 * error + 3 / dim).all(), (gap.values, error.values)
    assert (error[1:] < 0.01).all()


def test_simulation_of_a_mixture_that_beats_training_on_the_target_alone():
    """The shares of `error_selection`, about; the same false alarm, beside a bias of up to 4/D."""
    dim, rng = 100, RNG(8)
    target, opposite = np.repeat([0.1, 1.9], dim // 2), np.repeat([1.9, 0.1], dim // 2)
    finals = {}
    for share in (1.0, 0.7):
        families = [dict(spectrum=s, context=200, noise=0.0, share=p) for s, p in ((target, share), (opposite, 1 - share))]
        runs = [rolled(fitted(families, 180, 0.0, rng), target, 200, 0.0, 1.0, 4, rng) for _ in range(40)]
        regime = dict(train_context=200, test_context=200, n_tasks=180, shares=[share, 1 - share], depth=4)
        theory = equivalents.error_curve([target, opposite], target, **regime)
        gap, error = np.mean(runs, axis=0) / theory - 1, np.std(runs, axis=0, ddof=1) / np.sqrt(len(runs)) / theory
        assert (abs(gap) <= 4 * error + 4 / dim).all(), (gap.values, error.values)
        finals[share] = np.mean(runs, axis=0)[4]
    assert finals[0.7] < 0.8 * finals[1.0] and finals[1.0] > 1


# --- what it refuses, and warns of --------------------------------------------------------------------------------


def test_an_outlier_is_warned_of():
    spectrum = np.r_[40.0, np.ones(99)]
    with pytest.warns(UserWarning, match=r"eigenvalue of test_covariance is 29% of the trace"):
        equivalents.error_curve(np.ones(100), spectrum, train_context=200, test_context=200, n_tasks=300, depth=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        equivalents.error_curve(np.ones(100), spectrum, train_context=200, test_context=INF, n_tasks=INF, depth=1)
        equivalents.error_curve(power_law(100, 0.5), np.ones(100), train_context=200, test_context=200, n_tasks=300, depth=1)


REFUSED = {
    "n_tasks = 40: the ridgeless fit needs more tasks than the 40 training dimensions; give ridge > 0": {"n_tasks": 40, "ridge": 0.0},
    "n_tasks = 0: a number of tasks is an integer of at least 1, or inf": {"n_tasks": 0},
    "train_context = 0: a number of examples is an integer of at least 1, or inf": {"train_context": 0},
    "test_context = 2.5: a number": {"test_context": 2.5},
    "label_noise = -1: must be a finite number of at least 0": {"label_noise": -1},
    "label_noise[1] = nan: must be a finite number of at least 0": {"label_noise": [1.0, np.nan]},
    "ridge = -0.1: must be a finite number of at least 0": {"ridge": -0.1},
    "step_size = 0.0: must be a finite number above 0": {"step_size": 0.0},
    "test_noise = inf: must be a finite number of at least 0": {"test_noise": INF},
    "depth = 201: a depth is an integer from 0 to 200": {"depth": 201},
    "shares = [0.5, 0.6]: must be non-negative with sum 1": {"shares": [0.5, 0.6], "train_context": [60, 60]},
    "test_covariance has the eigenvalue -1": {"test_covariance": np.r_[-1.0, np.ones(39)]},
    "train_covariance has 30 features, test_covariance 40: must be equal": {"train_covariance": np.ones(30)},
    "train_covariance[1] has 30 features": {"train_covariance": [np.ones(40), np.ones(30)]},
    "train_covariance has 2, train_context has 3: lists mean": {"train_covariance": [np.ones(40)] * 2, "train_context": [60] * 3},
    "train_context has 0": {"train_context": []},
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_input_is_refused_with_what_is_allowed(message):
    arguments = {"train_covariance": np.ones(40), "test_covariance": np.ones(40), **REGIME, "depth": 2} | REFUSED[message]
    with pytest.raises(ValueError) as refusal:
        equivalents.error_curve(**arguments)
    assert message in str(refusal.value)
