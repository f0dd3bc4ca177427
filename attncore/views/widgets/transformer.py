"""Lesson 09: a zoo of masks, and what each lets a model train on."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from attncore.look import ORANGE
from attncore.masks import prefix_mask
from attncore.transformer import corrupt_tokens, mask_for, next_token_targets
from attncore.views.live import Live, asked_of, choice, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import OFF, Cell, mask_map, table, yes_no
from attncore.words import tokens

TEXT = tokens("the dog slept because it was too tired")
OWN = {"bert": "masked words", "gpt": "next word", "prefix": "next word"}
NAMES = {"bert": "BERT's mask", "gpt": "GPT's mask", "prefix": "The prefix mask"}
COPY = Cell(ORANGE, "#000000")
MASK = 103


class Examples(NamedTuple):
    """For each place what stands there, what is to be said ("" for nothing), and where that can be read, or None."""

    reads: list[str]
    says: list[str]
    where: list[int | None]


def zoo_picture(function: Callable = mask_for) -> Live:
    """Lesson 09: a mask, a way to train, and which answers the model could simply copy."""

    def draw(family: str, training: str, prefix: int, seed: int) -> Picture:
        if family == "encoder-decoder":
            return encoder_decoder(function, min(max(prefix, 1), len(TEXT) - 1))
        training = OWN[family] if training == "its own" else training
        examples = masked_words(seed) if training == "masked words" else next_words(prefix if family == "prefix" else 0)
        n = len(examples.reads)
        mask = asked_of(function, family, n, prefix, shape=(n, n)).astype(bool)
        sees = f"{NAMES[family]} shows {mask.sum()} of {mask.size} pairs"
        return beside(seen(mask, examples, sees), told(mask, examples, training))

    return Live(
        draw,
        family=choice("mask", [*OWN, "encoder-decoder"], "gpt"),
        training=choice("trains on", ["its own", "masked words", "next word"], "its own"),
        prefix=slider("words of the prefix", 0, len(TEXT), 3),
        seed=slider("another draw", 0, 20, 0),
    )


def next_words(prefix: int) -> Examples:
    """Each word is to say the one that follows; those within the prefix say nothing."""
    inputs, targets = next_token_targets(np.arange(len(TEXT)))
    says = [TEXT[j] if j >= prefix else "" for j in targets]
    return Examples([TEXT[i] for i in inputs], says, [int(j) if j < len(inputs) else None for j in targets])


def masked_words(seed: int) -> Examples:
    """Some words are hidden, replaced or kept, and are to be said in their own place."""
    n = len(TEXT)
    inputs, targets = corrupt_tokens(np.arange(n), np.random.default_rng(seed), mask_id=MASK, vocab_size=n)
    reads = ["[MASK]" if i == MASK else TEXT[i] for i in inputs]
    where = [place if inputs[place] == targets[place] else None for place in range(n)]
    return Examples(reads, ["" if t < 0 else TEXT[t] for t in targets], where)


def copies(mask: np.ndarray, examples: Examples) -> list[bool]:
    """Whether each place can read its own answer."""
    rows = zip(mask, examples.says, examples.where, strict=True)
    return [bool(say) and place is not None and bool(row[place]) for row, say, place in rows]


def seen(mask: np.ndarray, examples: Examples, title: str) -> Picture:
    """The mask, orange where a row can read its own answer."""
    names, cells = examples.reads, [[yes_no(a)._replace(words="●" if a else "") for a in row] for row in mask]
    for row, (copied, place) in enumerate(zip(copies(mask, examples), examples.where, strict=True)):
        if copied and place is not None:
            cells[row][place] = COPY._replace(words="●")
    sees = [f"{q} sees {', '.join(np.array(names)[row]) or 'nothing'}" for q, row in zip(names, mask, strict=True)]
    return table(cells, names, names, title, f"{title}. Rows are queries, columns are keys. {'; '.join(sees)}.")


def told(mask: np.ndarray, examples: Examples, training: str) -> Picture:
    """Which places have a target, whether it can be copied, and how many places it is predicted from."""
    copied, targets = copies(mask, examples), sum(map(bool, examples.says))
    if not targets:
        finding = "no word was chosen" if training == "masked words" else "all of the text is prefix, nothing is left"
    elif sum(copied):
        finding = f"{sum(copied)} of {targets} answers can be copied"
    else:
        finding = f"{targets} of {len(mask)} places {'has' if targets == 1 else 'have'} a target, none to copy"
    title = f"Trained on the {training}: {finding}"
    rows = list(zip(examples.reads, examples.says, copied, mask.sum(axis=-1), strict=True))
    cells = [
        [(COPY if copy else yes_no(bool(say)))._replace(words=say or "-"), OFF._replace(words=str(count))]
        for _, say, copy, count in rows
    ]
    read = [f"at {name} say {say}, seeing {count}" for name, say, _, count in rows if say]
    return table(cells, examples.reads, ["is to say", "sees"], title, f"{title}. {'; '.join(read) or 'No targets'}.")


def encoder_decoder(function: Callable, cut: int) -> Picture:
    """Three masks: the source by itself, the text by itself, and the text asking the source."""
    source, text = TEXT[:cut], TEXT[cut:]
    n, m = len(text), len(source)
    examples = Examples(["[start]", *text[:-1]], text, [*range(1, n), None])
    own, past = asked_of(function, "bert", m, 0, shape=(m, m)), asked_of(function, "gpt", n, 0, shape=(n, n))
    whole = np.ones((n, m), dtype=bool)
    joined = np.block([[own, np.zeros((m, n))], [whole, past]]).astype(bool)
    verdict = "a prefix mask" if np.array_equal(joined, prefix_mask(n + m, m)) else "no prefix mask"
    return beside(
        mask_map(own, source, source, f"Encoder: {np.sum(own, dtype=int)} of {own.size} pairs of the source"),
        seen(past.astype(bool), examples, f"Decoder: {np.sum(past, dtype=int)} of {past.size} pairs of the text"),
        mask_map(whole, examples.reads, source, f"Cross-attention: all pairs; the three, joined, are {verdict}"),
        told(past.astype(bool), examples, "next word"),
    )
