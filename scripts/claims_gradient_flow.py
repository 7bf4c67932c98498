"""Judge the claims of the gradient-flow paper."""

from cotdepth.job import run


def main(job):
    from cotdepth.claims.gradient_flow.ledger import CLAIMS, STATEMENTS
    from cotdepth.claims.judging import judge_paper

    judged = judge_paper("gradient-flow", CLAIMS, STATEMENTS, job.read("data"), reads=job.spec["reads"], missing=job.spec["missing"])
    job.write(judged)


if __name__ == "__main__":
    run(main, inputs=["data"])
