"""Linear attention chunk by chunk: a state for what is past, a square for what is near."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.masks import causal_mask
from attncore.recurrent import feature_map, linear_attention
from attncore.shapes import shaped


def read_part(query, key, value, memory, total):
    weights = query @ key.T
    weights = weights * causal_mask(len(query))
    share = weights.sum(axis=-1) + query @ total
    rows = (weights @ value + query @ memory) / share[:, None]
    return rows, memory + key.T @ value, total + key.sum(axis=0)


@shaped("(n,d),(n,d),(n,v)->(n,v),(d,v),(d)", returns="output, memory, total")
def fix_chunked_linear(query, key, value, size):
    """Run causal linear attention in chunks of `size` tokens: returns (output, memory, total).

    The features are elu + 1, and each row's weights sum to one. Inside a chunk the weights are
    formed as a square; what came before it is in the memory, the sum of feature_map(key) times value, and in the
    total, the sum of feature_map(key). The size of the chunks changes nothing. Katharopoulos et al. (2020).
    """
    query, key = feature_map(query), feature_map(key)
    memory, total = np.zeros((key.shape[1], value.shape[1])), np.zeros(key.shape[1])
    outputs = []
    for start in range(0, len(query), size):
        part = slice(start, start + size)
        rows, memory, total = read_part(query[part], key[part], value[part], memory, total)
        outputs.append(rows)
    return np.concatenate(outputs), memory, total


exercise = code(
    fix_chunked_linear,
    usual(size=2),
    case("one token", size=4, small=True, sizes={"n": 1}),
    case("one token a chunk", size=1, small=True),
    case("one chunk", size=8, small=True),
    case("equal chunks", size=3, sizes={"n": 9}),
    case("a chunk of one at the end", size=3, sizes={"n": 7}),
    case("values of one", size=3, small=True, value=lambda rng, s: np.ones((s.n, 2)), sizes={"v": 2}),
    case("large queries", size=2, magnitude=20.0),
    bug="hidden keys of the chunk count in the total weight",
)


def read_part_(query, key, value, memory, total):
    weights = query @ key.T
    share = weights.sum(axis=-1) + query @ total
    weights = weights * causal_mask(len(query))
    rows = (weights @ value + query @ memory) / share[:, None]
    return rows, memory + key.T @ value, total + key.sum(axis=0)


@exercise.mistake("hidden keys of the chunk count in the total weight")
def in_chunks(query, key, value, size):
    query, key = feature_map(query), feature_map(key)
    memory, total = np.zeros((key.shape[1], value.shape[1])), np.zeros(key.shape[1])
    outputs = []
    for start in range(0, len(query), size):
        part = slice(start, start + size)
        rows, memory, total = read_part_(query[part], key[part], value[part], memory, total)
        outputs.append(rows)
    return np.concatenate(outputs), memory, total


def with_weights(query, key, value, size, see, count=None):
    """All at once, with `see(i, j)` for what is above the line and `count(i, j)` for what is below it."""
    query, key = feature_map(query), feature_map(key)
    i = np.arange(len(query))[:, None]
    weights = query @ key.T
    share = np.sum(weights * (count or see)(i, i.T), axis=-1, keepdims=True)
    return weights * see(i, i.T) @ value / share, key.T @ value, key.sum(axis=0)


@exercise.mistake("no mask inside a chunk")
def chunk_seen_whole(query, key, value, size):
    return with_weights(query, key, value, size, lambda i, j: j // size <= i // size)


@exercise.mistake("the total weight counts the chunk alone")
def chunk_alone_below(query, key, value, size):
    return with_weights(query, key, value, size, lambda i, j: j <= i, lambda i, j: (j <= i) & (j // size == i // size))


@exercise.mistake("the total weight counts the past alone")
def past_alone_below(query, key, value, size):
    return with_weights(
        query, key, value, size, lambda i, j: j <= i, lambda i, j: (j // size < i // size) | (i // size == 0) & (j <= i)
    )


@exercise.mistake("the token itself is hidden")
def without_itself(query, key, value, size):
    return with_weights(query, key, value, size, lambda i, j: (j < i) | (i + j == 0))


@exercise.mistake("the memory is updated before it is read")
def updated_first(query, key, value, size):
    return with_weights(query, key, value, size, lambda i, j: (j <= i) * 1 + (j // size == i // size))


@exercise.mistake("chunk and past divided each by a sum of its own")
def each_by_its_own_sum(query, key, value, size):
    query, key = feature_map(query), feature_map(key)
    weights, i = query @ key.T, np.arange(len(query))
    near = weights * ((i <= i[:, None]) & (i // size == i[:, None] // size))
    far = weights * (i // size < i[:, None] // size)
    past = far.sum(axis=-1, keepdims=True)
    rows = near @ value / near.sum(axis=-1, keepdims=True) + far @ value / np.where(past == 0, 1, past)
    return rows, key.T @ value, key.sum(axis=0)


@exercise.mistake("not divided at all")
def not_divided(query, key, value, size):
    query, key = feature_map(query), feature_map(key)
    return np.tril(query @ key.T) @ value, key.T @ value, key.sum(axis=0)


@exercise.another_way
def token_by_token(query, key, value, size):
    query, key = feature_map(query), feature_map(key)
    memory, total = np.cumsum(key[:, :, None] * value[:, None], axis=0), np.cumsum(key, axis=0)
    rows = np.einsum("nd,ndv->nv", query, memory) / np.sum(query * total, axis=-1, keepdims=True)
    return rows, memory[-1], total[-1]


@exercise.another_way
def all_at_once(query, key, value, size):
    features = feature_map(key)
    return linear_attention(query, key, value), features.T @ value, features.sum(axis=0)
