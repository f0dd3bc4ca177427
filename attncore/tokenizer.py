"""Byte-pair encoding: how SmolLM2 cuts a text into tokens, and puts it together again."""

import codecs
import re
import unicodedata
from itertools import groupby, pairwise
from typing import NamedTuple

CONTROL = 3  # the kind of a token that marks something, such as the end of a turn, and spells nothing
WORD = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W_]+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")  # of a text without numbers


def letters_of_bytes():
    """One printable character for each byte, so that a token of any bytes is a string; Radford et al. (2019)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


LETTERS = letters_of_bytes()
BYTES = {letter: byte for byte, letter in LETTERS.items()}


class Tokenizer(NamedTuple):
    """A vocabulary: its tokens by id, the ids by token, the rank of each merge, and what finds the control tokens."""

    tokens: list[str]
    ids: dict[str, int]
    ranks: dict[tuple[str, str], int]
    control: re.Pattern[str]


def tokenizer_of(metadata):
    """Make the tokenizer of a GGUF file from what the file says of it."""
    tokens, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    merges = metadata["tokenizer.ggml.merges"]
    control = [re.escape(token) for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]
    return Tokenizer(
        tokens,
        {token: i for i, token in enumerate(tokens)},
        {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)},
        re.compile(f"({'|'.join(control)})"),
    )


def encode(tokenizer, text):
    """Cut a text into tokens: a list of ids.

    A word, with the space before it, is spelled in bytes, and the pair of neighbors that was merged
    first in training is merged first, until none is left that was. Every digit is a word of its own,
    and control tokens stay whole. Sennrich et al. (2015); over bytes: Radford et al. (2019).
    """
    found = []
    for part in tokenizer.control.split(text):
        if tokenizer.control.fullmatch(part):
            found.append(part)
        else:
            found += [token for word in split_words(part) for token in merge_pairs(word, tokenizer.ranks)]
    return [tokenizer.ids[token] for token in found]


def split_words(text):
    """Cut a text into words with the space before them, single numerals, punctuation and spaces."""
    words: list[str] = []
    for is_number, run in groupby(text, lambda character: unicodedata.category(character)[0] == "N"):
        part = "".join(run)
        words += part if is_number else WORD.findall(part)
    return words


def merge_pairs(word, ranks):
    """The tokens of one word: its bytes, merged pair by pair, the pair of lowest rank first."""
    pieces = [LETTERS[byte] for byte in word.encode()]
    while mergeable := [pair for pair in pairwise(pieces) if pair in ranks]:
        pieces = merged(pieces, min(mergeable, key=ranks.__getitem__))
    return pieces


def merged(pieces, pair):
    """The pieces with every occurrence of a pair made one, from the left."""
    out: list[str] = []
    for piece in pieces:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out


def decode(tokenizer, ids):
    """Put the text of some ids together; bytes that are no whole character become U+FFFD."""
    return "".join(decode_stream(tokenizer, ids))


def decode_stream(tokenizer, ids):
    """Yield the text of each id as it comes, a character of several tokens with its last one."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for i in ids:
        yield decoder.decode(bytes_of(tokenizer, i))
    yield decoder.decode(b"", final=True)


def bytes_of(tokenizer, i):
    """The bytes of one token; a control token stands for its name."""
    token = tokenizer.tokens[i]
    return token.encode() if tokenizer.control.fullmatch(token) else bytes(BYTES[letter] for letter in token)
