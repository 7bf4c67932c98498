"""Fit the reduced model to each task pool of several families by ridge regression."""

from cotdepth.job import run


def main(job):
    from cotdepth.family_pools import read_pool
    from cotdepth.fit.ridge import fit_ridge, label_matrices

    [recipe] = job.read("data")
    matrices = [fit_ridge(read_pool(recipe, seed), job.spec["ridge"]) for seed in job.progress(recipe.seed.values, "pools")]
    job.write(label_matrices(matrices, job.spec["ridge"], recipe))


if __name__ == "__main__":
    run(main, inputs=["data"])
