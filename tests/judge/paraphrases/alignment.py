"""Paraphrases for lesson 03."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("align", "scores divided by their sum")
def proportional_shares(scores, memory):
    shares = scores / np.sum(scores, axis=-1, keepdims=True)
    return np.einsum("...k,...km->...m", shares, memory)


@paraphrase("align", "softmax over the first axis")
def softmax_along_axis_zero(scores, memory):
    peak = np.max(scores, axis=0)
    e = np.exp(scores - np.where(np.isneginf(peak), 0, peak))
    total = np.sum(e, axis=0)
    alpha = e / np.where(total == 0, 1, total)
    return np.sum(alpha[..., np.newaxis] * memory, axis=-2)


@paraphrase("align", "only the best state")
def state_with_the_top_score(scores, memory):
    lead = np.broadcast_shapes(scores.shape[:-1], memory.shape[:-2])
    best = np.broadcast_to(scores.argmax(-1), lead)
    memory = np.broadcast_to(memory, lead + memory.shape[-2:])
    return np.take_along_axis(memory, best[..., None, None], axis=-2)[..., 0, :]


@paraphrase("align", "mean instead of sum")
def mean_of_weighted_states(scores, memory):
    peak = scores.max(-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isneginf(peak), 0, peak))
    total = weights.sum(-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    return np.mean([weights[..., j, None] * memory[..., j, :] for j in range(memory.shape[-2])], axis=0)


@paraphrase("align", "weights of each sentence on every memory")
def plain_matrix_product(scores, memory):
    top = np.max(scores, axis=-1, keepdims=True)
    unnormalised = np.exp(scores - np.where(top == -np.inf, 0, top))
    norm = np.sum(unnormalised, axis=-1, keepdims=True)
    return np.matmul(unnormalised / np.where(norm == 0, 1, norm), memory)


@paraphrase("align", "large scores overflow")
def weighted_average_of_exponentials(scores, memory):
    heights = np.exp(scores)
    numerator = np.einsum("...k,...km->...m", heights, memory)
    denominator = np.einsum("...k->...", heights)[..., None]
    return numerator / np.where(denominator == 0, 1, denominator)


@paraphrase("additive_scores", "product instead of sum")
def gated_hidden_units(state, memory, W_state, W_memory, v):
    a = np.einsum("as,...s->...a", W_state, state)
    b = np.einsum("am,...km->...ka", W_memory, memory)
    return np.einsum("a,...ka->...k", v, np.tanh(a[..., None, :] * b))


@paraphrase("additive_scores", "tanh of each term before the sum")
def two_activations(state, memory, W_state, W_memory, v):
    from_state = np.tanh(state @ np.transpose(W_state))
    from_memory = np.tanh(memory @ np.transpose(W_memory))
    return (np.expand_dims(from_state, -2) + from_memory) @ v


@paraphrase("additive_scores", "tanh around the finished score")
def squashed_linear_score(state, memory, W_state, W_memory, v):
    def score_one(memory_row):
        pre = state @ W_state.T + memory_row @ W_memory.T
        return np.tanh(np.dot(pre, v))

    return np.stack([score_one(memory[..., j, :]) for j in range(memory.shape[-2])], axis=-1)


@paraphrase("additive_scores", "sigmoid instead of tanh")
def logistic_units(state, memory, W_state, W_memory, v):
    def activation(z):
        return 1 / (1 + np.exp(-z))

    projected_state = np.einsum("...s,as->...a", state, W_state)[..., None, :]
    projected_memory = np.tensordot(memory, W_memory, axes=(-1, 1))
    return np.tensordot(activation(projected_state + projected_memory), v, axes=(-1, 0))


@paraphrase("additive_scores", "hidden units added without v")
def sum_of_tanh(state, memory, W_state, W_memory, v):
    hidden = np.tanh(np.einsum("...s,as->...a", state, W_state)[..., None, :] + np.einsum("...m,am", memory, W_memory))
    return hidden.sum(axis=-1)


@paraphrase("additive_scores", "batch lined up with the memory")
def no_axis_for_the_keys(state, memory, W_state, W_memory, v):
    query_part = np.inner(state, W_state)
    key_part = np.inner(memory, W_memory)
    return np.inner(np.tanh(query_part + key_part), v)


@paraphrase("dot_scores", "cosine instead of dot product")
def unit_vectors_first(state, memory):
    def normalise(x):
        length = np.linalg.norm(x, axis=-1, keepdims=True)
        return x / np.where(length == 0, 1, length)

    return np.einsum("...m,...km->...k", normalise(state), normalise(memory))


@paraphrase("dot_scores", "distance instead of dot product")
def euclidean_gap(state, memory):
    gap = memory - state[..., None, :]
    return np.sqrt(np.einsum("...m,...m->...", gap, gap))


@paraphrase("dot_scores", "an axis of length one left in")
def column_of_scores(state, memory):
    return np.einsum("...km,...mo->...ko", memory, state[..., :, None])


@paraphrase("dot_scores", "divided by the square root of the width")
def scaled_by_habit(state, memory):
    d_k = state.shape[-1]
    return (state[..., None, :] * memory).sum(-1) * d_k**-0.5


@paraphrase("general_scores", "W transposed")
def bilinear_form_turned_over(state, memory, W):
    return np.einsum("...i,ji,...kj->...k", state, W, memory)


@paraphrase("general_scores", "tanh around the finished score")
def bounded_bilinear_score(state, memory, W):
    def one_sentence(s, states):
        return np.tanh([s @ W @ m for m in states])

    return np.vectorize(one_sentence, signature="(s),(k,m)->(k)")(state, memory)


@paraphrase("general_scores", "softmax already applied")
def probabilities_of_the_bilinear_form(state, memory, W):
    energy = np.einsum("...s,sm,...km->...k", state, W, memory)
    e = np.exp(energy - energy.max(axis=-1)[..., None])
    return e / e.sum(axis=-1)[..., None]


@paraphrase("concat_scores", "memory first")
def memory_then_state(state, memory, W, v):
    lead = np.broadcast_shapes(state.shape[:-1], memory.shape[:-2])
    n_keys = memory.shape[-2]
    repeated = np.broadcast_to(state[..., None, :], (*lead, n_keys, state.shape[-1]))
    memory = np.broadcast_to(memory, (*lead, *memory.shape[-2:]))
    return np.tanh(np.concatenate([memory, repeated], axis=-1) @ W.T) @ v


@paraphrase("concat_scores", "no tanh")
def two_linear_layers(state, memory, W, v):
    collapsed = v @ W
    s = state.shape[-1]
    return np.sum(state * collapsed[:s], axis=-1, keepdims=True) + np.sum(memory * collapsed[s:], axis=-1)


@paraphrase("concat_scores", "tanh before W")
def activation_on_the_joined_vector(state, memory, W, v):
    scores = []
    for j in range(memory.shape[-2]):
        key = memory[..., j, :]
        lead = np.broadcast_shapes(state.shape[:-1], key.shape[:-1])
        pair = np.concatenate(
            [np.broadcast_to(state, lead + state.shape[-1:]), np.broadcast_to(key, lead + key.shape[-1:])], axis=-1
        )
        scores.append(np.einsum("a,ai,...i->...", v, W, np.tanh(pair)))
    return np.stack(scores, axis=-1)


@paraphrase("concat_scores", "state part of W never used")
def last_columns_only(state, memory, W, v):
    W_memory = W[:, -memory.shape[-1] :]
    scores = np.tanh(np.einsum("am,...km->...ka", W_memory, memory)) @ v
    return scores + np.zeros_like(state[..., :1])


@paraphrase("local_weights", "bell as wide as the window")
def sigma_is_the_half_width(scores, center, half_width):
    if half_width <= 0:
        raise ValueError("half_width must be positive")
    sigma = half_width
    offset = np.arange(scores.shape[-1]) - np.asarray(center)[..., None]
    logits = np.where(np.abs(offset) <= half_width, scores, -np.inf)
    peak = logits.max(-1, keepdims=True)
    e = np.exp(logits - np.where(np.isneginf(peak), 0, peak))
    total = e.sum(-1, keepdims=True)
    gauss = np.exp(-0.5 * np.square(offset / sigma))
    return (e / np.where(total == 0, 1, total) * gauss).astype(scores.dtype)


@paraphrase("local_weights", "factor 2 missing in the bell")
def distance_over_sigma_squared(scores, center, half_width):
    if half_width <= 0:
        raise ValueError("half_width must be positive")
    lead = np.broadcast_shapes(scores.shape[:-1], np.shape(center))
    scores = np.broadcast_to(scores, lead + scores.shape[-1:])
    center = np.broadcast_to(center, lead)
    weights = np.zeros_like(scores)
    sigma = half_width / 2
    for index in np.ndindex(lead):
        window = [j for j in range(scores.shape[-1]) if abs(j - center[index]) <= half_width]
        if not window:
            continue
        top = max(scores[index][j] for j in window)
        if top == -np.inf:
            continue
        total = sum(math.exp(scores[index][j] - top) for j in window)
        for j in window:
            bell = math.exp(-(((j - center[index]) / sigma) ** 2))
            weights[index][j] = math.exp(scores[index][j] - top) / total * bell
    return weights


@paraphrase("local_weights", "center rounded")
def nearest_whole_position(scores, center, half_width):
    if half_width <= 0:
        raise ValueError("half_width must be positive")
    p = np.rint(center).astype(int)[..., None]
    away = np.abs(np.arange(scores.shape[-1]) - p)
    seen = away <= half_width
    top = np.max(np.where(seen, scores, -np.inf), axis=-1, keepdims=True)
    e = np.where(seen, np.exp(np.where(seen, scores - np.where(top == -np.inf, 0, top), 0)), 0)
    z = e.sum(axis=-1, keepdims=True)
    z[z == 0] = 1
    return e / z * np.exp(-2 * (away / half_width) ** 2).astype(scores.dtype)


@paraphrase("local_weights", "renormalized afterwards")
def divided_once_more(scores, center, half_width):
    if half_width <= 0:
        raise ValueError("half_width must be positive")
    x = (np.arange(scores.shape[-1]) - np.asarray(center)[..., None]) / (half_width / 2)
    inside = np.abs(x) <= 2
    peak = np.where(inside, scores, -np.inf).max(axis=-1, keepdims=True)
    peak = np.where(np.isneginf(peak), 0, peak)
    raw = np.where(inside, np.exp(np.where(inside, scores - peak, 0)), 0) * np.exp(-(x**2) / 2)
    total = raw.sum(axis=-1, keepdims=True)
    return np.divide(raw, total, out=np.zeros_like(raw), where=total > 0).astype(scores.dtype)


@paraphrase("local_weights", "softmax over everything, then cut")
def global_softmax_clipped(scores, center, half_width):
    if half_width <= 0:
        raise ValueError("half_width must be positive")
    largest = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(largest), 0, largest))
    total = e.sum(axis=-1, keepdims=True)
    weights = e / np.where(total == 0, 1, total)
    d = np.arange(scores.shape[-1]) - np.asarray(center)[..., None]
    envelope = np.where(np.abs(d) > half_width, 0, np.exp(-2 * d**2 / half_width**2))
    return weights * envelope.astype(scores.dtype)


@paraphrase("local_weights", "an empty window gives NaN")
def additive_window(scores, center, half_width):
    if half_width <= 0:
        raise ValueError("half_width must be positive")
    sigma = half_width / 2
    distance = np.abs(np.arange(scores.shape[-1]) - np.expand_dims(center, -1))
    bias = np.where(distance <= half_width, 0.0, -np.inf)
    logits = scores + bias.astype(scores.dtype)
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    softmaxed = e / e.sum(axis=-1, keepdims=True)
    return softmaxed * np.exp(-(distance**2) / (2 * sigma**2)).astype(scores.dtype)
