"""Draw errors of fully trained attention over tasks and examples, and against depth beside theory."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.attention_phase import draw_attention_phase
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["measured", "theory"]}
    options = {key: job.spec[key] for key in ("depth", "panels", "title")}
    job.write_figure(draw_attention_phase(**shown, **options), save_figure)


if __name__ == "__main__":
    run(main, inputs=["measured", "theory"])
