"""Training of linear self-attention: Adam against the literal transformer and autograd, least squares, gradient descent."""

import numpy as np
import pytest
import torch
from scipy.linalg import null_space

from cotdepth.covariance import haar, identity, limited_support, power_law, with_trace
from cotdepth.fit.adam import VARIANTS, _Regressions, fit_adam, fit_adam_fresh
from cotdepth.fit.least_squares import fit_least_squares
from cotdepth.models.lsa import lsa_step, with_marker_scores
from cotdepth.prompts import Prompts, draw_prompts
from cotdepth.rollout import rollout
from cotdepth.theory import population
from cotdepth.theory.descent import compare_step_sizes, descend

TASK = haar(power_law(3, 1.0), rng=np.random.default_rng(4))
variants = pytest.mark.parametrize("trained", VARIANTS)


def some_pool(seed=0, n_prompts=40, covariance=TASK, n_context=6, label_noise=0.3):
    return draw_prompts(covariance, n_context, n_prompts, label_noise=label_noise, rng=np.random.default_rng([5, seed]))


def train(pools, trained, seeds=None, **options):
    rngs = [np.random.default_rng([6, seed]) for seed in seeds or range(len(pools))]
    defaults = {"batch_size": 20, "epochs": 5, "learning_rate": 1e-2, "precision": "float64"}
    return fit_adam(pools, trained=trained, rngs=rngs, **defaults | options)


# --- gradients ----------------------------------------------------------------------------------------------------


@variants
def test_gradients_are_those_of_autograd(trained):
    rng, pools = np.random.default_rng(1), [some_pool(0), some_pool(1)]
    model = VARIANTS[trained](2, 3, 1.4, torch.float64)
    for parameter in model.parameters:
        parameter.data += torch.tensor(rng.standard_normal(parameter.shape))
    rows = [torch.tensor(np.concatenate([model.shown(pool), pool.weights], axis=1)) for pool in pools]
    losses = _Regressions(model, 2, torch.float64).backward(rows)
    leaves = [parameter.detach().clone().requires_grad_() for parameter in model.parameters]
    block, scores = leaves if trained == "all" else (leaves[0], torch.tensor([[0, 0, 0, -1.4]] * 2, dtype=torch.float64))
    for seed, pool in enumerate(pools):
        grams, weights = torch.tensor(pool.grams), torch.tensor(pool.weights)
        estimates = (grams @ scores[seed])[:, : block.shape[2]] @ block[seed].T
        loss = ((estimates - weights) ** 2).sum(1).mean() / 2
        loss.backward()
        assert losses[seed] == pytest.approx(loss.item(), rel=1e-12)
    for parameter, leaf in zip(model.parameters, leaves):
        np.testing.assert_allclose(parameter.grad, leaf.grad, rtol=1e-12, atol=1e-13)


def literal_training(features, labels, weights, batches, learning_rate, scale):
    """V and W after Adam by autograd on the literal transformer, (3.1) - (3.3), every entry free, from eq. (3.6) with V = 0."""
    n_prompts, dim, n_context = features.shape
    tokens = torch.zeros(n_prompts, 2 * dim + 2, n_context + 1, dtype=torch.float64)
    tokens[:, :dim, :-1], tokens[:, dim, :-1], tokens[:, -1, -1] = torch.tensor(features), torch.tensor(labels), 1
    V, W = torch.zeros(2, 2 * dim + 2, 2 * dim + 2, dtype=torch.float64)
    W[:dim, dim + 1 : -1], W[dim, -1] = scale * torch.eye(dim, dtype=torch.float64), -scale
    optimiser = torch.optim.Adam([V.requires_grad_(), W.requires_grad_()], lr=learning_rate)
    for batch in batches:
        E = tokens[batch]
        output = E + V @ E @ (E.transpose(1, 2) @ W @ E) / n_context
        loss = ((output[:, dim + 1 : -1, -1] - torch.tensor(weights[batch])) ** 2).sum(1).mean() / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return V.detach().numpy(), W.detach().numpy(), loss.item()


def test_training_everything_is_training_the_literal_transformer():
    """Two epochs of two batches: blocks agree, and every entry outside them is to the bit what it was."""
    rng, scale, epochs = np.random.default_rng(3), 1.3, 2
    features, weights = rng.standard_normal((40, 3, 5)), rng.standard_normal((40, 3))
    labels = np.einsum("pdm,pd->pm", features, weights) + 0.2 * rng.standard_normal((40, 5))
    rows = np.concatenate([features, labels[:, None]], axis=1)
    pool = Prompts(weights, rows @ rows.transpose(0, 2, 1) / 5)
    found = train([pool], "all", seeds=[9], epochs=epochs, scale=scale)
    shuffles = np.random.default_rng([6, 9])
    batches = [batch for _ in range(epochs) for batch in shuffles.permutation(40).reshape(2, 20)]
    V, W, _ = literal_training(features, labels, weights, batches, 1e-2, scale)
    np.testing.assert_allclose(found.value_blocks[0], V[4:7, :4], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.marker_scores[0], W[:4, 7], rtol=0, atol=1e-12)
    assert np.abs(V[4:7, :4]).min() > 1e-5 and np.abs(W[:4, 7] - [0, 0, 0, -scale]).min() > 1e-5   # all of these moved
    V[4:7, :4], W[:4, 7], W[:3, 4:7] = 0, 0, W[:3, 4:7] - scale * np.eye(3)
    assert not V.any() and not W.any()


# --- training -----------------------------------------------------------------------------------------------------


@variants
def test_a_seed_does_not_depend_on_those_beside_it(trained):
    pools = [some_pool(seed) for seed in range(3)]
    together = train(pools, trained)
    for seed, pool in enumerate(pools):
        alone = train([pool], trained, seeds=[seed])
        for name in ("value_blocks", "marker_scores", "losses"):
            np.testing.assert_allclose(getattr(together, name)[seed], getattr(alone, name)[0], rtol=0, atol=1e-12)


@variants
def test_single_precision_loses_less_than_adam_jitters(trained):
    pools = [some_pool(seed) for seed in range(2)]
    exact, single = (train(pools, trained, epochs=400, precision=name) for name in ("float64", "float32"))
    assert single.value_blocks.dtype == single.marker_scores.dtype == float
    np.testing.assert_allclose(single.value_blocks, exact.value_blocks, rtol=0, atol=1e-4)   # learning rate 1e-2
    np.testing.assert_allclose(single.marker_scores, exact.marker_scores, rtol=0, atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, -0.7])
def test_the_block_alone_ends_at_least_squares(scale):
    pools = [some_pool(seed, n_prompts=200) for seed in range(2)]
    found = train(pools, "block", batch_size=200, epochs=3000, scale=scale)
    for seed, pool in enumerate(pools):
        block = fit_least_squares(pool, scale=scale)
        np.testing.assert_allclose(found.value_blocks[seed], np.pad(block, [(0, 0), (0, 1)]), rtol=0, atol=1e-6)
        least = np.mean(np.sum((pool.weights + scale * pool.statistics @ block.T) ** 2, axis=1)) / 2
        assert found.losses[seed, -1] == pytest.approx(least, rel=1e-9)
    assert np.array_equal(found.marker_scores, [[0, 0, 0, -scale]] * 2)


def test_free_attention_predicts_as_well_at_once_but_thinks_towards_a_multiple_of_the_task():
    """The loss sees the product V_31 W_24 only; thought converges to (|W_24| / c) w."""
    pool = some_pool(n_prompts=4000, covariance=identity(3), n_context=30, label_noise=0.0)
    block, free = (train([pool], trained, batch_size=4000, epochs=800) for trained in VARIANTS)
    assert free.losses[0, -1] == pytest.approx(block.losses[0, -1], rel=0.02)
    products = [found.value_blocks[0, :, :3] * found.marker_scores[0, -1] for found in (block, free)]
    np.testing.assert_allclose(products[1], products[0], rtol=0, atol=0.02)
    layer, prompts = with_marker_scores(free.value_blocks[0], free.marker_scores[0]), some_pool(1, 50, identity(3), 5000, 0.0)
    limit = rollout(lsa_step, layer, prompts, np.zeros_like(prompts.weights), depth=60)[-1]
    assert -free.marker_scores[0, -1] > 1.3
    np.testing.assert_allclose(limit, -free.marker_scores[0, -1] * prompts.weights, rtol=0, atol=0.1)


@variants
def test_losses_are_those_before_each_step(trained):
    pool = some_pool()
    losses = train([pool], trained, batch_size=40, epochs=30).losses[0]
    assert losses.shape == (30,) and losses[0] == pytest.approx(np.sum(pool.weights**2) / 2 / 40, rel=1e-12)
    assert np.all(np.diff(losses) < 0)


def test_progress_wraps_the_epochs():
    seen = []
    train([some_pool()], "block", progress=lambda epochs, name: (seen.append(epoch) or epoch for epoch in epochs))
    assert seen == [0, 1, 2, 3, 4]


@variants
def test_fresh_prompts_lead_to_the_population_optimum(trained):
    """The loss ends at its least for infinitely many prompts; a seed does not depend on those beside it."""
    def draw(n_prompts, rng):
        return draw_prompts(TASK, 6, n_prompts, rng=rng)

    def fresh(seeds):
        return fit_adam_fresh(draw, 3, trained=trained, batch_size=100, epochs=2, steps=300, learning_rate=1e-2,
                              rngs=[np.random.default_rng([7, seed]) for seed in seeds])

    together, alone = fresh([0, 1]), fresh([1])
    np.testing.assert_allclose(together.value_blocks[1], alone.value_blocks[0], rtol=0, atol=1e-6)
    products = together.value_blocks[:, :, :3] * together.marker_scores[:, -1, None, None]   # V_31 W_24, all the loss sees
    np.testing.assert_allclose(products, np.array([population.preconditioner(TASK, 6)] * 2), rtol=0, atol=0.3)
    least = population.population_loss(population.optimal_block(TASK, 6), TASK, 6)
    np.testing.assert_allclose(together.losses[:, -1], least, rtol=0.1)


# --- least squares ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, -0.7])
def test_least_squares_has_zero_gradient_by_autograd(scale):
    pool = some_pool()
    block = torch.tensor(fit_least_squares(pool, scale=scale), requires_grad=True)
    ((-scale * torch.tensor(pool.statistics) @ block.T - torch.tensor(pool.weights)) ** 2).sum().backward()
    assert block.grad.abs().max() < 1e-11


def test_least_squares_is_0_along_features_that_never_occur():
    covariance = haar(limited_support(3, 1.0, support=2), rng=np.random.default_rng(3))
    block = fit_least_squares(some_pool(covariance=covariance))
    np.testing.assert_allclose(block @ null_space(covariance.matrix), 0, atol=1e-12)


# --- gradient descent on the population loss ----------------------------------------------------------------------


def descent_from_zero(covariance, step_size, steps=400, scale=1.0):
    return descend(np.zeros((covariance.dim,) * 2), covariance, 8, step_size=step_size, steps=steps, scale=scale)


@pytest.mark.parametrize("largest, printed_converges", [(0.5, True), (1.9, True), (2.1, False), (4.0, False)])
def test_the_printed_step_size_diverges_for_strong_features(largest, printed_converges):
    covariance = haar(power_law(3, 0.5), rng=np.random.default_rng(2))
    covariance = type(covariance)(largest * covariance.spectrum, covariance.basis)
    safe = descent_from_zero(covariance, population.step_size(covariance, 8))
    printed = descent_from_zero(covariance, population.printed_step_size(covariance, 8))
    assert safe.distance[-1] < 1e-6
    assert (printed.distance[-1] < 1e-6) == printed_converges and (printed.distance[-1] > 1e6) != printed_converges


@pytest.mark.parametrize("largest, as_printed", [(0.5, "converges"), (1.9, "converges"), (2.1, "diverges"), (6.0, "diverges")])
def test_step_sizes_are_compared_from_the_same_start(largest, as_printed):
    """As proved, half the limit; as printed, half the largest eigenvalue of it."""
    covariance = with_trace(power_law(3, 0.5), largest * power_law(3, 0.5).trace)
    found = compare_step_sizes(covariance, 8, steps=300)
    assert found.largest_eigenvalue == pytest.approx(largest)
    parts = (found.step_length / found.step_limit).sel(step_size=["as proved", "as printed"])
    assert parts.values == pytest.approx([0.5, largest / 2])
    assert found.distance.sel(step=0).values == pytest.approx([1, 1])
    proved, printed = found.distance.sel(step=300, step_size=["as proved", "as printed"]).values
    assert proved < 1e-6 and (printed > 1e6 if as_printed == "diverges" else printed < 1e-6)
    assert all(variable.attrs.keys() >= {"long_name", "units"} for variable in found.variables.values())


@pytest.mark.parametrize("scale", [1.0, -0.6])
def test_the_limit_of_the_step_size_is_sharp(scale):
    limit = population.step_size_limit(TASK, 8, scale=scale)
    below, above = (descent_from_zero(TASK, factor * limit, 3000, scale) for factor in (0.99, 1.01))
    assert below.distance[-1] < 1e-12 and below.excess_loss[-1] < 1e-12
    assert above.distance[-1] > 1e6 and above.excess_loss[-1] > 1e6


def test_descent_that_overflows_is_infinite():
    result = descent_from_zero(TASK, 50 * population.step_size_limit(TASK, 8))
    assert np.all(np.isfinite(result.distance[:50])) and np.all(np.isinf(result.distance[-50:]))
    assert np.all(np.isinf(result.excess_loss[-50:])) and not result.isnull().to_array().any()


def test_excess_loss_is_the_loss_above_its_minimum():
    start = np.random.default_rng(0).standard_normal((3, 3))
    result = descend(start, TASK, 8, step_size=0.1, steps=1, scale=1.5)
    moved = start - 0.1 * population.population_gradient(start, TASK, 8, scale=1.5)
    least = population.population_loss(population.optimal_block(TASK, 8, scale=1.5), TASK, 8, scale=1.5)
    expected = [population.population_loss(block, TASK, 8, scale=1.5) - least for block in (start, moved)]
    np.testing.assert_allclose(result.excess_loss, expected, rtol=1e-10)


def test_descent_converges_along_features_that_occur():
    covariance = haar(limited_support(3, 1.0, support=2), rng=np.random.default_rng(3))
    result = descent_from_zero(covariance, population.step_size(covariance, 8), 2000)
    assert result.distance[-1] < 1e-12 and result.excess_loss[-1] < 1e-24


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fit, message",
    [
        (lambda: train([some_pool()], "blocks"), "^trained = 'blocks': must be one of 'block', 'all'"),
        (lambda: train([some_pool()], "all", precision="half"), "^precision = 'half': must be one of 'float32', 'float64'"),
        (lambda: train([some_pool()], "all", batch_size=15), "^batch_size = 15: must divide the 40 prompts"),
        (lambda: train([some_pool()], "all", batch_size=0), "^batch_size = 0: must be an integer of at least 1"),
        (lambda: train([some_pool()], "all", epochs=0), "^epochs = 0: must be an integer of at least 1"),
        (lambda: train([some_pool()], "all", learning_rate=0), "^learning_rate = 0: must be positive and finite"),
        (lambda: train([some_pool()], "all", scale=0), "^scale = 0: must be a finite number other than 0"),
        (lambda: train([some_pool()], "all", seeds=[0, 1]), r"^pools have shapes \[\(40, 4, 4\)\], rngs 2 streams: must be of one"),
        (lambda: train([some_pool(), some_pool(n_prompts=20)], "all"), "^pools have shapes .*: must be of one shape"),
        (lambda: train([], "all"), r"^pools have shapes \[\], rngs 0 streams"),
        (lambda: fit_least_squares(some_pool(n_prompts=2)), "^pool has 2 prompts: 3 features need at least as many"),
        (lambda: descent_from_zero(TASK, -1.0), "^step_size = -1.0: must be positive and finite"),
        (lambda: descent_from_zero(TASK, 0.1, steps=0), "^steps = 0: must be an integer of at least 1"),
        (lambda: descend(np.zeros((2, 2)), TASK, 8, step_size=0.1, steps=3), r"^start has shape \(2, 2\)"),
    ],
)
def test_arguments_out_of_range_are_refused(fit, message):
    with pytest.raises(ValueError, match=message):
        fit()
