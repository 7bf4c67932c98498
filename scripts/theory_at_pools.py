"""Work out the exact theory at the least-squares layer of each prompt pool of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.pool_theory import theory_at_pools

    [pools], [trained] = job.read("data"), job.read("train")
    seed_and_dim = {key: job.spec[key] for key in ("experiment_seed", "dim")}
    test = defined_covariance(job.spec["test_covariance"], job.spec["covariances"], **seed_and_dim)
    job.write(theory_at_pools(pools, trained, test, n_context_test=job.spec["n_context_test"], depth=job.spec["depth"]))


if __name__ == "__main__":
    run(main, inputs=["data", "train"])
