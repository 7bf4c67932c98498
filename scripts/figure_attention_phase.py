"""Draw errors of fully trained attention over tasks and examples, and against depth beside theory."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.attention_phase import draw_attention_phase
    from cotdepth.figures.saving import save_figure

    measured, theory = combine(job.read("measured")), job.read("theory")
    options = {key: job.spec[key] for key in ("depth", "panels", "title")}
    job.write_figure(draw_attention_phase(measured, combine(theory) if theory else None, **options), save_figure)


if __name__ == "__main__":
    run(main, inputs=["measured", "theory"])
