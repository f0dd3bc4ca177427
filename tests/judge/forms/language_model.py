"""Published forms of lesson 21, retyped: what each is to be told."""

import math
from itertools import pairwise

import numpy as np


def get_stats(ids):
    counts = {}
    for pair in zip(ids, ids[1:], strict=False):
        counts[pair] = counts.get(pair, 0) + 1
    return counts


def merge(ids, pair, idx):
    newids, i = [], 0
    while i < len(ids):
        if ids[i] == pair[0] and i < len(ids) - 1 and ids[i + 1] == pair[1]:
            newids.append(idx)
            i += 2
        else:
            newids.append(ids[i])
            i += 1
    return newids


def minbpe_train(ids, n_merges):
    """Karpathy's minbpe, which raises where no pair is left."""
    ids, merges = list(ids), {}
    for i in range(n_merges):
        stats = get_stats(ids)
        pair = max(stats, key=stats.get)
        ids = merge(ids, pair, 256 + i)
        merges[pair] = 256 + i
    return [(int(a), int(b)) for a, b in merges]


def trainer_of_a_course(ids, n_merges):
    """Stanford's CS336 asks for ties to be broken by the larger pair."""
    tokens, merges = ids.tolist(), []
    while len(merges) < n_merges and len(tokens) > 1:
        counts = get_stats(tokens)
        merges.append(max(counts, key=lambda pair: (counts[pair], pair)))
        tokens = merge(tokens, merges[-1], 255 + len(merges))
    return merges


def minbpe_encode(ids, merges):
    """Karpathy's minbpe: the pair with the lowest index, until there's none."""
    ids, merges = list(ids), {tuple(pair): 256 + i for i, pair in enumerate(merges)}
    while len(ids) >= 2:
        pair = min(get_stats(ids), key=lambda p: merges.get(p, float("inf")))
        if pair not in merges:
            break
        ids = merge(ids, pair, merges[pair])
    return ids


def tiktoken_educational(ids, merges):
    """OpenAI's teaching version: one occurrence at a time, the leftmost of the lowest rank."""
    ranks = {tuple(pair): i for i, pair in enumerate(merges)}
    parts = ids.tolist()
    while True:
        min_idx = min_rank = None
        for i, pair in enumerate(pairwise(parts)):
            rank = ranks.get(pair)
            if rank is not None and (min_rank is None or rank < min_rank):
                min_idx, min_rank = i, rank
        if min_rank is None:
            return parts
        parts = parts[:min_idx] + [256 + min_rank] + parts[min_idx + 2 :]


def wordpiece(ids, merges):
    """BERT's, longest match first, over the same vocabulary."""
    pieces = {(i,): i for i in range(256)}
    spelled = {i: (i,) for i in range(256)}
    for i, (a, b) in enumerate(merges):
        spelled[256 + i] = spelled[a] + spelled[b]
        pieces.setdefault(spelled[256 + i], 256 + i)
    chars, start, out = tuple(ids.tolist()), 0, []
    while start < len(chars):
        end = len(chars)
        while chars[start:end] not in pieces:
            end -= 1
        out.append(pieces[chars[start:end]])
        start = end
    return out


def log_softmax(x):
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def evaluation_harness(scores, targets, text):
    """EleutherAI's: minus the log-likelihood over the bytes, over ln 2."""
    log_likelihood = np.take_along_axis(log_softmax(scores), targets[:, None], -1).sum()
    return -log_likelihood / len(text.encode("utf-8")) / math.log(2)


def byte_perplexity(scores, targets, text):
    """The harness's other metric."""
    return math.exp(evaluation_harness(scores, targets, text) * math.log(2))


def nanochat_bits(scores, targets, text):
    """nanochat's: nats over (ln 2 times the bytes)."""
    total_nats = -sum(row[t] for row, t in zip(log_softmax(scores), targets, strict=True))
    total_bytes = sum(len(c.encode()) for c in text)
    if total_bytes == 0:
        raise ValueError("no bytes")
    return total_nats / (math.log(2) * total_bytes)


def hugging_face_loop(read, prompt, n_new, stop=None):
    """Greedy search with past_key_values: after the first pass only the newest id goes in."""
    input_ids, generated = prompt, []
    for _ in range(n_new):
        logits = read(input_ids)
        next_token = np.argmax(logits[-1, :], axis=-1)
        generated.append(next_token)
        if stop is not None and next_token == stop:
            break
        input_ids = [next_token]
    return generated


def gpt_fast(read, prompt, n_new, stop=None):
    """gpt-fast's: prefill gives the first token, the decode loop the others; it never returns nothing."""
    tokens = [int(read(prompt)[-1].argmax())]
    while len(tokens) < n_new and tokens[-1] != stop:
        tokens.append(int(read([tokens[-1]])[-1].argmax()))
    return tokens


def without_a_cache(read, prompt, n_new, stop=None):
    """nanoGPT's loop, which crops and runs everything again."""
    idx = prompt.tolist()
    for _ in range(n_new):
        idx.append(int(read(idx)[-1].argmax()))
        if idx[-1] == stop:
            break
    return idx[len(prompt) :]


FORMS = [
    (
        "bpe_merges",
        "minbpe",
        minbpe_train,
        "edge",
        "Returns the pairs in order, a list of n_merges of them, or fewer where no two tokens are left.",
    ),
    ("bpe_merges", "ties by the pair", trainer_of_a_course, "wrong", "of pairs that tie, the larger ids are merged"),
    ("bpe_encode", "minbpe", minbpe_encode, "right", None),
    ("bpe_encode", "tiktoken's teaching version", tiktoken_educational, "right", None),
    ("bpe_encode", "WordPiece", wordpiece, "wrong", "the longest token that fits is taken each time"),
    (
        "bits_per_byte",
        "the evaluation harness",
        evaluation_harness,
        "edge",
        "Raises ValueError for a text without a character.",
    ),
    ("bits_per_byte", "byte perplexity", byte_perplexity, "wrong", "two to the bits"),
    ("bits_per_byte", "nanochat", nanochat_bits, "right", None),
    ("decode_with_cache", "Hugging Face's loop", hugging_face_loop, "right", None),
    ("decode_with_cache", "gpt-fast", gpt_fast, "edge", "With an n_new of 0 the list is empty."),
    ("decode_with_cache", "no cache", without_a_cache, "wrong", "the whole text is read again each time"),
]
