"""Draw all entries of trained value and score matrices."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.learned_matrices import draw_learned_matrices
    from cotdepth.figures.saving import save_figure

    job.write_figure(draw_learned_matrices(combine(job.read("layers")), title=job.spec["title"]), save_figure)


if __name__ == "__main__":
    run(main, inputs=["layers"])
