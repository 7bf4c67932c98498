"""Simulate what a layer trained on one cell's random covariances answers."""

from cotdepth.job import run


def main(job):
    from cotdepth.answer_evaluation import measure_answers
    from cotdepth.random_covariances import defined_laws
    from cotdepth.streams import stream

    def draw(purpose, seed):
        return stream(job.spec["experiment_seed"], purpose, cell=job.identity, seed=seed)

    laws = defined_laws(job.spec["covariance"], job.spec["covariances"], dim=job.spec["dim"])
    job.write(measure_answers(laws, stream=draw, **{key: job.spec[key] for key in ("n_context", "n_test", "seeds")}))


if __name__ == "__main__":
    run(main)
