"""Linear self-attention that answers a query (gradient-flow paper, section 3.2 and Lemma 5.1).

Tokens are the columns ``(x_i, y_i)`` of the ``N`` examples and a last one, ``(x_query, 0)``, in whose place the answer
stands: the layer adds ``W_PV E (E^T W_KQ E) / N`` to the tokens ``E``, and its entry at the bottom right is the prediction.
Of the two matrices only the last row of ``W_PV`` and the first ``D`` columns of ``W_KQ`` matter; `relevant_entries` collects them.
"""

import numpy as np

from cotdepth.theory.population import matrix_argument


def embedding(features, labels, query) -> np.ndarray:
    """The tokens of a prompt as columns, (D + 1, N + 1).

    Parameters
    ----------
    features : (N, D) array
        Of the examples, one a row.
    labels : (N,) array
    query : (D,) array
        Features whose label is asked for.

    Raises
    ------
    ValueError
        If the shapes do not match.

    Notes
    -----
    Gradient-flow paper, eq. (3.4).
    """
    features, labels, query = np.asarray(features, dtype=float), np.asarray(labels, dtype=float), np.asarray(query, dtype=float)
    if features.ndim != 2 or not features.size or labels.shape != features.shape[:1] or query.shape != features.shape[1:]:
        shapes = f"features has shape {features.shape}, labels {labels.shape}, query {query.shape}"
        raise ValueError(f"{shapes}: must be (N, D), (N,) and (D,) with N, D >= 1")
    return np.block([[features.T, query[:, None]], [labels[None], np.zeros((1, 1))]])


def layer_output(tokens, key_query, projection_value) -> np.ndarray:
    """All tokens after the layer, ``E + W_PV E (E^T W_KQ E) / N``, (D + 1, N + 1).

    Parameters
    ----------
    tokens : (D + 1, N + 1) array
        As from `embedding`.
    key_query, projection_value : (D + 1, D + 1) array
        ``W_KQ`` and ``W_PV``.

    Raises
    ------
    ValueError
        If a matrix has another shape or entries that are not finite.

    Notes
    -----
    Gradient-flow paper, eq. (3.3), divided by the number of examples, the width of the tokens minus one.
    """
    tokens = np.asarray(tokens, dtype=float)
    key_query = matrix_argument("key_query", key_query, len(tokens))
    projection_value = matrix_argument("projection_value", projection_value, len(tokens))
    return tokens + projection_value @ tokens @ (tokens.T @ key_query @ tokens) / (tokens.shape[1] - 1)


def prediction(tokens, key_query, projection_value) -> float:
    """The label that the layer gives to the query: the last row of ``W_PV``, times ``E E^T / N``, times ``W_KQ x_query``.

    Arguments as in `layer_output`, whose bottom right entry this is, at less cost. Source: gradient-flow paper, eq. (3.6).
    """
    tokens = np.asarray(tokens, dtype=float)
    key_query = matrix_argument("key_query", key_query, len(tokens))
    projection_value = matrix_argument("projection_value", projection_value, len(tokens))
    gram = tokens @ tokens.T / (tokens.shape[1] - 1)
    return float(projection_value[-1] @ gram @ key_query @ tokens[:, -1])


def relevant_entries(key_query, projection_value) -> np.ndarray:
    """The entries that predictions depend on: ``U``, (D + 1, D + 1), with ``U_11 = W_KQ,11`` and ``u_-1 = w_PV,22``.

    Its last column is the last row of ``W_PV``, the rest the first ``D`` columns of ``W_KQ``. Source: gradient-flow paper, Lemma 5.1.
    """
    key_query = matrix_argument("key_query", key_query, len(key_query))
    projection_value = matrix_argument("projection_value", projection_value, len(key_query))
    return np.column_stack([key_query[:, :-1], projection_value[-1]])


def quadratic_form(tokens) -> np.ndarray:
    """``H`` with prediction ``Vec(U)^T H Vec(U)`` for `relevant_entries` ``U``, ((D + 1)^2, (D + 1)^2), symmetric.

    ``Vec`` stacks columns: ``U.ravel(order="F")``. ``H`` has ``min(D + 1, N + 1)`` negative eigenvalues almost surely, as many
    as the rank of the tokens, so that the loss is not convex.

    Source: gradient-flow paper, eq. (5.1); its section 5.1 says "at least D + 1" of them, true from ``N >= D`` on (erratum).
    """
    tokens = np.asarray(tokens, dtype=float)
    query = np.zeros((len(tokens), len(tokens)))
    query[:-1, -1] = query[-1, :-1] = tokens[:-1, -1]
    return np.kron(query, tokens @ tokens.T) / (2 * (tokens.shape[1] - 1))
