"""Roll the reduced model of one cell out on fresh test prompts and record the error at every depth."""

from cotdepth.job import run


def main(job):
    from cotdepth.evaluation import evaluate_reduced, label_errors, prompt_streams
    from cotdepth.summary import summarise

    [recipe], [trained] = job.read("data"), job.read("train")
    sizes = {"n_context": int(recipe.n_context), "depth": job.spec["depth"]}
    errors = [
        evaluate_reduced(trained.matrix.sel(seed=seed).values, rngs=prompt_streams(recipe, seed, job.spec["n_test"]), **sizes)
        for seed in job.progress(recipe.seed.values, "pools")
    ]
    job.write(summarise(label_errors(errors, recipe), job.spec["quantiles"], source="asymptotic paper, figure 4"))


if __name__ == "__main__":
    run(main, inputs=["data", "train"])
