"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary


def asked_of_three(a, b, c, p, q):
    """The state after the keys (1, 0), (0, 1) and (1, 1) with these values, asked with (p, q)."""
    return p * (a + c) + q * (b + c)


def third_left_out(a, b, c, p, q):
    return p * a + q * b


def divided_by_the_weights(a, b, c, p, q):
    return asked_of_three(a, b, c, p, q) / (2 * (p + q))


def by_features(p, q, value):
    """The keys (1, 0) and (0, 1) with the values 0 and this one, asked with (p, q), features elu + 1."""
    first, second = 2 * (p + 1) + (q + 1), (p + 1) + 2 * (q + 1)
    return value * second / (first + second)


def faded(values, decay):
    state = 0.0
    for value in values:
        state = decay * state + value
    return state


def corrected(first, second, value, beta):
    """Feature 0 of a state (first, second) after the key (0.6, 0.8) has written this value."""
    return first + beta * 0.6 * (value - 0.6 * first - 0.8 * second)


def not_subtracted(first, second, value, beta):
    return first + beta * 0.6 * value


def without_beta(first, second, value, beta):
    return corrected(first, second, value, 1)


def whole_error(first, second, value, beta):
    return first + beta * (value - 0.6 * first - 0.8 * second)


def hybrid_bytes(layers, every, kv_heads, width, tokens, heads, side):
    full = layers // every
    return full * cache_bytes(kv_heads, width, tokens) + (layers - full) * state_bytes(heads, side)


def cache_bytes(kv_heads, width, tokens):
    return 2 * kv_heads * width * tokens * 2


def state_bytes(heads, side):
    return heads * side * side * 4


questions = [
    predict(
        "state-shape",
        lambda: (8, 6),
        {"a row for each key": lambda: (1000, 6), "a square of the text": lambda: (1000, 1000)},
    ),
    numeric(
        "ask-the-state",
        asked_of_three,
        {"the third key left out": third_left_out, "divided by the weights": divided_by_the_weights},
        tolerance=0.001,
        first={"a": 3, "b": 5, "c": 2, "p": 2, "q": 1},
        draw=among(
            apart(asked_of_three, third_left_out, divided_by_the_weights),
            a=(2, 3, 4),
            b=(5, 6, 7),
            c=(1, 2, 3),
            p=(1, 2, 3),
            q=(1, 2),
        ),
        worked=lambda a, b, c, p, q: {"top": a + c, "bottom": b + c},
    ),
    numeric(
        "features-by-hand",
        by_features,
        {
            "no feature map": lambda p, q, value: value * q / (p + q),
            "softmax": lambda p, q, value: value / (1 + math.exp(p - q)),
            "not divided": lambda p, q, value: value * ((p + 1) + 2 * (q + 1)),
        },
        tolerance=0.005,
        first={"p": 0, "q": 1, "value": 9},
        draw=among(
            lambda p, q, value: p != q and value % (3 * (p + q + 2)) == 0,
            p=(0, 1, 2, 3),
            q=(1, 2, 3, 4),
            value=tuple(range(6, 40)),
        ),
        worked=lambda p, q, value: {
            "features": (p + 1, q + 1),
            "first": 2 * (p + 1) + (q + 1),
            "second": (p + 1) + 2 * (q + 1),
        },
    ),
    numeric(
        "state-in-tokens",
        lambda width: (width * width + width) / (2 * width),
        {"sum of the keys forgotten": lambda width: width // 2, "keys without values": lambda width: width + 1},
        tolerance=0.001,
        first={"width": 128},
        draw=among(width=(32, 64, 80, 96, 128, 256)),
        worked=lambda width: {"more": width // 2 + 1},
    ),
    predict(
        "sharper-queries",
        lambda: "it gets sharper at first, then no more",
        {
            "as with softmax": lambda: "it comes close to 1 and 0",
            "scale cancels at once": lambda: "nothing changes",
        },
    ),
    predict(
        "map-dropped",
        lambda: "most of them",
        {"room is what's missing": lambda: "as few as before", "nothing is lost": lambda: "all of them"},
    ),
    numeric(
        "decay-by-hand",
        faded,
        {
            "each decay by its place alone": lambda values, decay: decay * values[0] + decay * values[1] + values[2],
            "faded before it is read": lambda values, decay: decay * faded(values, decay),
            "nothing fades": lambda values, decay: sum(values),
        },
        tolerance=0.001,
        first={"values": (8, 4, 2), "decay": 0.5},
        draw=among(values=((8, 4, 2), (4, 8, 6), (12, 4, 4), (16, 8, 1)), decay=(0.5, 0.25)),
        worked=lambda values, decay: {"second": decay * values[0] + values[1]},
    ),
    numeric(
        "half-life",
        lambda decay: math.log(0.5) / math.log(decay),
        {
            "the same amount each time": lambda decay: 0.5 / (1 - decay),
            "what is left of a whole": lambda decay: 1 / (1 - decay),
        },
        tolerance=0.03,
        first={"decay": 0.98},
        draw=among(decay=(0.9, 0.95, 0.98, 0.99, 0.995, 0.999)),
        worked=lambda decay: {"rule": 1 / (1 - decay)},
    ),
    numeric(
        "delta-by-hand",
        corrected,
        {"nothing subtracted": not_subtracted, "beta left out": without_beta, "the whole error": whole_error},
        tolerance=0.001,
        first={"first": 10, "second": 5, "value": 30, "beta": 0.5},
        draw=among(
            apart(corrected, not_subtracted, without_beta, whole_error),
            first=(5, 10, 15),
            second=(5, 10),
            value=(20, 30, 40),
            beta=(0.5, 0.25),
        ),
        worked=lambda first, second, value, beta: {
            "there": 0.6 * first + 0.8 * second,
            "error": value - 0.6 * first - 0.8 * second,
        },
    ),
    predict(
        "fresh-keys",
        lambda: "the plain sum",
        {"correcting always helps": lambda: "the delta rule", "there is nothing to correct": lambda: "both the same"},
    ),
    predict(
        "left-alone",
        lambda: "the delta rule",
        {"fading makes room": lambda: "the decay", "both lose them": lambda: "neither"},
    ),
    numeric(
        "chunk-in-balance",
        lambda width, value_width: 2 * width * value_width / (width + value_width),
        {
            "only reading the state": lambda width, value_width: width * value_width / (width + value_width),
            "the numbers of the state": lambda width, value_width: width * value_width,
        },
        first={"width": 128, "value_width": 128},
        draw=among(width=(64, 128, 256), value_width=(64, 128, 256)),
        worked=lambda width, value_width: {
            "state": 4 * width * value_width,
            "pair": 2 * (width + value_width),
        },
    ),
    numeric(
        "hybrid-memory",
        hybrid_bytes,
        {
            "every layer keeps a cache": lambda layers, every, kv_heads, width, tokens, heads, side: (
                layers * cache_bytes(kv_heads, width, tokens)
            ),
            "states left out": lambda layers, every, kv_heads, width, tokens, heads, side: (
                layers // every * cache_bytes(kv_heads, width, tokens)
            ),
            "states in two bytes": lambda layers, every, kv_heads, width, tokens, heads, side: (
                layers // every * cache_bytes(kv_heads, width, tokens)
                + (layers - layers // every) * state_bytes(heads, side) // 2
            ),
        },
        first={
            "layers": 48,
            "every": 4,
            "kv_heads": 2,
            "width": 256,
            "tokens": 32_768,
            "heads": 32,
            "side": 128,
        },
        draw=among(
            layers=(48,),
            every=(4, 6, 8),
            kv_heads=(2, 4),
            width=(128, 256),
            tokens=(8192, 16_384, 32_768),
            heads=(32,),
            side=(128,),
        ),
        worked=lambda layers, every, kv_heads, width, tokens, heads, side: {
            "full": layers // every,
            "others": layers - layers // every,
            "caches": binary(layers // every * cache_bytes(kv_heads, width, tokens)),
            "states": binary((layers - layers // every) * state_bytes(heads, side)),
            "all": binary(layers * cache_bytes(kv_heads, width, tokens)),
        },
    ),
]
