"""A training step of a model that uses its embedding at both ends."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.gradients import attention_backward
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import log_softmax, softmax


def cross_entropy_and_back(logits, targets):
    p, rows = softmax(logits), np.arange(len(targets))
    loss = -np.mean(np.log(p[rows, targets]))
    p[rows, targets] -= 1
    return loss, p / len(targets)


@shaped("(n+1):int,(c,m)->(),(c,m)", axes={"c": "vocabulary"}, returns="loss, d_E")
def fix_tied_embedding(ids, E):
    """Measure a small language model's loss on a text, and its gradient: returns (loss, d_E).

    Every word but the last predicts the next one. The words' rows of E go through one causal
    attention, as query, key and value at once, with a residual; the logits are the products with
    all rows of E. The loss is the mean cross-entropy, in nats. d_E is the gradient of the loss
    with respect to E, through both of its uses. A word may occur more than once.
    """
    words, targets = ids[:-1], ids[1:]
    mask = causal_mask(len(words))
    x = E[words]
    state = x + scaled_dot_product_attention(x, x, x, mask)
    loss, d_logits = cross_entropy_and_back(state @ E.T, targets)
    d_state = d_logits @ E
    d_query, d_key, d_value = attention_backward(x, x, x, d_state, mask)
    d_x = d_state + d_query + d_key + d_value
    d_E = d_logits.T @ state
    np.add.at(d_E, words, d_x)
    return loss, d_E


def text_case(name, ids, words=0, m=4, **more):
    return case(
        name,
        small=m == 4,
        ids=np.array(ids),
        E=lambda rng, s: np.round(rng.standard_normal((words or max(ids) + 1, m)) / np.sqrt(m), 2),
        **more,
    )


exercise = code(
    fix_tied_embedding,
    text_case("two words", [1, 0], m=2),
    text_case("no word twice", [2, 0, 3, 1]),
    text_case("the last word has been there", [0, 1, 0], m=2),
    text_case("one word twice", [0, 1, 0, 2], m=2),
    text_case("the cat sat on the mat", [0, 1, 2, 3, 0, 4]),
    text_case("one word all along", [1, 1, 1, 1], m=2),
    text_case("a longer text, many words that it lacks", [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], words=12, m=10),
    text_case("float32", [3, 1, 4, 1, 5, 9, 2, 6, 5], words=12, m=10, dtype=np.float32),
    bug="a word that comes again is counted once",
)


@exercise.mistake("a word that comes again is counted once")
def loss_and_gradient(ids, E):
    words, targets = ids[:-1], ids[1:]
    mask = causal_mask(len(words))
    x = E[words]
    state = x + scaled_dot_product_attention(x, x, x, mask)
    loss, d_logits = cross_entropy_and_back(state @ E.T, targets)
    d_state = d_logits @ E
    d_query, d_key, d_value = attention_backward(x, x, x, d_state, mask)
    d_x = d_state + d_query + d_key + d_value
    d_E = d_logits.T @ state
    d_E[words] += d_x
    return loss, d_E


def both_ends(ids, E, keeps=1.0, divided=True):
    """The loss, the gradient of E from its use in the logits, and the gradient of each word that was looked up."""
    words, mask = ids[:-1], causal_mask(len(ids) - 1)
    x = E[words]
    state = x + scaled_dot_product_attention(x, x, x, mask)
    loss, d_logits = cross_entropy_and_back(state @ E.T, ids[1:])
    d_logits = d_logits if divided else d_logits * len(words)
    d_state = d_logits @ E
    return loss, d_logits.T @ state, keeps * d_state + sum(attention_backward(x, x, x, d_state, mask))


def looked_up(ids, E, d_x):
    return np.stack([d_x[ids[:-1] == word].sum(axis=0) for word in range(len(E))])


@exercise.mistake("the residual's gradient is lost")
def residual_lost(ids, E):
    loss, d_E, d_x = both_ends(ids, E, keeps=0.0)
    return loss, d_E + looked_up(ids, E, d_x)


@exercise.mistake("a word that comes again gets its mean")
def mean_of_a_word(ids, E):
    loss, d_E, d_x = both_ends(ids, E)
    counts = np.bincount(ids[:-1], minlength=len(E))
    return loss, d_E + looked_up(ids, E, d_x) / np.maximum(counts, 1)[:, None]


@exercise.mistake("only the first of a word's places counts")
def first_place(ids, E):
    loss, d_E, d_x = both_ends(ids, E)
    words, first = np.unique(ids[:-1], return_index=True)
    d_E[words] += d_x[first]
    return loss, d_E


@exercise.mistake("the lookup overwrites the logits' share")
def overwritten(ids, E):
    loss, d_E, d_x = both_ends(ids, E)
    rows = looked_up(ids, E, d_x)
    return loss, np.where(np.isin(np.arange(len(E)), ids[:-1])[:, None], rows, d_E)


@exercise.mistake("the gradient is that of the sum, not of the mean")
def not_divided(ids, E):
    loss, d_E, d_x = both_ends(ids, E, divided=False)
    return loss, d_E + looked_up(ids, E, d_x)


@exercise.another_way
def with_one_hot_words(ids, E):
    one_hot = np.eye(len(E))[ids[:-1]]
    x, mask = one_hot @ E, causal_mask(len(ids) - 1)
    state = x + scaled_dot_product_attention(x, x, x, mask)
    log_p = log_softmax(state @ E.T)
    d_logits = (np.exp(log_p) - np.eye(len(E))[ids[1:]]) / len(one_hot)
    d_x = d_logits @ E + sum(attention_backward(x, x, x, d_logits @ E, mask))
    return -np.mean(log_p[np.arange(len(one_hot)), ids[1:]]), d_logits.T @ state + one_hot.T @ d_x
