"""What makes an encoder run: texts alone and in company, and the report of a run on sentences of known words."""

from typing import Any

import numpy as np

from attncore.hunts.decoder.rig import WIDTH, drawn_layers, drawn_norm, small_weights
from attncore.transformer import GPTWeights
from attncore.words import vocabulary

TEXTS = [[3, 1, 4, 1, 5], [9, 2], [6, 5, 3, 5, 8, 9, 7], [1], [2, 7, 1, 8]]
SENTENCES = [
    "the cat sat on the mat",
    "the dog slept on the rug because it was tired",
    "he did not drink coffee",
    "she did drink tea",
    "the bank paid a loan",
]


def scenarios(model: Any) -> dict[str, Any]:
    """By name, functions that use an encoder from outside; what each returns is compared."""
    weights, large = small_weights(1), small_weights(2, size=1.5)
    W = np.random.default_rng(4).standard_normal((WIDTH, 3))

    def real_tokens(weights: Any, texts: list[list[int]]) -> list[np.ndarray]:
        """What is computed for the texts' own tokens, whatever stands in the padding."""
        x, real = model.encode(weights, texts)
        return [x[i][real[i]] for i in range(len(texts))]

    return {
        "the tokens of one text": lambda: real_tokens(weights, TEXTS[:1]),
        "the tokens of a batch": lambda: real_tokens(weights, TEXTS),
        "the tokens of a batch, large weights": lambda: real_tokens(large, TEXTS[1:3]),
        "the tokens of a text of one": lambda: real_tokens(weights, [[4]]),
        "the vectors of a batch": lambda: model.sentence_vectors(weights, TEXTS),
        "the vector of one text": lambda: model.sentence_vectors(large, TEXTS[2:3]),
        "the vectors of equal lengths": lambda: model.sentence_vectors(weights, [text[:1] for text in TEXTS]),
        "the three most similar": lambda: model.most_similar(weights, [3, 1, 4], TEXTS, 3),
        "the most similar": lambda: model.most_similar(large, [2, 7], TEXTS, 1),
        "the classes of a batch": lambda: model.classify(weights, TEXTS, W),
        "the classes of one text": lambda: model.classify(weights, TEXTS[3:4], W),
    }


def symptoms(model: Any) -> dict[str, Any]:
    """What a run on real words shows: what a sentence's vector depends on, and who is similar to whom."""
    weights, ids = word_weights(), word_ids()
    texts = [[ids[word] for word in sentence.split()] for sentence in SENTENCES]
    together = model.sentence_vectors(weights, texts)
    alone = np.concatenate([model.sentence_vectors(weights, [text]) for text in texts])
    turned = model.sentence_vectors(weights, [text[::-1] for text in texts[:1]])
    x, real = model.encode(weights, texts)
    return {
        "a sentence's vector alone and in a batch, cosine": list(map(float, (together * alone).sum(axis=-1))),
        "a sentence and its words in reverse, cosine": float(turned[0] @ alone[0]),
        "length of the vectors": list(map(float, np.linalg.norm(together, axis=-1))),
        "standard deviation of the tokens": float(x[real].std()),
        "tokens that count as real": int(real.sum()),
        "the two that are most like the first": list(map(int, model.most_similar(weights, texts[0], texts[1:], 2))),
    }


def word_weights() -> GPTWeights:
    """An encoder at the start of its training, on the vectors of real words, cut to this width."""
    rng = np.random.default_rng(11)
    vectors = np.stack(list(vocabulary().values()))[:, :WIDTH]
    padding = rng.standard_normal((1, WIDTH))
    table = np.concatenate([padding, vectors / vectors.std()])
    return GPTWeights(table, table[:0], drawn_layers(rng, 0.25), *drawn_norm(rng, 0.25))


def word_ids() -> dict[str, int]:
    return {word: place + 1 for place, word in enumerate(vocabulary())}
