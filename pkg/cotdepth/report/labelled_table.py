"""Any dataset along one dimension as a table: its variables are columns, with their long names over them."""

import numpy as np
import xarray as xr

from cotdepth.report.numbers import short


def labelled_table(dataset: xr.Dataset, dimension: str) -> dict:
    """Title, column heads and rows.

    Parameters
    ----------
    dataset : xarray.Dataset
        Variables and coordinates along `dimension`, each with a ``long_name``; others are left out.
    dimension : str
        What the rows are.

    Returns
    -------
    dict
        ``title``; ``columns``, of ``{name, head, numeric}``, texts first; ``rows``, lists of ``{text, key}``: what is shown and what
        it is sorted by.
    """
    variables = {name: variable for name, variable in dataset.variables.items() if variable.dims == (dimension,)}
    texts = [name for name, variable in variables.items() if variable.dtype.kind in "UOS"]
    ordered = [name for name in texts if name != dimension] + [name for name in variables if name not in texts]
    columns = [{"name": name, "head": _head(variables[name]), "numeric": name not in texts} for name in ordered]
    rows = [[_cell(variables[name].values[index]) for name in ordered] for index in range(dataset.sizes[dimension])]
    return {"title": dataset.attrs["title"], "columns": columns, "rows": rows}


def _head(variable):
    units = variable.attrs.get("units", "1")
    return variable.attrs["long_name"] + ("" if units == "1" else f" ({units})")


def _cell(value):
    if isinstance(value, (str, bytes)):
        return {"text": str(value), "key": str(value)}
    return {"text": str(int(value)) if np.issubdtype(type(value), np.integer) else short(float(value)), "key": repr(float(value))}
