"""What is said of attention as libraries, papers' code and courses write it."""

import math

import numpy as np


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def scores_without_a_scale_parameter(query, key):
    return query @ key.swapaxes(-2, -1) / np.sqrt(key.shape[-1])


def scores_or_the_default(query, key, scale=None):
    return np.matmul(query, np.swapaxes(key, -1, -2)) * (scale or query.shape[-1] ** -0.5)


def scores_with_every_axis_reversed(query, key, scale=None):
    return np.dot(query, key.T) * (1 / math.sqrt(key.shape[-1]) if scale is None else scale)


def scores_by_dot(query, key, scale=None):
    d = query.shape[-1]
    return np.dot(query, np.swapaxes(key, -1, -2)) * (1 / math.sqrt(d) if scale is None else scale)


def scores_of_luong(query, key, scale=None):
    return query @ np.swapaxes(key, -1, -2)


def attention_of_courses(query, key, value):
    """Three lines, with neither mask nor scale, as an introduction shows them."""
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    return softmax(scores) @ value


def attention_without_a_scale_parameter(query, key, value, mask=None):
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return np.nan_to_num(softmax(scores)) @ value


def attention_as_in_the_pytorch_documentation(query, key, value, mask=None, scale=None):
    """The reference in the documentation of scaled_dot_product_attention: a bias, then the softmax."""
    scale_factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    bias = 0.0
    if mask is not None:
        bias = np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask
    return softmax(query @ key.swapaxes(-2, -1) * scale_factor + bias) @ value


def attention_as_in_the_annotated_transformer(query, key, value, mask=None):
    d_k = query.shape[-1]
    scores = np.matmul(query, key.swapaxes(-2, -1)) / math.sqrt(d_k)
    if mask is not None:
        scores = np.where(mask == 0, -1e9, scores)
    return np.matmul(softmax(scores), value)


def attention_with_minus_a_billion(query, key, value, mask=None, scale=None):
    scores = np.matmul(query, key.swapaxes(-2, -1)) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -1e9) if mask.dtype == bool else scores + np.maximum(mask, -1e9)
    return np.matmul(softmax(scores), value)


def attention_as_in_the_tensorflow_tutorial(q, k, v, mask=None):
    """The mask is added, after the scale; here turned around first, since ours allows where True."""
    logits = np.matmul(q, k.swapaxes(-1, -2)) / np.sqrt(np.float32(k.shape[-1]))
    if mask is not None:
        logits = logits + (~mask * -1e9 if mask.dtype == bool else mask)
    return np.matmul(softmax(logits), v)


def attention_as_in_pico_gpt(q, k, v, mask=None):
    return softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]) + (0 if mask is None else mask)) @ v


def attention_always_causal(query, key, value, mask=None, scale=None):
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is None:
        mask = np.tril(np.ones(scores.shape[-2:], dtype=bool))
    scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return np.nan_to_num(softmax(scores)) @ value


def attention_masked_before_the_scale(query, key, value, mask=None, scale=None):
    scores = query @ key.swapaxes(-1, -2)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    scores = scores * (query.shape[-1] ** -0.5 if scale is None else scale)
    return np.nan_to_num(softmax(scores)) @ value


def attention_renormalized(query, key, value, mask=None, scale=None):
    weights = softmax(query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale))
    if mask is not None:
        weights = weights * (mask if mask.dtype == bool else np.exp(mask))
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ value


def attention_by_einsum(query, key, value, mask=None, scale=None):
    scores = np.einsum("...qd,...kd->...qk", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return np.einsum("...qk,...kv->...qv", np.nan_to_num(softmax(scores)), value)


def weights_of(query, key, mask=None, scale=None):
    return attention_by_einsum(query, key, np.eye(key.shape[-2]), mask, scale)


def weights_without_a_scale_parameter(query, key, mask=None):
    return weights_of(query, key, mask)


def weights_with_infinity(query, key, mask=None, scale=None):
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores)


def weights_with_minus_a_billion_added(query, key, mask=None, scale=None):
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores + ((1.0 - mask) * -1e9 if mask.dtype == bool else mask)
    return softmax(scores)


def spread_of_many_products(d, trials, rng):
    return np.einsum("td,td->t", rng.standard_normal((trials, d)), rng.standard_normal((trials, d))).std()


def spread_with_one_less(d, trials, rng):
    """As PyTorch's std counts: divided by one less than the number of draws."""
    query, key = rng.normal(size=(trials, d)), rng.normal(size=(trials, d))
    return (query * key).sum(axis=1).std(ddof=1)


def spread_from_a_seed_of_its_own(d, trials, rng):
    np.random.seed(0)
    return np.std(np.sum(np.random.randn(trials, d) * np.random.randn(trials, d), axis=1))


SDPA = "scaled_dot_product_attention"


def scores_of_two_fourth_roots(*args, scale=None):
    q, k = args
    q = q / math.sqrt(math.sqrt(q.shape[-1]))
    k = k / q.shape[-1] ** 0.25
    s = q @ np.swapaxes(k, -1, -2)
    return s if scale is None else s * scale * math.sqrt(q.shape[-1])


def attention_by_logaddexp(query, key, value, *, mask=None, scale=None):
    logits = np.einsum("...nd,...sd->...ns", query, key) * (scale if scale else 1 / np.sqrt(query.shape[-1]))
    if mask is not None:
        logits = logits + (np.log(mask) if mask.dtype == bool else mask)
    w = np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))
    return np.einsum("...ns,...sd->...nd", np.nan_to_num(w), value)


def attention_under_the_parameters_of_pytorch(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    s = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** (-0.5) if scale is None else scale)
    if is_causal:
        s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf)
    if attn_mask is not None:
        s = np.where(attn_mask, s, -np.inf) if attn_mask.dtype == bool else s + attn_mask
    if dropout_p > 0:
        raise NotImplementedError("dropout")
    return softmax(s) @ value


def attention_divided_at_the_end(q, k, v, mask=None, scale=None):
    """The exponentials are summed beside the values; what is hidden is multiplied away."""
    scores = q * (q.shape[-1] ** -0.5 if scale is None else scale) @ np.swapaxes(k, -1, -2)
    allowed = 1
    if mask is not None and mask.dtype == bool:
        scores, allowed = np.where(mask, scores, scores.dtype.type(-1e30)), mask
    elif mask is not None:
        scores = scores + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True)) * allowed
    return weights @ v / (weights.sum(-1, keepdims=True) + 1e-30)


def attention_of_masked_arrays(query, key, value, mask=None, scale=None):
    s = query @ np.swapaxes(key, -1, -2) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    hide = np.zeros(s.shape, bool)
    if mask is not None:
        m = np.broadcast_to(mask, s.shape)
        hide = ~m if m.dtype == bool else np.isneginf(m)
        if m.dtype != bool:
            s = s + np.where(hide, 0, m)
    x = np.ma.masked_array(s, hide)
    w = np.exp(x - x.max(-1, keepdims=True))
    return np.matmul((w / w.sum(-1, keepdims=True)).filled(0), value)


def attention_by_keywords_alone(**kw):
    q, k, v, m, s = (kw.get(n) for n in ("query", "key", "value", "mask", "scale"))
    w = q @ np.swapaxes(k, -1, -2) * (q.shape[-1] ** (-0.5) if s is None else s)
    if m is not None:
        w = np.where(m, w, -np.inf) if m.dtype == bool else w + m
    return np.nan_to_num(softmax(w)) @ v


def attention_in_float32(query, key, value, mask=None, scale=None):
    f = np.float32
    q, k, v = (query.astype(f), key.astype(f), value.astype(f))
    s = q @ np.swapaxes(k, -1, -2) * f(q.shape[-1] ** (-0.5) if scale is None else scale)
    if mask is not None:
        s = np.where(mask, s, f(-np.inf)) if mask.dtype == bool else s + mask.astype(f)
    return softmax(s) @ v


def weights_masked_with(number, added=False):
    """Attention's weights with a number of one's own where a key is hidden."""

    def weights(query, key, mask=None, scale=None):
        scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
        if mask is None:
            return softmax(scores)
        if mask.dtype != bool:
            return softmax(scores + mask)
        return softmax(scores + np.where(mask, 0, number) if added else np.where(mask, scores, number))

    return weights


def weights_scaled_up(query, key, mask=None, scale=None):
    return softmax(query @ np.swapaxes(key, -1, -2) * math.sqrt(query.shape[-1]))


def weights_of_a_second_softmax(query, key, mask=None, scale=None):
    return softmax(weights_masked_with(-np.inf)(query, key, mask, scale))


def weights_of_the_best_key(query, key, mask=None, scale=None):
    scores = query @ np.swapaxes(key, -1, -2)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores / math.sqrt(query.shape[-1]) + mask
    return 1.0 * (scores == scores.max(axis=-1, keepdims=True))


def attention_that_overflows(query, key, value, mask=None, scale=None):
    scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ value


def attention_with_two_mistakes(query, key, value, mask=None, scale=None):
    scores = query @ np.swapaxes(key, -1, -2)
    if mask is not None:
        scores = np.where(mask, -np.inf, scores) if mask.dtype == bool else scores - mask
    return softmax(scores) @ value


def nothing_but_zeros(query, key, value, mask=None, scale=None):
    return np.zeros((*query.shape[:-1], value.shape[-1]))


FORMS = [
    ("attention_scores", "no scale parameter", scores_without_a_scale_parameter, "edge", "a given scale is ignored"),
    ("attention_scores", "or the default", scores_or_the_default, "edge", "a scale of zero is taken for none"),
    ("attention_scores", "every axis reversed", scores_with_every_axis_reversed, "raised", "all axes reversed"),
    ("attention_scores", "np.dot", scores_by_dot, "wrong", "`np.dot` pairs every batch with every other"),
    ("attention_scores", "Luong", scores_of_luong, "wrong", "no scale"),
    ("attention_weights", "einsum", weights_of, "right", None),
    ("attention_weights", "no scale parameter", weights_without_a_scale_parameter, "edge", "a given scale is ignored"),
    ("attention_weights", "-inf", weights_with_infinity, "edge", "an empty row gives NaN"),
    ("attention_weights", "-1e9 added", weights_with_minus_a_billion_added, "edge", "an empty row sees everything"),
    (SDPA, "einsum", attention_by_einsum, "right", None),
    (SDPA, "three lines", attention_of_courses, "wrong", "mask ignored"),
    (SDPA, "no scale parameter", attention_without_a_scale_parameter, "edge", "a given scale is ignored"),
    (SDPA, "PyTorch's documentation", attention_as_in_the_pytorch_documentation, "edge", "an empty row gives NaN"),
    (
        SDPA,
        "the annotated Transformer",
        attention_as_in_the_annotated_transformer,
        "wrong",
        "float mask read as a boolean",
    ),
    (SDPA, "-1e9", attention_with_minus_a_billion, "edge", "an empty row averages the values"),
    (SDPA, "TensorFlow's tutorial", attention_as_in_the_tensorflow_tutorial, "edge", "an empty row sees everything"),
    (SDPA, "picoGPT", attention_as_in_pico_gpt, "wrong", "boolean mask added to the scores"),
    (SDPA, "always causal", attention_always_causal, "wrong", "causal, though no mask was given"),
    (SDPA, "before the scale", attention_masked_before_the_scale, "wrong", "mask added before the scale"),
    (SDPA, "renormalized", attention_renormalized, "wrong", "mask after the softmax, then renormalized"),
    ("dot_product_std", "einsum", spread_of_many_products, "right", None),
    ("dot_product_std", "one less", spread_with_one_less, "right", None),
    ("dot_product_std", "a seed of its own", spread_from_a_seed_of_its_own, "wrong", "own draws instead of rng"),
    ("attention_scores", "two fourth roots", scores_of_two_fourth_roots, "right", None),
    (
        "scaled_dot_product_attention",
        "np.logaddexp",
        attention_by_logaddexp,
        "edge",
        "a scale of zero is taken for none",
    ),
    (
        "scaled_dot_product_attention",
        "PyTorch's parameters",
        attention_under_the_parameters_of_pytorch,
        "edge",
        "an empty row gives NaN",
    ),
    (
        "scaled_dot_product_attention",
        "divided at the end",
        attention_divided_at_the_end,
        "edge",
        "A row with nothing allowed gives zeros, never NaN.",
    ),
    ("scaled_dot_product_attention", "masked arrays", attention_of_masked_arrays, "right", None),
    ("scaled_dot_product_attention", "keywords alone", attention_by_keywords_alone, "right", None),
    ("scaled_dot_product_attention", "float32", attention_in_float32, "edge", "an empty row gives NaN"),
    ("attention_weights", "-10", weights_masked_with(-10), "wrong", "hidden scores set to -10"),
    ("attention_weights", "-100", weights_masked_with(-100), "wrong", "hidden scores set to -100"),
    ("attention_weights", "1e-9 for -1e9", weights_masked_with(1e-9), "wrong", "hidden scores set to zero"),
    ("attention_weights", "-1e9", weights_masked_with(-1e9), "edge", "an empty row shares its weight equally"),
    ("attention_weights", "-1e9 added", weights_masked_with(-1e9, added=True), "edge", "an empty row sees everything"),
    ("attention_weights", "scaled up", weights_scaled_up, "wrong", "multiplied by the square root of the width"),
    ("attention_weights", "a second softmax", weights_of_a_second_softmax, "wrong", "softmax twice"),
    ("attention_weights", "the best key", weights_of_the_best_key, "wrong", "only the best key"),
    (
        "scaled_dot_product_attention",
        "no maximum",
        attention_that_overflows,
        "wrong",
        "large scores overflow",
    ),
    (
        "scaled_dot_product_attention",
        "two mistakes",
        attention_with_two_mistakes,
        "wrong",
        "not scaled",
    ),
    ("scaled_dot_product_attention", "zeros", nothing_but_zeros, "wrong", None),
]
