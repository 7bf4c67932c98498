"""When does more thinking at test time help, and when does it hurt? Chain-of-thought depth in an exactly solvable model."""


def open_results(experiment: str, stage: str, root: str = "results"):
    """All cells of one stage of an experiment as one labelled dataset: see `cotdepth.results.open_results`."""
    from cotdepth.results import open_results

    return open_results(experiment, stage, root)
