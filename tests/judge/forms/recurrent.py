"""Published forms of lesson 16, retyped: what each is to be told."""

import numpy as np


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
