"""Draw the error map over data regimes with the phase boundary, and trajectories in each regime."""

from cotdepth.job import run


def main(job):
    from cotdepth.combine import combine
    from cotdepth.figures.phase_diagram import draw_phase_diagram
    from cotdepth.figures.saving import save_figure

    shown = {role: combine(job.read(role)) for role in ["map", "trajectories"]}
    figure = draw_phase_diagram(**shown, **{key: job.spec[key] for key in ("depth", "title", "panels")})
    job.write_figure(figure, save_figure)


if __name__ == "__main__":
    run(main, inputs=["map", "trajectories"])
