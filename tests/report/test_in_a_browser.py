"""The report in Chromium: nothing is requested, nothing complains, figures load, tables filter and sort, the explorer is right."""

import math

import numpy as np
import pytest
from small_results import reading_order

from cotdepth.report.pictures import picture
from cotdepth.theory import asymptotic
from cotdepth.theory.best_depth import best_depth_of

PHONE = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SHOWN = "() => [...document.querySelectorAll('#ledger tbody tr')].filter(row => !row.hidden).map(row => row.id)"


def numbers(page):
    """Positions in the ledger of the claims that are shown, in the order of the table."""
    return [int(name.removeprefix("claim-")) for name in page.evaluate(SHOWN)]


def found(page):
    return page.inner_text("#found")


def where(ledger, **texts):
    """Positions of the claims with these texts, in the order of the table."""
    fits = np.all([ledger[name] == text for name, text in texts.items()], axis=0)
    return [index for index in reading_order(ledger) if fits[index]]


# --- the page -----------------------------------------------------------------------------------------------------


def test_every_figure_loads_and_has_an_alt_text(opened, report):
    images = opened().evaluate("() => [...document.images].map(i => [i.naturalWidth, i.naturalHeight, i.alt])")
    size = picture(report.results / "figures" / "step-size.png")
    assert [image[:2] for image in images] == [[size.width, size.height]] * 2 and size.width > 0
    assert [image[2] for image in images] == ["Two curves, one of which grows.", "Steps once more"]


@pytest.mark.parametrize("settings", [PHONE, {}], ids=["400", "1400"])
def test_nothing_is_wider_than_the_screen_with_everything_opened(opened, settings):
    page = opened(**settings)
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]")[0] <= settings.get("viewport", {"width": 1400})["width"]
    outside = page.evaluate("""() => [...document.querySelectorAll('main *')].filter(each => {
        const box = each.getBoundingClientRect(), held = each.closest('.scroll, .hidden, svg');
        return box.width > 0 && !held && (box.right > innerWidth + 0.5 || box.left < -0.5); }).map(each => each.outerHTML.slice(0, 80))""")
    assert outside == []


def test_headings_landmarks_and_names_are_in_order(opened):
    page = opened()
    levels = page.evaluate("() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(head => Number(head.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    assert [page.locator(mark).count() for mark in ("main", "body > header", "nav[aria-label]", "body > footer")] == [1, 1, 1, 1]
    assert page.evaluate("() => [...document.querySelectorAll('th')].filter(head => !head.scope).length") == 0
    assert page.evaluate("() => [...document.querySelectorAll('table')].filter(table => !table.caption).length") == 0
    assert page.evaluate("() => [...document.querySelectorAll('input, select')].filter(e => !e.labels.length && !e.ariaLabel).length") == 0
    assert page.evaluate("() => [...document.querySelectorAll('svg')].filter(e => !e.ariaLabel || e.role !== 'img').length") == 0
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    links = page.evaluate("() => [...document.querySelectorAll('a')].map(each => each.getAttribute('href').slice(1))")
    assert set(links) <= set(ids)


CONTRASTS = """() => {
  const parse = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (each) => { for (let at = each; at; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const texts = [...document.querySelectorAll('body *')].filter(e => !e.closest('noscript, script, style') && e.checkVisibility()
    && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const worst = texts.map(each => { const style = getComputedStyle(each), svg = each.namespaceURI.endsWith('svg');
    const [a, b] = [light(parse(svg ? style.fill : style.color)), light(behind(each))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), each.outerHTML.slice(0, 90)]; }).sort((x, y) => x[0] - y[0]);
  return [texts.length, ...worst[0]];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(opened, scheme):
    page = opened(color_scheme=scheme)
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")
    count, least, which = page.evaluate(CONTRASTS)
    assert count > 200 and least >= 4.5, which


def test_the_page_follows_the_readers_wishes_for_darkness_and_stillness(opened):
    background, motion = "getComputedStyle(document.body).backgroundColor", "getComputedStyle(document.documentElement).scrollBehavior"
    dark, still = opened(color_scheme="dark", reduced_motion="no-preference"), opened(color_scheme="light", reduced_motion="reduce")
    assert dark.evaluate(background) != still.evaluate(background)
    assert (dark.evaluate(motion), still.evaluate(motion)) == ("smooth", "auto")


def test_it_prints_without_what_a_reader_of_paper_cannot_use(opened, tmp_path):
    page = opened()
    page.emulate_media(media="print")
    assert not any(page.is_visible(part) for part in ("nav", "#filters", ".knobs"))
    assert page.is_visible("#ledger") and page.is_visible("figure img")
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_what_is_closed_is_opened_for_paper_and_closed_again(opened):
    page = opened()
    page.locator("#ledger summary").first.click()
    states = "() => [...document.querySelectorAll('details')].map(each => each.open)"
    before = page.evaluate(states)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert sum(before) == 1 and all(page.evaluate(states)) and page.is_visible("#ledger tr:last-child dd.form")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(states) == before


def test_it_can_be_read_without_scripts(opened):
    page = opened(java_script_enabled=False)
    assert page.is_visible("#ledger tbody tr") and page.is_visible("noscript p") and not page.is_visible("#explorer-panel")


def test_the_skip_link_is_the_first_thing_that_a_keyboard_reaches_and_shows(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


# --- the ledger ---------------------------------------------------------------------------------------------------


def test_the_filter_shows_the_claims_that_fit_all_of_it(opened, report):
    page, ledger = opened(), report.ledger
    assert numbers(page) == reading_order(ledger) != list(range(10)) and found(page) == "10 of 10 claims"
    page.select_option("[name=verdict]", "fails")
    assert numbers(page) == where(ledger, verdict="fails") and len(numbers(page)) == 4
    page.select_option("[name=paper]", "asymptotic")
    assert numbers(page) == where(ledger, verdict="fails", paper="asymptotic") and found(page) == "2 of 10 claims"
    page.select_option("[name=kind]", "statistical")
    assert numbers(page) == where(ledger, verdict="fails", paper="asymptotic", kind="statistical") and len(numbers(page)) == 1
    page.select_option("[name=standing]", "open")
    assert numbers(page) == where(ledger, verdict="fails", paper="asymptotic", kind="statistical", standing="open")
    page.click("text=Show all")
    page.wait_for_function("document.getElementById('found').textContent === '10 of 10 claims'")
    assert numbers(page) == reading_order(ledger)


def test_words_are_sought_in_all_of_a_row_in_any_order(opened, report):
    page = opened()
    page.fill("[name=words]", "READ erratum")   # the erratum, in a row that is closed
    assert numbers(page) == where(report.ledger, name="corrected")
    page.fill("[name=words]", "theorem 9 nowhere")
    assert numbers(page) == [] and page.is_visible("#none")


@pytest.mark.parametrize("head, key", [
    ("What the paper says", lambda ledger: [str(text) for text in ledger.sentence.values]),
    ("Verdict", lambda ledger: [["fails", "holds as corrected", "holds", "not run"].index(verdict) for verdict in ledger.verdict.values]),
    ("Kind", lambda ledger: [str(kind) for kind in ledger.kind.values]),
])  # fmt: skip
def test_heads_sort_and_turn_round(opened, report, head, key):
    page, keys, order = opened(), key(report.ledger), reading_order(report.ledger)
    button = page.locator("#ledger thead button", has_text=head)
    state = "() => [...document.querySelectorAll('#ledger thead th')].map(head => head.ariaSort).filter(sort => sort !== 'none')"
    button.click()
    assert numbers(page) == sorted(order, key=lambda index: keys[index]) and page.evaluate(state) == ["ascending"]
    button.click()
    assert numbers(page) == sorted(numbers(page), key=lambda index: keys[index], reverse=True) and page.evaluate(state) == ["descending"]
    before, labels = numbers(page), [f"{paper}: {number}" for paper, number in zip(report.ledger.paper.values, report.ledger.number.values)]
    page.locator("#ledger thead button", has_text="Statement").click()
    assert numbers(page) == sorted(before, key=lambda index: report.ledger.statement.values.tolist().index(labels[index]))


def test_sorting_leaves_the_filter_alone(opened, report):
    page = opened()
    page.select_option("[name=verdict]", "holds")
    page.locator("#ledger thead button", has_text="Kind").click()
    assert sorted(numbers(page)) == where(report.ledger, verdict="holds")


def test_a_link_from_a_statement_shows_its_claim_whatever_the_filter(opened):
    page = opened()
    page.fill("[name=words]", "nothing is like this")
    page.locator("#statements details summary").first.click()
    page.locator("#statements a", has_text="wrong").first.click()
    page.wait_for_function("document.querySelector('#claim-2 details').open && !document.querySelector('#claim-2').hidden")
    assert page.is_visible("#claim-2 .form")


def test_the_table_of_agreement_sorts_by_numbers_with_missing_ones_lowest(opened):
    page = opened()
    page.locator("#agreement thead button", has_text="largest").click()
    assert page.locator("#agreement tbody th").all_inner_texts() == ["c", "a", "b"]


# --- the explorer -------------------------------------------------------------------------------------------------


def points(count=20):
    """Points in every phase: some by design (alpha = 1, on the boundary, steps too long for any data), others at random."""
    rng = np.random.default_rng(8)
    designed = [(1.0, 16.0, 0.1, 1.0), (1.0, math.inf, 0.0, 1.0), (2.0, asymptotic.critical_task_ratio(2, 0.3).item(), 0.3, 1.0),
                (3.0, 1.6, 2.0, 1.0), (2.0, math.inf, 0.0, 1.4), (0.4, math.inf, 0.5, 0.7)]  # fmt: skip
    free = [(10 ** rng.uniform(-1, 1), 1 + 10 ** rng.uniform(-1, 1.5), rng.uniform(0, 2), rng.choice([1.0, rng.uniform(0.1, 1.5)]))
            for _ in range(count - len(designed))]  # fmt: skip
    return designed + [tuple(map(float, point)) for point in free]


def predicted(page, alpha, tau, sigma, eta, depth=120):
    """What the explorer says of a point."""
    word = "Infinity" if math.isinf(tau) else repr(tau)
    return page.evaluate(f"() => explorer.predict({{alpha: {alpha!r}, tau: {word}, sigma: {sigma!r}, eta: {eta!r}, depth: {depth}}})")


def test_the_explorer_agrees_with_the_library_at_points_of_every_phase(opened):
    page, phases = opened(), set()
    for alpha, tau, sigma, eta in points():
        told = predicted(page, alpha, tau, sigma, eta)
        curve = asymptotic.error_curve(alpha, tau, sigma, depth=120, step_size=eta)
        assert np.exp(told["logs"]) == pytest.approx(curve.values, rel=1e-6, abs=0)
        best = best_depth_of(asymptotic.log_error_curve(alpha, tau, sigma, depth=120, step_size=eta)).item()
        assert (told["phase"], told["best"]) == (asymptotic.phase(alpha, tau, sigma, step_size=eta).item(), best)
        expected = [asymptotic.critical_task_ratio(alpha, sigma, step_size=eta), asymptotic.drift_boundary(alpha, sigma),
                    asymptotic.growth_rate(alpha, tau, sigma, step_size=eta), asymptotic.error_floor(alpha, tau, sigma, step_size=eta)]
        assert [told[name] for name in ("critical", "drift", "rate", "floor")] == pytest.approx(
            [value.item() for value in expected], rel=1e-9, abs=1e-14, nan_ok=True)  # fmt: skip
        phases.add(told["phase"])
    assert phases == {"exponential", "slow", "polynomial", "saturation", "overthinking"} and len(points()) == 20


def readings(page):
    names, values = (page.locator(f".readings {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values))


def test_fields_and_sliders_change_what_is_drawn_and_said_at_once(opened):
    page = opened()
    drawn = page.locator(".curve svg").inner_html()
    for name, value in {"alpha": "2", "tau": "4", "sigma": "0.1", "eta": "1", "depth": "40"}.items():
        field = page.locator(f"#knob-{name} + input")
        field.fill(value)
        field.press("Enter")
    error = asymptotic.error_curve(2, 4, 0.1, depth=40).values
    assert page.inner_text(".word") == "exponential" and readings(page)["best depth"] == "40 (the largest here)"
    said = readings(page)["error there"].replace(" × 10⁻", "e-").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    assert float(said) == pytest.approx(error[40], rel=5e-3)
    assert page.locator(".curve svg").inner_html() != drawn
    page.locator("#knob-tau").press("End")
    assert page.evaluate("explorer.state.tau === Infinity") and page.input_value("#knob-tau + input") == "∞"
    page.locator("#knob-tau").press("Home")
    assert page.inner_text(".word") == "overthinking" and page.get_attribute("#knob-tau", "aria-valuetext") == "1.03"


def test_a_value_that_is_not_allowed_is_refused_with_a_reason_and_changes_nothing(opened):
    page = opened()
    before = page.evaluate("({...explorer.state})")
    field = page.locator("#knob-tau + input")
    field.fill("0.8")
    field.press("Enter")
    assert page.inner_text(".complaint") == "τ = 0.8: must be a number from 1.001 to 1000000, or inf"
    assert field.get_attribute("aria-invalid") == "true"
    assert page.evaluate("({...explorer.state})") == before


@pytest.mark.parametrize("typed, allowed", [("1.001", True), ("1e6", True), ("1.0009", False), ("1000001", False), ("-inf", False)])
def test_the_task_ratio_may_be_what_the_complaint_says(opened, typed, allowed):
    page = opened()
    field = page.locator("#knob-tau + input")
    field.fill(typed)
    field.press("Enter")
    assert (page.inner_text(".complaint") == "") == allowed


@pytest.mark.parametrize("expression, text", [
    ("wordsOfLog(-800)", "3.67 × 10⁻³⁴⁸"), ("wordsOfLog(-Infinity)", "0"), ("wordsOfLog(800)", "2.73 × 10³⁴⁷"), ("words(0)", "0"),
    ("words(9.9999e-7)", "1.00 × 10⁻⁶"), ("words(-9.9999e7)", "−1.00 × 10⁸"), ("words(Infinity)", "∞"), ("words(NaN)", "–"),
])  # fmt: skip
def test_numbers_beyond_the_range_are_said_as_powers_of_ten(opened, expression, text):
    assert opened().evaluate(f"explorer.{expression}") == text


def test_a_rate_that_rounds_to_0_keeps_the_sign_of_its_phase(opened):
    """The smallest normal number is the library's value there too."""
    page, rates = opened(), []
    for alpha in 1 + 10 ** -np.linspace(3, 6, 13):
        for factor, sign, word in ((1 + 1.2e-12, -1, "exponential"), (1 - 1.2e-12, 1, "overthinking")):
            told = predicted(page, float(alpha), asymptotic.critical_task_ratio(alpha).item() * factor, 0.0, 1.0, depth=1)
            assert told["phase"] == word and told["rate"] * sign >= np.finfo(float).tiny
            rates.append(abs(told["rate"]))
    assert np.finfo(float).tiny in rates


def test_every_example_is_in_the_phase_that_it_is_named_after(opened):
    page = opened()
    for name in ("exponential", "slow", "polynomial", "saturation", "overthinking"):
        page.click(f".presets >> text={name}")
        assert page.inner_text(".word") == name
    for name in ("missing in the paper", "steps too long"):
        page.click(f".presets >> text={name}")
        assert page.inner_text(".word") == "overthinking"


def test_a_click_on_the_map_moves_the_point_there(opened):
    page = opened()
    page.locator(".map svg").scroll_into_view_if_needed()
    box = page.locator(".map svg").bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.1 * box["height"])
    state = page.evaluate("({...explorer.state})")
    assert state["alpha"] > 5 and state["tau"] > 20 and page.inner_text(".word") == "exponential"
    assert float(page.input_value("#knob-alpha + input")) == state["alpha"]


def test_the_curve_is_drawn_where_its_numbers_are(opened):
    """Heights of the drawn curve are a line in the logarithm of the error."""
    page = opened()
    path = page.get_attribute(".curve .line", "d").removeprefix("M").split("L")
    drawn = np.array([float(point.split()[1]) for point in path])
    logs = np.array(predicted(page, **page.evaluate("({...explorer.state})"))["logs"])
    fit = np.polyfit(logs, drawn, 1)
    assert len(drawn) == len(logs) and fit[0] < 0 and np.polyval(fit, logs) == pytest.approx(drawn, abs=0.11)   # pixels
