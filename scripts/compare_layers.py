"""Put the errors of one cell's trained layers beside theory."""

from cotdepth.job import run


def main(job):
    from cotdepth.attention_comparison import compare_layers

    [experiment], [theory], [at_pools] = (job.read(name) for name in ("evaluate", "theory", "pool_theory"))
    job.write(compare_layers(experiment, theory, at_pools))


if __name__ == "__main__":
    run(main, inputs=["evaluate", "theory", "pool_theory"])
