"""Arrays of jobs under SLURM: its executor loses jobs of them where their number is limited, so both together are refused."""

import sys
from types import SimpleNamespace

import pytest

from cotdepth.workflow import require_unlimited_arrays

ARRAYS = SimpleNamespace(array_jobs="data_pool, train_chains")


def test_arrays_with_limited_jobs_are_refused_with_code_2_and_a_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        require_unlimited_arrays(ARRAYS, 100)
    assert stopped.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("cotdepth: jobs = 100: must be unlimited where slurm-array-jobs is set")


@pytest.mark.parametrize("settings, jobs", [
    (ARRAYS, sys.maxsize), (SimpleNamespace(array_jobs=None), 100), (SimpleNamespace(), 1), (None, 1),
])  # fmt: skip
def test_arrays_without_a_limit_and_other_executors_are_not(settings, jobs):
    require_unlimited_arrays(settings, jobs)
