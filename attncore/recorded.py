"""Real data that ships with the course: what a trained network made of some texts, and a photograph."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

RECORDED = Path(__file__).parent / "data" / "minilm.npz"


class Recorded(NamedTuple):
    """A text's tokens, and for every layer and head its map (l, h, n, n) and value lengths (l, h, n).

    Rows of a map are queries, columns are keys. The length of a value is that of what the token
    hands over, value @ W_output.
    """

    tokens: list[str]
    maps: np.ndarray
    lengths: np.ndarray


class RecordedHead(NamedTuple):
    """One trained head: W_query, W_key, W_value (m, d) with biases (d), and its rows of W_output (d, m)."""

    W_query: np.ndarray
    b_query: np.ndarray
    W_key: np.ndarray
    b_key: np.ndarray
    W_value: np.ndarray
    b_value: np.ndarray
    W_output: np.ndarray


def recorded_maps():
    """Read what every head of all-MiniLM-L6-v2 attends to in a few texts: a dict from text to `Recorded`."""
    with np.load(RECORDED) as kept:
        return {
            text: Recorded(
                kept[f"tokens_{i}"].tolist(),
                kept[f"maps_{i}"].astype(np.float32),
                kept[f"lengths_{i}"].astype(np.float32),
            )
            for i, text in enumerate(kept["map_texts"].tolist())
        }


def recorded_vectors():
    """Read what all-MiniLM-L6-v2 makes of a few texts as wholes: a dict from text to vector (m), of length 1."""
    with np.load(RECORDED) as kept:
        return dict(zip(kept["vector_texts"].tolist(), kept["vectors"].astype(np.float32), strict=True))


def recorded_questions():
    """Read the same of the questions that the course itself asks on its cards: a dict from question to vector (m)."""
    with np.load(RECORDED) as kept:
        return dict(zip(kept["question_texts"].tolist(), kept["questions"].astype(np.float32), strict=True))


def recorded_head():
    """Read one trained head, head 1 of layer 3: its weights, and a dict from text to what it reads, x (n, m)."""
    with np.load(RECORDED) as kept:
        weights = RecordedHead(*(kept[f"head_{name}"].astype(np.float32) for name in RecordedHead._fields))
        texts = kept["map_texts"].tolist()
        return weights, {text: kept[f"x_{i}"].astype(np.float32) for i, text in enumerate(texts)}


def photograph():
    """Read a photograph of a cat's face, (96, 96, 3) bytes; by Stefan van der Walt, CC0."""
    with np.load(RECORDED.with_name("cat.npz")) as kept:
        return kept["image"]
