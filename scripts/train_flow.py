"""Train all entries of one cell's layer on the population loss, by gradient descent at several step sizes and by Adam."""

from cotdepth.job import run


def main(job):
    from cotdepth.flow_problems import defined_problem, starting_directions
    from cotdepth.flow_training import defined_loss, train_from

    directions = starting_directions(job.spec["seeds"], job.spec["dim"], experiment_seed=job.spec["experiment_seed"])
    problem = defined_problem(job.spec)
    keys = ("start_scale", "duration", "records", "descent_step", "halvings", "learning_rate", "steps")
    job.write(train_from(problem, defined_loss(job.spec, problem), directions, **{key: job.spec[key] for key in keys}))


if __name__ == "__main__":
    run(main)
