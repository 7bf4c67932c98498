"""Work out what linear attention trained on the law of one cell does in infinitely long prompts of other laws."""

from cotdepth.job import run


def main(job):
    from cotdepth.label_theory import summarise_shift

    job.write(summarise_shift(**{key: job.spec[key] for key in ("train_law", "test_law", "dim")}))


if __name__ == "__main__":
    run(main)
