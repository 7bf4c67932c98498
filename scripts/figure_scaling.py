"""Draw test-time scaling: error against depth and context length, and the exchange between the two."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.saving import save_figure
    from cotdepth.figures.scaling import draw_scaling

    shown = {role: combine(job.read(role)) for role in ["theory"]}
    figure = draw_scaling(**shown, **{key: job.spec[key] for key in ("depth", "title")})
    job.write_figure(figure, save_figure)


if __name__ == "__main__":
    run(main, inputs=["theory"])
