"""Collect the verdicts on all papers in one ledger."""

from cotdepth.job import run


def main(job):
    from cotdepth.claims.judging import collect

    job.write(collect(job.read("data")))


if __name__ == "__main__":
    run(main, inputs=["data"])
