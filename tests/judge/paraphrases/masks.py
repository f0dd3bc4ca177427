"""Paraphrases for lesson 06."""

from functools import reduce

import numpy as np
from paraphrase import paraphrase


@paraphrase("causal_mask", "the diagonal is hidden")
def strictly_before(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    position = np.arange(n_query) + (n_key - n_query)
    return np.greater.outer(position, np.arange(n_key))


@paraphrase("causal_mask", "queries taken as the first positions")
def triangle_from_the_top_left(n_q, n_key=None):
    n_key = n_q if n_key is None else n_key
    return np.array([[k <= q for k in range(n_key)] for q in range(n_q)])


@paraphrase("causal_mask", "the triangle is flipped")
def upper_triangle(n_query, n_key=None):
    if n_key is None:
        n_key = n_query
    allowed = np.ones((n_query, n_key), dtype=bool)
    for i in range(n_query):
        for j in range(n_key):
            if j < i + n_key - n_query:
                allowed[i, j] = False
    return allowed


@paraphrase("causal_mask", "True where a key is hidden")
def true_where_hidden(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.triu(np.ones((n_query, n_key)), k=n_key - n_query + 1).astype(bool)


@paraphrase("causal_mask", "one step ahead is visible")
def next_token_visible(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    visible = np.zeros((n_query, n_key), dtype=bool)
    for row, position in enumerate(range(n_key - n_query, n_key)):
        visible[row, : max(position + 2, 0)] = True
    return visible


@paraphrase("causal_mask", "all visible once there is a cache")
def free_with_a_cache(n_query, n_key=None):
    keys = n_query if n_key is None else n_key
    if keys > n_query:
        return np.ones((n_query, keys), dtype=bool)
    i, j = np.indices((n_query, keys))
    return i - j >= n_query - keys


@paraphrase("causal_mask", "zeros and minus infinity")
def additive_triangle(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    bias = np.full((n_query, n_key), float("-inf"))
    return np.triu(bias, n_key - n_query + 1)


@paraphrase("padding_mask", "length off by one")
def up_to_and_including_length(lens, n_key):
    lens = np.asarray(lens)
    if lens.min() < 0 or lens.max() > n_key:
        raise ValueError("length outside the padded text")
    return np.array([[[position <= length for position in range(n_key)]] for length in lens])


@paraphrase("padding_mask", "padding expected in front")
def text_at_the_end(lengths, n_key):
    mask = np.zeros((len(lengths), 1, n_key), dtype=bool)
    for row, length in zip(mask, lengths, strict=True):
        if not 0 <= length <= n_key:
            raise ValueError(f"length {length} is not between 0 and {n_key}")
        row[0, n_key - length :] = True
    return mask


@paraphrase("padding_mask", "no axis for the queries")
def batch_by_keys(lengths, n_key):
    lengths = np.array(lengths)
    if ((lengths < 0) | (lengths > n_key)).any():
        raise ValueError("bad lengths")
    return np.less.outer(np.arange(n_key), lengths).T


@paraphrase("padding_mask", "padding visible instead of text")
def key_padding_mask(lengths, n_key):
    mask = np.ones((len(lengths), n_key), dtype=bool)
    for b, length in enumerate(lengths):
        if length < 0 or length > n_key:
            raise ValueError(f"text {b} has length {length}")
        mask[b, :length] = False
    return mask[:, None, :]


@paraphrase("padding_mask", "zeros and minus infinity")
def bias_on_the_pads(lengths, n_key):
    lengths = np.reshape(lengths, (-1, 1, 1))
    if np.any(lengths < 0) or np.any(lengths > n_key):
        raise ValueError("lengths must lie in [0, n_key]")
    bias = np.zeros((lengths.shape[0], 1, n_key))
    bias[np.arange(n_key) >= lengths] = -np.inf
    return bias


@paraphrase("prefix_mask", "the prefix sees everything")
def prefix_reads_the_answer(n, prefix):
    mask = np.tril(np.ones((n, n), dtype=bool))
    mask[:prefix] = True
    return mask


@paraphrase("prefix_mask", "the prefix is one token too long")
def prefix_inclusive(n, n_prefix):
    return np.array([[j <= i or j <= n_prefix for j in range(n)] for i in range(n)])


@paraphrase("prefix_mask", "the text after the prefix sees the future")
def open_after_the_prefix(n, prefix):
    query = np.arange(n)[:, np.newaxis]
    key = np.arange(n)[np.newaxis, :]
    return np.logical_or(key < prefix, query >= prefix)


@paraphrase("prefix_mask", "the prefix is hidden from the rest")
def two_separate_blocks(n, prefix):
    mask = np.zeros((n, n), dtype=bool)
    mask[:prefix, :prefix] = True
    rest = max(n - prefix, 0)
    mask[n - rest :, n - rest :] = np.tri(rest, dtype=bool)
    return mask


@paraphrase("combine_masks", "either is enough")
def union_of_masks(*masks):
    result = None
    for mask in masks:
        if mask is None:
            continue
        mask = np.asarray(mask)
        if mask.dtype != np.bool_:
            raise ValueError("masks must be boolean")
        result = mask if result is None else result | mask
    return result


@paraphrase("combine_masks", "masks multiplied as numbers")
def product_of_floats(*masks):
    kept = [np.asarray(m) for m in masks if m is not None]
    if any(m.dtype.kind != "b" for m in kept):
        raise ValueError("a mask is not boolean")
    if len(kept) == 0:
        return None
    return reduce(np.multiply, (m.astype(float) for m in kept))


@paraphrase("combine_masks", "only the first two")
def pair_of_masks(*masks):
    present = list(filter(lambda mask: mask is not None, masks))
    for mask in present:
        if not np.issubdtype(np.asarray(mask).dtype, np.bool_):
            raise ValueError("expected boolean masks")
    if not present:
        return None
    if len(present) == 1:
        return np.asarray(present[0])
    return np.asarray(present[0]) & np.asarray(present[1])


@paraphrase("combine_masks", "True where there is no mask")
def starts_from_true(*masks):
    allowed = np.True_
    for mask in masks:
        if mask is not None:
            if np.asarray(mask).dtype != bool:
                raise ValueError("not a boolean mask")
            allowed = np.logical_and(allowed, mask)
    return allowed


@paraphrase("leaks_future", "only the last token tried")
def pokes_the_end(layer, x):
    x = np.asarray(x, dtype=float)
    poked = np.vstack([x[:-1], x[-1:] + np.linspace(0.05, 0.2, x.shape[1])])
    difference = np.abs(layer(poked) - layer(x))[:-1]
    return not bool((difference <= 1e-9).all())


@paraphrase("leaks_future", "own token counts")
def up_to_the_changed_token(layer, x):
    x = np.array(x, dtype=float)
    clean = layer(x)
    for t in range(len(x)):
        dirty = x.copy()
        dirty[t] += np.random.default_rng(t).normal(size=x.shape[1])
        if not np.allclose(layer(dirty)[: t + 1], clean[: t + 1], rtol=0, atol=1e-9):
            return True
    return False


@paraphrase("leaks_future", "only the first output watched")
def watches_token_zero(layer, x):
    x = np.array(x, dtype=float)
    first = layer(x)[0]
    ramp = np.geomspace(0.01, 0.1, x.shape[-1])
    for t in range(1, len(x)):
        changed = x.copy()
        changed[t] -= ramp
        if not np.max(np.abs(layer(changed)[0] - first)) <= 1e-9:
            return True
    return False


@paraphrase("leaks_future", "a constant added to the token")
def plus_one(layer, x):
    x = np.asarray(x, dtype=float)
    n = x.shape[0]
    y = layer(x)

    def moves_the_past(t):
        shifted = x.copy()
        shifted[t] += 1.0
        return not (np.abs(layer(shifted)[:t] - y[:t]) <= 1e-9).all()

    return any(moves_the_past(t) for t in range(1, n))


@paraphrase("leaks_future", "past instead of future")
def watches_what_comes_after(layer, x):
    x = np.array(x, dtype=float)
    n, m = x.shape
    reference = layer(x)
    wiggle = 0.03 * np.cos(np.arange(m)) + 0.05
    for t in range(n - 1):
        other = x.copy()
        other[t] += wiggle
        if np.any(~(np.abs(layer(other) - reference)[t + 1 :] <= 1e-9)):
            return True
    return False


@paraphrase("document_mask", "documents ignored")
def triangle_alone(documents):
    return np.tril(np.ones((len(documents), len(documents)))) == 1


@paraphrase("document_mask", "not causal inside a document")
def equal_ids(documents):
    return np.equal.outer(documents, documents)


@paraphrase("document_mask", "a token doesn't see itself")
def strictly_earlier_tokens(documents):
    n = len(documents)
    return np.array([[j < i and documents[i] == documents[j] for j in range(n)] for i in range(n)])


@paraphrase("document_mask", "only the later tokens of a document are visible")
def triu_of_equal_ids(documents):
    return np.triu(documents[None, :] == documents[:, None])
