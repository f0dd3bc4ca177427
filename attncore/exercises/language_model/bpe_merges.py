"""Byte-pair encoding, learned: which pairs become tokens."""

from collections import Counter
from itertools import pairwise

import numpy as np

from attncore.exercises.exercise import Case, code
from attncore.language_model import bpe_merges


def learned(name, text, n_merges, promise=""):
    def make():
        return {"ids": np.frombuffer(text.encode(), np.uint8).astype(np.int64), "n_merges": n_merges}

    return Case(name, make, promise)


exercise = code(
    bpe_merges,
    learned("one merge", "abab", 1),
    learned("two merges of different pairs", "ababcdcdab", 2),
    learned("a merge of what was merged", "abcabcabc", 2),
    learned("a merge of two merged ones", "abcdabcdabcd", 3),
    learned("a run of one letter", "aaaab", 2),
    learned("overlapping pairs are the most frequent", "aaabcbc", 1),
    learned("an odd run of one letter", "aaaaabcbc", 3),
    learned("a pair that takes a letter from another one", "abcbcbcab", 3),
    learned("an early pair and a frequent one", "xyababab", 1),
    learned("words with spaces", "low lower lowest newer newest wide wider widest", 6),
    learned("letters of two bytes", "äöüäöüäö", 3),
    learned("a tie, and the later one is smaller", "zyzyabab", 1),
    learned("nothing that comes twice", "abcd", 2),
    learned(
        "fewer tokens than merges",
        "abab",
        9,
        "Returns the pairs in order, a list of n_merges of them, or fewer where no two tokens are left.",
    ),
)


def replaced(tokens, pair, new):
    out = []
    while tokens:
        found = tuple(tokens[:2]) == pair
        out.append(new if found else tokens[0])
        tokens = tokens[2 if found else 1 :]
    return out


def occurrences(tokens):
    return Counter(pairwise(tokens))


def first_of_the_most_frequent(counts):
    return max(counts, key=counts.__getitem__)


def training(
    label,
    count=occurrences,
    choose=first_of_the_most_frequent,
    replace=replaced,
    first_new=256,
    report=lambda merges: merges,
    ends=lambda count: False,
):
    """Training with one thing changed."""

    def answer(ids, n_merges):
        tokens = ids.tolist()
        merges: list = []
        while len(merges) < n_merges and len(tokens) > 1:
            counts = count(tokens)
            if not counts or ends(max(counts.values())):
                break
            pair = choose(counts)
            tokens = replace(tokens, pair, first_new + len(merges))
            merges.append(pair)
        return report(merges)

    exercise.mistake(label)(answer)


def not_overlapping(tokens):
    counts: Counter = Counter()
    before = None
    for pair in pairwise(tokens):
        if pair == before:
            before = None
            continue
        counts[pair] += 1
        before = pair if pair[0] == pair[1] else None
    return counts


def every_second(tokens):
    return Counter(zip(tokens[::2], tokens[1::2], strict=False))


def replaced_once(tokens, pair, new):
    for i in range(len(tokens) - 1):
        if tuple(tokens[i : i + 2]) == pair:
            return [*tokens[:i], new, *tokens[i + 2 :]]
    return tokens


def second_kept(tokens, pair, new):
    return [new if i < len(tokens) - 1 and tuple(tokens[i : i + 2]) == pair else t for i, t in enumerate(tokens)]


def at_every_place(tokens, pair, new):
    out = []
    for i, token in enumerate(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            out.append(new)
        elif not i or tuple(tokens[i - 1 : i + 1]) != pair:
            out.append(token)
    return out


def from_the_right(tokens, pair, new):
    return replaced(tokens[::-1], pair[::-1], new)[::-1]


def without_the_last_token(tokens, pair, new):
    """A loop that ends one token early keeps the last one only as the right side of a pair."""
    out, i = [], 0
    while i < len(tokens) - 1:
        found = tuple(tokens[i : i + 2]) == pair
        out.append(new if found else tokens[i])
        i += 2 if found else 1
    return out


training("overlapping pairs are counted once", count=not_overlapping)
training("only every second pair is counted", count=every_second)
training("pairs are counted whichever way round", count=lambda t: Counter(tuple(sorted(p)) for p in pairwise(t)))
training("only the first occurrence is replaced", replace=replaced_once)
training("the second of a pair stays behind it", replace=second_kept)
training("overlapping occurrences are all replaced", replace=at_every_place)
training("pairs are replaced from the right", replace=from_the_right)
training("new ids count from 255", first_new=255)
training("new ids count from 257", first_new=257)
training("it ends where no pair comes twice", ends=lambda count: count < 2)
training("of pairs that tie, the last one is merged", choose=lambda c: max(reversed(list(c)), key=c.__getitem__))
training("of pairs that tie, the larger ids are merged", choose=lambda c: max(c, key=lambda pair: (c[pair], pair)))
training("of pairs that tie, the smaller ids are merged", choose=lambda c: min(c, key=lambda pair: (-c[pair], pair)))
training("the rarest pair is merged", choose=lambda c: min(c, key=c.__getitem__))
training("the first pair is merged, frequent or not", choose=lambda c: next(iter(c)))
training("the merges come last first", report=lambda merges: merges[::-1])
training("each pair is turned round", report=lambda merges: [pair[::-1] for pair in merges])
training("one merge is missing", report=lambda merges: merges[:-1])
training("the last token of the text is lost", replace=without_the_last_token)
training("new ids count on from the largest one in the text", replace=lambda t, pair, _: replaced(t, pair, max(t) + 1))


@exercise.mistake("one merge too many")
def one_merge_too_many(ids, n_merges):
    return bpe_merges(ids, n_merges + 1)


@exercise.mistake("the tokens of the text are returned instead of the pairs")
def tokens_returned(ids, n_merges):
    tokens = ids.tolist()
    for i, pair in enumerate(bpe_merges(ids, n_merges)):
        tokens = replaced(tokens, pair, 256 + i)
    return tokens


@exercise.mistake("the new ids are returned instead of the pairs")
def new_ids_returned(ids, n_merges):
    return [256 + i for i in range(len(bpe_merges(ids, n_merges)))]


@exercise.mistake("the text is counted once, for all merges")
def counted_once(ids, n_merges):
    return [pair for pair, _ in Counter(pairwise(ids.tolist())).most_common(n_merges)]


@exercise.mistake("the text is counted once, for all merges")
def counted_once_over(ids, n_merges):
    return [Counter(pairwise(ids.tolist())).most_common(1)[0][0]] * n_merges


@exercise.another_way
def most_common_of_a_counter(ids, n_merges):
    tokens, merges = ids.tolist(), []
    for new in range(256, 256 + n_merges):
        if len(tokens) < 2:
            break
        [(pair, _)] = Counter(pairwise(tokens)).most_common(1)
        merges.append(pair)
        shorter, i = [], 0
        while i < len(tokens):
            found = tuple(tokens[i : i + 2]) == pair
            shorter.append(new if found else tokens[i])
            i += 2 if found else 1
        tokens = shorter
    return merges
