"""Train GPT-2 to think, for each seed of one cell."""

from cotdepth.job import DEVICES, run


def main(job):
    from cotdepth.checkpoints import Checkpoints
    from cotdepth.definitions import defined_covariance
    from cotdepth.devices import chosen_device, device_name
    from cotdepth.gpt2_training import model_sizes
    from cotdepth.thought_training import train_thinkers

    shared, device = {"experiment_seed": job.spec["experiment_seed"]}, chosen_device(job.choice("device"))
    covariance = defined_covariance(job.spec["train_covariance"], job.spec["covariances"], dim=job.spec["dim"], **shared)
    keys = ("n_context_from", "n_context", "tokens", "supervision", "train_depth", "teacher_step", "seeds", "steps", "batch_size",
            "learning_rate")
    settings = {key: job.spec[key] for key in keys} | {"sizes": model_sizes(job.spec), "device": device, "cell": job.identity}
    checkpoints = Checkpoints(job.working_folder, job.made_of() | {"device": device_name(device)})
    job.write(train_thinkers(covariance, checkpoints=checkpoints, progress=job.progress, **shared, **settings))


if __name__ == "__main__":
    run(main, choices={"device": DEVICES})
