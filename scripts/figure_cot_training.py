"""Draw test errors of linear attention during training with chain of thought."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.cot_training import draw_cot_training
    from cotdepth.figures.saving import save_figure

    job.write_figure(draw_cot_training(combine(job.read("errors")), title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["errors"])
