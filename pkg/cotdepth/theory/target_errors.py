"""Errors on a target task of layers trained on several mixtures of the same tasks, in long test prompts.

The same numbers as `finite.mixture_preconditioner` and `finite.error_leading_order_at` give, for many large tasks at once:
tasks on the eigenvectors of the target are treated as spectra, others as thin factors of their matrices.
"""

import numpy as np
import xarray as xr
from scipy.linalg import lapack

from cotdepth.covariance import Covariance
from cotdepth.theory.mixtures import NULL, pseudo_inverse, second_moment_weights


def target_errors(
    tasks: list[Covariance], shares: np.ndarray, target: Covariance, *, n_context, mixture: list[str], depth: int
) -> xr.DataArray:
    """Error per dimension on the target after ``k = 0..depth`` steps, for layers trained on several mixtures of tasks.

    Parameters
    ----------
    tasks : list of T Covariance
        What a layer is trained on.
    shares : (n_models, T) array
        Probabilities of the tasks, one row for each layer.
    target : Covariance
        Of test prompts, on the axes; infinitely long ones.
    n_context : int
        Examples in a training prompt, or ``inf``.
    mixture : list of {"prompt", "example"}
        What is drawn from one task, as in `theory.mixtures`; a dimension.
    depth : int
        Largest depth K.

    Returns
    -------
    xarray.DataArray
        On (mixture, model, k). Directions that a layer never saw keep the error 1.

    Raises
    ------
    ValueError
        If the target has a basis of its own.

    Notes
    -----
    Training-data paper, eq. (4.2).
    """
    if target.basis is not None:
        raise ValueError("target has a basis of its own: must be on the axes")
    weights = [second_moment_weights(n_context, name) for name in mixture]
    errors = _spectral_errors if all(task.basis is None for task in tasks) else _matrix_errors
    found = [errors(tasks, row, target.spectrum, weights, depth) for row in np.asarray(shares)]
    return xr.DataArray(np.array(found), dims=("model", "mixture", "k"), coords={"mixture": mixture}).transpose("mixture", "model", "k")


def _spectral_errors(tasks, shares, sigma, weights, depth):
    """Errors (mixtures, depth + 1) of one layer, everything on the same eigenvectors."""
    spectra = np.array([task.spectrum for task in tasks])                              # (T, D)
    moments = [shares @ values for values in (spectra, spectra**2, spectra.sum(1, keepdims=True) * spectra)]
    errors = []
    for square, own, trace in weights:
        mean, second = moments[0], square * moments[0] ** 2 + own * moments[1] + trace * moments[2]
        step = np.divide(mean, second, out=np.zeros_like(mean), where=second > 0)
        errors.append([np.mean((1 - step * sigma) ** (2 * k)) for k in range(depth + 1)])
    return errors


def _matrix_errors(tasks, shares, sigma, weights, depth):
    """The same for tasks with eigenvectors of their own."""
    used = shares[shares > 0]
    spectra, bases = zip(*(_positive_part(task) for share, task in zip(shares, tasks) if share > 0))
    factors, traces = np.concatenate(bases, axis=1), np.array([values.sum() for values in spectra])   # (D, sum of ranks), (T,)

    def moment(each):
        return _product(factors * np.sqrt(np.concatenate([share * values for share, values in zip(used, each)])))

    mean, own_squares = moment(spectra), moment([values**2 for values in spectra])
    one_trace = np.ptp(traces) <= 1e-14 * traces.max()   # of all tasks, as where a configuration fixes it: saves a product
    traced = traces[0] * mean if one_trace else moment([values.sum() * values for values in spectra])
    squared = mean @ mean
    seconds = [square * squared + own * own_squares + trace * traced for square, own, trace in weights]
    return [_errors(_divided(mean, second), sigma, depth) for second in seconds]


def _positive_part(task):
    """The positive eigenvalues of a task, (rank,), and their eigenvectors, (D, rank)."""
    places = np.flatnonzero(task.spectrum)
    return task.spectrum[places], (np.eye(task.dim) if task.basis is None else task.basis)[:, places]


def _product(factor):
    return factor @ factor.T   # symmetric: half the work


def _divided(mean, second):
    """``M S^-1``, on the directions that training saw: the pseudo-inverse costs five times as much, so only where it must be.

    Rounding may give a singular matrix a Cholesky factor; its condition number gives it away.
    """
    factor, failed = lapack.dpotrf(second)
    if failed or lapack.dpocon(factor, np.linalg.norm(second, 1))[0] < NULL:
        return mean @ pseudo_inverse(second)
    return lapack.dpotrs(factor, mean)[0].T


def _errors(step, sigma, depth):
    propagator = np.eye(len(sigma)) - step * sigma
    errors, power = [1.0], propagator
    for _ in range(depth):
        errors.append(np.sum(power**2) / len(sigma))
        power = propagator @ power if len(errors) <= depth else power
    return errors
