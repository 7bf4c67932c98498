"""Integrate gradient flow in all entries from random matrices, for one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_spectrum
    from cotdepth.flow_random_starts import flow_from_random_starts

    covariance = defined_spectrum(job.spec["covariances"][job.spec["covariance"]], job.spec["dim"])
    settings = {key: job.spec[key] for key in ("seeds", "experiment_seed", "duration", "records")}
    job.write(flow_from_random_starts(covariance, job.spec["n_context"], job.spec["start_deviation"], cell=job.identity,
                                      progress=lambda seeds: job.progress(seeds, "starts"), **settings))


if __name__ == "__main__":
    run(main)
