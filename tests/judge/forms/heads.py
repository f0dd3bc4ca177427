"""Published forms of lesson 07, retyped: what each is to be told."""

import math

import numpy as np


def reshape_and_swap(x, n_heads):
    """view(b, n, h, w).transpose(1, 2), as in the Annotated Transformer and nanoGPT."""
    *lead, n, m = x.shape
    return np.swapaxes(x.reshape(*lead, n, n_heads, m // n_heads), -3, -2)


def np_split(x, n_heads):
    """picoGPT: a list of pieces, one a head."""
    return list(np.split(x, n_heads, axis=-1)) if x.ndim == 2 else np.stack(np.split(x, n_heads, axis=-1), axis=-3)


def view_without_transpose(x, n_heads):
    *lead, n, m = x.shape
    return x.reshape(*lead, n_heads, n, m // n_heads)


def width_first(x, n_heads):
    """einops' "n (w h) -> h n w": the heads run fastest."""
    *lead, n, m = x.shape
    return np.moveaxis(x.reshape(*lead, n, m // n_heads, n_heads), -1, -3)


def swap_and_reshape(x):
    x = np.swapaxes(x, -3, -2)
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def hstack_heads(x):
    """picoGPT: np.hstack of the heads, for one sequence."""
    return np.concatenate(list(np.moveaxis(x, -3, 0)), axis=-1)


def softmax(x):
    exponentials = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def published(query, key, value, weights, n_heads, weigh):
    """The common part of all: project, split, scale, weigh, join, project."""

    def heads(x, W):
        return reshape_and_swap(x @ W, n_heads)

    q, k, v = heads(query, weights[0]), heads(key, weights[1]), heads(value, weights[2])
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    return swap_and_reshape(weigh(scores) @ v) @ weights[3]


def for_heads(mask):
    return mask if mask is None or mask.ndim < 3 else np.expand_dims(mask, -3)


def annotated_transformer(query, key, value, weights, n_heads, mask=None):
    """mask.unsqueeze(1), scores.masked_fill(mask == 0, -1e9)."""
    mask = for_heads(mask)

    def weigh(scores):
        if mask is None:
            return softmax(scores)
        return softmax(np.where(mask == 0, -1e9, scores) if mask.dtype == bool else scores + mask)

    return published(query, key, value, weights, n_heads, weigh)


def pytorch(query, key, value, weights, n_heads, mask=None):
    """F.scaled_dot_product_attention's description: a bias of 0 and -inf that is added."""
    mask = for_heads(mask)

    def weigh(scores):
        if mask is None:
            return softmax(scores)
        return softmax(scores + (np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask))

    return published(query, key, value, weights, n_heads, weigh)


def tensorflow_tutorial(query, key, value, weights, n_heads, mask=None):
    """scaled_attention_logits += (mask * -1e9), the mask turned to this course's meaning."""
    mask = for_heads(mask)

    def weigh(scores):
        if mask is None:
            return softmax(scores)
        return softmax(scores + (~mask * -1e9 if mask.dtype == bool else mask))

    return published(query, key, value, weights, n_heads, weigh)


def hidden_is_true(query, key, value, weights, n_heads, mask=None):
    """nn.MultiheadAttention's boolean masks: True is hidden."""
    mask = for_heads(mask)

    def weigh(scores):
        if mask is None:
            return softmax(scores)
        return softmax(np.where(mask, -np.inf, scores) if mask.dtype == bool else scores + mask)

    return published(query, key, value, weights, n_heads, weigh)


def allen_nlp(query, key, value, weights, n_heads, mask=None):
    """masked_softmax that multiplies: softmax(s * mask) * mask, over its sum and a small number."""
    mask = for_heads(mask)

    def weigh(scores):
        if mask is None:
            return softmax(scores)
        if mask.dtype != bool:
            return softmax(scores + mask)
        shares = softmax(scores * mask) * mask
        return shares / (shares.sum(axis=-1, keepdims=True) + 1e-13)

    return published(query, key, value, weights, n_heads, weigh)


def no_axis_for_the_heads(query, key, value, weights, n_heads, mask=None):
    def weigh(scores):
        if mask is None:
            return softmax(scores)
        return softmax(np.where(mask, scores, -1e9) if mask.dtype == bool else scores + mask)

    return published(query, key, value, weights, n_heads, weigh)


def all_projections(d_model, n_heads, bias=True):
    return 4 * d_model * d_model + (4 * d_model if bias else 0)


def gpt2_projections(d_model, n_heads, bias=True):
    """c_attn and c_proj, with their biases."""
    assert d_model % n_heads == 0
    return d_model * 3 * d_model + 3 * d_model * bias + d_model * d_model + d_model * bias


def keep_dims(layer, x, n_heads):
    """A loop over masks with one zero, as in Michel et al.'s code, on the output."""
    full = layer(x, np.ones(n_heads))
    found = np.zeros(n_heads)
    for head in range(n_heads):
        mask = np.ones(n_heads)
        mask[head] = 0.0
        found[head] = np.abs(full - layer(x, mask)).max()
    return found


DIVIDES = "Raises ValueError where the heads do not divide the width."


def heads_stacked_from_splits(x, h):
    return np.stack(np.split(x, h, axis=-1), axis=-3)


def parameters_head_by_head(d_model, n_heads, bias=True):
    d = d_model / n_heads
    per_head = 3 * (d_model * d + (d if bias else 0))
    return n_heads * per_head + d_model * d_model + (d_model if bias else 0)


def importance_by_booleans(layer, x, n_heads):
    keep = np.ones(n_heads, dtype=bool)
    y = layer(x, keep)
    r = {}
    for h in range(n_heads):
        k = keep.copy()
        k[h] = False
        r[h] = float(np.max(np.abs(layer(x, k) - y)))
    return [r[h] for h in range(n_heads)]


def attention_of_heads(split, merge, power=-0.5):
    """Multi-head attention without a mask for each sequence, with ways of its own to split and to merge."""

    def attend(query, key, value, weights, n_heads, mask=None):
        query = split(query @ weights.W_query, n_heads)
        key, value = split(key @ weights.W_key, n_heads), split(value @ weights.W_value, n_heads)
        scores = query @ np.swapaxes(key, -1, -2) * query.shape[-1] ** power
        if mask is not None:
            mask = mask[:, None] if mask.ndim == 3 else mask
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return merge(e / e.sum(axis=-1, keepdims=True) @ value) @ weights.W_output

    return attend


def reshaped(x, n_heads):
    return x.reshape(*x.shape[:-2], n_heads, x.shape[-2], -1)


def joined(x):
    x = np.swapaxes(x, -3, -2)
    return x.reshape(*x.shape[:-2], -1)


def reshaped_back(x):
    return x.reshape(*x.shape[:-3], x.shape[-2], -1)


FORMS = [
    ("split_heads", "view and transpose", reshape_and_swap, "right", None),
    ("split_heads", "picoGPT", np_split, "right", None),
    ("split_heads", "a view alone", view_without_transpose, "wrong", "reshape without transpose"),
    (
        "split_heads",
        "the heads run fastest",
        width_first,
        "wrong",
        "each head gets every h-th number instead of a contiguous block",
    ),
    ("merge_heads", "transpose and view", swap_and_reshape, "right", None),
    ("merge_heads", "picoGPT", hstack_heads, "right", None),
    (
        "multi_head_attention",
        "the Annotated Transformer",
        annotated_transformer,
        "edge",
        "an empty row shares its weight equally",
    ),
    ("multi_head_attention", "PyTorch", pytorch, "edge", "an empty row gives NaN"),
    ("multi_head_attention", "TensorFlow's tutorial", tensorflow_tutorial, "edge", "an empty row sees everything"),
    ("multi_head_attention", "True is hidden", hidden_is_true, "wrong", None),
    (
        "multi_head_attention",
        "AllenNLP",
        allen_nlp,
        "wrong",
        "hidden scores set to zero, then renormalized",
    ),
    (
        "multi_head_attention",
        "no axis for the heads",
        no_axis_for_the_heads,
        "wrong",
        "a batch's mask is read as one mask for each head",
    ),
    ("mha_parameter_count", "4 m m + 4 m", all_projections, "edge", DIVIDES),
    ("mha_parameter_count", "GPT-2", gpt2_projections, "edge", DIVIDES),
    ("head_importance", "a loop over masks", keep_dims, "right", None),
    ("split_heads", "splits, stacked", heads_stacked_from_splits, "right", None),
    (
        "mha_parameter_count",
        "head by head",
        parameters_head_by_head,
        "edge",
        "Raises ValueError where the heads do not divide the width.",
    ),
    ("head_importance", "booleans to keep", importance_by_booleans, "right", None),
    (
        "multi_head_attention",
        "reshaped twice",
        attention_of_heads(reshaped, reshaped_back),
        "wrong",
        "split and merge without transpose",
    ),
    (
        "multi_head_attention",
        "reshaped once",
        attention_of_heads(reshaped, joined),
        "wrong",
        "split without transpose",
    ),
    (
        "multi_head_attention",
        "scaled up",
        attention_of_heads(reshape_and_swap, joined, 0.5),
        "wrong",
        "multiplied by the square root of the width",
    ),
    ("multi_head_attention", "no scale", attention_of_heads(reshape_and_swap, joined, 0), "wrong", "no scale"),
]
