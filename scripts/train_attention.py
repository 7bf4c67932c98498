"""Train all matrices of attention: for each kind of guess, context length and seed of one cell."""

from cotdepth.job import DEVICES, run


def main(job):
    from cotdepth.checkpoints import Checkpoints
    from cotdepth.devices import chosen_device, device_name
    from cotdepth.full_structure import structure
    from cotdepth.full_training import train_full

    [pools], device = job.read("data"), chosen_device(job.choice("device"))
    keys = ("experiment_seed", "guess", "steps", "parameterisation", "batch_size", "learning_rate", "l2")
    settings = {key: job.spec[key] for key in keys}
    checkpoints = Checkpoints(job.working_folder, job.made_of() | {"device": device_name(device)})
    job.write(structure(train_full(pools, device=device, checkpoints=checkpoints, progress=job.progress, **settings)))


if __name__ == "__main__":
    run(main, inputs=["data"], choices={"device": DEVICES})
