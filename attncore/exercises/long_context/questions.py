"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.cache import kv_cache_bytes
from attncore.exercises.configurations import GROUPED, MISTRAL_7B
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, binary, numbered, part


def layers_to_reach(window, distance):
    return math.ceil(distance / (window - 1))


def cache_of(model, tokens):
    return kv_cache_bytes(model.layers, model.kv_heads, model.head_width, tokens)


questions = [
    numeric(
        "layers-to-reach-back",
        layers_to_reach,
        {
            "window times layers": lambda window, distance: math.ceil(distance / window),
            "doubled by each layer": lambda window, distance: 1 + math.ceil(math.log2(distance / (window - 1))),
        },
        tolerance=0,
        first={"window": 1024, "distance": 130_000},
        draw=among(
            lambda window, distance: (
                20 < math.ceil(distance / window) < layers_to_reach(window, distance) < 300
                and distance / (window - 1) % 1 > 0.05
            ),
            window=(256, 512, 1024, 2048, 4096),
            distance=tuple(range(10_000, 400_000, 5000)),
        ),
        worked=lambda window, distance: {
            "reach": window - 1,
            "ratio": distance / (window - 1),
            "last": numbered(layers_to_reach(window, distance)),
            "fewer": math.ceil(distance / window),
            "short": math.ceil(distance / window) * (window - 1),
        },
    ),
    numeric(
        "mistral-window-bytes",
        lambda model, window, times: cache_of(model, window),
        {
            "the whole text": lambda model, window, times: cache_of(model, times * window),
            "keys without values": lambda model, window, times: cache_of(model, window) // 2,
            "one layer only": lambda model, window, times: cache_of(model, window) // model.layers,
            "every query head": lambda model, window, times: cache_of(model, window) * model.group,
        },
        first={"model": MISTRAL_7B, "window": 4096, "times": 8},
        draw=among(
            lambda model, window, times: times != model.group,
            model=GROUPED,
            window=(512, 1024, 2048, 4096, 8192),
            times=(4, 8, 16, 32),
        ),
        worked=lambda model, window, times: {
            "tokens": times * window,
            "token": cache_of(model, 1),
            "size": binary(cache_of(model, window)),
            "part": part(times),
        },
    ),
    numeric(
        "window-pairs",
        lambda tokens, window: tokens * window - window * (window - 1) // 2,
        {
            "every row full": lambda tokens, window: tokens * window,
            "the whole triangle": lambda tokens, window: tokens * (tokens + 1) // 2,
        },
        tolerance=0,
        first={"tokens": 1000, "window": 100},
        draw=among(tokens=(500, 800, 1000, 2000, 4000), window=(10, 20, 50, 100, 200)),
        worked=lambda tokens, window: {
            "full": tokens - window,
            "before": window * (window + 1) // 2,
            "short": window - 1,
        },
    ),
    numeric(
        "gemma-cache-share",
        lambda window, tokens, **_: (tokens + 5 * window) / (6 * tokens),
        {
            "one layer in six": lambda window, tokens, **_: 1 / 6,
            "one layer in five": lambda window, tokens, **_: (tokens + 4 * window) / (5 * tokens),
        },
        first={"window": 1024, "tokens": 131_072, "whose": "Gemma 3 repeats"},
        draw=among(
            lambda window, tokens, whose: 20 <= tokens // window <= 200 or tokens // window == 16,
            window=(512, 1024, 2048, 4096),
            tokens=(16_384, 32_768, 65_536, 131_072),
            whose=("A model built like Gemma 3 repeats",),
        ),
        worked=lambda window, tokens, **_: {"percent": 100 * tokens / (tokens + 5 * window)},
    ),
    predict(
        "two-window-layers", lambda: 5, {"window times layers": lambda: 6, "one layer only": lambda: 3}, tolerance=0
    ),
    predict("kept-tokens", lambda: 4, {"overlap counted twice": lambda: 5, "window only": lambda: 3}, tolerance=0),
    predict("sum-with-a-sink", lambda: 0.75, {"still one": lambda: 1, "the share of the sink": lambda: 0.25}),
    numeric(
        "slots-for-a-chunk",
        lambda window, chunk: window - 1 + chunk,
        {"the window alone": lambda window, chunk: window, "one too many": lambda window, chunk: window + chunk},
        tolerance=0,
        first={"window": 128, "chunk": 512},
        draw=among(window=(64, 128, 256, 1024), chunk=(16, 32, 512, 2048)),
        worked=lambda window, chunk: {"before": window - 1},
    ),
    predict(
        "first-token-kept",
        lambda: "most of the difference goes away",
        {"one token is nothing": lambda: "hardly anything changes", "half of it": lambda: "about half of it goes away"},
    ),
    numeric(
        "without-the-sink",
        lambda sink: 1 / (1 - sink),
        {"what the others had": lambda sink: 1 - sink, "its own share added": lambda sink: 1 + sink},
        first={"sink": 0.9},
        draw=among(sink=(0.75, 0.8, 0.9, 0.95)),
        worked=lambda sink: {"rest": 1 - sink},
    ),
    numeric(
        "distance-to-the-sink",
        lambda place, slots: slots - 1,
        {"counted in the text": lambda place, slots: place, "one too many": lambda place, slots: slots},
        tolerance=0,
        first={"place": 100_000, "slots": 1024},
        draw=among(place=(20_000, 50_000, 100_000), slots=(512, 1024, 2048, 4096)),
    ),
    predict(
        "order-without-positions",
        lambda: "not after one layer, but after two",
        {"positions are all there is": lambda: "never", "the mask is enough": lambda: "after the first layer already"},
    ),
]
