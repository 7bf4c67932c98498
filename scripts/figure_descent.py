"""Draw the distance to the optimum against steps of gradient descent, for two step sizes."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.descent import draw_descent
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["theory"]}
    figure = draw_descent(**shown, **{key: job.spec[key] for key in ("title",)})
    job.write_figure(figure, save_figure)


if __name__ == "__main__":
    run(main, inputs=["theory"])
