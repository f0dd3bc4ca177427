"""Attention, tile by tile."""

import math
from functools import reduce, wraps

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import GIVEN_SCALE
from attncore.flash import attend_to_tile, merge_partials, online_softmax, slices, tiled_attention
from attncore.masks import causal_mask
from attncore.softmax import softmax

SEES_NOTHING = "With more queries than keys the first ones see nothing, and get zeros."


def block_cases():
    """Blocks and masks of every kind, and scores of every size."""

    def of(name, block, **more):
        return case(name, block=block, **more)

    def empty(name, block, **more):
        return of(name, block, is_causal=True, promise=SEES_NOTHING, **more)

    def scaled(name, block, **more):
        return of(name, block, small=True, promise=GIVEN_SCALE, **more)

    return [
        of("a block of one", 1, small=True),
        of("a block of one, longer", 1, sizes={"q": 7, "k": 9}),
        of("a block that divides the text", 2, sizes={"q": 4, "k": 6}),
        of("a block that leaves a shorter tail", 3, sizes={"q": 7, "k": 8}),
        of("a block longer than the text", 100),
        of("one query", 2, small=True, sizes={"q": 1}),
        of("causal", 1, small=True, sizes={"q": 3}, is_causal=True),
        of("causal, in one block", 10, small=True, sizes={"q": 3}, is_causal=True),
        of("causal, in several tiles", 3, sizes={"q": 8, "k": 8}, is_causal=True),
        of("causal, a batch", 2, lead=(2,), sizes={"q": 5}, is_causal=True),
        of("causal, float32", 2, dtype=np.float32, sizes={"q": 5}, is_causal=True),
        of("causal, fewer queries than keys", 2, small=True, is_causal=True),
        of("causal, far fewer", 4, sizes={"q": 3, "k": 11}, is_causal=True),
        empty("causal, more queries than keys", 2, small=True, sizes={"q": 5}),
        empty("causal, far more queries", 3, sizes={"q": 11, "k": 4}),
        scaled("a scale that is given", 2, scale=0.3),
        scaled("a scale of zero", 2, scale=0.0),
        scaled("a scale that is given, causal", 2, lead=(2,), scale=1.5, is_causal=True),
        of("a block of zero", 0, small=True, promise="Raises ValueError for a block below 1."),
        of("larger scores", 2, sizes={"q": 6, "k": 9}, magnitude=3.0),
        of("scores in the thousands", 2, sizes={"q": 6, "k": 9}, magnitude=60.0),
        of("scores in the thousands, causal", 2, sizes={"q": 9, "k": 9}, magnitude=60.0, is_causal=True),
        of(
            "all scores very negative",
            2,
            small=True,
            query=lambda rng, s: -30 - rng.random((s.q, s.d)).round(1),
            key=lambda rng, s: 30 + rng.random((s.k, s.d)).round(1),
        ),
    ]


exercise = code(
    tiled_attention,
    usual(block=2),
    *block_cases(),
)


def with_blocks(function):
    """The wrong solutions below are wrong about tiles, and know that a block has a size."""

    @wraps(function)
    def for_a_block(query, key, value, block=2, is_causal=False, scale=None):
        if block < 1:
            raise ValueError(f"block is {block}")
        return function(query, key, value, block, is_causal, scale)

    return for_a_block


def by_tiles(query, key, value, block, is_causal, scale, join, hidden=-np.inf):
    """Attend block by block; `join` is given the (scores, value) of all tiles of a block of queries."""
    if block < 1:
        raise ValueError(f"block is {block}")
    n_query, n_key = query.shape[-2], key.shape[-2]
    mask = causal_mask(n_query, n_key) if is_causal else np.ones((n_query, n_key), bool)
    blocks = []
    for rows in slices(0, n_query, block):
        tiles = []
        for keys in slices(0, n_key, block):
            scores = attention_scores(query[..., rows, :], key[..., keys, :], scale)
            tiles.append((np.where(mask[rows, keys], scores, hidden), value[..., keys, :]))
        blocks.append(join(tiles))
    return np.concatenate(blocks, axis=-2)


def accumulate(tiles, rescale_output=True, rescale_total=True, invert=False, start=-np.inf, divide=True, guard=True):
    """The running maximum, sum and accumulator, with one thing or another left out."""
    maximum, total, output = start, 0.0, 0.0
    for scores, value in tiles:
        larger = np.maximum(maximum, scores.max(axis=-1, keepdims=True))
        shift = np.where(larger == -np.inf, 0, larger)
        shrink = np.exp(maximum - shift)
        if invert:
            shrink = np.where(np.isneginf(maximum), 0, 1 / shrink)
        weights = np.exp(scores - shift)
        total = total * (shrink if rescale_total else 1) + weights.sum(axis=-1, keepdims=True)
        output = output * (shrink if rescale_output else 1) + weights @ value
        maximum = larger
    if not divide:
        return output
    return output / (np.where(total == 0, 1, total) if guard else total)


@exercise.mistake("the accumulator isn't rescaled")
def accumulator_not_rescaled(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, rescale_output=False))


@exercise.mistake("the sum isn't rescaled")
def sum_not_rescaled(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, rescale_total=False))


@exercise.mistake("nothing is rescaled")
def nothing_rescaled(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, False, False))


@exercise.mistake("rescaled the wrong way round")
def rescaled_the_wrong_way_round(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, invert=True))


@exercise.mistake("the maximum starts at zero")
def maximum_starts_at_zero(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, start=0.0, guard=False))


@exercise.mistake("the maximum starts at zero, and 0/0 is made zero")
def maximum_starts_at_zero_with_a_guard(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, start=0.0))


@exercise.mistake("the tile's maximum replaces the running one")
def maximum_of_the_tile_replaces_the_running_one(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        maximum, total, output = -np.inf, 0.0, 0.0
        for scores, tile_value in tiles:
            newest = scores.max(axis=-1, keepdims=True)
            shift = np.where(newest == -np.inf, 0, newest)
            shrink, weights = np.exp(maximum - shift), np.exp(scores - shift)
            total = total * shrink + weights.sum(axis=-1, keepdims=True)
            output = output * shrink + weights @ tile_value
            maximum = newest
        return output / np.where(total == 0, 1, total)

    return by_tiles(query, key, value, block, is_causal, scale, join)


@exercise.mistake("no maximum is subtracted")
def no_maximum_subtracted(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        total = sum(np.exp(scores).sum(axis=-1, keepdims=True) for scores, _ in tiles)
        return sum(np.exp(scores) @ v for scores, v in tiles) / np.where(total == 0, 1, total)

    return by_tiles(query, key, value, block, is_causal, scale, join)


@exercise.mistake("a softmax in each tile, then the mean")
def softmax_in_each_tile_and_then_the_mean(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        return sum(softmax(scores) @ v for scores, v in tiles) / len(tiles)

    return by_tiles(query, key, value, block, is_causal, scale, join)


@exercise.mistake("a softmax in each tile, then the sum")
def softmax_in_each_tile_and_then_the_sum(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: sum(softmax(scores) @ v for scores, v in t))


@exercise.mistake("never divided by the sum")
def never_divided_by_the_sum(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, divide=False))


@exercise.mistake("only the last tile counts")
def only_the_last_tile_counts(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t[-1:]))


@exercise.mistake("a shorter last block of keys is dropped")
def shorter_tail_of_the_keys_dropped(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        whole = [tile for tile in tiles if tile[1].shape[-2] == block]
        return accumulate(whole) if whole else accumulate(tiles) * 0

    return by_tiles(query, key, value, block, is_causal, scale, join)


@exercise.mistake("a shorter last block of queries is left at zero")
def shorter_tail_of_the_queries_left_at_zero(query, key, value, block=2, is_causal=False, scale=None):
    output = tiled_attention(query, key, value, block, is_causal, scale)
    whole = query.shape[-2] // block * block
    return np.where(np.arange(query.shape[-2])[:, None] < whole, output, 0)


@exercise.mistake("each block sees only its own keys")
@with_blocks
def each_block_sees_only_its_own_keys(query, key, value, block, is_causal, scale):
    n_query, n_key = query.shape[-2], key.shape[-2]
    mask = np.arange(n_query)[:, None] // block == np.arange(n_key) // block
    if is_causal:
        mask = mask & causal_mask(n_query, n_key)
    return attention_weights(query, key, mask, scale) @ value


@exercise.mistake("the causal mask starts anew in each tile")
@with_blocks
def causal_mask_starts_anew_in_each_tile(query, key, value, block, is_causal, scale):
    n_query, n_key = query.shape[-2], key.shape[-2]

    def partial(rows, keys):
        scores = attention_scores(query[..., rows, :], key[..., keys, :], scale)
        if is_causal:
            visible = np.tri(scores.shape[-2], scores.shape[-1], n_key - n_query, dtype=bool)
            scores = np.where(visible, scores, -np.inf)
        return attend_to_tile(scores, value[..., keys, :])

    blocks = []
    for rows in slices(0, n_query, block):
        tiles = (partial(rows, keys) for keys in slices(0, n_key, block))
        blocks.append(reduce(merge_partials, tiles).output)
    return np.concatenate(blocks, axis=-2)


@exercise.mistake("tiles are skipped, but those on the diagonal aren't masked")
@with_blocks
def tiles_skipped_but_the_diagonal_not_masked(query, key, value, block, is_causal, scale):
    n_query, n_key = query.shape[-2], key.shape[-2]
    last_of_block = np.minimum((np.arange(n_query) // block + 1) * block, n_query)[:, None] - 1
    first_of_tile = np.arange(n_key) // block * block
    mask = first_of_tile <= last_of_block + n_key - n_query
    return attention_weights(query, key, mask if is_causal else None, scale) @ value


@exercise.mistake("queries taken as the first positions")
@with_blocks
def queries_taken_as_the_first_positions(query, key, value, block, is_causal, scale):
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if is_causal else None
    return attention_weights(query, key, mask, scale) @ value


@exercise.mistake("the diagonal is hidden")
@with_blocks
def diagonal_hidden(query, key, value, block, is_causal, scale):
    mask = np.tri(query.shape[-2], key.shape[-2], key.shape[-2] - query.shape[-2] - 1, dtype=bool)
    return attention_weights(query, key, mask if is_causal else None, scale) @ value


@exercise.mistake("is_causal is ignored")
def is_causal_ignored(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, False, scale)


@exercise.mistake("the accumulator is divided in every tile")
def divided_in_every_tile(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        maximum, total, output = -np.inf, 0.0, 0.0
        for scores, tile_value in tiles:
            larger = np.maximum(maximum, scores.max(axis=-1, keepdims=True))
            shift = np.where(larger == -np.inf, 0, larger)
            shrink, weights = np.exp(maximum - shift), np.exp(scores - shift)
            total = total * shrink + weights.sum(axis=-1, keepdims=True)
            output = (output * shrink + weights @ tile_value) / np.where(total == 0, 1, total)
            maximum = larger
        return output

    return by_tiles(query, key, value, block, is_causal, scale, join)


@exercise.mistake("powers of two without the factor log2 e")
def powers_of_two_without_the_factor(query, key, value, block=2, is_causal=False, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return tiled_attention(query, key, value, block, is_causal, scale * math.log(2))


@exercise.mistake("hidden scores are counted in the maximum")
def hidden_scores_are_counted_in_the_maximum(query, key, value, block=2, is_causal=False, scale=None):
    whole = by_tiles(query, key, value, block, False, scale, lambda t: np.concatenate([s for s, _ in t], axis=-1))
    mask = causal_mask(*whole.shape[-2:]) if is_causal else True
    weights = np.exp(whole - whole.max(axis=-1, keepdims=True)) * mask
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("hidden scores set to zero")
def hidden_scores_set_to_zero(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, accumulate, hidden=0.0)


@exercise.mistake("causal, though is_causal is False")
def causal_unasked(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, True, scale)


@exercise.mistake("`.T` reverses every axis of a batch")
@with_blocks
def all_axes_of_a_batch_reversed(query, key, value, block, is_causal, scale):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ key.T * scale
    mask = causal_mask(*scores.shape[-2:]) if is_causal else True
    return softmax(np.where(mask, scores, -np.inf)) @ value


@exercise.mistake("an empty row averages the values")
def an_empty_row_averages_the_values(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, accumulate, hidden=-1e9)


@exercise.mistake("an empty row sees everything")
def an_empty_row_sees_everything(query, key, value, block=2, is_causal=False, scale=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    attended = tiled_attention(query, key, value, block, is_causal, scale)
    if not is_causal:
        return attended
    is_empty = np.arange(n_query)[:, None] < n_query - n_key
    return np.where(is_empty, tiled_attention(query, key, value, block, False, scale), attended)


@exercise.mistake("an empty row gives NaN")
def queries_that_see_nothing_give_nan(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        maximum, total, output = -np.inf, 0.0, 0.0
        for scores, tile_value in tiles:
            larger = np.maximum(maximum, scores.max(axis=-1, keepdims=True))
            shrink, weights = np.exp(maximum - larger), np.exp(scores - larger)
            total = total * shrink + weights.sum(axis=-1, keepdims=True)
            output = output * shrink + weights @ tile_value
            maximum = larger
        return output / total

    return by_tiles(query, key, value, block, is_causal, scale, join)


@exercise.mistake("a given scale is ignored")
def given_scale_ignored(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, is_causal)


@exercise.mistake("a scale of zero is taken for none")
def scale_of_zero_taken_for_none(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, is_causal, scale or None)


@exercise.mistake("weights not scaled")
def no_scale_unless_one_is_given(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, is_causal, 1.0 if scale is None else scale)


@exercise.another_way
def partials_merged_and_hidden_tiles_skipped(query, key, value, block, is_causal=False, scale=None):
    n_key, past = key.shape[-2], key.shape[-2] - query.shape[-2]

    def partial(rows, keys):
        scores = attention_scores(query[..., rows, :], key[..., keys, :], scale)
        if is_causal:
            position = np.arange(rows.start, rows.stop)[:, None] + past
            scores = np.where(np.arange(keys.start, keys.stop) <= position, scores, -np.inf)
        return attend_to_tile(scores, value[..., keys, :])

    blocks = []
    for rows in slices(0, query.shape[-2], block):
        stop = min(n_key, max(1, rows.stop + past)) if is_causal else n_key
        tiles = (partial(rows, keys) for keys in slices(0, stop, block))
        blocks.append(reduce(merge_partials, tiles).output)
    return np.concatenate(blocks, axis=-2)


@exercise.another_way
def statistics_first_and_values_in_a_second_pass(query, key, value, block, is_causal=False, scale=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    mask = np.tri(n_query, n_key, n_key - n_query if is_causal else n_key, dtype=bool)

    def scores(rows, keys):
        return np.where(mask[rows, keys], attention_scores(query[..., rows, :], key[..., keys, :], scale), -np.inf)

    output = []
    for rows in slices(0, n_query, block):
        maximum, total = online_softmax(scores(rows, keys) for keys in slices(0, n_key, block))
        shift = np.where(total > 0, maximum + np.log(np.where(total > 0, total, 1)), 0)[..., None]
        output.append(sum(np.exp(scores(rows, k) - shift) @ value[..., k, :] for k in slices(0, n_key, block)))
    return np.concatenate(output, axis=-2)


@exercise.another_way
def key_after_key_in_lists(query, key, value, block, is_causal=False, scale=None):
    if query.ndim > 2:
        return [key_after_key_in_lists(*one, block, is_causal, scale) for one in zip(query, key, value, strict=True)]
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    rows = []
    for i, one in enumerate(query, start=len(key) - len(query)):
        maximum, total, output = -math.inf, 0.0, [0.0] * value.shape[-1]
        for j, (other, found) in enumerate(zip(key, value, strict=True)):
            if is_causal and j > i:
                break
            score = scale * sum(float(a) * float(b) for a, b in zip(one, other, strict=True))
            larger = max(maximum, score)
            shrink, weight = math.exp(maximum - larger), math.exp(score - larger)
            total = total * shrink + weight
            output = [o * shrink + weight * float(v) for o, v in zip(output, found, strict=True)]
            maximum = larger
        rows.append([o / total if total else 0.0 for o in output])
    return rows
