"""Every kind of comparison: a function from an experiment's artifacts to rows. A new one is a file, a line here and one in stages.yaml."""

import xarray as xr

from cotdepth.agreement.attention import attention
from cotdepth.agreement.finite_size import finite_size
from cotdepth.agreement.flow import flow
from cotdepth.agreement.layer import layer
from cotdepth.agreement.random_answers import random_answers
from cotdepth.agreement.shift import shift
from cotdepth.agreement.table import agreement_table

KINDS = {
    "finite-size": finite_size, "layer": layer, "attention": attention, "flow": flow, "shift": shift, "random-answers": random_answers,
}  # fmt: skip


def compare_all(artifacts: list[xr.Dataset], kinds: dict[str, str], missing: dict[str, str]) -> xr.Dataset:
    """The agreement table of artifacts.

    Parameters
    ----------
    artifacts : list of xarray.Dataset
        Of all stages that the comparisons read, in any order.
    kinds : dict
        Experiment -> kind of comparison, one of `KINDS`.
    missing : dict
        The same of experiments that the configuration lacks.
    """
    return agreement_table({name: KINDS[kind](_stages(artifacts, name)) for name, kind in kinds.items()}, missing)


def _stages(artifacts, experiment):
    """The artifacts of one experiment, by stage."""
    own = [artifact for artifact in artifacts if artifact.attrs["experiment"] == experiment]
    return {stage: [each for each in own if each.attrs["stage"] == stage] for stage in dict.fromkeys(each.attrs["stage"] for each in own)}
