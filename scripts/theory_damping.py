"""Evaluate where damped steps overthink, on the axes of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.theory.damping import summarise_damping

    job.write(summarise_damping(**{key: job.spec[key] for key in ("alpha", "sigma", "tau", "step_size")}))


if __name__ == "__main__":
    run(main)
