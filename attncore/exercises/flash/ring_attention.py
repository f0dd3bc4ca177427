"""Attention around a ring of devices."""

import zlib
from functools import reduce

import numpy as np

from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.exercises.drivers import on_each_device
from attncore.exercises.exercise import Case, code
from attncore.exercises.flash.tiled_attention import accumulate
from attncore.exercises.softmax.cases import GIVEN_SCALE
from attncore.flash import Partial, attend_to_tile, merge_partials, ring_attention
from attncore.masks import causal_mask
from attncore.softmax import softmax

UNEQUAL = "Raises ValueError if the numbers of parts or their lengths differ."


def shared(name, n_devices, n, d=2, v=1, lead=(), promise="", spoil=None, shift=0, magnitude=1.0, dtype=float, **given):
    """A case of lists, one part of n tokens a device.

    `shift` moves queries down and keys up, which makes every score very negative; `spoil` changes the lists.
    """

    def make(*more):
        rng = np.random.default_rng([zlib.crc32(name.encode()), *more])
        kinds = {"queries": (d, -shift), "keys": (d, shift), "values": (v, 0)}
        lists = {
            kind: [
                np.round(magnitude * rng.standard_normal((*lead, n, width)) + offset, 1).astype(dtype)
                for _ in range(n_devices)
            ]
            for kind, (width, offset) in kinds.items()
        }
        return (spoil(lists) if spoil else lists) | given

    return Case(name, make, promise, make)


def one_value_part_less(lists):
    return lists | {"values": lists["values"][:-1]}


def a_shorter_last_part(lists):
    return {kind: [*parts[:-1], parts[-1][..., :-1, :]] for kind, parts in lists.items()}


exercise = code(
    ring_attention,
    shared("two devices, a token each", 2, 1),
    shared("two devices, two tokens each", 2, 2),
    shared("two devices, causal", 2, 2, is_causal=True),
    shared("three devices, a token each, causal", 3, 1, is_causal=True),
    shared("three devices, no two axes of one length", 3, 2, 8, 6),
    shared("three devices, causal", 3, 4, 8, 6, is_causal=True),
    shared("one device", 1, 3),
    shared("one device, causal", 1, 3, is_causal=True),
    shared("a square of everything", 2, 2, 2, 2, is_causal=True),
    shared("as many tokens as devices", 4, 4, 3, 5, is_causal=True),
    shared("a batch of two", 3, 2, 4, 3, (2,)),
    shared("two leading axes, causal", 3, 2, 8, 6, (2, 4), is_causal=True),
    shared("float32", 3, 2, 8, 6, dtype=np.float32),
    shared("float32, causal", 4, 3, 8, 6, (2,), dtype=np.float32, is_causal=True),
    shared("scores in the thousands", 3, 2, 8, 6, magnitude=60.0),
    shared("scores in the thousands, causal", 3, 3, 8, 6, magnitude=60.0, is_causal=True),
    shared("all scores very negative", 2, 2, 4, shift=30.0),
    shared("all scores very negative, causal", 2, 2, 4, shift=30.0, is_causal=True),
    shared("a scale that is given", 2, 2, promise=GIVEN_SCALE, scale=0.3),
    shared("a scale that is given, causal", 3, 2, 4, 3, (2,), promise=GIVEN_SCALE, scale=1.5, is_causal=True),
    shared("a scale of zero", 2, 2, promise=GIVEN_SCALE, scale=0.0),
    shared("a part of the values is missing", 2, 2, promise=UNEQUAL, spoil=one_value_part_less),
    shared("a shorter last part", 2, 2, promise=UNEQUAL, spoil=a_shorter_last_part),
    drive=on_each_device,
)


def around(queries, keys, values, is_causal, scale, join=accumulate, steps=None, hide=None, of_values=None):
    """Pass the parts around; `join` is given a device's (scores, value) of all parts, in the order in which they come.

    `hide(device, part)` is the mask of a causal step, `of_values(device, part)` the part whose values are taken.
    """
    n_devices, n = len(queries), queries[0].shape[-2]

    def global_positions(device, part):
        return np.tri(n, n, (device - part) * n, dtype=bool)

    outputs = []
    for device, query in enumerate(queries):
        tiles = []
        for step in range(n_devices) if steps is None else steps(n_devices):
            part = (device - step) % n_devices
            scores = attention_scores(query, keys[part], scale)
            if is_causal:
                scores = np.where((hide or global_positions)(device, part), scores, -np.inf)
            tiles.append((scores, values[of_values(device, part) if of_values else part]))
        outputs.append(join(tiles))
    return outputs


def passed(label, **otherwise):
    """A wrong solution that goes around the ring, and does one thing in another way."""

    @exercise.mistake(label)
    def ring(queries, keys, values, is_causal=False, scale=None):
        return around(queries, keys, values, is_causal, scale, **otherwise)


def whole(queries, keys, values, scale, mask):
    """Attention to all parts at once, under a mask of the whole sequence, shared out again."""
    query, key, value = (np.concatenate(parts, axis=-2) for parts in (queries, keys, values))
    return np.split(scaled_dot_product_attention(query, key, value, mask, scale), len(queries), axis=-2)


def masked_by(label):
    """A wrong solution whose causal mask is another: a function of the device and the place of query and key."""

    def add(sees):
        @exercise.mistake(label)
        def ring(queries, keys, values, is_causal=False, scale=None):
            n = queries[0].shape[-2]
            device, place = np.divmod(np.arange(n * len(queries)), n)
            mask = sees(device[:, None], place[:, None], device, place) if is_causal else None
            return whole(queries, keys, values, scale, mask)

        return sees

    return add


def softmaxes_averaged(tiles):
    return sum(softmax(scores) @ value for scores, value in tiles) / len(tiles)


def softmaxes_added(tiles):
    return sum(softmax(scores) @ value for scores, value in tiles)


def own_maximum_each(tiles):
    partials = [attend_to_tile(scores, value) for scores, value in tiles]
    total = sum(part.total[..., None] for part in partials)
    return sum(part.output * part.total[..., None] for part in partials) / total


def without_maximum(tiles):
    total = sum(np.exp(scores).sum(axis=-1, keepdims=True) for scores, _ in tiles)
    return sum(np.exp(scores) @ value for scores, value in tiles) / total


passed("each part has a softmax of its own, and the outputs are averaged", join=softmaxes_averaged)
passed("each part has a softmax of its own, and the outputs are added", join=softmaxes_added)
passed("each part keeps its own maximum when the sums are added", join=own_maximum_each)
passed("the accumulator isn't rescaled", join=lambda tiles: accumulate(tiles, rescale_output=False))
passed("the sum isn't rescaled", join=lambda tiles: accumulate(tiles, rescale_total=False))
passed("nothing is rescaled", join=lambda tiles: accumulate(tiles, False, False))
passed("rescaled the wrong way round", join=lambda tiles: accumulate(tiles, invert=True))
passed("the maximum starts at zero", join=lambda tiles: accumulate(tiles, start=0.0, guard=False))
passed("the maximum starts at zero", join=lambda tiles: accumulate(tiles, start=0.0))
passed("never divided by the sum", join=lambda tiles: accumulate(tiles, divide=False))
passed("no maximum is subtracted", join=without_maximum)
passed("only the part that comes last counts", join=lambda tiles: accumulate(tiles[-1:]))
passed("each device sees its own part alone", steps=lambda n_devices: range(1))
passed("the ring is left one step too early", steps=lambda n_devices: range(max(1, n_devices - 1)))
passed("each device's own part counts twice", steps=lambda n_devices: range(n_devices + 1))
passed("the keys go around and the values stay", of_values=lambda device, part: device)


@masked_by("the mask starts anew in each part")
def local_positions(query_device, query, key_device, key):
    return key <= query


@masked_by("only a device's own part is masked")
def only_the_own_part_masked(query_device, query, key_device, key):
    return (key_device != query_device) | (key <= query)


@masked_by("earlier parts are seen whole, and a device's own part too")
def own_part_not_masked(query_device, query, key_device, key):
    return key_device <= query_device


@masked_by("later parts are seen instead of earlier ones")
def later_parts_seen(query_device, query, key_device, key):
    return (key_device > query_device) | (key_device == query_device) & (key <= query)


@masked_by("earlier parts are hidden too")
def earlier_parts_hidden(query_device, query, key_device, key):
    return (key_device == query_device) & (key <= query)


@masked_by("a token doesn't see itself")
def diagonal_hidden(query_device, query, key_device, key):
    return (key_device < query_device) | (key_device == query_device) & (key < query)


@masked_by("is_causal is ignored")
def is_causal_ignored(query_device, query, key_device, key):
    return np.ones(np.broadcast_shapes(query.shape, key.shape), bool)


@exercise.mistake("causal, though is_causal is False")
def causal_unasked(queries, keys, values, is_causal=False, scale=None):
    return ring_attention(queries, keys, values, True, scale)


@exercise.mistake("the outputs are shifted by one device")
def outputs_shifted(queries, keys, values, is_causal=False, scale=None):
    outputs = ring_attention(queries, keys, values, is_causal, scale)
    return [*outputs[1:], outputs[0]]


@exercise.mistake("the outputs are joined into one")
def outputs_joined(queries, keys, values, is_causal=False, scale=None):
    return np.concatenate(ring_attention(queries, keys, values, is_causal, scale), axis=-2)


@exercise.mistake("scores not scaled")
def scores_not_scaled(queries, keys, values, is_causal=False, scale=None):
    return ring_attention(queries, keys, values, is_causal, 1.0 if scale is None else scale)


@exercise.mistake("a given scale is ignored")
def given_scale_ignored(queries, keys, values, is_causal=False, scale=None):
    return ring_attention(queries, keys, values, is_causal)


@exercise.mistake("a scale of zero is taken for none")
def scale_of_zero_taken_for_none(queries, keys, values, is_causal=False, scale=None):
    return ring_attention(queries, keys, values, is_causal, scale or None)


def in_order(label, **otherwise):
    """A wrong solution in which every device takes the parts from the first to the last."""

    @exercise.mistake(label)
    def ring(queries, keys, values, is_causal=False, scale=None):
        n_devices, n = len(queries), queries[0].shape[-2]
        outputs = []
        for device, query in enumerate(queries):
            tiles = []
            for part in range(n_devices):
                scores = attention_scores(query, keys[part], scale)
                if is_causal:
                    scores = np.where(np.tri(n, n, (device - part) * n, dtype=bool), scores, -np.inf)
                tiles.append((scores, values[part]))
            outputs.append(accumulate(tiles, **otherwise))
        return outputs


in_order("the accumulator isn't rescaled", rescale_output=False)
in_order("the sum isn't rescaled", rescale_total=False)
in_order("nothing is rescaled", rescale_output=False, rescale_total=False)
in_order("rescaled the wrong way round", invert=True)


@masked_by("the mask is moved by parts, not by tokens")
def moved_by_parts(query_device, query, key_device, key):
    return key <= query + query_device - key_device


@exercise.mistake("divided by the root of the number of keys")
def root_of_the_number_of_keys(queries, keys, values, is_causal=False, scale=None):
    return ring_attention(queries, keys, values, is_causal, keys[0].shape[-2] ** -0.5 if scale is None else scale)


@exercise.mistake("the scores are divided by a given scale")
def divided_by_the_given_scale(queries, keys, values, is_causal=False, scale=None):
    with np.errstate(all="ignore"):
        return ring_attention(queries, keys, values, is_causal, None if scale is None else np.divide(1.0, scale))


@exercise.mistake("a given scale comes on top of the usual one")
def both_scales(queries, keys, values, is_causal=False, scale=None):
    usual = queries[0].shape[-1] ** -0.5
    return ring_attention(queries, keys, values, is_causal, usual if scale is None else usual * scale)


@exercise.mistake("the values go around the other way")
def values_the_other_way(queries, keys, values, is_causal=False, scale=None):
    return ring_attention(queries, keys, [values[0], *values[:0:-1]], is_causal, scale)


@exercise.mistake("the outputs come in reverse")
def outputs_in_reverse(queries, keys, values, is_causal=False, scale=None):
    return ring_attention(queries, keys, values, is_causal, scale)[::-1]


@exercise.another_way
def one_step_of_all_devices_at_a_time(queries, keys, values, is_causal=False, scale=None):
    n_devices, n = len(queries), queries[0].shape[-2]
    held = list(zip(range(n_devices), keys, values, strict=True))  # what each device holds at the moment
    partials: list[list[Partial]] = [[] for _ in queries]
    for _ in range(n_devices):
        for device, (part, key, value) in enumerate(held):
            scores = attention_scores(queries[device], key, scale)
            if is_causal and part >= device:
                scores = np.where(causal_mask(n) & (part == device), scores, -np.inf)
            partials[device].append(attend_to_tile(scores, value))
        held = [held[-1], *held[:-1]]
    return [reduce(merge_partials, each).output for each in partials]


@exercise.another_way
def only_the_parts_that_are_seen(queries, keys, values, is_causal=False, scale=None):
    outputs = []
    for device, query in enumerate(queries):
        maximum, total, output = -np.inf, 0.0, 0.0
        for part in range(device + 1 if is_causal else len(keys)):
            scores = attention_scores(query, keys[part], scale)
            if is_causal and part == device:
                scores = np.where(causal_mask(query.shape[-2]), scores, -np.inf)
            larger = np.maximum(maximum, scores.max(axis=-1, keepdims=True))
            shrink, weights = np.exp(maximum - larger), np.exp(scores - larger)
            total = total * shrink + weights.sum(axis=-1, keepdims=True)
            output = output * shrink + weights @ values[part]
            maximum = larger
        outputs.append(output / total)
    return outputs


@exercise.another_way
def all_at_once(queries, keys, values, is_causal=False, scale=None):
    n = len(queries) * queries[0].shape[-2]
    return whole(queries, keys, values, scale, causal_mask(n) if is_causal else None)
