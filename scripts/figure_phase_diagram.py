"""Draw the error map over data regimes with the phase boundary, and trajectories in each regime."""

from cotdepth.job import run


def main(job):
    from cotdepth.figures.phase_diagram import draw_phase_diagram
    from cotdepth.results import combine

    shown = {role: combine(job.read(role)) for role in ["map", "trajectories"]}
    job.write_figure(draw_phase_diagram(**shown, **{key: job.spec[key] for key in ("depth", "title", "panels")}))


if __name__ == "__main__":
    run(main, inputs=["map", "trajectories"])
