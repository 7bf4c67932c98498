"""Work out the errors of the layer at the flow's limit under one cell's distribution shifts."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.shift_tasks import shift_tasks
    from cotdepth.theory.flow_shift import summarise_shift
    from cotdepth.theory.population import preconditioner

    shared = {key: job.spec[key] for key in ("dim", "experiment_seed")}
    names = [job.spec[f"{key}_covariance"] for key in ("train", "test", "query")]
    train, test, asked = (defined_covariance(name, job.spec["covariances"], **shared) for name in names)
    tasks = shift_tasks(job.spec["seeds"], **shared)
    settings = {key: job.spec[key] for key in ("labels", "covariate_scale", "n_context_test", "label_noise")}
    job.write(summarise_shift(preconditioner(train, job.spec["n_context"]), tasks, test, asked, **settings))


if __name__ == "__main__":
    run(main)
