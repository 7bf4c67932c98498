"""Ask the GPT-2 models of one cell for labels in fresh prompts of several laws and lengths, beside least squares and the answer 0."""

from cotdepth.job import DEVICES, run


def main(job):
    from cotdepth.devices import chosen_device
    from cotdepth.label_evaluation import evaluate_predictors

    [trained], device = job.read("train"), chosen_device(job.choice("device"))
    settings = {key: job.spec[key] for key in ("experiment_seed", "dim", "test_law", "test_noise", "n_test", "n_context_test")}
    job.write(evaluate_predictors(trained, device=device, progress=job.progress, **settings))


if __name__ == "__main__":
    run(main, inputs=["train"], choices={"device": DEVICES})
