"""What the theory says of one regime, as text: the command ``cotdepth predict``."""

import numpy as np
import xarray as xr
from tabulate import tabulate

from cotdepth.design import smallest_task_ratio
from cotdepth.theory import asymptotic
from cotdepth.theory.arguments import labelled
from cotdepth.theory.best_depth import best_point

MEANING = {
    "exponential": "the error decays to 0 exponentially",
    "slow": "the error decays to 0 as a power of the depth",
    "polynomial": "growth and decay balance: a power of the depth",
    "saturation": "the error settles on a floor",
    "overthinking": "the error grows exponentially in the end",
}


def predict(alpha, tau, sigma, *, ridge, step_size, test_noise, depth: int, target: float | None) -> tuple[str, xr.DataArray]:
    """A report on one regime, and its error curve.

    Arguments and errors raised as in `cotdepth.theory.asymptotic.error_curve`; `target` is an error per dimension to reach, or None.
    """
    regime = dict(alpha=alpha, tau=tau, sigma=sigma)
    penalty = dict(step_size=step_size, ridge=ridge)
    curve = asymptotic.error_curve(**regime, **penalty, test_noise=test_noise, depth=depth)
    best = best_point(curve)
    lines = _in_the_end(regime, penalty)
    if test_noise:
        lines.append(("test noise", "adds an error that does not decay: the lines above are without it, those below with it"))
    falling = " (still falling)" if best.k == depth else ""
    lines.append(("best depth", f"{best.k.item()} of {depth}{falling}, error {best.item():.6g}"))
    if target is not None:
        lines += _reaching(curve, target, regime, penalty, test_noise)
    return f"{_aligned(lines)}\n\n{_table(curve)}", curve


def _in_the_end(regime, penalty):
    rate = asymptotic.growth_rate(**regime, **penalty).item()
    phase = asymptotic.phase(**regime, **penalty).item()
    lines = [
        ("phase", f"{phase}: {MEANING[phase]}"),
        ("boundary", _boundary(regime, penalty)),
        ("growth rate", f"{rate:.6g} a step, of the log of the error"),
    ]
    if penalty["ridge"] == 0 and phase == "saturation":
        floor = asymptotic.error_floor(**regime, step_size=penalty["step_size"]).item()
        lines.append(("error floor", f"{floor:.6g}"))
    return lines


def _boundary(regime, penalty):
    data = dict(alpha=regime["alpha"], sigma=regime["sigma"])
    critical, tau = asymptotic.critical_task_ratio(**data, **penalty).item(), regime["tau"]
    side = "drift, tau_+" if critical == asymptotic.drift_boundary(**data).item() else "oscillation, tau_-"
    beside = tau == critical or abs(tau - critical) <= asymptotic.CRITICAL * critical < np.inf
    place = "at" if beside else "above" if tau > critical else "below"
    if penalty["ridge"] and regime["alpha"] < 1:
        side = "with ridge"
    spared = place == "below" and asymptotic.phase(**regime, **penalty).item() != "overthinking"   # only with ridge
    return f"tau_c = {critical:.6g} ({side}); tau = {tau:g} is {place} it" + (", so far that thinking ceases to hurt" if spared else "")


def _reaching(curve, target, regime, penalty, test_noise):
    depth = curve.sizes["k"] - 1
    labelled(target=target)
    reached = np.flatnonzero(curve.values <= target)
    lines = [(f"error {target:g}", f"first reached at depth {reached[0]}" if reached.size else f"not reached up to depth {depth}")]
    if penalty["ridge"] == 0 and depth:
        search = dict(target=target, max_depth=depth, step_size=penalty["step_size"], test_noise=test_noise)
        ratio = smallest_task_ratio(regime["alpha"], regime["sigma"], **search).item()
        least = "none reaches it" if np.isnan(ratio) else f"{ratio:.6g}"
        lines.append(("smallest tau", f"{least} (error {target:g} within depth {depth})"))
    return lines


def _aligned(lines):
    return "\n".join(f"{name + ':':14}{text}" for name, text in lines)


def _table(curve):
    """The error at about ten depths, evenly spread."""
    depths = np.unique(np.linspace(0, curve.sizes["k"] - 1, 11).round().astype(int))
    rows = [(k, f"{curve.sel(k=k).item():.6g}") for k in depths]
    return tabulate(rows, ["depth", "error |w - w_k|^2 / D"], colalign=("right", "right"), disable_numparse=True)
