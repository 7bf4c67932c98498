"""Ridge regression of task weights on prompt statistics: how the reduced model's matrix is found."""

import numpy as np
import xarray as xr
from scipy import linalg

from cotdepth.pools import Pool


def fit_ridge(pool: Pool, ridge: float) -> np.ndarray:
    """The matrix ``A`` that minimises ``(1/M) sum |A b - w|^2 + (ridge/2) |A|_F^2`` over the ``M`` tasks of a pool.

    Parameters
    ----------
    pool : Pool
        ``M`` tasks of dimension ``D`` with the statistics ``b`` of their prompts.
    ridge : float
        ``lam`` of the asymptotic paper, eq. (9); 0 needs ``M >= D``.

    Returns
    -------
    (D, D) array

    Raises
    ------
    ValueError
        If ``ridge < 0``, or ``ridge = 0`` where the statistics do not span all dimensions.
    """
    n_tasks, dim = pool.statistics.shape
    if ridge < 0 or (ridge == 0 and n_tasks < dim):
        raise ValueError(f"ridge = {ridge:g}: {n_tasks} tasks in {dim} dimensions need ridge {'> 0' if n_tasks < dim else '>= 0'}")
    second_moment = pool.statistics.T @ pool.statistics + n_tasks * ridge / 2 * np.eye(dim)
    try:
        return linalg.solve(second_moment, pool.statistics.T @ pool.weights, assume_a="pos").T
    except linalg.LinAlgError:
        raise ValueError(f"ridge = {ridge:g}: the statistics of the tasks do not span all {dim} dimensions; give ridge > 0") from None


def label_matrices(matrices: list[np.ndarray], ridge: float, recipe: xr.Dataset) -> xr.Dataset:
    """The fitted matrices of a cell as a dataset: ``matrix`` (seed, row, col), row for the estimate, col for the statistic."""
    index = np.arange(len(matrices[0]))
    return xr.Dataset(
        {"matrix": (("seed", "row", "col"), np.stack(matrices), {"long_name": "fitted matrix A of the reduced model", "units": "1"})},
        coords={
            **{name: recipe.coords[name] for name in ("seed", "dim", "alpha", "tau", "sigma") if name in recipe.coords},
            "row": ("row", index, {"long_name": "coordinate of the estimate", "units": "1"}),
            "col": ("col", index, {"long_name": "coordinate of the prompt's statistic", "units": "1"}),
            "ridge": ((), ridge, {"long_name": "ridge parameter, lam", "units": "1"}),
        },
        attrs={"title": "Reduced model fitted to task pools by ridge regression", "source": "asymptotic paper, eq. (9)"},
    )
