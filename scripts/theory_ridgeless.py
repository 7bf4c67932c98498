"""Evaluate the ridgeless theory on the axes of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.theory.summary import summarise_regimes

    job.write(summarise_regimes(**{key: job.spec[key] for key in ("alpha", "tau", "sigma", "depth")}))


if __name__ == "__main__":
    run(main)
