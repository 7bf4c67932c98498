"""The fast path of fully trained attention is the literal transformer: gradients, training, thought."""

import numpy as np
import pytest
import torch

from cotdepth.fit.full_attention import GUESSES, FullTraining
from cotdepth.full_evaluation import estimates_of
from cotdepth.models import full_attention
from cotdepth.models.full_attention import FullAttention, ShownPrompts, block_places, loss_and_gradients, score_matrix
from cotdepth.models.literal_attention import PARAMETERISATIONS, literal_loss, literal_step
from cotdepth.streams import stream

DIM, N_CONTEXT, N_TASKS = 4, 6, 30
WIDTH = 2 * DIM + 2
models = pytest.mark.parametrize("model", ["linear", "softmax"])
parameterisations = pytest.mark.parametrize("parameterisation", PARAMETERISATIONS)


def normals(seed, *shape):
    return torch.tensor(np.random.default_rng([12, seed]).standard_normal(shape))


EXAMPLES, WEIGHTS = normals(0, N_TASKS, N_CONTEXT, DIM + 1), normals(1, N_TASKS, DIM)
SHOWN = {"linear": EXAMPLES.mT @ EXAMPLES / N_CONTEXT, "softmax": EXAMPLES}


def some_matrices(parameterisation, size=0.5):
    return {name: size * normals(2 + i, WIDTH, WIDTH) for i, name in enumerate(PARAMETERISATIONS[parameterisation])}


def blocks_of(matrices):
    return {name: matrix[block_places(name, DIM)] for name, matrix in matrices.items()}


# --- gradients ----------------------------------------------------------------------------------------------------


@models
@parameterisations
@pytest.mark.parametrize("chunk_bytes", [1, 2000, 2**20])
@pytest.mark.parametrize("guess_size", [0, 1])
def test_gradients_are_those_of_the_literal_transformer(model, parameterisation, chunk_bytes, guess_size, monkeypatch):
    """The blocks' agree, and those of all other entries are exactly 0."""
    monkeypatch.setitem(full_attention.CHUNK_BYTES, "cpu", chunk_bytes)
    matrices, batch = some_matrices(parameterisation), torch.tensor([4, 4, 0, 29, 17, 3, 8])
    guesses = guess_size * normals(7, len(batch), DIM)
    leaves = {name: matrix.clone().requires_grad_() for name, matrix in matrices.items()}
    exact = literal_loss(leaves, EXAMPLES[batch], guesses, WEIGHTS[batch], model=model, l2=0.0)
    exact.backward()
    blocks = {name: block[None] for name, block in blocks_of(matrices).items()}
    loss, found = loss_and_gradients(blocks, SHOWN[model][None], batch[None], guesses[None], WEIGHTS[batch][None], model=model)
    assert loss.item() == pytest.approx(exact.item(), rel=1e-12)
    for name, leaf in leaves.items():
        gradient = leaf.grad.clone()
        block = gradient[block_places(name, DIM)]
        np.testing.assert_allclose(found[name][0], block, rtol=0, atol=1e-12 * block.abs().max())
        assert block.abs().max() > 1e-2
        block[:] = 0
        assert not gradient.any()


# --- training -----------------------------------------------------------------------------------------------------


def generator(seed):
    return stream(13, "training", cell="", seed=seed)   # of the kind that the project uses


def training(model="linear", parameterisation="merged", guess="fresh", seeds=(5,), turns=(0,), **options):
    """Layers side by side, each with its seed and the pool with the order of its tasks turned."""
    defaults = {"batch_size": 8, "learning_rate": 1e-3, "l2": 1e-3, "precision": "float64"}
    pools = [np.stack([np.roll(values.numpy(), turn, axis=0) for turn in turns]) for values in (SHOWN[model], WEIGHTS)]
    return FullTraining(*pools, model=model, parameterisation=parameterisation, guess=guess, rngs=[generator(seed) for seed in seeds],
                        **defaults | options)


def literal_training(model, parameterisation, guess, steps):
    """Every entry of every matrix by autograd on all tokens, with the draws of `training`, and the losses without L2."""
    start, fixed, batches = generator(5).spawn(3)
    matrices = {name: torch.tensor(0.01 * start.standard_normal((WIDTH, WIDTH)), requires_grad=True)
                for name in PARAMETERISATIONS[parameterisation]}
    pool_guesses = torch.tensor(fixed.standard_normal((N_TASKS, DIM))) * (guess == "fixed")
    optimiser, losses = torch.optim.Adam(matrices.values(), lr=1e-3), []
    for _ in range(steps):
        batch = batches.integers(N_TASKS, size=8)
        guesses = torch.tensor(batches.standard_normal((8, DIM))) if guess == "fresh" else pool_guesses[batch]
        optimiser.zero_grad()
        loss = literal_loss(matrices, EXAMPLES[batch], guesses, WEIGHTS[batch], model=model, l2=1e-3)
        loss.backward()
        losses.append(loss.item() - 1e-3 * sum((matrix**2).sum().item() for matrix in matrices.values()))
        optimiser.step()
    return {name: matrix.detach() for name, matrix in matrices.items()}, losses


@models
@parameterisations
@pytest.mark.parametrize("guess", GUESSES)
def test_training_is_training_the_literal_transformer(model, parameterisation, guess):
    """200 steps: the trained blocks, the replayed ones, and the losses."""
    exact, losses = literal_training(model, parameterisation, guess, 200)
    found = training(model, parameterisation, guess)
    found.run(200)
    np.testing.assert_allclose(found.losses, [losses], rtol=1e-10)
    for name, [matrix] in found.matrices().items():
        np.testing.assert_allclose(matrix, exact[name], rtol=0, atol=1e-10)
        [start] = training(model, parameterisation, guess).matrices()[name]
        moved = (matrix - start)[block_places(name, DIM)]
        assert moved.abs().max() > 0.1                               # about the learning rate a step
        start[block_places(name, DIM)], matrix[block_places(name, DIM)] = 0, 0
        assert 1e-3 < (matrix - start).abs().max() < 0.1             # L2 alone


@models
@parameterisations
@pytest.mark.parametrize("guess", GUESSES)
def test_resumed_training_is_undisturbed_training_to_the_bit(model, parameterisation, guess, tmp_path):
    """Resumed from a file by a training that began elsewhere, which leaves the state as it is."""
    numbers = {"precision": "float32", "batch_size": np.int64(8), "l2": np.float64(1e-3)}
    undisturbed, stopped = (training(model, parameterisation, guess, **numbers) for _ in range(2))
    undisturbed.run(50)
    stopped.run(20)
    torch.save(stopped.state_dict(), tmp_path / "state")
    stopped.run(3)
    for _ in range(2):
        resumed = training(model, parameterisation, guess, precision="float32", seeds=(6,))
        resumed.run(7)
        resumed.load_state_dict(torch.load(tmp_path / "state"))
        resumed.run(30)
        assert np.array_equal(resumed.losses, undisturbed.losses)
        for name, matrix in undisturbed.matrices().items():
            assert torch.equal(resumed.matrices()[name], matrix)


def test_a_state_is_not_moved_by_further_training():
    one = training()
    one.run(5)
    state, matrices = one.state_dict(), one.matrices()
    one.run(5)
    for _ in range(2):
        two = training(seeds=(6,))
        two.load_state_dict(state)
        assert all(torch.equal(two.matrices()[name], matrix) for name, matrix in matrices.items())
        two.run(5)
        assert np.array_equal(one.losses, two.losses)


def test_a_state_with_other_options_is_refused():
    with pytest.raises(ValueError, match="^state has options .*'guess': 'fixed'.*: must be those of this training, .*'guess': 'fresh'"):
        training().load_state_dict(training(guess="fixed").state_dict())


@pytest.mark.parametrize("guess", GUESSES)
def test_a_seed_decides_everything(guess):
    runs = [training(guess=guess, seeds=(seed,)) for seed in (5, 5, 6)]
    for run in runs:
        run.run(10)
    assert np.array_equal(runs[0].losses, runs[1].losses) and not np.any(runs[0].losses == runs[2].losses)


@models
@pytest.mark.parametrize("guess, first", [("fresh", 2.0), ("fixed", 2.0), ("zero", 1.0)])
def test_losses_start_at_those_of_the_guess_and_fall(model, guess, first):
    """``E |w_0 - w|^2 = 2 D`` for random guesses, D for 0, over many tasks."""
    rng = np.random.default_rng(14)
    examples, weights = rng.standard_normal((2000, N_CONTEXT, DIM + 1)), rng.standard_normal((2000, DIM))
    examples[:, :, -1] = np.einsum("tnd,td->tn", examples[:, :, :-1], weights)
    prompts = examples if model == "softmax" else examples.transpose(0, 2, 1) @ examples / N_CONTEXT
    run = FullTraining(prompts[None], weights[None], model=model, parameterisation="merged", guess=guess, batch_size=2000,
                       learning_rate=1e-2, l2=1e-3, rngs=[np.random.default_rng(15)])
    run.run(300)
    assert run.losses[0, 0] == pytest.approx(first * DIM, rel=0.1)  # four standard errors, or more
    assert run.losses[0, -1] < 0.7 * run.losses[0, 0]


@models
@parameterisations
@pytest.mark.parametrize("guess", GUESSES)
def test_layers_side_by_side_are_layers_alone(model, parameterisation, guess):
    """On a CPU to the bit; the largest difference that a batched product may make elsewhere is rounding."""
    together = training(model, parameterisation, guess, seeds=(5, 6, 5), turns=(0, 1, 2))
    together.run(30)
    for place, (seed, turn) in enumerate([(5, 0), (6, 1), (5, 2)]):
        alone = training(model, parameterisation, guess, seeds=(seed,), turns=(turn,))
        alone.run(30)
        np.testing.assert_allclose(together.losses[place], alone.losses[0], rtol=1e-12)
        for name, [matrix] in alone.matrices().items():
            np.testing.assert_allclose(together.matrices()[name][place], matrix, rtol=0, atol=1e-12)
            assert not np.allclose(together.matrices()[name][place - 1], matrix, rtol=0, atol=1e-3)


def test_single_precision_loses_little():
    exact, single = (training(precision=name) for name in ("float64", "float32"))
    for run in (exact, single):
        run.run(100)
    for name, matrix in exact.matrices().items():
        assert single.matrices()[name].dtype == torch.float32
        np.testing.assert_allclose(single.matrices()[name], matrix, rtol=0, atol=1e-4)   # learning rate 1e-3


def test_progress_wraps_the_steps():
    seen = []
    training().run(3, progress=lambda steps, name: (seen.append((name, step)) or step for step in steps))
    assert seen == [("training", 0), ("training", 1), ("training", 2)]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"model": "gelu"}, "^model = 'gelu': must be one of 'linear', 'softmax'"),
        ({"parameterisation": "whole"}, "^parameterisation = 'whole': must be one of 'merged', 'separate'"),
        ({"guess": "random"}, "^guess = 'random': must be one of 'fresh', 'fixed', 'zero'"),
        ({"precision": "half"}, "^precision = 'half': must be one of 'float32', 'float64'"),
        ({"batch_size": 0}, "^batch_size = 0: must be an integer of at least 1"),
        ({"learning_rate": 0.0}, "^learning_rate = 0.0: must be a positive finite number"),
        ({"l2": -1.0}, "^l2 = -1.0: must be non-negative and finite"),
        ({"l2": float("nan")}, "^l2 = nan: must be non-negative and finite"),
        ({"device": "tpu"}, "^device = 'tpu': must be one of 'cpu', 'cuda'"),
        ({"prompts": np.zeros((1, 30, 6, 5))}, r"^prompts have shape \(1, 30, 6, 5\): must be \(1, 30, 5, 5\) for linear"),
        ({"weights": np.zeros(4)}, r"^weights have shape \(4,\): must be \(n_layers, n_tasks, D\), with one of 1 rngs for each layer"),
        ({"rngs": []}, r"^weights have shape \(1, 30, 4\): must be .*, with one of 0 rngs for each layer"),
        ({"prompts": np.zeros((1, 29, 6, 5)), "model": "softmax"},
         r"^prompts have shape \(1, 29, 6, 5\): must be \(1, 30, n_context, 5\)"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    defaults = {"prompts": SHOWN["linear"][None].numpy(), "weights": WEIGHTS[None].numpy(), "model": "linear",
                "parameterisation": "merged", "guess": "fresh", "batch_size": 8, "learning_rate": 1e-3, "l2": 0.0,
                "rngs": [np.random.default_rng(0)]}
    with pytest.raises(ValueError, match=message):
        FullTraining(**defaults | options)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="^steps = 0: must be an integer of at least 1"):
        training().run(0)


# --- thought ------------------------------------------------------------------------------------------------------


@models
@parameterisations
@pytest.mark.parametrize("mask", ["data_only", "history"])
@pytest.mark.parametrize("marker", ["every", "newest"])
@pytest.mark.parametrize("chunk_bytes", [1, 2000, 2**20])
def test_thought_is_that_of_the_literal_transformer(model, parameterisation, mask, marker, chunk_bytes, monkeypatch):
    monkeypatch.setitem(full_attention.CHUNK_BYTES, "cpu", chunk_bytes)
    matrices, estimates = some_matrices(parameterisation, 0.3), [normals(8, N_TASKS, DIM)]
    for _ in range(4):
        estimates.append(literal_step(matrices, EXAMPLES, estimates, model=model, mask=mask, marker=marker))
    layer = FullAttention(matrices["V"], score_matrix(matrices), model, mask, marker)
    found = estimates_of(layer, ShownPrompts(SHOWN[model], N_CONTEXT), estimates[0], 4)
    for literal, fast in zip(estimates, found, strict=True):
        np.testing.assert_allclose(fast, literal, rtol=0, atol=1e-12 * literal.abs().max())


@models
def test_masks_and_markers_differ_from_the_second_step_on(model):
    matrices = some_matrices("merged", 0.3)
    found = {options: estimates_of(FullAttention(**matrices, model=model, mask=options[0], marker=options[1]),
                                   ShownPrompts(SHOWN[model], N_CONTEXT), normals(8, N_TASKS, DIM), 2)
             for options in [("data_only", "every"), ("history", "every"), ("history", "newest")]}
    data_only, every, newest = found.values()
    for one, other in ((data_only, every), (every, newest), (data_only, newest)):
        assert np.array_equal(one[0], other[0]) and np.abs(one[1] - other[1]).max() < 1e-12 < 1e-3 < np.abs(one[2] - other[2]).max()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: FullAttention(**some_matrices("merged"), model="gelu", mask="history", marker="every"), "^model = 'gelu': must be"),
        (lambda: FullAttention(**some_matrices("merged"), model="linear", mask="all", marker="every"), "^mask = 'all': must be"),
        (lambda: FullAttention(**some_matrices("merged"), model="linear", mask="history", marker="no"), "^marker = 'no': must be"),
        (lambda: FullAttention(torch.zeros(4, 4), torch.zeros(4, 6), "linear", "history", "every"), r"^V and W have shapes \(\(4, 4\)"),
        (lambda: FullAttention(torch.zeros(5, 5), torch.zeros(5, 5), "linear", "history", "every"), "^V and W have shapes"),
        (lambda: ShownPrompts(SHOWN["linear"], 0), "^n_context = 0: must be an integer of at least 1"),
    ],
)
def test_layers_and_prompts_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
