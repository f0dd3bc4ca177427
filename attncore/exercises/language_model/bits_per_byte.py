"""How good is a model at a text, whatever its tokens are?"""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.language_model import bits_per_byte
from attncore.softmax import cross_entropy, log_softmax, softmax

NO_TEXT = "Raises ValueError for a text without a character."
STABLE = "Logits in the thousands give no infinity and no NaN."


def targets_of(rng, s):
    return rng.integers(s.c, size=s.t)


def text(name, said, t, c=7, targets=targets_of, **more):
    return case(name, sizes={"t": t, "c": c}, targets=targets, text=said, **more)


exercise = code(
    bits_per_byte,
    text("two tokens, four letters", "attn", 2, c=3, small=True),
    text("one token", "on", 1, c=4, small=True),
    text("as many tokens as letters", "mat", 3, c=5, small=True),
    text("a sentence", "the cat sat on the mat", 9, c=11),
    text("letters of two bytes", "Äpfel für Zoë", 6),
    text("letters of three and four bytes", "猫がマットの上 🐈", 8),
    text("spaces at both ends", "  the mat \n", 4),
    text("float32", "the cat sat", 5, dtype=np.float32),
    text("sure of itself, and wrong", "the cat", 3, magnitude=8.0),
    text("logits in the thousands", "the cat sat", 5, magnitude=2000.0, promise=STABLE),
    text("very negative logits", "the cat", 4, promise=STABLE, scores=lambda rng, s: rng.normal(-3000, 1, (s.t, s.c))),
    text("no text", "", 1, promise=NO_TEXT),
)


def log_p_of(scores, targets):
    return log_softmax(scores)[np.arange(len(targets)), targets]


@exercise.mistake("nats instead of bits")
def nats(scores, targets, text):
    return -log_p_of(scores, targets).sum() / bytes_of(text)


def bytes_of(text):
    if not text:
        raise ValueError("no text")
    return len(text.encode())


@exercise.mistake("characters counted instead of bytes")
def characters(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).sum() / np.log(2) / len(text)


@exercise.mistake("words counted instead of bytes")
def words(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).sum() / np.log(2) / len(text.split())


@exercise.mistake("bits for each token")
def for_each_token(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).mean() / np.log(2)


@exercise.mistake("the mean over tokens, then divided by the bytes")
def mean_then_bytes(scores, targets, text):
    return cross_entropy(scores, targets) / math.log(2) / bytes_of(text)


@exercise.mistake("not divided by anything")
def not_divided(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).sum() / np.log(2)


@exercise.mistake("multiplied by ln 2 instead of divided")
def multiplied(scores, targets, text):
    return -log_p_of(scores, targets).sum() * np.log(2) / bytes_of(text)


@exercise.mistake("the perplexity of a token")
def perplexity(scores, targets, text):
    bytes_of(text)
    return np.exp(cross_entropy(scores, targets))


@exercise.mistake("two to the bits")
def two_to_the_bits(scores, targets, text):
    return 2 ** (-log_p_of(scores, targets).sum() / np.log(2) / bytes_of(text))


@exercise.mistake("the sign is missing")
def sign(scores, targets, text):
    return log_p_of(scores, targets).sum() / np.log(2) / bytes_of(text)


@exercise.mistake("probabilities are averaged before the logarithm")
def averaged_before(scores, targets, text):
    p = softmax(scores)[np.arange(len(targets)), targets]
    return -np.log2(p.mean()) * len(targets) / bytes_of(text)


@exercise.mistake("the entropy of what is expected, without the targets")
def entropy(scores, targets, text):
    p = softmax(scores)
    return -(p * log_softmax(scores)).sum() / np.log(2) / bytes_of(text)


@exercise.mistake("powers of two in the softmax")
def base_two(scores, targets, text):
    return -log_p_of(scores * np.log(2), targets).sum() / np.log(2) / bytes_of(text)


@exercise.mistake("logits taken for log-probabilities")
def unnormalized(scores, targets, text):
    return -scores[np.arange(len(targets)), targets].sum() / np.log(2) / bytes_of(text)


@exercise.mistake("the targets are shifted once more")
def shifted(scores, targets, text):
    return -log_p_of(scores[:-1], targets[1:]).sum() / np.log(2) / bytes_of(text)


@exercise.mistake("the first token isn't counted")
def first_left_out(scores, targets, text):
    return -log_p_of(scores, targets)[1:].sum() / np.log(2) / bytes_of(text)


@exercise.mistake("the bytes of UTF-16")
def two_bytes_for_a_character(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).sum() / np.log(2) / len(text.encode("utf-16-le"))


@exercise.mistake("the bytes of UTF-16")
def two_bytes_and_a_mark(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).sum() / np.log(2) / len(text.encode("utf-16"))


@exercise.mistake("only letters without accents are counted")
def letters_of_one_byte(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).sum() / np.log(2) / max(1, len(text.encode("ascii", "ignore")))


@exercise.mistake("spaces at the ends aren't counted")
def spaces_at_the_ends_left_out(scores, targets, text):
    bytes_of(text)
    return -log_p_of(scores, targets).sum() / np.log(2) / len(text.strip().encode())


@exercise.mistake("decimal digits instead of bits")
def decimal_digits(scores, targets, text):
    return -log_p_of(scores, targets).sum() / np.log(10) / bytes_of(text)


@exercise.mistake("divided by eight as well")
def divided_by_eight(scores, targets, text):
    return -log_p_of(scores, targets).sum() / np.log(2) / 8 / bytes_of(text)


@exercise.mistake("softmax over the places instead of the tokens")
def softmax_over_the_places(scores, targets, text):
    log_p = log_softmax(scores, axis=0)[np.arange(len(targets)), targets]
    return -log_p.sum() / np.log(2) / bytes_of(text)


@exercise.mistake("a small number in the logarithm, against zero")
def guarded(scores, targets, text):
    p = softmax(scores)[np.arange(len(targets)), targets]
    return -np.log2(np.maximum(p, 1e-9)).sum() / bytes_of(text)


@exercise.mistake("a small number in the logarithm, against zero")
def guarded_by_a_sum(scores, targets, text):
    p = softmax(scores)[np.arange(len(targets)), targets]
    return -np.log2(p + 1e-12).sum() / bytes_of(text)


@exercise.mistake("no maximum subtracted")
def log_of_an_infinite_sum(scores, targets, text):
    log_total = np.log(np.exp(scores).sum(axis=-1))
    return (log_total - scores[np.arange(len(targets)), targets]).sum() / np.log(2) / bytes_of(text)


@exercise.mistake("no maximum subtracted")
def overflowing(scores, targets, text):
    p = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    return -np.log2(p[np.arange(len(targets)), targets]).sum() / bytes_of(text)


@exercise.another_way
def from_the_mean_loss(scores, targets, text):
    if len(text) == 0:
        raise ValueError("no text")
    shifted = scores - scores.max(axis=-1, keepdims=True)
    loss = np.mean([np.logaddexp.reduce(row) - row[i] for row, i in zip(shifted, targets, strict=True)])
    return loss * len(targets) / np.log(2) / len(bytes(text, "utf-8"))
