"""Lesson 21: a language model, SmolLM2-135M-Instruct, run by the functions of this course, or by yours."""

import math
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from attncore.cache import KVCache
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped, unchecked
from attncore.shared_heads import grouped_query_attention
from attncore.softmax import cross_entropy, log_softmax
from attncore.threads import blas
from attncore.tokenizer import decode_stream, encode
from attncore.transformer import next_token_targets, rms_norm, sample_token, swiglu


class Parts(NamedTuple):
    """The functions that the model runs on. Yours take their place by name: Parts(apply_rotary=my_rotary)."""

    split_heads: Callable = split_heads
    apply_rotary: Callable = apply_rotary
    causal_mask: Callable = causal_mask
    KVCache: Callable = KVCache
    grouped_query_attention: Callable = grouped_query_attention
    merge_heads: Callable = merge_heads
    rms_norm: Callable = rms_norm
    swiglu: Callable = swiglu
    sample_token: Callable = sample_token


OURS = Parts()


def logits(model, ids, caches=None, parts=OURS, attend=None, keep=0):
    """Score every token as the next one, after each of the ids: (n, c).

    `caches` hold a `KVCache` for each block, which grow by the ids: what they held comes before. Only
    the last `keep` rows are computed, or all if it's 0. `attend(layer, query, key, value, mask)`
    returns what the heads of a layer bring, (h, n, d), in place of `grouped_query_attention`. Pre-norm
    blocks with rotary positions, Touvron et al. (2023).
    """
    caches = [parts.KVCache() for _ in model.blocks] if caches is None else caches
    attend = attend or (lambda layer, *given: parts.grouped_query_attention(*given))
    x = model.embedding[np.asarray(ids)]
    with blas().limit(limits=model.threads), unchecked() if parts is OURS else nullcontext():
        for layer, cache in enumerate(caches):
            x = block(model, layer, x, cache, parts, attend)
        return like(x, parts.rms_norm(x[-keep:], model.gain)) @ model.embedding.T


def block(model, layer, x, cache, parts, attend):
    """Let the tokens look back, then each think by itself, both added to what was there."""
    weights = model.blocks[layer]
    positions = np.arange(len(cache), len(cache) + len(x))
    normal = like(x, parts.rms_norm(x, weights.attention_gain))
    query = parts.split_heads(normal @ weights.W_query, model.n_heads)
    key = parts.split_heads(normal @ weights.W_key, model.n_groups)
    value = parts.split_heads(normal @ weights.W_value, model.n_groups)
    cache.append(parts.apply_rotary(key, positions, model.rotary_base), value)
    query = parts.apply_rotary(query, positions, model.rotary_base)
    mask = parts.causal_mask(len(x), len(cache))
    heads = attend(layer, query, cache.key, cache.value, mask)
    x = x + like(x, parts.merge_heads(heads)) @ weights.W_output
    normal = like(x, parts.rms_norm(x, weights.feed_forward_gain))
    return x + like(x, parts.swiglu(normal, weights.feed_forward))


def like(x, result):
    """A result in x's kind of number: one part that computes in float64 would make the rest ten times slower."""
    return np.asarray(result, x.dtype)


def reader(model, parts=OURS, attend=None):
    """Return next_logits(ids), the logits (c) after all ids so far, for `generate`.

    It keeps the keys and values of what it has read, and reads only the ids that are new.
    """
    caches, seen = [parts.KVCache() for _ in model.blocks], 0

    def next_logits(ids):
        nonlocal seen
        new, seen = ids[seen:], len(ids)
        return logits(model, new, caches, parts, attend, keep=1)[0]

    return next_logits


def write(model, prompt, n_new=100, rng=None, temperature=0.0, top_k=None, top_p=None, parts=OURS, attend=None):
    """Continue a text: yields pieces of it as they come, at most n_new tokens, or up to the end of a turn.

    The tokens are drawn as `sample_token` draws, by `rng`, a Generator. At a temperature of 0 none is
    drawn, and no `rng` is needed.
    """
    return decode_stream(model.tokenizer, new_ids(model, prompt, n_new, parts, attend, rng, temperature, top_k, top_p))


def new_ids(model, prompt, n_new, parts, attend, *how):
    """Yield the ids that continue a text."""
    next_logits, ids = reader(model, parts, attend), encode(model.tokenizer, prompt)
    for _ in range(n_new):
        ids.append(parts.sample_token(next_logits(ids), *how))
        if ids[-1] == model.end:
            return
        yield ids[-1]


def text_loss(model, text, parts=OURS, attend=None, cached_from=None):
    """Measure how surprised the model is by a text: the mean cross-entropy of its tokens, in nats.

    The first token isn't predicted. With `cached_from`, so many ids are read at once and the others one
    by one through the cache, and only the predictions of those others count.
    """
    inputs, targets = next_token_targets(encode(model.tokenizer, text))
    if cached_from is None:
        return cross_entropy(logits(model, inputs, parts=parts, attend=attend), targets)
    next_logits = reader(model, parts, attend)
    next_logits(inputs[:cached_from])
    scores = [next_logits(inputs[: i + 1]) for i in range(cached_from, len(inputs))]
    return cross_entropy(np.stack(scores), targets[cached_from:])


@shaped("(n):int,_->(t,p)", axes={"n": "byte", "t": "merge", "p": "side"})
def bpe_merges(ids, n_merges):
    """Learn a vocabulary by byte-pair encoding: merge the most frequent pair of neighbors, again and again.

    `ids` are the bytes of a text, from 0 to 255; merge i makes a pair the id 256 + i, which later
    merges may join too. All neighbors count, overlapping ones as well, and a pair is replaced from
    left to right. Of pairs that tie, the one that comes first in the text is merged. Returns the
    pairs in order, a list of n_merges of them, or fewer where no two tokens are left. Sennrich et
    al. (2015).
    """
    merges: list[tuple[int, int]] = []
    tokens = ids.tolist()
    while len(merges) < n_merges and len(tokens) > 1:
        counts = Counter(pairwise(tokens))
        merges.append(max(counts, key=counts.__getitem__))
        tokens = joined(tokens, merges[-1], 255 + len(merges))
    return merges


@shaped("(n):int,_->(t)", axes={"n": "byte"})
def bpe_encode(ids, merges):
    """Cut a text into tokens by byte-pair encoding, with merges that were learned before.

    `ids` are the bytes of the text, from 0 to 255, and `merges` are pairs in the order in which
    they were learned; merge i makes a pair of neighbors the id 256 + i, which later merges may join
    too. The merge that was learned first comes first, wherever its pair stands, and replaces it from
    left to right. Returns a list of ids. A text of a single byte is a token. Sennrich et al. (2015).
    """
    tokens = ids.tolist()
    for i, pair in enumerate(merges):
        tokens = joined(tokens, tuple(pair), 256 + i)
    return tokens


def joined(tokens, pair, new):
    """The tokens with every occurrence of a pair made one, from the left."""
    out: list[int] = []
    for token in tokens:
        if out and (out[-1], token) == pair:
            out[-1] = new
        else:
            out.append(token)
    return out


@shaped("(t,c),(t):int,_->()", axes={"c": "class"})
def bits_per_byte(scores, targets, text):
    """Measure how many bits a model needs for each byte of a text, however the text was cut into tokens.

    `targets` are the text's tokens, and row i of the scores holds the logits of what may stand in the
    place of target i. What the tokens cost, in bits, is added up and divided by the number of bytes
    that the text has in UTF-8. Logits in the thousands give no infinity and no NaN. Returns a float.
    Raises ValueError for a text without a character. Gao et al. (2020).
    """
    if not text:
        raise ValueError("bits_per_byte: the text is empty, expected a character or more")
    log_p = log_softmax(scores)[np.arange(len(targets)), targets]
    return float(-log_p.sum() / math.log(2) / len(text.encode()))


@shaped("_,(n):int,_,_->(t)")
def decode_with_cache(read, prompt, n_new, stop=None):
    """Continue a prompt with the most likely token each time, through a model that keeps what it has read.

    `read(ids)` reads a list of ids behind all that it has read before, and returns the logits after
    each of them, (n, c). The prompt is read in one call, then each new id in a call of its own;
    nothing is read twice. Returns a list of the new ids: n_new of them, or fewer if the id `stop`
    comes, which is then the last. With an n_new of 0 the list is empty.
    """
    new: list[int] = []
    ids = prompt.tolist()
    while len(new) < n_new and (not new or new[-1] != stop):
        new.append(int(np.argmax(read(ids)[-1])))
        ids = new[-1:]
    return new
