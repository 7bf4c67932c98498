"""Time the ridgeless error curve of ``cotdepth.theory.asymptotic``, side by side with its textbook evaluation.

The textbook way takes the coefficients of the rational form, ``F = P + beta x y Q F``, one by one: a double sum over all that came
before, in arithmetic of 1512 bits. Both are compared before anything is printed.
"""

import argparse
import math
import statistics
import time

import numpy as np
import xarray as xr
from flint import arb, ctx
from tabulate import tabulate

from cotdepth.theory import asymptotic, row_filter

POINT = 3.0, 1.5, 0.01  # alpha, tau, sigma: overthinking
BITS = 1512
AGREEMENT = 1e-10  # relative
REPEATS = 25


def main():
    options = _options()
    side_by_side, alone = ([10, 20], [60, 200]) if options.quick else ([30, 60], [60, 200, 1000, 10_000])
    print("alpha, tau, sigma =", POINT, "\n")
    print(tabulate([compared(depth) for depth in side_by_side], headers="keys", floatfmt=".6g"), "\n")
    print(tabulate([engine_alone(depth) for depth in alone], headers="keys", floatfmt=".6g"), "\n")
    seconds = grid_seconds(options.grid or (5 if options.quick else 200))
    print(tabulate([seconds], headers="keys", floatfmt=".6g"))


def _options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--grid", type=int, help="points along each side of the grid (default 200)")
    parser.add_argument("--quick", action="store_true", help="small depths and a small grid: does the script run?")
    return parser.parse_args()


def compared(depth) -> dict:
    """Both ways to one depth, and their times in seconds."""
    engine, engine_seconds = engine_time(depth)
    start = time.perf_counter()
    exact = textbook_errors(*POINT, depth)
    textbook_seconds = time.perf_counter() - start
    difference = largest_difference(np.exp(engine), [float(error) for error in exact])
    return {
        "depth": depth,
        "engine [s]": engine_seconds,
        "textbook [s]": textbook_seconds,
        "ratio": textbook_seconds / engine_seconds,
        "error, engine": math.exp(engine[-1]),
        "error, textbook": float(exact[-1]),
        "largest difference": difference,
    }


def engine_alone(depth) -> dict:
    log_errors, seconds = engine_time(depth)
    return {"depth": depth, "engine [s]": seconds, "log error": log_errors[-1]}


def grid_seconds(size) -> dict:
    """Curves to depth 100 on a grid of `size` context ratios and as many task ratios."""
    alpha = xr.DataArray(np.geomspace(0.2, 5, size), dims="alpha")
    tau = xr.DataArray(np.geomspace(1.05, 50, size), dims="tau")
    start = time.perf_counter()
    asymptotic.error_curve(alpha, tau, 0.1, depth=100)
    seconds = time.perf_counter() - start
    return {"grid": f"{size} x {size}", "depth": 100, "engine [s]": seconds, "per point [s]": seconds / size**2}


def engine_time(depth) -> tuple[np.ndarray, float]:
    """Log errors and the median time of a call, after one that compiles; Gauss nodes are made anew in each."""
    asymptotic.log_error_curve(*POINT, depth=min(depth, row_filter.LARGEST_DEPTH + 1))  # compiles either engine
    times = []
    for _ in range(REPEATS if depth <= row_filter.LARGEST_DEPTH else 1):
        row_filter.gauss_rule.cache_clear()
        start = time.perf_counter()
        log_errors = asymptotic.log_error_curve(*POINT, depth=depth).values
        times.append(time.perf_counter() - start)
    return log_errors, statistics.median(times)


def largest_difference(engine, textbook) -> float:
    """Largest relative difference; an ArithmeticError if it is more than rounding."""
    difference = float(np.max(np.abs(np.divide(engine, textbook) - 1)))
    if not difference <= AGREEMENT:
        raise ArithmeticError(f"the engine and the textbook evaluation differ by a relative {difference:.2g}")
    return difference


def textbook_errors(alpha, tau, sigma, depth) -> list:
    """``E_0 .. E_depth`` by the recursion ``F_ij = mu_{i+j} + beta sum_{a<i, b<j} nu_{a+b} F_{i-1-a, j-1-b}``."""
    ctx.prec = BITS
    c = 1 + (1 + arb(sigma) ** 2) / arb(alpha)
    beta = (c - 1) / (arb(tau) - 1)
    powers = [moment(p, arb(alpha)) / c**p for p in range(2 * depth + 3)]
    mu, nu = ([shifted_moment(powers, first, n) for n in range(2 * depth + 1)] for first in (0, 2))
    table = [[arb(0)] * (depth + 1) for _ in range(depth + 1)]
    for i in range(depth + 1):
        for j in range(i, depth + 1):
            noise = sum((nu[a + b] * table[i - 1 - a][j - 1 - b] for a in range(i) for b in range(j)), arb(0))
            table[i][j] = table[j][i] = mu[i + j] + beta * noise
    return [table[k][k] for k in range(depth + 1)]


def moment(p, alpha):
    """Moment p of the Marchenko-Pastur law of ratio 1/alpha (Narayana numbers)."""
    narayana = (math.comb(p, r) * math.comb(p - 1, r) // (r + 1) for r in range(p))
    return sum((number / alpha**r for r, number in enumerate(narayana)), arb(0)) if p else arb(1)


def shifted_moment(powers, first, n):
    """Average of ``(s/c)^first (1 - s/c)^n``."""
    return sum(((-1) ** j * math.comb(n, j) * powers[first + j] for j in range(n + 1)), arb(0))


if __name__ == "__main__":
    main()
