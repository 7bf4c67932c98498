"""Training by autograd in a job of the workflow: checkpoints, what was seen on the way, and what it cost, in the log."""

from collections.abc import Callable

from cotdepth.checkpoints import Checkpoints
from cotdepth.devices import peak_memory
from cotdepth.fit.training import Training


def _nothing(training):
    return {}


def train_in_job(training: Training, steps: int, *, every: int, checkpoints: Checkpoints, name: str, progress: Callable,
                 look: Callable = _nothing) -> list[dict]:
    """Train to the end, from where the last checkpoint is.

    Parameters
    ----------
    training : cotdepth.fit.training.Training
    steps : int
    every : int
        Steps between checkpoints; it divides `steps`, but for a shorter last part.
    checkpoints : Checkpoints
        A state that training diverged from stays; one with a parameter that is not finite is never saved.
    name : str
        Of the checkpoint.
    progress : callable
        ``progress(parts, name)`` wraps the iterable of the parts that are to be trained.
    look : callable
        ``look(training)`` is a dict of tensors: what to keep from before the first step and from every checkpoint.

    Returns
    -------
    list of dict
        What `look` saw.

    Raises
    ------
    FloatingPointError
        If a loss or a parameter is infinite or no number.
    """
    seen = _resumed(training, checkpoints, name) or [look(training)]
    done = len(training.losses)
    for part in progress([min(every, steps - start) for start in range(done, steps, every)], name):
        training.run(part)
        training.require_finite()
        seen.append(look(training))
        checkpoints.save(name, {"training": training.state_dict(), "seen": seen})
    if done < steps:
        first, last = training.losses[[done, -1]]
        print(f"{name}: {training.steps_per_second:.3g} steps/s, loss {first:.3g} -> {last:.3g}, {peak_memory()}")
    return seen


def _resumed(training, checkpoints, name):
    """What was seen before the last checkpoint, which the training takes up; None without one."""
    state = checkpoints.load(name)
    if state is None:
        return None
    training.load_state_dict(state["training"])
    print(f"{name}: resumed after {len(training.losses)} steps")
    return state["seen"]
