"""Claims about prompts that differ from those in training (gradient-flow paper, section 4.2), by exact theory."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.covariance import Covariance, haar
from cotdepth.theory import finite, flow

LEDGER = Ledger("gradient-flow")
SPECTRUM, TASK = np.array([4.0, 2.0, 1.0]), np.array([1.0, -1.0, 0.5])
LONG = {"n_context": 10**6, "n_context_test": 10**6}
KINDS = (flow.linear_labels, flow.relu_labels, flow.cubic_labels, flow.quadratic_labels)
TURNED = haar(Covariance([3.0, 1.0, 0.2]), rng=np.random.default_rng(61))


def relative(labels, query=None, **lengths) -> float:
    """Error over the mean square of the query's label."""
    asked = labels.query if query is None else query
    size = asked.residual + asked.weights @ asked.features @ asked.weights
    return flow.prediction_error(labels, SPECTRUM, query=query, **lengths) / size


@LEDGER.claim(
    "Section 4.2", "task shift",
    sentence="Labels that are not linear are tolerated: with long prompts the error is the best linear predictor's.",
    form="Largest excess of the relative error over the best linear predictor's, ReLU, cubic and quadratic labels with noise of deviation"
         " 0.5, eigenvalues 4, 2, 1, N = M = 1e6, at most 1e-4",
    kind="numerical",
)  # fmt: skip
def task_shift():
    """Excess errors on labels of other kinds."""
    def excess(make):
        labels = make(TASK, SPECTRUM, label_noise=0.5)
        size = labels.residual + labels.weights @ labels.features @ labels.weights
        return relative(labels, **LONG) - labels.residual / size

    return Outcome(Check("largest excess of the relative error", worst(map(excess, KINDS[1:])), 1e-4))


@LEDGER.claim(
    "Section 4.2", "noisy labels of any task",
    sentence="With noise in the labels the answer is about w.x_query in long prompts, for any vector w, however large.",
    form="Largest mean squared distance of the answer from w.x_query over that of the noiseless label, w a thousand times, as large as"
         " and a tenth of a standard one, noise of deviation 1, N = M = 1e6, at most 1e-3",
    kind="numerical",
)  # fmt: skip
def noisy_labels():
    """Errors on the noiseless label of a query, after noisy examples."""
    def error(size):
        labels, query = flow.linear_labels(size * TASK, SPECTRUM, label_noise=1.0), flow.linear_query(SPECTRUM, size * TASK)
        return relative(labels, query, **LONG)

    return Outcome(Check("largest relative error", worst(map(error, (1000, 1, 0.1))), 1e-3))


@LEDGER.claim(
    "Section 4.2", "query shift",
    sentence="Another law of the query is tolerated if the query does not depend on the examples.",
    form="Largest relative error for queries along each eigenvector, of a turned covariance, and a hundred times as large, N = M = 1e6,"
         " at most 1e-3",
    kind="numerical",
)  # fmt: skip
def query_shift():
    """Errors for queries of other second moments."""
    labels, moments = flow.linear_labels(TASK, SPECTRUM), [*map(np.diag, np.eye(3)), TURNED, 1e4 * np.eye(3)]
    errors = [relative(labels, flow.linear_query(moment, TASK), **LONG) for moment in moments]
    return Outcome(Check("largest relative error", worst(errors), 1e-3))


@LEDGER.claim(
    "Section 4.2", "orthogonal query",
    sentence="The answer is 0 for a query that is orthogonal to all examples.",
    form="Largest answer of the literal layer at the flow's limit to such queries over the size of the label, 20 prompts of two examples"
         " (eigenvalues 4, 2, 1, N = 8); corrected: to queries orthogonal to Gamma^-1 times all examples",
    kind="exact",
    erratum="Orthogonal to Gamma^-1 x_i: to the examples themselves only where features are isotropic. Derived for this project.",
)  # fmt: skip
def orthogonal_query():
    """Answers to queries that miss the examples, and to queries that miss what the layer makes of them."""
    rng, matrices = np.random.default_rng(62), np.zeros((2, 4, 4))
    matrices[0, :3, :3], matrices[1, 3, 3] = flow.balanced_limit(flow.fixed_landscape(SPECTRUM, 8))
    inverse = finite.preconditioner(SPECTRUM, 8)

    def answer(features, seen):
        query = np.cross(*seen) / np.linalg.norm(np.cross(*seen))
        return abs(flow.layer_output(flow.embedding(features, features @ TASK, query), *matrices)[-1, -1]) / np.linalg.norm(TASK)

    prompts = rng.standard_normal((20, 2, 3)) * np.sqrt(SPECTRUM)
    measure = "largest answer over |w|, queries of length 1"
    return Outcome(Check(measure, worst(answer(each, each) for each in prompts), 1e-12),
                   Check(measure, worst(answer(each, each @ inverse) for each in prompts), 1e-12))  # fmt: skip


@LEDGER.claim(
    "Section 4.2", "scaled covariates",
    sentence="If all features are c times as large, the answer is c^2 times the label in long prompts.",
    form="Largest difference of the relative error from (c^2 - 1)^2, c = 0.5, 0.9, 1.1, 2, 3, N = M = 1e6, at most 1e-3 of 1 + it",
    kind="numerical",
)  # fmt: skip
def scaled_covariates():
    """Errors on scaled prompts beside those of an answer that is c^2 times the label."""
    def gap(factor):
        expected = (factor**2 - 1) ** 2
        return abs(relative(flow.linear_labels(TASK, factor**2 * SPECTRUM), **LONG) - expected) / (1 + expected)

    return Outcome(Check("largest relative difference", worst(map(gap, (0.5, 0.9, 1.1, 2, 3))), 1e-3))


@LEDGER.claim(
    "Section 4.2", "covariate shift",
    sentence="Another covariance of the examples is not tolerated, however long the prompts.",
    form="Largest ratio of the relative error without a shift to that of a shifted covariance: scaled by 0.5 or 2, or turned; N = M ="
         " 1e6, at most 1e-3",
    kind="numerical",
)  # fmt: skip
def covariate_shift():
    """The error that longer prompts leave under shifts of the covariates."""
    usual = relative(flow.linear_labels(TASK, SPECTRUM), **LONG)
    shifted = [relative(flow.linear_labels(TASK, other), **LONG) for other in (SPECTRUM / 2, 2 * SPECTRUM, TURNED)]
    return Outcome(Check("largest ratio of the error without a shift to that with one", worst(usual / each for each in shifted), 1e-3))
