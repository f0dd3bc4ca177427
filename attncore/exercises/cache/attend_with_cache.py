"""Attention behind a cache."""

import math

import numpy as np

from attncore.cache import attend_with_cache
from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.drivers import in_chunks
from attncore.exercises.exercise import Case, code, draw
from attncore.exercises.heads.cases import projections
from attncore.exercises.softmax.cases import GUARDS, masked_late, zeroed_then_renormalized
from attncore.heads import merge_heads, multi_head_attention, split_heads
from attncore.masks import causal_mask
from attncore.softmax import masked_softmax, softmax


def attend_case(name, chunks, n_heads=2, m=4, lead=(), dtype=np.float64, magnitude=1.0):
    """A case of cached attention: a sequence read in chunks of the given lengths."""
    small = m == 4
    drawn = draw(
        multi_head_attention,
        f"cached, {name}",
        sizes={"q": sum(chunks), "k": 1, "m": m},
        lead=lead,
        dtype=dtype,
        magnitude=magnitude,
        weights=projections,
        n_heads=n_heads,
    )

    def make():
        given = drawn.make()
        x, weights = given["query"], given["weights"]
        weights = type(weights)(*(W.astype(dtype) for W in weights))
        return {"x": np.round(x, 1) if small else x, "chunks": list(chunks), "weights": weights, "n_heads": n_heads}

    return Case(name, make)


exercise = code(
    attend_with_cache,
    attend_case("one token", [1]),
    attend_case("one chunk of three tokens", [3]),
    attend_case("three tokens, one after another", [1, 1, 1]),
    attend_case("a prompt of three, then a token", [3, 1]),
    attend_case("two tokens, then two more", [2, 2]),
    attend_case("one token, then a chunk of three", [1, 3]),
    attend_case("three heads, chunks of all lengths", [4, 1, 2, 3], n_heads=3, m=12),
    attend_case("four heads, a longer second chunk", [2, 5], n_heads=4, m=12),
    attend_case("one head", [2, 1, 2], n_heads=1),
    attend_case("a batch of two", [2, 2, 1], lead=(2,)),
    attend_case("two leading axes", [1, 3, 2], n_heads=3, m=12, lead=(2, 4)),
    attend_case("float32", [3, 1, 1], n_heads=3, m=12, dtype=np.float32),
    attend_case("scores in the thousands", [2, 3], n_heads=3, m=12, magnitude=60.0),
    drive=in_chunks,
)


def projected(x, weights, n_heads):
    """Query, key and value of the new tokens, in heads."""
    return [split_heads(x @ W, n_heads) for W in weights[:3]]


def finished(query, key, value, weights, mask=None, scale=None):
    return merge_heads(scaled_dot_product_attention(query, key, value, mask, scale)) @ weights.W_output


@exercise.mistake("the cache is never updated")
def the_cache_is_never_updated(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    return finished(query, key, value, weights, causal_mask(x.shape[-2]))


@exercise.mistake("only the new tokens attended to")
def only_the_new_tokens_attended_to(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, key, value, weights, causal_mask(x.shape[-2]))


@exercise.mistake("the current tokens are left out")
def the_current_tokens_are_left_out(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    if len(cache) == 0:
        cache.append(key, value)
        return finished(query, key, value, weights, causal_mask(x.shape[-2]))
    output = finished(query, cache.key, cache.value, weights)
    cache.append(key, value)
    return output


@exercise.mistake("each token is hidden from itself")
def each_token_is_hidden_from_itself(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    earlier = np.tri(x.shape[-2], len(cache), len(cache) - x.shape[-2] - 1, dtype=bool)
    return finished(query, cache.key, cache.value, weights, earlier)


@exercise.mistake("no mask once there is a cache")
def no_mask_once_there_is_a_cache(x, cache, weights, n_heads):
    query, key, value = (split_heads(x @ W, n_heads) for W in weights[:3])
    cache.append(key, value)
    n, n_keys = x.shape[-2], len(cache)
    mask = causal_mask(n) if n_keys == n else None
    heads = scaled_dot_product_attention(query, cache.key, cache.value, mask)
    return merge_heads(heads) @ weights.W_output


@exercise.mistake("no mask at all")
def no_mask_at_all(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights)


@exercise.mistake("the queries are taken as the first positions")
def the_queries_are_taken_as_the_first_positions(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, np.tri(x.shape[-2], len(cache), dtype=bool))


def weighed(x, cache, weights, n_heads, weigh):
    """Cached attention in which `weigh` makes weights of the scores and the mask."""
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    scores = query @ np.swapaxes(cache.key, -1, -2) / math.sqrt(query.shape[-1])
    shares = weigh(scores, causal_mask(x.shape[-2], len(cache)))
    return merge_heads(shares @ cache.value) @ weights.W_output


@exercise.mistake("hidden scores set to zero")
def hidden_scores_set_to_zero(x, cache, weights, n_heads):
    return weighed(x, cache, weights, n_heads, lambda scores, mask: softmax(scores * mask))


@exercise.mistake("hidden scores set to zero, then renormalized")
def hidden_scores_set_to_zero_then_renormalized(x, cache, weights, n_heads):
    return weighed(x, cache, weights, n_heads, zeroed_then_renormalized)


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(x, cache, weights, n_heads):
    return weighed(x, cache, weights, n_heads, lambda scores, mask: softmax(scores) * mask)


@exercise.mistake("mask after the softmax, then renormalized")
def mask_after_the_softmax_then_renormalized(x, cache, weights, n_heads):
    return weighed(x, cache, weights, n_heads, masked_late)


for guard in GUARDS:

    @exercise.mistake("mask after the softmax, then renormalized with a guard")
    def mask_after_the_softmax_then_renormalized_with_a_guard(x, cache, weights, n_heads, guard=guard):
        return weighed(x, cache, weights, n_heads, lambda scores, mask: masked_late(scores, mask, guard=guard))


@exercise.mistake("no scale")
def no_scale(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)), 1.0)


@exercise.mistake("mask upside down")
def mask_upside_down(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, ~causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("divided by the width of a head, not by its square root")
def divided_by_the_width_of_a_head(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)), 1 / query.shape[-1])


@exercise.mistake("each token sees the one after it")
def each_token_sees_the_one_after_it(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    held = len(cache)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, np.tri(x.shape[-2], len(cache), held + 1, dtype=bool))


@exercise.mistake("the current tokens are left out")
def the_current_tokens_are_left_out_but_without_a_mask(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    earlier = (cache.key, cache.value) if len(cache) else (key, value)
    cache.append(key, value)
    return finished(query, *earlier, weights)


@exercise.mistake("keys and values swapped")
def keys_and_values_swapped(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(value, key)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("the keys are kept as values too")
def the_keys_are_kept_as_values_too(x, cache, weights, n_heads):
    query, key, _ = projected(x, weights, n_heads)
    cache.append(key, key)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("the heads are not merged")
def the_heads_are_not_merged(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return scaled_dot_product_attention(query, cache.key, cache.value, causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("merged without the transpose")
def merged_without_the_transpose(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    heads = scaled_dot_product_attention(query, cache.key, cache.value, causal_mask(x.shape[-2], len(cache)))
    return heads.reshape(x.shape) @ weights.W_output


@exercise.mistake("projections transposed")
def projections_transposed(x, cache, weights, n_heads):
    return attend_with_cache(x, cache, type(weights)(*(W.T for W in weights[:3]), weights.W_output), n_heads)


@exercise.mistake("projections transposed")
def all_projections_transposed(x, cache, weights, n_heads):
    return attend_with_cache(x, cache, type(weights)(*(W.T for W in weights)), n_heads)


@exercise.mistake("the input is added")
def the_input_is_added(x, cache, weights, n_heads):
    return x + attend_with_cache(x, cache, weights, n_heads)


@exercise.mistake("only the last token is returned")
def only_the_last_token_is_returned(x, cache, weights, n_heads):
    return attend_with_cache(x, cache, weights, n_heads)[..., -1:, :]


@exercise.mistake("new tokens are appended twice")
def new_tokens_are_appended_twice(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("what the cache holds is appended again")
def what_is_held_is_appended_again(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    if len(cache):
        key, value = (np.concatenate(both, axis=-2) for both in ((cache.key, key), (cache.value, value)))
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("one wide head")
def one_wide_head(x, cache, weights, n_heads):
    return attend_with_cache(x, cache, weights, 1)


@exercise.mistake("split into heads without the transpose")
def split_into_heads_without_the_transpose(x, cache, weights, n_heads):
    *leading, n, m = x.shape
    query, key, value = ((x @ W).reshape(*leading, n_heads, n, m // n_heads) for W in weights[:3])
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(n, len(cache)))


@exercise.mistake("scaled by the model width")
def scaled_by_the_model_width(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    mask = causal_mask(x.shape[-2], len(cache))
    return finished(query, cache.key, cache.value, weights, mask, 1 / math.sqrt(x.shape[-1]))


@exercise.mistake("no output projection")
def no_output_projection(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    mask = causal_mask(x.shape[-2], len(cache))
    return merge_heads(scaled_dot_product_attention(query, cache.key, cache.value, mask))


@exercise.mistake("queries are cached instead of keys")
def queries_are_cached_instead_of_keys(x, cache, weights, n_heads):
    query, _, value = projected(x, weights, n_heads)
    cache.append(query, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("inputs are cached without their projections")
def inputs_are_cached_without_their_projections(x, cache, weights, n_heads):
    query, _, _ = projected(x, weights, n_heads)
    cache.append(split_heads(x, n_heads), split_heads(x, n_heads))
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@exercise.mistake("the input is returned")
def the_input_is_returned(x, cache, weights, n_heads):
    return x


@exercise.another_way
def token_by_token(x, cache, weights, n_heads):
    rows = []
    for token in np.split(x, x.shape[-2], axis=-2):
        query, key, value = (split_heads(token @ W, n_heads) for W in weights[:3])
        cache.append(key, value)
        rows.append(merge_heads(scaled_dot_product_attention(query, cache.key, cache.value)))
    return np.concatenate(rows, axis=-2) @ weights.W_output


@exercise.another_way
def with_einsum(x, cache, weights, n_heads):
    def cut(W):
        return W.reshape(len(W), n_heads, -1)

    query, key, value = (np.einsum("...nm,mhw->...hnw", x, cut(W)) for W in weights[:3])
    cache.append(key, value)
    place = len(cache) - x.shape[-2] + np.arange(x.shape[-2])
    scores = np.einsum("...hqw,...hkw->...hqk", query, cache.key) / math.sqrt(query.shape[-1])
    shares = masked_softmax(scores, np.arange(len(cache)) <= place[:, None])
    return np.einsum(
        "...hqk,...hkw,hwm->...qm", shares, cache.value, weights.W_output.reshape(n_heads, -1, x.shape[-1])
    )


@exercise.another_way
def head_after_head(x, cache, weights, n_heads):
    width = x.shape[-1] // n_heads
    parts = [slice(head * width, (head + 1) * width) for head in range(n_heads)]
    new = [np.stack([(x @ W)[..., part] for part in parts], axis=-3) for W in weights[1:3]]
    cache.append(*new)
    mask = causal_mask(x.shape[-2], len(cache))
    output = 0
    for head, part in enumerate(parts):
        key, value = cache.key[..., head, :, :], cache.value[..., head, :, :]
        brought = scaled_dot_product_attention(x @ weights.W_query[:, part], key, value, mask)
        output = output + brought @ weights.W_output[part]
    return output
