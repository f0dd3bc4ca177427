"""Lesson 06: masks, or who may look at whom. True = may attend, everywhere."""

import numpy as np

from attncore.self_attention import influence
from attncore.shapes import shaped


@shaped("->(q,k)")
def causal_mask(n_query, n_key=None):
    """Allow each query the keys up to its own position.

    Booleans, True = may attend. Without `n_key` there are as many keys as queries. Where there
    are more keys, the queries are the last positions. Where there are more queries than keys, the
    first rows are empty. Vaswani et al. (2017).
    """
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query, dtype=bool)


@shaped("(b):int->(b,1,k)", axes={"1": "query"})
def padding_mask(lengths, n_key):
    """Allow the keys that belong to the text and hide the padding after it.

    Booleans, True = may attend; `lengths` holds the true length of each text of the batch,
    `n_key` the padded one. The axis of length one is for the queries; where the scores have a
    heads axis too, add one, mask[:, None], as `multi_head_attention` does by itself. A text of
    length 0 is all padding. Raises ValueError for a length below zero or above n_key.
    """
    if np.any((lengths < 0) | (lengths > n_key)):
        raise ValueError(f"padding_mask: lengths are {lengths.tolist()}, expected from 0 to n_key, {n_key}")
    return np.arange(n_key) < lengths[:, None, None]


@shaped("(n):int->(n,n)")
def document_mask(documents):
    """Allow each token the tokens of its own document, up to itself.

    Booleans, True = may attend; `documents` holds the document of each token. Equal ids are one
    document, next to each other or not. Tokens that each have a document of their own see themselves
    alone. Raises ValueError for documents in more than one axis. Krell et al. (2021).
    """
    return causal_mask(len(documents)) & (documents[:, None] == documents)


@shaped("->(n,n)")
def prefix_mask(n, prefix):
    """Allow every token the whole prefix, and beyond it only the tokens up to itself.

    Booleans, True = may attend; `prefix` counts the tokens that all may see. A prefix of 0 gives
    the causal mask. Raffel et al. (2019).
    """
    return causal_mask(n) | (np.arange(n) < prefix)


@shaped("->(...,q,k)")
def combine_masks(*masks):
    """Allow what every mask allows.

    Boolean masks, which broadcast. None allows everything and is skipped. Where no mask is left
    the result is None. Raises ValueError for a mask that is not boolean.
    """
    given = [np.asarray(mask) for mask in masks if mask is not None]
    for mask in given:
        if mask.dtype != bool:
            raise ValueError(f"combine_masks: a mask holds {mask.dtype}, expected booleans")
    try:
        np.broadcast_shapes(*(mask.shape for mask in given))
    except ValueError:
        shapes = ", ".join(str(mask.shape) for mask in given)
        raise ValueError(f"combine_masks: the masks do not broadcast: {shapes}") from None
    return np.logical_and.reduce(np.broadcast_arrays(*given)) if given else None


@shaped("_,(n,m)->()")
def leaks_future(layer, x):
    """Tell whether any output depends on a later token.

    True or False; `layer` takes x and returns one row for each token. A change of more than 1e-9
    counts. A layer that begins with a layer norm is tested like any other.
    """
    return bool(np.triu(influence(layer, x), k=1).any())
