"""Integrate gradient flow from the paper's starts, for one cell."""

from cotdepth.job import run


def main(job):
    from cotdepth.flow_problems import defined_problem, starting_directions
    from cotdepth.theory.flow_summary import summarise_flow

    directions = starting_directions(job.spec["seeds"], job.spec["dim"], experiment_seed=job.spec["experiment_seed"])
    settings = {key: job.spec[key] for key in ("start_scale", "duration", "records")}
    job.write(summarise_flow(defined_problem(job.spec), directions, **settings))


if __name__ == "__main__":
    run(main)
