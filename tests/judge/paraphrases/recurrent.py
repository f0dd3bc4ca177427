"""Paraphrases for lesson 16."""

import numpy as np
from paraphrase import paraphrase


def features(x):
    x = np.asarray(x)
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def over(above, below):
    """Division where nothing by nothing is nothing."""
    return above / np.where(below == 0, 1, below)


@paraphrase("linear_attention", "ReLU as the feature map")
def relu_kernel(query, key, value, causal=True):
    weights = np.einsum("...qd,...kd->...qk", np.clip(query, 0, None), np.clip(key, 0, None))
    if causal:
        q, k = weights.shape[-2:]
        weights = np.tril(weights, k - q)
    return over(weights @ value, weights.sum(-1, keepdims=True))


@paraphrase("linear_attention", "the feature map applied to the scores")
def elu_of_the_scores(query, key, value, causal=True):
    scores = query @ np.swapaxes(key, -1, -2)
    w = np.where(scores >= 0, scores + 1, np.exp(np.where(scores < 0, scores, 0)))
    if causal:
        w = np.tril(w, w.shape[-1] - w.shape[-2])
    return over(w @ value, np.sum(w, axis=-1, keepdims=True))


@paraphrase("linear_attention", "divided by the sum over all keys")
def normaliser_of_the_whole_text(Q, K, V, causal=True):
    Q, K = features(Q), features(K)
    z = np.einsum("...qd,...d->...q", Q, K.sum(axis=-2))
    A = np.einsum("...qd,...kd->...qk", Q, K)
    if causal:
        n_q, n_k = A.shape[-2:]
        A = np.where(np.arange(n_k) <= np.arange(n_k - n_q, n_k)[:, None], A, 0)
    return over(np.einsum("...qk,...kv->...qv", A, V), z[..., None])


@paraphrase("linear_attention", "queries taken as the first positions")
def diagonal_from_the_corner(query, key, value, causal=True):
    weights = np.matmul(features(query), features(key).swapaxes(-2, -1))
    if causal:
        weights = np.tril(weights)
    weights = over(weights, weights.sum(axis=-1, keepdims=True))
    return np.matmul(weights, value)


@paraphrase("linear_attention", "the exponential as the feature map")
def exponential_kernel(query, key, value, causal=True):
    w = np.exp(query) @ np.exp(key).swapaxes(-1, -2)
    if causal:
        w = w * np.tri(*w.shape[-2:], w.shape[-1] - w.shape[-2], dtype=w.dtype)
    return over(w @ value, w.sum(axis=-1)[..., None])


@paraphrase("linear_attention", "not divided by the sum")
def raw_sums(query, key, value, causal=True):
    phi_q, phi_k = features(query), features(key)
    if not causal:
        return phi_q @ (np.swapaxes(phi_k, -1, -2) @ value)
    extra = key.shape[-2] - query.shape[-2]
    rows = []
    for i in range(query.shape[-2]):
        seen = max(0, extra + i + 1)
        state = np.swapaxes(phi_k[..., :seen, :], -1, -2) @ value[..., :seen, :]
        rows.append(phi_q[..., i : i + 1, :] @ state)
    return np.concatenate(rows, axis=-2)


@paraphrase("linear_attention_recurrent", "the state is read before the token is added")
def ask_then_remember(query, key, value):
    q, k = features(query), features(key)
    S = np.einsum("...d,...v->...dv", np.zeros_like(k[..., 0, :]), value[..., 0, :])
    z = np.zeros_like(k[..., 0, :])
    out = []
    for t in range(q.shape[-2]):
        above = np.einsum("...d,...dv->...v", q[..., t, :], S)
        below = np.einsum("...d,...d->...", q[..., t, :], z)
        out.append(over(above, below[..., None]))
        S = S + np.einsum("...d,...v->...dv", k[..., t, :], value[..., t, :])
        z = z + k[..., t, :]
    return np.stack(out, axis=-2)


@paraphrase("linear_attention_recurrent", "the state decays at every step")
def fading_memory(query, key, value):
    tokens = query.shape[-2]
    q, k = features(query)[..., None, :], features(key)[..., None]
    state, norm, rows = 0.0, 0.0, []
    for t in range(tokens):
        state = 0.5 * state + k[..., t, :, :] * value[..., t, None, :]
        norm = 0.5 * norm + k[..., t, :, :]
        rows.append(over(q[..., t, :, :] @ state, q[..., t, :, :] @ norm))
    return np.concatenate(rows, axis=-2)


@paraphrase("linear_attention_recurrent", "the query skips the feature map")
def only_the_key_is_mapped(query, key, value):
    phi = features(key)
    S = np.cumsum(phi[..., :, None] * value[..., None, :], axis=-3)
    z = np.cumsum(phi, axis=-2)
    above = np.einsum("...nd,...ndv->...nv", query, S)
    below = np.einsum("...nd,...nd->...n", query, z)
    return over(above, below[..., None])


@paraphrase("linear_attention_recurrent", "divided by the sum over the whole sequence")
def total_known_in_advance(query, key, value):
    q, k = features(query), features(key)
    total = k.sum(axis=-2)
    state, rows = 0, []
    for i in range(k.shape[-2]):
        state = state + np.einsum("...d,...v->...dv", k[..., i, :], value[..., i, :])
        share = np.sum(q[..., i, :] * total, axis=-1, keepdims=True)
        rows.append(over(np.einsum("...d,...dv->...v", q[..., i, :], state), share))
    return np.stack(rows, axis=-2)


@paraphrase("linear_attention_recurrent", "divided by the number of tokens")
def running_mean(query, key, value):
    q, k = features(query), features(key)
    memory, outputs = None, []
    for count in range(1, q.shape[-2] + 1):
        t = count - 1
        outer = k[..., t, :, np.newaxis] * value[..., t, np.newaxis, :]
        memory = outer if memory is None else memory + outer
        outputs.append((q[..., t, np.newaxis, :] @ memory)[..., 0, :] / count)
    return np.stack(outputs, axis=-2)


def form(step):
    """A recurrence by its step: step(S, q, k, v, *gates) gives the next state and the answer."""

    def attend(query, key, value, *gates):
        lead = np.broadcast_shapes(*(x.shape[:-2] for x in (query, key, value)), *(g.shape[:-1] for g in gates))
        state, rows = np.zeros((*lead, key.shape[-1], value.shape[-1])), []
        for t in range(query.shape[-2]):
            now = (x[..., t, :] for x in (query, key, value))
            state, row = step(state, *now, *(g[..., t][..., None, None] for g in gates))
            rows.append(row)
        return np.stack(rows, axis=-2)

    return attend


def outer(k, v):
    return np.einsum("...d,...v->...dv", k, v)


def ask(q, state):
    return np.einsum("...d,...dv->...v", q, state)


def then_asked(q, state):
    return state, ask(q, state)


def left_of(decay, shift=1):
    """What is left at i of what j wrote: the decays from j + shift up to i."""
    n = decay.shape[-1]
    left = np.zeros((*decay.shape, n))
    for i, j in zip(*np.tril_indices(n), strict=True):
        left[..., i, j] = np.prod(decay[..., j + shift : i + shift], axis=-1)
    return left


@paraphrase("linear_attention", "the key skips the feature map")
def map_on_one_side(query, key, value, causal=True):
    w = np.einsum("...qd,...kd->...qk", features(query), key)
    w = np.tril(w, w.shape[-1] - w.shape[-2]) if causal else w
    return over(w @ value, w.sum(-1, keepdims=True))


@paraphrase("linear_attention", "divided by the sum over the queries")
def columns_sum_to_one(query, key, value, causal=True):
    w = features(query) @ features(key).swapaxes(-1, -2)
    w = np.tril(w, w.shape[-1] - w.shape[-2]) if causal else w
    return np.einsum("...qk,...kv->...qv", over(w, np.einsum("...qk->...k", w)[..., None, :]), value)


@paraphrase("linear_attention", "a softmax over the products of features")
def softmax_on_top(query, key, value, causal=True):
    w = features(query) @ features(key).swapaxes(-1, -2)
    if causal:
        w = np.where(np.tri(*w.shape[-2:], w.shape[-1] - w.shape[-2]) > 0, w, -np.inf)
    w = np.exp(w - np.nan_to_num(w.max(-1, keepdims=True), neginf=0))
    return over(w, w.sum(-1, keepdims=True)) @ value


@paraphrase("linear_attention", "below zero one too many: exp(x) + 1")
def exponential_and_one(query, key, value, causal=True):
    q, k = (1 + np.where(x > 0, x, np.exp(np.minimum(x, 0))) for x in (query, key))
    w = q @ k.swapaxes(-1, -2)
    w = np.tril(w, w.shape[-1] - w.shape[-2]) if causal else w
    return over(w @ value, w.sum(-1, keepdims=True))


@paraphrase("linear_attention", "a scale before the feature map")
def quarter_roots(query, key, value, causal=True):
    q, k = (features(x / np.sqrt(np.sqrt(x.shape[-1]))) for x in (query, key))
    w = q @ k.swapaxes(-1, -2)
    w = np.tril(w, w.shape[-1] - w.shape[-2]) if causal else w
    return over(w @ value, w.sum(-1, keepdims=True))


@paraphrase("linear_attention_recurrent", "divided by the weight of the token itself")
def no_running_total(query, key, value):
    q, k = features(query), features(key)
    sums = np.cumsum(outer(k, value), axis=-3)
    return over(np.einsum("...nd,...ndv->...nv", q, sums), np.einsum("...nd,...nd->...n", q, k)[..., None])


@paraphrase("linear_attention_recurrent", "divided by the sum of the features, whatever the query is")
def total_not_asked(query, key, value):
    q, k, S, z, rows = features(query), features(key), 0, 0, []
    for t in range(q.shape[-2]):
        S, z = S + outer(k[..., t, :], value[..., t, :]), z + k[..., t, :]
        rows.append(over(ask(q[..., t, :], S), z.sum(-1, keepdims=True)))
    return np.stack(rows, axis=-2)


paraphrase("decay_attention", "the decay comes after the write")(
    form(lambda S, q, k, v, a: then_asked(q, a * (S + outer(k, v))))
)
paraphrase("decay_attention", "what is written is multiplied by one minus the decay")(
    form(lambda S, q, k, v, a: then_asked(q, a * S + (1 - a) * outer(k, v)))
)
paraphrase("decay_attention", "the state is read before the token is added")(
    form(lambda S, q, k, v, a: (a * S + outer(k, v), ask(q, S)))
)
paraphrase("decay_attention", "the decay is taken for a rate: exp(-decay)")(
    form(lambda S, q, k, v, a: then_asked(q, S / np.exp(a) + outer(k, v)))
)
paraphrase("decay_attention", "a sigmoid on the decay")(
    form(lambda S, q, k, v, a: then_asked(q, S / (1 + np.exp(-a)) + outer(k, v)))
)


@paraphrase("decay_attention", "each decay comes one token late")
def from_the_writer_on(query, key, value, decay):
    return (query @ key.swapaxes(-1, -2) * left_of(decay, shift=0)) @ value


@paraphrase("decay_attention", "what a token wrote fades from the first token on")
def product_so_far(query, key, value, decay):
    return (np.tril(query @ key.swapaxes(-1, -2)) @ value) * np.cumprod(decay, axis=-1)[..., None]


@paraphrase("decay_attention", "divided by the sum of the weights where it's more than one")
def retnet_normalizer(query, key, value, decay):
    w = query @ key.swapaxes(-1, -2) * left_of(decay)
    return np.einsum("...ij,...jv->...iv", w / abs(w.sum(-1, keepdims=True)).clip(1), value)


paraphrase("delta_rule", "beta on the value alone")(
    form(lambda S, q, k, v, b: then_asked(q, S - outer(k, ask(k, S)) + b * outer(k, v)))
)
paraphrase("delta_rule", "beta on what is there alone")(
    form(lambda S, q, k, v, b: then_asked(q, S - b * outer(k, ask(k, S)) + outer(k, v)))
)
paraphrase("delta_rule", "what is there is not subtracted")(
    form(lambda S, q, k, v, b: then_asked(q, S + outer(k, b[..., 0] * v)))
)
paraphrase("delta_rule", "the value is written before the old one is taken off")(
    form(lambda S, q, k, v, b: then_asked(q, (np.eye(k.shape[-1]) - b * outer(k, k)) @ (S + b * outer(k, v))))
)
paraphrase("delta_rule", "the whole state fades as well as what lies under the key")(
    form(lambda S, q, k, v, b: then_asked(q, S + b * (outer(k, v - ask(k, S)) - S)))
)


@paraphrase("delta_rule", "what is there is taken from a plain sum")
def without_the_triangular_system(query, key, value, beta):
    before = np.tril(key @ key.swapaxes(-1, -2), -1) @ (beta[..., None] * value)
    return np.tril(query @ key.swapaxes(-1, -2)) @ (beta[..., None] * (value - before))


@paraphrase("delta_rule", "beta on the value alone")
def system_without_beta(query, key, value, beta):
    system = np.eye(key.shape[-2]) + np.tril(key @ key.swapaxes(-1, -2), -1)
    return np.tril(query @ key.swapaxes(-1, -2)) @ np.linalg.solve(system, beta[..., None] * value)


paraphrase("gated_delta_rule", "the decay comes after the delta step")(
    form(lambda S, q, k, v, b, a: then_asked(q, a * (S - b * outer(k, ask(k, S))) + a * b * outer(k, v)))
)
paraphrase("gated_delta_rule", "the state is asked before it fades")(
    form(lambda S, q, k, v, b, a: then_asked(q, a * S + b * outer(k, v - ask(k, S))))
)
paraphrase("gated_delta_rule", "neither beta nor subtraction: decay alone")(
    form(lambda S, q, k, v, b, a: then_asked(q, a * S + outer(k, v)))
)
paraphrase("gated_delta_rule", "beta on what is there alone")(
    form(lambda S, q, k, v, b, a: then_asked(q, a * (S - b * outer(k, ask(k, S))) + outer(k, v)))
)
paraphrase("gated_delta_rule", "the decay on what is written, not on the state")(
    form(lambda S, q, k, v, b, a: then_asked(q, S + outer(k, (a * b)[..., 0] * (v - ask(k, S)))))
)
paraphrase("gated_delta_rule", "the state is read before the token writes")(
    form(lambda S, q, k, v, b, a: (a * S + b * outer(k, v - ask(k, a * S)), ask(q, a * S)))
)


def chunks(step, inside=lambda left: left, found=lambda since, decay: since):
    """Chunk by chunk: step(S, K, V, left, since) gives the next state."""

    def attend(query, key, value, decay, chunk):
        if chunk < 1:
            raise ValueError("chunk")
        S, rows = np.zeros((key.shape[-1], value.shape[-1])), []
        for at in range(0, query.shape[-2], chunk):
            q, k, v = (x[..., at : at + chunk, :] for x in (query, key, value))
            d = decay[..., at : at + chunk]
            left, since = inside(left_of(d)), np.cumprod(d, axis=-1)
            past = ask(q, S[..., None, :, :]) * found(since, d)[..., None]
            rows.append((q @ k.swapaxes(-1, -2) * left) @ v + past)
            S = step(S, k, v, left, since)
        return np.concatenate(rows, axis=-2)

    return attend


def state_after(S, k, v, left, since):
    return since[..., -1, None, None] * S + np.einsum("...n,...nd,...nv->...dv", left[..., -1, :], k, v)


paraphrase("chunked_decay_attention", "keys are put into the state without their decay")(
    chunks(lambda S, k, v, left, since: since[..., -1, None, None] * S + k.swapaxes(-1, -2) @ v)
)
paraphrase("chunked_decay_attention", "what the chunk wrote fades by the whole chunk as well")(
    chunks(lambda S, k, v, left, since: since[..., -1, None, None] * state_after(S, k, v, left, 1 + 0 * since))
)
paraphrase("chunked_decay_attention", "each token finds the state faded by its own decay alone")(
    chunks(state_after, found=lambda since, decay: decay)
)
paraphrase("chunked_decay_attention", "the state is read as if nothing had faded since the chunk began")(
    chunks(state_after, found=lambda since, decay: 0 * since + 1)
)
paraphrase("chunked_decay_attention", "the decay inside a chunk is forgotten")(
    chunks(state_after, inside=lambda left: np.tril(1 + 0 * left))
)
paraphrase("chunked_decay_attention", "the token itself is left out of its chunk")(
    chunks(state_after, inside=lambda left: left - np.eye(left.shape[-1]))
)
paraphrase("chunked_decay_attention", "not causal inside a chunk")(
    chunks(state_after, inside=lambda left: np.where(left == 0, 1, left))
)


@paraphrase("chunked_decay_attention", "one decay for the whole chunk, its first")
def repeated_decay(query, key, value, decay, chunk):
    if chunk < 1:
        raise ValueError("chunk")
    of_chunk = np.repeat(decay[..., ::chunk], chunk, axis=-1)[..., : decay.shape[-1]]
    return (query @ key.swapaxes(-1, -2) * left_of(of_chunk)) @ value
