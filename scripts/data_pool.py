"""Write the recipe of one cell's task pools."""

from cotdepth.job import run


def main(job):
    from cotdepth.pools import pool_recipe

    parameters = {key: job.spec[key] for key in ("experiment_seed", "seeds", "dim", "alpha", "tau", "sigma")}
    job.write(pool_recipe(cell=job.identity, **parameters))


if __name__ == "__main__":
    run(main)
