"""What makes a decoder run: small scenarios whose results are compared, and the report of a run on real text."""

from typing import Any

import numpy as np

from attncore import tiny_gpt
from attncore.heads import HeadWeights
from attncore.hunts.follow_ups import caching, classifying, speeding
from attncore.transformer import EncoderWeights, FeedForwardWeights, GPTWeights, NormWeights

HEADS, WIDTH, HIDDEN, TOKENS, CONTEXT = 4, 24, 20, 11, 12


def small_weights(seed: int, size: float = 0.6) -> GPTWeights:
    """A model small enough to be run a hundred times, none of whose numbers is special."""
    rng = np.random.default_rng(seed)
    tokens, places = (rng.standard_normal((length, WIDTH)) * size for length in (TOKENS, CONTEXT))
    return GPTWeights(tokens, places, drawn_layers(rng, size), *drawn_norm(rng, size))


def drawn_layers(rng: np.random.Generator, size: float) -> tuple[EncoderWeights, ...]:
    """Two blocks."""

    def drawn(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape) * size

    def layer() -> EncoderWeights:
        heads = HeadWeights(*(drawn(WIDTH, WIDTH) for _ in range(4)))
        wide = FeedForwardWeights(drawn(WIDTH, HIDDEN), drawn(HIDDEN), drawn(HIDDEN, WIDTH), drawn(WIDTH))
        return EncoderWeights(drawn_norm(rng, size), heads, drawn_norm(rng, size), wide)

    return (layer(), layer())


def drawn_norm(rng: np.random.Generator, size: float) -> NormWeights:
    return NormWeights(1 + rng.standard_normal(WIDTH) * size, rng.standard_normal(WIDTH) * size)


IDS = np.random.default_rng(0).integers(TOKENS, size=CONTEXT)
SCORES = np.array([0.3, -1.2, 2.0, 0.7, -0.4, 1.1])


def scenarios(model: Any) -> dict[str, Any]:
    """By name, functions that use a decoder from outside; what each returns is compared."""
    weights, large = small_weights(1), small_weights(2, size=1.5)
    flat = small_weights(3, size=0.05)

    def greedy(prompt: Any, n_new: int) -> Any:
        return model.generate(weights, list(prompt), n_new, np.random.default_rng(0), temperature=1e-4)

    def chance() -> tuple[bool, bool]:
        """The same generator state gives the same text, and another one another."""
        one, same, other = (model.generate(flat, [1], 8, np.random.default_rng(seed)) for seed in (0, 0, 1))
        return one == same, one == other

    return {
        "the logits of a text": lambda: model.logits(weights, IDS),
        "the logits of three tokens": lambda: model.logits(weights, IDS[:3]),
        "the logits of one token": lambda: model.logits(weights, IDS[:1]),
        "the logits under large weights": lambda: model.logits(large, IDS[:7]),
        "the loss of a text": lambda: model.loss(weights, IDS),
        "the loss of a short text": lambda: model.loss(large, IDS[:4]),
        "probabilities": lambda: model.probabilities(SCORES),
        "probabilities at a low temperature": lambda: model.probabilities(SCORES, temperature=0.5),
        "probabilities of the three best": lambda: model.probabilities(SCORES, top_k=3),
        "probabilities of the best": lambda: model.probabilities(SCORES, temperature=2.0, top_k=1),
        "a text without chance": lambda: greedy([3, 1], 5),
        "a text longer than the context": lambda: greedy(IDS[:9], 6),
        "a text of the best token alone": lambda: model.generate(
            flat, [2, 5], 6, np.random.default_rng(0), temperature=1.0, top_k=1
        ),
        "texts with chance": chance,
    }


def symptoms(model: Any) -> dict[str, Any]:
    """What a run on real text shows: losses, a sample, how far apart the activations of each layer are."""
    weights = tiny_gpt.load()
    ids = np.array(tiny_gpt.encode(tiny_gpt.held_out()))
    n = len(weights.position_embedding)
    windows = [ids[start : start + n + 1] for start in range(0, 8 * n, n)]
    prompt = tiny_gpt.encode("said the queen, ")
    sample = model.generate(weights, list(prompt), 120, np.random.default_rng(7), temperature=0.7, top_k=8)
    x, spread = model.embed(weights, ids[:n]), []
    for layer in weights.blocks:
        x = model.block(x, layer)
        spread.append(float(x.std()))
    return {
        "loss on held-out text, nats a character": float(np.mean([model.loss(weights, window) for window in windows])),
        "standard deviation after each block": spread,
        "a sample": tiny_gpt.decode(sample),
    }


def hidden(model: Any, weights: Any, ids: Any) -> Any:
    """The vectors after the last norm, of a healthy decoder: (n, m)."""
    x = model.embed(weights, ids)
    for layer in weights.blocks:
        x = model.block(x, layer)
    return model.layer_norm(x, weights.gain, weights.bias)


def long_text(model: Any, weights: Any) -> Any:
    prompt = tiny_gpt.encode("said the queen, ")
    return model.generate(weights, prompt, 40, np.random.default_rng(0), temperature=1e-3)


FOLLOW_UPS = {
    "cache": caching(small_weights(1), IDS),
    "classifier": classifying(small_weights(1), [list(IDS[:5]), list(IDS[:9]), [3], list(IDS[2:6])], hidden),
    "faster": speeding(3, "`generate`, for 40 tokens behind a short prompt,", long_text),
}
