"""Draw gradient flow beside gradient descent and Adam, and where random starts end."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.gradient_flow import draw_gradient_flow
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["theory", "descent", "starts"]}
    job.write_figure(draw_gradient_flow(**shown, title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["theory", "descent", "starts"])
