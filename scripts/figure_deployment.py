"""Draw label noise and damping at test time, simulation beside theory."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.deployment import draw_deployment
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["compare", "map"]}
    job.write_figure(draw_deployment(**shown, title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["compare", "map"])
