"""The loss that gradient flow descends (gradient-flow paper, eqs. 5.5 and C.5), for fixed and for random covariances.

From the paper's start, all that moves is a matrix ``U_11`` in the keys and queries (here `key_query`) and a number ``u_-1`` in
the values (here `value`). The population loss is ``u^2/2 <U, K U> - u <B, U>`` and a constant, with ``K U = E[Gamma Lambda U Lambda]``
and ``B = E[Lambda^2]`` over the covariances of training prompts. In an orthonormal basis of matrices that diagonalises ``K``,
every coordinate ``z`` of ``U`` stands alone but for ``u``: ``u^2 c z^2 / 2 - u p z``, with a curvature ``c`` and a pull ``p``.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cotdepth.covariance import as_covariance, mixture_arguments
from cotdepth.theory.population import context_argument, gamma_spectrum, matrix_argument, second_moment


class State(NamedTuple):
    """What the flow moves."""

    key_query: np.ndarray  # (D, D), U_11, the top left block of W_KQ
    value: float  # u_-1, the bottom right entry of W_PV


@dataclass(frozen=True, eq=False)
class Landscape:
    """The population loss as a function of `State`, in coordinates that curve independently.

    Attributes
    ----------
    curvature, pull : (D, D) array
        ``c >= 0`` and ``p`` of each coordinate.
    feature_trace : float
        ``E tr(Lambda)``; half of it is the loss of the answer 0.
    basis : None, (D, D) array or (D^2, D^2) array
        Coordinates ``Z`` of a matrix ``U``: ``U`` itself, ``basis^T U basis``, or ``basis^T vec(U)`` with rows stacked.
    """

    curvature: np.ndarray
    pull: np.ndarray
    feature_trace: float
    basis: np.ndarray | None = None

    @property
    def dim(self) -> int:
        """Number of features ``D``."""
        return len(self.curvature)

    def coordinates(self, matrix) -> np.ndarray:
        """Coordinates of a (D, D) matrix, (D, D)."""
        if self.basis is None:
            return np.array(matrix, dtype=float)
        if len(self.basis) == self.dim:
            return self.basis.T @ matrix @ self.basis
        return (np.ravel(matrix) @ self.basis).reshape(self.dim, self.dim)

    def matrix(self, coordinates) -> np.ndarray:
        """The matrices with these coordinates, (..., D, D) both."""
        if self.basis is None:
            return np.array(coordinates, dtype=float)
        if len(self.basis) == self.dim:
            return self.basis @ coordinates @ self.basis.T
        return (np.reshape(coordinates, (*np.shape(coordinates)[:-2], -1)) @ self.basis.T).reshape(np.shape(coordinates))

    @property
    def best(self) -> np.ndarray:
        """Coordinates of the product ``u U`` at the minimum, ``p / c``; 0 where nothing pulls or curves."""
        return np.divide(self.pull, self.curvature, out=np.zeros_like(self.pull), where=self.curvature > 0)


# --- landscapes of covariances ------------------------------------------------------------------------------------


def fixed_landscape(covariance, n_context) -> Landscape:
    """The landscape of prompts of `n_context` examples from one covariance.

    Parameters
    ----------
    covariance : Covariance, (D, D) array or (D,) array
        Of the features of examples and query.
    n_context : int
        Examples in a prompt, at least 1, or ``inf``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, eq. (5.5): ``K U = Gamma Lambda U Lambda``, and ``c_ij = gamma_i lambda_i lambda_j`` in the eigenbasis.
    """
    covariance, n = as_covariance(covariance), context_argument("n_context", n_context)
    spectrum = covariance.spectrum
    curvature = np.outer(gamma_spectrum(covariance, n) * spectrum, spectrum)
    return Landscape(curvature, np.diag(spectrum**2), covariance.trace, _completed(covariance.basis))


def random_landscape(moments, n_context) -> Landscape:
    """The landscape of prompts whose covariance is drawn anew: diagonal, with independent entries.

    Parameters
    ----------
    moments : (D, 3) array
        ``E lambda_i, E lambda_i^2, E lambda_i^3`` of each entry, as from `cotdepth.theory.flow_laws.diagonal_moments`.
    n_context : int
        Examples in a prompt, at least 1, or ``inf``.

    Raises
    ------
    ValueError
        If an argument is out of range, or no positive law has such moments.

    Notes
    -----
    Gradient-flow paper, eqs. (C.3) and (C.5): `curvature` has ``gamma_i`` on its diagonal and ``zeta_ij`` off it, `pull` has ``xi_i``.
    """
    moments, n = moments_argument(moments), context_argument("n_context", n_context)
    first, second, _ = moments.T
    curvature = (1 + 1 / n) * _squared_times(moments) + _products_times_trace(moments) / n
    return Landscape(curvature, np.diag(second), float(first.sum()))


def mixture_landscape(covariances, probabilities, n_context) -> Landscape:
    """The landscape of prompts each from one of several covariances, which need not share eigenvectors.

    Parameters
    ----------
    covariances : sequence of T covariances
        Each as in `fixed_landscape`.
    probabilities : (T,) array
        Non-negative, with sum 1.
    n_context : int
        Examples in a prompt, at least 1, or ``inf``.

    Returns
    -------
    Landscape
        With a basis of ``D^2`` by ``D^2`` entries: for tens of dimensions.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Gradient-flow paper, eq. (C.1), before covariances are assumed to be diagonal.
    """
    tasks, shares = mixture_arguments(covariances, probabilities, "prompt")
    matrices, dim = [task.matrix for task in tasks], tasks[0].dim
    operator = sum(share * np.kron(second_moment(task, n_context), matrix) for share, task, matrix in zip(shares, tasks, matrices))
    square = sum(share * matrix @ matrix for share, matrix in zip(shares, matrices))
    curvature, basis = np.linalg.eigh(operator)
    curvature[curvature <= dim**2 * np.finfo(float).eps * curvature[-1]] = 0
    pull = np.where(curvature > 0, square.ravel() @ basis, 0)
    trace = float(sum(share * task.trace for share, task in zip(shares, tasks)))
    return Landscape(curvature.reshape(dim, dim), pull.reshape(dim, dim), trace, basis)


# --- the loss -----------------------------------------------------------------------------------------------------


def loss(landscape: Landscape, state: State) -> float:
    """``u^2/2 <U, K U> - u <B, U>``: the population loss without its constant, 0 for the answer 0.

    Source: gradient-flow paper, eqs. (5.5) and (C.5).
    """
    z, u = _checked(landscape, state)
    return float(u**2 / 2 * np.sum(landscape.curvature * z**2) - u * np.sum(landscape.pull * z))


def excess_loss(landscape: Landscape, state: State) -> float:
    """How far `loss` is above its minimum, without cancellation: ``1/2 sum c (u z - p/c)^2``.

    For a fixed covariance ``1/2 |Gamma^1/2 (u Lambda^1/2 U Lambda^1/2 - Lambda Gamma^-1)|_F^2``. Source: gradient-flow paper,
    Corollary A.2, whose display (ii) has a stray factor (erratum), and eq. (C.7).
    """
    z, u = _checked(landscape, state)
    return float(np.sum(landscape.curvature * (u * z - landscape.best) ** 2) / 2)


def minimal_loss(landscape: Landscape) -> float:
    """The minimum of `loss`: ``-tr(Lambda^2 Gamma^-1) / 2`` for a fixed covariance, ``-1/2 sum xi_i^2 / gamma_i`` for random ones.

    Source: gradient-flow paper, Corollary A.2 and eq. (C.6).
    """
    return float(-np.sum(landscape.pull * landscape.best) / 2)


def gradient(landscape: Landscape, state: State) -> State:
    """Gradient of `loss`: the flow moves against it. Source: gradient-flow paper, eqs. (5.4) and (C.4)."""
    z, u = _checked(landscape, state)
    by_value = u * np.sum(landscape.curvature * z**2) - np.sum(landscape.pull * z)
    return State(landscape.matrix(u**2 * landscape.curvature * z - u * landscape.pull), float(by_value))


def best_product(landscape: Landscape) -> np.ndarray:
    """The product ``u U`` at every global minimum, (D, D), that answers a query with ``(1/M) sum_i y_i x_i^T (u U) x_query``.

    ``Gamma^-1`` for a fixed covariance (pseudo-inverse where it is singular), ``diag(xi_i / gamma_i)`` for random diagonal ones, and
    for a mixture the solution ``A`` of ``sum_t pi_t Gamma_t Lambda_t A Lambda_t = sum_t pi_t Lambda_t^2``. This is not what a loss on
    the weight vector finds in a mixture (`cotdepth.theory.mixtures`): the query brings in another covariance.

    Source: gradient-flow paper, Lemmas 5.3 and C.4; the mixture was derived for this project.
    """
    return landscape.matrix(landscape.best)


def mean_prediction_error(landscape: Landscape, product) -> float:
    """Mean squared error of the answer to a query over tasks ``w ~ N(0, I)``, twice the population loss.

    Parameters
    ----------
    landscape : Landscape
        Of test prompts: with their covariances and their length in place of those of training.
    product : (D, D) array
        ``u U`` of the trained layer, such as `best_product` of the landscape that it was trained on.

    Raises
    ------
    ValueError
        If the product has another shape.

    Notes
    -----
    Gradient-flow paper, eqs. (3.8) and (4.9); the average of its theorem 4.2 over noiseless linear labels.
    """
    difference = landscape.coordinates(matrix_argument("product", product, landscape.dim)) - landscape.best
    # around the minimum: the error itself cancels to nothing for long prompts
    best = landscape.feature_trace - np.sum(landscape.pull * landscape.best)
    return float(best + np.sum(landscape.curvature * difference**2))


# --- arguments ----------------------------------------------------------------------------------------------------


def moments_argument(moments) -> np.ndarray:
    """First three moments of positive laws, (D, 3); anything else is a ValueError."""
    found = np.asarray(moments)
    if found.ndim != 2 or found.shape[1] != 3 or not found.size or found.dtype.kind not in "iuf":
        raise ValueError(f"moments has shape {found.shape}: must be (D, 3), the first three moments of each entry")
    refused = ~(np.isfinite(found).all(axis=1) & (found > 0).all(axis=1))
    first, second, third = found.T.astype(float)
    slack = 1 + 1e-12  # of rounding: equality holds for a constant
    refused |= (first**2 > second * slack) | (second**2 > first * third * slack)
    if refused.any():
        raise ValueError(f"moments = {found[refused][0].tolist()}: must be finite moments of a positive law, m1^2 <= m2, m2^2 <= m1 m3")
    return found.astype(float)


def _checked(landscape, state):
    """Coordinates and value of a state."""
    matrix = matrix_argument("key_query", state.key_query, landscape.dim)
    return landscape.coordinates(matrix), float(state.value)


def _squared_times(moments):
    """``E[lambda_i^2 lambda_j]``, (D, D)."""
    first, second, third = moments.T
    found = np.outer(second, first)
    np.fill_diagonal(found, third)
    return found


def _products_times_trace(moments):
    """``E[lambda_i lambda_j sum_k lambda_k]``, (D, D)."""
    first, second, third = moments.T
    rest = first.sum() - first  # over k other than i
    found = np.outer(second, first) + np.outer(first, second) + np.outer(first, first) * (rest[:, None] - first)
    np.fill_diagonal(found, third + second * rest)
    return found


def _completed(basis):
    """A (D, r) eigenbasis with the eigenvectors of the eigenvalue 0 that it leaves open."""
    if basis is None or basis.shape[0] == basis.shape[1]:
        return basis
    return np.column_stack([basis, np.linalg.qr(basis, mode="complete")[0][:, basis.shape[1] :]])
