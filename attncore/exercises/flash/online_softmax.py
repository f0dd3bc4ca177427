"""The maximum and the sum in one pass."""

import math
from functools import reduce

import numpy as np

from attncore.exercises.drivers import go_through_once
from attncore.exercises.exercise import case, code
from attncore.flash import online_softmax


def chunks_case(name, *chunks, **more):
    """A row, or rows, in pieces."""
    return case(name, chunks=[np.array(chunk, float) for chunk in chunks], **more)


def drawn_chunks(name, lengths, lead=(), magnitude=1.0, dtype=np.float64, **more):
    def make(rng, s):
        return [(magnitude * rng.standard_normal((*lead, length))).astype(dtype) for length in lengths]

    return case(name, chunks=make, **more)


ROWS = "Pieces may have leading axes, (..., k): every row then has a maximum and a total of its own."
NOTHING = "Numbers may be -inf; a row of nothing else has the maximum -inf and the total 0."
exercise = code(
    online_softmax,
    chunks_case("two chunks of two", [1, 3], [2, 5]),
    chunks_case("the largest number first", [5, 1], [3, 2]),
    chunks_case("one chunk", [1, 3, 2]),
    chunks_case("chunks of one", [2], [0], [3], [1]),
    chunks_case("a last chunk that is shorter", [0, 1, 2], [3, 1, 0], [2]),
    chunks_case("numbers below zero", [-3, -5], [-4, -2]),
    chunks_case("very negative numbers", [-2000, -2001], [-2002, -1999]),
    chunks_case("numbers in the thousands", [3000, 3001], [2000, 3002]),
    chunks_case("a fall of thousands", [3000, 3001], [1, 2]),
    chunks_case("two rows", [[1, 3], [4, 0]], [[2, 5], [1, 1]], promise=ROWS),
    chunks_case("rows far apart", [[900, 901], [0, 1]], [[902, 900], [2, 0]], promise=ROWS),
    drawn_chunks("two leading axes", (4, 3, 5), (2, 3), promise=ROWS),
    drawn_chunks("twenty chunks", (3,) * 20, magnitude=5.0),
    drawn_chunks("float32", (4, 3), dtype=np.float32),
    drawn_chunks("float32, two rows", (4, 3), (2,), dtype=np.float32, promise=ROWS),
    chunks_case("minus infinity at the start", [-np.inf, -np.inf], [1, 3], promise=NOTHING),
    chunks_case("minus infinity at the end", [1, 3], [-np.inf, -np.inf], promise=NOTHING),
    chunks_case("nothing but minus infinity", [-np.inf, -np.inf], [-np.inf], promise=NOTHING),
    chunks_case("one row of two empty", [[-np.inf, -np.inf], [1, 2]], [[-np.inf, -np.inf], [3, 0]], promise=NOTHING),
    tolerance=1e-5,
    drive=go_through_once,
)


@exercise.mistake("the sum isn't rescaled")
def sum_not_rescaled(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
        shift = np.where(maximum == -np.inf, 0, maximum)
        total = total + np.exp(chunk - shift[..., None]).sum(axis=-1)
    return maximum, total


@exercise.mistake("the sum is rescaled the wrong way round")
def rescaled_the_wrong_way_round(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        rescale = np.where(maximum == -np.inf, 0, np.exp(larger - maximum))
        shift = np.where(larger == -np.inf, 0, larger)
        total = total * rescale + np.exp(chunk - shift[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@exercise.mistake("the maximum starts at zero")
def maximum_starts_at_zero(chunks):
    maximum, total = 0.0, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        total = total * np.exp(maximum - larger) + np.exp(chunk - larger[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@exercise.mistake("the maximum starts at -1e9")
def maximum_starts_at_a_large_negative_number(chunks):
    maximum, total = -1e9, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        total = total * np.exp(maximum - larger) + np.exp(chunk - larger[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@exercise.mistake("only the maximum of the last chunk is kept")
def maximum_of_the_last_chunk_alone(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        newest = chunk.max(axis=-1)
        shift = np.where(newest == -np.inf, 0, newest)
        total = total * np.exp(maximum - shift) + np.exp(chunk - shift[..., None]).sum(axis=-1)
        maximum = newest
    return maximum, total


@exercise.mistake("only the sum of the last chunk is kept")
def sum_of_the_last_chunk_alone(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
        shift = np.where(maximum == -np.inf, 0, maximum)
        total = np.exp(chunk - shift[..., None]).sum(axis=-1)
    return maximum, total


@exercise.mistake("each chunk's sum is relative to its own maximum")
def each_chunk_relative_to_its_own_maximum(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        of_chunk = online_softmax([chunk])
        maximum, total = np.maximum(maximum, of_chunk[0]), total + of_chunk[1]
    return maximum, total


@exercise.mistake("no maximum is subtracted")
def no_maximum_subtracted(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
        total = total + np.exp(chunk).sum(axis=-1)
    return maximum, total


@exercise.mistake("the chunks are gone through twice")
def chunks_gone_through_twice(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        maximum = np.maximum(maximum, chunk.max(axis=-1))
    for chunk in chunks:
        total = total + np.exp(chunk - np.expand_dims(maximum, -1)).sum(axis=-1)
    return maximum, total


@exercise.mistake("one maximum and one sum for all rows")
def one_maximum_and_one_sum_for_all_rows(chunks):
    return online_softmax(np.ravel(chunk) for chunk in chunks)


@exercise.mistake("-inf gives NaN")
def minus_infinity_gives_nan(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        total = total * np.exp(maximum - larger) + np.exp(chunk - larger[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@exercise.mistake("the log-sum-exp in place of the total")
def logarithm_of_the_sum_in_place_of_the_total(chunks):
    maximum, total = online_softmax(chunks)
    return maximum, maximum + np.log(total)


@exercise.mistake("maximum and total in the wrong order")
def maximum_and_total_in_the_wrong_order(chunks):
    return online_softmax(chunks)[::-1]


@exercise.mistake("the old sum is thrown away where the maximum grows")
def old_sum_thrown_away(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        larger = np.maximum(maximum, chunk.max(axis=-1))
        shift = np.where(larger == -np.inf, 0, larger)
        total = np.where(larger > maximum, 0, total) + np.exp(chunk - shift[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


@exercise.mistake("a maximum and a total for each chunk")
def a_maximum_and_a_total_for_each_chunk(chunks):
    parts = [online_softmax([chunk]) for chunk in chunks]
    return np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])


@exercise.mistake("the softmax is returned")
def the_softmax_is_returned(chunks):
    whole = np.concatenate(list(chunks), axis=-1)
    exponentials = np.exp(whole - whole.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@exercise.another_way
def two_chunks_into_one(chunks):
    def of_one(chunk):
        largest = chunk.max(axis=-1)
        return largest, np.exp(chunk - np.where(largest == -np.inf, 0, largest)[..., None]).sum(axis=-1)

    def join(left, right):
        maximum = np.maximum(left[0], right[0])
        shift = np.where(maximum == -np.inf, 0, maximum)
        return maximum, sum(total * np.exp(largest - shift) for largest, total in (left, right))

    return reduce(join, map(of_one, chunks))


@exercise.another_way
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


@exercise.another_way
def with_logaddexp(chunks):
    maximum = log_total = -np.inf
    for chunk in chunks:
        maximum = np.maximum(maximum, np.max(chunk, axis=-1))
        log_total = np.logaddexp(log_total, np.logaddexp.reduce(chunk, axis=-1))
    return maximum, np.exp(log_total - np.where(maximum == -np.inf, 0, maximum))
