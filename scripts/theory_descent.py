"""Gradient descent on the population loss of one cell, with the step size as printed and as proved."""

from cotdepth.job import run


def main(job):
    from cotdepth.definitions import defined_spectrum
    from cotdepth.theory.descent import compare_step_sizes

    covariance = defined_spectrum(job.spec["covariances"][job.spec["covariance"]], job.spec["dim"])
    job.write(compare_step_sizes(covariance, job.spec["n_context"], steps=job.spec["steps"]))


if __name__ == "__main__":
    run(main)
