"""Byte-pair encoding."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncore.smollm2 import load_model
from attncore.tokenizer import LETTERS, decode, decode_stream, encode, merge_pairs, split_words, tokenizer_of

MERGES = ["h e", "l l", "ll o", "he llo", "Ġ hello", "l o", "Ã ©"]
CONTROL = ["<|end|>", "<|start|>"]
TOKENS = [*CONTROL, *LETTERS.values(), *(merge.replace(" ", "") for merge in MERGES)]
METADATA = {
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.token_type": [3] * len(CONTROL) + [1] * (len(TOKENS) - len(CONTROL)),
    "tokenizer.ggml.merges": MERGES,
}
SPELLER = tokenizer_of(METADATA)


def tokens(text):
    return [SPELLER.tokens[i] for i in encode(SPELLER, text)]


@pytest.fixture(scope="module")
def smollm2():
    try:
        return load_model().tokenizer
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def test_the_ids_are_those_of_transformers(smollm2):
    with np.load(Path(__file__).parent / "vectors" / "smollm2.npz") as kept:
        for kind in ("spelled", "prompts"):
            for i, text in enumerate(kept[kind].tolist()):
                ids = kept[f"{'ids' if kind == 'prompts' else kind}_{i}"].tolist()
                assert encode(smollm2, text) == ids, text
                assert decode(smollm2, ids) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world", ["Hello", ",", " world"]),
        ("don't I'LL we'll", ["don", "'t", " I", "'", "LL", " we", "'ll"]),
        ("a  b", ["a", " ", " b"]),
        ("a \n b  ", ["a", " \n", " b", "  "]),
        ("in 2017.", ["in", " ", "2", "0", "1", "7", "."]),
        ("x² ½a", ["x", "²", " ", "½", "a"]),
        ("snake_case __x", ["snake", "_", "case", " __", "x"]),
        ("三百 中文", ["三百", " 中文"]),  # numbers in meaning, letters in Unicode
        ("e\u0301!", ["e", "\u0301!"]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_words_first(text, words):
    assert split_words(text) == words


def test_the_lowest_rank_is_merged_first_and_not_the_longest_token():
    ranks = {("a", "b"): 1, ("b", "c"): 0, ("ab", "c"): 2}
    assert merge_pairs("abc", ranks) == ["a", "bc"]
    assert merge_pairs("aaaab", {("a", "a"): 0, ("aa", "aa"): 1}) == ["aaaa", "b"]
    assert merge_pairs("aaa", {("a", "a"): 0}) == ["aa", "a"]


def test_tokens_by_hand():
    assert tokens("hello hello") == ["hello", "Ġhello"]
    assert tokens("hel é") == ["he", "l", "Ġ", "Ã©"]
    assert tokens("<|start|>hello<|end|><|end") == ["<|start|>", "hello", "<|end|>", "<", "|", "e", "n", "d"]


@given(st.text())
def test_every_text_comes_back(text):
    assert decode(SPELLER, encode(SPELLER, text)) == text


def test_a_character_of_several_tokens_comes_with_its_last():
    ids = encode(SPELLER, "a☃b")
    assert list(decode_stream(SPELLER, ids)) == ["a", "", "", "☃", "b", ""]
    assert decode(SPELLER, ids[:2]) == "a\ufffd"


def test_a_control_token_stands_for_its_name():
    assert decode(SPELLER, [1, 0]) == "<|start|><|end|>"
