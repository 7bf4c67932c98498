"""Let the GPT-2 models of one cell think about fresh test prompts of several lengths."""

from cotdepth.job import DEVICES, run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.devices import chosen_device
    from cotdepth.summary import summarise
    from cotdepth.thought_evaluation import evaluate_thinkers, over_seeds

    [trained], device = job.read("train"), chosen_device(job.choice("device"))
    seed_and_dim = {key: job.spec[key] for key in ("experiment_seed", "dim")}
    covariance = defined_covariance(job.spec["test_covariance"], job.spec["covariances"], **seed_and_dim)
    settings = {key: job.spec[key] for key in ("experiment_seed", "n_test", "n_context_test", "depth")}
    errors = evaluate_thinkers(trained, covariance, law=job.spec["test_covariance"], device=device, progress=job.progress, **settings)
    job.write(over_seeds(summarise(errors, job.spec["quantiles"], source="training-data paper, figures 2c and 2d")))


if __name__ == "__main__":
    run(main, inputs=["train"], choices={"device": DEVICES})
