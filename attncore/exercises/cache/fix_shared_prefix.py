"""One long prefix, read once, and several requests that continue it."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.shapes import shaped


def read_tokens(x, keys, values, W_query, W_key, W_value):
    rows = []
    for token in x:
        keys.append(token @ W_key)
        values.append(token @ W_value)
        query = token[None] @ W_query
        rows.append(scaled_dot_product_attention(query, np.stack(keys), np.stack(values)))
    return np.concatenate(rows)


@shaped("(k,m),(b,n,m),(m,d),(m,d),(m,v)->(b,n,v)", axes={"k": "prefix", "b": "request"})
def fix_shared_prefix(prefix, requests, W_query, W_key, W_value):
    """Answer several requests that begin with the same prefix, and read the prefix only once.

    One causal attention layer, token by token, with a cache. Each request continues the prefix, and
    knows nothing of the other requests: its rows are those of a pass over the prefix and this request alone.
    """
    keys, values = [], []
    read_tokens(prefix, keys, values, W_query, W_key, W_value)
    answers = []
    for request in requests:
        own_keys, own_values = list(keys), list(values)
        rows = read_tokens(request, own_keys, own_values, W_query, W_key, W_value)
        answers.append(rows)
    return np.stack(answers)


def asked(name, n_prefix, n_requests, n, small=False, **more):
    given = {"W_query": matrix("m", "d"), "W_key": matrix("m", "d"), "W_value": matrix("m", "v")}
    return case(name, small=small, sizes={"k": n_prefix, "b": n_requests, "n": n}, **given, **more)


exercise = code(
    fix_shared_prefix,
    asked("one request", 2, 1, 2, small=True),
    asked("two requests of one token", 1, 2, 1, small=True),
    asked("two requests", 2, 2, 2, small=True),
    asked("a long prefix", 9, 3, 2),
    asked("five requests", 3, 5, 4),
    asked("float32", 4, 3, 5, dtype=np.float32),
    bug="all requests write into one cache",
)


@exercise.mistake("all requests write into one cache")
def answers_to_requests(prefix, requests, W_query, W_key, W_value):
    keys, values = [], []
    read_tokens(prefix, keys, values, W_query, W_key, W_value)
    answers = []
    for request in requests:
        own_keys, own_values = keys, values
        rows = read_tokens(request, own_keys, own_values, W_query, W_key, W_value)
        answers.append(rows)
    return np.stack(answers)


def answered(prefix, requests, W_query, W_key, W_value, before):
    """Each request behind the tokens that `before(i)` gives it."""
    rows = []
    for i, request in enumerate(requests):
        x = np.concatenate([before(i), request])
        mask = causal_mask(len(request), len(x))
        rows.append(scaled_dot_product_attention(request @ W_query, x @ W_key, x @ W_value, mask))
    return np.stack(rows)


@exercise.mistake("only the first request has the prefix")
def emptied_after_the_first(prefix, requests, *matrices):
    return answered(prefix, requests, *matrices, before=lambda i: prefix if i == 0 else prefix[:0])


@exercise.mistake("no request has the prefix")
def fresh_caches(prefix, requests, *matrices):
    return answered(prefix, requests, *matrices, before=lambda i: prefix[:0])


@exercise.mistake("each request sees the one before it as well")
def one_too_late(prefix, requests, *matrices):
    def before(i):
        return prefix if i == 0 else np.concatenate([prefix, requests[i - 1]])

    return answered(prefix, requests, *matrices, before=before)


@exercise.mistake("the prefix comes anew for each request, behind the others")
def appended_again(prefix, requests, *matrices):
    def before(i):
        parts = [part for request in requests[:i] for part in (prefix, request)]
        return np.concatenate([*parts, prefix])

    return answered(prefix, requests, *matrices, before=before)


@exercise.mistake("the values are copied and the keys are not")
def values_alone(prefix, requests, W_query, W_key, W_value):
    keys, values = [], []
    read_tokens(prefix, keys, values, W_query, W_key, W_value)
    return np.stack([read_tokens(request, keys, list(values), W_query, W_key, W_value) for request in requests])


@exercise.another_way
def one_pass_for_each(prefix, requests, *matrices):
    return answered(prefix, requests, *matrices, before=lambda i: prefix)
