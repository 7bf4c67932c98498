"""Draw errors for any covariances, simulation beside the general formula."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.family_curves import draw_family_curves
    from cotdepth.figures.saving import save_figure

    job.write_figure(draw_family_curves(combine(job.read("compare")), title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["compare"])
