"""Draw one cell's sets of tasks to select from."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_spectrum
    from cotdepth.selection_tasks import task_recipe

    def spectrum(name):
        return defined_spectrum(job.spec["covariances"][name], job.spec["dim"])

    types = {name: spectrum(name) for name in job.spec["task_types"]}
    sizes = {key: job.spec[key] for key in ("experiment_seed", "seeds", "per_type", "reading")}
    job.write(task_recipe(types, spectrum(job.spec["target_covariance"]), cell=job.identity, **sizes))


if __name__ == "__main__":
    run(main)
