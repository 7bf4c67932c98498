"""How far a teacher of chains of thought may step (`cotdepth.fit.supervision`)."""

from cotdepth.covariance import Covariance


def taught_step(supervision: str, teacher_step: float, covariance: Covariance) -> float | None:
    """The step size for a supervision, None without a teacher.

    Raises
    ------
    ValueError
        If the teacher's descent would diverge even in infinitely long prompts: not below ``2 / lambda_max`` of the features.
    """
    if supervision != "teacher":
        return None
    largest = 2 / float(covariance.spectrum.max())
    if not teacher_step < largest:
        raise ValueError(f"teacher_step = {teacher_step!r}: must be below 2 / lambda_max = {largest:.4g} of the training covariance")
    return teacher_step
