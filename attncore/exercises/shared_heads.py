"""Lesson 13: heads that share keys and values: grouped, pooled, latent."""

import math

import numpy as np

from attncore.cache import kv_cache_bytes
from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Lesson, case
from attncore.heads import merge_heads, split_heads
from attncore.positions import apply_rotary, rotary_halves_order
from attncore.shared_heads import (
    LatentWeights,
    by_head,
    grouped_query_attention,
    kv_bytes_per_token,
    latent_attention,
    latent_attention_absorbed,
    pool_kv_heads,
    rotated,
)
from attncore.softmax import masked_softmax

lesson = Lesson("13_shared_heads")


def causal(rng, s):
    return np.tri(s.q, s.k, s.k - s.q, dtype=bool)


def at_random(*axes):
    """A boolean mask of these axes (letters or lengths) in which every query sees the first key."""

    def mask(rng, s):
        drawn = rng.random([s.get(axis, axis) for axis in axes]) < 0.5
        drawn[..., 0] = True
        return drawn

    return mask


def as_floats(mask):
    return lambda rng, s: np.where(mask(rng, s), 0.25 * rng.standard_normal((s.q, s.k)), -np.inf)


def an_empty_row(rng, s):
    return np.arange(s.q)[:, None] > np.zeros(s.k)


def grouped_case(name, heads=6, groups=3, small=False, **more):
    """A case of grouped attention; small ones have one query of width two."""
    sizes = {"h": heads, "g": groups} | ({"q": 1, "k": 3, "d": 2, "v": 1} if small else {}) | more.pop("sizes", {})
    return case(grouped_query_attention, name, small=small, sizes=sizes, **more)


grouped = lesson.code(
    grouped_query_attention,
    [
        grouped_case("four heads, two groups", 4, 2, small=True),
        grouped_case("six heads, three groups, small", small=True),
        grouped_case("six heads, three groups"),
        grouped_case("six heads, two groups", 6, 2),
        grouped_case("as many groups as heads", 3, 3),
        grouped_case("one group", 6, 1),
        grouped_case("eight heads, two groups", 8, 2),
        grouped_case("a batch of two", 4, 2, small=True, lead=(2,)),
        grouped_case("a batch of one", 4, 2, small=True, lead=(1,)),
        grouped_case("two leading axes", lead=(2, 4)),
        grouped_case("float32", dtype=np.float32),
        grouped_case("a scale that is given", 4, 2, small=True, scale=1.5, stage="a scale that is given"),
        grouped_case("a scale, on a batch", lead=(2,), scale=0.1, stage="a scale that is given"),
        grouped_case("a scale of zero", small=True, scale=0.0, stage="a scale of zero"),
        grouped_case("a causal mask, small", 4, 2, small=True, sizes={"q": 2}, mask=causal, stage="a mask"),
        grouped_case("a causal mask", mask=causal, stage="a mask"),
        grouped_case("a mask on a batch", lead=(2,), mask=at_random("q", "k"), stage="a mask"),
        grouped_case("a float mask", mask=as_floats(causal), stage="a float mask"),
        grouped_case("a mask for all heads", mask=at_random(1, "q", "k"), stage="a mask"),
        grouped_case("a mask for each head", mask=at_random("h", "q", "k"), stage="a mask for each head"),
        grouped_case(
            "a float mask for each head",
            mask=lambda rng, s: rng.standard_normal((s.h, s.q, s.k)),
            stage="a mask for each head",
        ),
        grouped_case(
            "a mask for each head, as many texts as heads",
            lead=(6,),
            mask=at_random("h", "q", "k"),
            stage="a mask for each head",
        ),
        grouped_case(
            "a mask for each head, a large group", 8, 2, mask=at_random("h", "q", "k"), stage="a mask for each head"
        ),
        grouped_case("a mask for each text", lead=(2,), mask=at_random(2, 1, "q", "k"), stage="a mask for each text"),
        grouped_case(
            "a mask for each text and head",
            lead=(2,),
            mask=at_random(2, "h", "q", "k"),
            stage="a mask for each text and head",
        ),
        grouped_case("a query with nothing allowed", mask=an_empty_row, stage="a row with nothing allowed"),
        grouped_case("scores in the thousands", magnitude=60.0, stage="scores in the thousands"),
    ],
)


def shared(query, key, value, share_key, share_value, mask, scale):
    """Attention with the key and value heads that the two orders name."""
    return scaled_dot_product_attention(query, key[..., share_key, :, :], value[..., share_value, :, :], mask, scale)


def orders(query, key):
    """Which key head each query head uses: the neighbours' way, and dealt out in turn."""
    heads, groups = query.shape[-3], key.shape[-3]
    return np.arange(heads) // (heads // groups), np.arange(heads) % groups


@grouped.mistake
def scaled_by_the_width_of_the_values(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, value.shape[-1] ** -0.5 if scale is None else scale)


@grouped.mistake
def scale_of_zero_taken_for_none(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, scale or None)


@grouped.mistake
def key_heads_dealt_out_in_turn(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    key = np.concatenate([key] * share, axis=-3)
    value = np.concatenate([value] * share, axis=-3)
    return scaled_dot_product_attention(query, key, value, mask, scale)


@grouped.mistake
def keys_repeated_but_values_tiled(query, key, value, mask=None, scale=None):
    neighbours, in_turn = orders(query, key)
    return shared(query, key, value, neighbours, in_turn, mask, scale)


@grouped.mistake
def values_repeated_but_keys_tiled(query, key, value, mask=None, scale=None):
    neighbours, in_turn = orders(query, key)
    return shared(query, key, value, in_turn, neighbours, mask, scale)


@grouped.mistake
def head_divided_by_the_number_of_groups(query, key, value, mask=None, scale=None):
    order = np.minimum(np.arange(query.shape[-3]) // key.shape[-3], key.shape[-3] - 1)
    return shared(query, key, value, order, order, mask, scale)


@grouped.mistake
def first_key_head_for_everyone(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key[..., :1, :, :], value[..., :1, :, :], mask, scale)


@grouped.mistake
def key_and_value_heads_averaged(query, key, value, mask=None, scale=None):
    key, value = (x.mean(axis=-3, keepdims=True) for x in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, scale)


@grouped.mistake
def tokens_repeated_instead_of_heads(query, key, value, mask=None, scale=None):
    *leading, heads, _, _ = query.shape
    key, value = (
        np.repeat(x, heads // x.shape[-3], axis=-2).reshape(*leading, heads, *x.shape[-2:]) for x in (key, value)
    )
    return scaled_dot_product_attention(query, key, value, mask, scale)


@grouped.mistake
def queries_of_a_group_averaged(query, key, value, mask=None, scale=None):
    *leading, heads, n, d = query.shape
    groups = key.shape[-3]
    mean = query.reshape(*leading, groups, heads // groups, n, d).mean(axis=-3)
    return grouped_query_attention(np.repeat(mean, heads // groups, axis=-3), key, value, mask, scale)


@grouped.mistake
def one_output_for_each_group(query, key, value, mask=None, scale=None):
    out = grouped_query_attention(query, key, value, mask, scale)
    *leading, heads, n, v = out.shape
    groups = key.shape[-3]
    return out.reshape(*leading, groups, heads // groups, n, v).mean(axis=-3)


@grouped.mistake
def mask_of_the_first_head_for_its_whole_group(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    if mask is not None and mask.ndim > 2 and mask.shape[-3] > 1:
        mask = np.repeat(mask[..., ::share, :, :], share, axis=-3)
    return grouped_query_attention(query, key, value, mask, scale)


@grouped.mistake
def mask_dropped(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, None, scale)


@grouped.mistake
def mask_upside_down(query, key, value, mask=None, scale=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return grouped_query_attention(query, key, value, mask, scale)


@grouped.mistake
def scale_argument_ignored(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask)


@grouped.mistake
def not_scaled(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, 1.0 if scale is None else scale)


@grouped.mistake
def scaled_by_the_width_of_the_whole_group(query, key, value, mask=None, scale=None):
    width = query.shape[-1] * (query.shape[-3] // key.shape[-3])
    return grouped_query_attention(query, key, value, mask, 1 / math.sqrt(width) if scale is None else scale)


@grouped.another_way
def with_repeat(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    key, value = (np.repeat(x, share, axis=-3) for x in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, scale)


@grouped.another_way
def with_einsum(query, key, value, mask=None, scale=None):
    *leading, heads, n, d = query.shape
    groups, n_key = key.shape[-3:-1]
    grouped = query.reshape(*leading, groups, heads // groups, n, d)
    scores = np.einsum("...gsqd,...gkd->...gsqk", grouped, key) * (d**-0.5 if scale is None else scale)
    weights = masked_softmax(scores.reshape(*leading, heads, n, n_key), mask)
    weights = weights.reshape(*leading, groups, heads // groups, n, n_key)
    return np.einsum("...gsqk,...gkv->...gsqv", weights, value).reshape(*leading, heads, n, -1)


@grouped.another_way
def head_after_head(query, key, value, mask=None, scale=None):
    *leading, heads, n, _ = query.shape
    share = heads // key.shape[-3]
    masks = np.broadcast_to(True if mask is None else mask, (*leading, heads, n, key.shape[-2]))
    out = []
    for head in range(heads):
        mine, theirs = (..., head, slice(None), slice(None)), (..., head // share, slice(None), slice(None))
        out.append(scaled_dot_product_attention(query[mine], key[theirs], value[theirs], masks[mine], scale))
    return np.stack(out, axis=-3)


@grouped.another_way
def the_group_as_more_queries(query, key, value, mask=None, scale=None):
    *leading, heads, n, d = query.shape
    groups, n_key = key.shape[-3:-1]
    long = query.reshape(*leading, groups, heads // groups * n, d)
    masks = np.broadcast_to(True if mask is None else mask, (*leading, heads, n, n_key))
    masks = masks.reshape(*leading, groups, heads // groups * n, n_key)
    return scaled_dot_product_attention(long, key, value, masks, scale).reshape(*leading, heads, n, -1)


def pool_case(name, n_heads, n_groups, small=False, width=3, **more):
    sizes = {"m": 2 if small else 5, "h*d": n_heads * width}
    return case(pool_kv_heads, name, small=small, sizes=sizes, n_heads=n_heads, n_groups=n_groups, **more)


pool = lesson.code(
    pool_kv_heads,
    [
        pool_case("four heads into two groups", 4, 2, small=True, width=2),
        pool_case("six heads into three groups, small", 6, 3, small=True, width=2),
        pool_case("six heads into three groups", 6, 3),
        pool_case("six heads into two groups", 6, 2, width=4),
        pool_case("one group", 6, 1, width=4),
        pool_case("as many groups as heads", 6, 6),
        pool_case("twelve heads into three groups", 12, 3, width=2),
        pool_case("float32", 6, 2, dtype=np.float32),
    ],
)


def cut(W, *axes):
    return W.reshape(len(W), *axes)


@pool.mistake
def every_g_th_head_averaged(W, n_heads, n_groups):
    share = n_heads // n_groups
    heads = W.reshape(len(W), share, n_groups, -1)
    return heads.mean(axis=1).reshape(len(W), -1)


@pool.mistake
def first_head_of_each_group(W, n_heads, n_groups):
    return cut(W, n_groups, n_heads // n_groups, -1)[:, :, 0].reshape(len(W), -1)


@pool.mistake
def sum_instead_of_mean(W, n_heads, n_groups):
    return pool_kv_heads(W, n_heads, n_groups) * (n_heads // n_groups)


@pool.mistake
def neighbouring_numbers_averaged(W, n_heads, n_groups):
    return cut(W, -1, n_heads // n_groups).mean(axis=-1)


@pool.mistake
def only_the_first_heads_kept(W, n_heads, n_groups):
    return W[:, : W.shape[-1] // n_heads * n_groups]


@pool.mistake
def all_heads_averaged(W, n_heads, n_groups):
    return np.tile(pool_kv_heads(W, n_heads, 1), (1, n_groups))


@pool.mistake
def as_wide_as_before(W, n_heads, n_groups):
    mean = cut(W, n_groups, n_heads // n_groups, -1).mean(axis=2, keepdims=True)
    return np.repeat(mean, n_heads // n_groups, axis=2).reshape(W.shape)


@pool.mistake
def rows_and_heads_mixed_in_the_reshape(W, n_heads, n_groups):
    share = n_heads // n_groups
    return W.reshape(n_groups, share, len(W), -1).mean(axis=1).reshape(len(W), -1)


@pool.mistake
def groups_and_heads_in_a_group_mixed_up(W, n_heads, n_groups):
    return pool_kv_heads(W, n_heads, n_heads // n_groups)


@pool.another_way
def slice_by_slice(W, n_heads, n_groups):
    share, width = n_heads // n_groups, W.shape[-1] // n_heads
    heads = [W[:, i * width : (i + 1) * width] for i in range(n_heads)]
    groups = [sum(heads[first : first + share]) / share for first in range(0, n_heads, share)]
    return np.concatenate(groups, axis=-1)


@pool.another_way
def times_a_matrix_of_shares(W, n_heads, n_groups):
    share, width = n_heads // n_groups, W.shape[-1] // n_heads
    shares = np.repeat(np.eye(n_groups), share, axis=0) / share
    return W @ np.kron(shares, np.eye(width)).astype(W.dtype)


@pool.another_way
def number_by_number(W, n_heads, n_groups):
    share, width = n_heads // n_groups, len(W[0]) // n_heads
    return [
        [
            sum(float(row[(group * share + i) * width + j]) for i in range(share)) / share
            for group in range(n_groups)
            for j in range(width)
        ]
        for row in W
    ]


def latent_weights(dtype=np.float64):
    """Weights for the lengths of a case, of a size that keeps the softmax away from saturation."""

    def make(rng, s):
        shapes = [(s.m, s.h * s.d), (s.m, s.h * s.r), (s.m, s.z), (s.m, s.r)]
        shapes += [(s.z, s.h * s.d), (s.z, s.h * s.v), (s.h * s.v, s.m)]
        drawn = (rng.standard_normal(shape) / math.sqrt(shape[0]) for shape in shapes)
        return LatentWeights(*(np.round(W, 1 if s.m < 8 else 9).astype(dtype) for W in drawn))

    return make


def latent_cases(reference):
    small_sizes = {"n": 3, "m": 5, "h": 2, "d": 2, "r": 2, "z": 3, "v": 3}
    sizes = {"n": 5, "m": 10, "h": 3, "d": 6, "r": 4, "z": 7, "v": 9}

    def of(name, small=False, dtype=np.float64, stage="", mask=None, **more):
        own = (small_sizes if small else sizes) | more.pop("sizes", {})
        own |= {"q": own["n"], "k": own["n"]}
        given = {"n_heads": own["h"], "weights": latent_weights(dtype)} | ({} if mask is None else {"mask": mask})
        return case(reference, name, small=small, dtype=dtype, stage=stage, sizes=own, **given, **more)

    return [
        of("a small example", small=True),
        of("another small example", small=True),
        of("no two widths equal"),
        of("one head", small=True, sizes={"h": 1}),
        of("as many heads as tokens", sizes={"h": 5}),
        of("a batch of two", small=True, lead=(2,)),
        of("a batch of one", small=True, lead=(1,)),
        of("two leading axes", lead=(2, 4)),
        of("float32", dtype=np.float32),
        of("a causal mask, small", small=True, mask=causal, stage="a mask"),
        of("a causal mask", mask=causal, stage="a mask"),
        of("a mask on a batch", lead=(2,), mask=at_random("q", "k"), stage="a mask"),
        of("a float mask", mask=as_floats(causal), stage="a float mask"),
        of("a mask for each head", lead=(2,), mask=at_random(1, "h", "q", "k"), stage="a mask for each head"),
        of(
            "a mask for each head, as many texts",
            lead=(3,),
            mask=at_random(1, "h", "q", "k"),
            stage="a mask for each head",
        ),
        of("a mask for each text", lead=(2,), mask=at_random(2, 1, "q", "k"), stage="a mask for each text"),
        of("a query with nothing allowed", mask=an_empty_row, stage="a row with nothing allowed"),
        of("large numbers", magnitude=30.0, stage="large scores"),
    ]


def with_rope(x, weights, n_heads, turn_query=1, turn_key=1, order=slice(None), base=10000.0):
    """The rotary parts, each turned by its positions times a number, in a layout of its own."""
    positions = np.arange(x.shape[-2])
    query = split_heads(x @ weights.W_query_rope, n_heads)[..., order]
    key = (x @ weights.W_key_rope)[..., order]
    query, key = (apply_rotary(part, turn * positions, base) for part, turn in ((query, turn_query), (key, turn_key)))
    return query, key[..., None, :, :]


def by_scores(x, weights, n_heads, mask, rope=None, width=None, weigh=None):
    """Latent attention with another rotary part, another scale, or other weights from the two kinds of scores."""
    latent = x @ weights.W_latent
    query, key, value = (
        split_heads(y, n_heads) for y in (x @ weights.W_query, latent @ weights.W_up_key, latent @ weights.W_up_value)
    )
    query_rope, key_rope = rope or rotated(x, weights, n_heads)
    scale = 1 / math.sqrt(width or query.shape[-1] + query_rope.shape[-1])
    content, place = (q @ np.swapaxes(k, -1, -2) for q, k in ((query, key), (query_rope, key_rope)))
    weigh = weigh or (lambda content, place, scale: masked_softmax((content + place) * scale, mask))
    return merge_heads(weigh(content, place, scale) @ value) @ weights.W_output


latent = lesson.code(latent_attention, latent_cases(latent_attention))


@latent.mistake
def rotary_on_the_whole_query_and_key(x, weights, n_heads, mask=None):
    positions = np.arange(x.shape[-2])
    c = x @ weights.W_latent
    query = split_heads(x @ weights.W_query, n_heads)
    query = np.concatenate([query, split_heads(x @ weights.W_query_rope, n_heads)], axis=-1)
    key = split_heads(c @ weights.W_up_key, n_heads)
    shared_key = np.broadcast_to(
        (x @ weights.W_key_rope)[..., None, :, :], (*key.shape[:-1], weights.W_key_rope.shape[-1])
    )
    key = np.concatenate([key, shared_key], axis=-1)
    query, key = apply_rotary(query, positions), apply_rotary(key, positions)
    value = split_heads(c @ weights.W_up_value, n_heads)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@latent.mistake
def rotary_part_left_out(x, weights, n_heads, mask=None):
    width = weights.W_query.shape[-1] // n_heads
    return by_scores(x, weights, n_heads, mask, width=width, weigh=lambda c, p, scale: masked_softmax(c * scale, mask))


@latent.mistake
def scaled_by_the_width_without_rotary(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, width=weights.W_query.shape[-1] // n_heads)


@latent.mistake
def shared_key_not_rotated(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, turn_key=0))


@latent.mistake
def query_not_rotated(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, turn_query=0))


@latent.mistake
def nothing_rotated(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, 0, 0))


@latent.mistake
def rotated_in_the_opposite_direction(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, -1, -1))


@latent.mistake
def rotary_scores_added_after_the_scale(x, weights, n_heads, mask=None):
    return by_scores(
        x, weights, n_heads, mask, weigh=lambda content, place, scale: masked_softmax(content * scale + place, mask)
    )


@latent.mistake
def parts_joined_in_different_orders(x, weights, n_heads, mask=None):
    c = x @ weights.W_latent
    query_rope, key_rope = rotated(x, weights, n_heads)
    query = np.concatenate([query_rope, split_heads(x @ weights.W_query, n_heads)], axis=-1)
    key = split_heads(c @ weights.W_up_key, n_heads)
    key = np.concatenate([key, np.broadcast_to(key_rope, (*key.shape[:-1], key_rope.shape[-1]))], axis=-1)
    value = split_heads(c @ weights.W_up_value, n_heads)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@latent.mistake
def one_wide_head(x, weights, n_heads, mask=None):
    tiled = np.tile(weights.W_key_rope, (1, n_heads))
    return latent_attention(x, weights._replace(W_key_rope=tiled), 1, mask)


@latent.mistake
def no_output_projection(x, weights, n_heads, mask=None):
    return by_scores(x, weights._replace(W_output=np.eye(len(weights.W_output))), n_heads, mask)


@latent.mistake
def causal_mask_dropped(x, weights, n_heads, mask=None):
    return latent_attention(x, weights, n_heads)


@latent.mistake
def mask_inverted(x, weights, n_heads, mask=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return latent_attention(x, weights, n_heads, mask)


@latent.other_convention
def halves_rotated_instead_of_adjacent_pairs(x, weights, n_heads, mask=None):
    order = np.argsort(rotary_halves_order(weights.W_key_rope.shape[-1]))
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, order=order))


@latent.another_way
def two_scores_added(x, weights, n_heads, mask=None):
    c = x @ weights.W_latent
    query, key = split_heads(x @ weights.W_query, n_heads), split_heads(c @ weights.W_up_key, n_heads)
    query_rope, key_rope = rotated(x, weights, n_heads)
    scores = query @ np.swapaxes(key, -1, -2) + query_rope @ np.swapaxes(key_rope, -1, -2)
    scores /= math.sqrt(query.shape[-1] + query_rope.shape[-1])
    value = split_heads(c @ weights.W_up_value, n_heads)
    return merge_heads(masked_softmax(scores, mask) @ value) @ weights.W_output


@latent.another_way
def one_head_at_a_time(x, weights, n_heads, mask=None):
    c, positions = x @ weights.W_latent, np.arange(x.shape[-2])
    shared_key = apply_rotary(x @ weights.W_key_rope, positions)
    masks = np.broadcast_to(True if mask is None else mask, (*x.shape[:-2], n_heads, *[x.shape[-2]] * 2))
    parts = zip(*(np.split(W, n_heads, axis=-1) for W in (weights[0], weights[1], *weights[4:6])), strict=True)
    outputs = np.split(weights.W_output, n_heads)
    out = 0
    for head, (W_query, W_query_rope, W_up_key, W_up_value) in enumerate(parts):
        query = np.concatenate([x @ W_query, apply_rotary(x @ W_query_rope, positions)], axis=-1)
        key = np.concatenate([c @ W_up_key, shared_key], axis=-1)
        brought = scaled_dot_product_attention(query, key, c @ W_up_value, masks[..., head, :, :])
        out = out + brought @ outputs[head]
    return out


absorbed = lesson.code(latent_attention_absorbed, latent_cases(latent_attention_absorbed))


def in_the_latent_space(x, weights, n_heads, mask, up_key=None, up_value=None, weigh=None):
    """Absorbed attention with other matrices to absorb, (h, c, d) and (h, c, v), or another way to weigh."""
    c = (x @ weights.W_latent)[..., None, :, :]
    up_key = by_head(weights.W_up_key, n_heads) if up_key is None else up_key
    up_value = by_head(weights.W_up_value, n_heads) if up_value is None else up_value
    query = split_heads(x @ weights.W_query, n_heads) @ np.swapaxes(up_key, -1, -2)
    query_rope, key_rope = rotated(x, weights, n_heads)
    content, place = (q @ np.swapaxes(k, -1, -2) for q, k in ((query, c), (query_rope, key_rope)))
    scale = 1 / math.sqrt(up_key.shape[-1] + query_rope.shape[-1])
    weigh = weigh or (lambda content, place: masked_softmax((content + place) * scale, mask))
    return merge_heads(weigh(content, place) @ c @ up_value) @ weights.W_output


@absorbed.mistake
def scaled_by_the_latent_width(x, weights, n_heads, mask=None):
    latent = (x @ weights.W_latent)[..., None, :, :]
    query_rope, key_rope = rotated(x, weights, n_heads)
    query = split_heads(x @ weights.W_query, n_heads)
    query = query @ np.swapaxes(by_head(weights.W_up_key, n_heads), -1, -2)
    scores = query @ np.swapaxes(latent, -1, -2) + query_rope @ np.swapaxes(key_rope, -1, -2)
    scores = scores / math.sqrt(query.shape[-1] + query_rope.shape[-1])
    mixed = masked_softmax(scores, mask) @ latent
    return merge_heads(mixed @ by_head(weights.W_up_value, n_heads)) @ weights.W_output


@absorbed.mistake
def first_heads_up_projections_for_everyone(x, weights, n_heads, mask=None):
    up_key, up_value = (by_head(W, n_heads)[:1] for W in (weights.W_up_key, weights.W_up_value))
    return in_the_latent_space(x, weights, n_heads, mask, up_key, np.repeat(up_value, n_heads, axis=0))


@absorbed.mistake
def up_projections_reshaped_without_transpose(x, weights, n_heads, mask=None):
    up_key, up_value = (W.reshape(n_heads, len(W), -1) for W in (weights.W_up_key, weights.W_up_value))
    return in_the_latent_space(x, weights, n_heads, mask, up_key, up_value)


@absorbed.mistake
def value_up_projection_cut_into_the_wrong_heads(x, weights, n_heads, mask=None):
    W = weights.W_up_value
    up_value = np.moveaxis(W.reshape(len(W), -1, n_heads), -1, 0)
    return in_the_latent_space(x, weights, n_heads, mask, up_value=up_value)


@absorbed.mistake
def key_up_projection_cut_into_the_wrong_heads(x, weights, n_heads, mask=None):
    W = weights.W_up_key
    up_key = np.moveaxis(W.reshape(len(W), -1, n_heads), -1, 0)
    return in_the_latent_space(x, weights, n_heads, mask, up_key)


@absorbed.mistake
def rotary_scores_left_out(x, weights, n_heads, mask=None):
    scale = 1 / math.sqrt(weights.W_query.shape[-1] // n_heads)
    return in_the_latent_space(
        x, weights, n_heads, mask, weigh=lambda content, place: masked_softmax(content * scale, mask)
    )


@absorbed.mistake
def rotary_scores_not_scaled(x, weights, n_heads, mask=None):
    return rotary_scores_added_after_the_scale(x, weights, n_heads, mask)


@absorbed.mistake
def scaled_by_the_content_width_alone(x, weights, n_heads, mask=None):
    return scaled_by_the_width_without_rotary(x, weights, n_heads, mask)


@absorbed.mistake
def rotary_key_not_rotated(x, weights, n_heads, mask=None):
    return shared_key_not_rotated(x, weights, n_heads, mask)


@absorbed.mistake
def a_softmax_for_each_kind_of_score(x, weights, n_heads, mask=None):
    widths = weights.W_query.shape[-1] // n_heads, weights.W_key_rope.shape[-1]

    def weigh(content, place):
        both = (
            masked_softmax(part / math.sqrt(width), mask) for part, width in zip((content, place), widths, strict=True)
        )
        return sum(both) / 2

    return in_the_latent_space(x, weights, n_heads, mask, weigh=weigh)


@absorbed.mistake
def no_scale_at_all(x, weights, n_heads, mask=None):
    return in_the_latent_space(
        x, weights, n_heads, mask, weigh=lambda content, place: masked_softmax(content + place, mask)
    )


@absorbed.mistake
def mask_left_out(x, weights, n_heads, mask=None):
    return latent_attention(x, weights, n_heads)


@absorbed.mistake
def empty_row_gives_nan(x, weights, n_heads, mask=None):
    def weigh(content, place):
        scores = (content + place) / math.sqrt(weights.W_query.shape[-1] // n_heads + weights.W_key_rope.shape[-1])
        if mask is not None:
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    return in_the_latent_space(x, weights, n_heads, mask, weigh=weigh)


@absorbed.other_convention
def halves_rotated_in_place_of_adjacent_pairs(x, weights, n_heads, mask=None):
    return halves_rotated_instead_of_adjacent_pairs(x, weights, n_heads, mask)


@absorbed.another_way
def as_multi_query_attention(x, weights, n_heads, mask=None):
    c = x @ weights.W_latent
    query = split_heads(x @ weights.W_query, n_heads)
    query_rope, key_rope = rotated(x, weights, n_heads)
    scale = 1 / math.sqrt(query.shape[-1] + query_rope.shape[-1])
    up_key = np.swapaxes(by_head(weights.W_up_key, n_heads), -1, -2)
    query = np.concatenate([query @ up_key, query_rope], axis=-1)
    one_head = c[..., None, :, :]
    key = np.concatenate([one_head, key_rope], axis=-1)
    mixed = grouped_query_attention(query, key, one_head, mask, scale)
    return merge_heads(mixed @ by_head(weights.W_up_value, n_heads)) @ weights.W_output


@absorbed.another_way
def merged_before_any_token_comes(x, weights, n_heads, mask=None):
    def heads(W):
        return W.reshape(len(W), n_heads, -1)

    W_ask = np.einsum("mhd,zhd->hmz", heads(weights.W_query), heads(weights.W_up_key))
    W_tell = np.einsum("zhv,hvm->hzm", heads(weights.W_up_value), weights.W_output.reshape(n_heads, -1, x.shape[-1]))
    c = (x @ weights.W_latent)[..., None, :, :]
    query_rope, key_rope = rotated(x, weights, n_heads)
    scores = np.einsum("...qm,hmz,...kz->...hqk", x, W_ask, c[..., 0, :, :])
    scores = scores + np.einsum("...hqr,...kr->...hqk", query_rope, key_rope[..., 0, :, :])
    width = weights.W_query.shape[-1] // n_heads + weights.W_key_rope.shape[-1]
    return (masked_softmax(scores / math.sqrt(width), mask) @ c @ W_tell).sum(axis=-3)


LLAMA_8B = {"layers": 32, "n_heads": 32, "d_head": 128, "n_groups": 8}
LLAMA_70B = {"layers": 80, "n_heads": 64, "d_head": 128, "n_groups": 8}
DEEPSEEK_V3 = {"layers": 61, "n_heads": 128, "d_head": 128, "d_latent": 512, "d_rope": 64}
TINY = {"layers": 3, "n_heads": 12, "d_head": 8, "n_groups": 4, "d_latent": 10, "d_rope": 6}

per_token = lesson.code(
    kv_bytes_per_token,
    [
        *(
            case(kv_bytes_per_token, f"{kind} in a tiny model", kind=kind, **TINY)
            for kind in ("mha", "gqa", "mqa", "mla")
        ),
        case(kv_bytes_per_token, "Llama 3 8B", kind="gqa", **LLAMA_8B),
        case(kv_bytes_per_token, "Llama 3 70B", kind="gqa", **LLAMA_70B),
        case(kv_bytes_per_token, "DeepSeek-V3", kind="mla", **DEEPSEEK_V3),
        case(kv_bytes_per_token, "no groups named", kind="mha", layers=12, n_heads=10, d_head=64),
        case(kv_bytes_per_token, "gqa in float32", kind="gqa", **TINY, bytes_per_value=4),
        case(kv_bytes_per_token, "mla in one byte a number", kind="mla", **TINY, bytes_per_value=1),
        case(kv_bytes_per_token, "mqa in one byte a number", kind="mqa", **TINY, bytes_per_value=1),
    ],
)


@per_token.mistake
def values_forgotten(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    total = kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)
    return total if kind == "mla" else total // 2


@per_token.mistake
def query_heads_counted_for_gqa(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_heads, d_latent, d_rope, bytes_per_value)


@per_token.mistake
def latent_counted_twice(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, 2 * d_latent, 2 * d_rope, bytes_per_value)


@per_token.mistake
def latent_counted_for_every_head(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    d_latent, d_rope = n_heads * d_latent, n_heads * d_rope
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)


@per_token.mistake
def rotated_key_counted_for_every_head(
    kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2
):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, n_heads * d_rope, bytes_per_value)


@per_token.mistake
def rotated_key_forgotten(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, 0, bytes_per_value)


@per_token.mistake
def numbers_instead_of_bytes(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope, 1)


@per_token.mistake
def always_two_bytes(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, layers, n_heads, d_head, n_groups, d_latent, d_rope)


@per_token.mistake
def one_layer_only(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    return kv_bytes_per_token(kind, 1, n_heads, d_head, n_groups, d_latent, d_rope, bytes_per_value)


@per_token.another_way
def by_the_key_heads(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    if kind == "mla":
        return layers * (d_latent + d_rope) * bytes_per_value
    if kind not in ("mha", "gqa", "mqa"):
        raise ValueError(f"kind is {kind}")
    key_heads = n_heads if kind == "mha" else n_groups if kind == "gqa" else 1
    return kv_cache_bytes(layers, key_heads, d_head, tokens=1, bytes_per_value=bytes_per_value)


@per_token.another_way
def with_match(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    match kind:
        case "mha":
            numbers = n_heads * d_head + n_heads * d_head
        case "gqa":
            numbers = n_groups * d_head + n_groups * d_head
        case "mqa":
            numbers = d_head + d_head
        case "mla":
            numbers = d_latent + d_rope
    return numbers * bytes_per_value * layers


lesson.debug("fix_grouped_query_attention", grouped, key_heads_dealt_out_in_turn)
lesson.debug("fix_pool_kv_heads", pool, every_g_th_head_averaged)
lesson.debug("fix_latent_attention", latent, rotary_on_the_whole_query_and_key)
lesson.debug("fix_latent_attention_absorbed", absorbed, scaled_by_the_latent_width)

lesson.numeric(
    "llama-70b-tokens-in-20-gib",
    lambda: 20 * 2**30 // (2 * 80 * 8 * 128 * 2),
    every_query_head_cached=lambda: 20 * 2**30 // (2 * 80 * 64 * 128 * 2),
    only_the_keys_cached=lambda: 20 * 2**30 // (80 * 8 * 128 * 2),
)
lesson.numeric(
    "llama-8b-key-value-parameters",
    lambda: 32 * 2 * 4096 * (4096 - 1024),
    one_layer_only=lambda: 2 * 4096 * (4096 - 1024),
    only_the_keys=lambda: 32 * 4096 * (4096 - 1024),
    what_is_left=lambda: 32 * 2 * 4096 * 1024,
)
lesson.numeric(
    "deepseek-v3-bytes-of-a-text",
    lambda: 100_000 * 61 * (512 + 64) * 2,
    counted_for_keys_and_for_values=lambda: 2 * 100_000 * 61 * (512 + 64) * 2,
    rotated_key_forgotten=lambda: 100_000 * 61 * 512 * 2,
    a_rotated_key_for_every_head=lambda: 100_000 * 61 * (512 + 128 * 64) * 2,
    one_token_only=lambda: 61 * (512 + 64) * 2,
)
lesson.numeric(
    "groups-worth-a-latent",
    lambda: (512 + 64) / (2 * 128),
    keys_without_values=lambda: (512 + 64) / 128,
    latent_without_its_rotated_key=lambda: 512 / (2 * 128),
)
lesson.numeric(
    "price-of-absorbing",
    lambda: math.ceil(512 * (128 + 128) / ((512 + 64 + 512) - (128 + 64 + 128))),
    only_the_keys_unpacked=lambda: math.ceil(512 * 128 / ((512 + 64 + 512) - (128 + 64 + 128))),
    unpacked_form_taken_for_free=lambda: math.ceil(512 * (128 + 128) / (512 + 64 + 512)),
)
lesson.predict("which-key-head", lambda: 2, dealt_out_in_turn=lambda: 1, place_within_the_group=lambda: 0)
lesson.predict(
    "grouped-shape",
    lambda: (2, 6, 3, 4),
    one_output_for_each_group=lambda: (2, 3, 3, 4),
    width_of_the_keys=lambda: (2, 6, 3, 8),
)
lesson.predict("grouped-score-flops", lambda: "as many", a_quarter=lambda: "a quarter as many")
lesson.predict(
    "rotated-and-absorbed",
    lambda: "on the diagonal",
    everywhere=lambda: "everywhere",
    in_the_first_row=lambda: "in the first row",
)
lesson.predict(
    "what-the-latent-cache-holds",
    lambda: "the latent and the rotated key",
    the_latent_alone=lambda: "the latent",
    unpacked=lambda: "the keys and values of every head",
)
lesson.explain(
    "why-share-keys",
    "how-many-groups",
    "grouped-from-multi-head",
    "what-a-latent-cache-is",
    "why-rotary-is-decoupled",
    "when-to-absorb",
)
