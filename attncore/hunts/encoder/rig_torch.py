"""What makes an encoder in PyTorch run: texts alone and in company, a training's losses, and a report on real words."""

from typing import Any

import numpy as np
import torch

from attncore.hunts.decoder.rig import WIDTH, small_weights
from attncore.hunts.decoder.rig_torch import beside_attention
from attncore.hunts.encoder.rig import SENTENCES, TEXTS, word_ids, word_weights
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
from attncore.transformer import EncoderWeights, GPTWeights

CONTEXT, CLASSES, MASK = 16, 3, 10
CLASS_WEIGHTS = np.random.default_rng(4).standard_normal((WIDTH, CLASSES))


def state(weights: GPTWeights) -> dict[str, np.ndarray]:
    """An encoder's parameters under the names of its modules; nn.Linear keeps a matrix as (out, in)."""
    found = {"token.weight": weights.token_embedding}
    for place, layer in enumerate(weights.blocks):
        found |= {f"blocks.{place}.{name}": value for name, value in layer_state(layer).items()}
    return found


def layer_state(layer: EncoderWeights) -> dict[str, np.ndarray]:
    return {
        "attention.in_proj_weight": np.concatenate(layer.attention[:3], axis=1).T,
        "attention.out_proj.weight": layer.attention.W_output.T,
        **beside_attention(layer),
    }


def built(module: Any, weights: GPTWeights, dropout: float = 0.0) -> Any:
    """An encoder with these weights, in float64 and in training mode."""
    tokens, width = weights.token_embedding.shape
    hidden = len(weights.blocks[0].feed_forward.b_in)
    sizes = module.Config(tokens, CONTEXT, width, hidden, len(weights.blocks), dropout=dropout)
    return filled(module.Encoder(sizes), state(weights))


def classifier(module: Any, weights: GPTWeights) -> Any:
    model = module.Classifier(built(module, weights), CLASSES)
    return filled(model, {"head.weight": CLASS_WEIGHTS.T})


def padded(texts: list[list[int]], n: int) -> tuple[Any, Any, Any]:
    """Ids (b, n), which of them are real, and labels that ask for the tokens at even places."""
    ids = tensor([text + [0] * (n - len(text)) for text in texts])
    real = ids > 0
    return ids, real, torch.where(real & (torch.arange(n) % 2 == 0), ids, -100)


def coarse(result: Any) -> np.ndarray:
    """Numbers that are compared to four places: a table of sines may be computed in float32, in several ways."""
    return 100 + array(result)


def scenarios(module: Any) -> dict[str, Any]:
    """By name, functions that use an encoder from outside; what each returns is compared."""
    usual, large = small_weights(1), small_weights(2, size=1.5)

    def real_tokens(weights: GPTWeights, texts: list[list[int]], dropout: float = 0.0) -> list[np.ndarray]:
        """What is computed for the texts' own tokens, whatever stands in the padding."""
        x, real = module.encode(built(module, weights, dropout), texts)
        return [coarse(x[i][real[i]]) for i in range(len(texts))]

    def vectors(weights: GPTWeights, texts: list[list[int]]) -> np.ndarray:
        return coarse(module.sentence_vectors(built(module, weights), texts))

    def similar(weights: GPTWeights, text: list[int], k: int) -> list[int]:
        return list(map(int, module.most_similar(built(module, weights), text, TEXTS, k)))

    def classes(texts: list[list[int]]) -> np.ndarray:
        ids, real, _ = padded(texts, 7)
        return coarse(classifier(module, usual)(ids, real))

    def fine_tuned() -> list[Any]:
        model, (ids, real, _) = classifier(module, usual), padded(TEXTS, 7)
        return graded(model, torch.nn.functional.cross_entropy(model(ids, real), tensor([0, 2, 1, 1, 0])))

    def unmasked(weights: GPTWeights, texts: list[list[int]]) -> list[Any]:
        model = built(module, weights)
        return graded(model, module.masked_loss(model, *padded(texts, 7)))

    def graded(model: Any, loss: Any) -> list[Any]:
        return [coarse(loss), [(name, coarse(g)) for name, g in gradients(model, loss)]]

    def masked(rate: float) -> list[Any]:
        """Of a large batch: is the share hidden that was asked for, only of real tokens, and are the labels right?"""
        ids = torch.randint(2, MASK, (200, 12), generator=generator(1))
        real = torch.arange(12) < torch.randint(3, 13, (200, 1), generator=generator(2))
        kept = ids.clone()
        read, labels = module.mask_tokens(ids, real, MASK, generator(3), rate)
        changed = read != kept
        return [
            abs(float(changed[real].double().mean()) - rate) < 0.05,
            int(changed[~real].sum()),
            sorted(set(read[changed].tolist())),
            bool((labels[changed] == kept[changed]).all()),
            sorted(set(labels[~changed].tolist())),
            torch.equal(ids, kept),
        ]

    def masked_by_chance() -> list[bool]:
        """Does the generator's state alone decide on what is hidden?"""
        found = []
        for seed, other in ((0, 1), (0, 2), (3, 4)):
            torch.manual_seed(other)
            found.append(array(module.mask_tokens(*padded(TEXTS, 7)[:2], MASK, generator(seed), 0.5)[0]))
        return [np.array_equal(found[0], found[1]), np.array_equal(found[0], found[2])]

    def dropped() -> bool:
        """Do two passes in training differ?"""
        model, (ids, real, _) = built(module, usual, dropout=0.5), padded(TEXTS, 7)
        return bool(torch.equal(model(ids, real), model(ids, real)))

    def modes() -> list[Any]:
        """In which mode texts are encoded."""
        model = built(module, usual, dropout=0.5)
        with watched(model) as calls:
            module.encode(model, TEXTS[:2])
        return sorted(set(calls))

    def held() -> list[Any]:
        """What an encoder holds: the parameters that are trained, and how many tensors don't move with it."""
        model = built(module, usual)
        trained = [(name, list(p.shape)) for name, p in sorted(model.named_parameters()) if p.requires_grad]
        return [trained, len(left_behind(model))]

    return steady(
        {
            "the tokens of one text": lambda: real_tokens(usual, TEXTS[:1]),
            "the tokens of a batch": lambda: real_tokens(usual, TEXTS),
            "the tokens of a batch, large weights": lambda: real_tokens(large, TEXTS[1:3]),
            "the tokens of a text of one": lambda: real_tokens(usual, [[4]]),
            "the tokens of a batch, by a model with dropout": lambda: real_tokens(usual, TEXTS[2:], dropout=0.5),
            "two passes in training": dropped,
            "the mode of the model": modes,
            "what the encoder holds": held,
            "the vectors of a batch": lambda: vectors(usual, TEXTS),
            "the vector of one text": lambda: vectors(large, TEXTS[2:3]),
            "the vectors of equal lengths": lambda: vectors(usual, [text[:1] for text in TEXTS]),
            "the three most similar": lambda: similar(usual, [3, 1, 4], 3),
            "the most similar": lambda: similar(large, [2, 7], 1),
            "all by similarity": lambda: similar(large, [6, 5, 3], 5),
            "the classes of a batch": lambda: classes(TEXTS),
            "the classes of one text": lambda: classes(TEXTS[3:4]),
            "the gradients of a classifier": fine_tuned,
            "nothing hidden": lambda: masked(0.0),
            "three in ten hidden": lambda: masked(0.3),
            "everything hidden": lambda: masked(1.0),
            "hidden by chance": masked_by_chance,
            "the loss at hidden tokens": lambda: unmasked(usual, TEXTS),
            "the loss of one text": lambda: unmasked(large, TEXTS[2:3]),
        }
    )


@from_the_start()
def symptoms(module: Any) -> dict[str, Any]:
    """What a run on real words shows: what a sentence's vector depends on, who is similar to whom, and two losses."""
    weights, ids = word_weights(), word_ids()
    texts = [[ids[word] for word in sentence.split()] for sentence in SENTENCES]
    model = built(module, weights, dropout=0.1).float()
    read, real, labels = padded(texts, CONTEXT)

    def alone_and_together() -> list[float]:
        alone = np.concatenate([array(module.sentence_vectors(model, [text])) for text in texts])
        return list(map(float, (array(module.sentence_vectors(model, texts)) * alone).sum(axis=-1)))

    def reversed_words() -> float:
        one, turned = (array(module.sentence_vectors(model, [text]))[0] for text in (texts[0], texts[0][::-1]))
        return float(one @ turned)

    def lengths() -> list[float]:
        return list(map(float, np.linalg.norm(array(module.sentence_vectors(model, texts)), axis=-1)))

    def spread() -> float:
        x, own = module.encode(model, texts)
        return float(array(x[own]).std())

    def hidden() -> list[int]:
        changed, asked = module.mask_tokens(read.clone(), real, len(ids), generator(0), 0.2)
        return [int((changed != read).sum()), int((asked != -100).sum()), int(real.sum())]

    def unmasked() -> float:
        return float(module.masked_loss(model.eval(), read, real, labels).item())

    def trained() -> int:
        one = classifier(module, weights)
        return sum(g.size for _, g in gradients(one, one(read, real).square().sum()))

    def classes() -> list[float]:
        """Of one sentence: by itself, then in a batch."""
        one = classifier(module, weights).eval()
        alone, together = one(read[2:3, :5], real[2:3, :5])[0], one(read, real)[2]
        return [*alone.tolist(), *together.tolist()]

    return measured(
        {
            "a sentence's vector alone and in a batch, cosine": alone_and_together,
            "a sentence and its words in reverse, cosine": reversed_words,
            "length of the vectors": lengths,
            "standard deviation of the tokens": spread,
            "the two that are most like the first": lambda: module.most_similar(model, texts[0], texts[1:], 2),
            "tokens hidden, tokens asked for, tokens in all": hidden,
            "loss at every second token": unmasked,
            "the scores of three classes alone, and in a batch": classes,
            "numbers that get a gradient in fine-tuning": trained,
            "tensors that stay where they are when the model moves": lambda: len(left_behind(model)),
        }
    )
