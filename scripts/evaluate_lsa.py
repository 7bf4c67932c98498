"""Roll the trained layers of one cell out on fresh test prompts of several lengths."""

from cotdepth.job import run


def main(job):
    import numpy as np

    from cotdepth.attention_evaluation import evaluate_layers
    from cotdepth.definitions import defined_covariance
    from cotdepth.fresh_prompts import draw_test_prompts, label_test_errors
    from cotdepth.summary import summarise

    [layers] = job.read("train")
    seed_and_dim = {key: job.spec[key] for key in ("experiment_seed", "dim")}
    covariance = defined_covariance(job.spec["test_covariance"], job.spec["covariances"], **seed_and_dim)

    def errors(seed, length):
        name = {"experiment_seed": job.spec["experiment_seed"], "cell": layers.attrs["stream"], "seed": seed}
        prompts = draw_test_prompts(covariance, length, job.spec["n_test"], noise=job.spec["test_noise"], **name)
        return evaluate_layers(layers.sel(seed=seed), prompts, job.spec["depth"])

    lengths = job.spec["n_context_test"]
    found = np.array([[errors(seed, length) for length in lengths] for seed in job.progress(layers.seed.values, "seeds")])
    labelled = label_test_errors(np.moveaxis(found, 2, 0), {"trained": layers.trained, "seed": layers.seed}, lengths)
    job.write(summarise(labelled, job.spec["quantiles"], source="training-data paper, figures 2a and 2b"))


if __name__ == "__main__":
    run(main, inputs=["train"])
