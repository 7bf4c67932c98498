"""Claims about the phase diagram and the error curves of its regimes (asymptotic paper, figure 1)."""

import numpy as np

from cotdepth.claims.claim import Check, Ledger, Outcome, worst
from cotdepth.claims.reading import cells, needs, pick

LEDGER = Ledger("asymptotic")
RIGHT, LEFT = 1.25, 0.5      # of tau_c - 1: nearer to the boundary a map of finite depth does not decide
DEPTH = 80                   # the least depth at which curves have


def wrong_points(diagram, boundary) -> int:
    """How many points right of a boundary grow e-fold in the last half of the depths, or left of it are at their best at the end."""
    last = int(diagram.k.max())
    end = diagram.error.sel(k=last)
    grows, falls = end > np.e * diagram.error.sel(k=last // 2), end <= diagram.error.min("k")
    right, left = (diagram.tau > 1 + RIGHT * (boundary - 1)), (diagram.tau < 1 + LEFT * (boundary - 1))
    needs(bool(left.any() and right.any()), "task ratios on both sides of the boundary")
    return int(((grows & right) | (falls & left)).sum())


@LEDGER.claim(
    "Figure 1A", "boundary on the map",
    sentence="The printed boundary parts the data regimes in which long thought raises the error from those in which it lowers it.",
    form="Points of the map whose error grows e-fold in the last half of the depths where tau - 1 exceeds 1.25 (tau_minus - 1), or is"
         " at its smallest at the end where it is below half of that; corrected: with the critical task ratio of the artifact",
    kind="numerical",
    erratum="With noisy labels the boundary is the larger of tau_minus and tau_plus = 1 + (1 + sigma^2)/max(1, alpha).",
)  # fmt: skip
def map_boundary(map):
    """Points on the wrong side of both boundaries."""
    needs(map.k.max() >= DEPTH, f"depth {DEPTH}")
    needs(map.sigma.max() >= 1, "sigma of at least 1, where the boundaries differ")
    printed, corrected = (wrong_points(map, map[name]) for name in ("oscillation_boundary", "critical_task_ratio"))
    measure = "points on the wrong side"
    return Outcome(Check(measure, printed, 0), Check(measure, corrected, 0))


@LEDGER.claim(
    "Figure 1A", "boundary with little noise",
    sentence="With nearly noiseless labels the printed boundary parts improvement from overthinking.",
    form="As the previous claim, printed form, at the smallest noise of the map, at most 0.1",
    kind="numerical",
)  # fmt: skip
def quiet_boundary(map):
    """Points on the wrong side of the printed boundary at little noise."""
    needs(map.k.max() >= DEPTH and map.sigma.min() <= 0.1, f"depth {DEPTH} and sigma of at most 0.1")
    quiet = map.sel(sigma=map.sigma.min())
    return Outcome(Check("points on the wrong side", wrong_points(quiet, quiet.oscillation_boundary), 0))


@LEDGER.claim(
    "Figure 1A", "regimes on the map",
    sentence="Data regimes part into improvement, saturation and overthinking; the polynomial one is a line between them.",
    form="Of exponential, saturation and overthinking, phases without a point in the map at its smallest noise, plus other phases on"
         " more than 1% of the points",
    kind="exact",
)  # fmt: skip
def map_phases(map):
    """Phases counted."""
    needs(map.alpha.min() < 1 < map.alpha.max(), "context ratios on both sides of 1")
    phases = map.phase.sel(sigma=map.sigma.min()).values
    expected = ("exponential", "saturation", "overthinking")
    missing = sum((phases == phase).sum() == 0 for phase in expected)
    others = np.isin(phases, expected, invert=True).mean() > 0.01
    return Outcome(Check("phases missing, and others that are not thin", int(missing + others), 0))


def curve_of(trajectories, phase):
    """Errors (k) of the first trajectory in a phase."""
    needs(trajectories.k.max() >= DEPTH, f"depth {DEPTH}")
    found = [each for each in cells(trajectories) if each.phase.item() == phase]
    needs(found, f"a trajectory in the phase {phase}")
    return found[0]


@LEDGER.claim(
    "Figure 1B", "exponential decay",
    sentence="In the exponential regime the error falls exponentially.",
    form="log E_60/E_30 over log E_80/E_40 of the trajectory is 3/4 within 5%: relative difference",
    kind="numerical",
)  # fmt: skip
def exponential(trajectories):
    """Straightness of the log error."""
    error = np.log(curve_of(trajectories, "exponential").error)
    ratio = (error.sel(k=60) - error.sel(k=30)).item() / (error.sel(k=80) - error.sel(k=40)).item()
    return Outcome(Check("|ratio / 0.75 - 1|", abs(ratio / 0.75 - 1), 0.05))


@LEDGER.claim(
    "Figure 1B", "polynomial decay",
    sentence="At the boundary the error falls polynomially, like k^(-1/2).",
    form="Slope of log E against log k from 40 to 80 of the polynomial trajectory is -1/2 within 0.05: difference",
    kind="numerical",
)  # fmt: skip
def polynomial(trajectories):
    """Local exponent."""
    error = curve_of(trajectories, "polynomial").error
    slope = np.log2(error.sel(k=80).item() / error.sel(k=40).item())
    return Outcome(Check("|slope + 1/2|", abs(slope + 0.5), 0.05))


@LEDGER.claim(
    "Figure 1B", "overthinking",
    sentence="In the overthinking regime the error first falls and then grows.",
    form="Larger of min E / E_0 and min E / E_end of the trajectory, below 1, with the smallest error inside",
    kind="numerical",
)  # fmt: skip
def overthinking(trajectories):
    """The smallest error beside both ends."""
    error = curve_of(trajectories, "overthinking").error.dropna("k")
    return Outcome(Check("larger of min E / E_0 and min E / E_end", worst([error.min() / error[0], error.min() / error[-1]]), 1 - 1e-6))


@LEDGER.claim(
    "Figure 1B", "saturation",
    sentence="In the saturation regime the error levels off above 0.",
    form="|E_end / floor - 1| of the trajectory, at most 1%; the floor of the artifact is positive",
    kind="numerical",
)  # fmt: skip
def saturation(trajectories):
    """The end beside the floor."""
    found = curve_of(trajectories, "saturation")
    return Outcome(Check("|E_end / floor - 1|", abs(found.error.dropna("k")[-1].item() / found.error_floor.item() - 1), 0.01))


@LEDGER.claim(
    "Figure 1C", "longer prompts overtaken",
    sentence="At the same task ratio a longer prompt is better at small depth and worse at large depth than a shorter one in saturation.",
    form="Pair of trajectories with one tau and sigma, the shorter prompt saturating, the longer not: least over pairs of the larger of"
         " E_5(long)/E_5(short) and E_end(short)/E_end(long), below 1",
    kind="numerical",
)  # fmt: skip
def pair(trajectories):
    """Errors of the pair, shallow and deep."""
    needs(trajectories.k.max() >= DEPTH, f"depth {DEPTH}")
    found = cells(trajectories)
    pairs = [(short, long) for short in found for long in found if _same_data(short, long) and short.phase.item() == "saturation"]
    needs(pairs, "two context ratios at one tau and sigma, the smaller one in saturation")
    return Outcome(Check("least over pairs of the larger ratio", min(_overtaking(*each) for each in pairs), 1))


def _same_data(short, long):
    return all(short[name].item() == long[name].item() for name in ("tau", "sigma")) and short.alpha < long.alpha


def _overtaking(short, long):
    early, late = ([pick(each.error, k=k).item() for each in (short, long)] for k in (5, short.error.dropna("k").k.max().item()))
    return worst([early[1] / early[0], late[0] / late[1]])
