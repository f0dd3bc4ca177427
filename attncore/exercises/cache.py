"""Lesson 12: what attention costs, and the cache of keys and values."""

import math

import numpy as np

from attncore.cache import KVCache, attend_with_cache, attention_flops, kv_cache_bytes
from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Case, Lesson, case
from attncore.exercises.heads import projections
from attncore.heads import merge_heads, mha_parameter_count, multi_head_attention, split_heads
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import masked_softmax

lesson = Lesson("12_cache")

flops = lesson.code(
    attention_flops,
    [
        case(attention_flops, "two tokens of width three", n=2, d_model=3),
        case(attention_flops, "five tokens of width two", n=5, d_model=2),
        case(attention_flops, "one token", n=1, d_model=64),
        case(attention_flops, "GPT-2 small, 1,024 tokens", n=1024, d_model=768),
        case(attention_flops, "a long text", stage="a long text", n=100_000, d_model=4096),
    ],
)


@flops.mistake
def output_projection_forgotten(n, d_model):
    return 6 * n * d_model**2 + 4 * n**2 * d_model


@flops.mistake
def weighted_sum_forgotten(n, d_model):
    projections = 4 * 2 * n * d_model**2
    scores = 2 * n**2 * d_model
    return projections + scores


@flops.mistake
def projections_forgotten(n, d_model):
    return 4 * n**2 * d_model


@flops.mistake
def only_the_projections(n, d_model):
    return 8 * n * d_model**2


@flops.mistake
def one_query_instead_of_n(n, d_model):
    return 8 * n * d_model**2 + 4 * n * d_model


@flops.mistake
def width_squared_in_the_scores(n, d_model):
    return 8 * n * d_model**2 + 4 * n**2 * d_model**2


@flops.mistake
def tokens_squared_in_the_projections(n, d_model):
    return 8 * n**2 * d_model + 4 * n**2 * d_model


@flops.other_convention
def a_multiplication_with_its_addition_counted_as_one(n, d_model):
    return 4 * n * d_model**2 + 2 * n**2 * d_model


@flops.other_convention
def hidden_scores_left_out(n, d_model):
    return 8 * n * d_model**2 + 4 * d_model * n * (n + 1) // 2


@flops.another_way
def two_for_each_weight_and_token(n, d_model):
    weights = mha_parameter_count(d_model, 1, bias=False)
    return n * (2 * weights + 4 * n * d_model)


@flops.another_way
def product_by_product(n, d_model):
    projection, scores, weighted_sum = (n, d_model, d_model), (n, d_model, n), (n, n, d_model)
    return sum(2 * math.prod(sizes) for sizes in [projection] * 4 + [scores, weighted_sum])


held = lesson.code(
    kv_cache_bytes,
    [
        case(kv_cache_bytes, "a tiny model", layers=2, kv_heads=3, d_head=4, tokens=5),
        case(kv_cache_bytes, "a tiny model, a batch of six", layers=2, kv_heads=3, d_head=4, tokens=5, batch=6),
        case(kv_cache_bytes, "one token of Llama 3 8B", layers=32, kv_heads=8, d_head=128, tokens=1),
        case(
            kv_cache_bytes,
            "GPT-2 small in float32",
            stage="values of four bytes",
            layers=12,
            kv_heads=12,
            d_head=64,
            tokens=1024,
            bytes_per_value=4,
        ),
        case(
            kv_cache_bytes,
            "a batch in eight bits",
            stage="values of one byte",
            layers=80,
            kv_heads=8,
            d_head=128,
            tokens=8192,
            batch=3,
            bytes_per_value=1,
        ),
    ],
)


@held.mistake
def only_the_keys(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return layers * batch * kv_heads * tokens * d_head * bytes_per_value


@held.mistake
def queries_kept_too(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 3 * layers * batch * kv_heads * tokens * d_head * bytes_per_value


@held.mistake
def batch_forgotten(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * kv_heads * tokens * d_head * bytes_per_value


@held.mistake
def one_layer_only(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * batch * kv_heads * tokens * d_head * bytes_per_value


@held.mistake
def one_head_only(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * tokens * d_head * bytes_per_value


@held.mistake
def numbers_counted_instead_of_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * kv_heads * tokens * d_head


@held.mistake
def always_two_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * kv_heads * tokens * d_head * 2


@held.mistake
def bits_instead_of_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * kv_heads * tokens * d_head * bytes_per_value * 8


@held.mistake
def scores_instead_of_keys_and_values(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return layers * batch * kv_heads * tokens**2 * bytes_per_value


@held.another_way
def from_a_token_to_the_whole(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    key = kv_heads * d_head * bytes_per_value
    token = layers * (key + key)
    return batch * tokens * token


@held.another_way
def shape_by_shape(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    shape = (batch, kv_heads, tokens, d_head)
    return sum(math.prod(shape) * bytes_per_value for _layer in range(layers) for _kind in ("key", "value"))


class room_that_doubles:
    """Keys and values in rooms that double, each filled up to `length`."""

    def __init__(self):
        self.length, self.room = 0, {}

    def __len__(self):
        return self.length

    def append(self, key, value):
        if key.shape[:-1] != value.shape[:-1]:
            raise ValueError(f"key is {key.shape}, value is {value.shape}")
        end = self.length + key.shape[-2]
        for name, new in (("key", key), ("value", value)):
            if name not in self.room or end > self.room[name].shape[-2]:
                room = np.empty_like(new, shape=(*new.shape[:-2], 2 * end, new.shape[-1]))
                room[..., : self.length, :] = getattr(self, name) if self.length else 0
                self.room[name] = room
            self.room[name][..., self.length : end, :] = new
        self.length = end

    @property
    def key(self):
        return self.room["key"][..., : self.length, :]

    @property
    def value(self):
        return self.room["value"][..., : self.length, :]


@shaped("->(),(...,h,n,d),(...,h,n,v),(...,h,n,d)", returns="lengths, key, value, first key")
def filled(cache_class, keys, values):
    """Append chunk by chunk.

    `lengths` is what len() says before and after each append; `first_key` what `key` was after the first, looked at
    again at the end.
    """
    cache = cache_class()
    lengths = [cache.__len__()]  # len() refuses the None of a stub
    if lengths[0] is None and not hasattr(cache, "key"):
        return None  # nothing is written yet
    first_key = None
    for key, value in zip(keys, values, strict=True):
        cache.append(key, value)
        lengths.append(cache.__len__())
        first_key = cache.key if first_key is None else first_key
    if None in lengths:
        raise TypeError("__len__ returns None: is its `return` missing?")
    return lengths, cache.key, cache.value, first_key


def chunks_case(name, lengths, heads=2, d=3, v=1, lead=(), dtype=np.float64, stage=""):
    """A case of the cache: chunks of the given lengths, (..., heads, n, d) and (..., heads, n, v)."""

    def make():
        rng = np.random.default_rng(sum(lengths) + d)
        draw = [
            tuple(np.round(rng.standard_normal((*lead, heads, n, width)), 1).astype(dtype) for n in lengths)
            for width in (d, v)
        ]
        return {"keys": draw[0], "values": draw[1]}

    return Case(name, make, stage)


kv_cache = lesson.code(
    KVCache,
    [
        chunks_case("one chunk of two tokens", [2]),
        chunks_case("three tokens, one after another", [1, 1, 1]),
        chunks_case("two tokens, then three", [2, 3]),
        chunks_case("values wider than keys", [3, 1], d=2, v=3),
        chunks_case("a square of everything", [2, 2], heads=2, d=2, v=2),
        chunks_case("a batch, one token at a time", [1, 1], heads=3, lead=(2,), d=2, stage="a batch"),
        chunks_case("a batch of two", [2, 1], heads=3, lead=(2,), d=2, stage="a batch"),
        chunks_case("a batch, two tokens each time", [2, 2, 2], heads=3, lead=(2,), d=2, stage="a batch"),
        chunks_case("two leading axes", [1, 4, 2], heads=3, lead=(2, 4), d=5, v=6, stage="a batch"),
        chunks_case("float32", [4, 1, 1], dtype=np.float32),
        chunks_case("twenty tokens, one after another", [1] * 20, d=4, v=2, stage="many tokens"),
        chunks_case("a long prompt, then one by one", [30, 1, 1, 1], d=4, v=2, stage="many tokens"),
    ],
    drive=filled,
)


class Joined:
    """A plain right cache, to be changed in one place by the wrong ones below."""

    def __init__(self):
        self.key = self.value = None

    def __len__(self):
        return 0 if self.key is None else self.key.shape[-2]

    def append(self, key, value):
        first = self.key is None
        self.key, self.value = (key, value) if first else (self.join(self.key, key), self.join(self.value, value))

    def join(self, old, new):
        return np.concatenate([old, new], axis=-2)


@kv_cache.mistake
class only_the_first_chunk_kept(Joined):
    def join(self, old, new):
        return old


@kv_cache.mistake
class only_the_last_chunk_kept(Joined):
    def join(self, old, new):
        return new


@kv_cache.mistake
class new_tokens_put_in_front(Joined):
    def join(self, old, new):
        return np.concatenate([new, old], axis=-2)


@kv_cache.mistake
class values_not_appended(Joined):
    def append(self, key, value):
        self.key = key if self.key is None else self.join(self.key, key)
        self.value = value if self.value is None else self.value


@kv_cache.mistake
class keys_and_values_swapped(Joined):
    def append(self, key, value):
        super().append(value, key)


@kv_cache.mistake
class keys_kept_as_values_too(Joined):
    def append(self, key, value):
        super().append(key, key)


@kv_cache.mistake
class joined_along_the_heads(Joined):
    def join(self, old, new):
        return np.concatenate([old, new], axis=-3)


@kv_cache.mistake
class joined_along_the_first_axis(Joined):
    def join(self, old, new):
        return np.concatenate([old, new], axis=0)


@kv_cache.mistake
class joined_along_the_width(Joined):
    def join(self, old, new):
        return np.concatenate([old, new], axis=-1)


@kv_cache.mistake
class token_axis_counted_from_the_front:
    def __init__(self):
        self.key = self.value = None

    def __len__(self):
        return 0 if self.key is None else self.key.shape[-2]

    def append(self, key, value):
        if self.key is not None:
            key = np.concatenate([self.key, key], axis=1)
            value = np.concatenate([self.value, value], axis=1)
        self.key, self.value = key, value


@kv_cache.mistake
class length_counts_the_appends(Joined):
    appends = 0

    def __len__(self):
        return self.appends

    def append(self, key, value):
        self.appends += 1
        super().append(key, value)


@kv_cache.mistake
class length_of_the_first_axis(Joined):
    def __len__(self):
        return 0 if self.key is None else len(self.key)


@kv_cache.mistake
class unused_room_handed_out_too(room_that_doubles):
    def append(self, key, value):
        super().append(key, value)
        for room in self.room.values():
            room[..., self.length :, :] = 0

    @property
    def key(self):
        return self.room["key"]

    @property
    def value(self):
        return self.room["value"]


@kv_cache.mistake
class old_tokens_not_copied_when_the_room_grows(room_that_doubles):
    def append(self, key, value):
        earlier, before = self.length, dict(self.room)
        super().append(key, value)
        for name, room in self.room.items():
            if name in before and room is not before[name]:
                room[..., :earlier, :] = 0


@kv_cache.mistake
class oldest_tokens_overwritten_when_the_room_is_full(Joined):
    def join(self, old, new):
        return np.concatenate([old, new], axis=-2)[..., -16:, :]


@kv_cache.mistake
class what_was_handed_out_is_moved(Joined):
    """The newest token stays at the end of the room, and the others move to make place."""

    def append(self, key, value):
        if self.key is None:
            self.rooms = [np.zeros((*new.shape[:-2], 64, new.shape[-1])) for new in (key, value)]
            self.length = 0
        n = key.shape[-2]
        self.length += n
        for room, new in zip(self.rooms, (key, value), strict=True):
            room[..., :-n, :] = room[..., n:, :].copy()
            room[..., -n:, :] = new
        self.key, self.value = (room[..., -self.length :, :] for room in self.rooms)


kv_cache.another_way(room_that_doubles)


@kv_cache.another_way
class chunks_joined_when_asked:
    def __init__(self):
        self.chunks = []

    def __len__(self):
        return sum(key.shape[-2] for key, _ in self.chunks)

    def append(self, key, value):
        self.chunks.append((key, value))

    @property
    def key(self):
        return np.concatenate([key for key, _ in self.chunks], axis=-2).tolist()

    @property
    def value(self):
        return np.concatenate([value for _, value in self.chunks], axis=-2).tolist()


@shaped("->(...,n,m),()", returns="output, length")
def in_chunks(attend, x, chunks, weights, n_heads):
    """Read x in chunks of these lengths, with one fresh cache.

    `output` holds the rows of all chunks, `length` is len(cache) at the end.
    """
    cache = KVCache()
    ends = np.cumsum(chunks)[:-1]
    parts = [attend(part, cache, weights, n_heads) for part in np.split(x, ends, axis=-2)]
    if all(part is None or part is ... for part in parts):
        return None
    try:
        return np.concatenate([np.asarray(part, dtype=float) for part in parts], axis=-2), len(cache)
    except (TypeError, ValueError):  # parts that do not join: the first of them tells why
        return parts[0], len(cache)


def attend_case(name, chunks, n_heads=2, m=4, lead=(), dtype=np.float64, magnitude=1.0, stage=""):
    """A case of cached attention: a text read in chunks of the given lengths."""
    small = m == 4
    drawn = case(
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

    return Case(name, make, stage)


attend = lesson.code(
    attend_with_cache,
    [
        attend_case("one token", [1]),
        attend_case("one chunk of three tokens", [3]),
        attend_case("three tokens, one after another", [1, 1, 1], stage="tokens one after another"),
        attend_case("a prompt of three, then a token", [3, 1], stage="a token behind a cache"),
        attend_case("two tokens, then two more", [2, 2], stage="a chunk behind a cache"),
        attend_case("one token, then a chunk of three", [1, 3], stage="a chunk behind a cache"),
        attend_case("three heads, chunks of all lengths", [4, 1, 2, 3], n_heads=3, m=12, stage="chunks of all lengths"),
        attend_case("four heads, a longer second chunk", [2, 5], n_heads=4, m=12, stage="a chunk behind a cache"),
        attend_case("one head", [2, 1, 2], n_heads=1),
        attend_case("a batch of two", [2, 2, 1], lead=(2,), stage="a batch"),
        attend_case("two leading axes", [1, 3, 2], n_heads=3, m=12, lead=(2, 4), stage="a batch"),
        attend_case("float32", [3, 1, 1], n_heads=3, m=12, dtype=np.float32),
        attend_case("scores in the thousands", [2, 3], n_heads=3, m=12, magnitude=60.0, stage="large scores"),
    ],
    drive=in_chunks,
)


def projected(x, weights, n_heads):
    """Query, key and value of the new tokens, in heads."""
    return [split_heads(x @ W, n_heads) for W in weights[:3]]


def finished(query, key, value, weights, mask=None, scale=None):
    return merge_heads(scaled_dot_product_attention(query, key, value, mask, scale)) @ weights.W_output


@attend.mistake
def cache_never_updated(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    return finished(query, key, value, weights, causal_mask(x.shape[-2]))


@attend.mistake
def only_the_new_tokens_attended_to(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, key, value, weights, causal_mask(x.shape[-2]))


@attend.mistake
def current_tokens_left_out(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    if len(cache) == 0:
        cache.append(key, value)
        return finished(query, key, value, weights, causal_mask(x.shape[-2]))
    output = finished(query, cache.key, cache.value, weights)
    cache.append(key, value)
    return output


@attend.mistake
def each_token_hidden_from_itself(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    earlier = np.tri(x.shape[-2], len(cache), len(cache) - x.shape[-2] - 1, dtype=bool)
    return finished(query, cache.key, cache.value, weights, earlier)


@attend.mistake
def no_mask_once_there_is_a_cache(x, cache, weights, n_heads):
    query, key, value = (split_heads(x @ W, n_heads) for W in weights[:3])
    cache.append(key, value)
    n, n_keys = x.shape[-2], len(cache)
    mask = causal_mask(n) if n_keys == n else None
    heads = scaled_dot_product_attention(query, cache.key, cache.value, mask)
    return merge_heads(heads) @ weights.W_output


@attend.mistake
def no_mask_at_all(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights)


@attend.mistake
def queries_taken_as_the_first_positions(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, np.tri(x.shape[-2], len(cache), dtype=bool))


@attend.mistake
def only_the_last_token_returned(x, cache, weights, n_heads):
    return attend_with_cache(x, cache, weights, n_heads)[..., -1:, :]


@attend.mistake
def new_tokens_appended_twice(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@attend.mistake
def one_wide_head(x, cache, weights, n_heads):
    return attend_with_cache(x, cache, weights, 1)


@attend.mistake
def split_without_the_transpose(x, cache, weights, n_heads):
    *leading, n, m = x.shape
    query, key, value = ((x @ W).reshape(*leading, n_heads, n, m // n_heads) for W in weights[:3])
    cache.append(key, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(n, len(cache)))


@attend.mistake
def scaled_by_the_model_width(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    mask = causal_mask(x.shape[-2], len(cache))
    return finished(query, cache.key, cache.value, weights, mask, 1 / math.sqrt(x.shape[-1]))


@attend.mistake
def no_output_projection(x, cache, weights, n_heads):
    query, key, value = projected(x, weights, n_heads)
    cache.append(key, value)
    mask = causal_mask(x.shape[-2], len(cache))
    return merge_heads(scaled_dot_product_attention(query, cache.key, cache.value, mask))


@attend.mistake
def queries_kept_instead_of_keys(x, cache, weights, n_heads):
    query, _, value = projected(x, weights, n_heads)
    cache.append(query, value)
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@attend.mistake
def inputs_kept_without_their_projections(x, cache, weights, n_heads):
    query, _, _ = projected(x, weights, n_heads)
    cache.append(split_heads(x, n_heads), split_heads(x, n_heads))
    return finished(query, cache.key, cache.value, weights, causal_mask(x.shape[-2], len(cache)))


@attend.mistake
def input_returned(x, cache, weights, n_heads):
    return x


@attend.another_way
def token_by_token(x, cache, weights, n_heads):
    rows = []
    for token in np.split(x, x.shape[-2], axis=-2):
        query, key, value = (split_heads(token @ W, n_heads) for W in weights[:3])
        cache.append(key, value)
        rows.append(merge_heads(scaled_dot_product_attention(query, cache.key, cache.value)))
    return np.concatenate(rows, axis=-2) @ weights.W_output


@attend.another_way
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


@attend.another_way
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


lesson.debug("fix_attention_flops", flops, weighted_sum_forgotten)
lesson.debug("fix_kv_cache", kv_cache, token_axis_counted_from_the_front)
lesson.debug("fix_attend_with_cache", attend, no_mask_once_there_is_a_cache)

LLAMA_2_7B_WEIGHTS = 6_738_415_616

lesson.numeric(
    "where-the-square-wins",
    lambda: 2 * 4096,
    powers_compared_without_their_factors=lambda: 4096,
    scores_without_the_sum=lambda: 4 * 4096,
)
lesson.numeric(
    "kv-bytes",
    lambda: kv_cache_bytes(32, 32, 128, tokens=1),
    eight_key_heads_as_in_Llama_3=lambda: kv_cache_bytes(32, 8, 128, tokens=1),
    keys_without_values=lambda: kv_cache_bytes(32, 32, 128, tokens=1) // 2,
    one_layer_only=lambda: kv_cache_bytes(1, 32, 128, tokens=1),
)
lesson.numeric(
    "texts-on-a-card",
    lambda: (80 * 10**9 - 2 * LLAMA_2_7B_WEIGHTS) // kv_cache_bytes(32, 32, 128, tokens=4096),
    tolerance=0,
    weights_forgotten=lambda: 80 * 10**9 // kv_cache_bytes(32, 32, 128, tokens=4096),
    one_byte_a_weight=lambda: (80 * 10**9 - LLAMA_2_7B_WEIGHTS) // kv_cache_bytes(32, 32, 128, tokens=4096),
    rounded_up=lambda: -(-(80 * 10**9 - 2 * LLAMA_2_7B_WEIGHTS) // kv_cache_bytes(32, 32, 128, tokens=4096)),
)
lesson.numeric(
    "tokens-a-second",
    lambda: 2.039e12 / 7.5e9,
    two_bytes_a_weight=lambda: 2.039e12 / (2 * 7.5e9),
    arithmetic_taken_for_the_limit=lambda: 312e12 / (2 * 7.5e9),
)
lesson.numeric(
    "tokens-to-the-ridge",
    lambda: 312 / 2.039,
    additions_forgotten=lambda: 2 * 312 / 2.039,
    one_byte_a_weight=lambda: 312 / 2.039 / 2,
)
lesson.predict(
    "twice-the-text",
    lambda: "more than twice, less than four times",
    only_the_projections_counted=lambda: "exactly twice",
    only_the_square_counted=lambda: "exactly four times",
)
lesson.predict(
    "what-stays-without-a-mask",
    lambda: "those of the first layer",
    the_causal_case=lambda: "those of all layers",
    first_layer_overlooked=lambda: "none",
)
lesson.predict(
    "decode-scores-shape",
    lambda: (2, 3, 1, 8),
    new_token_forgotten=lambda: (2, 3, 1, 7),
    all_queries_again=lambda: (2, 3, 8, 8),
    no_heads=lambda: (2, 1, 8),
)
lesson.explain(
    "why-keys-and-values",
    "cost-of-a-cached-step",
    "prefill-or-decode",
    "what-batching-changes",
    "chunked-prefill",
    "paged-cache",
)
