"""Work out what the theory says of the fully trained linear attention of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.theory.trained_attention import summarise_training

    keys = ("dim", "n_tasks", "n_context", "guess", "l2", "parameterisation", "depth")
    job.write(summarise_training(**{key: job.spec[key] for key in keys}))


if __name__ == "__main__":
    run(main)
