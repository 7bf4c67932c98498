"""Errors of the layers and of references on test prompts under one cell's distribution shifts."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_covariance
    from cotdepth.shift_evaluation import measure_shift
    from cotdepth.shift_tasks import shift_tasks
    from cotdepth.streams import stream

    [layers] = job.read("train")
    shared = {key: job.spec[key] for key in ("dim", "experiment_seed")}
    test, asked = (defined_covariance(job.spec[f"{key}_covariance"], job.spec["covariances"], **shared) for key in ("test", "query"))
    keys = ("labels", "covariate_scale", "n_context_test", "n_test", "label_noise", "ridge", "quantiles")

    def draw(purpose, seed):
        return stream(job.spec["experiment_seed"], purpose, cell=job.identity, seed=seed)

    job.write(measure_shift(layers, shift_tasks(layers.sizes["seed"], **shared), test, asked, stream=draw,
                            **{key: job.spec[key] for key in keys}))


if __name__ == "__main__":
    run(main, inputs=["train"])
