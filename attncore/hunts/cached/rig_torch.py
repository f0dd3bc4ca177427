"""What makes a cached decoder in PyTorch run: chunks of all lengths against a pass over the whole text, and beams."""

from functools import partial
from typing import Any

import numpy as np
import torch

from attncore import tiny_gpt
from attncore.hunts.decoder.rig import CONTEXT, TOKENS, small_weights
from attncore.hunts.decoder.rig_torch import IDS, ROWS, config, near
from attncore.hunts.decoder.rig_torch import state as decoder_state
from attncore.hunts.tensors import array, filled, from_the_start, generator, measured, steady, tensor, watched
from attncore.transformer import GPTWeights


def state(weights: GPTWeights) -> dict[str, np.ndarray]:
    """The decoder's parameters; here the two layers of a feed-forward part have numbers."""
    found = decoder_state(weights)
    return {name.replace(".wide.", ".0.").replace(".narrow.", ".2."): value for name, value in found.items()}


def built(module: Any, weights: GPTWeights, dropout: float = 0.0) -> Any:
    """A model with these weights, in float64 and in training mode."""
    return filled(module.GPT(config(module, weights, dropout)), state(weights))


def scenarios(module: Any) -> dict[str, Any]:
    """By name, functions that use a decoder from outside; what each returns is compared."""
    usual, large, flat = small_weights(1), small_weights(2, size=1.5), small_weights(3, size=0.05)

    def in_chunks(model: Any, lengths: list[int], ids: np.ndarray = IDS) -> list[np.ndarray]:
        with torch.no_grad():
            caches = module.new_caches(model, len(ids))
            return [array(model(part, caches)) for part in tensor(ids[:, : sum(lengths)]).split(lengths, dim=1)]

    def in_half_precision() -> list[bool]:
        """Do float16 and bfloat16 give about what float64 gives?"""
        model = built(module, usual).eval()
        full = np.concatenate(in_chunks(model, [5, 3, 1]), axis=1)
        kinds = torch.float16, torch.bfloat16
        return [near(np.concatenate(in_chunks(model.to(kind), [5, 3, 1]), axis=1), full, 0.1) for kind in kinds]

    def prefilled(n: int, **how: int) -> list[np.ndarray]:
        """The logits after a prompt, and after one more token."""
        model = built(module, large).eval()
        with torch.no_grad():
            caches = module.new_caches(model, len(IDS))
            after = module.prefill(model, tensor(IDS[:, :n]), caches, **how)
            return [array(after), array(model(tensor(IDS[:, n : n + 1]), caches))]

    def drawn(**how: float) -> np.ndarray:
        return array(module.probabilities(tensor(ROWS), **how))

    def greedy(ids: Any, n_new: int, stop: int | None = None) -> np.ndarray:
        model = built(module, usual, dropout=0.5)
        return array(module.generate(model, tensor(ids), n_new, generator(0), temperature=1e-4, stop=stop))

    def chance() -> list[bool]:
        """A generator's state alone decides on a text, and the texts of a batch are drawn each for itself."""
        model, texts = built(module, flat), []
        for seed, other in ((0, 1), (0, 2), (3, 4)):
            torch.manual_seed(other)
            texts.append(array(module.generate(model, tensor([[1], [1]]), 8, generator(seed), top_p=0.95)))
        one, same, new = texts
        return [np.array_equal(one, same), np.array_equal(one, new), np.array_equal(one[0], one[1])]

    def dropped() -> bool:
        """Do two passes in training differ?"""
        model = built(module, usual, dropout=0.5)
        return np.array_equal(in_chunks(model, [6]), in_chunks(model, [6]))

    def modes() -> list[Any]:
        """In which mode a model generates and searches."""
        model, seen = built(module, usual, dropout=0.5), []
        for work in (lambda: module.generate(model, tensor(IDS[:, :3]), 2), lambda: searched(model, [3, 1], 2, 2)):
            with watched(model.train()) as calls:
                work()
            seen.append(sorted(set(calls)))
        return seen

    def searched(model: Any, prompt: list[int], n_new: int, k: int) -> list[Any]:
        text, total = module.beam_search(model, tensor(prompt), n_new, k)
        return [list(map(int, text)), float(total)]

    return steady(
        {
            "the logits of a whole text": lambda: in_chunks(built(module, usual).eval(), [CONTEXT]),
            "the logits of a text, token by token": lambda: in_chunks(built(module, usual).eval(), [1] * CONTEXT),
            "the logits of a text in chunks": lambda: in_chunks(built(module, large).eval(), [5, 3, 1, 2]),
            "the logits of one text": lambda: in_chunks(built(module, usual).eval(), [4, 4], IDS[:1]),
            "the logits of a model in evaluation": lambda: in_chunks(built(module, usual, 0.5).eval(), [3, 2]),
            "the logits in half precision": in_half_precision,
            "two passes in training": dropped,
            "the mode of the model": modes,
            "prompts read in one chunk": partial(prefilled, 7, chunk=8),
            "prompts read in whole chunks": partial(prefilled, 8, chunk=4),
            "prompts with a shorter last chunk": partial(prefilled, 9, chunk=2),
            "prompts read as usual": partial(prefilled, 11),
            "probabilities": drawn,
            "probabilities at another temperature": partial(drawn, temperature=0.6),
            "probabilities of the likely tokens": partial(drawn, temperature=1.4, top_p=0.8),
            "probabilities with a small top-p": partial(drawn, top_p=0.1),
            "texts without chance": lambda: greedy(IDS[:, :3], 8),
            "texts without chance from long prompts": lambda: greedy(IDS[:2, :10], 2),
            "texts up to the stop token": lambda: [greedy(IDS[:, :3], 4, stop=token) for token in range(TOKENS)],
            "texts with chance": chance,
            "a search with one beam": lambda: searched(built(module, usual), [3, 1, 4], 6, 1),
            "a search with three beams": lambda: [
                searched(built(module, usual), [3, token], 5, 3) for token in range(5)
            ],
            "a search with many beams": lambda: [searched(built(module, flat), [i], 4, 8) for i in range(3)],
        }
    )


@from_the_start()
def symptoms(module: Any) -> dict[str, Any]:
    """What a run on real text shows, in float32: losses in one pass and with the cache, a sample, and a search."""
    weights = tiny_gpt.load()
    ids, n = tiny_gpt.encode(tiny_gpt.held_out()), len(weights.position_embedding)
    text = tensor([ids[: n + 1]])
    prompts = tensor([tiny_gpt.encode(prompt) for prompt in ("said the queen, and ", "alice was not a bit ")])
    model = built(module, weights, dropout=0.1).float()

    def loss(chunk: int) -> float:
        """The mean surprise, in nats, at each token but the first, with the text read in chunks."""
        model.eval()
        with torch.no_grad():
            caches = module.new_caches(model, 1)
            logits = torch.cat([model(part, caches) for part in text[:, :-1].split(chunk, dim=1)], dim=1)
        return float(torch.nn.functional.cross_entropy(logits[0], text[0, 1:]).item())

    def in_half_precision() -> float:
        model.half()
        try:
            return loss(8)
        finally:
            model.float()

    def sample() -> str:
        found = module.generate(model.train(), prompts[:1], n // 2, generator(7), temperature=0.7, top_p=0.9)
        return str(tiny_gpt.decode(found[0].tolist()))

    def both(stop: int | None) -> str:
        found = module.generate(model, prompts, n // 4, generator(7), temperature=1e-3, stop=stop)
        return " / ".join(tiny_gpt.decode(row) for row in found.tolist())

    def searched(k: int) -> tuple[str, float]:
        found, total = module.beam_search(model, prompts[0], n // 4, k)
        return str(tiny_gpt.decode(found)), float(total)

    return measured(
        {
            "loss on held-out text, read in one pass": lambda: loss(n),
            "loss on the same text, read 8 tokens at a time": lambda: loss(8),
            "loss on the same text, read token by token": lambda: loss(1),
            "loss on the same text, in float16": in_half_precision,
            "a sample": sample,
            "two prompts, continued together without chance": lambda: both(None),
            "the same, each up to its first e": lambda: both(tiny_gpt.encode("e")[0]),
            "log-probability of what 1, 2 and 8 beams find": lambda: [searched(k)[1] for k in (1, 2, 8)],
            "what 8 beams find": lambda: searched(8)[0],
        }
    )
