"""Work out test-time scaling on the training task of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_spectrum
    from cotdepth.theory.scaling import summarise_scaling

    covariance = defined_spectrum(job.spec["covariances"][job.spec["covariance"]], job.spec["dim"])
    job.write(summarise_scaling(covariance, **{key: job.spec[key] for key in ("n_context", "target", "depth")}))


if __name__ == "__main__":
    run(main)
