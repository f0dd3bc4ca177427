"""Lesson 14: softmax in one pass, partial results that merge, and attention tile by tile."""

import math
from functools import reduce

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
from attncore.exercises.exercise import Lesson, case, cases
from attncore.flash import (
    Partial,
    attend_to_tile,
    merge_partials,
    online_softmax,
    peak_floats,
    slices,
    tiled_attention,
)
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import softmax

lesson = Lesson("14_flash")


def chunks_case(name, *chunks, **more):
    """A row, or rows, in pieces."""
    return case(online_softmax, name, chunks=[np.array(chunk, float) for chunk in chunks], **more)


def drawn_chunks(name, lengths, lead=(), magnitude=1.0, dtype=np.float64, **more):
    def make(rng, s):
        return [(magnitude * rng.standard_normal((*lead, length))).astype(dtype) for length in lengths]

    return case(online_softmax, name, chunks=make, **more)


@shaped("->(...),(...)", returns="maximum, total")
def go_through_once(answer, chunks):
    """Hand over the chunks one after another."""
    return answer(chunk for chunk in chunks)


one_pass = lesson.code(
    online_softmax,
    [
        chunks_case("two chunks of two", [1, 3], [2, 5]),
        chunks_case("the largest number first", [5, 1], [3, 2]),
        chunks_case("one chunk", [1, 3, 2]),
        chunks_case("chunks of one", [2], [0], [3], [1], stage="chunks of one"),
        chunks_case("a last chunk that is shorter", [0, 1, 2], [3, 1, 0], [2], stage="a shorter chunk"),
        chunks_case("numbers below zero", [-3, -5], [-4, -2], stage="numbers below zero"),
        chunks_case("very negative numbers", [-2000, -2001], [-2002, -1999], stage="very negative numbers"),
        chunks_case("numbers in the thousands", [3000, 3001], [2000, 3002], stage="numbers in the thousands"),
        chunks_case("a fall of thousands", [3000, 3001], [1, 2], stage="numbers in the thousands"),
        chunks_case("two rows", [[1, 3], [4, 0]], [[2, 5], [1, 1]], stage="leading axes"),
        chunks_case("rows far apart", [[900, 901], [0, 1]], [[902, 900], [2, 0]], stage="leading axes"),
        drawn_chunks("two leading axes", (4, 3, 5), (2, 3), stage="leading axes"),
        drawn_chunks("twenty chunks", (3,) * 20, magnitude=5.0),
        drawn_chunks("float32", (4, 3), (2,), dtype=np.float32),
        chunks_case("minus infinity at the start", [-np.inf, -np.inf], [1, 3], stage="minus infinity"),
        chunks_case("minus infinity at the end", [1, 3], [-np.inf, -np.inf], stage="minus infinity"),
        chunks_case("nothing but minus infinity", [-np.inf, -np.inf], [-np.inf], stage="minus infinity"),
        chunks_case(
            "one row of two empty", [[-np.inf, -np.inf], [1, 2]], [[-np.inf, -np.inf], [3, 0]], stage="minus infinity"
        ),
    ],
    tolerance=1e-5,
    drive=go_through_once,
)


@one_pass.mistake
def sum_not_rescaled(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
        shift = np.where(maximum == -np.inf, 0, maximum)
        total = total + np.exp(chunk - shift[..., None]).sum(axis=-1)
    return maximum, total


@one_pass.mistake
def rescaled_the_wrong_way_round(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        rescale = np.where(maximum == -np.inf, 0, np.exp(larger - maximum))
        shift = np.where(larger == -np.inf, 0, larger)
        total = total * rescale + np.exp(chunk - shift[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@one_pass.mistake
def maximum_starts_at_zero(chunks):
    maximum, total = 0.0, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        total = total * np.exp(maximum - larger) + np.exp(chunk - larger[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@one_pass.mistake
def maximum_of_the_last_chunk_alone(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        newest = chunk.max(axis=-1)
        shift = np.where(newest == -np.inf, 0, newest)
        total = total * np.exp(maximum - shift) + np.exp(chunk - shift[..., None]).sum(axis=-1)
        maximum = newest
    return maximum, total


@one_pass.mistake
def sum_of_the_last_chunk_alone(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
        shift = np.where(maximum == -np.inf, 0, maximum)
        total = np.exp(chunk - shift[..., None]).sum(axis=-1)
    return maximum, total


@one_pass.mistake
def each_chunk_relative_to_its_own_maximum(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        of_chunk = online_softmax([chunk])
        maximum, total = np.maximum(maximum, of_chunk[0]), total + of_chunk[1]
    return maximum, total


@one_pass.mistake
def no_maximum_subtracted(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
        total = total + np.exp(chunk).sum(axis=-1)
    return maximum, total


@one_pass.mistake
def chunks_gone_through_twice(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
    for chunk in chunks:
        total = total + np.exp(chunk - np.expand_dims(maximum, -1)).sum(axis=-1)
    return maximum, total


@one_pass.mistake
def one_maximum_and_one_sum_for_all_rows(chunks):
    return online_softmax(np.ravel(chunk) for chunk in chunks)


@one_pass.mistake
def minus_infinity_gives_nan(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        total = total * np.exp(maximum - larger) + np.exp(chunk - larger[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@one_pass.mistake
def logarithm_of_the_sum_in_place_of_the_total(chunks):
    maximum, total = online_softmax(chunks)
    return maximum, maximum + np.log(total)


@one_pass.mistake
def maximum_and_total_in_the_wrong_order(chunks):
    return online_softmax(chunks)[::-1]


@one_pass.another_way
def two_chunks_into_one(chunks):
    def of_one(chunk):
        largest = chunk.max(axis=-1)
        return largest, np.exp(chunk - np.where(largest == -np.inf, 0, largest)[..., None]).sum(axis=-1)

    def join(left, right):
        maximum = np.maximum(left[0], right[0])
        shift = np.where(maximum == -np.inf, 0, maximum)
        return maximum, sum(total * np.exp(largest - shift) for largest, total in (left, right))

    return reduce(join, map(of_one, chunks))


@one_pass.another_way
def number_by_number(chunks):
    chunks = [np.asarray(chunk) for chunk in chunks]
    if chunks[0].ndim > 1:
        return tuple(np.array(part) for part in zip(*map(number_by_number, zip(*chunks, strict=True)), strict=True))
    maximum, total = -math.inf, 0.0
    for chunk in chunks:
        for x in chunk.tolist():
            if x > maximum:
                maximum, total = x, total * math.exp(maximum - x) + 1
            elif x > -math.inf:
                total += math.exp(x - maximum)
    return maximum, total


@one_pass.another_way
def with_logaddexp(chunks):
    maximum = log_total = -np.inf
    for chunk in chunks:
        maximum = np.maximum(maximum, np.max(chunk, axis=-1))
        log_total = np.logaddexp(log_total, np.logaddexp.reduce(chunk, axis=-1))
    return maximum, np.exp(log_total - np.where(maximum == -np.inf, 0, maximum))


def attended(scores, rng, width=2, dtype=np.float64):
    """What a real tile of these scores leaves behind, rounded so that it can be read."""
    value = np.round(rng.standard_normal((*np.shape(scores)[:-2], np.shape(scores)[-1], width)), 1)
    return Partial(*(part.astype(dtype) for part in attend_to_tile(np.array(scores, float), value)))


def parts_case(name, left, right, **more):
    """Two parts of the keys, given by their scores."""

    def make(scores):
        return lambda rng, s: attended(scores(rng, s) if callable(scores) else scores, rng)

    return case(merge_partials, name, left=make(left), right=make(right), **more)


def drawn_parts(name, lengths, lead=(), magnitude=1.0, dtype=np.float64, **more):
    def make(length):
        return lambda rng, s: attended(magnitude * rng.standard_normal((*lead, s.q, length)), rng, s.v, dtype)

    return case(merge_partials, name, left=make(lengths[0]), right=make(lengths[1]), **more)


def given_parts(name, left, right, **more):
    def make(part):
        return lambda rng, s: Partial(*(np.array(field, float) for field in part))

    return case(merge_partials, name, left=make(left), right=make(right), **more)


@shaped("->(...,q,v),(...,q),(...,q)", returns="output, maximum, total")
def join_parts(answer, left, right):
    """Call the answer on two parts."""
    return answer(left, right)


NOTHING = -np.inf
merging = lesson.code(
    merge_partials,
    [
        given_parts("one query, totals of 1 and 3", ([[8.0]], [2.0], [1.0]), ([[4.0]], [2.0], [3.0])),
        given_parts("one query, two maxima", ([[8.0, 1]], [0.0], [1.5]), ([[4.0, 3]], [1.0], [1.25])),
        parts_case("two queries", [[0.0, 1, 2], [3, 1, 0]], [[2.0, 4], [1, 1]]),
        parts_case("the larger maximum on the left", [[3.0, 1], [4, 2]], [[0.0], [1]]),
        drawn_parts("no two axes of one length", (5, 4)),
        drawn_parts("a batch of two", (3, 2), (2,)),
        drawn_parts("two leading axes", (5, 2), (2, 4)),
        drawn_parts("float32", (5, 4), dtype=np.float32),
        drawn_parts("a tile of one key", (7, 1)),
        parts_case("maxima below zero", [[-3.0, -5], [-4, -6]], [[-4.0, -4], [-2, -9]]),
        drawn_parts("maxima in the thousands", (5, 4), magnitude=2000.0, stage="maxima far apart"),
        parts_case(
            "a far larger maximum on the right", [[1.0, 2], [0, 3]], [[2000.0], [3001]], stage="maxima far apart"
        ),
        parts_case(
            "a far larger maximum on the left", [[2000.0], [3001]], [[1.0, 2], [0, 3]], stage="maxima far apart"
        ),
        parts_case("very negative maxima", [[-2000.0, -2001]], [[-2001.0, -1999]], stage="very negative maxima"),
        parts_case("nothing to see on the left", [[NOTHING, NOTHING]], [[1.0, 2]], stage="a part with nothing to see"),
        parts_case("nothing to see on the right", [[1.0, 2]], [[NOTHING, NOTHING]], stage="a part with nothing to see"),
        parts_case(
            "nothing to see on either side",
            [[NOTHING, NOTHING], [0, 1]],
            [[NOTHING, NOTHING], [1, 1]],
            stage="two parts with nothing to see",
        ),
    ],
    tolerance=1e-5,
    drive=join_parts,
)


def over(total):
    """Something to divide by, where nothing was allowed too."""
    return np.where(total == 0, 1, total)[..., None]


def rescaled_totals(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    shift = np.where(maximum == -np.inf, 0, maximum)
    return maximum, left.total * np.exp(left.maximum - shift), right.total * np.exp(right.maximum - shift)


@merging.mistake
def plain_mean_of_the_outputs(left, right):
    return merge_partials(left, right)._replace(output=(left.output + right.output) / 2)


@merging.mistake
def weighted_by_totals_that_forget_their_maxima(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    total = left.total + right.total
    summed = left.total[..., None] * left.output + right.total[..., None] * right.output
    return Partial(summed / np.where(total == 0, 1, total)[..., None], maximum, total)


@merging.mistake
def weighted_by_the_maxima_alone(left, right):
    merged = merge_partials(left, right)
    shares = softmax(np.stack([left.maximum, right.maximum]), axis=0)[..., None]
    return merged._replace(output=shares[0] * left.output + shares[1] * right.output)


@merging.mistake
def total_not_rescaled(left, right):
    return merge_partials(left, right)._replace(total=left.total + right.total)


@merging.mistake
def outputs_not_divided_by_the_new_total(left, right):
    maximum, left_total, right_total = rescaled_totals(left, right)
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed, maximum, left_total + right_total)


@merging.mistake
def outputs_taken_for_sums_that_are_not_divided_yet(left, right):
    maximum, left_total, right_total = rescaled_totals(left, right)
    shift = np.where(maximum == -np.inf, 0, maximum)
    summed = (
        np.exp(left.maximum - shift)[..., None] * left.output + np.exp(right.maximum - shift)[..., None] * right.output
    )
    total = left_total + right_total
    return Partial(summed / over(total), maximum, total)


@merging.mistake
def rescaled_the_wrong_way_round(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    shift = np.where(maximum == -np.inf, 0, maximum)
    left_total = np.where(left.total == 0, 0, left.total * np.exp(shift - left.maximum))
    right_total = np.where(right.total == 0, 0, right.total * np.exp(shift - right.maximum))
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / over(total), maximum, total)


@merging.mistake
def maximum_of_the_left_kept(left, right):
    shift = np.where(left.maximum == -np.inf, 0, left.maximum)
    right_total = right.total * np.exp(right.maximum - shift)
    total = left.total + right_total
    summed = left.total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / over(total), left.maximum, total)


@merging.mistake
def maxima_added(left, right):
    return merge_partials(left, right)._replace(maximum=left.maximum + right.maximum)


@merging.mistake
def one_maximum_for_all_queries(left, right):
    largest = max(left.maximum.max(), right.maximum.max())
    shift = 0 if largest == -np.inf else largest
    left_total, right_total = (part.total * np.exp(part.maximum - shift) for part in (left, right))
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / over(total), np.full_like(total, largest), total)


@merging.mistake
def nothing_to_see_gives_nan(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    left_total = left.total * np.exp(left.maximum - maximum)
    right_total = right.total * np.exp(right.maximum - maximum)
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / total[..., None], maximum, total)


@merging.another_way
def shares_by_a_softmax(left, right):
    with np.errstate(divide="ignore"):
        log_totals = np.stack([part.maximum + np.log(part.total) for part in (left, right)])
    shares = softmax(log_totals, axis=0)[..., None]
    maximum = np.maximum(left.maximum, right.maximum)
    log_total = np.logaddexp(*log_totals)
    total = np.exp(log_total - np.where(maximum == -np.inf, 0, maximum))
    return Partial(shares[0] * left.output + shares[1] * right.output, maximum, total)


@merging.another_way
def query_by_query(left, right):
    if np.ndim(left.maximum) > 0:
        merged = [query_by_query(Partial(*a), Partial(*b)) for a, b in zip(zip(*left), zip(*right))]  # noqa: B905
        return tuple(np.array(part) for part in zip(*merged, strict=True))
    (first, m, s), (second, n, t) = left, right
    if s == 0 or t == 0:
        return tuple(right if s == 0 else left)
    maximum = max(m, n)
    s, t = s * math.exp(m - maximum), t * math.exp(n - maximum)
    return [(s * a + t * b) / (s + t) for a, b in zip(first, second, strict=True)], maximum, s + t


def block_cases(reference):
    """Blocks and masks of every kind, and scores of every size."""

    def of(name, block, stage, **more):
        return case(reference, name, block=block, stage=stage, **more)

    return [
        of("a block of one", 1, "a block of one", small=True),
        of("a block of one, longer", 1, "a block of one", sizes={"q": 7, "k": 9}),
        of("a block that divides the text", 2, "", sizes={"q": 4, "k": 6}),
        of("a block that leaves a shorter tail", 3, "a shorter tail", sizes={"q": 7, "k": 8}),
        of("a block longer than the text", 100, "a block longer than the text"),
        of("one query", 2, "", small=True, sizes={"q": 1}),
        of("causal", 1, "a causal mask", small=True, sizes={"q": 3}, is_causal=True),
        of("causal, in one block", 10, "a causal mask", small=True, sizes={"q": 3}, is_causal=True),
        of("causal, in several tiles", 3, "a causal mask over tiles", sizes={"q": 8, "k": 8}, is_causal=True),
        of("causal, a batch", 2, "a causal mask over tiles", lead=(2,), sizes={"q": 5}, is_causal=True),
        of("causal, float32", 2, "a causal mask over tiles", dtype=np.float32, sizes={"q": 5}, is_causal=True),
        of("causal, fewer queries than keys", 2, "fewer queries than keys", small=True, is_causal=True),
        of("causal, far fewer", 4, "fewer queries than keys", sizes={"q": 3, "k": 11}, is_causal=True),
        of(
            "causal, more queries than keys",
            2,
            "queries that see nothing",
            small=True,
            sizes={"q": 5},
            is_causal=True,
        ),
        of("causal, far more queries", 3, "queries that see nothing", sizes={"q": 11, "k": 4}, is_causal=True),
        of("a scale that is given", 2, "a scale that is given", small=True, scale=0.3),
        of("a scale of zero", 2, "a scale of zero", small=True, scale=0.0),
        of("a scale that is given, causal", 2, "a scale that is given", lead=(2,), scale=1.5, is_causal=True),
        of("larger scores", 2, "larger scores", sizes={"q": 6, "k": 9}, magnitude=3.0),
        of("scores in the thousands", 2, "scores in the thousands", sizes={"q": 6, "k": 9}, magnitude=60.0),
        of(
            "scores in the thousands, causal",
            2,
            "scores in the thousands",
            sizes={"q": 9, "k": 9},
            magnitude=60.0,
            is_causal=True,
        ),
        of(
            "all scores very negative",
            2,
            "very negative scores",
            query=lambda rng, s: -30 - rng.random((s.q, s.d)),
            key=lambda rng, s: 30 + rng.random((s.k, s.d)),
        ),
    ]


tiled = lesson.code(tiled_attention, cases(tiled_attention, *block_cases(tiled_attention), block=2))


def by_tiles(query, key, value, block, is_causal, scale, join):
    """Attend block by block; `join` is given the (scores, value) of all tiles of a block of queries."""
    n_query, n_key = query.shape[-2], key.shape[-2]
    mask = causal_mask(n_query, n_key) if is_causal else np.ones((n_query, n_key), bool)
    blocks = []
    for rows in slices(0, n_query, block):
        tiles = []
        for keys in slices(0, n_key, block):
            scores = attention_scores(query[..., rows, :], key[..., keys, :], scale)
            tiles.append((np.where(mask[rows, keys], scores, -np.inf), value[..., keys, :]))
        blocks.append(join(tiles))
    return np.concatenate(blocks, axis=-2)


def accumulate(tiles, rescale_output=True, rescale_total=True, invert=False, start=-np.inf, divide=True):
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
    return output / np.where(total == 0, 1, total) if divide else output


@tiled.mistake
def accumulator_not_rescaled(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, rescale_output=False))


@tiled.mistake
def sum_not_rescaled(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, rescale_total=False))


@tiled.mistake
def nothing_rescaled(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, False, False))


@tiled.mistake
def rescaled_the_wrong_way_round(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, invert=True))


@tiled.mistake
def maximum_starts_at_zero(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, start=0.0))


@tiled.mistake
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


@tiled.mistake
def no_maximum_subtracted(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        total = sum(np.exp(scores).sum(axis=-1, keepdims=True) for scores, _ in tiles)
        return sum(np.exp(scores) @ v for scores, v in tiles) / np.where(total == 0, 1, total)

    return by_tiles(query, key, value, block, is_causal, scale, join)


@tiled.mistake
def softmax_in_each_tile_and_then_the_mean(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        return sum(softmax(scores) @ v for scores, v in tiles) / len(tiles)

    return by_tiles(query, key, value, block, is_causal, scale, join)


@tiled.mistake
def softmax_in_each_tile_and_then_the_sum(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: sum(softmax(scores) @ v for scores, v in t))


@tiled.mistake
def never_divided_by_the_sum(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t, divide=False))


@tiled.mistake
def only_the_last_tile_counts(query, key, value, block=2, is_causal=False, scale=None):
    return by_tiles(query, key, value, block, is_causal, scale, lambda t: accumulate(t[-1:]))


@tiled.mistake
def shorter_tail_of_the_keys_dropped(query, key, value, block=2, is_causal=False, scale=None):
    def join(tiles):
        whole = [tile for tile in tiles if tile[1].shape[-2] == block]
        return accumulate(whole) if whole else accumulate(tiles) * 0

    return by_tiles(query, key, value, block, is_causal, scale, join)


@tiled.mistake
def shorter_tail_of_the_queries_left_at_zero(query, key, value, block=2, is_causal=False, scale=None):
    output = tiled_attention(query, key, value, block, is_causal, scale)
    whole = query.shape[-2] // block * block
    return np.where(np.arange(query.shape[-2])[:, None] < whole, output, 0)


@tiled.mistake
def each_block_sees_only_its_own_keys(query, key, value, block=2, is_causal=False, scale=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    mask = np.arange(n_query)[:, None] // block == np.arange(n_key) // block
    if is_causal:
        mask = mask & causal_mask(n_query, n_key)
    return attention_weights(query, key, mask, scale) @ value


@tiled.mistake
def causal_mask_starts_anew_in_each_tile(query, key, value, block=2, is_causal=False, scale=None):
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


@tiled.mistake
def tiles_skipped_but_the_diagonal_not_masked(query, key, value, block=2, is_causal=False, scale=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    last_of_block = np.minimum((np.arange(n_query) // block + 1) * block, n_query)[:, None] - 1
    first_of_tile = np.arange(n_key) // block * block
    mask = first_of_tile <= last_of_block + n_key - n_query
    return attention_weights(query, key, mask if is_causal else None, scale) @ value


@tiled.mistake
def queries_taken_as_the_first_positions(query, key, value, block=2, is_causal=False, scale=None):
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if is_causal else None
    return attention_weights(query, key, mask, scale) @ value


@tiled.mistake
def diagonal_hidden(query, key, value, block=2, is_causal=False, scale=None):
    mask = np.tri(query.shape[-2], key.shape[-2], key.shape[-2] - query.shape[-2] - 1, dtype=bool)
    return attention_weights(query, key, mask if is_causal else None, scale) @ value


@tiled.mistake
def is_causal_ignored(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, False, scale)


@tiled.mistake
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


@tiled.mistake
def given_scale_ignored(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, is_causal)


@tiled.mistake
def no_scale_unless_one_is_given(query, key, value, block=2, is_causal=False, scale=None):
    return tiled_attention(query, key, value, block, is_causal, 1.0 if scale is None else scale)


@tiled.another_way
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


@tiled.another_way
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


@tiled.another_way
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


def count_case(name, n, d, *block, **more):
    return case(peak_floats, name, n=n, d=d, **({"block": block[0]} if block else {}), **more)


counting = lesson.code(
    peak_floats,
    [
        count_case("all scores of six tokens", 6, 4),
        count_case("tiles of two by two", 6, 4, 2, stage="a block"),
        count_case("tiles of one score", 6, 4, 1, stage="a block"),
        count_case("a block that does not divide the text", 7, 3, 2, stage="a block"),
        count_case("a block as long as the text", 6, 4, 6, stage="a block"),
        count_case("a block longer than the text", 6, 4, 100, stage="a block longer than the text"),
        count_case("one token", 1, 8),
        count_case("eight thousand tokens", 8192, 128),
        count_case("eight thousand tokens in tiles", 8192, 128, 128, stage="a block"),
    ],
)


@counting.mistake
def all_scores_counted_with_a_block_too(n, d, block=None):
    return n * n + 2 * n + n * d


@counting.mistake
def tile_larger_than_the_text(n, d, block=None):
    tile = n if block is None else block
    return tile * tile + 2 * n + n * d


@counting.mistake
def a_tile_as_wide_as_the_text(n, d, block=None):
    tile = n if block is None else min(block, n)
    return tile * n + 2 * n + n * d


@counting.mistake
def statistics_forgotten(n, d, block=None):
    return peak_floats(n, d, block) - 2 * n


@counting.mistake
def one_statistic_for_each_query(n, d, block=None):
    return peak_floats(n, d, block) - n


@counting.mistake
def output_forgotten(n, d, block=None):
    return peak_floats(n, d, block) - n * d


@counting.mistake
def output_of_one_block_alone(n, d, block=None):
    tile = n if block is None else min(block, n)
    return tile * tile + 2 * n + tile * d


@counting.mistake
def query_key_and_value_counted_too(n, d, block=None):
    return peak_floats(n, d, block) + 3 * n * d


@counting.mistake
def bytes_of_float32_instead_of_numbers(n, d, block=None):
    return 4 * peak_floats(n, d, block)


@counting.another_way
def by_shapes(n, d, block=None):
    tile = min(n, block or n)
    held = {"scores": (tile, tile), "maximum": (n,), "total": (n,), "output": (n, d)}
    return sum(math.prod(shape) for shape in held.values())


@counting.another_way
def query_by_query_counted(n, d, block=None):
    tile = [n, block][block is not None and block < n]
    return sum(tile for _ in range(tile)) + sum(1 + 1 + d for _ in range(n))


lesson.debug("fix_online_softmax", one_pass, sum_not_rescaled)
lesson.debug("fix_merge_partials", merging, weighted_by_totals_that_forget_their_maxima)
lesson.debug("fix_tiled_attention", tiled, causal_mask_starts_anew_in_each_tile)

N, HEADS, WIDTH, BLOCK_OF = 8192, 32, 128, 128
lesson.numeric(
    "score-traffic",
    lambda: 4 * HEADS * N * N * 2,
    crossed_only_once=lambda: HEADS * N * N * 2,
    half_of_it=lambda: 2 * HEADS * N * N * 2,
    one_head_alone=lambda: 4 * N * N * 2,
)
lesson.numeric(
    "peak-ratio",
    lambda: peak_floats(N, WIDTH) / peak_floats(N, WIDTH, BLOCK_OF),
    tolerance=0.02,
    scores_alone_compared=lambda: (N / BLOCK_OF) ** 2,
    statistics_and_no_output=lambda: (N * N + 2 * N) / (BLOCK_OF**2 + 2 * N),
)
lesson.numeric(
    "causal-tiles",
    lambda: 64 * 65 // 2,
    tolerance=0,
    exactly_half=lambda: 64 * 64 // 2,
    diagonal_forgotten=lambda: 64 * 63 // 2,
    nothing_skipped=lambda: 64 * 64,
)
lesson.numeric(
    "recompute-flops",
    lambda: 1000 * 2 * N * N * WIDTH * HEADS / 312e12,
    the_whole_forward_again=lambda: 1000 * 4 * N * N * WIDTH * HEADS / 312e12,
    additions_forgotten=lambda: 1000 * N * N * WIDTH * HEADS / 312e12,
    one_head_alone=lambda: 1000 * 2 * N * N * WIDTH / 312e12,
    storing_them_instead=lambda: 1000 * 2 * HEADS * N * N * 2 / 2.0e12,
)
lesson.predict("unchanged-maximum", lambda: 1, the_old_sum_dropped=lambda: 0)
lesson.predict("share-of-a-part", lambda: 0.9, parts_that_count_alike=lambda: 0.5, keys_of_the_other_part=lambda: 0.1)
lesson.predict(
    "fewer-flops", lambda: "no fewer", half_the_work=lambda: "half as many", by_the_block=lambda: "far fewer"
)
lesson.predict(
    "kept-for-backward",
    lambda: (2, 32, 8192),
    the_weights_stored=lambda: (2, 32, 8192, 8192),
    one_number_for_each_head=lambda: (2, 32),
    heads_forgotten=lambda: (2, 8192),
)
lesson.explain(
    "what-flash-saves",
    "exact-or-approximate",
    "why-recompute",
    "split-the-keys",
    "three-flashes",
    "when-tiles-do-not-pay",
)
