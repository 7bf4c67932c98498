"""Train linear attention with chain of thought: for each supervision, context length and seed of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.chain_training import train_chains
    from cotdepth.checkpoints import Checkpoints
    from cotdepth.definitions import defined_covariance

    shared = {"experiment_seed": job.spec["experiment_seed"]}
    covariance = defined_covariance(job.spec["train_covariance"], job.spec["covariances"], dim=job.spec["dim"], **shared)
    keys = ("supervision", "n_context", "seeds", "steps", "tested_every", "train_depth", "teacher_step", "batch_size", "learning_rate")
    settings = {key: job.spec[key] for key in keys}
    checkpoints = Checkpoints(job.working_folder, job.made_of())
    job.write(train_chains(covariance, cell=job.identity, checkpoints=checkpoints, progress=job.progress, **shared, **settings))


if __name__ == "__main__":
    run(main)
