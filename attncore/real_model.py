"""Lesson 20: a trained network, all-MiniLM-L6-v2, run by the functions of this course."""

import json
import re
import string
import unicodedata
from os.path import expanduser
from pathlib import Path
from typing import NamedTuple

import numpy as np

from attncore.dot_product import attention_weights
from attncore.heads import merge_heads, split_heads
from attncore.masks import padding_mask
from attncore.shapes import shaped
from attncore.transformer import FeedForwardWeights, feed_forward, layer_norm
from attncore.weighted_sum import weighted_sum

N_LAYERS = 6
N_HEADS = 12
MOST_TOKENS = 256  # of one text, [CLS] and [SEP] among them
BATCH = 8  # texts that run at once
SPECIAL = re.compile(r"(\[(?:PAD|UNK|CLS|SEP|MASK)\])")


class Model(NamedTuple):
    """A trained network: its vocabulary, token to row, and its weights under BERT's own names."""

    vocabulary: dict[str, int]
    weights: dict[str, np.ndarray]

    def linear(self, name):
        """W and b of x @ W + b; the file keeps W as (out, in)."""
        return self.weights[f"{name}.weight"].T, self.weights[f"{name}.bias"]

    def project(self, x, name):
        W, b = self.linear(name)
        return x @ W + b

    def norm(self, x, name):
        gain, bias = (self.weights[f"{name}.LayerNorm.{kind}"] for kind in ("weight", "bias"))
        return layer_norm(x, gain, bias, eps=1e-12)


def model_folder(model="all-MiniLM-L6-v2"):
    """The folder where `attncore get-model` puts a model."""
    return Path(expanduser("~"), ".cache", "attncore", model)


def load_model(folder=None):
    """Read all-MiniLM-L6-v2 from its folder: model.safetensors and vocab.txt.

    Without a folder it is that of `attncore get-model`. Raises FileNotFoundError where the model
    is not there. The network is Wang et al. (2020), trained further for sentences.
    """
    folder = model_folder() if folder is None else Path(folder)
    for name in ("model.safetensors", "vocab.txt"):
        if not (folder / name).is_file():
            missing = f"There is no {name} in {folder}"
            raise FileNotFoundError(f"{missing}; get the model with: attncore get-model minilm")
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").split()
    vocabulary = {token: row for row, token in enumerate(tokens)}
    return Model(vocabulary, read_safetensors(folder / "model.safetensors"))


def read_safetensors(path):
    """Every array of a safetensors file by name: eight bytes of length, a JSON header, numbers."""
    content = Path(path).read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        dtype = {"F32": "<f4", "I64": "<i8"}[entry["dtype"]]
        arrays[name] = np.frombuffer(content[begin:end], dtype).reshape(entry["shape"])
    return arrays


def tokenize(model, text):
    """Cut a text into tokens of the model's vocabulary, [CLS] before them and [SEP] behind.

    Case and accents go; a word is cut into pieces, each the longest that the vocabulary has, with
    ## before all but the first; a word that cannot be is [UNK]. At most 256 tokens: what is beyond
    is cut off. WordPiece is Wu et al. (2016), in BERT's form, Devlin et al. (2018).
    """
    pieces = [piece for word in split_words(text) for piece in word_pieces(word, model.vocabulary)]
    return ["[CLS]", *pieces[: MOST_TOKENS - 2], "[SEP]"]


def split_words(text):
    """Words in lower case without accents; a punctuation mark or a Chinese character is a word."""
    words: list[str] = []
    for part in SPECIAL.split(text):
        characters = unicodedata.normalize("NFD", part)  # an accent becomes a character of its own
        words += [part] if SPECIAL.match(part) else "".join(map(simplify, characters)).split()
    return words


def simplify(c):
    """What is left of one character; where it is a word of its own, spaces go around it."""
    category = unicodedata.category(c)
    if c in "\t\n\r":
        return " "
    if category in ("Mn", "Cc", "Cf", "Co") or c == "\ufffd":  # accents, and what nobody sees
        return ""
    chinese = re.match("CJK (UNIFIED|COMPATIBILITY) IDEOGRAPH", unicodedata.name(c, ""))
    alone = chinese or category.startswith("P") or c in string.punctuation
    return f" {c} " if alone else c.lower()


def word_pieces(word, vocabulary):
    """The pieces of a word, each the longest that fits; [UNK] where none does."""
    pieces, start = [], 0
    while start < len(word):
        mark = "##" if start else ""
        candidates = (mark + word[start:end] for end in range(len(word), start, -1))
        piece = next((candidate for candidate in candidates if candidate in vocabulary), None)
        if piece is None or len(word) > 100:
            return ["[UNK]"]
        pieces.append(piece)
        start += len(piece) - len(mark)
    return pieces


@shaped("->(b,n,m)")
def embed_tokens(model, texts):
    """Add the vector of each token's word and the vector of its position, and normalize.

    `texts` are lists of tokens, all of one length.
    """
    rows = np.array([[model.vocabulary[token] for token in tokens] for tokens in texts])
    words = model.weights["embeddings.word_embeddings.weight"][rows]
    positions = model.weights["embeddings.position_embeddings.weight"][: rows.shape[1]]
    kind = model.weights["embeddings.token_type_embeddings.weight"][0]  # of a first text, or only
    return model.norm(words + positions + kind, "embeddings")


@shaped("_,_,(b,n,m)->(b,h,n,n)")
def head_maps(model, layer, x, mask=None):
    """Compute what each head of a layer attends to: its attention weights.

    The mask is that of `scaled_dot_product_attention`; it broadcasts to the maps.
    """
    at = f"encoder.layer.{layer}.attention.self"
    query = split_heads(model.project(x, f"{at}.query"), N_HEADS)
    key = split_heads(model.project(x, f"{at}.key"), N_HEADS)
    return attention_weights(query, key, mask)


@shaped("_,_,(b,n,m)->(b,n,m)")
def bert_block(model, layer, x, mask=None):
    """Let the tokens look at each other, then each think by itself, and normalize after each.

    Post-norm and with biases, unlike `encoder_block`. The mask is that of `head_maps`. Devlin et
    al. (2018).
    """
    at = f"encoder.layer.{layer}"
    value = split_heads(model.project(x, f"{at}.attention.self.value"), N_HEADS)
    return finish_block(model, layer, x, merge_heads(weighted_sum(head_maps(model, layer, x, mask), value)))


def finish_block(model, layer, x, heads):
    """What a block does with what its heads bring: project, add, normalize, and think."""
    at = f"encoder.layer.{layer}"
    attended = model.project(heads, f"{at}.attention.output.dense")
    x = model.norm(x + attended, f"{at}.attention.output")
    W_in, b_in = model.linear(f"{at}.intermediate.dense")
    W_out, b_out = model.linear(f"{at}.output.dense")
    thought = feed_forward(x, FeedForwardWeights(W_in, b_in, W_out, b_out))
    return model.norm(x + thought, f"{at}.output")


def attention_maps(model, text):
    """Return the tokens of a text, and what each head of each layer attends to.

    The maps are (layers, heads, n, n): rows are queries, columns are keys.
    """
    tokens = tokenize(model, text)
    x, maps = embed_tokens(model, [tokens]), []
    for layer in range(N_LAYERS):
        maps.append(head_maps(model, layer, x)[0])
        x = bert_block(model, layer, x)
    return tokens, np.stack(maps)


@shaped("->(b,m)")
def encode(model, texts):
    """Turn each text into a vector of length 1; the more alike two texts, the larger their product.

    The mean of a text's tokens after the last layer, [CLS] and [SEP] among them. Raises
    ValueError for a single string. Reimers and Gurevych (2019).
    """
    if isinstance(texts, str):
        raise ValueError("encode: texts is one string, expected a list of strings")
    nothing = np.zeros((0, len(model.weights["embeddings.LayerNorm.bias"])), np.float32)
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return np.concatenate([nothing, *(encode_batch(model, batch) for batch in batches)])


def encode_batch(model, texts):
    """Encode a few texts together, padded to the longest."""
    texts = [tokenize(model, text) for text in texts]
    lengths = [len(tokens) for tokens in texts]
    mask = padding_mask(lengths, max(lengths))
    x = embed_tokens(model, [tokens + ["[PAD]"] * (max(lengths) - len(tokens)) for tokens in texts])
    for layer in range(N_LAYERS):
        x = bert_block(model, layer, x, mask[:, None])
    return sentence_vectors(x, mask[:, 0])


@shaped("(b,n,m),(b,n):bool->(b,m)")
def sentence_vectors(x, mask):
    """Average the tokens of each text, the padding left out, and give the mean the length 1.

    The mask is boolean, True = a token of the text; padding may stand on either side. Reimers and Gurevych (2019).
    """
    mask = mask.astype(x.dtype)
    mean = weighted_sum(mask[:, None], x)[:, 0] / mask.sum(axis=-1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@shaped("(m),(n,m)->(t)")
def most_similar(vector, vectors, count):
    """Find the vectors that point most nearly the same way: their places, the nearest first.

    Nearness is the cosine of the angle, so lengths don't matter. Returns `count` places.
    """
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1)
    return np.argsort(-cosines)[:count]
