"""Roll the reduced model of one cell out on fresh test prompts and record the error at every depth."""

from cotdepth.job import run


def main(job):
    from cotdepth.evaluation import evaluate_reduced, summarise

    [recipe], [trained] = job.read("data"), job.read("train")
    errors = [
        evaluate_reduced(trained.matrix.sel(seed=seed).values, recipe, seed=seed, n_test=job.spec["n_test"], depth=job.spec["depth"])
        for seed in job.progress(recipe.seed.values, "pools")
    ]
    job.write(summarise(errors, job.spec["quantiles"], recipe))


if __name__ == "__main__":
    run(main, inputs=["data", "train"])
