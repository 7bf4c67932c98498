"""Judge the claims of the training-data paper."""

from cotdepth.job import run


def main(job):
    from cotdepth.claims.judging import judge_paper
    from cotdepth.claims.training_data.ledger import CLAIMS, STATEMENTS

    judged = judge_paper("training-data", CLAIMS, STATEMENTS, job.read("data"), reads=job.spec["reads"], missing=job.spec["missing"])
    job.write(judged)


if __name__ == "__main__":
    run(main, inputs=["data"])
