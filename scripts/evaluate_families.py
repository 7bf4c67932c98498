"""Roll the reduced model of one cell out on fresh tasks and on its training tasks, in new prompts."""

from cotdepth.job import run


def main(job):
    import numpy as np

    from cotdepth.families import TESTED_ON, deployment
    from cotdepth.family_evaluation import evaluate_tasks, label_errors, prompt_streams, tasks_to_test
    from cotdepth.family_pools import read_pool
    from cotdepth.summary import summarise

    [recipe], [trained] = job.read("data"), job.read("train")
    used = deployment(job.spec)

    def errors(seed):
        streams = {name: prompt_streams(recipe, seed, job.spec["n_test"], name) for name in TESTED_ON}
        tasks = tasks_to_test(read_pool(recipe, seed).weights, streams)
        matrix = trained.matrix.sel(seed=seed).values
        return [evaluate_tasks(matrix, tasks[name], used, streams[name]) for name in TESTED_ON]

    found = np.array([errors(seed) for seed in job.progress(recipe.seed.values, "pools")])
    source = "general formula, derived for this project; the isotropic case is in the asymptotic paper, section 4"
    job.write(summarise(label_errors(found, recipe), job.spec["quantiles"], source=source))


if __name__ == "__main__":
    run(main, inputs=["data", "train"])
