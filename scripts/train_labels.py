"""Train GPT-2 to predict labels, for each seed of one cell."""

from cotdepth.job import DEVICES, run


def main(job):
    from cotdepth.checkpoints import Checkpoints
    from cotdepth.devices import chosen_device, device_name
    from cotdepth.gpt2_training import model_sizes
    from cotdepth.label_training import train_predictors

    device = chosen_device(job.choice("device"))
    keys = ("experiment_seed", "dim", "train_law", "n_context", "seeds", "steps", "batch_size", "learning_rate")
    settings = {key: job.spec[key] for key in keys} | {"sizes": model_sizes(job.spec), "device": device, "cell": job.identity}
    checkpoints = Checkpoints(job.working_folder, job.made_of() | {"device": device_name(device)})
    job.write(train_predictors(checkpoints=checkpoints, progress=job.progress, **settings))


if __name__ == "__main__":
    run(main, choices={"device": DEVICES})
