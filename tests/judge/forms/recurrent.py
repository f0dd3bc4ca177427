"""Published forms of lesson 16, retyped: what each is to be told."""

import numpy as np


def elu_one(x):
    return np.where(x > 0, x + 1, np.exp(x))


def fast_transformers(query, key, value, causal=True):
    """The paper's own code: KV summed first, 1e-6 in the denominator; causal by running sums."""
    q, k = elu_one(query), elu_one(key)
    if not causal:
        z = 1 / (np.einsum("...ld,...d->...l", q, k.sum(axis=-2)) + 1e-6)
        return np.einsum("...ld,...dm,...l->...lm", q, np.einsum("...sd,...sm->...dm", k, value), z)
    z = 1 / (np.einsum("...ld,...ld->...l", q, np.cumsum(k, axis=-2)) + 1e-6)
    memory = np.cumsum(np.einsum("...ld,...lm->...ldm", k, value), axis=-3)
    return np.einsum("...ld,...ldm,...l->...lm", q, memory, z)


def masked_square(query, key, value, causal=True):
    """The quadratic form of blog posts: tril, then the row sums, nothing added."""
    weights = elu_one(query) @ np.swapaxes(elu_one(key), -1, -2)
    if causal:
        weights = np.tril(weights)
    return weights / weights.sum(axis=-1, keepdims=True) @ value


def tiny_constant(query, key, value, causal=True):
    weights = elu_one(query) @ np.swapaxes(elu_one(key), -1, -2)
    if causal:
        weights = weights * np.tri(*weights.shape[-2:], weights.shape[-1] - weights.shape[-2])
    return weights @ value / (weights.sum(axis=-1, keepdims=True) + 1e-12)


def plain_products(query, key, value, causal=True):
    """No feature map and no division, as in RetNet without decay."""
    weights = query @ np.swapaxes(key, -1, -2)
    if causal:
        weights = np.tril(weights, weights.shape[-1] - weights.shape[-2])
    return weights @ value


def without_normalizer(query, key, value, causal=True):
    weights = elu_one(query) @ np.swapaxes(elu_one(key), -1, -2)
    if causal:
        weights = np.tril(weights)
    return weights @ value


def recurrent_transformer(query, key, value):
    """The recurrence of the paper, with its 1e-6."""
    q, k = elu_one(query), elu_one(key)
    memory = np.zeros((*k.shape[:-2], k.shape[-1], value.shape[-1]), value.dtype)
    total = np.zeros((*k.shape[:-2], k.shape[-1]), k.dtype)
    out = []
    for i in range(q.shape[-2]):
        memory = memory + np.einsum("...d,...m->...dm", k[..., i, :], value[..., i, :])
        total = total + k[..., i, :]
        z = 1 / (np.einsum("...d,...d->...", q[..., i, :], total) + 1e-6)
        out.append(np.einsum("...d,...dm,...->...m", q[..., i, :], memory, z))
    return np.stack(out, axis=-2)


def recurrent_without_normalizer(query, key, value):
    q, k = elu_one(query), elu_one(key)
    memory = np.cumsum(k[..., :, None] * value[..., None, :], axis=-3)
    return np.einsum("...nd,...ndv->...nv", q, memory)


def simple_gla(query, key, value, decay):
    """flash-linear-attention's reference loop, its log decay taken here, without its scale."""
    gates = np.log(decay)
    state = np.zeros((*key.shape[:-2], key.shape[-1], value.shape[-1]))
    out = np.zeros((*value.shape[:-2], *value.shape[-2:]))
    for i in range(key.shape[-2]):
        state = state * np.exp(gates[..., i])[..., None, None] + key[..., i, :, None] * value[..., i, None, :]
        out[..., i, :] = (query[..., i, :, None] * state).sum(-2)
    return out


def segment_sums(query, key, value, decay):
    """Mamba-2's quadratic form: the mask is the exponential of sums of log decays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = np.cumsum(np.log(decay), axis=-1)
        left = np.exp(sums[..., :, None] - sums[..., None, :])
    left = np.where(np.tri(decay.shape[-1], dtype=bool), left, 0)
    return np.einsum("...ln,...sn,...ls,...sp->...lp", query, key, left, value)


def retention_with_scale(query, key, value, decay):
    """RetNet's, with the key scaled by the root of the width."""
    return simple_gla(query, key * key.shape[-1] ** -0.5, value, decay)


def deltanet(query, key, value, beta):
    """DeltaNet's reference: what each token writes first, by forward substitution, then one product."""
    wrote = beta[..., None] * value
    keys = key @ np.swapaxes(key, -1, -2)
    for i in range(1, key.shape[-2]):
        earlier = np.einsum("...j,...jv->...v", keys[..., i, :i], wrote[..., :i, :])
        wrote[..., i, :] -= beta[..., i, None] * earlier
    return np.tril(query @ np.swapaxes(key, -1, -2)) @ wrote


def fast_weights(query, key, value, beta):
    """A fast weight programmer's, whose keys are normalized inside."""
    length = np.sqrt(np.square(key).sum(-1, keepdims=True))
    return deltanet(query, key / length, value, beta)


def gated_delta_net(query, key, value, beta, decay):
    """flash-linear-attention's reference loop, without its scale."""
    h = np.zeros((*key.shape[:-2], key.shape[-1], value.shape[-1]))
    rows = []
    for i in range(key.shape[-2]):
        h = h * decay[..., i, None, None]
        u = (value[..., i, :] - (h * key[..., i, :, None]).sum(-2)) * beta[..., i, None]
        h = h + key[..., i, :, None] * u[..., None, :]
        rows.append(np.einsum("...d,...dm->...m", query[..., i, :], h))
    return np.stack(rows, axis=-2)


def gated_delta_net_scaled(query, key, value, beta, decay):
    return gated_delta_net(query * query.shape[-1] ** -0.5, key, value, beta, decay)


def chunked_by_logarithms(query, key, value, decay, chunk):
    """flash-linear-attention's chunked loop: differences of cumulative logarithms, masked before the exponential."""
    h, rows = np.zeros((*key.shape[:-2], key.shape[-1], value.shape[-1])), []
    for start in range(0, key.shape[-2], chunk):
        q, k, v = (x[..., start : start + chunk, :] for x in (query, key, value))
        g = np.cumsum(np.log(np.maximum(decay[..., start : start + chunk], 1e-30)), axis=-1)
        mask = np.tri(g.shape[-1], dtype=bool)
        left = np.where(mask, np.exp(np.where(mask, g[..., :, None] - g[..., None, :], 0)), 0)
        rows.append((q @ np.swapaxes(k, -1, -2) * left) @ v + (q * np.exp(g)[..., None]) @ h)
        kept = k * np.exp(g[..., -1:] - g)[..., None]
        h = h * np.exp(g[..., -1])[..., None, None] + np.swapaxes(kept, -1, -2) @ v
    return np.concatenate(rows, axis=-2)


SCALED = "divided by the square root of the width"
FORMS = [
    ("linear_attention", "the paper's code", fast_transformers, "edge", "a small number added to the sum"),
    ("linear_attention", "the masked square", masked_square, "edge", "queries taken as the first positions"),
    (
        "linear_attention",
        "1e-12 added",
        tiny_constant,
        "edge",
        "However small the features are, the weights of a row sum to one.",
    ),
    ("linear_attention", "no feature map, no division", plain_products, "wrong", "no feature map and no division"),
    ("linear_attention", "no division", without_normalizer, "wrong", "not divided by the sum"),
    ("linear_attention_recurrent", "the paper's", recurrent_transformer, "edge", "a small number added to the sum"),
    (
        "linear_attention_recurrent",
        "no division",
        recurrent_without_normalizer,
        "wrong",
        "not divided by the sum",
    ),
    ("decay_attention", "the loop of a kernel library", simple_gla, "right", None),
    (
        "decay_attention",
        "segment sums",
        segment_sums,
        "edge",
        "the decays are divided by each other, and 0 by 0 is NaN",
    ),
    ("decay_attention", "RetNet's scale", retention_with_scale, "wrong", SCALED),
    ("delta_rule", "forward substitution", deltanet, "right", None),
    ("delta_rule", "keys normalized inside", fast_weights, "wrong", "the keys are made unit length"),
    ("gated_delta_rule", "the loop of a kernel library", gated_delta_net, "right", None),
    ("gated_delta_rule", "the library's scale", gated_delta_net_scaled, "wrong", SCALED),
    ("chunked_decay_attention", "differences of logarithms", chunked_by_logarithms, "right", None),
]
