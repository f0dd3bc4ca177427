"""Paraphrases for lesson 00."""

import numpy as np
from paraphrase import paraphrase


@paraphrase("uniform_attention", "mean over the width")
def sum_of_each_row_over_its_length(values):
    values = np.asarray(values)
    return np.einsum("...kv->...k", values) / values.shape[-1]


@paraphrase("uniform_attention", "sum instead of mean")
def weights_of_one(values):
    values = np.asarray(values)
    weights = np.ones_like(values[..., 0])
    return np.einsum("...k,...kv->...v", weights, values)


@paraphrase("uniform_attention", "mean over the first axis")
def running_total(values):
    total = 0
    for row in values:
        total = total + row
    return total / len(values)


@paraphrase("uniform_attention", "divided by the width")
def share_of_the_wrong_length(values):
    n = np.shape(values)[-1]
    return np.sum(values, axis=-2) / n


@paraphrase("uniform_attention", "the axis of the keys is kept")
def one_query_of_equal_weights(values):
    values = np.asarray(values)
    n_keys = values.shape[-2]
    weights = np.full((1, n_keys), 1 / n_keys, dtype=values.dtype if values.dtype.kind == "f" else float)
    return weights @ values
