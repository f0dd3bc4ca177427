"""A cache of keys and values."""

import numpy as np

from attncore.cache import KVCache
from attncore.exercises.drivers import filled
from attncore.exercises.exercise import Case, code
from attncore.exercises.fixtures import PlainCache


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


CONTINUES = "Raises ValueError where new tokens do not continue what is held."


def chunks_case(name, lengths, heads=2, d=3, v=1, lead=(), dtype=np.float64, last=slice(None), promise=""):
    """A case of the cache: chunks of the given lengths, (..., heads, n, d) and (..., heads, n, v).

    Of the last chunk only the `last` part is given.
    """

    def make():
        rng = np.random.default_rng(sum(lengths) + d)
        draw = [
            tuple(np.round(rng.standard_normal((*lead, heads, n, width)), 1).astype(dtype) for n in lengths)
            for width in (d, v)
        ]
        keys, values = ((*chunks[:-1], chunks[-1][last]) for chunks in draw)
        return {"keys": keys, "values": values}

    return Case(name, make, promise)


exercise = code(
    KVCache,
    chunks_case("one chunk of two tokens", [2]),
    chunks_case("three tokens, one after another", [1, 1, 1]),
    chunks_case("two tokens, then three", [2, 3]),
    chunks_case("values wider than keys", [3, 1], d=2, v=3),
    chunks_case("a square of everything", [2, 2], heads=2, d=2, v=2),
    chunks_case("a batch, one token at a time", [1, 1], heads=3, lead=(2,), d=2),
    chunks_case("a batch of two", [2, 1], heads=3, lead=(2,), d=2),
    chunks_case("a batch, two tokens each time", [2, 2, 2], heads=3, lead=(2,), d=2),
    chunks_case("two leading axes", [1, 4, 2], heads=3, lead=(2, 4), d=5, v=6),
    chunks_case("float32", [4, 1, 1], dtype=np.float32),
    chunks_case("twenty tokens, one after another", [1] * 20, d=4, v=2),
    chunks_case("a long prompt, then one by one", [30, 1, 1, 1], d=4, v=2),
    chunks_case("a token with another width", [2, 1], last=(..., slice(2)), v=3, promise=CONTINUES),
    chunks_case("a token with fewer heads", [2, 1], heads=3, last=(slice(2),), promise=CONTINUES),
    drive=filled,
)


@exercise.mistake("only the first chunk is kept")
class only_the_first_chunk_kept(PlainCache):
    def join(self, old, new):
        return old


@exercise.mistake("only the last chunk is kept")
class only_the_last_chunk_kept(PlainCache):
    def join(self, old, new):
        return new


@exercise.mistake("new tokens are put in front of the old ones")
class new_tokens_put_in_front(PlainCache):
    def join(self, old, new):
        return np.concatenate([new, old], axis=-2)


@exercise.mistake("the values are not appended")
class values_not_appended(PlainCache):
    def append(self, key, value):
        self.key = key if self.key is None else self.join(self.key, key)
        self.value = value if self.value is None else self.value


@exercise.mistake("keys and values swapped")
class keys_and_values_swapped(PlainCache):
    def append(self, key, value):
        super().append(value, key)


@exercise.mistake("the keys are kept as values too")
class keys_kept_as_values_too(PlainCache):
    def append(self, key, value):
        super().append(key, key)


@exercise.mistake("joined along the heads instead of the tokens")
class joined_along_the_heads(PlainCache):
    def join(self, old, new):
        return np.concatenate([old, new], axis=-3)


@exercise.mistake("joined along the first axis instead of the tokens")
class joined_along_the_first_axis(PlainCache):
    def join(self, old, new):
        return np.concatenate([old, new], axis=0)


@exercise.mistake("joined along the width instead of the tokens")
class joined_along_the_width(PlainCache):
    def join(self, old, new):
        return np.concatenate([old, new], axis=-1)


@exercise.mistake("the token axis is counted from the front")
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


@exercise.mistake("len() counts the appends, not the tokens")
class length_counts_the_appends(PlainCache):
    appends = 0

    def __len__(self):
        return self.appends

    def append(self, key, value):
        self.appends += 1
        super().append(key, value)


@exercise.mistake("len() counts the first axis")
class length_of_the_first_axis(PlainCache):
    def __len__(self):
        return 0 if self.key is None else len(self.key)


@exercise.mistake("len() counts the width")
class length_of_the_last_axis(PlainCache):
    def __len__(self):
        return 0 if self.key is None else self.key.shape[-1]


@exercise.mistake("len() counts the second axis from the front")
class length_of_the_second_axis(PlainCache):
    def __len__(self):
        return 0 if self.key is None else self.key.shape[1]


@exercise.mistake("len() counts all numbers")
class length_of_all_numbers(PlainCache):
    def __len__(self):
        return 0 if self.key is None else self.key.size


@exercise.mistake("len() of an empty cache raises an error")
class no_length_before_the_first_token(PlainCache):
    def __len__(self):
        return self.key.shape[-2]


@exercise.mistake("len() of an empty cache raises an error")
class no_length_of_none(PlainCache):
    def __len__(self):
        return len(self.key[0])


@exercise.mistake("new tokens are appended twice")
class new_tokens_appended_twice(PlainCache):
    def append(self, key, value):
        super().append(key, value)
        super().append(key, value)


@exercise.mistake("chunks are kept as a list, never joined")
class chunks_kept_as_a_list:
    def __init__(self):
        self.key, self.value = [], []

    def __len__(self):
        return len(self.key)

    def append(self, key, value):
        self.key.append(key)
        self.value.append(value)


@exercise.mistake("the unused room is handed out too")
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


@exercise.mistake("old tokens are lost when the room grows")
class old_tokens_not_copied_when_the_room_grows(room_that_doubles):
    def append(self, key, value):
        earlier, before = self.length, dict(self.room)
        super().append(key, value)
        for name, room in self.room.items():
            if name in before and room is not before[name]:
                room[..., :earlier, :] = 0


@exercise.mistake("the oldest tokens are overwritten when the room is full")
class oldest_tokens_overwritten_when_the_room_is_full(PlainCache):
    def join(self, old, new):
        return np.concatenate([old, new], axis=-2)[..., -16:, :]


@exercise.mistake("what was handed out earlier changes")
class what_was_handed_out_is_moved(PlainCache):
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


exercise.another_way(room_that_doubles)


@exercise.another_way
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
