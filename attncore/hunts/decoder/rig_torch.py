"""What makes a decoder in PyTorch run: small scenarios whose results are compared, and a report on real text."""

import copy
from functools import partial
from typing import Any

import numpy as np
import torch

from attncore import tiny_gpt
from attncore.hunts.decoder.rig import CONTEXT, SCORES, TOKENS, small_weights
from attncore.hunts.tensors import (
    array,
    filled,
    from_the_start,
    generator,
    gradients,
    left_behind,
    measured,
    steady,
    tensor,
    watched,
)
from attncore.transformer import EncoderWeights, GPTWeights, NormWeights

IDS = np.random.default_rng(0).integers(TOKENS, size=(3, CONTEXT))
ROWS = np.stack([SCORES, 2 * SCORES[::-1] + 0.1])


def state(weights: GPTWeights) -> dict[str, np.ndarray]:
    """A model's parameters under the names of its modules; nn.Linear keeps a matrix as (out, in)."""
    found = {
        "token.weight": weights.token_embedding,
        "position.weight": weights.position_embedding,
        "head.weight": weights.token_embedding,
        **norm_state("norm", NormWeights(weights.gain, weights.bias)),
    }
    for place, layer in enumerate(weights.blocks):
        found |= {f"blocks.{place}.{name}": value for name, value in layer_state(layer).items()}
    return found


def layer_state(layer: EncoderWeights) -> dict[str, np.ndarray]:
    return {
        "attention.qkv.weight": np.concatenate(layer.attention[:3], axis=1).T,
        "attention.output.weight": layer.attention.W_output.T,
        **beside_attention(layer),
    }


def beside_attention(layer: EncoderWeights) -> dict[str, np.ndarray]:
    """A layer's parameters but for those of its attention, whose modules differ from file to file."""
    wide = layer.feed_forward
    return {
        **norm_state("attention_norm", layer.attention_norm),
        **norm_state("feed_forward_norm", layer.feed_forward_norm),
        "feed_forward.wide.weight": wide.W_in.T,
        "feed_forward.wide.bias": wide.b_in,
        "feed_forward.narrow.weight": wide.W_out.T,
        "feed_forward.narrow.bias": wide.b_out,
    }


def norm_state(name: str, norm: NormWeights) -> dict[str, np.ndarray]:
    return {f"{name}.weight": norm.gain, f"{name}.bias": norm.bias}


def config(module: Any, weights: GPTWeights, dropout: float) -> Any:
    """The file's own Config for these weights."""
    tokens, width = weights.token_embedding.shape
    context, hidden = len(weights.position_embedding), len(weights.blocks[0].feed_forward.b_in)
    return module.Config(tokens, context, width, hidden, len(weights.blocks), dropout=dropout)


def built(module: Any, weights: GPTWeights, dropout: float = 0.0) -> Any:
    """A model with these weights, in float64 and in training mode."""
    return filled(module.GPT(config(module, weights, dropout)), state(weights))


def near(one: Any, other: Any, tolerance: float) -> bool:
    """Are numbers of a coarser type those of a finer one, by and large?"""
    return bool(np.abs(array(one) - array(other)).max() <= tolerance * np.abs(array(other)).max())


def scenarios(module: Any) -> dict[str, Any]:
    """By name, functions that use a decoder from outside; what each returns is compared."""
    usual, large, flat = small_weights(1), small_weights(2, size=1.5), small_weights(3, size=0.05)

    def logits(weights: GPTWeights, ids: Any, dropout: float = 0.0) -> np.ndarray:
        return array(built(module, weights, dropout).eval()(tensor(ids)))

    def loss(weights: GPTWeights, ids: Any) -> float:
        return float(module.loss(built(module, weights), tensor(ids)).item())

    def graded() -> Any:
        model = built(module, usual)
        return gradients(model, module.loss(model, tensor(IDS[:, :6])))

    def in_half_precision() -> list[bool]:
        """Do float16 and bfloat16 give about what float64 gives?"""
        model, ids = built(module, usual).eval(), tensor(IDS[:, :7])
        full = model(ids)
        return [near(model.to(kind)(ids), full, 0.1) for kind in (torch.float16, torch.bfloat16)]

    def dropped() -> bool:
        """Do two passes in training differ?"""
        model = built(module, usual, dropout=0.5)
        return bool(torch.equal(model(tensor(IDS)), model(tensor(IDS))))

    def started() -> Any:
        """What a new model has: how many numbers, and whether they start where GPT's do."""
        model = module.GPT(config(module, usual, 0.0))
        new = [(name, array(p)) for name, p in sorted(model.named_parameters())]
        spreads = [(name, near(p.std(), 0.02, 0.4), bool(abs(p.mean()) < 0.01)) for name, p in new if p.ndim == 2]
        others = [(name, near(p, np.full_like(p, float("norm.weight" in name)), 0)) for name, p in new if p.ndim == 1]
        return sum(p.size for _, p in new), len(left_behind(model)), spreads, others

    def drawn(**how: Any) -> np.ndarray:
        return array(module.probabilities(tensor(ROWS), **how))

    def untouched() -> np.ndarray:
        """The caller's logits after they have been used."""
        given = tensor(ROWS)
        module.probabilities(given, temperature=0.5, top_k=2)
        return array(given)

    def greedy(ids: Any, n_new: int) -> np.ndarray:
        return array(module.generate(built(module, usual), tensor(ids), n_new, generator(0), temperature=1e-4))

    def best_alone() -> np.ndarray:
        return array(module.generate(built(module, flat), tensor(IDS[:2, :2]), 6, generator(0), top_k=1))

    def chance() -> list[bool]:
        """A generator's state alone decides on a text, and the texts of a batch are drawn each for itself."""
        model, texts = built(module, flat), []
        for seed, other in ((0, 1), (0, 2), (3, 4)):
            torch.manual_seed(other)
            texts.append(array(module.generate(model, tensor([[1], [1]]), 8, generator(seed))))
        one, same, new = texts
        return [np.array_equal(one, same), np.array_equal(one, new), np.array_equal(one[0], one[1])]

    def modes() -> list[Any]:
        """In which mode a model generates, and in which it's left."""
        found = []
        for training in (True, False):
            model = built(module, usual, dropout=0.5).train(training)
            with watched(model) as calls:
                module.generate(model, tensor(IDS[:, :3]), 2, generator(0))
            found.append((sorted(set(calls)), bool(model.training)))
        return found

    return steady(
        {
            "the logits of three texts": lambda: logits(usual, IDS),
            "the logits of three tokens": lambda: logits(usual, IDS[:1, :3]),
            "the logits of one token": lambda: logits(usual, IDS[:2, :1]),
            "the logits under large weights": lambda: logits(large, IDS[:2, :7]),
            "the logits of a model in evaluation": lambda: logits(usual, IDS[:2, :7], dropout=0.5),
            "the logits in half precision": in_half_precision,
            "two passes in training": dropped,
            "a new model": started,
            "the loss of three texts": lambda: loss(usual, IDS),
            "the loss of a short text": lambda: loss(large, IDS[:1, :4]),
            "the gradients": graded,
            "probabilities": drawn,
            "probabilities at a low temperature": partial(drawn, temperature=0.5),
            "probabilities of the three best": partial(drawn, top_k=3),
            "probabilities of the best": partial(drawn, temperature=2.0, top_k=1),
            "the logits after sampling": untouched,
            "texts without chance": lambda: greedy(IDS[:, :2], 5),
            "texts longer than the context": lambda: greedy(IDS[:2, :9], 6),
            "a text of the best token alone": best_alone,
            "texts with chance": chance,
            "the mode of the model": modes,
        }
    )


@from_the_start()
def symptoms(module: Any) -> dict[str, Any]:
    """What a run on real text shows, in float32: losses, a sample, activations, and what a new model starts with."""
    weights = tiny_gpt.load()
    ids, n = tiny_gpt.encode(tiny_gpt.held_out()), len(weights.position_embedding)
    windows = tensor([ids[start : start + n + 1] for start in range(0, 8 * n, n)])
    prompt = tensor([tiny_gpt.encode("said the queen, ")])
    model = built(module, weights, dropout=0.1).float()
    new = module.GPT(config(module, weights, 0.1))

    def loss(of: Any) -> float:
        return float(module.loss(of.eval(), windows).item())

    def sample() -> str:
        text = module.generate(model.train(), prompt, 120, generator(7), temperature=0.7, top_k=8)
        return str(tiny_gpt.decode(text[0].tolist()))

    def mode() -> str:
        module.generate(model.train(), prompt, 1, generator(0))
        return "training" if model.training else "evaluation"

    def spread() -> list[float]:
        found: list[float] = []
        handles = [
            block.register_forward_hook(lambda *parts: found.append(float(array(parts[-1]).std())))
            for block in model.blocks
        ]
        model.eval()(windows[:, :n])
        for handle in handles:
            handle.remove()
        return found

    return measured(
        {
            "loss on held-out text, nats a character, evaluated twice": lambda: [loss(model), loss(model)],
            "the same in float16": lambda: loss(copy.deepcopy(model).half()),
            "loss of a new model": lambda: loss(new),
            "loss of a guess, for comparison": lambda: float(np.log(len(weights.token_embedding))),
            "standard deviation after each block": spread,
            "length of the gradient of all parameters": lambda: float(
                np.sqrt(sum((g**2).sum() for _, g in gradients(model, module.loss(model, windows))))
            ),
            "numbers that are trained": lambda: sum(p.numel() for p in model.parameters()),
            "tensors that stay where they are when the model moves": lambda: len(left_behind(model)),
            "mode of a model that has written a sample in its training": mode,
            "a sample": sample,
        }
    )
