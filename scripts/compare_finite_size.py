"""Put the experiment's errors at several dimensions beside the theory of infinite dimension."""

from cotdepth.job import run


def main(job):
    from cotdepth.comparison import compare_finite_size
    from cotdepth.results import combine

    [theory] = job.read("theory")
    job.write(compare_finite_size(combine(job.read("evaluate")), theory.error))


if __name__ == "__main__":
    run(main, inputs=["evaluate", "theory"])
