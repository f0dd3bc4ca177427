"""Lesson 21: what a mistake in one part of SmolLM2 does to the loss of a text, to decoding, and to what is written."""

from typing import NamedTuple

import numpy as np

from attncore.language_model import OURS, logits, new_ids, text_loss
from attncore.smollm2 import chat
from attncore.softmax import cross_entropy
from attncore.tokenizer import decode, encode

PROSE = (
    "The harbor was quiet in the early morning. Two fishermen were mending their nets on the quay, and a small boat "
    "came in with its lamp still burning. The older man looked up, waved to the boy at the tiller, and went back to "
    "his work. Later that day the wind would turn to the north, and nobody would leave the harbor until the end of the "
    "week."
)
CACHED_FROM = 40  # so many tokens are read at once before the others are decoded
FACT, QUESTION = "The capital of France is", chat("Name three colors.")
N_WRITTEN = 12  # tokens behind each of the two
NEAR, FLUENT, SAME = 0.2, 0.5, 0.002  # nats a token: of the losses, of what is written, and of what counts as equal


class Symptoms(NamedTuple):
    """The loss of a text read at once and of the same decoded, what is written behind two prompts, and how much that
    surprises the healthy model; losses are in nats a token.
    """

    whole: float
    decoding: float
    texts: tuple[str, str]
    surprise: float


def symptoms(model, parts=OURS):
    """Measure what the model does on these parts: a `Symptoms`."""
    whole = text_loss(model, PROSE, parts)
    decoding = text_loss(model, PROSE, parts, cached_from=CACHED_FROM)
    written = [list(new_ids(model, prompt, N_WRITTEN, parts, None, None, 0.0)) for prompt in (FACT, QUESTION)]
    surprise = np.mean([continued(model, prompt, ids) for prompt, ids in zip((FACT, QUESTION), written, strict=True)])
    fact, question = (decode(model.tokenizer, ids) for ids in written)
    return Symptoms(whole, decoding, (fact, question), float(surprise))


def continued(model, prompt, new):
    """The healthy model's loss on the ids that continue a prompt."""
    before = encode(model.tokenizer, prompt)
    ids = np.array([*before, *new, model.end][: len(before) + N_WRITTEN])
    return float(cross_entropy(logits(model, ids[:-1])[len(before) - 1 :], ids[len(before) :]))


def kind_of(found, right):
    """How a mistake shows: "loud", "late", "silent", "too good" or "harmless". Losses that are no numbers are loud."""
    at_once, later = found.whole - right.whole, found.decoding - right.decoding
    if max(abs(at_once), abs(later)) < SAME and found.texts == right.texts:
        return "harmless"
    if abs(at_once) < SAME and later > NEAR:
        return "late"
    if at_once < -NEAR:
        return "too good"
    if abs(at_once) <= NEAR and abs(later) <= NEAR and found.surprise <= right.surprise + FLUENT:
        return "silent"
    return "loud"
