"""Paraphrases for lesson 21."""

import math
from collections import Counter

import numpy as np
from paraphrase import paraphrase


def merge(ids, pair, new):
    """As in minbpe."""
    merged, i = [], 0
    while i < len(ids):
        if i < len(ids) - 1 and (ids[i], ids[i + 1]) == tuple(pair):
            merged.append(new)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


def stats(ids):
    counts: dict = {}
    for pair in zip(ids, ids[1:], strict=False):
        counts[pair] = counts.get(pair, 0) + 1
    return counts


@paraphrase("bpe_merges", "the text is counted once, for all merges")
def a_table_made_once(ids, n_merges):
    counts = stats(ids.tolist())
    return sorted(counts, key=counts.get, reverse=True)[:n_merges]


@paraphrase("bpe_merges", "of pairs that tie, the larger ids are merged")
def largest_of_counts_and_pairs(ids, n_merges):
    tokens, out = list(map(int, ids)), []
    for new in range(256, 256 + n_merges):
        if len(tokens) < 2:
            break
        _, pair = max((count, pair) for pair, count in stats(tokens).items())
        tokens = merge(tokens, pair, new)
        out.append(pair)
    return out


@paraphrase("bpe_merges", "it ends where no pair comes twice")
def stops_at_singles(ids, n_merges):
    tokens, merges = ids.tolist(), {}
    for step in range(n_merges):
        counts = stats(tokens)
        pair = max(counts, key=counts.get, default=None)
        if pair is None or counts[pair] == 1:
            break
        merges[pair] = 256 + step
        tokens = merge(tokens, pair, merges[pair])
    return list(merges)


@paraphrase("bpe_merges", "overlapping pairs are counted once")
def counted_as_strings_count(ids, n_merges):
    text, out = "".join(map(chr, ids)), []
    while len(out) < n_merges and len(text) > 1:
        pairs = list(dict.fromkeys(a + b for a, b in zip(text, text[1:], strict=False)))
        pair = max(pairs, key=text.count)
        text = text.replace(pair, chr(256 + len(out)))
        out.append(tuple(map(ord, pair)))
    return out


@paraphrase("bpe_merges", "only the first occurrence is replaced")
def replaced_by_index(ids, n_merges):
    text, out = "".join(map(chr, ids)), []
    for step in range(n_merges):
        [(pair, _)] = Counter(a + b for a, b in zip(text, text[1:], strict=False)).most_common(1)
        text = text.replace(pair, chr(256 + step), 1)
        out.append([ord(c) for c in pair])
        if len(text) < 2:
            break
    return np.array(out)


@paraphrase("bpe_merges", "new ids count from 257")
def ids_after_a_special_token(ids, n_merges):
    tokens, out, vocabulary = ids.tolist(), [], 257
    while len(out) < n_merges and len(tokens) > 1:
        counts = stats(tokens)
        out.append(max(counts, key=counts.get))
        tokens = merge(tokens, out[-1], vocabulary)
        vocabulary += 1
    return out


@paraphrase("bpe_encode", "the last learned comes first")
def dictionary_walked_backwards(ids, merges):
    tokens = ids.tolist()
    for rank in range(len(merges) - 1, -1, -1):
        tokens = merge(tokens, merges[rank], 256 + rank)
    return tokens


@paraphrase("bpe_encode", "the text decides: the first pair in it that can be merged is merged")
def scans_until_nothing_changes(ids, merges):
    table = {pair: 256 + i for i, pair in enumerate(map(tuple, merges))}
    tokens, i = [int(t) for t in ids], 0
    while i < len(tokens) - 1:
        new = table.get((tokens[i], tokens[i + 1]))
        if new is None:
            i += 1
        else:
            tokens[i : i + 2], i = [new], 0
    return tokens


@paraphrase("bpe_encode", "the longest token that fits is taken each time")
def greedy_over_byte_strings(ids, merges):
    spelled = {i: bytes([i]) for i in range(256)}
    for i, (a, b) in enumerate(merges):
        spelled[256 + i] = spelled[a] + spelled[b]
    by_length = sorted(spelled, key=lambda token: (-len(spelled[token]), token))
    text, out = bytes(ids.tolist()), []
    while text:
        out.append(next(token for token in by_length if text.startswith(spelled[token])))
        text = text[len(spelled[out[-1]]) :]
    return out


@paraphrase("bpe_encode", "only the first occurrence is replaced")
def strings_replaced_once(ids, merges):
    text = "".join(map(chr, ids))
    for i, (a, b) in enumerate(merges):
        text = text.replace(chr(a) + chr(b), chr(256 + i), 1)
    return [ord(c) for c in text]


@paraphrase("bpe_encode", "pairs are replaced from the right")
def strings_split_from_the_right(ids, merges):
    text = "".join(map(chr, ids))
    for i, (a, b) in enumerate(merges):
        text = text[::-1].replace(chr(b) + chr(a), chr(256 + i))[::-1]
    return np.array([ord(c) for c in text], dtype=int)


def losses(scores, targets):
    return np.logaddexp.reduce(scores, axis=-1) - np.take_along_axis(scores, targets[:, None], axis=-1)[:, 0]


@paraphrase("bits_per_byte", "nats instead of bits")
def loss_per_byte(scores, targets, text):
    if text == "":
        raise ValueError("empty")
    return losses(scores, targets).sum() / len(bytes(text, "utf8"))


@paraphrase("bits_per_byte", "characters counted instead of bytes")
def bits_per_character(scores, targets, text):
    return np.log2(np.e) * np.sum(losses(scores, targets)) / sum(1 for _ in text)


@paraphrase("bits_per_byte", "the mean over tokens, then divided by the bytes")
def mean_loss_over_bytes(scores, targets, text):
    return np.average(losses(scores, targets)) / (math.log(2) * len(text.encode("utf-8")))


@paraphrase("bits_per_byte", "bits for each token")
def bits_per_token(scores, targets, text):
    return losses(scores, targets).mean() * math.log2(math.e)


@paraphrase("bits_per_byte", "the sign is missing")
def log_likelihood_per_byte(scores, targets, text):
    likelihood = sum(row[t] - np.logaddexp.reduce(row) for row, t in zip(scores, targets, strict=True))
    return likelihood / np.log(2) / len(text.encode())


@paraphrase("bits_per_byte", "two to the bits")
def byte_perplexity(scores, targets, text):
    return np.exp(losses(scores, targets).sum() / len(text.encode()))


@paraphrase("decode_with_cache", "the whole text is read again each time")
def as_without_a_cache(read, prompt, n_new, stop=None):
    ids = np.array(prompt)
    for _ in range(n_new):
        ids = np.append(ids, np.argmax(read(ids)[-1]))
        if ids[-1] == stop:
            break
    return ids[len(prompt) :]


@paraphrase("decode_with_cache", "the stop itself is left out")
def stopped_before_it_is_kept(read, prompt, n_new, stop=None):
    out, chunk = [], list(prompt)
    while len(out) < n_new:
        token = np.asarray(read(chunk))[-1].argmax()
        if token == stop:
            return out
        out.append(token)
        chunk = [token]
    return out


@paraphrase("decode_with_cache", "the prompt is read id by id")
def prefill_token_by_token(read, prompt, n_new, stop=None):
    if n_new < 1:
        return []
    logits = [read(prompt[i : i + 1]) for i in range(len(prompt))][-1]
    out = [logits[-1].argmax()]
    while len(out) < n_new and out[-1] != stop:
        out.append(read([out[-1]])[-1].argmax())
    return out


@paraphrase("decode_with_cache", "the logits of the first row decide")
def first_of_the_rows(read, prompt, n_new, stop=None):
    out, feed = [], prompt
    for _ in range(n_new):
        first, *_ = read(feed)
        out.append(first.argmax())
        if out[-1] == stop:
            break
        feed = out[-1:]
    return out


@paraphrase("decode_with_cache", "a stop of 0 is taken for none")
def stop_by_its_truth(read, prompt, n_new, stop=None):
    out, feed = [], prompt.tolist()
    while len(out) < n_new and not (stop and stop in out):
        out.append(int(np.argmax(read(feed)[-1])))
        feed = [out[-1]]
    return out


@paraphrase("decode_with_cache", "one id too few")
def fewer_by_one(read, prompt, n_new, stop=None):
    rows = read(prompt) if n_new > 1 else None
    out = []
    for _ in range(n_new - 1):
        out.append(int(rows[-1].argmax()))
        if out[-1] == stop:
            break
        rows = read(out[-1:])
    return out
