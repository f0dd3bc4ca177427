"""Attend to the keys of largest index alone."""

import numpy as np

from attncore.dot_product import attention_scores, attention_weights, scaled_dot_product_attention
from attncore.exercises.dot_product.cases import WRONG_WEIGHTS
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import EMPTY_ROW, GIVEN_SCALE, a_few_keys, a_mask_for_each, some_keys
from attncore.masks import causal_mask
from attncore.softmax import masked_softmax, softmax
from attncore.sparse import best, top_k_attention

TIES = "Ties go to the earlier key."
FEWER = "Where fewer keys are allowed, all of them are selected."


def causal(rng, s):
    return causal_mask(s.q, s.k)


def shuffled(rng, s):
    return rng.permuted(np.tile(np.arange(s.k), (s.q, 1)), axis=-1) / 2 - 0.5


def of(name, n_keep, **more):
    """A case in which no two keys have the same index; in batches it is drawn, and they hardly ever have."""
    given = {} if "lead" in more or "index" in more else {"index": shuffled}
    return case(name, n_keep=n_keep, **given, **more)


exercise = code(
    top_k_attention,
    of("one of three keys", 1, small=True),
    of("two of three keys", 2, small=True),
    usual(n_keep=2, index=lambda rng, s: rng.standard_normal((s.q, s.k))),
    of("two of five keys", 2),
    of("all keys but one", 4),
    of("as many as there are keys", 5),
    of("a square of everything", 2, sizes={"q": 4, "k": 4, "d": 4, "v": 4}),
    of("a selection for each sequence of a batch", 2, lead=(2,)),
    of("a selection for each head", 3, lead=(2, 4)),
    of("causal", 2, sizes={"q": 5}, mask=causal),
    of("causal, small", 1, small=True, sizes={"q": 3}, mask=causal),
    of("a boolean mask", 2, mask=a_few_keys(3)),
    of("a mask for each sequence", 2, lead=(2,), mask=a_mask_for_each(2)),
    of("scores in the thousands", 2, magnitude=60.0),
    of("scores in the thousands, in a batch", 2, lead=(3,), magnitude=60.0, mask=a_few_keys(3)),
    of("more to keep than there are keys", 7, promise=FEWER),
    of("more to keep than are allowed", 4, promise=FEWER, mask=a_few_keys(2)),
    of("ties", 2, small=True, promise=TIES, index=lambda rng, s: np.array([[0.0, 0, 0], [1, 0, 0]])),
    of("an index of zeros and ones", 3, promise=TIES, index=lambda rng, s: rng.integers(2, size=(s.q, s.k)) * 1.0),
    of("ties, and a mask", 1, promise=TIES, index=lambda rng, s: np.ones((s.q, s.k)), mask=some_keys),
    of(
        "nothing allowed",
        2,
        promise=EMPTY_ROW,
        mask=lambda rng, s: np.arange(s.q)[:, None] + np.zeros(s.k, dtype=int) > 0,
    ),
    of("a scale that is given", 2, scale=0.3, promise=GIVEN_SCALE),
    of(
        "one index for all heads",
        2,
        lead=(2, 4),
        promise="The leading axes broadcast.",
        index=lambda rng, s: rng.standard_normal((2, 1, s.q, s.k)),
    ),
    of("nothing to keep", 0, small=True, promise="Raises ValueError for n_keep below 1."),
)


def allowed_by(mask):
    return True if mask is None else mask


def attended(selected, query, key, value, scale):
    return scaled_dot_product_attention(query, key, value, selected, scale)


@exercise.mistake("the smallest index instead of the largest")
def smallest(query, key, value, index, n_keep, mask=None, scale=None):
    return top_k_attention(query, key, value, -index, n_keep, mask, scale)


@exercise.mistake("the best queries of each key instead of the best keys of each query")
def best_queries(query, key, value, index, n_keep, mask=None, scale=None):
    chosen = np.swapaxes(best(np.swapaxes(index, -1, -2), n_keep), -1, -2)
    return attended(chosen & allowed_by(mask), query, key, value, scale)


@exercise.mistake("hidden keys take places in the selection")
def hidden_keys_selected(query, key, value, index, n_keep, mask=None, scale=None):
    return attended(best(index, n_keep) & allowed_by(mask), query, key, value, scale)


@exercise.mistake("hidden keys fill up the selection")
def hidden_keys_fill_up(query, key, value, index, n_keep, mask=None, scale=None):
    return attended(best(np.where(allowed_by(mask), index, -np.inf), n_keep), query, key, value, scale)


@exercise.mistake("hidden keys fill up the selection")
def the_last_hidden_keys_fill_up(query, key, value, index, n_keep, mask=None, scale=None):
    index = np.where(allowed_by(mask), index, -np.inf)
    order = np.argsort(index, axis=-1, kind="stable")[..., -n_keep:]
    selected = np.zeros(index.shape, dtype=bool)
    np.put_along_axis(selected, order, True, axis=-1)
    return attended(selected, query, key, value, scale)


@exercise.mistake("hidden keys fill up the selection")
def hidden_keys_pass_the_threshold(query, key, value, index, n_keep, mask=None, scale=None):
    index = np.where(allowed_by(mask), index, -1e9)
    least = np.sort(index, axis=-1)[..., -min(n_keep, index.shape[-1]), None]
    return attended(index >= least, query, key, value, scale)


@exercise.mistake("mask ignored")
def mask_ignored(query, key, value, index, n_keep, mask=None, scale=None):
    return top_k_attention(query, key, value, index, n_keep, None, scale)


@exercise.mistake("weights zeroed after the softmax")
def zeroed_after_the_softmax(query, key, value, index, n_keep, mask=None, scale=None):
    weights = attention_weights(query, key, mask, scale)
    return weights * best(index, n_keep, allowed_by(mask)) @ value


@exercise.mistake("weights zeroed after the softmax, then renormalized")
def zeroed_then_renormalized(query, key, value, index, n_keep, mask=None, scale=None):
    weights = attention_weights(query, key, mask, scale) * best(index, n_keep, allowed_by(mask))
    return weights / weights.sum(axis=-1, keepdims=True) @ value


for guard in (1e-12, 1e-9, 1e-6):

    @exercise.mistake("weights zeroed after the softmax, then renormalized with a guard")
    def zeroed_then_renormalized_with_a_guard(query, key, value, index, n_keep, mask=None, scale=None, guard=guard):
        weights = attention_weights(query, key, mask, scale) * best(index, n_keep, allowed_by(mask))
        return weights / (weights.sum(axis=-1, keepdims=True) + guard) @ value


@exercise.mistake("a second softmax over the selected weights")
def a_second_softmax(query, key, value, index, n_keep, mask=None, scale=None):
    weights = attention_weights(query, key, mask, scale)
    return masked_softmax(weights, best(index, n_keep, allowed_by(mask))) @ value


@exercise.mistake("scores zeroed instead of hidden")
def scores_zeroed(query, key, value, index, n_keep, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(np.where(best(index, n_keep, allowed_by(mask)), scores, 0)) @ value


@exercise.mistake("weights made from the index")
def weights_made_from_the_index(query, key, value, index, n_keep, mask=None, scale=None):
    return masked_softmax(index, best(index, n_keep, allowed_by(mask))) @ value


@exercise.mistake("the index added to the scores")
def index_added(query, key, value, index, n_keep, mask=None, scale=None):
    scores = attention_scores(query, key, scale) + index
    return masked_softmax(scores, best(index, n_keep, allowed_by(mask))) @ value


@exercise.mistake("selected by the scores instead of the index")
def selected_by_the_scores(query, key, value, index, n_keep, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return masked_softmax(scores, best(scores, n_keep, allowed_by(mask))) @ value


@exercise.mistake("nothing selected")
def nothing_selected(query, key, value, index, n_keep, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("one key too many")
def one_key_too_many(query, key, value, index, n_keep, mask=None, scale=None):
    return top_k_attention(query, key, value, index, n_keep + 1, mask, scale)


@exercise.mistake("one selection for all queries")
def one_selection(query, key, value, index, n_keep, mask=None, scale=None):
    index = np.broadcast_to(index.mean(axis=-2, keepdims=True), index.shape)
    return top_k_attention(query, key, value, index, n_keep, mask, scale)


@exercise.mistake("keys gathered, values in their old places")
def values_in_their_old_places(query, key, value, index, n_keep, mask=None, scale=None):
    selected = best(index, n_keep, allowed_by(mask))
    weights = np.sort(attention_weights(query, key, selected, scale) + selected, axis=-1)[..., ::-1]
    weights = np.where(weights > 1, weights - 1, np.where(weights == 1, 0, weights))
    return weights @ value


@exercise.mistake("all that tie with the last one are kept")
def all_ties_kept(query, key, value, index, n_keep, mask=None, scale=None):
    index = np.where(allowed_by(mask), index, -np.inf)
    least = np.sort(index, axis=-1)[..., ::-1][..., min(n_keep, index.shape[-1]) - 1, None]
    return attended((index >= least) & (index > -np.inf), query, key, value, scale)


@exercise.mistake("only what lies above the last one is kept")
def only_above_the_last(query, key, value, index, n_keep, mask=None, scale=None):
    index = np.where(allowed_by(mask), index, -np.inf)
    least = np.sort(index, axis=-1)[..., ::-1][..., min(n_keep, index.shape[-1]) - 1, None]
    return attended(index > least, query, key, value, scale)


@exercise.mistake("ties go to the later key")
def ties_to_the_later(query, key, value, index, n_keep, mask=None, scale=None):
    index, allowed = np.broadcast_arrays(index, allowed_by(mask))
    selected = best(index[..., ::-1], n_keep, allowed[..., ::-1])[..., ::-1]
    return attended(selected, query, key, value, scale)


@exercise.mistake("an empty row averages the values")
def empty_row_averages(query, key, value, index, n_keep, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(np.where(best(index, n_keep, allowed_by(mask)), scores, -1e9)) @ value


@exercise.mistake("more to keep than there are keys")
def more_than_there_are(query, key, value, index, n_keep, mask=None, scale=None):
    if n_keep > index.shape[-1]:
        raise IndexError("selected index out of range")
    return top_k_attention(query, key, value, index, n_keep, mask, scale)


@exercise.mistake("a given scale is ignored")
def scale_ignored(query, key, value, index, n_keep, mask=None, scale=None):
    return top_k_attention(query, key, value, index, n_keep, mask)


TAKEN = ("no scale", "divided by the width of a head, not by its square root", "only the best key", "no softmax")
for label in TAKEN:

    @exercise.mistake(label)
    def weighed(query, key, value, index, n_keep, mask=None, scale=None, weigh=WRONG_WEIGHTS[label]):
        selected = best(index, n_keep, allowed_by(mask))
        weights = weigh(query, key, selected, scale)
        return np.where(selected, weights, 0) @ value


@exercise.mistake("hidden keys take places in the selection")
def hidden_index_of_zero(query, key, value, index, n_keep, mask=None, scale=None):
    selected = best(np.where(allowed_by(mask), index, 0), n_keep)
    return attended(selected & allowed_by(mask), query, key, value, scale)


@exercise.mistake("the best of all rows together")
def best_of_all_rows(query, key, value, index, n_keep, mask=None, scale=None):
    index, allowed = np.broadcast_arrays(index, allowed_by(mask))
    rows = (*index.shape[:-2], -1)
    selected = best(index.reshape(rows), n_keep * index.shape[-2], allowed.reshape(rows)).reshape(index.shape)
    return attended(selected, query, key, value, scale)


@exercise.mistake("the selected values averaged without weights")
def plain_mean(query, key, value, index, n_keep, mask=None, scale=None):
    selected = np.broadcast_to(best(index, n_keep, allowed_by(mask)), index.shape)
    return selected / np.maximum(selected.sum(axis=-1, keepdims=True), 1) @ value


@exercise.mistake("the index without its sign")
def without_its_sign(query, key, value, index, n_keep, mask=None, scale=None):
    return top_k_attention(query, key, value, np.abs(index), n_keep, mask, scale)


@exercise.mistake("the last keys, whatever the index says")
def last_keys(query, key, value, index, n_keep, mask=None, scale=None):
    places = np.broadcast_to(np.arange(index.shape[-1]) * 1.0, index.shape)
    return top_k_attention(query, key, value, places, n_keep, mask, scale)


@exercise.another_way
def in_order_of_the_index(query, key, value, index, n_keep, mask=None, scale=None):
    if n_keep < 1:
        raise ValueError("n_keep")
    allowed = np.broadcast_to(True if mask is None else mask, index.shape)
    order = np.argsort(np.where(allowed, -index, np.inf), axis=-1, kind="stable")[..., :n_keep]
    selected = np.zeros(index.shape, dtype=bool)
    np.put_along_axis(selected, order, True, axis=-1)
    return scaled_dot_product_attention(query, key, value, selected & allowed, scale)


@exercise.another_way
def keys_gathered_for_each_query(query, key, value, index, n_keep, mask=None, scale=None):
    if n_keep < 1:
        raise ValueError("n_keep")
    allowed = np.broadcast_to(True if mask is None else mask, index.shape)
    lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2], index.shape[:-2])
    query, key, value, index, allowed = (
        np.broadcast_to(x, lead + x.shape[-2:]) for x in (query, key, value, index, allowed)
    )
    output = np.zeros((*lead, query.shape[-2], value.shape[-1]), value.dtype)
    for place in np.ndindex(*lead, query.shape[-2]):
        can = np.flatnonzero(allowed[place])
        row = can[np.argsort(-index[place][can], kind="stable")][:n_keep].tolist()
        if row:
            batch = place[:-1]
            one = query[place][None]
            output[place] = scaled_dot_product_attention(one, key[batch][row], value[batch][row], None, scale)[0]
    return output


@exercise.another_way
def ranks_by_counting(query, key, value, index, n_keep, mask=None, scale=None):
    if n_keep < 1:
        raise ValueError("n_keep")
    allowed = np.broadcast_to(True if mask is None else mask, index.shape)
    mine, other = index[..., :, None], index[..., None, :]
    earlier = np.tri(index.shape[-1], k=-1, dtype=bool)
    better = ((other > mine) | ((other == mine) & earlier)) & allowed[..., None, :]
    return scaled_dot_product_attention(query, key, value, allowed & (better.sum(axis=-1) < n_keep), scale)
