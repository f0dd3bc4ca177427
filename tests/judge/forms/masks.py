"""What is said of masks as libraries, papers' code and courses write them."""

from functools import reduce

import numpy as np


def causal_of_a_square(n):
    return np.tril(np.ones((n, n), dtype=bool))


def causal_of_a_square_that_is_given_both(n_query, n_key=None):
    return np.tril(np.ones((n_query, n_query))).astype(bool)


def causal_from_the_top_left(n_query, n_key=None):
    """As PyTorch's is_causal=True takes it, by definition."""
    return np.tril(np.ones((n_query, n_key or n_query), dtype=bool), k=0)


def causal_from_the_bottom_right(n_query, n_key=None):
    """As flash-attention has it since version 2.1."""
    n_key = n_query if n_key is None else n_key
    return np.tril(np.ones((n_query, n_key), dtype=bool), k=n_key - n_query)


def causal_from_a_buffer(n_query, n_key=None):
    """As GPT-2's code in Transformers cut it from a large square."""
    n_key = n_query if n_key is None else n_key
    bias = np.tril(np.ones((64, 64), dtype=bool))
    return bias[n_key - n_query : n_key, :n_key] if n_key >= n_query else bias[:n_query, :n_key]


def causal_of_torch_generate_square(n_query, n_key=None):
    """As nn.Transformer.generate_square_subsequent_mask: zeros and -inf."""
    n_key = n_query if n_key is None else n_key
    return np.triu(np.full((n_query, n_key), -np.inf), k=1 + n_key - n_query)


def causal_of_the_annotated_transformer(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.triu(np.ones((n_query, n_key)), k=1 + n_key - n_query).astype("uint8") == 0


def causal_where_true_hides(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.triu(np.ones((n_query, n_key), dtype=bool), k=1 + n_key - n_query)


def causal_of_pico_gpt(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return (1 - np.tri(n_query, n_key, n_key - n_query)) * -1e10


def padding_by_comparison(lengths, n_key):
    """As TensorFlow's sequence_mask, with an axis put in."""
    return (np.arange(n_key)[None, :] < np.asarray(lengths)[:, None])[:, None, :]


def padding_of_two_axes(lengths, n_key):
    return np.arange(n_key) < np.asarray(lengths)[:, None]


def padding_with_an_axis_for_heads(lengths, n_key):
    return (np.arange(n_key) < np.asarray(lengths)[:, None])[:, None, None, :]


def padding_of_a_tokenizer(lengths, n_key):
    mask = np.zeros((len(lengths), 1, n_key), dtype=int)
    for row, length in enumerate(lengths):
        mask[row, :, :length] = 1
    return mask


def padding_where_true_hides(lengths, n_key):
    """As key_padding_mask of PyTorch's MultiheadAttention."""
    return np.arange(n_key) >= np.asarray(lengths)[:, None, None]


def prefix_by_filling(n, prefix):
    mask = np.tril(np.ones((n, n), dtype=bool))
    mask[:prefix, :prefix] = True
    return mask


def prefix_by_rule(n, prefix):
    """As FlexAttention's prefix_lm."""
    q, kv = np.arange(n)[:, None], np.arange(n)[None, :]
    return (kv <= q) | (kv < prefix)


def prefix_by_rows(n, prefix):
    mask = np.tril(np.ones((n, n), dtype=bool))
    mask[:prefix] = True
    return mask


def combined_by_and(*masks):
    out = None
    for mask in masks:
        if mask is None:
            continue
        out = mask if out is None else np.logical_and(out, mask)
    return out


def combined_by_reduce(*masks):
    return reduce(np.logical_and, masks)


def combined_as_in_flax(*masks):
    """As Flax's combine_masks, whose default dtype is float32."""
    given = [mask for mask in masks if mask is not None]
    if not given:
        return None
    mask, *others = given
    for other in others:
        mask = np.logical_and(mask, other)
    return mask.astype(np.float32)


def combined_by_product(*masks):
    out = 1
    for mask in masks:
        if mask is not None:
            out = out * mask
    return out


def leaks_by_changing_each_token(layer, x):
    out = layer(x)
    for j in range(1, len(x)):
        changed = x.copy()
        changed[j] += 1.0
        if not np.allclose(layer(changed)[:j], out[:j]):
            return True
    return False


def leaks_by_replacing_with_noise(layer, x):
    rng = np.random.default_rng(0)
    out = layer(x)
    for j in range(1, len(x)):
        changed = x.copy()
        changed[j:] = rng.standard_normal(changed[j:].shape)
        if np.abs(layer(changed)[:j] - out[:j]).max() > 1e-9:
            return True
    return False


def leaks_by_the_last_token(layer, x):
    changed = x.copy()
    changed[-1] = changed[-1] * 2 + 1
    return not np.allclose(layer(changed)[:-1], layer(x)[:-1])


NUMBERS = "a mask of numbers is read as booleans"
EMPTY = "Where there are more queries than keys, the first rows are empty."
LENGTH = "Raises ValueError for a length below zero or above n_key."


def causal_of_gpt_2(nd, ns=None, *, dtype=bool):
    ns = nd if ns is None else ns
    i = np.arange(nd)[:, None]
    j = np.arange(ns)
    return (i >= j - ns + nd).astype(dtype)


def causal_from_the_last_rows(n_query, n_key=None):
    k = n_key or n_query
    full = np.tri(k, dtype=np.bool_)
    return full[k - n_query :]


def prefix_in_a_block(n, p):
    m = np.tri(n).astype(bool)
    m[:p, :p] = True
    return m


def combined_by_recursion(first=None, *rest):
    if first is None and (not rest):
        return None
    if not rest:
        return first
    other = combined_by_recursion(*rest)
    return first if other is None else other if first is None else np.logical_and(first, other)


def leaks_by_cutting_the_text(layer, x):
    """A causal layer gives a text's beginning the rows that it gives it alone."""
    y = layer(x)
    return any(np.max(np.abs(layer(x[:t]) - y[:t])) > 1e-9 for t in range(1, len(x)))


def leaks_it_always_says(layer, x):
    return True


def prefix_that_is_all_true(n, prefix):
    return np.ones((n, n), dtype=bool)


def packed_mask_of_flex_attention(documents):
    """FlexAttention's document masking: causal and the same document, by broadcast indices."""
    q, k = np.ogrid[: len(documents), : len(documents)]
    return (q >= k) & (documents[q] == documents[k])


def block_diagonal_of_lengths(documents):
    """xFormers' block-diagonal mask, made from the lengths of runs."""
    edges = np.flatnonzero(np.diff(documents)) + 1
    mask = np.zeros((len(documents),) * 2, dtype=bool)
    for part in np.split(np.arange(len(documents)), edges):
        mask[np.ix_(part, part)] = np.tri(len(part), dtype=bool)
    return mask


def four_dimensional_mask_of_a_collator(documents):
    """The additive mask that packing collators make."""
    same = documents[:, None] == documents[None, :]
    return np.where(np.tril(same), 0.0, np.finfo(np.float32).min)


FORMS = [
    ("causal_mask", "bottom right", causal_from_the_bottom_right, "right", None),
    ("causal_mask", "the annotated Transformer", causal_of_the_annotated_transformer, "right", None),
    ("causal_mask", "cut from a buffer", causal_from_a_buffer, "edge", EMPTY),
    ("causal_mask", "a square", causal_of_a_square, "wrong", "number of keys ignored"),
    (
        "causal_mask",
        "a square, whatever the keys",
        causal_of_a_square_that_is_given_both,
        "wrong",
        "number of keys ignored",
    ),
    ("causal_mask", "top left", causal_from_the_top_left, "wrong", "queries taken as the first positions"),
    ("causal_mask", "PyTorch's square", causal_of_torch_generate_square, "wrong", "zeros and minus infinity"),
    ("causal_mask", "True hides", causal_where_true_hides, "wrong", "True where a key is hidden"),
    ("causal_mask", "picoGPT", causal_of_pico_gpt, "wrong", "zeros and -1e10"),
    ("padding_mask", "a comparison", padding_by_comparison, "edge", LENGTH),
    ("padding_mask", "two axes", padding_of_two_axes, "wrong", "no axis for the queries"),
    ("padding_mask", "an axis for heads", padding_with_an_axis_for_heads, "wrong", "an axis for the heads as well"),
    ("padding_mask", "a tokenizer", padding_of_a_tokenizer, "wrong", "ones and zeros"),
    ("padding_mask", "True hides", padding_where_true_hides, "wrong", "padding visible instead of text"),
    ("prefix_mask", "filled", prefix_by_filling, "right", None),
    ("prefix_mask", "a rule", prefix_by_rule, "right", None),
    ("prefix_mask", "rows", prefix_by_rows, "wrong", "the prefix sees everything"),
    ("combine_masks", "and", combined_by_and, "edge", NUMBERS),
    ("combine_masks", "reduce", combined_by_reduce, "edge", NUMBERS),
    ("combine_masks", "Flax", combined_as_in_flax, "wrong", "masks multiplied as numbers"),
    ("combine_masks", "a product", combined_by_product, "wrong", "masks multiplied as numbers"),
    ("leaks_future", "each token", leaks_by_changing_each_token, "edge", "a constant added to the token"),
    ("leaks_future", "noise", leaks_by_replacing_with_noise, "right", None),
    ("leaks_future", "the last token", leaks_by_the_last_token, "wrong", "only the last token tried"),
    ("causal_mask", "GPT-2, with a dtype", causal_of_gpt_2, "right", None),
    (
        "causal_mask",
        "the last rows of a square",
        causal_from_the_last_rows,
        "edge",
        "Where there are more queries than keys, the first rows are empty.",
    ),
    ("prefix_mask", "a block of ones", prefix_in_a_block, "right", None),
    ("combine_masks", "recursion", combined_by_recursion, "edge", "a mask of numbers is read as booleans"),
    ("leaks_future", "the text cut", leaks_by_cutting_the_text, "right", None),
    ("leaks_future", "always", leaks_it_always_says, "wrong", None),
    ("prefix_mask", "all True", prefix_that_is_all_true, "wrong", None),
    ("document_mask", "FlexAttention", packed_mask_of_flex_attention, "right", None),
    (
        "document_mask",
        "lengths of runs",
        block_diagonal_of_lengths,
        "edge",
        "a new document begins wherever the id changes",
    ),
    ("document_mask", "a collator's additive mask", four_dimensional_mask_of_a_collator, "wrong", None),
]
