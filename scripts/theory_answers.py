"""Work out what a layer trained on one cell's random covariances answers."""

from cotdepth.job import run


def main(job):
    from cotdepth.random_covariances import defined_laws
    from cotdepth.theory.flow_answers import summarise_answers

    laws = defined_laws(job.spec["covariance"], job.spec["covariances"], dim=job.spec["dim"])
    job.write(summarise_answers(laws, n_context=job.spec["n_context"]))


if __name__ == "__main__":
    run(main)
