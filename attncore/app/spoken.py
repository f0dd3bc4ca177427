"""Which points stand near what somebody said: a comparison of words, and no mark.

Measured on answers to the course's own cards (`course.py bench spoken`, README): a fluent answer with the signs turned
is as near to the points as a right one, by sentence vectors as by words. So what is found here is shown and never
graded; the directions of a card are asked as choices.
"""

import math
import re
from collections import Counter
from functools import cache
from typing import Any

import numpy as np

from attncore.exercises import Card, exercises
from attncore.real_model import encode, load_model, model_folder

NEAR_BY_WORDS = 0.35  # of a point's words, weighted by how rare they are
NEAR_BY_VECTORS = 0.45  # the cosine of two sentence vectors
WORD = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*")
SENTENCE = re.compile(r"(?<=[.?!;])\s+|\n+")
EMPTY = re.compile(
    "a|an|and|are|as|at|be|been|but|by|can|do|does|each|for|from|has|have|if|in|into|is|it|its|itself|of|on|one|or|so|"
    "than|that|the|their|them|then|there|these|they|this|those|to|too|was|what|when|where|which|while|will|with|you|your|"
    "we|our|i"
)


def near(text: str, points: list[str]) -> list[bool]:
    """Which of the points the text comes near to: by sentence vectors where the model is there, else by words."""
    if not text.strip():
        return [False] * len(points)
    if has_model():
        return [bool(cosine >= NEAR_BY_VECTORS) for cosine in cosines(text, points)]
    return [share >= NEAR_BY_WORDS for share in shares(text, points)]


def shares(text: str, points: list[str]) -> list[float]:
    """For each point, how much of its words the text has, weighted by rarity among all points: 0 to 1."""
    there = set(stems(text))
    return [weight(words & there) / max(weight(words), 1e-9) for words in (set(stems(point)) for point in points)]


def weight(words: set[str]) -> float:
    common, number = frequencies()
    return sum(math.log(number / (1 + common[word])) for word in words)


@cache
def frequencies() -> tuple[Counter[str], int]:
    """In how many points of the bank each word stands, and how many points there are."""
    points = [point for card in exercises if isinstance(card, Card) for point in card.points]
    return Counter(word for point in points for word in set(stems(point))), len(points)


def stems(text: str) -> list[str]:
    """The words that carry something, without their commonest endings."""
    return [stem(word) for word in WORD.findall(text.lower().replace("'", "")) if not EMPTY.fullmatch(word)]


def stem(word: str) -> str:
    for ending in ("ization", "izing", "ized", "izes", "ize", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending).rstrip("ey")
    return word.rstrip("ey") if len(word) > 3 else word


def cosines(text: str, points: list[str]) -> list[float]:
    """For each point, its largest cosine with a sentence of the text, or with two in a row."""
    sentences = [part for part in SENTENCE.split(text.strip()) if part]
    spans = [*sentences, *(f"{one} {other}" for one, other in zip(sentences, sentences[1:], strict=False))]
    vectors = encode(model(), [*spans, *points])
    said, asked = vectors[: len(spans)], vectors[len(spans) :]
    return [float(np.max(said @ point)) for point in asked]


@cache
def model() -> Any:
    return load_model()


def has_model() -> bool:
    return bool((model_folder() / "model.safetensors").is_file())


WORTH = "I compare words and can't tell a claim from its opposite, so this is no mark. The directions come next."


def told(text: str, points: list[str]) -> str:
    """What may be said of a text before its directions are chosen: how many points are near it, and not which."""
    number = sum(near(text, points))
    return f"Near your words I found {number} of {len(points)} points. {WORTH}"


def named(text: str, points: list[str]) -> list[str]:
    """Which points stand near a text and which don't, for after the choices: before, it would answer them."""
    near_by = near(text, points)
    there, missing = (
        [p for p, is_near in zip(points, near_by, strict=True) if is_near is found] for found in (True, False)
    )
    said = ["Near your words I found: " + " ".join(there)] if there else []
    return said + (["I didn't find: " + " ".join(missing)] if missing else [])
