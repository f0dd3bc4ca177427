"""Lesson 16: attention with a state that doesn't grow: linear attention, decay, and the delta rule."""

import numpy as np

from attncore.masks import causal_mask
from attncore.shapes import shaped


def feature_map(x):
    """elu(x) + 1: positive, and smooth enough to learn; Katharopoulos et al. (2020)."""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v)")
def linear_attention(query, key, value, causal=True):
    """Attend with a product of features in place of the exponential of a product.

    The weight of a key is feature_map(query) . feature_map(key), with elu + 1, divided by the sum
    over the keys that are seen; no scale. With causal=True and fewer queries than keys, the
    queries are the last positions. However small the features are, the weights of a row sum to
    one. A query whose weights are all zero gets zeros, never NaN. Katharopoulos et al. (2020).
    """
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@shaped("(...,n,d),(...,n,d),(...,n,v)->(...,n,v)")
def linear_attention_recurrent(query, key, value):
    """Do the same, causal, token by token, with a state whose size does not grow.

    The state is a matrix (d, v), the sum of feature_map(key) times value, and a vector (d), the
    sum of feature_map(key). Equal to `linear_attention`. However small the features are, the
    weights of a row sum to one. A query whose weights are all zero gets zeros, never NaN.
    Katharopoulos et al. (2020).
    """
    query, key = feature_map(query), feature_map(key)
    memory = total = 0
    rows = []
    for i in range(query.shape[-2]):
        memory = memory + key[..., i, :, None] * value[..., i, None, :]
        total = total + key[..., i, :]
        asked = query[..., i, None, :]
        share = asked @ total[..., None]
        rows.append(asked @ memory / np.where(share == 0, 1, share))
    return np.concatenate(rows, axis=-2)


def no_memory(key, value):
    """The state before the first token: zeros (d, v), one for each leading axis by broadcasting."""
    return np.zeros((key.shape[-1], value.shape[-1]), key.dtype)


@shaped("(...,n,d),(...,n,d),(...,n,v),(...,n)->(...,n,v)")
def decay_attention(query, key, value, decay):
    """Attend by a state that fades: each token adds its key times its value, then asks with its query.

    The state is a matrix (d, v), zeros at first. At every token it is multiplied by the token's
    decay, takes in the token's own key and value, and then answers the token's query. Queries
    and keys are taken as they are: no feature map, no scale, no division. A decay of 1 gives
    the plain sum. A decay of 0 forgets all that came before. Sun et al. (2023); Dao and Gu
    (2024).
    """
    state, rows = no_memory(key, value), []
    for i in range(query.shape[-2]):
        state = decay[..., i, None, None] * state + key[..., i, :, None] * value[..., i, None, :]
        rows.append(query[..., i, None, :] @ state)
    return np.concatenate(rows, axis=-2)


@shaped("(...,n,d),(...,n,d),(...,n,v),(...,n)->(...,n,v)")
def delta_rule(query, key, value, beta):
    """Attend by a state that overwrites: each token writes only what the state gets wrong.

    The state is a matrix (d, v), zeros at first. Each token asks it with its key, and its key
    times the difference between its value and the answer goes into the state, multiplied by the
    token's beta. Then the state answers the token's query. Queries and keys are taken as they
    are, whatever their length. A token with a beta of 0 writes nothing. Schlag et al. (2021);
    Yang et al. (2024a).
    """
    state, rows = no_memory(key, value), []
    for i in range(query.shape[-2]):
        error = value[..., i, None, :] - key[..., i, None, :] @ state
        state = state + beta[..., i, None, None] * key[..., i, :, None] * error
        rows.append(query[..., i, None, :] @ state)
    return np.concatenate(rows, axis=-2)


@shaped("(...,n,d),(...,n,d),(...,n,v),(...,n),(...,n)->(...,n,v)")
def gated_delta_rule(query, key, value, beta, decay):
    """Attend by a state that fades and overwrites: the delta rule, on what the decay has left.

    At every token the state, a matrix (d, v) of zeros at first, is multiplied by the token's
    decay. Then the token asks it with its key, and its key times the difference between its
    value and the answer goes into the state, multiplied by the token's beta. Then the state
    answers the token's query. Queries and keys are taken as they are. A decay of 1 gives the
    delta rule. A decay of 0 forgets all that came before. Yang et al. (2024b).
    """
    state, rows = no_memory(key, value), []
    for i in range(query.shape[-2]):
        state = decay[..., i, None, None] * state
        error = value[..., i, None, :] - key[..., i, None, :] @ state
        state = state + beta[..., i, None, None] * key[..., i, :, None] * error
        rows.append(query[..., i, None, :] @ state)
    return np.concatenate(rows, axis=-2)


def decay_mask(decay):
    """What is left at token i of what token j wrote, (..., n, n): the decays after j, up to i, multiplied."""
    steps = np.where(np.tri(decay.shape[-1], k=-1, dtype=bool), decay[..., None], 1)
    return np.tril(np.cumprod(steps, axis=-2))


@shaped("(...,n,d),(...,n,d),(...,n,v),(...,n)->(...,n,v)")
def chunked_decay_attention(query, key, value, decay, chunk):
    """Do the same as `decay_attention`, a chunk of tokens at a time.

    Inside a chunk the weights are formed as a square under a causal mask; what came before the
    chunk is in the state. `chunk` is the number of tokens in a chunk; the last may be shorter.
    The size of the chunks changes nothing. A chunk may be longer than the sequence. A decay of
    0 forgets all that came before. Raises ValueError for a chunk below 1. Sun et al. (2023);
    Dao and Gu (2024).
    """
    if chunk < 1:
        raise ValueError(f"chunked_decay_attention: chunk is {chunk}, expected at least 1")
    state, rows = no_memory(key, value), []
    for start in range(0, query.shape[-2], chunk):
        part = slice(start, start + chunk)
        q, k, v = query[..., part, :], key[..., part, :], value[..., part, :]
        left = decay_mask(decay[..., part])
        since = np.cumprod(decay[..., part], axis=-1)[..., None]  # what each token finds left of the state
        rows.append((q @ np.swapaxes(k, -1, -2) * left) @ v + since * (q @ state))
        kept = left[..., -1, :, None] * k
        state = since[..., -1:, :] * state + np.swapaxes(kept, -1, -2) @ v
    return np.concatenate(rows, axis=-2)
