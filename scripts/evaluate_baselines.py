"""Errors of the baselines on fresh test prompts of several lengths."""

from cotdepth.job import run


def main(job):
    import numpy as np

    from cotdepth.baseline_evaluation import BASELINES, evaluate_baselines
    from cotdepth.definitions import defined_covariance
    from cotdepth.fresh_prompts import draw_test_prompts, label_test_errors
    from cotdepth.summary import summarise

    seed_and_dim = {key: job.spec[key] for key in ("experiment_seed", "dim")}
    covariance = defined_covariance(job.spec["test_covariance"], job.spec["covariances"], **seed_and_dim)

    def errors(seed, length):
        name = {"experiment_seed": job.spec["experiment_seed"], "cell": job.identity, "seed": seed}
        prompts = draw_test_prompts(covariance, length, job.spec["n_test"], noise=job.spec["test_noise"], **name)
        return evaluate_baselines(prompts, job.spec["depth"], covariance=covariance, ridge=job.spec["ridge"])

    lengths, seeds = job.spec["n_context_test"], np.arange(job.spec["seeds"])
    found = np.array([[errors(seed, length) for length in lengths] for seed in job.progress(seeds, "seeds")])
    leading = {
        "model": ("model", list(BASELINES), {"long_name": "baseline", "units": "1"}),
        "seed": ("seed", seeds, {"long_name": "set of test prompts", "units": "1"}),
    }
    labelled = label_test_errors(np.moveaxis(found, 2, 0), leading, lengths)   # (model, seed, n_context_test, k, prompt)
    job.write(summarise(labelled, job.spec["quantiles"], source="training-data paper, remark 3.3"))


if __name__ == "__main__":
    run(main)
