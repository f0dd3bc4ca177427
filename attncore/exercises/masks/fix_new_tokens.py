"""The newest tokens of a text look back at all of it."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def may_see(n_query, n_key):
    key_at = np.arange(n_key)
    query_at = key_at[n_key - n_query :]
    return key_at <= query_at[:, None]


def may_see_(n_query, n_key):
    key_at = np.arange(n_key)
    query_at = np.arange(n_query)
    return key_at <= query_at[:, None]


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v)")
def fix_new_tokens(query, key, value, ignored=None):
    """Let the newest tokens of a text look at all of the text so far, and at nothing that comes after them.

    Keys and values are those of the whole text up to now, the queries those of its last q tokens: there are never more
    queries than keys. `ignored` (k) holds booleans: True = nobody may see this token. A token that may see nothing
    gets zeros.
    """
    allowed = may_see(query.shape[-2], key.shape[-2])
    if ignored is not None:
        allowed = allowed & ~ignored
    scores = query @ np.swapaxes(key, -1, -2)
    scores = scores / np.sqrt(query.shape[-1])
    scores = np.where(allowed, scores, -np.inf)
    weights = softmax(scores)
    return weights @ value


def second_ignored(rng, s):
    return np.arange(s.k) == 1


exercise = code(
    fix_new_tokens,
    usual(),
    case("one new token", small=True, sizes={"q": 1}),
    case("one new token in a batch", sizes={"q": 1}, lead=(2,)),
    case("a whole text at once", small=True, sizes={"q": 3}),
    case("two new tokens of six", sizes={"q": 2, "k": 6}),
    case("a token that nobody may see", small=True, ignored=second_ignored),
    case("a whole text, the second token ignored", sizes={"q": 5}, ignored=second_ignored),
    bug="queries taken as the first positions",
)


@exercise.mistake("queries taken as the first positions")
def taken_as_the_first(query, key, value, ignored=None):
    allowed = may_see_(query.shape[-2], key.shape[-2])
    if ignored is not None:
        allowed = allowed & ~ignored
    scores = query @ np.swapaxes(key, -1, -2)
    scores = scores / np.sqrt(query.shape[-1])
    scores = np.where(allowed, scores, -np.inf)
    weights = softmax(scores)
    return weights @ value


def seen(query, key, value, ignored, allowed):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    if ignored is not None:
        allowed = allowed & ~ignored
    return softmax(np.where(allowed, scores, -np.inf)) @ value


def moved(query, key, by):
    n_query, n_key = query.shape[-2], key.shape[-2]
    return np.tri(n_query, n_key, n_key - n_query + by, dtype=bool)


@exercise.mistake("only a single new token repaired")
def only_one_token_repaired(query, key, value, ignored=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    allowed = np.ones((1, n_key), dtype=bool) if n_query == 1 else may_see_(n_query, n_key)
    return seen(query, key, value, ignored, allowed)


@exercise.mistake("no mask where the text goes back further than the queries")
def no_mask_with_a_past(query, key, value, ignored=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    allowed = np.ones((n_query, n_key), dtype=bool) if n_query < n_key else may_see(n_query, n_key)
    return seen(query, key, value, ignored, allowed)


@exercise.mistake("one position too early")
def one_too_early(query, key, value, ignored=None):
    return seen(query, key, value, ignored, moved(query, key, -1))


@exercise.mistake("one position too late")
def one_too_late(query, key, value, ignored=None):
    return seen(query, key, value, ignored, moved(query, key, 1))


@exercise.another_way
def the_last_rows_of_a_square(query, key, value, ignored=None):
    n_key = key.shape[-2]
    return seen(query, key, value, ignored, np.tri(n_key, dtype=bool)[n_key - query.shape[-2] :])
