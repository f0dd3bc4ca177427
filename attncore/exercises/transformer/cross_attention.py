"""Cross-attention."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.dot_product.cases import WRONG_WEIGHTS
from attncore.exercises.exercise import case, code
from attncore.exercises.softmax.cases import EMPTY_ROW, UPSIDE_DOWN
from attncore.exercises.transformer.cases import (
    EMPTY_ROWS,
    LATE_MASKS,
    a_few,
    far_head_weights,
    head_weights,
    masked,
    read_as_booleans,
    scaled_with_the_scores,
)
from attncore.heads import mask_for_heads, merge_heads, multi_head_attention, split_heads
from attncore.transformer import cross_attention


def cross_case(name, n_heads=2, mask=None, weights=head_weights, **more):
    given = {} if mask is None else {"memory_mask": lambda rng, s: mask(s)}
    return case(name, n_heads=n_heads, weights=weights, **given, **more)


exercise = code(
    cross_attention,
    cross_case("two heads", small=True),
    cross_case("one head", 1, small=True),
    cross_case("three heads, no two axes of one length", 3),
    cross_case("as many tokens as the memory has", small=True, sizes={"q": 3}),
    cross_case("more tokens than the memory has", small=True, sizes={"q": 4, "k": 2}),
    cross_case("a batch of two", small=True, lead=(2,)),
    cross_case("two leading axes", 4, lead=(2, 3)),
    cross_case("float32", 4, dtype=np.float32),
    cross_case("large numbers", 4, magnitude=60.0),
    cross_case("a mask", small=True, mask=lambda s: np.tri(s.q, s.k, dtype=bool)),
    cross_case("a mask on a square", 3, sizes={"q": 5}, mask=lambda s: ~np.tri(s.q, s.k, -2, bool)),
    cross_case("a float mask", 3, mask=lambda s: 0.7 - 0.9 * np.tri(s.q, s.k)),
    cross_case(
        "padding in the memory", 3, lead=(2,), mask=lambda s: np.arange(s.k) < np.array([s.k, 2])[:, None, None]
    ),
    cross_case("hidden scores far above the allowed ones", 3, weights=far_head_weights, memory_mask=a_few("q", "k")),
    cross_case(
        "hidden scores far above, in a batch",
        3,
        lead=(2,),
        weights=far_head_weights,
        memory_mask=lambda rng, s: np.stack([a_few("q", "k")(rng, s) for _ in range(2)]),
    ),
    cross_case(
        "a query that may see no memory",
        small=True,
        promise=EMPTY_ROW,
        mask=lambda s: np.array([[True, False, True], [False, False, False]]),
    ),
)


@exercise.mistake("memory asks and x answers")
def memory_asks_and_x_answers(x, memory, weights, n_heads, memory_mask=None):
    mask = None if memory_mask is None else np.swapaxes(np.broadcast_to(memory_mask, masked(x, memory)), -1, -2)
    return multi_head_attention(memory, x, x, weights, n_heads, mask)


@exercise.mistake("values from x")
def values_from_x(x, memory, weights, n_heads, memory_mask=None):
    return multi_head_attention(x, memory, x, weights, n_heads, memory_mask)


@exercise.mistake("keys from x")
def keys_from_x(x, memory, weights, n_heads, memory_mask=None):
    return multi_head_attention(x, x, memory, weights, n_heads, memory_mask)


@exercise.mistake("memory never looked at")
def memory_never_looked_at(x, memory, weights, n_heads, memory_mask=None):
    return multi_head_attention(x, x, x, weights, n_heads)


@exercise.mistake("its own text put in front of the memory")
def its_own_text_put_in_front_of_the_memory(x, memory, weights, n_heads, memory_mask=None):
    both = np.concatenate([x, memory], axis=-2)
    if memory_mask is not None:
        own = np.ones((*memory_mask.shape[:-1], x.shape[-2]))
        own = own.astype(bool) if memory_mask.dtype == bool else 0 * own
        memory_mask = np.concatenate([own, memory_mask], axis=-1)
    return multi_head_attention(x, both, both, weights, n_heads, memory_mask)


@exercise.mistake("mask ignored")
def mask_ignored(x, memory, weights, n_heads, memory_mask=None):
    return cross_attention(x, memory, weights, n_heads)


for label, wrongly in LATE_MASKS + EMPTY_ROWS:

    @exercise.mistake(label)
    def masked_in_another_way(x, memory, weights, n_heads, memory_mask=None, attend=wrongly):
        return attend(x, memory, memory, weights, n_heads, memory_mask)


@exercise.mistake("float mask added before the scale")
def float_mask_added_before_the_scale(x, memory, weights, n_heads, memory_mask=None):
    return cross_attention(x, memory, weights, n_heads, scaled_with_the_scores(memory_mask, weights, n_heads))


@exercise.mistake("float mask read as a boolean")
def float_mask_read_as_a_boolean(x, memory, weights, n_heads, memory_mask=None):
    return cross_attention(x, memory, weights, n_heads, read_as_booleans(memory_mask))


@exercise.mistake("batch mask read as a mask for each head")
def batch_mask_read_as_a_mask_for_each_head(x, memory, weights, n_heads, memory_mask=None):
    query = split_heads(x @ weights.W_query, n_heads)
    key, value = (split_heads(memory @ W, n_heads) for W in (weights.W_key, weights.W_value))
    return merge_heads(scaled_dot_product_attention(query, key, value, memory_mask)) @ weights.W_output


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_upside_down(x, memory, weights, n_heads, memory_mask=None, turned=turned):
        memory_mask = None if memory_mask is None else turned(memory_mask)
        return cross_attention(x, memory, weights, n_heads, memory_mask)


@exercise.mistake("memory masked causally")
def memory_masked_causally(x, memory, weights, n_heads, memory_mask=None):
    if memory_mask is None:
        memory_mask = np.tri(x.shape[-2], memory.shape[-2], dtype=bool)
    return cross_attention(x, memory, weights, n_heads, memory_mask)


@exercise.mistake("residual added inside")
def residual_added_inside(x, memory, weights, n_heads, memory_mask=None):
    return x + cross_attention(x, memory, weights, n_heads, memory_mask)


@exercise.mistake("input returned")
def input_returned(x, memory, weights, n_heads, memory_mask=None):
    return x


@exercise.mistake("query and key weights swapped")
def query_and_key_weights_swapped(x, memory, weights, n_heads, memory_mask=None):
    swapped = weights._replace(W_query=weights.W_key, W_key=weights.W_query)
    return cross_attention(x, memory, swapped, n_heads, memory_mask)


for label in (
    "no scale",
    "divided by the width of a head, not by its square root",
    "divided by the square root of the number of keys",
    "multiplied by the square root of the width",
    "scaled after the softmax",
    "softmax over the queries",
    "softmax twice",
    "no softmax",
    "only the best key",
    "large scores overflow",
    "hidden scores set to zero",
    "hidden scores set to -10",
    "hidden scores set to -100",
    "mask after the softmax",
    "boolean mask added to the scores",
    "softmax over queries and keys together",
):

    @exercise.mistake(label)
    def weighed_in_another_way(x, memory, weights, n_heads, memory_mask=None, weigh=WRONG_WEIGHTS[label]):
        query = split_heads(x @ weights.W_query, n_heads)
        key, value = (split_heads(memory @ W, n_heads) for W in (weights.W_key, weights.W_value))
        mask = mask_for_heads(memory_mask, query, key)
        return merge_heads(weigh(query, key, mask) @ value) @ weights.W_output


@exercise.another_way
def with_the_memory_projected_once(x, memory, weights, n_heads, memory_mask=None):
    key, value = memory @ weights.W_key, memory @ weights.W_value  # once a text, not once a token
    same = np.eye(memory.shape[-1])
    return multi_head_attention(x, key, value, weights._replace(W_key=same, W_value=same), n_heads, memory_mask)


@exercise.another_way
def from_its_parts(x, memory, weights, n_heads, memory_mask=None):
    query = split_heads(x @ weights.W_query, n_heads)
    key, value = (split_heads(memory @ W, n_heads) for W in (weights.W_key, weights.W_value))
    if memory_mask is not None and memory_mask.ndim == 3:
        memory_mask = np.expand_dims(memory_mask, -3)
    return merge_heads(scaled_dot_product_attention(query, key, value, memory_mask)) @ weights.W_output


@exercise.another_way
def head_after_head(x, memory, weights, n_heads, memory_mask=None):
    width, out = x.shape[-1] // n_heads, 0
    for head in range(n_heads):
        mine = slice(head * width, (head + 1) * width)
        query, key = x @ weights.W_query[:, mine], memory @ weights.W_key[:, mine]
        found = scaled_dot_product_attention(query, key, memory @ weights.W_value[:, mine], memory_mask)
        out = out + found @ weights.W_output[mine]
    return out
