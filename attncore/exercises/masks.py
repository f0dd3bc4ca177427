"""Lesson 06: masks, and the leaks that they prevent."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Lesson, case
from attncore.exercises.self_attention import LAYERS, layer_cases, normalised_causal, normalised_mean
from attncore.masks import causal_mask, combine_masks, leaks_future, padding_mask, prefix_mask

lesson = Lesson("06_masks")

causal = lesson.code(
    causal_mask,
    [
        case(causal_mask, "three tokens", n_query=3),
        case(causal_mask, "five tokens, n_key given", n_query=5, n_key=5),
        case(causal_mask, "one token", n_query=1),
        case(causal_mask, "two queries at the end of five keys", stage="more keys than queries", n_query=2, n_key=5),
        case(causal_mask, "one query at the end of six keys", stage="more keys than queries", n_query=1, n_key=6),
        case(causal_mask, "four queries, six keys", stage="more keys than queries", n_query=4, n_key=6),
        case(causal_mask, "more queries than keys", stage="more queries than keys", n_query=5, n_key=3),
    ],
)


@causal.mistake
def diagonal_hidden(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query - 1, dtype=bool)


@causal.mistake
def one_step_ahead_visible(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query + 1, dtype=bool)


@causal.mistake
def triangle_flipped(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.triu(np.ones((n_query, n_key), dtype=bool), k=n_key - n_query)


@causal.mistake
def queries_taken_as_the_first_positions(n_query, n_key=None):
    return np.tri(n_query, n_key, dtype=bool)


@causal.mistake
def inverted(n_query, n_key=None):
    return ~causal_mask(n_query, n_key)


@causal.mistake
def all_visible_once_there_is_a_cache(n_query, n_key=None):
    if n_key is None or n_key == n_query:
        return causal_mask(n_query)
    return np.ones((n_query, n_key), dtype=bool)


@causal.mistake
def number_of_keys_ignored(n_query, n_key=None):
    return causal_mask(n_query)


@causal.mistake
def everything_visible(n_query, n_key=None):
    return np.ones((n_query, n_key or n_query), dtype=bool)


@causal.mistake
def axes_swapped(n_query, n_key=None):
    return causal_mask(n_query, n_key).T


@causal.other_convention
def ones_and_zeros(n_query, n_key=None):
    return causal_mask(n_query, n_key).astype(int)


@causal.other_convention
def zeros_and_minus_infinity(n_query, n_key=None):
    return np.where(causal_mask(n_query, n_key), 0.0, -np.inf)


@causal.other_convention
def ones_and_zeros_where_one_hides(n_query, n_key=None):
    return (~causal_mask(n_query, n_key)).astype(int)


@causal.another_way
def positions_compared(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    position = np.arange(n_key - n_query, n_key)
    return np.arange(n_key) <= position[:, None]


@causal.another_way
def lower_triangle_of_ones(n_query, n_key=None):
    n_key = n_key or n_query
    return np.tril(np.ones((n_query, n_key)), k=n_key - n_query) == 1


@causal.another_way
def nested_lists(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return [[key - (n_key - n_query) <= query for key in range(n_key)] for query in range(n_query)]


texts = {
    "two texts, three and one tokens long": ([3, 1], 4),
    "three texts, no padding in the longest": ([5, 2, 4], 5),
    "one text": ([2], 3),
    "a text of no tokens": ([0, 2], 3),
}
padding = lesson.code(
    padding_mask,
    [
        *(case(padding_mask, name, lengths=np.array(lengths), n_key=n_key) for name, (lengths, n_key) in texts.items()),
        case(padding_mask, "lengths in a list", lengths=[3, 1, 2], n_key=6),
    ],
)


@padding.mistake
def pads_hidden_on_the_query_axis(lengths, n_key):
    return np.swapaxes(padding_mask(lengths, n_key), -1, -2)


@padding.mistake
def length_off_by_one(lengths, n_key):
    return np.arange(n_key) <= np.asarray(lengths)[:, None, None]


@padding.mistake
def last_token_hidden_too(lengths, n_key):
    return np.arange(n_key) < np.asarray(lengths)[:, None, None] - 1


@padding.mistake
def query_axis_missing(lengths, n_key):
    return padding_mask(lengths, n_key)[:, 0]


@padding.mistake
def padding_visible_instead_of_text(lengths, n_key):
    return ~padding_mask(lengths, n_key)


@padding.mistake
def padding_expected_in_front(lengths, n_key):
    return padding_mask(lengths, n_key)[..., ::-1]


@padding.mistake
def first_length_for_every_text(lengths, n_key):
    return padding_mask(np.full(len(lengths), lengths[0]), n_key)


@padding.mistake
def square_for_every_text(lengths, n_key):
    return padding_mask(lengths, n_key) & np.ones((n_key, 1), dtype=bool)


@padding.other_convention
def ones_and_zeros(lengths, n_key):
    return padding_mask(lengths, n_key).astype(int)


@padding.other_convention
def zeros_and_minus_infinity(lengths, n_key):
    return np.where(padding_mask(lengths, n_key), 0.0, -np.inf)


@padding.another_way
def filled_text_by_text(lengths, n_key):
    mask = np.zeros((len(lengths), 1, n_key), dtype=bool)
    for text, length in enumerate(lengths):
        mask[text, 0, :length] = True
    return mask


@padding.another_way
def nested_lists(lengths, n_key):
    return [[[place < length for place in range(n_key)]] for length in lengths]


prefixes = lesson.code(
    prefix_mask,
    [
        case(prefix_mask, f"{n} tokens, a prefix of {prefix}", n=n, prefix=prefix)
        for n, prefix in ((4, 2), (3, 1), (6, 4), (5, 0), (3, 3))
    ],
)


@prefixes.mistake
def prefix_cannot_see_itself_ahead(n, prefix):
    return causal_mask(n)


@prefixes.mistake
def prefix_one_too_long(n, prefix):
    return causal_mask(n) | (np.arange(n) <= prefix)


@prefixes.mistake
def prefix_rows_see_everything(n, prefix):
    return causal_mask(n) | (np.arange(n) < prefix)[:, None]


@prefixes.mistake
def text_after_the_prefix_not_causal(n, prefix):
    token = np.arange(n)
    return (token < prefix) | (token >= prefix)[:, None]


@prefixes.mistake
def prefix_and_causal_both_required(n, prefix):
    return causal_mask(n) & (np.arange(n) < prefix)


@prefixes.mistake
def prefix_hidden_from_the_rest(n, prefix):
    token = np.arange(n)
    same_part = (token < prefix) == (token < prefix)[:, None]
    return prefix_mask(n, prefix) & same_part


@prefixes.other_convention
def ones_and_zeros(n, prefix):
    return prefix_mask(n, prefix).astype(int)


@prefixes.other_convention
def zeros_and_minus_infinity(n, prefix):
    return np.where(prefix_mask(n, prefix), 0.0, -np.inf)


@prefixes.another_way
def causal_then_filled(n, prefix):
    mask = np.tril(np.ones((n, n), dtype=bool))
    mask[:, :prefix] = True
    return mask


@prefixes.another_way
def nested_lists(n, prefix):
    return [[key <= query or key < prefix for key in range(n)] for query in range(n)]


def masks_of(*names):
    """Masks by name, each of its own shape, that broadcast together."""
    made = {
        "causal": np.tri(4, dtype=bool),
        "padding": np.array([[[True, True, True, False]], [[True, True, False, False]]]),
        "window": np.abs(np.subtract.outer(np.arange(4), np.arange(4))) < 2,
        "row": np.array([True, False, True, True]),
        "none": None,
    }
    return tuple(made[name] for name in names)


combined = lesson.code(
    combine_masks,
    [
        case(combine_masks, " and ".join(names) or "no mask at all", masks=masks_of(*names))
        for names in (
            ("causal", "row"),
            ("causal", "window"),
            ("none", "causal"),
            ("causal", "padding"),
            ("causal", "padding", "window"),
            ("padding",),
            ("row", "none", "padding"),
            ("none", "none"),
            (),
        )
    ],
)


@combined.mistake
def either_is_enough(*masks):
    given = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(np.broadcast_arrays(*given)) if given else None


@combined.mistake
def only_the_first_two(*masks):
    given = [mask for mask in masks if mask is not None]
    return combine_masks(*given[:2])


@combined.mistake
def only_the_last(*masks):
    return next((mask for mask in reversed(masks) if mask is not None), None)


@combined.mistake
def only_the_first(*masks):
    return next((mask for mask in masks if mask is not None), None)


@combined.mistake
def masks_counted_up(*masks):
    given = [mask for mask in masks if mask is not None]
    return sum(mask.astype(int) for mask in given) if given else None


@combined.mistake
def masks_multiplied_as_numbers(*masks):
    return None if combine_masks(*masks) is None else combine_masks(*masks).astype(float)


@combined.mistake
def exactly_one_must_allow(*masks):
    given = [mask for mask in masks if mask is not None]
    return np.logical_xor.reduce(np.broadcast_arrays(*given)) if given else None


@combined.mistake
def one_for_nothing(*masks):
    given = combine_masks(*masks)
    return np.ones((1, 1), dtype=bool) if given is None else given


@combined.another_way
def a_running_and(*masks):
    allowed = None
    for mask in masks:
        if mask is not None:
            allowed = mask if allowed is None else allowed & mask
    return allowed


@combined.another_way
def not_any_hides(*masks):
    hides = [~np.asarray(mask) for mask in masks if mask is not None]
    return ~np.logical_or.reduce(np.broadcast_arrays(*hides)) if hides else None


def causal_attention(x):
    return scaled_dot_product_attention(x, x, x, causal_mask(len(x)))


def one_ahead_attention(x):
    return scaled_dot_product_attention(x, x, x, np.tri(len(x), k=1, dtype=bool))


def normalised_over_queries(x):
    """Causal scores, but normalised over the queries: each column mixes later rows in."""
    scores = np.where(causal_mask(len(x)), x @ x.T, -np.inf)
    weights = np.exp(scores - scores.max(axis=0))
    return weights / weights.sum(axis=0) @ x


def centred_on_the_text(x):
    """A causal sum after subtracting the mean of the whole text."""
    return np.cumsum(x - x.mean(axis=0), axis=0)


def one_token_late(x):
    """Only token 2 leaks, and only into output 1."""
    out = np.cumsum(x, axis=0)
    if len(x) > 2:
        out[1] += 0.01 * x[2]
    return out


FUTURE = (
    causal_attention,
    one_ahead_attention,
    *LAYERS,
    normalised_causal,
    normalised_mean,
    normalised_over_queries,
    centred_on_the_text,
    one_token_late,
)
leaks = lesson.code(leaks_future, layer_cases(leaks_future, FUTURE))


def change(x, j):
    moved = np.array(x, dtype=float)
    moved[j] += 0.01 * np.linspace(1, 2, x.shape[-1])
    return moved


@leaks.mistake
def any_influence_counts(layer, x):
    return any(np.abs(layer(change(x, j)) - layer(x))[np.arange(len(x)) != j].max() > 1e-9 for j in range(len(x)))


@leaks.mistake
def own_token_counts(layer, x):
    return any(np.abs(layer(change(x, j)) - layer(x))[: j + 1].max() > 1e-9 for j in range(len(x)))


@leaks.mistake
def only_the_last_token_tried(layer, x):
    return bool(np.abs(layer(change(x, -1)) - layer(x))[:-1].max() > 1e-9)


@leaks.mistake
def only_the_first_output_watched(layer, x):
    return any(np.abs(layer(change(x, j)) - layer(x))[0].max() > 1e-9 for j in range(1, len(x)))


@leaks.mistake
def past_instead_of_future(layer, x):
    return bool(np.tril(influence_of(layer, x), k=-1).any())


@leaks.mistake
def answer_reversed(layer, x):
    return not leaks_future(layer, x)


@leaks.mistake
def a_constant_added_to_the_token(layer, x):
    out = layer(x)
    for j in range(1, len(x)):
        moved = np.array(x, dtype=float)
        moved[j] += 0.01
        if np.abs(layer(moved) - out)[:j].max() > 1e-9:
            return True
    return False


def influence_of(layer, x):
    return np.stack([np.abs(layer(change(x, j)) - layer(x)).max(axis=-1) > 1e-9 for j in range(len(x))], axis=1)


@leaks.another_way
def tails_changed(layer, x):
    def changed_tail(t):
        return np.vstack([x[:t], x[t:] * -1.3 + np.linspace(0.2, 0.9, x.shape[1])])

    out = layer(x)
    return any(np.max(np.abs(layer(changed_tail(t))[:t] - out[:t])) > 1e-9 for t in range(1, len(x)))


@leaks.another_way
def above_the_diagonal(layer, x):
    reached = influence_of(layer, x)
    return any(reached[i, j] for i in range(len(x)) for j in range(i + 1, len(x)))


lesson.debug("fix_causal_mask", causal, queries_taken_as_the_first_positions)
lesson.debug("fix_prefix_mask", prefixes, prefix_rows_see_everything)

lesson.numeric(
    "causal-count",
    lambda: 5050,
    tolerance=0,
    the_whole_square=lambda: 10000,
    diagonal_forgotten=lambda: 4950,
    half_of_the_square=lambda: 5000,
)
lesson.numeric(
    "mask-bytes", lambda: 8192 * 8192, bits_not_bytes=lambda: 8192 * 8192 / 8, a_float32_mask=lambda: 8192 * 8192 * 4
)
lesson.numeric("visible-keys", lambda: 5, queries_counted_from_the_start=lambda: 3, itself_left_out=lambda: 4)
lesson.predict(
    "masked-shape",
    lambda: (2, 1, 7),
    heads_axis_included=lambda: (2, 1, 1, 7),
    a_square_for_every_text=lambda: (2, 7, 7),
    no_query_axis=lambda: (2, 7),
)
lesson.predict(
    "mask-after-softmax",
    lambda: "NaN",
    as_it_is_on_paper=lambda: "one half each",
    the_division_left_out=lambda: "zero each",
)
lesson.explain(
    "mask-scores-not-weights",
    "two-boolean-conventions",
    "finite-or-infinite",
    "how-to-test-for-leaks",
    "left-or-right-padding",
)
