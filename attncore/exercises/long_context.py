"""Lesson 15: windows, sinks, the rolling cache, and linear attention in two forms."""

import math

import numpy as np

from attncore.exercises.exercise import Lesson, case, cases
from attncore.long_context import (
    feature_map,
    linear_attention,
    linear_attention_recurrent,
    rolling_cache,
    sliding_window_mask,
    softmax_with_sink,
)
from attncore.masks import causal_mask
from attncore.softmax import masked_softmax, softmax

lesson = Lesson("15_long_context")


def window_case(n, window, sinks=None, stage=""):
    given = {"n": n, "window": window} | ({} if sinks is None else {"sinks": sinks})
    with_sinks = "" if sinks is None else ", one sink" if sinks == 1 else f", {sinks} sinks"
    return case(sliding_window_mask, f"{n} tokens, a window of {window}{with_sinks}", stage=stage, **given)


windows = lesson.code(
    sliding_window_mask,
    [
        window_case(4, 2),
        window_case(5, 3),
        window_case(7, 3),
        window_case(4, 1, stage="a window of one"),
        window_case(3, 5, stage="a window wider than the text"),
        window_case(6, 2, 0, stage="no sinks, said aloud"),
        window_case(5, 2, 1, stage="sinks"),
        window_case(6, 1, 2, stage="sinks"),
        window_case(7, 3, 2, stage="sinks"),
        window_case(4, 3, 2, stage="sinks inside the window"),
        window_case(3, 2, 5, stage="more sinks than tokens"),
    ],
)


@windows.mistake
def the_window_before_and_the_token_itself(n, window, sinks=0):
    return sliding_window_mask(n, window + 1, sinks)


@windows.mistake
def the_token_itself_hidden(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks) & ~np.eye(n, dtype=bool)


@windows.mistake
def the_window_on_both_sides(n, window, sinks=0):
    position = np.arange(n)
    near = np.abs(position[:, None] - position) < window
    return near | (causal_mask(n) & (position < sinks))


@windows.mistake
def half_of_the_window_on_each_side(n, window, sinks=0):
    position = np.arange(n)
    near = np.abs(position[:, None] - position) <= window // 2
    return near | (causal_mask(n) & (position < sinks))


@windows.mistake
def blocks_instead_of_a_window(n, window, sinks=0):
    position = np.arange(n)
    same_block = position[:, None] // window == position // window
    return causal_mask(n) & (same_block | (position < sinks))


@windows.mistake
def window_ignored(n, window, sinks=0):
    return causal_mask(n)


@windows.mistake
def sinks_seen_before_they_are_there(n, window, sinks=0):
    position = np.arange(n)
    distance = position[:, None] - position
    near = (distance >= 0) & (distance < window)
    return near | (position < sinks)


@windows.mistake
def sinks_ignored(n, window, sinks=0):
    return sliding_window_mask(n, window)


@windows.mistake
def sinks_taken_out_of_the_window(n, window, sinks=0):
    position = np.arange(n)
    recent = position > position[:, None] - max(window - sinks, 0)
    return causal_mask(n) & (recent | (position < sinks))


@windows.mistake
def one_sink_too_many(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks + 1)


@windows.mistake
def sinks_in_place_of_the_window(n, window, sinks=0):
    if sinks == 0:
        return sliding_window_mask(n, window)
    return causal_mask(n) & ((np.arange(n) < sinks) | np.eye(n, dtype=bool))


@windows.mistake
def queries_and_keys_swapped(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks).T


@windows.mistake
def the_rest_instead_of_the_window(n, window, sinks=0):
    return ~sliding_window_mask(n, window, sinks)


@windows.other_convention
def ones_and_zeros(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks).astype(int)


@windows.other_convention
def zeros_and_minus_infinity(n, window, sinks=0):
    return np.where(sliding_window_mask(n, window, sinks), 0.0, -np.inf)


@windows.another_way
def one_triangle_less_another(n, window, sinks=0):
    causal = np.tri(n, dtype=bool)
    mask = causal & ~np.tri(n, k=-window, dtype=bool)
    mask[:, :sinks] = causal[:, :sinks]
    return mask


@windows.another_way
def row_by_row(n, window, sinks=0):
    mask = np.zeros((n, n), dtype=bool)
    for i in range(n):
        mask[i, : min(sinks, i + 1)] = True
        mask[i, max(0, i + 1 - window) : i + 1] = True
    return mask


@windows.another_way
def nested_lists(n, window, sinks=0):
    return [[j <= i and (i - j < window or j < sinks) for j in range(n)] for i in range(n)]


def a_sink_for_each(*shape):
    return lambda rng, s: np.round(rng.standard_normal(shape), 1)


def sink_case(name, sink, stage="", **more):
    return case(softmax_with_sink, name, stage=stage, sink=sink, **more)


def hidden_keys(rng, s):
    scores = np.round(rng.standard_normal((s.q, s.k)), 1)
    scores[0, 1:] = -np.inf
    scores[1] = -np.inf
    return scores


sinks_exercise = lesson.code(
    softmax_with_sink,
    cases(
        softmax_with_sink,
        sink_case("a sink of zero", 0.0, small=True),
        sink_case("a sink of minus two", -2.0, small=True),
        sink_case("no sink: minus infinity", -np.inf, "a sink of -inf", small=True),
        sink_case("a sink for each head", a_sink_for_each(4), "a sink for each head", lead=(4,)),
        sink_case("a sink for each head of a batch", a_sink_for_each(4), "a sink for each head", lead=(2, 4)),
        sink_case("as many heads as queries", a_sink_for_each(3), "a sink for each head", lead=(3,)),
        sink_case("a sink for each text", a_sink_for_each(2, 1), "a sink for each text", lead=(2, 4)),
        sink_case("hidden keys, and a row with nothing else", 0.5, "scores of -inf", small=True, scores=hidden_keys),
        sink_case("hidden keys and no sink", -np.inf, "a row of -inf without a sink", small=True, scores=hidden_keys),
        sink_case("scores in the thousands", 1.5, "scores in the thousands", magnitude=3000.0),
        sink_case(
            "scores far below zero",
            -2000.5,
            "very negative scores",
            small=True,
            scores=lambda rng, s: np.array([[-2000.0, -2001, -2002], [-1999, -2000, -2003]]),
        ),
        sink_case("a sink in the thousands", 3000.0, "a sink far above the scores", small=True),
        sink_case(
            "a sink among scores in the thousands",
            3000.5,
            "a sink among large scores",
            small=True,
            scores=lambda rng, s: np.array([[3000.0, 3001, 2999], [2998, 3002, 3000]]),
        ),
        sink=1.5,
    ),
)


@sinks_exercise.mistake
def plain_softmax(scores, sink):
    return softmax(scores)


@sinks_exercise.mistake
def sink_added_to_every_score(scores, sink):
    return softmax(scores + np.asarray(sink)[..., None, None])


@sinks_exercise.mistake
def column_of_the_sink_kept(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None, None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([scores, column], axis=-1))


@sinks_exercise.mistake
def last_key_dropped_instead_of_the_sink(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None, None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([column, scores], axis=-1))[..., :-1]


@sinks_exercise.mistake
def normalised_again_without_the_sink(scores, sink):
    weights = softmax_with_sink(scores, sink)
    return weights / weights.sum(axis=-1, keepdims=True)


@sinks_exercise.mistake
def one_in_the_denominator_whatever_the_sink(scores, sink):
    return softmax_with_sink(scores, 0.0)


@sinks_exercise.mistake
def sink_in_the_denominator_without_its_exponential(scores, sink):
    sink = np.asarray(sink)[..., None, None]
    exponentials = np.exp(scores)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + sink)


@sinks_exercise.mistake
def no_maximum_subtracted(scores, sink):
    exponentials = np.exp(scores)
    sink = np.exp(np.asarray(sink)[..., None, None])
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + sink)


@sinks_exercise.mistake
def scores_shifted_but_not_the_sink(scores, sink):
    sink = np.asarray(sink, dtype=scores.dtype)[..., None, None]
    largest = scores.max(axis=-1, keepdims=True)
    largest = np.where(largest == -np.inf, 0, largest)
    exponentials = np.exp(scores - largest)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + np.exp(sink))


@sinks_exercise.mistake
def sinks_lined_up_with_the_queries(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([scores, column], axis=-1))[..., :-1]


@sinks_exercise.another_way
def softmax_times_a_gate(scores, sink):
    sink = np.asarray(sink)[..., None, None]
    total = np.logaddexp.reduce(scores, axis=-1, keepdims=True)
    gate = 1 / (1 + np.exp(np.where(total == -np.inf, np.inf, sink - total)))
    return softmax(scores) * gate


@sinks_exercise.another_way
def one_maximum_for_scores_and_sink(scores, sink):
    sink = np.asarray(sink)[..., None, None]
    largest = np.maximum(scores.max(axis=-1, keepdims=True), sink)
    largest = np.where(largest == -np.inf, 0, largest)
    exponentials = np.exp(scores - largest)
    total = exponentials.sum(axis=-1, keepdims=True) + np.exp(sink - largest)
    return exponentials / np.where(total == 0, 1, total)


@sinks_exercise.another_way
def number_by_number(scores, sink):
    if np.ndim(scores) > 2:
        sinks = np.broadcast_to(sink, np.shape(scores)[:-2])
        return [number_by_number(*pair) for pair in zip(scores, sinks, strict=True)]
    rows = []
    for row in scores:
        largest = max(*row, sink)
        powers = [0.0 if s == -math.inf else math.exp(s - largest) for s in (*row, sink)]
        rows.append([power / (sum(powers) or 1) for power in powers[:-1]])
    return rows


def rolled_case(name, window, sinks=None, stage="", **more):
    given = {"window": window} | ({} if sinks is None else {"sinks": sinks})
    return case(rolling_cache, name, stage=stage, **given, **more)


rolling = lesson.code(
    rolling_cache,
    [
        rolled_case("three tokens, a window of two", 2, small=True),
        rolled_case("four tokens, a window of one", 1, small=True, sizes={"n": 4}),
        rolled_case("no two axes of one length", 3),
        rolled_case("a batch of two", 2, small=True, lead=(2,)),
        rolled_case("two leading axes", 3, lead=(2, 4)),
        rolled_case("float32", 3, dtype=np.float32),
        rolled_case("a window as wide as the text", 3, stage="a window as wide as the text", small=True),
        rolled_case("a window wider than the text", 7, stage="a window wider than the text", small=True),
        rolled_case("a sink and a window of one", 1, 1, stage="sinks", small=True),
        rolled_case("two sinks and a window of three", 3, 2, stage="sinks", sizes={"n": 9}),
        rolled_case("two sinks in a batch", 3, 2, stage="sinks", lead=(2,), sizes={"n": 9}),
        rolled_case("no sinks, said aloud", 2, 0, stage="no sinks, said aloud"),
        rolled_case("sinks inside the window", 3, 2, stage="sinks inside the window", small=True, sizes={"n": 4}),
        rolled_case("more sinks than tokens", 2, 7, stage="more sinks than tokens", small=True),
    ],
)


@rolling.mistake
def sinks_forgotten(key, value, window, sinks=0):
    return rolling_cache(key, value, window)


@rolling.mistake
def overlap_kept_twice(key, value, window, sinks=0):
    def cut(x):
        return np.concatenate([x[..., :sinks, :], x[..., -window:, :]], axis=-2)

    return cut(key), cut(value)


@rolling.mistake
def sinks_behind_the_window(key, value, window, sinks=0):
    n = key.shape[-2]
    recent = range(max(0, n - window), n)
    kept = [*recent, *(i for i in range(min(sinks, n)) if i not in recent)]
    return key[..., kept, :], value[..., kept, :]


@rolling.mistake
def window_one_short(key, value, window, sinks=0):
    position = np.arange(key.shape[-2])
    seen = (position > key.shape[-2] - window) | (position < sinks)
    return key[..., seen, :], value[..., seen, :]


@rolling.mistake
def window_one_too_long(key, value, window, sinks=0):
    return rolling_cache(key, value, window + 1, sinks)


@rolling.mistake
def values_not_cut(key, value, window, sinks=0):
    return rolling_cache(key, value, window, sinks)[0], value


@rolling.mistake
def the_first_tokens_instead_of_the_last(key, value, window, sinks=0):
    return key[..., : max(window, sinks), :], value[..., : max(window, sinks), :]


@rolling.mistake
def sinks_taken_out_of_the_window(key, value, window, sinks=0):
    position = np.arange(key.shape[-2])
    seen = (position >= len(position) - max(window - sinks, 0)) | (position < sinks)
    return key[..., seen, :], value[..., seen, :]


@rolling.mistake
def cut_along_the_first_axis(key, value, window, sinks=0):
    position = np.arange(len(key))
    seen = (position >= len(key) - window) | (position < sinks)
    return key[seen], value[seen]


@rolling.mistake
def nothing_thrown_away(key, value, window, sinks=0):
    return key.copy(), value.copy()


@rolling.another_way
def the_last_row_of_the_mask(key, value, window, sinks=0):
    seen = sliding_window_mask(key.shape[-2], window, sinks)[-1]
    return key[..., seen, :], value[..., seen, :]


@rolling.another_way
def two_slices_joined(key, value, window, sinks=0):
    first = max(key.shape[-2] - window, 0)
    cut = min(sinks, first)
    return tuple(np.concatenate([x[..., :cut, :], x[..., first:, :]], axis=-2) for x in (key, value))


@rolling.another_way
def a_list_of_places(key, value, window, sinks=0):
    n = key.shape[-2]
    places = sorted({*range(min(sinks, n)), *range(max(0, n - window), n)})
    return [np.take(key, places, axis=-2), np.take(value, places, axis=-2)]


def linear_case(name, stage="", **more):
    return case(linear_attention, name, stage=stage, **more)


linear = lesson.code(
    linear_attention,
    cases(
        linear_attention,
        linear_case("as many queries as keys", small=True, sizes={"q": 3}),
        linear_case("causal, said aloud", small=True, causal=True),
        linear_case("every key visible", "causal=False", small=True, causal=False),
        linear_case("every key visible, in a batch", "causal=False", lead=(2,), causal=False),
        linear_case("one query at the end", "fewer queries than keys", sizes={"q": 1}),
        linear_case("more queries than keys", "queries that see nothing", small=True, sizes={"q": 4, "k": 2}),
        linear_case(
            "queries and keys of zero",
            "features of one",
            small=True,
            query=lambda rng, s: np.zeros((s.q, s.d)),
            key=lambda rng, s: np.zeros((s.k, s.d)),
        ),
        linear_case("large numbers", "large numbers", magnitude=200.0),
        linear_case(
            "features close to zero",
            "features close to zero",
            small=True,
            query=np.full((2, 2), -9.0),
            key=np.array([[-9.0, -8], [-7, -9], [-8, -8]]),
            value=np.array([[3.0], [6], [-3]]),
        ),
        linear_case(
            "integers",
            "integers",
            small=True,
            query=np.array([[1, -1], [0, 2]]),
            key=np.array([[0, 1], [2, -2], [-1, 0]]),
            value=np.array([[3], [6], [-3]]),
        ),
        linear_case(
            "a query that has no feature left",
            "features that round to zero",
            small=True,
            query=np.array([[-2000.0, -3000], [1, 0]]),
            key=np.array([[0.0, 1], [2, -2], [-1, 0]]),
        ),
    ),
)


def linear_with(phi, query, key, value, causal):
    weights = phi(query) @ np.swapaxes(phi(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@linear.mistake
def no_feature_map(query, key, value, causal=True):
    return linear_with(lambda x: x, query, key, value, causal)


@linear.mistake
def negative_numbers_cut_to_zero(query, key, value, causal=True):
    return linear_with(lambda x: np.maximum(x, 0), query, key, value, causal)


@linear.mistake
def elu_without_the_one(query, key, value, causal=True):
    return linear_with(lambda x: feature_map(x) - 1, query, key, value, causal)


@linear.mistake
def exponential_as_the_feature_map(query, key, value, causal=True):
    return linear_with(np.exp, query, key, value, causal)


@linear.mistake
def features_of_the_product(query, key, value, causal=True):
    weights = feature_map(query @ np.swapaxes(key, -1, -2))
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@linear.mistake
def softmax_instead_of_features(query, key, value, causal=True):
    mask = causal_mask(query.shape[-2], key.shape[-2]) if causal else None
    return masked_softmax(query @ np.swapaxes(key, -1, -2), mask) @ value


@linear.mistake
def future_visible(query, key, value, causal=True):
    return linear_attention(query, key, value, causal=False)


@linear.mistake
def small_number_added_to_the_sum(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value / (weights.sum(axis=-1, keepdims=True) + 1e-6)


@linear.mistake
def own_token_hidden(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * np.tri(query.shape[-2], key.shape[-2], key.shape[-2] - query.shape[-2] - 1)
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@linear.mistake
def always_causal(query, key, value, causal=True):
    return linear_attention(query, key, value)


@linear.mistake
def not_divided_by_the_sum(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value


@linear.mistake
def divided_by_the_sum_over_all_keys(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    total = weights.sum(axis=-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value


@linear.mistake
def scaled_before_the_feature_map(query, key, value, causal=True):
    return linear_attention(query / math.sqrt(query.shape[-1]), key, value, causal)


@linear.mistake
def queries_taken_as_the_first_positions(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = np.tril(weights)
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@linear.mistake
def nothing_visible_gives_nan(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value / weights.sum(axis=-1, keepdims=True)


@linear.another_way
def keys_and_values_first(query, key, value, causal=True):
    n_query, n_key = query.shape[-2], key.shape[-2]
    query, key = feature_map(query), feature_map(key)
    value = np.concatenate([value, np.ones_like(value[..., :1])], axis=-1)
    rows = []
    for i in range(n_query):
        seen = max(0, n_key - n_query + i + 1) if causal else n_key
        state = np.swapaxes(key[..., :seen, :], -1, -2) @ value[..., :seen, :]
        rows.append(query[..., i : i + 1, :] @ state)
    out = np.concatenate(rows, axis=-2)
    return out[..., :-1] / np.where(out[..., -1:] == 0, 1, out[..., -1:])


@linear.another_way
def with_einsum(query, key, value, causal=True):
    weights = np.einsum("...qd,...kd->...qk", feature_map(query), feature_map(key))
    if causal:
        weights = np.tril(weights, key.shape[-2] - query.shape[-2])
    total = np.einsum("...qk->...q", weights)[..., None]
    return np.einsum("...qk,...kv->...qv", weights, value) / np.where(total > 0, total, 1)


@linear.another_way
def weight_by_weight(query, key, value, causal=True):
    if np.ndim(query) > 2:
        return [weight_by_weight(*one, causal) for one in zip(query, key, value, strict=True)]
    phi = [[[x + 1 if x > 0 else math.exp(x) for x in row] for row in rows] for rows in (query, key)]
    out = []
    for i, q in enumerate(phi[0]):
        seen = len(key) - len(query) + i + 1 if causal else len(key)
        weights = [sum(a * b for a, b in zip(q, k, strict=True)) for k in phi[1][: max(seen, 0)]]
        total = sum(weights) or 1
        pairs = list(zip(weights, value, strict=False))
        out.append([sum(w * v[j] for w, v in pairs) / total for j in range(len(value[0]))])
    return out


recurrent = lesson.code(
    linear_attention_recurrent,
    cases(
        linear_attention_recurrent,
        case(linear_attention_recurrent, "one token", small=True, sizes={"n": 1}),
        case(linear_attention_recurrent, "as many tokens as the width", sizes={"n": 8}),
        case(
            linear_attention_recurrent, "values as wide as the keys", sizes={"v": 8}, stage="values as wide as the keys"
        ),
        case(linear_attention_recurrent, "large numbers", magnitude=200.0, stage="large numbers"),
        case(
            linear_attention_recurrent,
            "features close to zero",
            stage="features close to zero",
            small=True,
            query=np.full((2, 2), -9.0),
            key=np.array([[-9.0, -8], [-7, -9]]),
            value=np.array([[3.0], [6]]),
        ),
        case(
            linear_attention_recurrent,
            "queries and keys of zero",
            stage="features of one",
            small=True,
            query=lambda rng, s: np.zeros((s.n, s.d)),
            key=lambda rng, s: np.zeros((s.n, s.d)),
        ),
        case(
            linear_attention_recurrent,
            "a first key that has no feature left",
            stage="features that round to zero",
            small=True,
            key=lambda rng, s: np.vstack([np.full((1, s.d), -2000.0), rng.standard_normal((s.n - 1, s.d)).round(1)]),
        ),
    ),
)


def walked(query, key, value, keep=1.0, divided=True):
    """The recurrence with its steps made wrong: what is kept of the state, and whether it is divided by its sum."""
    query, key = feature_map(query), feature_map(key)
    memory = total = 0.0
    rows = []
    for i in range(query.shape[-2]):
        memory = memory * keep + key[..., i, :, None] * value[..., i, None, :]
        total = total * keep + key[..., i, :]
        asked = query[..., i, None, :]
        rows.append(asked @ memory / (share_of(asked, total) if divided else 1))
    return np.concatenate(rows, axis=-2)


def share_of(asked, total):
    share = asked @ total[..., None]
    return np.where(share == 0, 1, share)


@recurrent.mistake
def small_number_added_to_the_sum(query, key, value):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2) * causal_mask(query.shape[-2])
    return weights @ value / (weights.sum(axis=-1, keepdims=True) + 1e-6)


@recurrent.mistake
def state_read_before_the_update(query, key, value):
    query, key = feature_map(query), feature_map(key)
    memory, total = np.zeros((*key.shape[:-2], key.shape[-1], value.shape[-1])), np.zeros_like(key[..., 0, :])
    rows = []
    for i in range(query.shape[-2]):
        asked = query[..., i, None, :]
        rows.append(asked @ memory / share_of(asked, total))
        memory = memory + key[..., i, :, None] * value[..., i, None, :]
        total = total + key[..., i, :]
    return np.concatenate(rows, axis=-2)


@recurrent.mistake
def not_divided_by_the_sum(query, key, value):
    return walked(query, key, value, divided=False)


@recurrent.mistake
def state_replaced_instead_of_added_to(query, key, value):
    return walked(query, key, value, keep=0.0)


@recurrent.mistake
def state_halved_at_every_step(query, key, value):
    return walked(query, key, value, keep=0.5)


@recurrent.mistake
def no_feature_map(query, key, value):
    return linear_with(lambda x: x, query, key, value, True)


@recurrent.mistake
def query_without_its_features(query, key, value):
    phi = feature_map(key)
    memory = np.cumsum(phi[..., None] * value[..., None, :], axis=-3)
    total = np.sum(query * np.cumsum(phi, axis=-2), axis=-1, keepdims=True)
    return np.einsum("...nd,...ndv->...nv", query, memory) / np.where(total == 0, 1, total)


@recurrent.mistake
def state_of_the_whole_text(query, key, value):
    return linear_attention(query, key, value, causal=False)


@recurrent.mistake
def divided_by_the_sum_over_the_whole_text(query, key, value):
    memory = np.cumsum(feature_map(key)[..., None] * value[..., None, :], axis=-3)
    total = feature_map(query) @ feature_map(key).sum(axis=-2)[..., None]
    return np.einsum("...nd,...ndv->...nv", feature_map(query), memory) / np.where(total == 0, 1, total)


@recurrent.mistake
def divided_by_the_number_of_tokens(query, key, value):
    count = np.arange(1, key.shape[-2] + 1)[:, None]
    return walked(query, key, value, divided=False) / count


@recurrent.mistake
def one_state_for_the_whole_batch(query, key, value):
    query, key = feature_map(query), feature_map(key)
    products = key[..., None] * value[..., None, :]
    together = tuple(range(key.ndim - 2))
    memory = np.cumsum(products.sum(axis=together), axis=-3)
    total = np.cumsum(key.sum(axis=together), axis=-2)
    share = (query * total).sum(axis=-1, keepdims=True)
    return np.einsum("...nd,ndv->...nv", query, memory) / np.where(share == 0, 1, share)


@recurrent.another_way
def all_states_at_once(query, key, value):
    query, key = feature_map(query), feature_map(key)
    memory = np.cumsum(key[..., None] * value[..., None, :], axis=-3)
    total = np.cumsum(key, axis=-2)
    asked = np.einsum("...nd,...ndv->...nv", query, memory)
    share = (query * total).sum(axis=-1, keepdims=True)
    return asked / np.where(share == 0, 1, share)


@recurrent.another_way
def two_tokens_at_a_time(query, key, value):
    query, key = feature_map(query), feature_map(key)
    value = np.concatenate([value, np.ones_like(value[..., :1])], axis=-1)
    memory, rows = 0 * key[..., 0, :, None] * value[..., 0, None, :], []
    for start in range(0, key.shape[-2], 2):
        q, k, v = (x[..., start : start + 2, :] for x in (query, key, value))
        rows.append(q @ memory + np.tril(q @ k.swapaxes(-1, -2)) @ v)
        memory = memory + k.swapaxes(-1, -2) @ v
    out = np.concatenate(rows, axis=-2)
    return out[..., :-1] / np.where(out[..., -1:] == 0, 1, out[..., -1:])


@recurrent.another_way
def state_in_lists(query, key, value):
    if np.ndim(query) > 2:
        return [state_in_lists(*one) for one in zip(query, key, value, strict=True)]
    width, wide = len(key[0]), len(value[0])
    memory, total, out = [[0.0] * wide for _ in range(width)], [0.0] * width, []
    for q, k, v in zip(feature_map(query), feature_map(key), value, strict=True):
        for a in range(width):
            total[a] += k[a]
            memory[a] = [m + k[a] * x for m, x in zip(memory[a], v, strict=True)]
        share = sum(q[a] * total[a] for a in range(width)) or 1
        out.append([sum(q[a] * memory[a][b] for a in range(width)) / share for b in range(wide)])
    return out


lesson.debug("fix_sliding_window_mask", windows, sinks_seen_before_they_are_there)
lesson.debug("fix_softmax_with_sink", sinks_exercise, scores_shifted_but_not_the_sink)
lesson.debug("fix_rolling_cache", rolling, overlap_kept_twice)
lesson.debug("fix_linear_attention", linear, divided_by_the_sum_over_all_keys)

TOKEN_BYTES = 2 * 32 * 8 * 128 * 2  # Mistral 7B: keys and values, layers, key heads, width, bytes a number
lesson.numeric(
    "layers-to-reach-back",
    lambda: math.ceil(130_000 / 1023),
    tolerance=0,
    window_times_layers=lambda: math.ceil(130_000 / 1024),
    doubled_by_each_layer=lambda: 1 + math.ceil(math.log2(130_000 / 1023)),
)
lesson.numeric(
    "mistral-window-bytes",
    lambda: TOKEN_BYTES * 4096,
    the_whole_text=lambda: TOKEN_BYTES * 32_768,
    keys_without_values=lambda: TOKEN_BYTES * 4096 // 2,
    one_layer_only=lambda: TOKEN_BYTES * 4096 // 32,
    every_query_head=lambda: TOKEN_BYTES * 4096 * 4,
)
lesson.numeric(
    "window-pairs",
    lambda: 1000 * 100 - 100 * 99 // 2,
    tolerance=0,
    every_row_full=lambda: 100_000,
    the_whole_triangle=lambda: 500_500,
)
lesson.numeric(
    "gemma-cache-share",
    lambda: (131_072 + 5 * 1024) / (6 * 131_072),
    one_layer_in_six=lambda: 1 / 6,
    one_layer_in_five=lambda: (131_072 + 4 * 1024) / (5 * 131_072),
)
lesson.numeric(
    "state-in-tokens",
    lambda: (128 * 128 + 128) / (2 * 128),
    tolerance=0.001,
    sum_of_the_keys_forgotten=lambda: 64,
    keys_without_values=lambda: 129,
)
lesson.predict("two-window-layers", lambda: 5, tolerance=0, window_times_layers=lambda: 6, one_layer_only=lambda: 3)
lesson.predict("kept-tokens", lambda: 4, tolerance=0, overlap_counted_twice=lambda: 5, window_only=lambda: 3)
lesson.predict("sum-with-a-sink", lambda: 0.75, still_one=lambda: 1, the_share_of_the_sink=lambda: 0.25)
lesson.predict(
    "state-shape", lambda: (8, 6), a_row_for_each_key=lambda: (1000, 6), a_square_of_the_text=lambda: (1000, 1000)
)
lesson.predict(
    "sharper-queries",
    lambda: "it stays below a quarter",
    as_with_softmax=lambda: "it comes close to one",
    scale_cancels_at_once=lambda: "it does not change",
)
lesson.explain(
    "reach-in-theory",
    "why-sinks",
    "attending-to-nothing",
    "what-linear-attention-loses",
    "linear-or-cache",
    "long-context-budget",
)
