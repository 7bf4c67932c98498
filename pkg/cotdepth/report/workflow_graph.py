"""The workflow as a drawing: a row for each experiment, a column for each stage, then figures and the papers that are judged by it."""

from markupsafe import Markup, escape

from cotdepth.report.papers import PAPERS

ROW, TOP, LABEL, STAGE, FIGURE, CLAIMS = 30, 34, 156, 82, 156, 96  # pixels
HALF = 31  # half the width of a node


def workflow_graph(experiments: dict, figures: dict, claims: dict) -> Markup:
    """SVG of experiments, their stages and what reads them, without a script or a font of its own.

    Parameters
    ----------
    experiments : dict
        Name -> ``{stages: {stage: {inputs, cells}}}``.
    figures : dict
        Name -> ``{inputs: {role: experiment/stage}}``.
    claims : dict
        Paper -> the ``experiment/stage`` that its claims read.
    """
    columns = _columns(experiments)
    nodes = {(name, stage): (LABEL + columns[stage] * STAGE + HALF, TOP + row * ROW + ROW / 2)
             for row, (name, each) in enumerate(experiments.items()) for stage in each["stages"]}  # fmt: skip
    end = LABEL + len(columns) * STAGE + 10
    drawn = _figure_places(figures, list(experiments), end)
    width, height = end + FIGURE + CLAIMS, TOP + max(len(experiments), len(figures)) * ROW + 8
    parts = [*_heads(columns, end), *_rows(experiments, width), *_edges(experiments, nodes), *_figure_edges(figures, nodes, drawn),
             *_nodes(experiments, nodes), *_figure_names(drawn), *_judged(experiments, claims, end + FIGURE)]  # fmt: skip
    label = f"{len(experiments)} experiments, each a row of stages from data to comparison, {len(figures)} figures and {len(claims)} papers"
    head = Markup('<svg class="workflow" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">')
    return head.format(width, height, width, height, label) + Markup("").join(parts) + Markup("</svg>")


def _columns(experiments):
    """Stages from left to right: each as near as can be to what reads it in any experiment."""
    readers = {}
    for each in experiments.values():
        for stage, about in each["stages"].items():
            readers.setdefault(stage, set())
            for source in about["inputs"]:
                readers.setdefault(source, set()).add(stage)

    def steps_to_the_end(stage):
        return max((1 + steps_to_the_end(reader) for reader in readers[stage]), default=0)

    return {stage: column for column, stage in enumerate(sorted(readers, key=steps_to_the_end, reverse=True))}


def _figure_places(figures, names, x):
    """Each figure beside the first experiment that it shows, or in the next row that is free."""
    rows = {}
    for name, figure in figures.items():
        row = min(names.index(source.partition("/")[0]) for source in figure["inputs"].values())
        while row in rows.values():
            row += 1
        rows[name] = row
    return {name: (x, TOP + row * ROW + ROW / 2) for name, row in rows.items()}


def _text(x, y, words, kind):
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(_short(x), _short(y), kind, escape(words))


def _heads(columns, end):
    yield _text(0, 16, "experiment", "head")
    for stage, column in columns.items():
        yield _text(LABEL + column * STAGE + HALF, 16, stage.replace("_", " "), "head middle")
    yield _text(end, 16, "figure", "head")
    yield _text(end + FIGURE, 16, "claims of", "head")


def _rows(experiments, width):
    for row, name in enumerate(experiments):
        yield Markup('<path d="M0 {}H{}" class="rule"/>').format(TOP + row * ROW, width)
        yield _text(0, TOP + row * ROW + ROW / 2 + 4, name, "name")


def _edges(experiments, nodes):
    for name, each in experiments.items():
        for stage, about in each["stages"].items():
            for source in about["inputs"]:
                (x, y), (x2, _) = nodes[name, source], nodes[name, stage]
                lift = 0 if abs(x2 - x) <= STAGE else -ROW * 0.9  # around the nodes between
                yield _curve(x + HALF if not lift else x, y, x2 - HALF if not lift else x2, y, lift, "edge")


def _curve(x, y, x2, y2, lift, kind):
    middle = (x + x2) / 2
    places = (x, y, middle if not lift else x, y + lift, middle if not lift else x2, y2 + lift, x2, y2)
    return Markup('<path d="M{} {}C{} {} {} {} {} {}" class="{}"/>').format(*map(_short, places), kind)


def _figure_edges(figures, nodes, drawn):
    for name, (x, y) in drawn.items():
        for source in sorted(set(figures[name]["inputs"].values())):
            x1, y1 = nodes[tuple(source.split("/"))]
            yield _curve(x1 + HALF, y1, x - 5, y, 0, "edge far")


def _nodes(experiments, nodes):
    for (name, stage), (x, y) in nodes.items():
        cells = len(experiments[name]["stages"][stage]["cells"])
        yield Markup('<rect x="{}" y="{}" width="{}" height="18" rx="9" class="node"/>').format(_short(x - HALF), _short(y - 9), 2 * HALF)
        yield _text(x, y + 4, f"{cells} job{'s' * (cells != 1)}", "middle")


def _figure_names(drawn):
    for name, (x, y) in drawn.items():
        yield _text(x, y + 4, name, "name")


def _judged(experiments, claims, x):
    for row, name in enumerate(experiments):
        papers = [PAPERS[paper].short for paper, sources in claims.items() if any(source.partition("/")[0] == name for source in sources)]
        yield _text(x, TOP + row * ROW + ROW / 2 + 4, ", ".join(papers), "name")


def _short(number):
    return f"{number:g}"
