"""GPT-2 on vectors: size, start, tokens, thought with and without a cache, and its training beside one written out."""

from functools import partial

import numpy as np
import pytest
import torch

from cotdepth import gpt2_evaluation
from cotdepth.fit.gpt2 import LabelTraining, ThoughtTraining
from cotdepth.gpt2_evaluation import estimates_of
from cotdepth.models.gpt2 import GPT2, POSITIONS, TOKENS, ReadPrompts, Sizes, Thinker, gpt2_step, predict_labels, separate_tokens, think
from cotdepth.models.literal_attention import token_matrix
from cotdepth.rollout import rollout
from cotdepth.streams import stream
from cotdepth.written_prompts import write_prompts

DIM, N_CONTEXT = 3, 4
both_tokens = pytest.mark.parametrize("tokens", TOKENS)
positions = pytest.mark.parametrize("positions", POSITIONS)
supervisions = pytest.mark.parametrize("supervision, teacher_step", [("teacher", 0.3), ("unrolled", None)])


def generator(seed=0):
    return stream(17, "training", cell="", seed=seed)   # of the kind that the project uses


def sizes(positions="learned", layers=2, width=16):
    return Sizes(layers, 4, width, positions, 20 if positions == "learned" else None)


def thinker(positions="learned", tokens="separate", dtype=torch.float64):
    """With weights large enough for its tokens to matter to each other."""
    model = Thinker(DIM, sizes(positions), tokens=tokens, rng=generator()).to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def draw(n_prompts, rng):
    return write_prompts(np.ones(DIM), N_CONTEXT, n_prompts, rng=rng)


EXAMPLES = torch.tensor(draw(5, np.random.default_rng(1)).examples)


# --- size and start -----------------------------------------------------------------------------------------------


def test_the_papers_model_has_the_papers_size():
    """Whichever positions and maps are counted; a block has 12 width^2 + 13 width."""
    def count(tokens, *where):
        return sum(one.numel() for one in Thinker(10, Sizes(12, 8, 256, *where), tokens=tokens, rng=generator()).parameters())

    blocks, around = 12 * (12 * 256**2 + 13 * 256), 2 * 256 + 12 * 256 + 257 * 10
    counts = [count("separate", "learned", 2 * 40 + 16), count("separate", "none"), count("joint", "none")]
    assert counts == [blocks + around + 96 * 256, blocks + around, blocks + around + 11 * 256]
    assert all(one == pytest.approx(9.5e6, rel=0.01) for one in (blocks, *counts))


@positions
def test_the_start_is_decided_by_its_generator_alone(positions):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = GPT2(4, 3, sizes(positions), rng=generator())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    two, three = (GPT2(4, 3, sizes(positions), rng=generator(seed)) for seed in (0, 1))
    for (name, first), second, third in zip(one.named_parameters(), two.parameters(), three.parameters(), strict=True):
        assert torch.equal(first, second)
        drawn = name.startswith("read") or not (name.endswith("bias") or ".ln_" in name)
        assert torch.equal(first, third) != drawn


def test_the_start_is_that_of_gpt2():
    """Sizes within 5%, more than four standard errors of 2,000 draws or more."""
    start = {name: one.detach() for name, one in GPT2(11, 40, sizes(layers=8, width=200), rng=generator()).named_parameters()}
    for name, size in {"body.h.7.attn.c_attn.weight": 0.02, "body.h.7.mlp.c_fc.weight": 0.02, "body.h.7.mlp.c_proj.weight": 0.005,
                       "body.h.7.attn.c_proj.weight": 0.005, "body.wpe.weight": 0.02, "read_in.weight": (3 * 11) ** -0.5,
                       "read_out.weight": (3 * 200) ** -0.5}.items():
        assert start[name].std().item() == pytest.approx(size, rel=0.05)
    assert (start["body.h.3.ln_1.weight"] == 1).all() and not start["body.h.3.attn.c_proj.bias"].any()


# --- tokens and positions -----------------------------------------------------------------------------------------


def test_labels_are_tokens_of_their_own():
    tokens = separate_tokens(torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    assert tokens.tolist() == [[[1, 2], [3, 0], [4, 5], [6, 0]]]


def test_tokens_of_thought_are_the_papers():
    """(x, 0), (y, 0, 0) and (w, 1); or (x, y, 0, 0) and (0, 0, w, 1), which is eq. (3.7) as the literal transformer has it."""
    estimates = torch.stack([EXAMPLES[:, 0, :DIM], EXAMPLES[:, 1, :DIM]])
    found = {tokens: torch.cat([model.example_tokens(EXAMPLES), model.thought_tokens(estimates)], 1)
             for tokens in TOKENS for model in [thinker(tokens=tokens)]}
    assert torch.equal(found["joint"], token_matrix(EXAMPLES, estimates, marker="every").mT)
    examples, thoughts = found["separate"].split([2 * N_CONTEXT, 2], 1)
    assert torch.equal(examples[:, :, :DIM], separate_tokens(EXAMPLES)) and not examples[:, :, DIM].any()
    assert torch.equal(thoughts[:, :, :DIM], estimates.transpose(0, 1)) and (thoughts[:, :, DIM] == 1).all()


@positions
def test_only_learned_positions_tell_equal_tokens_apart(positions):
    outputs = thinker(positions)(torch.ones(1, 6, DIM + 1, dtype=torch.float64))[0]
    spread = (outputs - outputs[0]).abs().max().item()
    assert spread < 1e-12 if positions == "none" else spread > 1e-2


@pytest.mark.parametrize("cached", [False, True])
def test_more_tokens_than_learned_positions_are_refused(cached):
    """8 of examples, and 12 estimates, are the most."""
    model, estimates = thinker(), torch.zeros(13, 5, DIM, dtype=torch.float64)
    assert len(think(model, EXAMPLES, estimates[:12])) == 12
    with pytest.raises(ValueError, match="^tokens are 21: must be at most max_tokens = 20"):
        rollout(gpt2_step, model, ReadPrompts(EXAMPLES), estimates[0], 13) if cached else think(model, EXAMPLES, estimates)


def test_without_positions_there_is_no_longest_prompt():
    assert think(thinker("none"), EXAMPLES.repeat(1, 20, 1), torch.zeros(2, 5, DIM, dtype=torch.float64)).isfinite().all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"layers": 0}, "^layers = 0: must be an integer of at least 1"),
        ({"heads": True}, "^heads = True: must be an integer of at least 1"),
        ({"width": 18}, "^width = 18: must be a multiple of heads = 4"),
        ({"positions": "rotary"}, "^positions = 'rotary': must be one of 'learned', 'none'"),
        ({"max_tokens": None}, "^max_tokens = None: must be an integer of at least 1"),
        ({"positions": "none"}, "^max_tokens = 20: must be None without learned positions"),
    ],
)
def test_sizes_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Sizes(**{"layers": 2, "heads": 4, "width": 16, "positions": "learned", "max_tokens": 20} | options)


# --- thought ------------------------------------------------------------------------------------------------------


@positions
@both_tokens
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_thought_with_a_cache_is_thought_without(positions, tokens, dtype, tolerance):
    """A rollout, and one that reads several estimates at once, beside one pass over all tokens."""
    model, examples = thinker(positions, tokens, dtype), EXAMPLES.to(dtype)
    with torch.no_grad():
        estimates = torch.tensor(rollout(gpt2_step, model, ReadPrompts(examples), torch.zeros(5, DIM, dtype=dtype), 6))
        whole, late = think(model, examples, estimates[:-1]), ReadPrompts(examples)
        two_parts = [gpt2_step(model, late, list(estimates[:count])) for count in (2, 6)]
    for cached, full in [(estimates[1:], whole), (two_parts[0], whole[1]), (two_parts[1], whole[5])]:
        np.testing.assert_allclose(cached, full, rtol=0, atol=tolerance * estimates.abs().max())
    assert (estimates[1:] - estimates[:-1]).abs().amax((1, 2)).min() > 1e-3 and estimates.std(1).min(1).values[1:].min() > 1e-3


def test_a_history_that_was_read_is_refused():
    model, prompts, history = thinker(), ReadPrompts(EXAMPLES), [torch.zeros(5, DIM, dtype=torch.float64)]
    gpt2_step(model, prompts, history)
    with pytest.raises(ValueError, match="^history has 1 estimates: must have more than the 1 already read"):
        gpt2_step(model, prompts, history)


def test_estimates_over_many_prompts_are_those_of_each(monkeypatch):
    model = thinker()
    together = estimates_of(model, EXAMPLES.numpy(), 3)
    monkeypatch.setattr(gpt2_evaluation, "CHUNK", 2)
    np.testing.assert_allclose(estimates_of(model, EXAMPLES.numpy(), 3), together, rtol=0, atol=1e-12)
    assert together.shape == (4, 5, DIM) and not together[0].any() and together[1:].std(1).min() > 1e-3


# --- labels -------------------------------------------------------------------------------------------------------


def test_a_label_is_predicted_from_those_before_it_alone():
    """Moving one label moves the predictions after it, and no other; moving one x also its own."""
    model = GPT2(DIM, 1, sizes(), rng=generator()).double()
    base = predict_labels(model, EXAMPLES)
    assert base.shape == (5, N_CONTEXT)
    for entry, first in ((DIM, 3), (0, 2)):
        moved = EXAMPLES.clone()
        moved[:, 2, entry] += 1
        assert ((predict_labels(model, moved) - base).abs().amax(0) > 1e-6).tolist() == [place >= first for place in range(N_CONTEXT)]


# --- training -----------------------------------------------------------------------------------------------------


def training(supervision, teacher_step, seed=0, **options):
    defaults = {"draw": draw, "dim": DIM, "sizes": sizes(), "tokens": "separate", "depth": 3, "batch_size": 6, "learning_rate": 1e-3,
                "precision": "float64"}
    return ThoughtTraining(**defaults | options, supervision=supervision, teacher_step=teacher_step, rng=generator(seed))


def labels(seed=0, depth=None, tokens=None, **options):
    """Of labels, which have no depth, and only tokens of their own."""
    defaults = {"draw": draw, "dim": DIM, "sizes": sizes(), "batch_size": 6, "learning_rate": 1e-3, "precision": "float64"}
    return LabelTraining(**defaults | options, rng=generator(seed))


TRAININGS = {"teacher": partial(training, "teacher", 0.3), "unrolled": partial(training, "unrolled", None), "labels": labels}
trainings = pytest.mark.parametrize("make", TRAININGS.values(), ids=TRAININGS)


def forward(model, examples, estimates):
    """What stands at the last of all tokens, written out one by one."""
    tokens = [model.example_tokens(examples), *(model.thought_tokens(estimate[None]) for estimate in estimates)]
    return model(torch.cat(tokens, 1))[:, -1]


def literal_loss(model, prompts, teacher_step):
    examples, weights = torch.tensor(prompts.examples), torch.tensor(prompts.weights)
    x, y, seen, losses = examples[:, :, :DIM], examples[:, :, DIM], [torch.zeros_like(weights)], []
    for place in range(3):
        written = forward(model, examples, seen)
        gradient = torch.einsum("pnd,pn->pd", x, torch.einsum("pnd,pd->pn", x, seen[-1]) - y) / N_CONTEXT
        seen.append(written.detach() if teacher_step is None else seen[-1] - teacher_step * gradient)
        target = weights if teacher_step is None or place == 2 else seen[-1]
        losses.append(((target - written) ** 2).sum(1).mean())
    return sum(losses) / 3


@both_tokens
@supervisions
def test_training_is_training_without_a_cache(tokens, supervision, teacher_step):
    """Three steps of Adam: losses and parameters, the estimates of the unrolled chain without gradient."""
    start, prompts = generator().spawn(2)
    model, losses = Thinker(DIM, sizes(), tokens=tokens, rng=start).double(), []
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for rng in prompts.spawn(3):
        optimiser.zero_grad()
        loss = literal_loss(model, draw(6, rng), teacher_step)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    found = training(supervision, teacher_step, tokens=tokens)
    found.run(3)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-10)
    for (name, parameter), exact in zip(found.model.named_parameters(), model.parameters(), strict=True):
        if "c_attn.bias" not in name:                                            # a key's has no gradient: Adam makes steps of rounding
            np.testing.assert_allclose(parameter.detach(), exact.detach(), rtol=0, atol=1e-8)


def test_the_loss_of_labels_is_over_all_places():
    start, prompts = generator().spawn(2)
    model, batch = GPT2(DIM, 1, sizes(), rng=start).double(), draw(6, prompts.spawn(1)[0])
    examples, squares = torch.tensor(batch.examples), []
    for place in range(N_CONTEXT):
        shown = separate_tokens(examples[:, : place + 1])[:, :-1]
        squares.append((model(shown)[:, -1, 0] - examples[:, place, DIM]) ** 2)
    found = labels()
    found.run(1)
    assert found.losses == pytest.approx([torch.stack(squares).mean().item()], rel=1e-12)


@trainings
def test_what_is_trained_is_learned(make):
    """In one dimension, where 300 steps are enough; the mean of 640 prompts before has a standard error of 6%."""
    run = make(draw=lambda n_prompts, rng: write_prompts(np.ones(1), N_CONTEXT, n_prompts, rng=rng), dim=1, sizes=sizes(width=32),
               tokens="joint", depth=2, batch_size=64, learning_rate=3e-3, precision="float32")
    run.run(300)
    assert run.losses[-50:].mean() < 0.7 * run.losses[:10].mean()


def test_prompts_may_change_length():
    lengths = []

    def of_any_length(n_prompts, rng):
        lengths.append(int(rng.integers(1, 6)))
        return write_prompts(np.ones(DIM), lengths[-1], n_prompts, rng=rng)

    run = training("unrolled", None, draw=of_any_length)
    run.run(8)
    assert len(set(lengths)) > 2 and np.isfinite(run.losses).all()


@trainings
def test_resumed_training_is_undisturbed_training_to_the_bit(make, tmp_path):
    """Resumed from a file by a training that began elsewhere, which leaves the state as it is."""
    undisturbed, stopped = (make(precision="float32", batch_size=np.int64(6), learning_rate=np.float64(1e-3)) for _ in range(2))
    undisturbed.run(9)
    stopped.run(4)
    torch.save(stopped.state_dict(), tmp_path / "state")
    stopped.run(2)
    for _ in range(2):
        resumed = make(precision="float32", seed=6)
        resumed.run(3)
        resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
        resumed.run(5)
        assert np.array_equal(resumed.losses, undisturbed.losses)
        assert all(map(torch.equal, resumed.model.parameters(), undisturbed.model.parameters()))


@trainings
def test_a_seed_decides_everything(make):
    runs = [make(seed=seed) for seed in (5, 5, 6)]
    for place, run in enumerate(runs):
        torch.manual_seed(place)
        run.run(4)
    assert np.array_equal(runs[0].losses, runs[1].losses) and not np.any(runs[0].losses == runs[2].losses)


def test_a_state_with_other_options_is_refused():
    with pytest.raises(ValueError, match="^state has options .*'depth': 2.*: must be those of this training, .*'depth': 3"):
        training("unrolled", None).load_state_dict(training("unrolled", None, depth=2).state_dict())


@trainings
def test_a_loss_that_is_no_number_stops_training_at_once(make):
    run = make(learning_rate=1e200)
    with pytest.raises(FloatingPointError, match=r"^loss = (nan|inf) at step 1: training diverged with learning_rate = 1e\+200"):
        run.run(5)
    assert len(run.losses) == 1


def test_steps_are_timed_and_progress_wraps_them():
    run, seen = labels(), []
    assert np.isnan(run.steps_per_second)
    run.run(3, progress=lambda steps, name: (seen.append((name, step)) or step for step in steps))
    assert seen == [("training", 0), ("training", 1), ("training", 2)] and 0.1 < run.steps_per_second < 1e5


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tokens": "mixed"}, "^tokens = 'mixed': must be one of 'separate', 'joint'"),
        ({"dim": 0}, "^dim = 0: must be an integer of at least 1"),
        ({"supervision": "student"}, "^supervision = 'student': must be one of 'teacher', 'unrolled'"),
        ({"supervision": "teacher"}, "^teacher_step = None: must be a positive finite number"),
        ({"teacher_step": 0.3}, "^teacher_step = 0.3: must be None without a teacher"),
        ({"depth": 0}, "^depth = 0: must be an integer of at least 1"),
        ({"batch_size": 0}, "^batch_size = 0: must be an integer of at least 1"),
        ({"learning_rate": 0.0}, "^learning_rate = 0.0: must be a positive finite number"),
        ({"precision": "half"}, "^precision = 'half': must be one of 'float32', 'float64'"),
        ({"device": "tpu"}, "^device = 'tpu': must be one of 'cpu', 'cuda'"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        training(**{"supervision": "unrolled", "teacher_step": None} | options)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="^device = 'cuda': must be 'cpu' here"):
        labels(device="cuda")
