"""A decode loop over a cache of latents, in the absorbed form."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.shared_heads.cases import latent_weights
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped
from attncore.shared_heads import by_head, latent_attention
from attncore.softmax import softmax


def decode_one(x, latents, rope_keys, weights, n_heads):
    position = np.array([len(latents)])
    latents = np.concatenate([latents, x @ weights.W_latent])
    rope_keys = np.concatenate([rope_keys, apply_rotary(x @ weights.W_key_rope, position)])
    query = split_heads(x @ weights.W_query, n_heads)
    query_rope = apply_rotary(split_heads(x @ weights.W_query_rope, n_heads), position)
    absorbed = query @ np.swapaxes(by_head(weights.W_up_key, n_heads), -1, -2)
    scores = absorbed @ latents.T + query_rope @ rope_keys.T
    scores = scores / math.sqrt(query.shape[-1] + query_rope.shape[-1])
    mixed = softmax(scores) @ latents
    heads = mixed @ by_head(weights.W_up_value, n_heads)
    return merge_heads(heads) @ weights.W_output, latents, rope_keys


@shaped("(n,m)->(n,m)", weights="(m,h*d),(m,h*r),(m,z),(m,r),(z,h*d),(z,h*v),(h*v,m)")
def fix_latent_decoding(x, weights, n_heads):
    """Run latent attention as a decode server does: token by token, over a cache of latents.

    `weights` is a `LatentWeights`. Kept of each token are its latent and its rotated key. Neither
    keys nor values are unpacked: W_up_key is absorbed into the query, W_up_value into the output.
    The rows are those of `latent_attention` under a causal mask. DeepSeek-V2 (2024).
    """
    latents, rope_keys, rows = x[:0] @ weights.W_latent, x[:0] @ weights.W_key_rope, []
    for i in range(len(x)):
        row, latents, rope_keys = decode_one(x[i : i + 1], latents, rope_keys, weights, n_heads)
        rows.append(row)
    return np.concatenate(rows)


def decoded(name, n, n_heads, small=False, m=10, d=6, r=4, z=7, v=9, **more):
    sizes = {"n": n, "m": m, "h": n_heads, "d": d, "r": r, "z": z, "v": v}
    return case(name, small=small, sizes=sizes, n_heads=n_heads, weights=latent_weights(), **more)


tiny = {"small": True, "m": 3, "d": 2, "r": 2, "v": 2}
exercise = code(
    fix_latent_decoding,
    decoded("one token", 1, 1, z=3, **tiny),
    decoded("a latent as wide as a head", 3, 1, z=2, **tiny),
    decoded("two tokens", 2, 1, z=3, **tiny),
    decoded("three tokens, two heads", 3, 2, z=4, **tiny),
    decoded("no two widths equal", 6, 3),
    decoded("a wide latent", 5, 2, z=30),
    decoded("large numbers", 5, 3, magnitude=8.0),
    bug="scaled by the width of the latent",
)


def decode_one_(x, latents, rope_keys, weights, n_heads):
    position = np.array([len(latents)])
    latents = np.concatenate([latents, x @ weights.W_latent])
    rope_keys = np.concatenate([rope_keys, apply_rotary(x @ weights.W_key_rope, position)])
    query = split_heads(x @ weights.W_query, n_heads)
    query_rope = apply_rotary(split_heads(x @ weights.W_query_rope, n_heads), position)
    query = query @ np.swapaxes(by_head(weights.W_up_key, n_heads), -1, -2)
    scores = query @ latents.T + query_rope @ rope_keys.T
    scores = scores / math.sqrt(query.shape[-1] + query_rope.shape[-1])
    mixed = softmax(scores) @ latents
    heads = mixed @ by_head(weights.W_up_value, n_heads)
    return merge_heads(heads) @ weights.W_output, latents, rope_keys


@exercise.mistake("scaled by the width of the latent")
def rows_of_the_server(x, weights, n_heads):
    latents, rope_keys, rows = x[:0] @ weights.W_latent, x[:0] @ weights.W_key_rope, []
    for i in range(len(x)):
        row, latents, rope_keys = decode_one_(x[i : i + 1], latents, rope_keys, weights, n_heads)
        rows.append(row)
    return np.concatenate(rows)


def all_rows(x, weights, n_heads, scale=None, positions=None):
    """All rows at once, with another scale or other positions."""
    positions = np.arange(len(x)) if positions is None else positions
    latent = x @ weights.W_latent
    query, rope = split_heads(x @ weights.W_query, n_heads), split_heads(x @ weights.W_query_rope, n_heads)
    scores = query @ np.swapaxes(split_heads(latent @ weights.W_up_key, n_heads), -1, -2)
    scores = scores + apply_rotary(rope, positions) @ apply_rotary(x @ weights.W_key_rope, positions).T
    scores = scores / math.sqrt(scale or query.shape[-1] + rope.shape[-1])
    weigh = softmax(np.where(causal_mask(len(x)), scores, -np.inf))
    return merge_heads(weigh @ split_heads(latent @ weights.W_up_value, n_heads)) @ weights.W_output


@exercise.mistake("scaled by the head's width without the rotary part")
def without_the_rotary_width(x, weights, n_heads):
    return all_rows(x, weights, n_heads, scale=weights.W_query.shape[1] // n_heads)


@exercise.mistake("scaled by the width of the latent without the rotary part")
def latent_alone(x, weights, n_heads):
    return all_rows(x, weights, n_heads, scale=weights.W_latent.shape[1])


@exercise.mistake("scaled by the width of all heads together")
def all_heads_together(x, weights, n_heads):
    return all_rows(x, weights, n_heads, scale=weights.W_query.shape[1] + weights.W_query_rope.shape[1])


@exercise.mistake("the rotary parts all stand at position zero")
def nothing_rotated(x, weights, n_heads):
    return all_rows(x, weights, n_heads, positions=np.zeros(len(x)))


@exercise.another_way
def unpacked_in_one_pass(x, weights, n_heads):
    return latent_attention(x, weights, n_heads, causal_mask(len(x)))
