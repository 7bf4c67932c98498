"""Write the recipe of one cell's task pools of several families."""

from cotdepth.job import run


def main(job):
    from cotdepth.families import training_families
    from cotdepth.family_pools import family_recipe

    names = {"experiment_seed": job.spec["experiment_seed"], "cell": job.identity, "seeds": job.spec["seeds"]}
    job.write(family_recipe(training_families(job.spec), **names))


if __name__ == "__main__":
    run(main)
