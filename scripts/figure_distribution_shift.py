"""Draw errors of the trained layer under distribution shifts, simulation beside theory."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.distribution_shift import draw_distribution_shift
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["theory", "measured", "answers", "simulated"]}
    job.write_figure(draw_distribution_shift(**shown, title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["theory", "measured", "answers", "simulated"])
