"""Attention over keys that lie scattered."""

import numpy as np

from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.exercises.exercise import case, code, usual
from attncore.masks import causal_mask
from attncore.serving import paged_attention
from attncore.softmax import softmax

MORE = "With more queries than slots the first rows are zeros."
OUTSIDE = "Raises ValueError for a slot that the pool doesn't have."


def scattered(rng, s):
    """Some slots of the pool, in no order."""
    return rng.permutation(s.p)[: s.k]


exercise = code(
    paged_attention,
    usual(slots=scattered, sizes={"p": 9}),
    case("one new query", small=True, sizes={"q": 1, "k": 4, "p": 6}, slots=np.array([5, 2, 0, 3])),
    case("as many queries as keys", small=True, sizes={"q": 3, "k": 3, "p": 6}, slots=np.array([4, 5, 1])),
    case("blocks of two, in another order", small=True, sizes={"q": 2, "p": 8}, slots=np.array([6, 7, 2, 3, 4])),
    case("a whole pool, backwards", sizes={"k": 7, "p": 7}, slots=np.arange(7)[::-1].copy()),
    case("slots in a list", small=True, sizes={"p": 5}, slots=[3, 0, 4]),
    case("a long request", sizes={"q": 4, "k": 30, "p": 64}, slots=scattered),
    case("scores in the hundreds", sizes={"p": 9}, slots=scattered, magnitude=12.0),
    case(
        "a scale of 0.3",
        sizes={"p": 9},
        slots=scattered,
        scale=0.3,
        promise="`scale` is that of scaled dot-product attention.",
    ),
    case("more queries than slots", sizes={"q": 4, "k": 2, "p": 5}, slots=np.array([3, 1]), promise=MORE),
    case("a slot too far", small=True, sizes={"p": 4}, slots=np.array([0, 4]), promise=OUTSIDE),
    case("a slot below zero", small=True, sizes={"p": 4}, slots=np.array([0, -1]), promise=OUTSIDE),
)


def attended(query, key, value, scale=None, mask="causal"):
    mask = causal_mask(query.shape[-2], key.shape[-2]) if isinstance(mask, str) else mask
    return scaled_dot_product_attention(query, key, value, mask, scale)


def in_pool(pool, slots):
    slots = np.asarray(slots)
    if slots.min() < 0 or slots.max() >= pool.shape[-2]:
        raise ValueError
    return pool[..., slots, :]


@exercise.mistake("no causal mask")
def no_causal_mask(query, key_pool, value_pool, slots, scale=None):
    return attended(query, in_pool(key_pool, slots), in_pool(value_pool, slots), scale, None)


@exercise.mistake("the mask's triangle is at the top left")
def top_left(query, key_pool, value_pool, slots, scale=None):
    mask = np.tri(query.shape[-2], len(slots), dtype=bool)
    return attended(query, in_pool(key_pool, slots), in_pool(value_pool, slots), scale, mask)


@exercise.mistake("the mask goes by slots, not by tokens")
def mask_by_slots(query, key_pool, value_pool, slots, scale=None):
    slots = np.asarray(slots)
    mask = slots[-query.shape[-2] :][:, None] >= slots
    if len(mask) < query.shape[-2]:
        return paged_attention(query, key_pool, value_pool, slots, scale)
    return attended(query, in_pool(key_pool, slots), in_pool(value_pool, slots), scale, mask)


@exercise.mistake("the slots are sorted first")
def slots_sorted(query, key_pool, value_pool, slots, scale=None):
    return paged_attention(query, key_pool, value_pool, np.sort(slots), scale)


@exercise.mistake("the slots are read backwards")
def slots_backwards(query, key_pool, value_pool, slots, scale=None):
    return paged_attention(query, key_pool, value_pool, np.asarray(slots)[::-1], scale)


@exercise.mistake("the first slots of the pool are read, whatever `slots` says")
def first_slots(query, key_pool, value_pool, slots, scale=None):
    return paged_attention(query, key_pool, value_pool, np.arange(len(slots)), scale)


@exercise.mistake("the whole pool is attended to")
def whole_pool(query, key_pool, value_pool, slots, scale=None):
    return attended(query, key_pool, value_pool, scale)


@exercise.mistake("the whole pool is attended to")
def whole_pool_without_a_mask(query, key_pool, value_pool, slots, scale=None):
    return attended(query, key_pool, value_pool, scale, None)


@exercise.mistake("the request's own slots in the pool's order")
def masked_in_place(query, key_pool, value_pool, slots, scale=None):
    held = np.isin(np.arange(key_pool.shape[-2]), slots)
    return attended(query, key_pool, value_pool, scale, np.broadcast_to(held, (query.shape[-2], len(held))))


@exercise.mistake("the values are taken in the pool's order")
def values_not_gathered(query, key_pool, value_pool, slots, scale=None):
    return attended(query, in_pool(key_pool, slots), value_pool[..., : len(slots), :], scale)


@exercise.mistake("the keys are taken in the pool's order")
def keys_not_gathered(query, key_pool, value_pool, slots, scale=None):
    return attended(query, key_pool[..., : len(slots), :], in_pool(value_pool, slots), scale)


@exercise.mistake("the last key is left out")
def last_key_left_out(query, key_pool, value_pool, slots, scale=None):
    key, value = in_pool(key_pool, slots)[..., :-1, :], in_pool(value_pool, slots)[..., :-1, :]
    return attended(query, key, value, scale)


@exercise.mistake("not scaled")
def not_scaled(query, key_pool, value_pool, slots, scale=None):
    return paged_attention(query, key_pool, value_pool, slots, 1.0 if scale is None else scale)


@exercise.mistake("the given `scale` is not used")
def given_scale_not_used(query, key_pool, value_pool, slots, scale=None):
    return paged_attention(query, key_pool, value_pool, slots)


@exercise.mistake("slots outside the pool wrap around")
def wrapped(query, key_pool, value_pool, slots, scale=None):
    return paged_attention(query, key_pool, value_pool, np.asarray(slots) % key_pool.shape[-2], scale)


@exercise.mistake("the table is read the wrong way round")
def wrong_way_round(query, key_pool, value_pool, slots, scale=None):
    in_pool(key_pool, slots)
    return paged_attention(query, key_pool, value_pool, np.argsort(slots), scale)


@exercise.mistake("what isn't the request's scores 0 instead of being hidden")
def others_score_zero(query, key_pool, value_pool, slots, scale=None):
    in_pool(key_pool, slots)
    scores = attention_scores(query, key_pool, scale)
    return softmax(np.where(np.isin(np.arange(key_pool.shape[-2]), slots), scores, 0)) @ value_pool


@exercise.mistake("slots counted from one")
def counted_from_one(query, key_pool, value_pool, slots, scale=None):
    in_pool(key_pool, slots)
    return paged_attention(query, key_pool, value_pool, (np.asarray(slots) - 1) % key_pool.shape[-2], scale)


@exercise.mistake("the last slots of the pool are read, whatever `slots` says")
def last_slots(query, key_pool, value_pool, slots, scale=None):
    in_pool(key_pool, slots)
    n_slots = key_pool.shape[-2]
    return paged_attention(query, key_pool, value_pool, np.arange(n_slots - len(slots), n_slots), scale)


@exercise.another_way
def as_a_mask_over_the_pool(query, key_pool, value_pool, slots, scale=None):
    n_query, n_slots = query.shape[-2], key_pool.shape[-2]
    slots = np.asarray(slots)
    if slots.min() < 0 or slots.max() >= n_slots:
        raise ValueError(f"slots are {slots}, the pool has {n_slots}")
    mask = np.zeros((n_query, n_slots), bool)
    mask[:, slots] = causal_mask(n_query, len(slots))
    return scaled_dot_product_attention(query, key_pool, value_pool, mask, scale)


@exercise.another_way
def one_query_at_a_time(query, key_pool, value_pool, slots, scale=None):
    n_query, slots = query.shape[-2], list(slots)
    if min(slots) < 0 or max(slots) >= key_pool.shape[-2]:
        raise ValueError("no such slot")
    shape = np.broadcast_shapes(query.shape[:-2], key_pool.shape[:-2], value_pool.shape[:-2])
    out = np.zeros((*shape, n_query, value_pool.shape[-1]), query.dtype)
    for i in range(n_query):
        seen = slots[: max(len(slots) - n_query + i + 1, 0)]
        if seen:
            key, value = np.take(key_pool, seen, axis=-2), np.take(value_pool, seen, axis=-2)
            out[..., i : i + 1, :] = scaled_dot_product_attention(query[..., i : i + 1, :], key, value, None, scale)
    return out
