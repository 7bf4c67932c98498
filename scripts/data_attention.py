"""Draw one cell's pools of training prompts for fully trained attention."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.full_pools import full_pools

    shared = {"experiment_seed": job.spec["experiment_seed"]}
    covariance = defined_covariance(job.spec["train_covariance"], job.spec["covariances"], dim=job.spec["dim"], **shared)
    sizes = {key: job.spec[key] for key in ("model", "n_context", "n_tasks", "label_noise", "seeds")}
    job.write(full_pools(covariance, cell=job.identity, progress=job.progress, **shared, **sizes))


if __name__ == "__main__":
    run(main)
