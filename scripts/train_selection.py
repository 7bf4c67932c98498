"""Choose how often to train on each task of one cell's sets."""

from cotdepth.job import run


def main(job):
    from cotdepth.selection_results import label_selections, select
    from cotdepth.selection_tasks import read_target, read_tasks
    from cotdepth.streams import stream

    [recipe] = job.read("data")
    name = {"experiment_seed": job.spec["experiment_seed"], "cell": recipe.attrs["stream"]}
    solved = [
        select(read_tasks(recipe, seed), read_target(recipe), job.spec["objective"], rng=stream(purpose="starts", seed=seed, **name))
        for seed in job.progress(recipe.seed.values, "sets of tasks")
    ]
    job.write(label_selections(solved, recipe))


if __name__ == "__main__":
    run(main, inputs=["data"])
