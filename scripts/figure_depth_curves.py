"""Draw errors against depth, experiment and theory, and the gap between them against dimension."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.depth_curves import draw_depth_curves
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["compare"]}
    figure = draw_depth_curves(**shown, **{key: job.spec[key] for key in ("depth", "title", "panels")})
    job.write_figure(figure, save_figure)


if __name__ == "__main__":
    run(main, inputs=["compare"])
