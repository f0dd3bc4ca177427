"""Lesson 21's own functions: byte-pair encoding, bits per byte, and decoding with a cache."""

import math

import numpy as np
import pytest

from attncore import loops
from attncore.exercises.fixtures import CachedHabits, Habits
from attncore.language_model import bits_per_byte, bpe_encode, bpe_merges, decode_with_cache
from attncore.softmax import cross_entropy
from attncore.tokenizer import LETTERS, merge_pairs
from attncore.transformer import generate

pytestmark = pytest.mark.filterwarnings("error")
SEEDS = range(20)


def a_text(seed, length=60):
    return np.random.default_rng(seed).integers(97, 101, length)


def spelled(token, merges):
    """The bytes of a token."""
    if token < 256:
        return bytes([token])
    return b"".join(spelled(part, merges) for part in merges[token - 256])


# Byte-pair encoding


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_learned_and_encoded_is_what_the_definitions_say(seed):
    merges = bpe_merges(a_text(seed), 8)
    assert merges == [tuple(pair) for pair in loops.bpe_merges(a_text(seed).tolist(), 8)]
    assert bpe_encode(a_text(seed + 1), merges) == loops.bpe_encode(a_text(seed + 1).tolist(), merges)


@pytest.mark.parametrize("seed", SEEDS)
def test_tokens_spell_the_text_that_they_came_from(seed):
    ids = np.frombuffer("the cat, der Kätzchen 猫 sat".encode(), np.uint8).astype(int)
    merges = bpe_merges(np.concatenate([a_text(seed), ids]), 20)
    tokens = bpe_encode(ids, merges)
    assert b"".join(spelled(token, merges) for token in tokens) == bytes(ids.tolist())
    assert len(tokens) < len(ids) or not merges


def test_the_training_text_is_cut_as_training_left_it():
    ids = a_text(0)
    assert len(bpe_encode(ids, bpe_merges(ids, 200))) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_it_cuts_a_word_as_the_tokenizer_of_the_model_does(seed):
    merges = bpe_merges(a_text(seed), 10)
    names = [LETTERS[i] for i in range(256)]
    for left, right in merges:
        names.append(names[left] + names[right])
    if len(set(names)) < len(names):
        pytest.skip("two merges spell the same token, which one string can't tell apart")
    ranks = {(names[left], names[right]): i for i, (left, right) in enumerate(merges)}
    word = a_text(seed + 9, 30)
    assert [names[token] for token in bpe_encode(word, merges)] == merge_pairs(bytes(word.tolist()).decode(), ranks)


# Bits per byte


def test_a_loss_becomes_bits_for_each_byte():
    rng = np.random.default_rng(0)
    scores, targets, text = rng.normal(size=(5, 9)), rng.integers(9, size=5), "Zoë sat"
    expected = cross_entropy(scores, targets) * 5 / math.log(2) / len(text.encode())
    assert bits_per_byte(scores, targets, text) == pytest.approx(expected)
    assert bits_per_byte(scores, targets, text) == pytest.approx(loops.bits_per_byte(scores, targets, text))


def test_equal_chances_for_every_byte_cost_eight_bits_each():
    text = "naïve"
    assert bits_per_byte(np.zeros((6, 256)), np.frombuffer(text.encode(), np.uint8), text) == pytest.approx(8)


def test_no_text_has_no_bytes():
    with pytest.raises(ValueError, match="empty"):
        bits_per_byte(np.zeros((1, 3)), [0], "")


# Decoding


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("stop", [None, 3])
def test_it_writes_what_generate_writes_and_reads_nothing_twice(seed, stop):
    rng = np.random.default_rng(seed)
    table, prompt = rng.normal(size=(7, 7)), rng.integers(7, size=4)
    model = CachedHabits(table)
    new = decode_with_cache(model, prompt, 9, stop)
    assert new == generate(Habits(table), prompt, 9, None, temperature=0, stop=stop)
    assert new == loops.decode_with_cache(CachedHabits(table), prompt, 9, stop)
    assert model.ids == [*prompt, *new[:-1]]
    assert model.calls == [4] + [1] * (len(new) - 1)


def test_nothing_new_needs_nothing_read():
    model = CachedHabits(np.eye(3))
    assert decode_with_cache(model, [1, 2], 0) == [] and model.ids == []
