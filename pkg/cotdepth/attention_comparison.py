"""Trained linear attention beside theory: of the population optimum, and of what each pool of prompts asks for."""

import numpy as np
import xarray as xr


def compare_layers(experiment: xr.Dataset, theory: xr.Dataset, at_pools: xr.Dataset) -> xr.Dataset:
    """Errors of trained layers over seeds beside both theories.

    Parameters
    ----------
    experiment : xarray.Dataset
        Errors by `cotdepth.summary.summarise`, on (trained, seed, n_context_test, k).
    theory : xarray.Dataset
        By `cotdepth.theory.layer.summarise_layer`.
    at_pools : xarray.Dataset
        By `cotdepth.pool_theory.theory_at_pools`, with the same seeds.

    Returns
    -------
    xarray.Dataset
        Of the theory, ``theory_error`` (theory, n_context_test, k) and scalars. On (trained, n_context_test, k): the mean over seeds
        ``error_mean`` with ``error_standard_error``; the medians over seeds ``error_median`` (of medians over prompts) with
        extremes ``seed_lowest`` and ``seed_highest``, and ``error_quantile``; ``pool_theory``, the mean over seeds at their own
        pools, ``pool_leading_order`` (trained, k), and ``pool_z``, the mean paired difference to the former in standard errors over
        seeds: large where an error nearly vanishes and the jitter of Adam, which that theory leaves out, shows; of no meaning
        where rare prompts carry the mean. On (trained, n_context_test): ``best_depth_mean`` and ``best_depth_median``.
        ``trained_attention_weight`` (trained, seed) is ``|W_24|`` after training.
    """
    mean = experiment.error_mean.mean("seed")
    median = experiment.error_median.median("seed")
    difference = experiment.error_mean - at_pools.error
    found = {
        "error_mean": (mean, "mean error over seeds and test prompts", "1"),
        "error_standard_error": (_standard_error(experiment.error_mean), "standard error of the mean over seeds", "1"),
        "error_median": (median, "median over seeds of the median error over test prompts", "1"),
        "seed_lowest": (experiment.error_median.min("seed"), "lowest median error of a seed", "1"),
        "seed_highest": (experiment.error_median.max("seed"), "highest median error of a seed", "1"),
        "error_quantile": (experiment.error_quantile.median("seed"), "median over seeds of the error's quantile over test prompts", "1"),
        "pool_theory": (at_pools.error.mean("seed"), "mean over seeds of the exact error at the pool's least-squares layer", "1"),
        "pool_z": (difference.mean("seed") / _standard_error(difference), "mean difference to pool_theory in standard errors", "1"),
        "best_depth_mean": (mean.idxmin("k"), "depth at which the mean error is lowest", "steps"),
        "best_depth_median": (median.idxmin("k"), "depth at which the median error is lowest", "steps"),
        "pool_leading_order": (at_pools.leading_order.mean("seed"), "mean over seeds at the pool's layer, long test prompts", "1"),
        "trained_attention_weight": (at_pools.attention_weight, "|W_24| after training", "1"),
    }
    labelled = {name: values.assign_attrs(long_name=about, units=units) for name, (values, about, units) in found.items()}
    about = "mean error |w - w_k|^2 / D of the layer at the population optimum, W_24 fixed"
    predicted = theory.drop_vars("error").assign(theory_error=theory.error.assign_attrs(long_name=about, units="1"))
    return predicted.merge(labelled, compat="override").assign_attrs(
        title="Trained linear attention beside theory", source="training-data paper, figures 2a and 2b"
    )


def _standard_error(values):
    return values.std("seed", ddof=1) / np.sqrt(values.sizes["seed"])
