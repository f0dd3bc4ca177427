"""A classifier of padded texts."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def slots(lengths, n):
    return np.arange(n) < lengths[:, None]


def weigh(scores, is_word):
    scores = np.where(is_word, scores, -np.inf)
    return softmax(scores)


def weigh_(scores, is_word):
    weights = softmax(scores)
    return np.where(is_word, weights, 0.0)


@shaped("(b,n,m),(b):int,(m),(m,c)->(b,c)", axes={"b": "text", "c": "class"})
def fix_pooling(texts, lengths, w_score, W_class):
    """Tell the class of each text of a batch: a probability for each class.

    Texts are padded at the end; `lengths` holds their true lengths, at least 1. Every word gets a score, the words of a
    text share out the weights by a softmax of their scores, and the weighted mean of the words goes through `W_class`
    and a softmax. Finite numbers of any size in the padding make no difference, nor does the amount of padding.
    """
    is_word = slots(lengths, texts.shape[1])
    scores = texts @ w_score
    weights = weigh(scores, is_word)
    pooled = (weights[..., None] * texts).sum(axis=1)
    logits = pooled @ W_class
    return softmax(logits)


def some_lengths(rng, s):
    return rng.integers(1, s.n, s.b)


def with_loud_padding(rng, s):
    """Two texts of one and two words whose padding scores far above them."""
    texts = np.round(rng.standard_normal((2, 3, 2)), 1)
    texts[0, 1:], texts[1, 2] = 900.0, 900.0
    return texts


exercise = code(
    fix_pooling,
    usual(lengths=some_lengths),
    case(
        "zeros behind one word",
        texts=np.array([[[2.0, -1.0], [0.0, 0.0]]]),
        lengths=np.array([1]),
        w_score=np.array([0.5, 0.1]),
        W_class=np.array([[1.0, -1.0], [0.5, 0.0]]),
    ),
    case(
        "no padding at all",
        texts=np.array([[[2.0, -1.0], [0.5, 0.0]]]),
        lengths=np.array([2]),
        w_score=np.array([0.5, 0.1]),
        W_class=np.array([[1.0, -1.0], [0.5, 0.0]]),
    ),
    case(
        "large numbers in the padding",
        texts=with_loud_padding,
        lengths=np.array([1, 2]),
        w_score=np.array([1.0, 0.5]),
        W_class=np.array([[0.2, -0.1], [0.1, 0.3]]),
    ),
    case(
        "words that score far below the padding",
        texts=np.array([[[-300.0, 1.0], [-301.0, -1.0], [0.0, 0.0]]]),
        lengths=np.array([2]),
        w_score=np.array([1.0, 0.0]),
        W_class=np.array([[0.01, -0.01], [0.5, 0.1]]),
    ),
    case("much padding", sizes={"n": 20}, lengths=np.array([1, 3])),
    bug="mask after the softmax",
)


def classified(texts, lengths, w_score, W_class, weigh):
    weights = weigh(texts @ w_score, slots(lengths, texts.shape[1]))
    return softmax((weights[..., None] * texts).sum(axis=1) @ W_class)


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(texts, lengths, w_score, W_class):
    is_word = slots(lengths, texts.shape[1])
    scores = texts @ w_score
    weights = weigh_(scores, is_word)
    pooled = (weights[..., None] * texts).sum(axis=1)
    logits = pooled @ W_class
    return softmax(logits)


@exercise.mistake("divided by their sum afterwards")
def divided_afterwards(texts, lengths, w_score, W_class):
    def weigh(scores, is_word):
        weights = weigh_(scores, is_word)
        return weights / weights.sum(axis=-1, keepdims=True)

    return classified(texts, lengths, w_score, W_class, weigh)


for guard in (1e-12, 1e-9, 1e-6):

    @exercise.mistake("divided by their sum afterwards")
    def divided_afterwards_with_a_guard(texts, lengths, w_score, W_class, guard=guard):
        def weigh(scores, is_word):
            weights = weigh_(scores, is_word)
            return weights / (weights.sum(axis=-1, keepdims=True) + guard)

        return classified(texts, lengths, w_score, W_class, weigh)


for low in (-10.0, -100.0):

    @exercise.mistake("scores of the padding set to a number that isn't low enough")
    def scores_not_low_enough(texts, lengths, w_score, W_class, low=low):
        return classified(
            texts, lengths, w_score, W_class, lambda scores, is_word: softmax(np.where(is_word, scores, low))
        )


@exercise.mistake("a number taken off the scores of the padding that isn't large enough")
def too_little_taken_off(texts, lengths, w_score, W_class):
    return classified(texts, lengths, w_score, W_class, lambda scores, is_word: softmax(scores - 100.0 * ~is_word))


@exercise.mistake("scores of the padding set to zero")
def scores_set_to_zero(texts, lengths, w_score, W_class):
    return classified(
        texts, lengths, w_score, W_class, lambda scores, is_word: weigh_(np.where(is_word, scores, 0.0), is_word)
    )


@exercise.mistake("scores of the padding set to zero")
def scores_set_to_zero_and_seen(texts, lengths, w_score, W_class):
    return classified(texts, lengths, w_score, W_class, lambda scores, is_word: softmax(np.where(is_word, scores, 0.0)))


@exercise.mistake("the mean of the text, divided by its length")
def divided_by_the_length(texts, lengths, w_score, W_class):
    return classified(
        texts,
        lengths,
        w_score,
        W_class,
        lambda scores, is_word: weigh_(scores, is_word) * is_word.shape[1] / is_word.sum(axis=1, keepdims=True),
    )


@exercise.another_way
def text_by_text(texts, lengths, w_score, W_class):
    rows = []
    for text, length in zip(texts, lengths, strict=True):
        words = text[:length]
        rows.append(softmax(softmax(words @ w_score) @ words @ W_class))
    return np.stack(rows)
