// The ridgeless error of chain-of-thought depth, in the browser: what cotdepth.theory.row_filter, boundaries and asymptotic compute,
// by the same formulas, for the explorer of the report. A test compares the two. Arguments as there: alpha = L/D, tau = M/D
// (Infinity is the population optimum), sigma the relative label noise, eta the step size.
"use strict";

const theory = (() => {
  const CRITICAL = 1e-12; // relative: a task ratio this close to the critical one is critical
  const TIE = 1e-8; // relative: errors this close are as good, and the smaller depth is better

  const TINY = 2 ** -1022; // the smallest rate that keeps the sign of its phase

  // --- where the generating function is singular ------------------------------------------------------------------

  const promptVariance = (alpha, sigma) => (1 + sigma * sigma) / alpha;
  const noiseStrength = (alpha, tau, sigma) => promptVariance(alpha, sigma) / (tau - 1);

  /** Growth of errors in one step at the pole that oscillates and at the one that drifts. */
  function growthFactors(alpha, tau, sigma, eta) {
    const beta = noiseStrength(alpha, tau, sigma), variance = promptVariance(alpha, sigma);
    const centre = 1 - eta + (eta * sigma * sigma) / alpha / (1 + variance), width = eta / (1 + variance) / Math.sqrt(alpha);
    const linear = (1 + beta * (1 + alpha)) / 3;
    const angle = Math.acos(Math.max((-beta * Math.sqrt(alpha)) / linear ** 1.5, -1)) / 3;
    const root = (turn) => 2 * Math.sqrt(linear) * Math.abs(Math.cos(angle + turn));
    const drift = root(0), oscillation = root((2 * Math.PI) / 3);
    return { oscillation: width * (oscillation + 1 / oscillation) - centre, drift: centre + width * (drift + 1 / drift) };
  }

  /** Twice the log of the largest growth in one step, the directions without examples (alpha < 1) included. */
  function singularity(alpha, tau, sigma, eta) {
    const factors = growthFactors(alpha, tau, sigma, eta);
    return 2 * Math.log(Math.max(factors.oscillation, factors.drift, alpha < 1 ? 1 : 0));
  }

  /** Task ratio below which errors oscillate and grow; Infinity where they do with any number of tasks. */
  function oscillationBoundary(alpha, sigma, eta) {
    const root = Math.sqrt(alpha);
    const noisy = (1 - 1 / root) ** 2 + (2 * sigma * sigma) / alpha + (1 - eta) * (1 + 1 / root) ** 2;
    const gap = (Math.max(noisy, 0) * root) / (2 * eta), spread = Math.sqrt(gap * (2 + gap)), u = 1 + gap + spread;
    return 1 + (promptVariance(alpha, sigma) * (1 + alpha + (2 * root) / u)) / (2 * spread * u);
  }

  /** Task ratio below which errors grow steadily, whatever the step size. */
  const driftBoundary = (alpha, sigma) => 1 + (1 + sigma * sigma) / Math.max(1, alpha);

  const criticalTaskRatio = (alpha, sigma, eta) => Math.max(oscillationBoundary(alpha, sigma, eta), driftBoundary(alpha, sigma));

  /** What more thinking does in the end, one of the five words of cotdepth.theory.asymptotic.phase. */
  function phase(alpha, tau, sigma, eta) {
    const critical = criticalTaskRatio(alpha, sigma, eta);
    const hopeless = tau === Infinity && singularity(alpha, tau, sigma, eta) > CRITICAL;
    if (tau < critical * (1 - CRITICAL) || hopeless) return "overthinking";
    if (tau <= critical * (1 + CRITICAL) && tau < Infinity) return "polynomial";
    return alpha < 1 ? "saturation" : alpha === 1 ? "slow" : "exponential";
  }

  /** Limit of log(E_k)/k; its sign is that of the phase. */
  function growthRate(alpha, tau, sigma, eta) {
    const rate = Math.max(Math.abs(singularity(alpha, tau, sigma, eta)), TINY), word = phase(alpha, tau, sigma, eta);
    return word === "overthinking" ? rate : word === "exponential" ? -rate : 0;
  }

  /** Error after infinitely many steps; NaN where it grows or is critical. */
  function errorFloor(alpha, tau, sigma, eta) {
    const reached = ["exponential", "slow", "saturation"].includes(phase(alpha, tau, sigma, eta));
    return reached ? Math.max(1 - alpha, 0) / (1 - (1 + sigma * sigma) / (tau - 1)) : NaN;
  }

  // --- the error curve --------------------------------------------------------------------------------------------

  /** Gauss rule of the Marchenko-Pastur law of ratio 1/alpha: eigenvalues of its Jacobi matrix in the variable sqrt(alpha) (s - 1),
      and squares of the first components of the eigenvectors, by QL with implicit shifts. */
  function gaussRule(alpha, count) {
    const nodes = new Float64Array(count).fill(1 / Math.sqrt(alpha)), beside = new Float64Array(count).fill(1);
    const first = new Float64Array(count);
    nodes[0] = 0;
    beside[count - 1] = 0;
    first[0] = 1;
    for (let start = 0; start < count; start++) while (sweep(nodes, beside, first, start)) { /* until the off-diagonal is gone */ }
    return { nodes, weights: first.map((component) => component * component) };
  }

  /** One QL sweep on the block that begins at `start`; false once its first eigenvalue stands alone. */
  function sweep(diagonal, beside, first, start) {
    let end = start;
    while (end < diagonal.length - 1 && Math.abs(beside[end]) > 2 ** -53 * (Math.abs(diagonal[end]) + Math.abs(diagonal[end + 1]))) end++;
    if (end === start) return false;
    let shift = (diagonal[start + 1] - diagonal[start]) / (2 * beside[start]);
    shift = diagonal[end] - diagonal[start] + beside[start] / (shift + Math.sign(shift || 1) * Math.hypot(shift, 1));
    let sine = 1, cosine = 1, moved = 0;
    for (let i = end - 1; i >= start; i--) {
      const across = sine * beside[i], along = cosine * beside[i], length = Math.hypot(across, shift);
      beside[i + 1] = length;
      if (length === 0) { diagonal[i + 1] -= moved; beside[end] = 0; return true; }
      sine = across / length;
      cosine = shift / length;
      shift = diagonal[i + 1] - moved;
      const turned = (diagonal[i] - shift) * sine + 2 * cosine * along;
      moved = sine * turned;
      diagonal[i + 1] = shift + moved;
      shift = cosine * turned - along;
      const upper = first[i + 1];
      first[i + 1] = sine * first[i] + cosine * upper;
      first[i] = cosine * first[i] - sine * upper;
    }
    diagonal[start] -= moved;
    beside[start] = shift;
    beside[end] = 0;
    return true;
  }

  /** Natural logarithms of E_0 .. E_depth. F_ij is filled row by row as covariances of filters with a common noise, one on each node:
      nothing cancels; the growth rate is divided out, so that nothing overflows. */
  function logErrors(alpha, tau, sigma, depth, eta = 1) {
    const rate = singularity(alpha, tau, sigma, eta), radius = Math.exp(-rate / 2), c = 1 + promptVariance(alpha, sigma);
    const rule = gaussRule(alpha, Math.min(depth + 3, Math.floor(6 * Math.sqrt(depth)) + 30));
    const steps = rule.nodes.map((node) => (eta * (1 + node / Math.sqrt(alpha))) / c); // eta s/c
    const keeps = steps.map((step) => radius * (1 - step)), drives = steps.map((step) => radius * step);
    const scaled = diagonalOfTable(keeps, drives, rule.weights, noiseStrength(alpha, tau, sigma), depth);
    scaled[0] = 1; // without the rounding of the sum of weights
    return Array.from(scaled, (value, k) => Math.log(value) + rate * k);
  }

  function diagonalOfTable(keeps, drives, weights, beta, depth) {
    const count = keeps.length, size = depth + 1, table = Array.from({ length: size }, () => new Float64Array(size));
    const covariance = Array.from({ length: size }, () => new Float64Array(count).fill(1)); // cov(u_i, u_j) of the current row i, by node
    for (let j = 0; j < size; j++) {
      if (j) for (let n = 0; n < count; n++) covariance[j][n] = keeps[n] * covariance[j - 1][n];
      table[0][j] = table[j][0] = average(weights, covariance[j]);
    }
    for (let i = 0; i < depth; i++) fillNextRow(i, keeps, drives, weights, beta, covariance, table);
    return table.map((row, i) => row[i]);
  }

  function fillNextRow(i, keeps, drives, weights, beta, covariance, table) {
    const noise = new Float64Array(keeps.length); // cov(xi_i, u_j)
    for (let j = 0; j < table.length; j++) {
      if (j > i) {
        for (let n = 0; n < keeps.length; n++) covariance[j][n] = keeps[n] * covariance[j][n] + drives[n] * noise[n];
        table[i + 1][j] = table[j][i + 1] = average(weights, covariance[j]);
      }
      const drive = beta * table[i][j];
      for (let n = 0; n < keeps.length; n++) noise[n] = keeps[n] * noise[n] + drives[n] * drive;
    }
  }

  function average(weights, values) {
    let total = 0;
    for (let n = 0; n < values.length; n++) total += weights[n] * values[n];
    return total;
  }

  /** Depth of the smallest error: the first within a relative 1e-8. */
  function bestDepth(logs) {
    const least = Math.min(...logs);
    return logs.findIndex((value) => value <= least + TIE);
  }

  return { bestDepth, criticalTaskRatio, driftBoundary, errorFloor, growthRate, logErrors, oscillationBoundary, phase };
})();
