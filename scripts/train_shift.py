"""Train layers on samples of prompts by gradient descent, beside the layer at the flow's limit."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.flow_problems import starting_directions
    from cotdepth.shift_training import layers_from_samples
    from cotdepth.theory.flow_summary import fixed_problem

    shared = {key: job.spec[key] for key in ("dim", "experiment_seed")}
    covariance = defined_covariance(job.spec["train_covariance"], job.spec["covariances"], **shared)
    settings = {key: job.spec[key] for key in ("experiment_seed", "n_context", "n_tasks", "start_scale", "descent_step", "steps")}
    problem, directions = fixed_problem(covariance, job.spec["n_context"]), starting_directions(job.spec["seeds"], **shared)
    job.write(layers_from_samples(problem, covariance, directions, cell=job.identity,
                                  progress=lambda seeds: job.progress(seeds, "seeds"), **settings))


if __name__ == "__main__":
    run(main)
