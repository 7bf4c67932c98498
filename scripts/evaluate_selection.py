"""Errors on the target of one cell after training on the selected tasks, on all alike and on each type alone."""

from cotdepth.job import run


def main(job):
    import numpy as np

    from cotdepth.selection_errors import label_target_errors, training_mixtures
    from cotdepth.selection_tasks import read_target, read_tasks
    from cotdepth.theory.target_errors import target_errors

    [recipe], [selected] = job.read("data"), job.read("train")
    settings = {key: job.spec[key] for key in ("n_context", "mixture", "depth")}
    errors = []
    for seed in job.progress(recipe.seed.values, "sets of tasks"):
        mixtures = training_mixtures(selected.probability.sel(seed=seed).values, recipe.task_type.values)
        errors.append(target_errors(read_tasks(recipe, seed), list(mixtures.values()), read_target(recipe), **settings).values)
    sizes = {"n_context": job.spec["n_context"], "dim": read_target(recipe).dim}
    job.write(label_target_errors(np.array(errors), selected, job.spec["mixture"], list(mixtures), **sizes))


if __name__ == "__main__":
    run(main, inputs=["data", "train"])
