"""Evaluate the general formula at the regime and the dimension of one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.family_theory import predicted_errors

    job.write(predicted_errors(job.spec))


if __name__ == "__main__":
    run(main)
