"""Put the experiment's errors at several dimensions beside the theory."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.comparison import compare_finite_size

    evaluated, theory = (combine(job.read(stage)).sel(job.axes) for stage in ("evaluate", "theory"))
    job.write(compare_finite_size(evaluated, theory.error, theory.attrs["source"]))


if __name__ == "__main__":
    run(main, inputs=["evaluate", "theory"])
