"""Feature covariances: a spectrum and an eigenbasis.

A spectrum has no scale of its own: `identity` has eigenvalues 1 and trace ``D``, `power_law` has the largest eigenvalue 1;
`with_trace` rescales. Constructors give the common basis, the axes in which features are written; `in_basis_of`,
`haar`, `shuffled` and `aligned` turn a covariance relative to others. A covariance of low rank needs the eigenvectors of
its range only.
"""

from copy import copy
from dataclasses import dataclass

import numpy as np

from cotdepth.checks import count_argument, mixture_argument, shares_argument

ORTHONORMAL = 1e-8  # largest entry of B^T B - I that still is rounding
POSITIVE = 1e-10  # relative: eigenvalues of a matrix down to minus this are rounding of 0


@dataclass(frozen=True, eq=False)
class Covariance:
    """A positive semidefinite matrix as its eigenvalues and eigenvectors.

    Parameters
    ----------
    spectrum : (D,) array
        Eigenvalues, finite and non-negative, at least one positive; zeros make the covariance rank-deficient.
    basis : (D, r) array, optional
        Orthonormal eigenvectors of the first ``r <= D`` entries of `spectrum` as columns; the entries from ``r`` on must be 0,
        and which eigenvectors they have is left open. Without it, the axes: the common basis.

    Raises
    ------
    ValueError
        If an eigenvalue is negative or not finite, all are 0, the basis is not orthonormal, or a positive eigenvalue has no
        eigenvector.

    Examples
    --------
    >>> Covariance([2.0, 1.0]).matrix.tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    >>> Covariance([2.0, 0.0], [[0.6], [0.8]]).matrix.round(2).tolist()
    [[0.72, 0.96], [0.96, 1.28]]
    """

    spectrum: np.ndarray
    basis: np.ndarray | None = None

    def __post_init__(self):
        spectrum = _spectrum("spectrum", self.spectrum)
        basis = None if self.basis is None else _basis(self.basis, spectrum)
        for name, array in {"spectrum": spectrum, "basis": basis}.items():
            object.__setattr__(self, name, array)
            if array is not None:
                array.flags.writeable = False

    @property
    def dim(self) -> int:
        """Number of features ``D``."""
        return len(self.spectrum)

    @property
    def trace(self) -> float:
        """Sum of the eigenvalues: the expected squared norm of a feature vector."""
        return float(self.spectrum.sum())

    @property
    def rank(self) -> int:
        """Number of positive eigenvalues."""
        return int(np.count_nonzero(self.spectrum))

    @property
    def matrix(self) -> np.ndarray:
        """The ``(D, D)`` matrix, computed when asked for."""
        return self.with_eigenvalues(self.spectrum)

    def with_eigenvalues(self, values) -> np.ndarray:
        """The ``(D, D)`` matrix with these ``D`` eigenvalues, of any sign, in the eigenbasis of this covariance.

        Where the basis has ``r < D`` eigenvectors, the values from ``r`` on must be equal, as those of any function of the
        covariance are; else ValueError.
        """
        values = np.asarray(values, dtype=float)
        if values.shape != (self.dim,):
            raise ValueError(f"values has shape {values.shape}: must be ({self.dim},), one for each eigenvalue")
        if self.basis is None:
            return np.diag(values)
        known = self.basis.shape[1]
        rest = values[known] if known < self.dim else 0.0
        if not (values[known:] == rest).all():
            raise ValueError(f"values[{known}:] differ: without their eigenvectors (basis has {known}) they must be equal")
        matrix = (self.basis * (values[:known] - rest)) @ self.basis.T
        matrix[np.diag_indices(self.dim)] += rest
        return (matrix + matrix.T) / 2


# --- spectra ------------------------------------------------------------------------------------------------------


def identity(dim: int) -> Covariance:
    """Isotropic features: ``D`` eigenvalues 1, trace ``D``."""
    return Covariance(np.ones(count_argument("dim", dim)))


def power_law(dim: int, exponent: float) -> Covariance:
    """Eigenvalues ``i^-exponent`` for ``i = 1..D``; the largest is 1 for a positive exponent.

    Any finite exponent is allowed: 0 is isotropic, and a negative one puts the largest eigenvalue last.
    """
    return limited_support(dim, exponent, support=dim)


def limited_support(dim: int, exponent: float, *, support: int) -> Covariance:
    """Eigenvalues ``i^-exponent`` for ``i = 1..support``, zero elsewhere: a rank-deficient power law.

    Not rescaled: apply `with_trace` for the unit trace of the training-data paper, section 5.1. Raises ValueError unless
    ``1 <= support <= dim`` and the exponent is finite.
    """
    dim, support = count_argument("dim", dim), count_argument("support", support)
    if support > dim:
        raise ValueError(f"support = {support}: at most dim = {dim} eigenvalues can be positive")
    if not np.isfinite(exponent):
        raise ValueError(f"exponent = {exponent}: must be finite")
    spectrum = np.zeros(dim)
    spectrum[:support] = np.arange(1.0, support + 1) ** -exponent
    return Covariance(spectrum)


def from_matrix(matrix, *, name: str = "matrix") -> Covariance:
    """The covariance with this symmetric positive semidefinite ``(D, D)`` matrix.

    A diagonal matrix keeps the common basis and the order of its entries. Otherwise eigenvalues ascend, and those within
    rounding of 0 are 0, so that `Covariance.rank` is the rank.

    Raises
    ------
    ValueError
        If the matrix is not square, finite and symmetric, or has a negative eigenvalue; `name` is what it is called there.
    """
    matrix = _symmetric(name, matrix)
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return Covariance(_spectrum(name, np.diag(matrix)))
    spectrum, basis = np.linalg.eigh(matrix)
    largest = np.abs(spectrum).max()
    if spectrum[0] < -POSITIVE * largest:
        raise ValueError(f"{name} has the eigenvalue {spectrum[0]:.6g}: must be positive semidefinite (eigenvalues >= 0)")
    rounding = len(spectrum) * np.finfo(float).eps * largest
    return Covariance(np.where(spectrum > rounding, spectrum, 0.0), basis)


def as_covariance(value, *, name: str = "covariance") -> Covariance:
    """A `Covariance` as it is, a ``(D, D)`` array as a matrix, a ``(D,)`` array as a spectrum in the common basis.

    Raises ValueError, calling the argument `name`, for anything else and for what is not positive semidefinite.
    """
    if isinstance(value, Covariance):
        return value
    array = _real(name, value)
    if array.ndim == 1:
        return Covariance(_spectrum(name, array))
    if array.ndim == 2:
        return from_matrix(array, name=name)
    raise ValueError(f"{name} has shape {array.shape}: give a Covariance, a (D, D) matrix or a (D,) spectrum")


def with_trace(covariance: Covariance, trace: float) -> Covariance:
    """The same covariance, scaled to this trace (positive and finite, else ValueError)."""
    if not 0 < trace < np.inf:
        raise ValueError(f"trace = {trace}: must be positive and finite")
    return _on_basis_of(covariance, covariance.spectrum * (trace / covariance.trace))


# --- eigenbases ---------------------------------------------------------------------------------------------------


def in_basis_of(covariance: Covariance, target: Covariance) -> Covariance:
    """The spectrum of one covariance, in its order, on the eigenvectors of another: two tasks in a common basis.

    Raises ValueError if they differ in dimension, or the target has no eigenvector for a positive eigenvalue.
    """
    _check_same_dim(covariance, target)
    if target.basis is not None and covariance.spectrum[target.basis.shape[1] :].any():
        _check_full_basis("target", target)
    return _on_basis_of(target, covariance.spectrum)


def haar(covariance: Covariance, *, rng: np.random.Generator) -> Covariance:
    """The same eigenvalues with eigenvectors drawn uniformly from all orthonormal ones.

    Of a rank-deficient covariance the positive eigenvalues come first, in their order, and only theirs are drawn: rank 20 in
    1000 dimensions costs a QR decomposition of 1000 x 20.
    """
    positive = covariance.spectrum > 0
    spectrum = np.concatenate([covariance.spectrum[positive], covariance.spectrum[~positive]])
    basis, upper = np.linalg.qr(rng.standard_normal((covariance.dim, covariance.rank)))
    return Covariance(spectrum, basis * np.sign(np.diag(upper)))  # the signs make the law uniform


def shuffled(covariance: Covariance, *, rng: np.random.Generator) -> Covariance:
    """The same eigenvectors, with the eigenvalues, zeros among them, in random order: support and order both shuffled.

    Raises ValueError unless the covariance has all ``D`` eigenvectors.
    """
    _check_full_basis("covariance", covariance)
    return _on_basis_of(covariance, rng.permutation(covariance.spectrum))


def aligned(covariance: Covariance, target: Covariance, *, rng: np.random.Generator) -> Covariance:
    """A random support in the eigenbasis of a target, with eigenvalues in the target's order.

    The positive eigenvalues sit on directions drawn uniformly without replacement, the largest where the target is
    largest among them: the tasks ask for the target's skills in the target's order. Raises ValueError if they differ in
    dimension or the target has fewer than ``D`` eigenvectors.
    """
    _check_same_dim(covariance, target)
    _check_full_basis("target", target)
    order = np.argsort(-target.spectrum, kind="stable")
    places = order[np.sort(rng.choice(covariance.dim, covariance.rank, replace=False))]
    spectrum = np.zeros(covariance.dim)
    spectrum[places] = np.sort(covariance.spectrum)[::-1][: covariance.rank]
    return _on_basis_of(target, spectrum)


def _on_basis_of(covariance, spectrum):
    """Another spectrum on the same eigenvectors, shared: hundreds of tasks in one basis hold, and check, one."""
    other, spectrum = copy(covariance), _spectrum("spectrum", spectrum)
    spectrum.flags.writeable = False
    object.__setattr__(other, "spectrum", spectrum)
    return other


# --- mixtures -----------------------------------------------------------------------------------------------------


def mixture_arguments(covariances, probabilities, mixture: str) -> tuple[list[Covariance], np.ndarray]:
    """The tasks of a mixture as covariances of one dimension, with their probabilities, (T,).

    Parameters
    ----------
    covariances : sequence of T covariances
        Each as in `as_covariance`.
    probabilities : (T,) array
        Non-negative, with sum 1.
    mixture : {"prompt", "example"}
        What is drawn from one task; only checked.

    Raises
    ------
    ValueError
        If an argument is out of range, or the dimensions differ.
    """
    tasks = [as_covariance(task, name=f"covariances[{i}]") for i, task in enumerate(covariances)]
    if not tasks:
        raise ValueError("covariances = []: at least one task is needed")
    for i, task in enumerate(tasks):
        if task.dim != tasks[0].dim:
            raise ValueError(f"covariances[{i}] has {task.dim} features, covariances[0] {tasks[0].dim}: must be equal")
    mixture_argument(mixture)
    return tasks, shares_argument(probabilities, len(tasks))


# --- checks -------------------------------------------------------------------------------------------------------


def _real(name, value):
    try:
        array = np.asarray(value)
    except ValueError as ragged:
        raise ValueError(f"{name} = {value!r}: {ragged}") from None
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} = {value!r}: must be an array of real numbers")
    return array.astype(float)  # a copy


def _spectrum(name, value):
    spectrum = _real(name, value)
    if spectrum.ndim != 1 or not spectrum.size:
        raise ValueError(f"{name} has shape {spectrum.shape}: the eigenvalues are an array of shape (D,), D >= 1")
    refused = spectrum[~((spectrum >= 0) & (spectrum < np.inf))]
    if refused.size:
        raise ValueError(f"{name} has the eigenvalue {refused[0]:.6g}: must be positive semidefinite (eigenvalues >= 0), finite")
    if not spectrum.any():
        raise ValueError(f"{name} = 0: at least one eigenvalue must be positive")
    return spectrum


def _basis(value, spectrum):
    basis, dim = _real("basis", value), len(spectrum)
    if basis.ndim != 2 or len(basis) != dim or not 1 <= basis.shape[1] <= dim:
        raise ValueError(f"basis has shape {basis.shape}: must be ({dim}, r), 1 <= r <= {dim}, eigenvectors as columns")
    known = basis.shape[1]
    if spectrum[known:].any():
        raise ValueError(f"basis has {known} eigenvectors: the eigenvalues after the first {known} must be 0, and one is positive")
    deviation = np.abs(basis.T @ basis - np.eye(known)).max()
    if not deviation < ORTHONORMAL:
        raise ValueError(f"basis is off orthonormal by {deviation:.3g}: must be below {ORTHONORMAL}")
    return basis


def _symmetric(name, value):
    matrix = _real(name, value)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"{name} has shape {matrix.shape}: a covariance matrix has shape (D, D), D >= 1")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} = {matrix[~np.isfinite(matrix)][0]}: entries must be finite")
    asymmetry = np.abs(matrix - matrix.T).max()
    if asymmetry > POSITIVE * np.abs(matrix).max():
        raise ValueError(f"{name} is off symmetric by {asymmetry:.3g}: must be symmetric")
    return (matrix + matrix.T) / 2


def _check_same_dim(covariance, target):
    if covariance.dim != target.dim:
        raise ValueError(f"target has {target.dim} features, covariance {covariance.dim}: must be equal")


def _check_full_basis(name, covariance):
    if covariance.basis is not None and covariance.basis.shape[1] < covariance.dim:
        known = covariance.basis.shape[1]
        raise ValueError(f"{name} has {known} eigenvectors in {covariance.dim} dimensions: all {covariance.dim} are needed here")
