"""The same state, a chunk at a time: a square for what is near, the state for what is past."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.recurrent.cases import FORGETS, WITH_A_ZERO, between, usual_with
from attncore.recurrent import chunked_decay_attention, decay_attention, decay_mask

exercise = code(
    chunked_decay_attention,
    *usual_with("decay", chunk=2),
    case("equal chunks", small=True, sizes={"n": 6}, chunk=3, decay=between()),
    case("a chunk of one at the end", sizes={"n": 7}, chunk=3, decay=between()),
    case("one token a chunk", small=True, chunk=1, decay=between()),
    case("one chunk", small=True, chunk=3, decay=between()),
    case("many chunks", sizes={"n": 17}, chunk=4, decay=between()),
    case("a decay of 1 everywhere", small=True, sizes={"n": 6}, chunk=2, decay=lambda rng, s: np.ones(s.n)),
    case(
        "a chunk longer than the sequence",
        small=True,
        chunk=50,
        decay=between(),
        promise="A chunk may be longer than the sequence.",
    ),
    case("a decay of 0 inside a chunk", small=True, sizes={"n": 5}, chunk=3, promise=FORGETS, **WITH_A_ZERO),
    case("no chunk at all", small=True, chunk=0, decay=between(), promise="Raises ValueError for a chunk below 1."),
)


def near_and_far(query, key, value, decay, chunk, near, far):
    """All at once: `near` is what weighs a pair of one chunk, `far` what weighs a pair of two, each (..., n, n)."""
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    i = np.arange(decay.shape[-1])
    same = i[:, None] // chunk == i // chunk
    left = np.where(same, near, far) * np.tri(len(i))
    return (query @ np.swapaxes(key, -1, -2) * left) @ value


def starts(decay, chunk):
    """For each token the first token of its chunk."""
    return np.arange(decay.shape[-1]) // chunk * chunk


def without(decay, which):
    """The decay mask with some tokens' decays replaced by 1."""
    return decay_mask(np.where(which, 1, decay))


def recurred(query, key, value, decay, chunk, carry, since=None, inside=None):
    """Chunk by chunk: `carry(state, new, d)` gives the next state, `since(d)` what each token finds left of it."""
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    rows, state = [], np.zeros((key.shape[-1], value.shape[-1]))
    for start in range(0, decay.shape[-1], chunk):
        q, k, v = (x[..., start : start + chunk, :] for x in (query, key, value))
        d = decay[..., start : start + chunk]
        left = inside(decay_mask(d)) if inside else decay_mask(d)
        found = since(d) if since else np.cumprod(d, axis=-1)
        rows.append((q @ np.swapaxes(k, -1, -2) * left) @ v + found[..., None] * (q @ state))
        state = carry(state, np.swapaxes(left[..., -1, :, None] * k, -1, -2) @ v, d)
    return np.concatenate(rows, axis=-2)


def faded(state, new, d):
    """The state after a chunk, as it should be."""
    return np.prod(d, axis=-1)[..., None, None] * state + new


@exercise.mistake("the decay inside a chunk is forgotten")
def no_decay_inside(query, key, value, decay, chunk):
    left = decay_mask(decay)
    return near_and_far(query, key, value, decay, chunk, np.ones_like(left), left)


@exercise.mistake("the state is carried undecayed between chunks")
def carried_undecayed(query, key, value, decay, chunk):
    """What is left of a chunk at its end, and since the start of this chunk: the chunks between don't count."""
    n = decay.shape[-1]
    far = np.zeros((*decay.shape, n))
    for i in range(n):
        for j in range(max(i // chunk, 0) * chunk if chunk > 0 else 0):
            end = (j // chunk + 1) * chunk
            kept = np.prod(decay[..., j + 1 : end], axis=-1)
            far[..., i, j] = kept * np.prod(decay[..., i // chunk * chunk : i + 1], axis=-1)
    return near_and_far(query, key, value, decay, chunk, decay_mask(decay), far)


@exercise.mistake("the state is read as if nothing had faded since the chunk began")
def read_undecayed(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    left, start = decay_mask(decay), starts(decay, chunk)
    far = np.take(left, np.maximum(start - 1, 0), axis=-2)
    return near_and_far(query, key, value, decay, chunk, left, far)


@exercise.mistake("the token's own decay is missing on the state")
def own_decay_missing(query, key, value, decay, chunk):
    left, before = decay_mask(decay), np.maximum(np.arange(decay.shape[-1]) - 1, 0)
    return near_and_far(query, key, value, decay, chunk, left, np.take(left, before, axis=-2))


@exercise.mistake("the first decay of a chunk does not reach the state")
def first_decay_lost(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    first = np.arange(decay.shape[-1]) % chunk == 0
    return near_and_far(query, key, value, decay, chunk, decay_mask(decay), without(decay, first))


@exercise.mistake("keys are put into the state without their decay")
def written_undecayed(query, key, value, decay, chunk):
    n = decay.shape[-1]
    far = np.zeros((*decay.shape, n))
    for i in range(n):
        for j in range(i // chunk * chunk if chunk > 0 else 0):
            end = (j // chunk + 1) * chunk
            far[..., i, j] = np.prod(decay[..., end : i + 1], axis=-1)
    return near_and_far(query, key, value, decay, chunk, decay_mask(decay), far)


@exercise.mistake("each chunk starts with an empty state")
def each_alone(query, key, value, decay, chunk):
    return near_and_far(query, key, value, decay, chunk, decay_mask(decay), np.zeros((*decay.shape, decay.shape[-1])))


@exercise.mistake("only the chunk before is remembered")
def one_chunk_back(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    left, i = decay_mask(decay), np.arange(decay.shape[-1])
    return near_and_far(query, key, value, decay, chunk, left, left * (i[:, None] // chunk - i // chunk == 1))


@exercise.mistake("what is inside a chunk is left out")
def only_the_past(query, key, value, decay, chunk):
    return near_and_far(query, key, value, decay, chunk, np.zeros((*decay.shape, decay.shape[-1])), decay_mask(decay))


@exercise.mistake("the state is updated before it is read")
def updated_first(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    rows, state = [], np.zeros((key.shape[-1], value.shape[-1]))
    for start in range(0, decay.shape[-1], chunk):
        q, k, v = (x[..., start : start + chunk, :] for x in (query, key, value))
        left = decay_mask(decay[..., start : start + chunk])
        since = np.cumprod(decay[..., start : start + chunk], axis=-1)[..., None]
        state = since[..., -1:, :] * state + np.swapaxes(left[..., -1, :, None] * k, -1, -2) @ v
        rows.append((q @ np.swapaxes(k, -1, -2) * left) @ v + since * (q @ state))
    return np.concatenate(rows, axis=-2)


@exercise.mistake("not causal inside a chunk")
def sees_the_chunk(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    left, i = decay_mask(decay), np.arange(decay.shape[-1])
    ahead = np.swapaxes(np.tril(left, -1), -1, -2) * (i[:, None] // chunk == i // chunk)
    return (query @ np.swapaxes(key, -1, -2) * (left + ahead)) @ value


@exercise.mistake("the token's own pair has faded")
def own_pair_faded(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    return decay_attention(query, key, decay[..., None] * value, decay)


@exercise.mistake("the decay is ignored")
def no_decay(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    return decay_attention(query, key, value, np.ones_like(decay))


@exercise.mistake("the last, shorter chunk is dropped")
def tail_dropped(query, key, value, decay, chunk):
    whole = decay.shape[-1] // chunk * chunk
    out = decay_attention(query, key, value, decay)
    out[..., whole:, :] = 0
    return out


@exercise.mistake("the decays are divided by each other, and 0 by 0 is NaN")
def by_ratios(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    since = np.cumprod(decay, axis=-1)
    left = np.tril(since[..., :, None] / since[..., None, :])
    return (query @ np.swapaxes(key, -1, -2) * left) @ value


@exercise.mistake("a chunk of 0 is taken for some other one")
def any_chunk(query, key, value, decay, chunk):
    return decay_attention(query, key, value, decay)


@exercise.mistake("every token of a chunk finds the state faded by the whole chunk")
def faded_by_the_whole_chunk(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    left = decay_mask(decay)
    ends = np.minimum(starts(decay, chunk) + chunk, decay.shape[-1]) - 1
    return near_and_far(query, key, value, decay, chunk, left, np.take(left, ends, axis=-2))


@exercise.mistake("keys go into the state faded from the chunk's start, not to its end")
def faded_from_the_start(query, key, value, decay, chunk):
    n = decay.shape[-1]
    far = np.zeros((*decay.shape, n))
    for i in range(n):
        for j in range(i // chunk * chunk if chunk > 0 else 0):
            start, end = j // chunk * chunk, (j // chunk + 1) * chunk
            far[..., i, j] = np.prod(decay[..., start : j + 1], axis=-1) * np.prod(decay[..., end : i + 1], axis=-1)
    return near_and_far(query, key, value, decay, chunk, decay_mask(decay), far)


@exercise.mistake("the decay inside a chunk is forgotten")
def no_decay_inside_nor_to_its_end(query, key, value, decay, chunk):
    return recurred(query, key, value, decay, chunk, faded, inside=lambda left: np.tril(np.ones_like(left)))


@exercise.mistake("the state fades between chunks by the last decay alone")
def last_decay_alone(query, key, value, decay, chunk):
    return recurred(query, key, value, decay, chunk, lambda state, new, d: d[..., -1, None, None] * state + new)


@exercise.mistake("what the chunk wrote fades by the whole chunk as well")
def new_keys_fade_twice(query, key, value, decay, chunk):
    def carry(state, new, d):
        return np.prod(d, axis=-1)[..., None, None] * (state + new)

    return recurred(query, key, value, decay, chunk, carry)


@exercise.mistake("each token finds the state faded by its own decay alone")
def own_decay_alone(query, key, value, decay, chunk):
    return recurred(query, key, value, decay, chunk, faded, since=lambda d: d)


@exercise.mistake("the token itself is left out of its chunk")
def itself_left_out(query, key, value, decay, chunk):
    left = decay_mask(decay)
    return near_and_far(query, key, value, decay, chunk, np.tril(left, -1), left)


@exercise.mistake("the token itself is left out of its chunk")
def itself_left_out_of_the_state_too(query, key, value, decay, chunk):
    return recurred(query, key, value, decay, chunk, faded, inside=lambda left: np.tril(left, -1))


@exercise.mistake("not causal inside a chunk")
def ones_ahead(query, key, value, decay, chunk):
    return recurred(query, key, value, decay, chunk, faded, inside=lambda left: left + np.triu(np.ones_like(left), 1))


@exercise.mistake("one decay for the whole chunk, its first")
def first_decay_of_the_chunk(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk}")
    return decay_attention(query, key, value, decay[..., starts(decay, chunk)])


@exercise.mistake("the last, shorter chunk is dropped")
def tail_cut_off(query, key, value, decay, chunk):
    whole = decay.shape[-1] // chunk * chunk
    return decay_attention(query, key, value, decay)[..., :whole, :]


@exercise.mistake("the token's own decay counts twice on the state")
def own_decay_twice(query, key, value, decay, chunk):
    return recurred(query, key, value, decay, chunk, faded, since=lambda d: np.cumprod(d, axis=-1) * d)


@exercise.another_way
def all_states_first(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError("at least one token a chunk")
    cuts = range(0, decay.shape[-1], chunk)
    state, states = np.zeros((key.shape[-1], value.shape[-1])), []
    for start in cuts:
        states.append(state)
        k, v, d = (
            key[..., start : start + chunk, :],
            value[..., start : start + chunk, :],
            decay[..., start : start + chunk],
        )
        after = np.concatenate([np.cumprod(d[..., :0:-1], axis=-1)[..., ::-1], np.ones_like(d[..., :1])], axis=-1)
        state = np.prod(d, axis=-1)[..., None, None] * state + np.einsum("...nd,...n,...nv->...dv", k, after, v)
    rows = []
    for start, state in zip(cuts, states, strict=True):
        q, k, v = (x[..., start : start + chunk, :] for x in (query, key, value))
        d = decay[..., start : start + chunk]
        steps = np.where(np.tri(d.shape[-1], k=-1, dtype=bool), d[..., None], 1)
        left, since = np.tril(np.cumprod(steps, axis=-2)), np.cumprod(d, axis=-1)
        rows.append(np.einsum("...nd,...dv,...n->...nv", q, state, since) + (q @ np.swapaxes(k, -1, -2) * left) @ v)
    return np.concatenate(rows, axis=-2)


@exercise.another_way
def as_one_square(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError("at least one token a chunk")
    steps = np.where(np.tri(decay.shape[-1], k=-1, dtype=bool), decay[..., None], 1)
    return (query @ np.swapaxes(key, -1, -2) * np.tril(np.cumprod(steps, axis=-2))) @ value


@exercise.another_way
def token_by_token_inside(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError("at least one token a chunk")
    rows, state = [], np.zeros((key.shape[-1], value.shape[-1]))
    for start in range(0, decay.shape[-1], chunk):
        for i in range(start, min(start + chunk, decay.shape[-1])):
            state = decay[..., i, None, None] * state + key[..., i, :, None] * value[..., i, None, :]
            rows.append(np.sum(query[..., i, :, None] * state, axis=-2))
    return np.stack(rows, axis=-2)
