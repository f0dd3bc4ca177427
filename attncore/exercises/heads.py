"""Lesson 07: multi-head attention, split and merged."""

import math

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Lesson, case, cases
from attncore.heads import (
    HeadWeights,
    head_importance,
    merge_heads,
    mha_parameter_count,
    multi_head_attention,
    split_heads,
)
from attncore.softmax import masked_softmax, softmax

lesson = Lesson("07_heads")

split = lesson.code(
    split_heads,
    cases(
        split_heads,
        case(split_heads, "three heads", sizes={"m": 12}, n_heads=3),
        case(split_heads, "one head", n_heads=1),
        case(split_heads, "as many heads as tokens", sizes={"n": 4, "m": 12}, n_heads=4),
        case(split_heads, "a square of everything", sizes={"n": 4, "m": 4}, n_heads=2),
        n_heads=2,
    ),
)


@split.mistake
def reshape_without_transpose(x, n_heads):
    *leading, n, m = x.shape
    return x.reshape(*leading, n_heads, n, m // n_heads)


@split.mistake
def heads_left_behind_the_tokens(x, n_heads):
    *leading, n, m = x.shape
    return x.reshape(*leading, n, n_heads, m // n_heads)


@split.mistake
def every_h_th_number_to_a_head(x, n_heads):
    *leading, n, m = x.shape
    return np.moveaxis(x.reshape(*leading, n, m // n_heads, n_heads), -1, -3)


@split.mistake
def tokens_and_width_transposed(x, n_heads):
    return np.swapaxes(split_heads(x, n_heads), -1, -2)


@split.mistake
def heads_put_in_front_of_the_batch(x, n_heads):
    return np.moveaxis(split_heads(x, n_heads), -3, 0)


@split.mistake
def every_head_gets_everything(x, n_heads):
    return np.stack([x] * n_heads, axis=-3)


@split.mistake
def width_and_number_of_heads_mixed_up(x, n_heads):
    return split_heads(x, x.shape[-1] // n_heads)


@split.another_way
def slice_by_slice(x, n_heads):
    width = x.shape[-1] // n_heads
    return np.stack([x[..., i * width : (i + 1) * width] for i in range(n_heads)], axis=-3)


@split.another_way
def with_np_split(x, n_heads):
    return np.stack(np.split(x, n_heads, axis=-1), axis=-3)


merge = lesson.code(
    merge_heads,
    cases(
        merge_heads,
        case(merge_heads, "as many heads as tokens", sizes={"h": 3, "n": 3, "w": 4}),
        case(merge_heads, "one head", sizes={"h": 1}),
        case(merge_heads, "a square of everything", sizes={"h": 2, "n": 2, "w": 2}),
    ),
)


@merge.mistake
def merge_without_transpose(x):
    *leading, h, n, w = x.shape
    return x.reshape(*leading, n, h * w)


@merge.mistake
def heads_averaged(x):
    return x.mean(axis=-3)


@merge.mistake
def heads_added(x):
    return x.sum(axis=-3)


@merge.mistake
def numbers_of_the_heads_interleaved(x):
    *leading, h, n, w = x.shape
    return np.moveaxis(x, -3, -1).reshape(*leading, n, h * w)


@merge.mistake
def heads_put_one_after_another_as_tokens(x):
    *leading, h, n, w = x.shape
    return x.reshape(*leading, h * n, w)


@merge.mistake
def heads_in_reverse(x):
    return merge_heads(x[..., ::-1, :, :])


@merge.mistake
def all_axes_reversed(x):
    *leading, h, n, w = x.shape
    return x.T.reshape(*leading, n, h * w)


@merge.another_way
def side_by_side(x):
    return np.concatenate([x[..., i, :, :] for i in range(x.shape[-3])], axis=-1)


@merge.another_way
def with_moveaxis(x):
    x = np.moveaxis(x, -3, -2)
    return x.reshape(*x.shape[:-2], -1)


def projections(rng, s):
    return HeadWeights(*np.round(rng.standard_normal((4, s.m, s.m)) / math.sqrt(s.m), 1 if s.m < 8 else 6))


def heads_case(name, n_heads=2, mask=None, **more):
    """A case of multi-head attention; `mask` is a function of the lengths, or None."""
    given = {} if mask is None else {"mask": lambda rng, s: mask(s)}
    return case(multi_head_attention, name, n_heads=n_heads, weights=projections, **given, **more)


def causal(s):
    return np.tri(s.q, s.k, s.k - s.q, dtype=bool)


mha = lesson.code(
    multi_head_attention,
    [
        heads_case("two heads", small=True),
        heads_case("three heads, no two axes of one length", 3),
        heads_case("one head", 1, small=True),
        heads_case("as many heads as queries", 3, sizes={"q": 3, "k": 3}),
        heads_case("a square of everything", 2, sizes={"q": 4, "k": 4, "m": 4}),
        heads_case("a batch of two", small=True, lead=(2,)),
        heads_case("two leading axes", 4, lead=(2, 3)),
        heads_case("float32", 4, dtype=np.float32),
        heads_case("large numbers", 4, magnitude=60.0, stage="large scores"),
        heads_case(
            "a float mask of any numbers", small=True, stage="a float mask", mask=lambda s: 0.7 - 0.9 * np.tri(s.q, s.k)
        ),
        heads_case(
            "a query with nothing allowed, small",
            small=True,
            stage="a row with nothing allowed",
            mask=lambda s: np.array([[True, False, True], [False, False, False]]),
        ),
        heads_case("a causal mask", small=True, mask=causal, stage="a mask"),
        heads_case("a causal mask, three heads", 3, mask=causal, stage="a mask"),
        heads_case("a float mask", 3, mask=lambda s: np.where(causal(s), 0.0, -np.inf), stage="a float mask"),
        heads_case(
            "a mask for each text of the batch",
            3,
            lead=(2,),
            stage="a mask for each text",
            mask=lambda s: np.stack([causal(s), causal(s)[::-1]]),
        ),
        heads_case(
            "padding in a batch",
            3,
            lead=(2,),
            stage="a mask for each text",
            mask=lambda s: np.arange(s.k) < np.array([s.k, 2])[:, None, None],
        ),
        heads_case(
            "a float mask for each text",
            3,
            lead=(2,),
            stage="a mask for each text",
            mask=lambda s: np.where(np.arange(s.k) < np.array([s.k, 2])[:, None, None], 0.3, -np.inf),
        ),
        heads_case(
            "a mask for every leading axis",
            3,
            lead=(2, 4),
            stage="a mask for each text",
            mask=lambda s: np.arange(s.k) < np.array([[s.k, 2, 1, 3], [1, 4, s.k, 2]])[..., None, None, None],
        ),
        heads_case(
            "as many texts as heads",
            3,
            lead=(3,),
            stage="a mask for each text",
            mask=lambda s: np.arange(s.k) < np.array([s.k, 2, 1])[:, None, None],
        ),
        heads_case(
            "a query with nothing allowed",
            3,
            stage="a row with nothing allowed",
            mask=lambda s: causal(s) & (np.arange(s.q) > 0)[:, None],
        ),
    ],
)


def by_heads(query, key, value, weights, n_heads, mask, scale=None, attend=scaled_dot_product_attention):
    """Multi-head attention up to the merge, with another scale or another attention."""
    query, key, value = (split_heads(x @ W, n_heads) for x, W in zip((query, key, value), weights[:3], strict=True))
    mask = mask[..., None, :, :] if mask is not None and mask.ndim == 3 else mask
    return attend(query, key, value, mask, scale)


@mha.mistake
def split_without_transpose(query, key, value, weights, n_heads, mask=None):
    def reshape(x):
        *leading, n, m = x.shape
        return x.reshape(*leading, n_heads, n, m // n_heads)

    query, key, value = reshape(query @ weights.W_query), reshape(key @ weights.W_key), reshape(value @ weights.W_value)
    mask = mask[..., None, :, :] if mask is not None and mask.ndim == 3 else mask
    heads = scaled_dot_product_attention(query, key, value, mask)
    *leading, h, n, w = heads.shape
    return np.swapaxes(heads, -3, -2).reshape(*leading, n, h * w) @ weights.W_output


@mha.mistake
def merge_without_the_transpose(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask)
    *leading, h, n, w = heads.shape
    return heads.reshape(*leading, n, h * w) @ weights.W_output


@mha.mistake
def scaled_by_the_model_width(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask, 1 / math.sqrt(query.shape[-1]))
    return merge_heads(heads) @ weights.W_output


@mha.mistake
def no_scale(query, key, value, weights, n_heads, mask=None):
    return merge_heads(by_heads(query, key, value, weights, n_heads, mask, 1.0)) @ weights.W_output


@mha.mistake
def softmax_over_the_heads(query, key, value, weights, n_heads, mask=None):
    def attend(query, key, value, mask, scale):
        scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        return softmax(scores, axis=-3) @ value

    return merge_heads(by_heads(query, key, value, weights, n_heads, mask, attend=attend)) @ weights.W_output


@mha.mistake
def softmax_over_the_queries(query, key, value, weights, n_heads, mask=None):
    def attend(query, key, value, mask, scale):
        scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        return softmax(scores, axis=-2) @ value

    return merge_heads(by_heads(query, key, value, weights, n_heads, mask, attend=attend)) @ weights.W_output


@mha.mistake
def attends_over_the_heads_not_the_tokens(query, key, value, weights, n_heads, mask=None):
    def attend(query, key, value, mask, scale):
        query, key, value = (
            np.swapaxes(x, -3, -2) for x in (query, key[..., : query.shape[-2], :], value[..., : query.shape[-2], :])
        )
        return np.swapaxes(scaled_dot_product_attention(query, key, value), -3, -2)

    return merge_heads(by_heads(query, key, value, weights, n_heads, mask, attend=attend)) @ weights.W_output


@mha.mistake
def no_output_projection(query, key, value, weights, n_heads, mask=None):
    return merge_heads(by_heads(query, key, value, weights, n_heads, mask))


@mha.mistake
def projections_transposed(query, key, value, weights, n_heads, mask=None):
    turned = HeadWeights(*(W.T for W in weights))
    return multi_head_attention(query, key, value, turned, n_heads, mask)


@mha.mistake
def output_projection_transposed(query, key, value, weights, n_heads, mask=None):
    return merge_heads(by_heads(query, key, value, weights, n_heads, mask)) @ weights.W_output.T


@mha.mistake
def heads_averaged_instead_of_joined(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask)
    mean = heads.mean(axis=-3, keepdims=True)
    return merge_heads(np.broadcast_to(mean, heads.shape)) @ weights.W_output


@mha.mistake
def one_weight_matrix_for_all_three(query, key, value, weights, n_heads, mask=None):
    W = weights.W_query
    return multi_head_attention(query, key, value, HeadWeights(W, W, W, weights.W_output), n_heads, mask)


@mha.mistake
def mask_dropped(query, key, value, weights, n_heads, mask=None):
    return multi_head_attention(query, key, value, weights, n_heads)


@mha.mistake
def mask_upside_down(query, key, value, weights, n_heads, mask=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return multi_head_attention(query, key, value, weights, n_heads, mask)


@mha.mistake
def batch_mask_read_as_a_mask_for_each_head(query, key, value, weights, n_heads, mask=None):
    query = split_heads(query @ weights.W_query, n_heads)
    key = split_heads(key @ weights.W_key, n_heads)
    value = split_heads(value @ weights.W_value, n_heads)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@mha.mistake
def heads_axis_put_in_behind_the_first(query, key, value, weights, n_heads, mask=None):
    query = split_heads(query @ weights.W_query, n_heads)
    key = split_heads(key @ weights.W_key, n_heads)
    value = split_heads(value @ weights.W_value, n_heads)
    mask = None if mask is None else mask[:, None]
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@mha.mistake
def nothing_projected_on_the_way_in(query, key, value, weights, n_heads, mask=None):
    same = np.eye(query.shape[-1])
    return multi_head_attention(query, key, value, HeadWeights(same, same, same, weights.W_output), n_heads, mask)


@mha.mistake
def residual_added_inside(query, key, value, weights, n_heads, mask=None):
    return query + multi_head_attention(query, key, value, weights, n_heads, mask)


@mha.mistake
def input_returned(query, key, value, weights, n_heads, mask=None):
    return query


@mha.mistake
def one_wide_head(query, key, value, weights, n_heads, mask=None):
    return multi_head_attention(query, key, value, weights, 1, mask)


@mha.mistake
def query_used_for_key_and_value(query, key, value, weights, n_heads, mask=None):
    n_keys = key.shape[-2]
    itself = np.concatenate([query, np.zeros_like(key)], axis=-2)[..., :n_keys, :]
    return multi_head_attention(query, itself, itself, weights, n_heads, mask)


@mha.mistake
def empty_row_shares_equally(query, key, value, weights, n_heads, mask=None):
    if mask is not None:
        mask = np.where(mask, 0.0, -1e9) if mask.dtype == bool else np.maximum(mask, -1e9)
    return multi_head_attention(query, key, value, weights, n_heads, mask)


@mha.another_way
def head_after_head(query, key, value, weights, n_heads, mask=None):
    width = query.shape[-1] // n_heads
    out = 0
    for head in range(n_heads):
        mine = slice(head * width, (head + 1) * width)
        has_heads = mask is not None and mask.ndim > 3
        brought = scaled_dot_product_attention(
            query @ weights.W_query[:, mine],
            key @ weights.W_key[:, mine],
            value @ weights.W_value[:, mine],
            mask[..., min(head, mask.shape[-3] - 1), :, :] if has_heads else mask,
        )
        out = out + brought @ weights.W_output[mine]
    return out


@mha.another_way
def with_einsum(query, key, value, weights, n_heads, mask=None):
    def cut(W):
        return W.reshape(len(W), n_heads, -1)

    query = np.einsum("...qm,mhw->...hqw", query, cut(weights.W_query))
    key = np.einsum("...km,mhw->...hkw", key, cut(weights.W_key))
    value = np.einsum("...km,mhw->...hkw", value, cut(weights.W_value))
    scores = np.einsum("...hqw,...hkw->...hqk", query, key) / math.sqrt(query.shape[-1])
    mask = np.expand_dims(mask, -3) if mask is not None and mask.ndim == 3 else mask
    brought = np.einsum("...hqk,...hkw->...qhw", masked_softmax(scores, mask), value)
    return brought.reshape(*brought.shape[:-2], -1) @ weights.W_output


counts = lesson.code(
    mha_parameter_count,
    [
        case(mha_parameter_count, "a small layer", d_model=8, n_heads=2),
        case(mha_parameter_count, "BERT-base", d_model=768, n_heads=12),
        case(mha_parameter_count, "no bias", d_model=512, n_heads=8, bias=False),
        case(mha_parameter_count, "one head", d_model=512, n_heads=1),
        case(mha_parameter_count, "sixteen heads", d_model=512, n_heads=16, bias=True),
    ],
)


@counts.mistake
def bias_forgotten(d_model, n_heads, bias=True):
    return 4 * d_model**2


@counts.mistake
def output_projection_forgotten(d_model, n_heads, bias=True):
    return 3 * (d_model**2 + d_model * bias)


@counts.mistake
def multiplied_by_the_heads(d_model, n_heads, bias=True):
    return n_heads * mha_parameter_count(d_model, n_heads, bias)


@counts.mistake
def divided_by_the_heads(d_model, n_heads, bias=True):
    return mha_parameter_count(d_model, n_heads, bias) // n_heads


@counts.mistake
def one_bias_for_all_four(d_model, n_heads, bias=True):
    return 4 * d_model**2 + d_model * bias


@counts.mistake
def bias_always_counted(d_model, n_heads, bias=True):
    return 4 * (d_model**2 + d_model)


@counts.mistake
def no_bias_on_the_output_projection(d_model, n_heads, bias=True):
    return 4 * d_model**2 + 3 * d_model * bias


@counts.another_way
def head_by_head(d_model, n_heads, bias=True):
    width = d_model // n_heads
    into_heads = 3 * n_heads * (d_model * width + width * bias)
    return into_heads + n_heads * width * d_model + d_model * bias


def mixing_layer(x, keep):
    """Four heads that bring a different amount each; the last brings nothing."""
    parts = [np.tanh((i + 1) * x)[:, ::-1] * (3 - i) for i in range(len(keep))]
    return sum(k * part for k, part in zip(keep, parts, strict=True))


def redundant_layer(x, keep):
    """Heads that stand in for each other: the output is the largest of what is kept."""
    parts = np.stack([k * (x + 0.1 * i) for i, k in enumerate(keep)])
    return parts.max(axis=0)


def lowering_layer(x, keep):
    """Every head lowers the output, so that leaving one out raises it."""
    return x - sum(k * (i + 1) for i, k in enumerate(keep)) + 0.3 * np.sign(x) * keep[0]


importance = lesson.code(
    head_importance,
    [
        case(
            head_importance,
            f"{f.__name__.replace('_', ' ')}, {h} heads",
            layer=lambda rng, s, f=f: f,
            n_heads=h,
            x=lambda rng, s, n=n, m=m: np.round(rng.standard_normal((n, m)), 1),
        )
        for f, h, n, m in (
            (mixing_layer, 2, 2, 3),
            (mixing_layer, 4, 5, 3),
            (redundant_layer, 3, 2, 3),
            (redundant_layer, 2, 4, 6),
            (lowering_layer, 3, 3, 2),
        )
    ],
)


def without(layer, x, n_heads):
    """The outputs with each head left out in turn, and the whole output."""
    return [layer(x, 1 - one) for one in np.eye(n_heads)], layer(x, np.ones(n_heads))


@importance.mistake
def only_that_head_kept(layer, x, n_heads):
    whole = layer(x, np.ones(n_heads))
    return np.array([np.abs(layer(x, one) - whole).max() for one in np.eye(n_heads)])


@importance.mistake
def mean_change_instead_of_largest(layer, x, n_heads):
    outs, whole = without(layer, x, n_heads)
    return np.array([np.abs(out - whole).mean() for out in outs])


@importance.mistake
def sign_of_the_change_kept(layer, x, n_heads):
    outs, whole = without(layer, x, n_heads)
    return np.array([(whole - out).max() for out in outs])


@importance.mistake
def heads_left_out_one_after_another(layer, x, n_heads):
    keep, whole, changes = np.ones(n_heads), layer(x, np.ones(n_heads)), []
    for head in range(n_heads):
        keep[head] = 0
        changes.append(np.abs(layer(x, keep) - whole).max())
    return np.array(changes)


@importance.mistake
def compared_with_nothing_kept(layer, x, n_heads):
    outs, _ = without(layer, x, n_heads)
    nothing = layer(x, np.zeros(n_heads))
    return np.array([np.abs(out - nothing).max() for out in outs])


@importance.mistake
def shares_that_sum_to_one(layer, x, n_heads):
    changes = head_importance(layer, x, n_heads)
    return changes / changes.sum()


@importance.mistake
def size_of_the_output_without_the_head(layer, x, n_heads):
    outs, _ = without(layer, x, n_heads)
    return np.array([np.abs(out).max() for out in outs])


@importance.another_way
def a_plain_loop(layer, x, n_heads):
    whole = layer(x, np.ones(n_heads))
    changes = []
    for head in range(n_heads):
        keep = np.ones(n_heads)
        keep[head] = 0
        changes.append(float(abs(layer(x, keep) - whole).max()))
    return changes


lesson.debug("fix_split_heads", split, reshape_without_transpose)
lesson.debug("fix_multi_head_attention", mha, batch_mask_read_as_a_mask_for_each_head)
lesson.debug("fix_head_importance", importance, heads_left_out_one_after_another)

lesson.numeric("head-width", lambda: 128, the_model_width=lambda: 12_288)
lesson.numeric(
    "bert-attention-parameters",
    lambda: mha_parameter_count(768, 12),
    without_bias=lambda: mha_parameter_count(768, 12, bias=False),
    times_the_heads=lambda: 12 * mha_parameter_count(768, 12),
    tolerance=1e-6,
)
lesson.numeric(
    "mha-share-of-gpt2",
    lambda: 12 * mha_parameter_count(768, 12) / 124_439_808,
    percent_without_its_sign=lambda: 22.8,
    one_layer_only=lambda: mha_parameter_count(768, 12) / 124_439_808,
)
lesson.predict("split-shape", lambda: (2, 4, 5, 3), tokens_before_heads=lambda: (2, 5, 4, 3))
lesson.numeric(
    "more-heads",
    lambda: 1024 * 128 * 128,
    heads_taken_to_share_the_model_width=lambda: 1024 * 1024,
    one_head_only=lambda: 1024 * 128,
)
lesson.explain(
    "why-many-heads",
    "what-w-output-does",
    "prune-heads",
    "head-width-trade-off",
    "attention-dropout",
    "fused-projections",
)
