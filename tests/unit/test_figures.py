"""Figures draw every curve they are given."""

import numpy as np
import pytest
import xarray as xr

from cotdepth.combine import combine
from cotdepth.comparison import compare_finite_size
from cotdepth.figures.depth_curves import draw_depth_curves
from cotdepth.figures.phase_diagram import draw_phase_diagram
from cotdepth.theory.summary import summarise_regimes


def cell(dataset, axes, stage):
    """A dataset as `cotdepth.store.open_artifact` reads it."""
    made = {"experiment": "e", "stage": stage, "cell": str(axes), "axes": str(axes).replace("'", '"')}
    return dataset.assign_attrs(made)


def compared(alpha):
    theory = summarise_regimes(alpha, 4, 0.1, depth=6)
    rng = np.random.default_rng(0)
    errors = theory.error * xr.DataArray(1 + 0.1 * rng.random((4, 3)), dims=("dim", "seed"), coords={"dim": [16, 32, 64, 128]})
    experiment = xr.Dataset({"error_mean": errors, "error_median": errors, "error_quantile": errors.expand_dims(quantile=[0.1, 0.9])})
    return cell(compare_finite_size(experiment, theory.error), {"alpha": alpha, "tau": 4}, "compare")


@pytest.mark.parametrize("count", [1, 3, 11])
def test_every_cell_has_a_curve_and_a_place_in_the_legend(count):
    cells = combine([compared(float(alpha)) for alpha in range(2, 2 + count)])
    figure = draw_depth_curves(cells, depth=5, title="t", panels=[{"tau": 4}])
    above, below = figure.axes
    theory = [line for line in above.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 7]
    assert len(theory) == len({str(line.get_color()) for line in theory}) == count
    assert len(above.get_legend().get_texts()) == count


def test_trajectories_are_drawn_on_the_map_and_beside_it():
    maps = combine([cell(summarise_regimes([0.5, 1, 2], [2, 4], sigma, depth=5), {"sigma": sigma}, "theory") for sigma in (0.1, 1)])
    places = [{"alpha": alpha, "tau": 3.0, "sigma": sigma} for alpha in (0.5, 1.0, 1.5, 2.0, 3.0) for sigma in (0.1, 1.0)]
    trajectories = combine([cell(summarise_regimes(**place, depth=5), place, "theory") for place in places])
    figure = draw_phase_diagram(maps, trajectories, depth=5, title="t", panels=[{}, {"sigma": 1}])
    first, second, *_, everything, some = [axes for axes in figure.axes if axes.get_xlabel()]
    assert [len(everything.lines), len(some.lines)] == [10, 5]
    for axes in (first, second):
        assert sum(line.get_marker() == "o" for line in axes.lines) == 5
