"""Train the linear self-attention layers of one cell with Adam: for each prompt pool, one for each choice of what is trained."""

from cotdepth.job import run


def main(job):
    from cotdepth.fit.adam import fit_adam
    from cotdepth.fit.layers import label_layers
    from cotdepth.prompt_pools import read_prompts
    from cotdepth.streams import stream

    [pools] = job.read("data")
    name = {"experiment_seed": job.spec["experiment_seed"], "cell": pools.attrs["stream"]}
    settings = {key: job.spec[key] for key in ("batch_size", "epochs", "learning_rate")}
    prompts = [read_prompts(pools, seed) for seed in pools.seed.values]

    def fit(trained):
        rngs = [stream(purpose="training batches", seed=seed, **name) for seed in pools.seed.values]
        return fit_adam(prompts, trained=trained, rngs=rngs, progress=job.progress, **settings)

    job.write(label_layers({trained: fit(trained) for trained in job.spec["trained"]}, pools))


if __name__ == "__main__":
    run(main, inputs=["data"])
