"""Byte-pair encoding, applied: a text becomes tokens."""

from itertools import pairwise

import numpy as np

from attncore.exercises.exercise import Case, code
from attncore.language_model import bpe_encode

LOW = [(108, 111), (256, 119), (101, 114), (257, 258), (101, 115), (260, 116), (32, 257)]


def encoded(name, text, merges, promise=""):
    def make():
        ids = np.frombuffer(text.encode(), np.uint8).astype(np.int64)
        return {"ids": ids, "merges": [tuple(map(ord_, pair)) for pair in merges]}

    return Case(name, make, promise)


def ord_(part):
    return part if isinstance(part, int) else ord(part)


exercise = code(
    bpe_encode,
    encoded("one merge", "abcab", ["ab"]),
    encoded("a merge of what was merged", "abcab", ["ab", (256, "c")]),
    encoded("the first learned takes the middle letter", "abc", ["bc", "ab"]),
    encoded("the first learned is the first in the text", "abc", ["ab", "bc"]),
    encoded("the long token is reached by way of the later pair", "abc", ["bc", ("a", 256), "ab"]),
    encoded("the long token is not reached", "abcd", ["bc", "ab", "cd", (257, 258)]),
    encoded("the first learned is the later one in the text", "abcd", ["cd", "bc", "ab"]),
    encoded("a run of equal letters", "aaaaa", ["aa"]),
    encoded("runs, merged twice", "aaaaaaa", ["aa", (256, 256)]),
    encoded("a pair that the text turns round", "baba", ["ab"]),
    encoded("a pair that stands there only turned round", "bacab", ["ab"]),
    encoded("merges of which some never occur", "lower lowest", LOW),
    encoded("a word in another word", "slow", LOW),
    encoded("letters of several bytes", "äöä😀", [(195, 164), (195, 182), (240, 159)]),
    encoded("no merge fits", "xyz", ["ab", (256, "c")]),
    encoded("no merges at all", "abc", []),
    encoded("a single byte", "a", ["aa"], "A text of a single byte is a token."),
)


def replaced(tokens, pair, new):
    out = []
    while tokens:
        found = tuple(tokens[:2]) == tuple(pair)
        out.append(new if found else tokens[0])
        tokens = tokens[2 if found else 1 :]
    return out


def encoding(label, merges=lambda merges: list(enumerate(merges)), replace=replaced, first_new=256):
    """Encoding with one thing changed; `merges` gives the merges in some order, each with its place."""

    def answer(ids, learned):
        tokens = ids.tolist()
        for i, pair in merges(learned):
            tokens = replace(tokens, pair, first_new + i)
        return tokens

    def renamed(ids, merges):
        return answer(ids, merges)

    exercise.mistake(label)(renamed)


def replaced_once(tokens, pair, new):
    for i in range(len(tokens) - 1):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            return [*tokens[:i], new, *tokens[i + 2 :]]
    return tokens


def from_the_right(tokens, pair, new):
    return replaced(tokens[::-1], tuple(pair)[::-1], new)[::-1]


def second_kept(tokens, pair, new):
    pair = tuple(pair)
    return [new if tuple(tokens[i : i + 2]) == pair else token for i, token in enumerate(tokens)]


def whichever_way_round(tokens, pair, new):
    out = []
    while tokens:
        found = len(tokens) > 1 and sorted(tokens[:2]) == sorted(pair)
        out.append(new if found else tokens[0])
        tokens = tokens[2 if found else 1 :]
    return out


def without_the_last_token(tokens, pair, new):
    """A loop that ends one token early keeps the last one only as the right side of a pair."""
    out, i = [], 0
    while i < len(tokens) - 1:
        found = tuple(tokens[i : i + 2]) == tuple(pair)
        out.append(new if found else tokens[i])
        i += 2 if found else 1
    return out


def every_second_pair(tokens, pair, new):
    out: list = []
    for i in range(0, len(tokens), 2):
        out += [new] if tuple(tokens[i : i + 2]) == tuple(pair) else tokens[i : i + 2]
    return out


encoding("the last learned comes first", merges=lambda merges: list(enumerate(merges))[::-1])
encoding("only the first occurrence is replaced", replace=replaced_once)
encoding("pairs are replaced from the right", replace=from_the_right)
encoding("the second of a pair stays behind it", replace=second_kept)
encoding("pairs are merged whichever way round", replace=whichever_way_round)
encoding("new ids count from 255", first_new=255)
encoding("new ids count from 257", first_new=257)
encoding("new ids count from 0", first_new=0)
encoding("the last merge is left out", merges=lambda merges: list(enumerate(merges[:-1])))
encoding("the last token of the text is lost", replace=without_the_last_token)
encoding("only every second pair is looked at", replace=every_second_pair)
encoding("only single bytes are joined", merges=lambda merges: [(i, p) for i, p in enumerate(merges) if max(p) < 256])


@exercise.mistake("the text decides: the first pair in it that can be merged is merged")
def first_in_the_text(ids, merges):
    tokens, ranks = ids.tolist(), {tuple(pair): i for i, pair in enumerate(merges)}
    while found := [i for i, pair in enumerate(pairwise(tokens)) if pair in ranks]:
        at = found[0]
        tokens[at : at + 2] = [256 + ranks[tuple(tokens[at : at + 2])]]
    return tokens


@exercise.mistake("the text decides: the first pair in it that can be merged is merged")
def one_pass(ids, merges):
    ranks, out = {tuple(pair): i for i, pair in enumerate(merges)}, []
    for token in ids.tolist():
        out.append(token)
        while tuple(out[-2:]) in ranks:
            out[-2:] = [256 + ranks[tuple(out[-2:])]]
    return out


@exercise.mistake("the longest token that fits is taken each time")
def longest_first(ids, merges):
    spelled: dict = {256 + i: [] for i in range(len(merges))} | {i: [i] for i in range(256)}
    for i, (left, right) in enumerate(merges):
        spelled[256 + i] = spelled[left] + spelled[right]
    rest, out = ids.tolist(), []
    while rest:
        fits = [token for token, letters in spelled.items() if letters == rest[: len(letters)]]
        out.append(max(fits, key=lambda token: len(spelled[token])))
        rest = rest[len(spelled[out[-1]]) :]
    return out


@exercise.mistake("each merge is applied once, to the bytes as they came")
def to_the_bytes_as_they_came(ids, merges):
    tokens, out, i = ids.tolist(), [], 0
    ranks = {tuple(pair): i for i, pair in enumerate(merges)}
    while i < len(tokens):
        rank = ranks.get(tuple(tokens[i : i + 2]))
        out.append(tokens[i] if rank is None else 256 + rank)
        i += 1 if rank is None else 2
    return out


@exercise.mistake("the merges are learned anew, from this text")
def learned_anew(ids, merges):
    tokens = ids.tolist()
    for i in range(len(merges)):
        pairs = list(pairwise(tokens))
        if pairs:
            tokens = replaced(tokens, max(pairs, key=pairs.count), 256 + i)
    return tokens


@exercise.mistake("the last learned comes first")
def highest_rank_first(ids, merges):
    tokens, ranks = ids.tolist(), {tuple(pair): i for i, pair in enumerate(merges)}
    while found := [pair for pair in pairwise(tokens) if pair in ranks]:
        rank = max(map(ranks.__getitem__, found))
        tokens = replaced(tokens, merges[rank], 256 + rank)
    return tokens


@exercise.mistake("pairs are merged whichever way round")
def one_way_round_then_the_other(ids, merges):
    tokens = ids.tolist()
    for i, pair in enumerate(merges):
        for way in (pair, pair[::-1]):
            tokens = replaced(tokens, way, 256 + i)
    return tokens


@exercise.mistake("the number of tokens is returned")
def number_of_tokens(ids, merges):
    return len(bpe_encode(ids, merges))


@exercise.mistake("it ends after the first merge that fits")
def ends_after_one_merge(ids, merges):
    tokens = ids.tolist()
    for i, pair in enumerate(merges):
        if tuple(pair) in pairwise(tokens):
            return replaced(tokens, pair, 256 + i)
    return tokens


@exercise.another_way
def lowest_rank_first(ids, merges):
    tokens, ranks = list(ids), {tuple(pair): i for i, pair in enumerate(merges)}
    while True:
        found = [(ranks[pair], pair) for pair in pairwise(tokens) if pair in ranks]
        if not found:
            return tokens
        rank, pair = min(found)
        shorter, i = [], 0
        while i < len(tokens):
            is_pair = tuple(tokens[i : i + 2]) == pair
            shorter.append(256 + rank if is_pair else tokens[i])
            i += 2 if is_pair else 1
        tokens = shorter
