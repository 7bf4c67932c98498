"""Draw one cell's pools of training prompts."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.prompt_pools import prompt_pools

    shared = {"experiment_seed": job.spec["experiment_seed"]}
    covariance = defined_covariance(job.spec["train_covariance"], job.spec["covariances"], dim=job.spec["dim"], **shared)
    sizes = {key: job.spec[key] for key in ("seeds", "n_context", "n_tasks", "label_noise")}
    job.write(prompt_pools(covariance, cell=job.identity, **shared, **sizes))


if __name__ == "__main__":
    run(main)
