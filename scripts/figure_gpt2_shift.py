"""Draw errors of GPT-2 on labels against the length of test prompts of several laws, beside baselines and theory."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.gpt2_shift import draw_gpt2_shift
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["errors", "theory"]}
    job.write_figure(draw_gpt2_shift(**shown, title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["errors", "theory"])
