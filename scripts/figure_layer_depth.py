"""Draw errors of trained linear attention against depth, beside theory and baselines, for short and long test prompts."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.layer_depth import draw_layer_depth
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["compare", "baselines"]}
    figure = draw_layer_depth(**shown, **{key: job.spec[key] for key in ("title",)})
    job.write_figure(figure, save_figure)


if __name__ == "__main__":
    run(main, inputs=["compare", "baselines"])
