"""The error of a deterministic equivalent as a function of the shares of its task families, to be called for many shares.

Most of a curve's time goes into the radius of convergence. Shares nearby do with the radius of those before, as long as the
estimated error says so.
"""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from cotdepth.theory import equivalent_contour as contour
from cotdepth.theory.equivalent_problem import Problem, with_shares
from cotdepth.theory.equivalent_two_point import error_source

ACCURATE = 1e-10  # relative estimated error up to which another mixture's radius will do
STEP = 3e-4  # of shares, in differences
SINGULAR = 1e4  # logarithm that stands for an infinite error
NEGLIGIBLE = 1e-9  # of the fastest decay that is computed: below, an error is 0


@dataclass
class ErrorOfShares:
    """Error per dimension after `depth` steps, for any shares of the families of a problem."""

    asked: Problem
    depth: int
    radius: float | None = None  # of convergence, of the last shares that needed their own

    def curve(self, shares) -> tuple[np.ndarray, np.ndarray]:
        """Errors after ``0..depth`` steps, and estimates of their numerical error.

        Infinite where the fit is singular: without ridge, a family needs more tasks than directions that it alone has.
        """
        asked = with_shares(self.asked, shares)
        return self._nearby(asked) or self._anew(asked)

    def _nearby(self, asked):
        """With the radius at hand, if that is accurate."""
        if self.radius is None:
            return None
        with suppress(ArithmeticError, np.linalg.LinAlgError), np.errstate(all="ignore"):
            values, errors = self._with_radius(asked)
            return (values, errors) if errors[-1] <= ACCURATE * values[-1] else None

    def _anew(self, asked):
        singular = np.full(self.depth + 1, np.inf), np.zeros(self.depth + 1)
        if not contour.solvable(asked):
            return singular
        with suppress(ArithmeticError, np.linalg.LinAlgError):
            self.radius = contour.radius_of_convergence(asked, 0.01 / self.depth)
            return self._with_radius(asked)
        return singular

    def _with_radius(self, asked):
        [found] = contour.coefficients(asked, [error_source], self.depth, self.radius)
        return contour.diagonal(found)

    def log_error(self, shares) -> float:
        """Logarithm of the error after all steps, kept finite; what is no number is as bad as a singular fit."""
        value = np.nan_to_num(self.curve(shares)[0][-1], nan=np.inf, posinf=np.inf)
        return float(np.clip(np.log(value), self._least, SINGULAR)) if value > 0 else self._least

    @property
    def _least(self):
        return np.log(NEGLIGIBLE) - 2 * self.depth * np.log(contour.LARGEST_RADIUS)

    def slopes(self, shares) -> np.ndarray:
        """Derivatives of `log_error` towards each family alone, (T,): the gradient less its mean over the shares.

        By differences of second order, which keep to the simplex, at its faces too. An error of 0 is least, and has slopes 0.
        """
        here = self.log_error(shares)
        if here == self._least:
            return np.zeros(len(shares))
        values = [[self.log_error((1 - step) * shares + step * alone) for step in (STEP, 2 * STEP)] for alone in np.eye(len(shares))]
        return np.array([(4 * near - far - 3 * here) / (2 * STEP) for near, far in values])
