"""Lesson 20: a trained encoder in which one head is wrong, asked a limited number of times, beside its healthy twin."""

import math

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask, padding_mask
from attncore.real_model import (
    N_HEADS,
    N_LAYERS,
    Model,
    embed_tokens,
    finish_block,
    load_model,
    sentence_vectors,
    tokenize,
)
from attncore.softmax import softmax
from attncore.weighted_sum import weighted_sum
from attncore.words import vocabulary

BUDGET = 10  # queries
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def unscaled(query, key, value, mask, head):
    return attention_weights(query[:, head], key[:, head], mask, scale=1.0), value[:, head]


def scaled_by_the_model_width(query, key, value, mask, head):
    scale = 1 / math.sqrt(query.shape[1] * query.shape[-1])
    return attention_weights(query[:, head], key[:, head], mask, scale), value[:, head]


def over_the_queries(query, key, value, mask, head):
    scores = np.where(mask, attention_scores(query[:, head], key[:, head]), -np.inf)
    return softmax(scores, axis=-2), value[:, head]


def padding_seen(query, key, value, mask, head):
    return attention_weights(query[:, head], key[:, head]), value[:, head]


def causal(query, key, value, mask, head):
    return attention_weights(query[:, head], key[:, head], mask & causal_mask(query.shape[-2])), value[:, head]


def transposed(query, key, value, mask, head):
    return attention_weights(query[:, head], key[:, head], mask).swapaxes(-1, -2), value[:, head]


def values_of_the_next_head(query, key, value, mask, head):
    return attention_weights(query[:, head], key[:, head], mask), value[:, (head + 1) % value.shape[1]]


def keys_for_values(query, key, value, mask, head):
    return attention_weights(query[:, head], key[:, head], mask), key[:, head]


MISTAKES = {
    "no scale": unscaled,
    "scaled by the root of the model width": scaled_by_the_model_width,
    "softmax over the queries": over_the_queries,
    "padding isn't masked": padding_seen,
    "a causal mask": causal,
    "the map is transposed": transposed,
    "the values of the next head": values_of_the_next_head,
    "keys used as values": keys_for_values,
}


def planted(seed):
    """Draw where a mistake is put and which one: (layer, head, place in MISTAKES)."""
    rng = np.random.default_rng([20, seed])
    return int(rng.integers(N_LAYERS)), int(rng.integers(N_HEADS)), int(rng.integers(len(MISTAKES)))


def wrong_head(seed, model=None, budget=BUDGET):
    """Put one mistake into one of an encoder's 72 heads: returns (healthy, suspect), two `Network`s.

    Layer, head and mistake are drawn by the seed. The suspect answers `budget` queries, the healthy one
    any number. Without a model it's all-MiniLM-L6-v2, or `small_encoder` where that isn't there.
    """
    model = model or encoder_here()
    return Network(model), Network(model, planted(seed), budget)


def encoder_here():
    """The trained encoder, or where it isn't there a small one of the same build."""
    try:
        return load_model()
    except FileNotFoundError:
        return small_encoder()


class Network:
    """An encoder that can be asked what it does inside; `left` is how often it may still be asked.

    Each question is one query, whatever it's about. It's put on a list of texts, which are padded to
    the longest. Layers and heads count from 0.
    """

    def __init__(self, model, fault=None, budget=math.inf):
        """`fault` is (layer, head, place in MISTAKES)."""
        self._model, self._fault, self.left = model, fault, budget

    def reads(self, texts, layer):
        """What a layer reads, (b, n, m); what the last one leaves is read by layer 6."""
        return self._run(texts)[0][layer]

    def map(self, texts, layer, head):
        """The attention weights of a head, (b, n, n)."""
        return self._run(texts)[1][layer][:, head]

    def output(self, texts, layer, head):
        """What a head brings, its weighted sum of values, before W_output: (b, n, d)."""
        return self._run(texts)[2][layer][:, head]

    def vectors(self, texts, without=()):
        """A vector of length 1 for each text, (b, m). The heads in `without`, (layer, head) each, bring zeros."""
        states, *_, mask = self._run(texts, without)
        return sentence_vectors(states[-1], mask)

    def _run(self, texts, without=()):
        """What each layer reads, its maps and what its heads bring, and which tokens are no padding."""
        if isinstance(texts, str):
            raise ValueError("texts is one string, expected a list of strings")
        if self.left < 1:
            raise ValueError("no query is left: answer with what you know, or begin again with another seed")
        self.left -= 1
        tokens = [tokenize(self._model, text) for text in texts]
        lengths = [len(each) for each in tokens]
        mask = padding_mask(lengths, max(lengths))
        states = [embed_tokens(self._model, [each + ["[PAD]"] * (max(lengths) - len(each)) for each in tokens])]
        maps, outputs = [], []
        for layer in range(N_LAYERS):
            weights, brought = self._heads(layer, states[-1], mask)
            for at, head in without:
                if at == layer:
                    brought[:, head] = 0
            maps.append(weights)
            outputs.append(brought)
            states.append(finish_block(self._model, layer, states[-1], merge_heads(brought)))
        return states, maps, outputs, mask[:, 0]

    def _heads(self, layer, x, mask):
        """The maps of a layer's heads and what they bring, the wrong one among them."""
        at = f"encoder.layer.{layer}.attention.self"
        query, key, value = (
            split_heads(self._model.project(x, f"{at}.{name}"), N_HEADS) for name in ("query", "key", "value")
        )
        maps = attention_weights(query, key, mask[:, None])
        outputs = weighted_sum(maps, value)
        if self._fault and self._fault[0] == layer:
            _, head, mistake = self._fault
            maps[:, head], values = list(MISTAKES.values())[mistake](query, key, value, mask, head)
            outputs[:, head] = weighted_sum(maps[:, head], values)
        return maps, outputs


def small_encoder(m=96, f=192, n_positions=64):
    """An encoder with six layers of twelve heads and drawn weights, which knows the words of `attncore.words`."""
    rng = np.random.default_rng(0)
    known = (*SPECIAL, *vocabulary(), ".", ",", "?")

    def drawn(*shape, spread=1.0):
        return (spread * rng.standard_normal(shape)).astype(np.float32)

    def linear(name, out, width):
        return {
            f"{name}.weight": drawn(out, width, spread=1 / math.sqrt(width)),
            f"{name}.bias": drawn(out, spread=0.1),
        }

    def norm(name):
        return {f"{name}.LayerNorm.weight": np.ones(m, np.float32), f"{name}.LayerNorm.bias": np.zeros(m, np.float32)}

    tables = {"word": len(known), "position": n_positions, "token_type": 2}
    weights = {f"embeddings.{name}_embeddings.weight": drawn(rows, m) for name, rows in tables.items()}
    weights |= norm("embeddings")
    for layer in range(N_LAYERS):
        at = f"encoder.layer.{layer}"
        for name in ("query", "key", "value"):
            weights |= linear(f"{at}.attention.self.{name}", m, m)
        weights |= linear(f"{at}.attention.output.dense", m, m) | norm(f"{at}.attention.output")
        weights |= linear(f"{at}.intermediate.dense", f, m) | linear(f"{at}.output.dense", m, f) | norm(f"{at}.output")
    return Model({token: row for row, token in enumerate(known)}, weights)
