"""Work out what the theory says of the trained layer of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.theory.layer import summarise_layer

    shared = {key: job.spec[key] for key in ("dim", "experiment_seed")}
    train, test = (defined_covariance(job.spec[key], job.spec["covariances"], **shared) for key in ("train_covariance", "test_covariance"))
    job.write(summarise_layer(train, test, **{key: job.spec[key] for key in ("n_context", "n_context_test", "depth")}))


if __name__ == "__main__":
    run(main)
