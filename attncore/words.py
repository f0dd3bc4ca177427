"""Real words with real vectors: a few dozen rows of a trained model's embedding matrix, which ship with the course."""

from difflib import get_close_matches
from functools import cache
from pathlib import Path

import numpy as np

from attncore.shapes import shaped


@cache
def vocabulary() -> dict[str, np.ndarray]:
    """Every word that the course has a vector for; data/README.md says where they come from."""
    with np.load(Path(__file__).parent / "data" / "words.npz") as kept:
        return dict(zip(kept["words"].tolist(), kept["vectors"].astype(np.float64), strict=True))


def tokens(text: str) -> list[str]:
    """The words of a text, in lower case: "The cat sat" is ["the", "cat", "sat"]."""
    return text.lower().split()


@shaped("->(n,m)")
def embed(text: str) -> np.ndarray:
    """One row of 384 numbers for each word of a text.

    Raises ValueError for a word that has no vector here, with the nearest that has one.
    """
    known = vocabulary()
    if not tokens(text):
        raise ValueError("embed: the text has no words")
    for word in tokens(text):
        if word not in known:
            near = get_close_matches(word, known, n=1)
            raise ValueError(
                f'no vector for "{word}"' + (f'; the nearest word that has one is "{near[0]}"' if near else "")
            )
    return np.stack([known[word] for word in tokens(text)])
