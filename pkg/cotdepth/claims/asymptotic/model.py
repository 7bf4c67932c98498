"""Claims about the model: what a step of thought does and what training finds (asymptotic paper, sections 3 and 4, appendices B and C)."""

import numpy as np
import torch

from cotdepth.claims.claim import Check, Ledger, Outcome, worst, z_limit
from cotdepth.fit.ridge import fit_ridge
from cotdepth.models.literal_attention import literal_step
from cotdepth.models.reduced import reduced_step
from cotdepth.pools import Pool, draw_pool
from cotdepth.rollout import rollout
from cotdepth.theory import boundaries

LEDGER = Ledger("asymptotic")
ROUNDING = 1e-10
DIM, LENGTH = 4, 7
FALSE_ALARM = 1e-4


def prompt(seed: int):
    """Examples (1, L, D + 1), their features and labels, an estimate and an update matrix A, none of them special."""
    rng = np.random.default_rng(seed)
    features, weights = rng.standard_normal((LENGTH, DIM)), rng.standard_normal(DIM)
    labels = features @ weights
    return np.column_stack([features, labels])[None], features, labels, rng.standard_normal(DIM), 0.3 * rng.standard_normal((DIM, DIM))


def attention_answer(examples, estimate, update):
    """One step of the literal transformer with the blocks that the paper keeps: W_13 = I, W_24 = -1, V_31 = -A."""
    value, score = np.zeros((2, 2 * DIM + 2, 2 * DIM + 2))
    value[DIM + 1 : -1, :DIM], score[:DIM, DIM + 1 : -1], score[DIM, -1] = -update, np.eye(DIM), -1
    matrices = {"V": torch.tensor(value), "W": torch.tensor(score)}
    step = literal_step(matrices, torch.tensor(examples), [torch.tensor(estimate)[None]], model="linear", mask="history", marker="every")
    return step[0].numpy()


@LEDGER.claim(
    "Equation 8", "readout",
    sentence="With the blocks that are kept, attention adds the update matrix times the residuals mapped back to weights to the"
         " estimate.",
    form="Literal transformer and w + A X (y - X^T w) / L agree, largest entry over 5 random prompts, to 1e-10",
    kind="exact",
)  # fmt: skip
def readout():
    """The transformer on every token beside the formula."""
    return Outcome(Check("largest difference of an entry", worst(_readout_gap(seed) for seed in range(5)), ROUNDING))


def _readout_gap(seed):
    examples, features, labels, estimate, update = prompt(seed)
    expected = estimate + update @ features.T @ (labels - features @ estimate) / LENGTH
    return np.abs(attention_answer(examples, estimate, update) - expected).max()


@LEDGER.claim(
    "Equation 39", "preconditioned gradient step",
    sentence="The step is one of preconditioned gradient descent on the squared residuals of the prompt.",
    form="Attention's step is -A times the gradient, by automatic differentiation, of |y - X^T w|^2 / (2 L), to 1e-10",
    kind="exact",
)  # fmt: skip
def gradient_step():
    """The transformer's step beside a gradient by autograd."""
    return Outcome(Check("largest difference of an entry", worst(_gradient_gap(seed) for seed in range(5)), ROUNDING))


def _gradient_gap(seed):
    examples, features, labels, estimate, update = prompt(seed)
    variable = torch.tensor(estimate, requires_grad=True)
    loss = ((torch.tensor(labels) - torch.tensor(features) @ variable) ** 2).sum() / (2 * LENGTH)
    loss.backward()
    return np.abs(attention_answer(examples, estimate, update) - estimate + update @ variable.grad.numpy()).max()


@LEDGER.claim(
    "Equation 12", "recursion of the error",
    sentence="On a noiseless prompt a step multiplies the error of the estimate by I - A S, S the sample covariance of the prompt.",
    form="k transformer steps and (I - A S)^k (w - w_0) agree at k = 1 .. 6, to 1e-10 of the larger",
    kind="exact",
)  # fmt: skip
def recursion():
    """Six steps of the transformer beside powers of the step matrix."""
    return Outcome(Check("largest relative difference", worst(_recursion_gap(seed) for seed in range(3)), ROUNDING))


def _recursion_gap(seed):
    examples, features, labels, estimate, update = prompt(seed)
    task = np.linalg.lstsq(features, labels)[0]
    error, gaps = task - estimate, []
    for _ in range(6):
        estimate = attention_answer(examples, estimate, update)
        error = error - update @ (features.T @ (features @ error)) / LENGTH
        gaps.append(np.abs(task - estimate - error).max() / np.abs(error).max())
    return max(gaps)


@LEDGER.claim(
    "Equation 13", "error as a trace",
    sentence="Averaged over tasks the error depends on A and S alone, through the trace of (I - A S)^k times its transpose.",
    form="Mean of |w - w_k|^2 / D over tasks that are the unit vectors times sqrt(D), on one prompt, is |(I - A S)^k|_F^2 / D at k = 0"
         " .. 6, to a relative 1e-10",
    kind="exact",
)  # fmt: skip
def trace_formula():
    """Rollouts of the reduced model on orthogonal tasks beside the norm of a power."""
    _, features, _, _, update = prompt(0)
    gram = features.T @ features / LENGTH
    tasks = np.sqrt(DIM) * np.eye(DIM)
    estimates = rollout(reduced_step, update, _Shared(gram, tasks), np.zeros_like(tasks), 6)
    errors = ((tasks - estimates) ** 2).mean((1, 2))
    powers = [np.linalg.matrix_power(np.eye(DIM) - update @ gram, k) for k in range(7)]
    expected = np.array([np.linalg.norm(power) ** 2 / DIM for power in powers])
    return Outcome(Check("largest relative difference", worst(np.abs(errors / expected - 1)), ROUNDING))


class _Shared:
    """One prompt's sample covariance for several tasks, as the reduced model asks for it."""

    def __init__(self, gram, weights):
        self.gram, self.weights = gram, weights

    def residual_statistic(self, estimates):
        return (self.weights - estimates) @ self.gram


@LEDGER.claim(
    "Equation 41", "minimiser",
    sentence="The regularised empirical objective has the ridge solution in closed form.",
    form="Gradient, by automatic differentiation, of (1/M) sum |A b - w|^2 + (lam/2) |A|_F^2 at the fitted matrix, lam = 0 and 0.3,"
         " largest entry at most 1e-10",
    kind="exact",
)  # fmt: skip
def minimiser():
    """Autograd of the objective at the library's fit."""
    pool = draw_pool(20, 12, 5, sigma=0.5, rng=np.random.default_rng(1))
    return Outcome(Check("largest entry of the gradient", worst(_objective_slope(pool, ridge) for ridge in (0.0, 0.3)), ROUNDING))


def _objective_slope(pool: Pool, ridge):
    matrix = torch.tensor(fit_ridge(pool, ridge), requires_grad=True)
    statistics, weights = torch.tensor(pool.statistics), torch.tensor(pool.weights)
    loss = ((statistics @ matrix.T - weights) ** 2).sum() / len(weights) + ridge / 2 * (matrix**2).sum()
    loss.backward()
    return matrix.grad.abs().max().item()


@LEDGER.claim(
    "Equation 46", "moments of a prompt's statistic",
    sentence="Components of the prompt's statistic have covariance 1 with those of the task and variance c = 1 + (1 + sigma^2) / alpha.",
    form="Means of w.b / D and |b|^2 / D over 4000 written-out prompts at D = 20, (alpha, sigma) = (0.5, 0), (2, 1), less the 1/L that"
         " the limit drops, within z of 1 and c; false alarm 1e-4 over the four",
    kind="statistical",
)  # fmt: skip
def moments():
    """Sample means of the statistic of prompts drawn example by example."""
    return Outcome(Check("largest |z|", worst(_moment_scores()), z_limit(FALSE_ALARM, 4)))


def _moment_scores(dim=20, prompts=4000):
    rng = np.random.default_rng(2)
    for alpha, sigma in ((0.5, 0.0), (2.0, 1.0)):
        length = round(alpha * dim)
        features, weights = rng.standard_normal((prompts, length, dim)), rng.standard_normal((prompts, dim))
        labels = np.einsum("pld,pd->pl", features, weights) + sigma * np.sqrt(dim) * rng.standard_normal((prompts, length))
        statistics = np.einsum("pld,pl->pd", features, labels) / length
        expected = 1, 1 + boundaries.prompt_variance(alpha, sigma) + 1 / length
        for values, mean in zip(((weights * statistics).mean(1), (statistics**2).mean(1)), expected):
            yield abs(values.mean() - mean) / (values.std() / np.sqrt(prompts))
