"""When more thinking hurts, for infinitely long test prompts (training-data paper, remark 4.1)."""

import numpy as np
from scipy.linalg import eigh

from cotdepth.covariance import as_covariance
from cotdepth.theory.population import matrix_argument

UNIT = 1e-12  # a spectral radius this close to 1 is 1: neither growth nor decay


def spectral_radius(preconditioner, test_covariance) -> float:
    """Largest ``|1 - mu|`` over the eigenvalues ``mu`` of ``P Sigma``: the factor of the error vector in one late step.

    Parameters
    ----------
    preconditioner : (D, D) array
        ``P = Gamma^-1`` of a trained layer.
    test_covariance : Covariance, (D, D) array or (D,) array
        ``Sigma``; infinitely long test prompts.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Training-data paper, remark 4.1, for any ``Gamma``: `error_leading_order` behaves like the radius to the power ``2k``.
    """
    test = as_covariance(test_covariance, name="test_covariance")
    step = matrix_argument("preconditioner", preconditioner, test.dim)
    return float(np.abs(1 - np.linalg.eigvals(step @ test.matrix)).max())


def overthinks(preconditioner, test_covariance) -> bool:
    """Whether the error grows with depth in the end, for infinitely long test prompts: `spectral_radius` above 1.

    For a symmetric ``Gamma``: an eigenvalue of ``Gamma^-1 Sigma`` exceeds 2, a skill more than twice as strong in the test as
    in training. Never for the training task itself. The mean over prompts of finite length grows in the end for every task.
    Arguments as in `spectral_radius`. Source: training-data paper, remark 4.1.
    """
    return spectral_radius(preconditioner, test_covariance) > 1 + UNIT


def overthinking_length(train_covariance, test_covariance) -> float:
    """Length of training prompts above which `overthinks`: ``inf`` if no length does. Not rounded to an integer.

    Longer training prompts regularise ``Gamma`` less, which uncovers skills weak in training. At length ``n`` an eigenvalue of
    ``Gamma^-1 Sigma`` reaches 2 where ``1/n`` is the largest eigenvalue of ``Sigma/2 - Lambda`` relative to
    ``Lambda + tr(Lambda) I``. Lengths below 1 are not prompts: then every length overthinks.

    Raises ValueError for covariances of different dimension. Derived for this project from eq. (3.5) and remark 4.1.
    """
    train = as_covariance(train_covariance, name="train_covariance")
    test = as_covariance(test_covariance, name="test_covariance")
    if train.dim != test.dim:
        raise ValueError(f"test_covariance has {test.dim} features, train_covariance {train.dim}: must be equal")
    regular = train.with_eigenvalues(train.spectrum + train.trace)
    excess = eigh(test.matrix / 2 - train.matrix, regular, eigvals_only=True)[-1]
    return float(1 / excess) if excess > UNIT else np.inf
