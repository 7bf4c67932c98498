"""Roll the fully trained layers of one cell out on fresh test prompts of the length that they were trained on."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.full_evaluation import evaluate_full, over_seeds
    from cotdepth.summary import summarise

    [layers] = job.read("train")
    seed_and_dim = {key: job.spec[key] for key in ("experiment_seed", "dim")}
    covariance = defined_covariance(job.spec["test_covariance"], job.spec["covariances"], **seed_and_dim)
    settings = {key: job.spec[key] for key in ("experiment_seed", "n_test", "test_noise", "mask", "marker", "depth")}
    errors = evaluate_full(layers, covariance, progress=job.progress, **settings)
    job.write(over_seeds(summarise(errors, job.spec["quantiles"], source="asymptotic paper, figure 2"), layers))


if __name__ == "__main__":
    run(main, inputs=["train"])
