"""Training of attention with chain of thought: its losses and gradients are those of the literal transformer."""

import numpy as np
import pytest
import torch

from cotdepth.fit.cot import CoTTraining
from cotdepth.fit.supervision import teach, unroll
from cotdepth.fit.training import pool_draws
from cotdepth.full_evaluation import estimates_of
from cotdepth.models.full_attention import ShownPrompts, block_places
from cotdepth.models.literal_attention import PARAMETERISATIONS, literal_step
from cotdepth.models.lsa import LinearAttention, lsa_step
from cotdepth.rollout import rollout
from cotdepth.streams import stream
from cotdepth.written_prompts import write_prompts

DIM, N_CONTEXT, DEPTH = 3, 6, 3
WIDTH = 2 * DIM + 2
models = pytest.mark.parametrize("model", ["linear", "softmax"])
parameterisations = pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)
masks = pytest.mark.parametrize("mask, marker", [("data_only", "every"), ("history", "every"), ("history", "newest")])
supervisions = pytest.mark.parametrize("supervision, teacher_step", [("teacher", 0.3), ("unrolled", None)])


def generator(seed=0):
    return stream(18, "training", cell="", seed=seed)   # of the kind that the project uses


def draw(n_prompts, rng):
    return write_prompts(np.ones(DIM), N_CONTEXT, n_prompts, rng=rng)


def training(model="linear", parameterisation="merged", mask="data_only", marker="every", supervision="unrolled", teacher_step=None,
             seed=0, draw=draw, dim=DIM, **options):
    defaults = {"depth": DEPTH, "batch_size": 8, "learning_rate": 1e-3, "precision": "float64"}
    return CoTTraining(draw, dim, model=model, parameterisation=parameterisation, mask=mask, marker=marker, supervision=supervision,
                       teacher_step=teacher_step, rng=generator(seed), **defaults | options)


def tensors(prompts):
    return torch.tensor(prompts.examples), torch.tensor(prompts.weights)


# --- chains of thought --------------------------------------------------------------------------------------------


def test_a_teacher_descends_the_least_squares_of_the_prompt_and_ends_at_the_task():
    """Labels with noise: the chain knows the prompt alone, and its last target is the task itself."""
    examples, weights = tensors(write_prompts(np.ones(DIM), N_CONTEXT, 5, label_noise=0.5, rng=generator()))
    chain = teach(examples, weights, depth=4, step_size=0.2)
    assert chain.estimates.shape == (4, 5, DIM) and not chain.estimates[0].any()
    for before, after in zip(chain.estimates, chain.estimates[1:]):
        guess = before.clone().requires_grad_()
        loss = ((examples[:, :, :-1] @ guess[:, :, None])[:, :, 0] - examples[:, :, -1]).square().sum() / (2 * N_CONTEXT)
        np.testing.assert_allclose(after, before - 0.2 * torch.autograd.grad(loss, guess)[0], rtol=0, atol=1e-12)
    assert torch.equal(chain.targets[:-1], chain.estimates[1:]) and torch.equal(chain.targets[-1], weights)


def test_an_unrolled_chain_is_the_models_own_without_gradient():
    factor, weights = torch.tensor(0.5, requires_grad=True), torch.ones(2, DIM)
    chain = unroll(lambda params, prompts, history: factor * (len(history) + history[-1]), None, None, weights, depth=3)
    assert chain.estimates[:, 0, 0].tolist() == [0, 0.5, 1.25] and not chain.estimates.requires_grad
    assert torch.equal(chain.targets, torch.ones(3, 2, DIM))


def test_a_loss_is_the_mean_over_steps_and_prompts_summed_over_coordinates():
    chain = teach(*tensors(draw(5, generator())), depth=2, step_size=0.2)
    error = torch.zeros(2, 5, DIM, dtype=torch.float64)
    error[0, 0], error[1, 3, 1] = 2.0, 1.0
    assert chain.loss(chain.targets + error).item() == pytest.approx((DIM * 4 + 1) / 10)


# --- the literal transformer --------------------------------------------------------------------------------------


def literal_loss(matrices, examples, weights, words, teacher_step, depth=DEPTH):
    """Written out, step by step, on every token."""
    seen, losses = [torch.zeros_like(weights)], []
    for place in range(depth):
        written = literal_step(matrices, examples, seen, **words)
        x, y = examples[:, :, :-1], examples[:, :, -1]
        gradient = torch.einsum("pnd,pn->pd", x, torch.einsum("pnd,pd->pn", x, seen[-1]) - y) / N_CONTEXT
        seen.append(written.detach() if teacher_step is None else seen[-1] - teacher_step * gradient)
        target = weights if teacher_step is None or place == depth - 1 else seen[-1]
        losses.append(((target - written) ** 2).sum(1).mean())
    return sum(losses) / depth


@models
@parameterisations
@masks
@supervisions
def test_gradients_are_those_of_the_literal_transformer(model, parameterisation, mask, marker, supervision, teacher_step):
    """At matrices far from the start; entries that no estimate uses have none in either."""
    words = {"model": model, "mask": mask, "marker": marker}
    run, (examples, weights) = training(parameterisation=parameterisation, supervision=supervision, teacher_step=teacher_step,
                                        **words), tensors(draw(7, generator(1)))
    for place, matrix in enumerate(run._parameters.values()):
        matrix.data = 0.3 * torch.tensor(np.random.default_rng([19, place]).standard_normal((WIDTH, WIDTH)))
    leaves = {name: matrix.requires_grad_() for name, matrix in run.matrices().items()}
    exact, found = literal_loss(leaves, examples, weights, words, teacher_step), run._loss(examples, weights)
    exact.backward()
    found.backward()
    assert found.item() == pytest.approx(exact.item(), rel=1e-12)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(run._parameters[name].grad, leaf.grad, rtol=0, atol=1e-12 * leaf.grad.abs().max())
        assert leaf.grad.abs().max() > 1e-2


@models
@parameterisations
@supervisions
def test_training_is_training_the_literal_transformer(model, parameterisation, supervision, teacher_step):
    """40 steps of Adam: losses and matrices."""
    start, prompts = generator().spawn(2)
    matrices = {name: torch.tensor(0.01 * start.standard_normal((WIDTH, WIDTH)), requires_grad=True)
                for name in PARAMETERISATIONS[parameterisation]}
    words, optimiser, losses = {"model": model, "mask": "history", "marker": "newest"}, torch.optim.Adam(matrices.values(), lr=1e-3), []
    for rng in prompts.spawn(40):
        optimiser.zero_grad()
        loss = literal_loss(matrices, *tensors(draw(8, rng)), words, teacher_step)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    run = training(model, parameterisation, "history", "newest", supervision, teacher_step)
    initial = run.matrices()
    run.run(40)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-10)
    for name, matrix in run.matrices().items():
        np.testing.assert_allclose(matrix, matrices[name].detach(), rtol=0, atol=1e-8)
        assert (matrix - initial[name]).abs().max() > 0.01                       # of at most 0.04, 40 learning rates


@models
def test_one_step_is_training_without_thought_by_either_supervision(model):
    runs = [training(model, supervision="teacher", teacher_step=0.3, depth=1), training(model, depth=1)]
    for run in runs:
        run.run(20)
    assert np.array_equal(runs[0].losses, runs[1].losses)


# --- what is learned ----------------------------------------------------------------------------------------------


def trained(supervision, teacher_step):
    run = training(supervision=supervision, teacher_step=teacher_step, learning_rate=1e-2, batch_size=200)
    run.run(400)
    return run


@supervisions
def test_linear_attention_learns_to_think(supervision, teacher_step):
    """On new prompts the error falls from 1 with each of two steps."""
    layer, prompts = trained(supervision, teacher_step).layer(), draw(4000, generator(2))
    initial = torch.zeros(4000, DIM, dtype=torch.float64)
    estimates = estimates_of(layer, ShownPrompts(torch.tensor(prompts.grams), N_CONTEXT), initial, 2)
    errors = ((estimates - prompts.weights) ** 2).mean((1, 2))
    assert (np.diff(errors) < -0.1).all() and errors[-1] < 0.5


def test_a_trained_layer_is_linear_self_attention():
    run, prompts = trained("unrolled", None), draw(20, generator(2))
    matrices = run.matrices()
    blocks = LinearAttention(*(matrices[name][block_places(name, DIM)].numpy() for name in ("V", "W")))
    initial = np.zeros((20, DIM))
    exact = rollout(lsa_step, blocks, prompts, initial, 5)
    found = estimates_of(run.layer(), ShownPrompts(torch.tensor(prompts.grams), N_CONTEXT), torch.tensor(initial), 5)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-10 * np.abs(exact).max())
    assert np.abs(exact[1]).max() > 0.5


# --- the loop -----------------------------------------------------------------------------------------------------


@models
@supervisions
def test_resumed_training_is_undisturbed_training_to_the_bit(model, supervision, teacher_step, tmp_path):
    """Resumed from a file by a training that began elsewhere, which leaves the state as it is."""
    words = {"model": model, "supervision": supervision, "teacher_step": teacher_step, "mask": "history", "precision": "float32"}
    undisturbed, stopped = (training(**words, dim=np.int64(DIM), batch_size=np.int64(8)) for _ in range(2))
    undisturbed.run(30)
    stopped.run(12)
    torch.save(stopped.state_dict(), tmp_path / "state")
    stopped.run(3)
    for _ in range(2):
        resumed = training(**words, seed=6)
        resumed.run(7)
        resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
        resumed.run(18)
        assert np.array_equal(resumed.losses, undisturbed.losses)
        assert all(map(torch.equal, resumed.matrices().values(), undisturbed.matrices().values()))


def test_a_state_is_not_moved_by_further_training():
    """Not by that of the training that gave it, nor by that of those that took it."""
    one = training()
    one.run(5)
    state, matrices = one.state_dict(), one.matrices()
    one.run(5)
    for _ in range(2):
        two = training(seed=6)
        two.load_state_dict(state)
        assert all(map(torch.equal, two.matrices().values(), matrices.values()))
        two.run(5)
        assert np.array_equal(one.losses, two.losses)


def test_a_pool_is_drawn_from_with_replacement():
    """Every prompt comes whole, and the batches of a step are the same whatever was drawn before."""
    pool = draw(5, generator(3))
    batch = pool_draws(pool)(200, generator(4))
    places = [int(np.flatnonzero((pool.weights == weights).all(1))[0]) for weights in batch.weights]
    assert set(places) == set(range(5)) and np.array_equal(batch.examples, pool.examples[places])
    runs = [training(draw=pool_draws(pool)) for _ in range(2)]
    for run in runs:
        run.run(5)
    assert np.array_equal(runs[0].losses, runs[1].losses) and len(set(runs[0].losses)) == 5


def test_diverged_training_stops_and_keeps_its_last_matrices():
    run, before = training(learning_rate=1e200), []

    def seen(steps, name):
        for step in steps:
            before.append(run.matrices())
            yield step

    with pytest.raises(FloatingPointError, match=r"^loss = (nan|inf) at step 1: training diverged with learning_rate = 1e\+200"):
        run.run(5, seen)
    assert len(run.losses) == 1 and all(map(torch.equal, run.matrices().values(), before[-1].values()))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"model": "gelu"}, "^model = 'gelu': must be one of 'linear', 'softmax'"),
        ({"mask": "all"}, "^mask = 'all': must be one of 'data_only', 'history'"),
        ({"marker": "no"}, "^marker = 'no': must be one of 'every', 'newest'"),
        ({"parameterisation": "whole"}, "^parameterisation = 'whole': must be one of 'merged', 'separate'"),
        ({"supervision": "student"}, "^supervision = 'student': must be one of 'teacher', 'unrolled'"),
        ({"supervision": "teacher"}, "^teacher_step = None: must be a positive finite number"),
        ({"teacher_step": 0.1}, "^teacher_step = 0.1: must be None without a teacher"),
        ({"depth": 0}, "^depth = 0: must be an integer of at least 1"),
        ({"dim": 0}, "^dim = 0: must be an integer of at least 1"),
        ({"batch_size": 1.5}, "^batch_size = 1.5: must be an integer of at least 1"),
        ({"learning_rate": -1.0}, "^learning_rate = -1.0: must be a positive finite number"),
        ({"precision": "half"}, "^precision = 'half': must be one of 'float32', 'float64'"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        training(**options)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="^steps = 0: must be an integer of at least 1"):
        training().run(0)
