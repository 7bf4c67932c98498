"""Draw errors of GPT-2 against depth, and whether it overthinks."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.gpt2_depth import draw_gpt2_depth
    from cotdepth.figures.saving import save_figure

    job.write_figure(draw_gpt2_depth(combine(job.read("errors")), title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["errors"])
