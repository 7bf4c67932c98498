"""Put every experiment that has a theory beside it: the agreement table."""

from cotdepth.job import run


def main(job):
    from cotdepth.agreement.kinds import compare_all

    job.write(compare_all(job.read("data"), job.spec["kinds"], job.spec["missing"]))


if __name__ == "__main__":
    run(main, inputs=["data"])
