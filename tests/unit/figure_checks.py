"""What holds of every figure, and datasets as figures get them."""

from itertools import combinations

import numpy as np


def cell(dataset, axes, stage):
    """A dataset as `cotdepth.store.open_artifact` reads it."""
    made = {"experiment": "e", "stage": stage, "cell": str(axes), "axes": str(axes).replace("'", '"')}
    return dataset.assign_attrs(made)


def panels_of(figure):
    return [axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"]


def legend_texts(figure):
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()] + figure.legends
    return " | ".join(text.get_text() for legend in legends for text in legend.get_texts())


def assert_readable(figure):
    """All on the page, titles and tick labels beside each other, every panel with its labels, some of every line in its panel."""
    figure.canvas.draw()
    page, drawn = figure.bbox_inches, figure.get_tightbbox()
    assert drawn.x0 > -0.01 and drawn.y0 > -0.01 and drawn.x1 < page.x1 + 0.01 and drawn.y1 < page.y1 + 0.01
    titles = [axes.title.get_window_extent() for axes in panels_of(figure)]
    assert not any(one.overlaps(other) for one, other in combinations(titles, 2))
    for axes in panels_of(figure):
        assert axes.get_xlabel() and axes.get_title()
        assert any(shared.get_ylabel() for shared in axes.get_shared_y_axes().get_siblings(axes))
        assert not any(one.overlaps(other) for axis in (axes.xaxis, axes.yaxis) for one, other in combinations(_tick_labels(axis), 2))
        low, high = sorted(axes.get_ylim())
        for line in axes.lines:
            values = np.asarray(line.get_ydata(), float)
            assert ((values >= low) & (values <= high)).any(), f"{axes.get_title()}: a line without a point in the panel"


def _tick_labels(axis):
    """Where the labels of the ticks in view stand."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if low <= tick.get_loc() <= high]
    return [tick.label1.get_window_extent() for tick in ticks if tick.label1.get_visible() and tick.label1.get_text()]
