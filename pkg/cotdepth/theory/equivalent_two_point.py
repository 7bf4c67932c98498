"""Two-point functions of the deterministic equivalent: products of two resolvents, at ``x`` and at ``y``.

A source is a pair of matrices; the medium answers with a pair; a readout is a scalar product of the answers at ``x`` and
at ``y``. Fluctuations of the test prompt and of every training family are channels: what they read out they send on, and
the sum of all repetitions is ``(I - m)^-1``. Derived for this project.
"""

import numpy as np

from cotdepth.theory.equivalent_fixed_point import Medium, column

# --- sources: lists of pairs, one for each block of columns ---------------------------------------------------------


def error_source(problem, medium):
    """The error of a new task."""
    return [(problem.algebra.identity(), 0 * problem.test)]


def prompt_source(problem, medium):
    """The channel of the test prompt."""
    return [(0 * problem.test, problem.test_root)]


def label_noise_source(problem, medium):
    """What noise of unit variance in the labels of the test prompt adds to the estimate, in one step."""
    strength = np.sqrt(problem.per_test_example) * medium.dressing[:, 0]
    return [(0 * problem.test, column(problem, strength) * problem.test_root)]


def family_source(i):
    """The channel of the training tasks of family `i`."""

    def source(problem, medium):
        family = problem.families[i]
        entering = column(problem, medium.x * problem.step_size) * problem.algebra.identity()
        return [(entering, family.features), (0 * family.features, family.noise_root)]

    return source


def training_task_source(i):
    """The error of one of the training tasks of family `i`, on a new prompt."""

    def source(problem, medium):
        family, one = problem.families[i], problem.algebra.identity()
        known = problem.per_task * medium.dressing[:, 1 + i] * medium.memory[:, i]
        left = column(problem, 1 - medium.x * problem.step_size * known) * one
        known = column(problem, known)
        return [(left, -known * family.features), (0 * one, -known * family.noise_root)]

    return source


def channels(problem):
    """The channels that fluctuate: as sources, and by the place of their readout."""
    tasks = range(len(problem.families)) if problem.per_task else ()
    prompt = [(prompt_source, 1)] if problem.per_test_example else []
    return prompt + [(family_source(i), 2 + i) for i in tasks]


# --- readouts -----------------------------------------------------------------------------------------------------


def readouts(problem, medium: Medium, source) -> list[np.ndarray]:
    """For the error, the prompt and each family a vector (nodes, ...), whose products over two nodes are the readouts."""
    answers = [_answer(problem, medium, *pair) for pair in source(problem, medium)]
    rows, product = problem.algebra.rows, problem.algebra.product
    phi, psi = medium.dressing[:, 0], medium.dressing[:, 1:].T
    error = [rows(v) / np.sqrt(problem.dim) for v, _ in answers]
    prompt = [rows(product(problem.test_root, v)) * (np.sqrt(problem.per_test_example) * phi[:, None]) for v, _ in answers]
    tasks = [
        [rows(product(family.second_root, p)) * (np.sqrt(family.share * problem.per_task) * values[:, None]) for _, p in answers]
        for family, values in zip(problem.families, psi)
    ]
    return [np.concatenate(vectors, axis=1) for vectors in (error, prompt, *tasks)]


def _answer(problem, medium, first, second):
    """Linear response of the medium to a source."""
    product, step = problem.algebra.product, column(problem, medium.x * problem.step_size)
    phi = column(problem, medium.dressing[:, 0])
    v = product(medium.resolvent, first - step * product(medium.update, second))
    return v, product(medium.covariance_inverse, second + phi * product(problem.test, v))


# --- the sum over repeated fluctuations ---------------------------------------------------------------------------


def generating_functions(problem, medium: Medium, sources, pairing) -> list[np.ndarray]:
    """``F(x, y)`` of each source; `pairing` turns a readout vector at nodes into its products over pairs of nodes."""
    fluctuating = channels(problem)
    places = [0] + [place for _, place in fluctuating]
    columns = []
    for source in [source for source, _ in fluctuating] + list(sources):
        vectors = readouts(problem, medium, source)
        columns.append([pairing(vectors[place]) for place in places])
    return _repeated(columns[: len(fluctuating)], columns[len(fluctuating) :])


def channel_matrix(problem, medium: Medium) -> np.ndarray:
    """``m(x, x)``, (channels, channels), at the only node of a medium on the real axis."""
    fluctuating = channels(problem)
    columns = [readouts(problem, medium, source) for source, _ in fluctuating]
    matrix = [[(vectors[place][0] ** 2).sum() for vectors in columns] for _, place in fluctuating]
    return np.reshape(matrix, (len(fluctuating), len(fluctuating)))


def _repeated(sent, given):
    """``e[X] + e (1 - m)^-1 m[X]`` at every pair of nodes, by elimination of one channel after the other.

    Columns are [error, channel 1, ...], of the sources of the channels (`sent`) and of the given ones. The pivots are positive
    inside the radius of convergence, where the spectral radius of ``m`` is below 1.
    """
    for i, pivot in enumerate(sent, start=1):
        for other in sent[i:] + given:
            weight = other[i] / (1 - pivot[i])
            for place in range(len(other)):
                if place == 0 or place > i:
                    other[place] = other[place] + weight * pivot[place]
    return [column[0] for column in given]
