// The explorer: sliders and fields for the four parameters, the error curve, the phases and what follows from them, drawn at once.
"use strict";

(() => {
  const panel = document.getElementById("explorer-panel"), find = (selector) => panel.querySelector(selector);

  // --- numbers in words -------------------------------------------------------------------------------------------

  const superscript = (exponent) => String(exponent).replace(/./g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);

  /** Four digits, or three and a power of ten. Takes the natural logarithm where the number itself may leave the range. */
  function words(value, log = Math.log(Math.abs(value))) {
    if (Number.isNaN(value)) return "–";
    if (log > -9.2 && log < 9.2) return String(Number(value.toPrecision(4))).replace("-", "−");
    if (log === -Infinity) return "0";
    if (log === Infinity) return value < 0 ? "−∞" : "∞";
    const exponent = Math.floor(log / Math.LN10), mantissa = Math.exp(log - exponent * Math.LN10).toFixed(2);
    const [digits, tens] = mantissa === "10.00" ? ["1.00", exponent + 1] : [mantissa, exponent];
    return `${value < 0 ? "−" : ""}${digits} × 10${superscript(tens)}`;
  }
  const wordsOfLog = (log) => words(Math.exp(log), log);
  const power = (decade) => (Math.abs(decade) < 3 ? String(Number((10 ** decade).toPrecision(1))) : `10${superscript(decade)}`);

  // --- the parameters: a slider position is a whole number, a value has three digits --------------------------------

  const three = (value) => Number(value.toPrecision(3));
  const KNOBS = [
    { name: "alpha", symbol: "α", about: "context ratio: examples in a prompt per dimension", last: 200, allowed: "a number from 0.01 to 1000",
      fits: (value) => value >= 0.01 && value <= 1000, value: (at) => three(10 ** (at / 100 - 1)), place: (value) => 100 * (Math.log10(value) + 1) },
    { name: "tau", symbol: "τ", about: "task ratio: pretraining tasks per dimension; ∞ is the population optimum", last: 201, allowed: "a number from 1.001 to 1000000, or inf",
      fits: (value) => (value >= 1.001 && value <= 1e6) || value === Infinity, value: (at) => (at === 201 ? Infinity : three(1 + 10 ** (at / 57 - 1.5))),
      place: (value) => (value === Infinity ? 201 : Math.min(200, 57 * (Math.log10(value - 1) + 1.5))) },
    { name: "sigma", symbol: "σ", about: "label noise in pretraining, relative to the signal", last: 200, allowed: "a number from 0 to 10",
      fits: (value) => value >= 0 && value <= 10, value: (at) => at / 100, place: (value) => 100 * value },
    { name: "eta", symbol: "η", about: "step size: factor on every step of thought", last: 200, allowed: "a number from 0.01 to 5",
      fits: (value) => value >= 0.01 && value <= 5, value: (at) => Math.max(at, 1) / 100, place: (value) => 100 * value },
    { name: "depth", symbol: "K", about: "largest depth", last: 40, allowed: "a whole number from 1 to 400",
      fits: (value) => Number.isInteger(value) && value >= 1 && value <= 400, value: (at) => Math.max(10 * at, 5), place: (value) => value / 10 },
  ];
  const PRESETS = [
    ["exponential", { alpha: 4, tau: 4, sigma: 0.1, eta: 1 }], ["slow", { alpha: 1, tau: 16, sigma: 0.1, eta: 1 }],
    ["saturation", { alpha: 0.4, tau: 5, sigma: 0.1, eta: 1 }], ["overthinking", { alpha: 3, tau: 1.5, sigma: 0.01, eta: 1 }],
    ["polynomial", { alpha: 3, tau: null, sigma: 0.3, eta: 1 }], ["missing in the paper", { alpha: 3, tau: 1.6, sigma: 2, eta: 1 }],
    ["steps too long", { alpha: 2, tau: Infinity, sigma: 0, eta: 1.2 }],
  ];
  const MEANINGS = {
    exponential: "the error decays to 0 exponentially", slow: "the error decays to 0 as a power of the depth",
    polynomial: "growth and decay balance: a power of the depth", saturation: "the error levels off at a floor",
    overthinking: "in the end more thinking makes the error grow",
  };
  const state = { alpha: 3, tau: 1.5, sigma: 0.01, eta: 1, depth: 60 };
  const shown = (value) => (value === Infinity ? "∞" : String(Number(value.toPrecision(6))));

  function makeKnob(knob) {
    const row = document.createElement("div");
    row.className = "knob";
    row.innerHTML = `<label for="knob-${knob.name}"><b>${knob.symbol}</b> ${knob.about}</label>
      <input type="range" id="knob-${knob.name}" min="0" max="${knob.last}" step="1">
      <input type="text" inputmode="decimal" autocomplete="off" aria-label="${knob.symbol}, as a number: ${knob.allowed}">`;
    find(".knobs").append(row);
    [knob.slider, knob.field] = row.querySelectorAll("input");
    knob.slider.addEventListener("input", () => set({ [knob.name]: knob.value(Number(knob.slider.value)) }));
    knob.field.addEventListener("change", () => typed(knob));
  }

  function typed(knob) {
    const text = knob.field.value.trim().replace(",", "."), value = /^(∞|inf|infinity)$/i.test(text) ? Infinity : text ? Number(text) : NaN;
    if (knob.fits(value)) return set({ [knob.name]: value });
    knob.field.setAttribute("aria-invalid", "true");
    find(".complaint").textContent = `${knob.symbol} = ${text || "nothing"}: must be ${knob.allowed}`;
  }

  /** Change some parameters and draw. */
  function set(changes) {
    Object.assign(state, changes);
    find(".complaint").textContent = "";
    for (const knob of KNOBS) {
      const value = state[knob.name];
      knob.slider.value = Math.round(knob.place(value));
      knob.slider.setAttribute("aria-valuetext", shown(value));
      knob.field.value = shown(value);
      knob.field.removeAttribute("aria-invalid");
    }
    draw();
  }

  // --- drawing ----------------------------------------------------------------------------------------------------

  const LEFT = 52, RIGHT = 14, TOP = 12, BOTTOM = 38;
  const path = (points, kind) => `<path class="${kind}" d="${points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("")}"/>`;
  const label = (x, y, text, anchor = "middle", kind = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" class="${kind}">${text}</text>`;

  function canvas(figure, share) {
    const width = Math.max(280, Math.round(figure.clientWidth)), height = Math.round(width * share);
    figure.querySelector("svg").setAttribute("viewBox", `0 0 ${width} ${height}`);
    return { width, height, right: width - RIGHT, low: height - BOTTOM };
  }

  function drawCurve(logs, best, floor) {
    const figure = find(".curve"), box = canvas(figure, 0.58), decades = logs.map((log) => log / Math.LN10);
    const least = Math.min(...decades, floor > 0 ? Math.log10(floor) : 0), most = Math.max(...decades, floor > 0 ? Math.log10(floor) : 0);
    const bottom = Math.floor(least - 0.02), top = Math.max(Math.ceil(most - 1e-9), bottom + 1);
    const x = (k) => LEFT + ((box.right - LEFT) * k) / (logs.length - 1), y = (decade) => TOP + ((box.low - TOP) * (top - decade)) / (top - bottom);
    let parts = "";
    for (let decade = bottom, every = Math.ceil((top - bottom) / 6); decade <= top; decade += every)
      parts += path([[LEFT, y(decade)], [box.right, y(decade)]], "grid") + label(LEFT - 7, y(decade) + 4, power(decade), "end");
    if (top - bottom === 1) for (const digit of [2, 3, 5]) parts += label(LEFT - 7, y(bottom + Math.log10(digit)) + 4, power(bottom).replace(/1$/, digit), "end", "soft");
    const gap = [1, 2, 5, 10, 20, 50, 100].find((step) => (logs.length - 1) / step <= 8);
    for (let k = 0; k < logs.length; k += gap) parts += label(x(k), box.low + 17, k);
    parts += path([[LEFT, TOP], [LEFT, box.low], [box.right, box.low]], "axis") + label((LEFT + box.right) / 2, box.height - 4, "steps of thought k", "middle", "soft");
    parts += path([[LEFT, y(0)], [box.right, y(0)]], "start");
    if (floor > 0) parts += path([[LEFT, y(Math.log10(floor))], [box.right, y(Math.log10(floor))]], "floor");
    parts += path(decades.map((decade, k) => [x(k), y(decade)]), "line");
    parts += `<circle class="best" cx="${x(best).toFixed(1)}" cy="${y(decades[best]).toFixed(1)}" r="5.5"/>`;
    figure.querySelector("svg").innerHTML = parts;
  }

  /** Edges of the map: alpha from 0.1 to 10, tau - 1 from 0.03 to 100, both logarithmic. */
  const AXES = { alpha: [-1, 1], tau: [-1.5, 2] };

  function drawMap() {
    const figure = find(".map"), box = canvas(figure, 0.58), { sigma, eta } = state;
    const x = (alpha) => LEFT + ((box.right - LEFT) * (Math.log10(alpha) - AXES.alpha[0])) / (AXES.alpha[1] - AXES.alpha[0]);
    const y = (tau) => box.low - ((box.low - TOP) * (Math.min(Math.max(Math.log10(tau - 1), AXES.tau[0]), AXES.tau[1]) - AXES.tau[0])) / (AXES.tau[1] - AXES.tau[0]);
    const alphas = Array.from({ length: 241 }, (_, i) => 10 ** (AXES.alpha[0] + (i / 240) * (AXES.alpha[1] - AXES.alpha[0])));
    const line = (boundary) => alphas.map((alpha) => [x(alpha), y(boundary(alpha))]);
    const critical = line((alpha) => theory.criticalTaskRatio(alpha, sigma, eta));
    let parts = `<rect class="help" x="${LEFT}" y="${TOP}" width="${box.right - LEFT}" height="${box.low - TOP}"/>`;
    parts += path([...critical, [box.right, box.low], [LEFT, box.low]], "harm");
    parts += path(line((alpha) => theory.oscillationBoundary(alpha, sigma, eta)), "edge2") + path(line((alpha) => theory.driftBoundary(alpha, sigma)), "edge3") + path(critical, "edge1");
    const free = (alpha, want) => theory.phase(alpha, 60, sigma, eta) === want;
    if (free(0.3, "saturation")) parts += label(x(0.3), y(60) + 5, "saturation");
    if (free(3.3, "exponential")) parts += label(x(3.3), y(60) + 5, "exponential");
    parts += label(x(1), box.low - 9, "overthinking");
    for (const alpha of [0.1, 0.2, 0.5, 1, 2, 5, 10]) parts += label(x(alpha), box.low + 17, alpha);
    for (const tau of [1.1, 2, 5, 11, 101]) parts += path([[LEFT - 4, y(tau)], [LEFT, y(tau)]], "axis") + label(LEFT - 7, y(tau) + 4, tau, "end");
    parts += path([[LEFT, TOP], [LEFT, box.low], [box.right, box.low]], "axis");
    parts += label((LEFT + box.right) / 2, box.height - 4, "context ratio α", "middle", "soft") + label(16, (TOP + box.low) / 2, "τ", "middle", "soft");
    const inside = Math.min(Math.max(state.alpha, 0.1), 10);
    parts += `<circle class="best" cx="${x(inside).toFixed(1)}" cy="${y(state.tau).toFixed(1)}" r="5.5"/>`;
    figure.querySelector("svg").innerHTML = parts;
    const svg = figure.querySelector("svg");
    svg.onclick = (event) => {
      const frame = svg.getBoundingClientRect(), scale = box.width / frame.width;
      const share = (at, from, to) => Math.min(Math.max((at - from) / (to - from), 0), 1);
      const across = share((event.clientX - frame.left) * scale, LEFT, box.right), up = share((event.clientY - frame.top) * scale, box.low, TOP);
      set({ alpha: three(10 ** (AXES.alpha[0] + across * (AXES.alpha[1] - AXES.alpha[0]))), tau: three(1 + 10 ** (AXES.tau[0] + up * (AXES.tau[1] - AXES.tau[0]))) });
    };
  }

  // --- what follows -----------------------------------------------------------------------------------------------

  /** Everything that the panel says of a point; a test asks for it too. */
  function predict({ alpha, tau, sigma, eta, depth }) {
    const logs = theory.logErrors(alpha, tau, sigma, depth, eta), best = theory.bestDepth(logs);
    return { logs, best, phase: theory.phase(alpha, tau, sigma, eta), critical: theory.criticalTaskRatio(alpha, sigma, eta),
      oscillation: theory.oscillationBoundary(alpha, sigma, eta), drift: theory.driftBoundary(alpha, sigma),
      rate: theory.growthRate(alpha, tau, sigma, eta), floor: theory.errorFloor(alpha, tau, sigma, eta) };
  }

  function tell(found) {
    find(".word").textContent = found.phase;
    find(".meaning").textContent = MEANINGS[found.phase];
    const last = found.logs.length - 1;
    const readings = [
      ["best depth", `${found.best}${found.best === last ? " (the largest here)" : ""}`], ["error there", wordsOfLog(found.logs[found.best])],
      [`error at k = ${last}`, wordsOfLog(found.logs[last])], ["boundary of overthinking", `τ = ${words(found.critical)}`],
      ["where errors oscillate", `τ &lt; ${words(found.oscillation)}`], ["where errors drift", `τ &lt; ${words(found.drift)}`],
      ["growth of log error a step", words(found.rate)], ["error in the end", found.phase === "overthinking" ? "∞" : words(found.floor)],
    ];
    find(".readings").innerHTML = readings.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("");
    const depths = [0, 1, 2, 5, 10, 20, 50, 100, 200, 400].filter((k) => k < last).concat(last);
    find(".errors thead").innerHTML = `<tr><th scope="col">k</th>${depths.map((k) => `<th scope="col" class="number">${k}</th>`).join("")}</tr>`;
    find(".errors tbody").innerHTML = `<tr><th scope="row">error</th>${depths.map((k) => `<td class="number">${wordsOfLog(found.logs[k])}</td>`).join("")}</tr>`;
    clearTimeout(tell.later);
    tell.later = setTimeout(() => {
      document.getElementById("spoken").textContent = `${found.phase}: ${MEANINGS[found.phase]}. Best depth ${found.best}, error ${wordsOfLog(found.logs[found.best])}.`;
    }, 500);
  }

  function draw() {
    const found = predict(state);
    tell(found);
    drawCurve(found.logs, found.best, found.floor);
    drawMap();
  }

  panel.hidden = false;
  KNOBS.forEach(makeKnob);
  for (const [name, point] of PRESETS) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => set({ ...point, tau: point.tau === null ? theory.criticalTaskRatio(point.alpha, point.sigma, point.eta) : point.tau }));
    find(".presets").append(button);
  }
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.round(entry.contentRect.width) === width) return; // the drawing changes the height
    width = Math.round(entry.contentRect.width);
    requestAnimationFrame(draw);
  }).observe(find(".curve"));
  window.explorer = { predict, set, state, words, wordsOfLog };
  set({});
})();
