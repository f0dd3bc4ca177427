"""What several exercises of this topic share."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case


def plain_attention(x):
    """Self-attention with fixed weights and no positions: it does not care about order."""
    return scaled_dot_product_attention(x, 0.5 * x, x + 1)


def with_positions(x):
    """Self-attention on tokens that carry their position."""
    place = np.arange(x.shape[-2])[:, None]
    return plain_attention(x + 0.3 * place)


def running_average(x):
    """A recurrence that forgets half at every step."""
    out = np.array(x, dtype=float)
    for i in range(1, len(out)):
        out[i] = 0.5 * out[i - 1] + 0.5 * x[i]
    return out


def neighbors(x):
    """A convolution over each token and the two beside it, zeros beyond the ends."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    return 0.2 * padded[:-2] + 0.5 * padded[1:-1] + 0.3 * padded[2:]


def next_token(x):
    """Each output sees only the token after it; the last sees itself."""
    return np.vstack([x[1:], x[-1:]])


def only_itself(x):
    """A layer that mixes nothing between tokens."""
    return np.tanh(x)


def causal_average(x):
    """The mean of all tokens so far."""
    return np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, None]


def first_and_last(x):
    """Every output sees the first and the last token, and itself."""
    return x + x[0] - 0.5 * x[-1]


def normalized_causal(x):
    """A layer norm, then the mean so far: adding a constant to a token changes nothing."""
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return causal_average(normal)


def normalized_mean(x):
    """A layer norm, then the mean of all tokens: it leaks, but no constant added to a token shows it."""
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return normal + normal.mean(axis=0)


def one_coordinate(x):
    """Only the last number of a token reaches the token before it, and only its first number."""
    out = np.tanh(x)
    out[:-1, 0] += x[1:, -1]
    return out


def opposite_coordinates(x):
    """The first number of a token moves two numbers of the token before it, by amounts that cancel."""
    out = np.tanh(x)
    out[:-1, -1] += x[1:, 0]
    out[:-1, 1] -= x[1:, 0]
    return out


def first_pair(x):
    """A causal sum in which token 1 alone leaks, into output 0."""
    out = np.cumsum(x, axis=0)
    out[0] += 0.01 * x[1:2].sum(axis=0)  # nothing where a text is cut to its first token
    return out


def last_to_first(x):
    """A causal sum in which the last token alone leaks, into output 0."""
    out = np.cumsum(x, axis=0)
    out[0] += 0.01 * x[-1]
    return out


def rounding_noise(x):
    """A causal sum with a trace of everything, far below what counts."""
    return np.cumsum(x, axis=0) + 1e-13 * x.sum(axis=0)


LAYERS = (
    plain_attention,
    with_positions,
    running_average,
    neighbors,
    causal_average,
    next_token,
    only_itself,
    first_and_last,
    one_coordinate,
    opposite_coordinates,
    first_pair,
    last_to_first,
    rounding_noise,
)


ROUNDING = "A change of more than 1e-9 counts."


def layer_cases(layers, corners=None, **given):
    """A case for each layer on a small input and one on a longer; `corners` maps layers to the sentence they test."""
    named = [(f.__name__.replace("_", " "), f) for f in layers]
    small = [(name, f, 3, 3, True) for name, f in named]  # of width 2 a layer norm leaves nothing but signs
    longer = [(f"{name}, six tokens", f, 6, 5, False) for name, f in named]
    return [
        case(
            name,
            small=is_small,
            promise=(corners or {}).get(f, ""),
            layer=lambda rng, s, f=f: f,
            sizes={"n": n, "m": m},
            x=lambda rng, s: np.round(rng.standard_normal((s.n, s.m)), 1),
            **given,
        )
        for name, f, n, m, is_small in small + longer
    ]
