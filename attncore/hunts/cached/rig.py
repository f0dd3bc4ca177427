"""What makes a cached decoder run: chunks of all lengths against a pass over the whole text, and several requests."""

from typing import Any

import numpy as np

from attncore import tiny_gpt
from attncore.hunts.decoder.rig import CONTEXT, IDS, SCORES, TOKENS, small_weights
from attncore.hunts.follow_ups import classifying, speeding


def scenarios(model: Any) -> dict[str, Any]:
    """By name, functions that use a decoder from outside; what each returns is compared."""
    weights, large, flat = small_weights(1), small_weights(2, size=1.5), small_weights(3, size=0.05)

    def in_chunks(lengths: list[int]) -> list[np.ndarray]:
        caches, begin, parts = model.new_caches(weights), 0, []
        for length in lengths:
            parts.append(model.forward(weights, IDS[begin : begin + length], caches))
            begin += length
        return parts

    def prefilled(n: int, chunk: int) -> Any:
        return model.prefill(large, IDS[:n], model.new_caches(large), chunk=chunk)

    def prefilled_as_usual(n: int) -> Any:
        return model.prefill(weights, IDS[:n], model.new_caches(weights))

    def greedy(prompt: list[int], n_new: int, stop: int | None = None) -> Any:
        return model.generate(weights, prompt, n_new, np.random.default_rng(0), temperature=1e-4, stop=stop)

    def chance() -> tuple[bool, bool]:
        """The same generator state gives the same text, and another one another."""
        one, same, other = (model.generate(flat, [1], 6, np.random.default_rng(seed), top_p=0.95) for seed in (0, 0, 1))
        return one == same, one == other

    return {
        "the logits of a whole text": lambda: in_chunks([CONTEXT]),
        "the logits of a text, token by token": lambda: in_chunks([1] * CONTEXT),
        "the logits of a text in chunks": lambda: in_chunks([5, 3, 1, 2]),
        "a prompt read in one chunk": lambda: prefilled(7, 8),
        "a prompt read in whole chunks": lambda: prefilled(8, 4),
        "a prompt with a shorter last chunk": lambda: prefilled(9, 4),
        "a prompt read as usual": lambda: prefilled_as_usual(11),
        "probabilities": lambda: model.probabilities(SCORES),
        "probabilities at another temperature": lambda: model.probabilities(SCORES, temperature=0.6),
        "probabilities of the likely tokens": lambda: model.probabilities(SCORES, temperature=1.4, top_p=0.8),
        "probabilities with a small top-p": lambda: model.probabilities(SCORES, top_p=0.1),
        "a text without chance": lambda: greedy([3, 1, 4], 8),
        "a text without chance from a long prompt": lambda: greedy(list(IDS[:10]), 2),
        "a text up to the stop token": lambda: [greedy([3, 1, 4], 2, stop=token) for token in range(TOKENS)],
        "texts with chance": chance,
        "one request": lambda: model.serve(weights, [[3, 1, 4]], 6),
        "three requests": lambda: model.serve(weights, [[3, 1, 4], [2], list(IDS[:6])], 5),
    }


def symptoms(model: Any) -> dict[str, Any]:
    """What a run on real text shows: the loss in one pass and token by token, and samples."""
    weights = tiny_gpt.load()
    ids = np.array(tiny_gpt.encode(tiny_gpt.held_out()))
    n = len(weights.position_embedding)
    prompts = [tiny_gpt.encode(text) for text in ("said the queen, ", "alice thought ")]
    rng = np.random.default_rng(7)
    sample = model.generate(weights, prompts[0], n // 2 - len(prompts[0]), rng, temperature=0.7, top_p=0.9)
    served = model.serve(weights, prompts, n // 4)
    return {
        "loss on held-out text, read in one pass": loss(model, weights, ids[: n + 1], n),
        "loss on the same text, read 8 tokens at a time": loss(model, weights, ids[: n + 1], 8),
        "loss on the same text, read token by token": loss(model, weights, ids[: n + 1], 1),
        "a sample": tiny_gpt.decode(sample),
        "two requests, served in turn": " / ".join(map(tiny_gpt.decode, served)),
    }


def loss(model: Any, weights: Any, ids: np.ndarray, chunk: int) -> float:
    """The mean surprise, in nats, at each token but the first, with the text read in chunks."""
    caches, inputs = model.new_caches(weights), ids[:-1]
    parts = [model.forward(weights, inputs[begin : begin + chunk], caches) for begin in range(0, len(inputs), chunk)]
    return surprise(np.concatenate(parts), ids)


def surprise(logits: np.ndarray, ids: np.ndarray) -> float:
    """The mean, in nats, at each token of a text but the first."""
    largest = logits.max(axis=-1)
    log_total = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=-1))
    return float((log_total - logits[np.arange(len(ids) - 1), ids[1:]]).mean())


def hidden(model: Any, weights: Any, ids: Any) -> Any:
    """The vectors after the last norm, of a healthy decoder: (n, m)."""
    x = model.embed(weights, ids, 0)
    for layer, cache in zip(weights.blocks, model.new_caches(weights), strict=True):
        x = model.block(x, layer, cache)
    return model.layer_norm(x, weights.gain, weights.bias)


def served(model: Any, weights: Any) -> Any:
    return model.serve(
        weights, [tiny_gpt.encode(text) for text in ("the queen ", "alice thought ", "it", "she said ")], 24
    )


FOLLOW_UPS = {
    "classifier": classifying(small_weights(1), [list(IDS[:5]), list(IDS[:9]), [3], list(IDS[2:6])], hidden),
    "faster": speeding(2, "`serve`, for four requests at once,", served),
}
