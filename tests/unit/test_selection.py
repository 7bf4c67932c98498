"""Task selection against reference values, brute force, closed forms and the conditions of optimality."""

import json
from pathlib import Path

import numpy as np
import pytest

from cotdepth.covariance import Covariance, aligned, haar, limited_support, power_law, shuffled, with_trace
from cotdepth.selection import evaluate, kkt_residual, solve
from cotdepth.selection_objectives import surrogate_gram
from cotdepth.theory import finite

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "reference_finite.json").read_text())
ENTRIES = {entry["id"]: entry for entry in REFERENCE["entries"]}
INPUTS = ENTRIES["J27"]["inputs"]
TYPES = {"ES": (0.2, 20), "HS": (0.8, 20), "EL": (0.2, 100), "HL": (0.8, 100)}  # training-data paper, section 5.1
INF = float("inf")


def experiment(reading, dim=1000, each=50, seed=0):
    """Tasks of the four types of section 5.1, in order, and the target; supports in proportion to the dimension."""
    rng, target = np.random.default_rng(seed), with_trace(power_law(dim, 0.8), 1.0)
    tasks = []
    for exponent, support in TYPES.values():
        task = with_trace(limited_support(dim, exponent, support=support * dim // 1000), 1.0)
        draw = {"haar": haar, "shuffled": shuffled, "aligned": lambda task, rng: aligned(task, target, rng=rng)}[reading]
        tasks += [draw(task, rng=rng) for _ in range(each)]
    return tasks, target


def shares_by_type(solution):
    """Mean probability of a task of each type."""
    return dict(zip(TYPES, solution.probability.values.reshape(len(TYPES), -1).mean(1)))


def random_covariance(dim, rng, rank=None):
    root = rng.standard_normal((dim, rank or dim))
    return root @ root.T / dim


def commuting(dim, rng, rank=None):
    """A spectrum in the common basis: as a covariance, the counterpart of `random_covariance`."""
    spectrum = rng.exponential(size=dim) + 0.05
    return spectrum * (rng.permutation(dim) < (rank or dim))


KINDS = {"commuting": commuting, "not commuting": random_covariance}


# --- the surrogate ------------------------------------------------------------------------------------------------


def test_reference_gram():
    gram = surrogate_gram(INPUTS["tasks"], INPUTS["Sigma_diag"]).gram
    np.testing.assert_allclose(gram, ENTRIES["J27"]["value"], rtol=ENTRIES["J27"]["rel_tol"])


def test_reference_solution():
    solution, expected = solve(INPUTS["tasks"], INPUTS["Sigma_diag"]), ENTRIES["J29"]
    np.testing.assert_allclose(solution.probability, expected["value"]["pi"], atol=expected["rel_tol"])
    assert solution.objective == pytest.approx(expected["value"]["value"], abs=expected["rel_tol"])
    assert solution.kkt_residual < 1e-6


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("in_axes", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_surrogate_is_the_norm_of_the_matrix(kind, in_axes, rank):
    """pi^T Q pi - 2 b^T pi + D against |I - Sigma^-1 sum pi Lambda|_F^2, low-rank tasks among the others."""
    rng = np.random.default_rng(0)
    target = Covariance(rng.exponential(size=5) + 0.1) if in_axes else haar(power_law(5, 1.0), rng=rng)
    tasks = [KINDS[kind](5, rng) for _ in range(3)] + [KINDS[kind](5, rng, rank) for _ in range(2)] + [haar(power_law(5, 2.0), rng=rng)]
    shares = rng.dirichlet(np.ones(6))
    mean = sum(share * finite.gamma(task, INF) for share, task in zip(shares, tasks))
    expected = np.sum((np.eye(5) - np.linalg.inv(target.matrix) @ mean) ** 2)
    assert evaluate(shares, tasks, target).objective == pytest.approx(expected, rel=1e-11)


def test_the_gram_matrix_adds_up_over_blocks(monkeypatch):
    tasks, target = experiment("haar", dim=100, each=2)
    whole = surrogate_gram(tasks, target)
    monkeypatch.setattr("cotdepth.selection_objectives.BLOCK", 8 * 100 * 7)  # 7 rows at a time
    np.testing.assert_allclose(surrogate_gram(tasks, target).gram, whole.gram, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_no_point_of_the_simplex_is_better(seed):
    rng = np.random.default_rng(seed)
    tasks, target = [random_covariance(4, rng, rank=2) for _ in range(6)], random_covariance(4, rng)
    best, form = solve(tasks, target), surrogate_gram(tasks, target)
    for size in (1.0, 0.1, 1e-3):
        points = (1 - size) * best.probability.values + size * rng.dirichlet(np.full(6, 0.5), 500)
        values = np.einsum("pi,ij,pj->p", points, form.gram, points) - 2 * points @ form.linear.values + 4
        assert (values > best.objective.item() - 1e-8).all()


def test_tasks_that_hold_the_target_reach_it():
    target = haar(power_law(6, 1.0), rng=np.random.default_rng(0))
    solution = solve([np.eye(6), target, 2 * np.eye(6)], target)
    np.testing.assert_allclose(solution.probability, [0, 1, 0], atol=1e-5)


# --- section 5.1 --------------------------------------------------------------------------------------------------


def test_haar_tasks_have_a_closed_form():
    """Independent eigenbases: probabilities proportional to 1 / (|Lambda|_F^2 - 1/D); deviations fall with D and tasks of a type."""
    solution = solve(*experiment("haar", dim=500))
    scores = {}
    for name, (exponent, support) in TYPES.items():
        task = with_trace(limited_support(500, exponent, support=support // 2), 1.0)
        scores[name] = 1 / (np.sum(task.spectrum**2) - 1 / 500)
    for name, share in shares_by_type(solution).items():
        assert share == pytest.approx(scores[name] / sum(scores.values()) / 50, rel=0.06)
    assert solution.kkt_residual < 1e-6


@pytest.mark.parametrize(
    "reading, order, largest, objective",
    [("shuffled", "EL HL ES HS", (0.0084, 0.0125), (2280, 2650)), ("aligned", "HL HS EL ES", (0.0165, 0.0178), (200, 255))],
)
def test_which_tasks_are_chosen_depends_on_the_reading(reading, order, largest, objective):
    """The paper's order, harder and more diverse first, needs tasks aligned with the target. The windows hold for seeds 0 to 19."""
    solution = solve(*experiment(reading))
    shares = shares_by_type(solution)
    assert " ".join(sorted(shares, key=shares.get, reverse=True)) == order
    assert largest[0] < max(shares.values()) < largest[1]
    assert objective[0] < solution.objective < objective[1]  # beyond D = 1000, no training at all would be better
    assert solution.kkt_residual < 1e-6


# --- the exact objective ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mixture", ["prompt", "example"])
@pytest.mark.parametrize("n", [3, INF])
def test_the_exact_objective_is_that_of_the_mixtures_preconditioner(kind, mixture, n):
    rng = np.random.default_rng(1)
    tasks, target = [KINDS[kind](4, rng, rank=3) for _ in range(4)], KINDS[kind](4, rng)
    shares = rng.dirichlet(np.ones(4))
    rest = np.eye(4) - finite.mixture_preconditioner(tasks, shares, n, mixture=mixture) @ finite.gamma(target, INF)
    value = evaluate(shares, tasks, target, objective="exact", depth=3, mixture=mixture, n_context=n).objective
    assert value == pytest.approx(np.trace(np.linalg.matrix_power(rest, 6)), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objective", ["surrogate", "prompt", "example"])
@pytest.mark.parametrize("n", [3, INF])
def test_gradients(kind, objective, n):
    """Against central differences along the simplex; n = inf only for the surrogate."""
    rng = np.random.default_rng(2)
    tasks, target = [KINDS[kind](4, rng, rank=3) for _ in range(4)], KINDS[kind](4, rng)
    choice = {} if objective == "surrogate" else dict(objective="exact", depth=2, mixture=objective, n_context=n)
    shares, step = rng.dirichlet(np.full(4, 5.0)), 1e-5 * np.array([1, -1, 0, 0])
    for direction in (step, np.roll(step, 1), np.roll(step, 2)):
        ends = [evaluate(shares + sign * direction, tasks, target, **choice).objective for sign in (1, -1)]
        gradient = evaluate(shares, tasks, target, **choice).gradient.values
        assert direction @ gradient == pytest.approx((ends[0] - ends[1]).item() / 2, rel=1e-6)


def test_common_and_other_bases_agree():
    """The same tasks as spectra and as matrices turned together."""
    rng = np.random.default_rng(3)
    spectra, target = [commuting(5, rng, rank=4) for _ in range(4)], commuting(5, rng)
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    choice = dict(objective="exact", depth=2, mixture="prompt", n_context=6)
    values = evaluate(np.full(4, 0.25), spectra, target, **choice)
    turned = evaluate(np.full(4, 0.25), [turn * task @ turn.T for task in spectra], turn * target @ turn.T, **choice)
    for name in values:
        np.testing.assert_allclose(turned[name], values[name], rtol=1e-8)


@pytest.mark.parametrize("turned", [False, True])
def test_directions_of_no_task_count_one_each(turned):
    tasks, target = [[1.0, 0.5, 0, 0], [0.2, 0.3, 0, 0]], np.array([1.0, 1.0, 0.5, 0.2])
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0] if turned else np.eye(4)
    choice = dict(objective="exact", depth=2, mixture="example")
    whole = evaluate([0.5, 0.5], [turn * task @ turn.T for task in tasks], turn * target @ turn.T, **choice)
    part = evaluate([0.5, 0.5], [task[:2] for task in tasks], target[:2], **choice)
    assert whole.objective == pytest.approx(part.objective.item() + 2, rel=1e-10)


@pytest.mark.parametrize("turned", [False, True])
def test_a_singular_mixture_is_infinitely_bad(turned):
    turn = np.array([[0.6, -0.8], [0.8, 0.6]]) if turned else np.eye(2)
    value = evaluate([1.0, 0.0], [turn * [1.0, 0] @ turn.T, np.eye(2)], [1.0, 1.0], objective="exact", depth=1, mixture="example")
    assert value.objective > 1e15


def test_the_exact_objective_is_not_convex():
    tasks, target = [[0.1, 0.05, 0.85], [0.4, 0.05, 0.55]], [0.05, 0.05, 0.9]
    choice = dict(objective="exact", depth=1, mixture="example")
    low, middle, high = (evaluate([1 - share, share], tasks, target, **choice).objective.item() for share in (0, 0.5, 1))
    assert middle == pytest.approx(0.7216, abs=5e-5) and (low + high) / 2 == pytest.approx(0.7120, abs=5e-5)


@pytest.mark.parametrize("mixture, n", [("example", INF), ("example", 10), ("prompt", 10)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 4])
def test_exact_solutions_are_local_minima(kind, mixture, n, depth):
    rng = np.random.default_rng(4)
    tasks, target = [KINDS[kind](4, rng, rank=3) for _ in range(6)], KINDS[kind](4, rng)
    choice = dict(objective="exact", depth=depth, mixture=mixture, n_context=n)
    best = solve(tasks, target, starts=2, rng=rng, **choice)
    assert best.start.values.tolist() == ["uniform", "surrogate", "random 1", "random 2"]
    assert best.objective == best.start_objective.min() and best.kkt_residual < 1e-6
    for point in rng.dirichlet(np.full(6, 0.5), 40):
        near = best.probability.values + 1e-3 * (point - best.probability.values)
        assert evaluate(near, tasks, target, **choice).objective > best.objective - 1e-9 * abs(best.objective)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 10])
def test_exact_solutions_find_the_target_among_the_tasks(kind, depth):
    """The minimum 0 has a vanishing gradient, of high order: descent must follow the objective down many orders of magnitude."""
    rng = np.random.default_rng(6)
    target = KINDS[kind](4, rng)
    solution = solve([KINDS[kind](4, rng), target, np.eye(4)], target, objective="exact", depth=depth, mixture="example")
    np.testing.assert_allclose(solution.probability, [0, 1, 0], atol=1e-3)
    assert solution.objective < 1e-15


def test_for_tasks_that_do_not_commute_the_exact_objective_is_no_error():
    """Eq. (4.4) is negative where ``Gamma^-1 Sigma`` has complex eigenvalues; the error of long prompts never is (erratum)."""
    tasks = [np.outer(skill, skill) for skill in ([1, -1, 1], [-1, 0, 2], [0, 0, 1])]
    target = np.outer([1, -2, 2], [1, -2, 2]) + 0.1 * np.eye(3)
    shares, mixture = np.full(3, 1 / 3), dict(mixture="prompt")
    step = finite.mixture_preconditioner(tasks, shares, INF, **mixture)
    assert evaluate(shares, tasks, target, objective="exact", depth=3, **mixture).objective < -2
    assert finite.error_leading_order_at(step, target, depth=3)[3] > 0.5


@pytest.mark.parametrize("depth", [1, 5])
@pytest.mark.parametrize("reading, best", [("shuffled", "EL"), ("aligned", "HL")])
def test_both_objectives_choose_the_same_type(reading, best, depth):
    """Exact solutions of section 5.1 at full size, the same from every start."""
    tasks, target = experiment(reading)
    solution = solve(tasks, target, objective="exact", depth=depth, mixture="example", starts=1, rng=np.random.default_rng(0))
    shares = shares_by_type(solution)
    assert max(shares, key=shares.get) == best and solution.kkt_residual < 1e-5
    np.testing.assert_allclose(solution.start_objective, solution.objective, rtol=1e-6)


def test_a_singular_target_has_an_exact_solution():
    solution = solve([[1.0, 0.2], [0.2, 1.0]], [1.0, 0.0], objective="exact", depth=1, mixture="example")
    assert solution.start.values.tolist() == ["uniform"] and solution.probability[0] == pytest.approx(1, abs=1e-6)


# --- hard tasks are needed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 10, INF])
@pytest.mark.parametrize("kind", KINDS)
def test_share_of_hard_tasks(kind, n):
    """Proposition 4.3, corrected: tasks with an eigenvalue below tau have at least 1 - n/(n-1) (lambda_min(Sigma) + eps)/tau.

    With eps the difference between the smallest eigenvalues of Gamma and Sigma, for any tau, per-example mixtures.
    """
    rng, factor = np.random.default_rng(5), n / (n - 1) if n < INF else 1
    for _ in range(20):
        tasks = [KINDS[kind](3, rng) * rng.choice([1, 0.05]) for _ in range(5)]
        shares, target = rng.dirichlet(np.ones(5)), rng.exponential() * 0.1
        smallest = [np.linalg.eigvalsh(finite.gamma(task, INF))[0] for task in tasks]
        gap = abs(np.linalg.eigvals(finite.mixture_gamma(tasks, shares, n, mixture="example")).real.min() - target)
        for tau in (0.01, 0.1, 1, 10):
            assert shares[np.array(smallest) <= tau].sum() >= 1 - factor * (target + gap) / tau - 1e-12


# --- the residual, what is refused ----------------------------------------------------------------------------------


def test_residual_of_the_conditions_of_optimality():
    assert kkt_residual([3.0, 3.0, 5.0], [0.4, 0.6, 0.0]) == 0
    assert kkt_residual([3.0, 5.0], [0.0, 1.0]) == pytest.approx(0.4)  # the better task has no share
    assert kkt_residual([3e6, 5e6], [0.5, 0.5]) == pytest.approx(kkt_residual([3.0, 5.0], [0.5, 0.5])) == pytest.approx(0.2)
    assert kkt_residual([1.0, 1.0], [0.7, 0.7]) == pytest.approx(0.4)
    assert kkt_residual([1.0, 1.0], [1.5, -0.5]) == pytest.approx(0.5)
    assert kkt_residual([0.0, 0.0], [0.5, 0.5]) == 0


def test_results_are_labelled():
    solution = solve([[1.0, 0.2], [0.2, 1.0]], [1.0, 1.0], objective="exact", depth=2, mixture="prompt", n_context=5)
    assert {name: array.dims for name, array in solution.items()} == {
        "probability": ("task",),
        "objective": (),
        "kkt_residual": (),
        "start_objective": ("start",),
        "start_kkt_residual": ("start",),
    }
    assert all(array.attrs["units"] == "1" and array.attrs["long_name"] for array in solution.values())
    assert list(solve([[1.0, 0.2]], [1.0, 1.0])) == ["probability", "objective", "kkt_residual"]


EXACT = dict(objective="exact", depth=1, mixture="example")


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(objective="best"), "^objective = 'best': must be 'surrogate' or 'exact'"),
        (dict(depth=2), "^depth = 2: must be None for objective = 'surrogate'"),
        (dict(mixture="prompt"), "^mixture = 'prompt': must be None for objective = 'surrogate'"),
        (dict(n_context=10), "^n_context = 10: must be inf for objective = 'surrogate'"),
        (EXACT | dict(depth=None), "^depth = None: the exact objective needs a depth of at least 1"),
        (EXACT | dict(depth=0), "^depth = 0: the exact objective needs a depth of at least 1"),
        (EXACT | dict(depth=1.5), "^depth = 1.5: "),
        (EXACT | dict(mixture=None), "^mixture = None: the exact objective needs one, 'prompt' or 'example'"),
        (EXACT | dict(mixture="task"), "^mixture = 'task': must be 'prompt' or 'example'"),
        (EXACT | dict(n_context=0), "^n_context = 0: "),
        (EXACT | dict(starts=-1), "^starts = -1: must be an integer of at least 0"),
        (EXACT | dict(starts=2), "^rng = None: starts = 2 random points need"),
        (EXACT | dict(depth=2000, target_covariance=[9.0, 1.0]), "^depth = 2000: the objective overflows"),
        (dict(target_covariance=[1e-200, 1.0]), "^target_covariance has the eigenvalue 1e-200: too small"),
        (dict(task_covariances=5), "^task_covariances = 5: must be a sequence of covariances"),
        (dict(task_covariances=Covariance([1.0, 1.0])), r"^task_covariances = Covariance\(.*must be a sequence of covariances"),
        (dict(task_covariances=[]), r"^task_covariances = \[\]: at least one task"),
        (dict(task_covariances=[[1.0, 2.0], [1.0]]), r"^task_covariances\[1\] has 1 features, target_covariance 2"),
        (dict(task_covariances=[[1.0, -2.0]]), r"^task_covariances\[0\] has the eigenvalue -2"),
        (dict(target_covariance=[1.0, 0.0]), "^target_covariance has rank 1 of 2: .* full rank"),
    ],
)
def test_what_is_refused(change, message):
    arguments = dict(task_covariances=[[0.5, 0.5], [0.1, 0.9]], target_covariance=[0.5, 0.5]) | change
    with pytest.raises(ValueError, match=message):
        solve(arguments.pop("task_covariances"), arguments.pop("target_covariance"), **arguments)


@pytest.mark.parametrize("shares", [[0.5, 0.6], [1.5, -0.5], [1.0], [np.nan, 1.0]])
def test_probabilities_are_points_of_the_simplex(shares):
    with pytest.raises(ValueError, match="^probabilities = "):
        evaluate(shares, [[1.0, 2.0], [2.0, 1.0]], [1.0, 1.0])


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
def test_a_solver_that_fails_is_an_error(monkeypatch):
    monkeypatch.setattr("cotdepth.selection.SOLVER", {"max_iter": 1})
    with pytest.raises(RuntimeError, match="^the quadratic program of 2 tasks was not solved: "):
        solve([[0.5, 0.5], [0.1, 0.9]], [0.5, 0.5])
