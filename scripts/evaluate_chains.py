"""Roll the layers of one cell, as they were during training with chain of thought, out on fresh test prompts."""

from cotdepth.job import run


def main(job):
    from cotdepth.chain_evaluation import evaluate_chains, shortest_prompts
    from cotdepth.definitions import defined_covariance
    from cotdepth.summary import summarise

    [layers] = job.read("train")
    seed_and_dim = {key: job.spec[key] for key in ("experiment_seed", "dim")}
    covariance = defined_covariance(job.spec["test_covariance"], job.spec["covariances"], **seed_and_dim)
    settings = {key: job.spec[key] for key in ("experiment_seed", "n_test", "depth")}
    errors = evaluate_chains(layers, covariance, law=job.spec["test_covariance"], progress=job.progress, **settings)
    summary = summarise(errors, job.spec["quantiles"], source="training-data paper, figure 4")
    job.write(shortest_prompts(summary, job.spec["target"]))


if __name__ == "__main__":
    run(main, inputs=["train"])
