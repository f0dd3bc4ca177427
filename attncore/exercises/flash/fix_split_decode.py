"""One new query against a long cache, in parts that are joined at the end."""

import numpy as np

from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.exercises.exercise import case, code, usual
from attncore.flash import slices
from attncore.shapes import shaped
from attncore.softmax import softmax


def attend_to_part(query, key, value):
    scores = attention_scores(query, key)
    maximum = scores.max(axis=-1)
    weights = np.exp(scores - maximum[..., None])
    total = weights.sum(axis=-1)
    return weights @ value / total[..., None], maximum + np.log(total)


def joined(outputs, log_totals):
    logs, parts = np.stack(log_totals), np.stack(outputs)
    maximum = logs.max(axis=0)
    shares = np.exp(logs - maximum)
    total = shares.sum(axis=0)
    output = np.sum(shares[..., None] * parts, axis=0) / total[..., None]
    return output, maximum + np.log(total)


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v),(...,q)", returns="output, log_total")
def fix_split_decode(query, key, value, size):
    """Attend to a long cache in parts of `size` keys: returns (output, log_total).

    `log_total` is the logarithm of the sum of the exponentials of a query's scores, by which the
    result can be joined with others. Both are those of one softmax over all keys, whatever the
    size; the last part may be shorter. No mask: the queries may see every key. Scores in the
    thousands don't overflow. Flash-Decoding, Dao et al. (2023).
    """
    outputs, log_totals = [], []
    for part in slices(0, key.shape[-2], size):
        output, log_total = attend_to_part(query, key[..., part, :], value[..., part, :])
        outputs.append(output)
        log_totals.append(log_total)
    return joined(outputs, log_totals)


exercise = code(
    fix_split_decode,
    usual(size=2),
    case("one part", size=9, small=True),
    case("one key a part", size=1, small=True),
    case("equal parts", size=2, sizes={"k": 6}),
    case("one query, many keys", size=4, sizes={"q": 1, "k": 17}),
    case("equal scores", size=2, small=True, query=lambda rng, s: np.zeros((s.q, s.d))),
    case(
        "scores in the thousands",
        size=2,
        magnitude=60.0,
        promise="Scores in the thousands don't overflow.",
    ),
    bug="a part's total forgets its maximum",
)


def attend_to_part_(query, key, value):
    scores = attention_scores(query, key)
    maximum = scores.max(axis=-1)
    weights = np.exp(scores - maximum[..., None])
    total = weights.sum(axis=-1)
    return weights @ value / total[..., None], np.log(total)


@exercise.mistake("a part's total forgets its maximum")
def attend_in_parts(query, key, value, size):
    outputs, log_totals = [], []
    for part in slices(0, key.shape[-2], size):
        output, log_total = attend_to_part_(query, key[..., part, :], value[..., part, :])
        outputs.append(output)
        log_totals.append(log_total)
    return joined(outputs, log_totals)


def with_shares(query, key, value, size, log_share):
    """Parts whose shares are the softmax of what `log_share(scores)` gives each."""
    outputs, logs = [], []
    for part in slices(0, key.shape[-2], size):
        scores = attention_scores(query, key[..., part, :])
        outputs.append(softmax(scores) @ value[..., part, :])
        logs.append(log_share(scores))
    return joined(outputs, logs)


@exercise.mistake("parts weigh by their maximum alone")
def by_the_maximum(query, key, value, size):
    return with_shares(query, key, value, size, lambda scores: scores.max(axis=-1))


@exercise.mistake("all parts weigh alike")
def alike(query, key, value, size):
    return with_shares(query, key, value, size, lambda scores: np.zeros_like(scores[..., 0]))


@exercise.mistake("parts weigh by their number of keys")
def by_the_number(query, key, value, size):
    return with_shares(query, key, value, size, lambda scores: np.full_like(scores[..., 0], np.log(scores.shape[-1])))


@exercise.mistake("the maximum is taken off once more")
def twice_off(query, key, value, size):
    def log_share(scores):
        maximum = scores.max(axis=-1)
        return np.log(np.exp(scores - maximum[..., None]).sum(axis=-1)) - maximum

    return with_shares(query, key, value, size, log_share)


@exercise.another_way
def relative_to_the_largest(query, key, value, size):
    scores = attention_scores(query, key)
    largest, summed, total = scores.max(axis=-1, keepdims=True), 0.0, 0.0
    for part in slices(0, key.shape[-2], size):
        weights = np.exp(scores[..., part] - largest)
        summed = summed + weights @ value[..., part, :]
        total = total + weights.sum(axis=-1, keepdims=True)
    return summed / total, (largest + np.log(total))[..., 0]


@exercise.another_way
def without_parts(query, key, value, size):
    output = scaled_dot_product_attention(query, key, value)
    return output, np.logaddexp.reduce(attention_scores(query, key), axis=-1)
