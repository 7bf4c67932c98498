"""Train the linear self-attention layers of one cell, one for each prompt pool, with Adam."""

from cotdepth.job import run


def main(job):
    from cotdepth.fit.adam import fit_adam
    from cotdepth.fit.layers import label_layers
    from cotdepth.prompt_pools import read_prompts
    from cotdepth.streams import stream

    [pools] = job.read("data")
    name = {"experiment_seed": job.spec["experiment_seed"], "cell": pools.attrs["stream"]}
    rngs = [stream(purpose="training batches", seed=seed, **name) for seed in pools.seed.values]
    settings = {key: job.spec[key] for key in ("trained", "batch_size", "epochs", "learning_rate")}
    prompts = [read_prompts(pools, seed) for seed in pools.seed.values]
    job.write(label_layers(fit_adam(prompts, rngs=rngs, progress=job.progress, **settings), pools))


if __name__ == "__main__":
    run(main, inputs=["data"])
