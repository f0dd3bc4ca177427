"""A small language model that ships with the course: it writes Alice in Wonderland, one character at a time."""

from pathlib import Path

import numpy as np

from attncore.training import named_arrays, start_gpt

KEPT = Path(__file__).parent / "data" / "tiny_gpt.npz"
CHARACTERS = "\n !\"'(),-.:;?abcdefghijklmnopqrstuvwxyz"  # the vocabulary: a character's id is its place
CONTEXT = 64  # characters that it reads at once
WIDTH, INNER = 64, 256
N_LAYERS, N_HEADS = 3, 4


def load():
    """Read the trained weights: a float32 `GPTWeights` for `gpt_logits`, with N_HEADS heads.

    The model takes at most CONTEXT ids. `data/README.md` says what it was trained on and how good it is.
    """
    rng = np.random.default_rng(0)  # what it draws is overwritten
    weights = start_gpt(rng, len(CHARACTERS), CONTEXT, WIDTH, N_LAYERS, INNER, np.float32)
    with np.load(KEPT) as kept:
        for name, array in named_arrays(weights).items():
            array[:] = kept[name]
    return weights


def encode(text):
    """Turn a text into a list of ids, one per character, in lower case.

    Raises ValueError for a character that the model doesn't know.
    """
    text = text.lower()
    for character in text:
        if character not in CHARACTERS:
            raise ValueError(f"encode: the model doesn't know {character!r}, it knows {CHARACTERS!r}")
    return [CHARACTERS.index(character) for character in text]


def decode(ids):
    """Turn ids back into a text."""
    return "".join(CHARACTERS[i] for i in ids)


def held_out():
    """Read the last pages of the book, which the model wasn't trained on: measure its loss here."""
    with np.load(KEPT) as kept:
        return str(kept["held_out"])
