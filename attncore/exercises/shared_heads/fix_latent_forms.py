"""Latent attention in two forms that should be one."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped
from attncore.softmax import masked_softmax


def unpacked_scores(x, latent, W_query, W_query_rope, W_key_rope, W_up_key):
    positions = np.arange(len(x))
    query = np.concatenate([x @ W_query, apply_rotary(x @ W_query_rope, positions)], axis=-1)
    key = np.concatenate([latent @ W_up_key, apply_rotary(x @ W_key_rope, positions)], axis=-1)
    return query @ key.T


def absorbed_scores(x, latent, W_query, W_query_rope, W_key_rope, W_up_key):
    positions = np.arange(len(x))
    query = x @ W_query @ W_up_key.T
    query_rope, key_rope = (apply_rotary(x @ W, positions) for W in (W_query_rope, W_key_rope))
    return query @ latent.T + query_rope @ key_rope.T


@shaped("(n,m),(m,d),(m,r),(m,z),(m,r),(z,d)->(n,n),(n,n)", returns="unpacked, absorbed")
def fix_latent_forms(x, W_query, W_query_rope, W_latent, W_key_rope, W_up_key):
    """Compute one head's weights in latent attention in both of its forms: returns (unpacked, absorbed).

    Unpacked, as in training, a key is made of the latent; absorbed, as in decode, the query meets
    the latent itself. d numbers of query and key know no position, r further ones are rotated.
    Causal, with a scale of 1/sqrt(d + r). Both forms give the same weights. DeepSeek-V2 (2024).
    """
    scale, mask = 1 / math.sqrt(W_query.shape[1] + W_query_rope.shape[1]), causal_mask(len(x))
    latent = x @ W_latent
    parts = (x, latent, W_query, W_query_rope, W_key_rope, W_up_key)
    unpacked = masked_softmax(unpacked_scores(*parts) * scale, mask)
    absorbed = masked_softmax(absorbed_scores(*parts) * scale, mask)
    return unpacked, absorbed


def forms(name, n, small=False, m=9, d=6, r=4, z=7, **more):
    given = {
        "W_query": matrix("m", "d"),
        "W_query_rope": matrix("m", "r"),
        "W_latent": matrix("m", "z"),
        "W_key_rope": matrix("m", "r"),
        "W_up_key": matrix("z", "d"),
    }
    return case(name, small=small, sizes={"n": n, "m": m, "d": d, "r": r, "z": z}, **given, **more)


tiny = {"small": True, "m": 3, "d": 2, "r": 2}
exercise = code(
    fix_latent_forms,
    forms("one token", 1, z=3, **tiny),
    forms("two tokens", 2, z=3, **tiny),
    forms("three tokens", 3, z=1, **tiny),
    forms("no two widths equal", 6),
    forms("a narrow rotary part", 7, r=2),
    forms("a wide rotary part", 7, r=10),
    forms("float32", 6, dtype=np.float32),
    forms("large scores", 6, magnitude=4.0),
    bug="the whole query and key are rotated",
)


def unpacked_scores_(x, latent, W_query, W_query_rope, W_key_rope, W_up_key):
    positions = np.arange(len(x))
    query = np.concatenate([x @ W_query, x @ W_query_rope], axis=-1)
    key = np.concatenate([latent @ W_up_key, x @ W_key_rope], axis=-1)
    return apply_rotary(query, positions) @ apply_rotary(key, positions).T


@exercise.mistake("the whole query and key are rotated")
def both_forms(x, W_query, W_query_rope, W_latent, W_key_rope, W_up_key):
    scale, mask = 1 / math.sqrt(W_query.shape[1] + W_query_rope.shape[1]), causal_mask(len(x))
    latent = x @ W_latent
    parts = (x, latent, W_query, W_query_rope, W_key_rope, W_up_key)
    unpacked = masked_softmax(unpacked_scores_(*parts) * scale, mask)
    absorbed = masked_softmax(absorbed_scores(*parts) * scale, mask)
    return unpacked, absorbed


def weights_of(x, W_query, W_query_rope, W_latent, W_key_rope, W_up_key, query_turn, key_turn=None, scale=None):
    """One form's weights, with functions that turn the rotary parts."""
    key_turn = key_turn or query_turn
    scores = x @ W_query @ (x @ W_latent @ W_up_key).T
    scores = scores + query_turn(x @ W_query_rope) @ key_turn(x @ W_key_rope).T
    scale = 1 / math.sqrt(scale or W_query.shape[1] + W_query_rope.shape[1])
    return masked_softmax(scores * scale, causal_mask(len(x)))


def right_turn(x):
    return apply_rotary(x, np.arange(len(x)))


@exercise.mistake("nothing is rotated in the unpacked form")
def unrotated(*given):
    return weights_of(*given, lambda x: x), weights_of(*given, right_turn)


@exercise.mistake("both forms agree, and know no positions")
def without_positions(*given):
    return weights_of(*given, lambda x: x), weights_of(*given, lambda x: x)


@exercise.mistake("the rotary part turns with the frequencies of the whole width")
def frequencies_of_the_whole(*given):
    d, r = given[1].shape[1], given[2].shape[1]

    def turn(x):
        angles = np.arange(len(x))[:, None] * 10000.0 ** (-np.arange(d, d + r, 2) / (d + r))
        pairs = (x[:, 0::2] + 1j * x[:, 1::2]) * np.exp(1j * angles)
        return np.stack([pairs.real, pairs.imag], axis=-1).reshape(x.shape)

    return weights_of(*given, turn), weights_of(*given, right_turn)


@exercise.mistake("only the key's rotary part is rotated in the unpacked form")
def key_alone(*given):
    return weights_of(*given, lambda x: x, right_turn), weights_of(*given, right_turn)


@exercise.mistake("both forms agree, and scale by the part without positions")
def scaled_by_d(*given):
    both = weights_of(*given, right_turn, scale=given[1].shape[1])
    return both, both


@exercise.another_way
def one_form_twice(*given):
    both = weights_of(*given, right_turn)
    return both, both.copy()
