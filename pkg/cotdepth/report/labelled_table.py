"""Any dataset along one dimension as a table: its variables are columns, with their long names over them."""

import re

import numpy as np
import xarray as xr

from cotdepth.report.numbers import short

LONG = 70  # characters: a column with longer texts becomes notes that a reader opens
SHORT = 25  # longest name that is a head as it is


def labelled_table(dataset: xr.Dataset, dimension: str) -> dict:
    """Title, column heads and rows.

    Parameters
    ----------
    dataset : xarray.Dataset
        Variables and coordinates along `dimension`, each with a ``long_name``; others, and the coordinate itself, are left out.
    dimension : str
        What the rows are.

    Returns
    -------
    dict
        ``title``; ``columns``, of ``{head, about, numeric}``, texts first: the head is the long name, a long one in part;
        ``rows``, of ``{cells, notes}``: cells are ``{text, key}``, what is shown and what it is sorted by, notes ``{head, text}``.
    """
    variables = {name: variable for name, variable in dataset.variables.items() if variable.dims == (dimension,) and name != dimension}
    texts = [name for name, variable in variables.items() if variable.dtype.kind in "UOS"]
    notes = [name for name in texts if max((len(str(text)) for text in variables[name].values), default=0) > LONG]
    ordered = [name for name in texts if name not in notes] + [name for name in variables if name not in texts]
    columns = [_column(variables[name], name not in texts) for name in ordered]
    rows = [{"cells": [_cell(variables[name].values[index]) for name in ordered],
             "notes": [{"head": variables[name].attrs["long_name"], "text": str(variables[name].values[index])} for name in notes]}
            for index in range(dataset.sizes[dimension])]  # fmt: skip
    return {"title": dataset.attrs["title"], "columns": columns, "rows": rows}


def _column(variable, numeric):
    units = variable.attrs.get("units", "1")
    about = variable.attrs["long_name"] + ("" if units == "1" else f" ({units})")
    head = re.split(r": |; | \(", about)[0] if len(about) > SHORT else about
    return {"head": head if len(head) < LONG - SHORT else head.partition(" with ")[0], "about": about, "numeric": numeric}


def _cell(value):
    if isinstance(value, (str, bytes)):
        return {"text": str(value), "key": str(value)}
    text = str(int(value)) if np.issubdtype(type(value), np.integer) else short(float(value))
    return {"text": text, "key": repr(float(value)).replace("inf", "Infinity")}   # as JavaScript reads it
