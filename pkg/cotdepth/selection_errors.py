"""What training on selected tasks is worth on the target, beside what else one may train on."""

import numpy as np
import xarray as xr

QUARTILES = (0.25, 0.5, 0.75)


def training_mixtures(probability: np.ndarray, task_types: np.ndarray) -> dict[str, np.ndarray]:
    """What one may train on: the selected probabilities, all tasks alike, or the tasks of one type alike; each (T,)."""
    alike = {"selected": probability, "uniform": np.full(len(task_types), 1 / len(task_types))}
    return alike | {str(name): (task_types == name) / (task_types == name).sum() for name in dict.fromkeys(task_types)}


def label_target_errors(errors: np.ndarray, selected: xr.Dataset, mixtures: list[str], models: list[str], *, n_context: int, dim: int
                        ) -> xr.Dataset:  # fmt: skip
    """Errors (seed, mixture, model, k) on the target, after training on each of the mixtures, and quartiles over seeds.

    Length of training prompts and dimension go along as coordinates without a dimension: (4.5) takes the one to be far above the other.
    """
    about = {"long_name": "error |w - w_k|^2 / D on the target, long test prompts", "units": "1"}
    over_seeds = {"long_name": f"quantile over sets of tasks of the {about['long_name']}", "units": "1"}
    return xr.Dataset(
        {
            "error": (("seed", "mixture", "model", "k"), errors, about),
            "error_quantile": (("quantile", "mixture", "model", "k"), np.quantile(errors, QUARTILES, axis=0), over_seeds),
        },
        coords={
            "seed": selected.seed,
            "n_context": ((), n_context, {"long_name": "examples in a training prompt", "units": "examples"}),
            "dim": ((), dim, {"long_name": "dimension of the features", "units": "1"}),
            "mixture": ("mixture", mixtures, {"long_name": "what training draws from one task", "units": "1"}),
            "model": ("model", models, {"long_name": "tasks trained on", "units": "1"}),
            "quantile": ("quantile", list(QUARTILES), {"long_name": "quantile over sets of tasks", "units": "1"}),
            "k": ("k", np.arange(errors.shape[-1]), {"long_name": "chain-of-thought depth", "units": "steps"}),
        },
        attrs={"title": "Error on the target task by what was trained on", "source": "training-data paper, eq. (4.2); not in its figures"},
    )
