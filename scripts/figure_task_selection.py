"""Draw which tasks are selected, and errors on the target by what was trained on."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.saving import save_figure
    from cotdepth.figures.task_selection import draw_task_selection

    shown = {role: combine(job.read(role)) for role in ["selected", "target"]}
    job.write_figure(draw_task_selection(**shown, title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["selected", "target"])
