"""A cheap score to select by."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.masks import causal_mask
from attncore.softmax import softmax
from attncore.sparse import lightning_index

exercise = code(
    lightning_index,
    usual(),
    case("a square of everything", sizes={"h": 4, "q": 4, "k": 4, "d": 4}),
    case("as many heads as queries", sizes={"h": 3}),
    case("a single head", small=True, sizes={"h": 1}),
    case("positive weights", small=True, head_weights=lambda rng, s: np.round(rng.random((s.q, s.h)) + 0.1, 1)),
    case("weights of one", small=True, head_weights=lambda rng, s: np.ones((s.q, s.h))),
    case(
        "negative weights",
        small=True,
        promise="A weight may be negative, and then so may the sum.",
        head_weights=lambda rng, s: -np.round(rng.random((s.q, s.h)) + 0.1, 1),
    ),
)


def matches(query, key):
    return np.maximum(query @ np.swapaxes(key, -1, -2)[..., None, :, :], 0)


def of_heads(head_weights):
    return np.swapaxes(head_weights, -1, -2)[..., None]


@exercise.mistake("ReLU after the sum")
def relu_after_the_sum(query, key, head_weights):
    products = query @ np.swapaxes(key, -1, -2)[..., None, :, :]
    return np.maximum((of_heads(head_weights) * products).sum(axis=-3), 0)


@exercise.mistake("ReLU after the sum")
def queries_added_first(query, key, head_weights):
    query = (of_heads(head_weights) * query).sum(axis=-3)
    return np.maximum(query @ np.swapaxes(key, -1, -2), 0)


@exercise.mistake("no ReLU")
def no_relu(query, key, head_weights):
    products = query @ np.swapaxes(key, -1, -2)[..., None, :, :]
    return (of_heads(head_weights) * products).sum(axis=-3)


@exercise.mistake("the weight inside the ReLU")
def weight_inside_the_relu(query, key, head_weights):
    products = query @ np.swapaxes(key, -1, -2)[..., None, :, :]
    return np.maximum(of_heads(head_weights) * products, 0).sum(axis=-3)


@exercise.mistake("head weights left out")
def head_weights_left_out(query, key, head_weights):
    return matches(query, key).sum(axis=-3)


@exercise.mistake("the mean of the heads instead of their sum")
def mean_of_the_heads(query, key, head_weights):
    return (of_heads(head_weights) * matches(query, key)).mean(axis=-3)


@exercise.mistake("the best head instead of the sum")
def best_head(query, key, head_weights):
    return (of_heads(head_weights) * matches(query, key)).max(axis=-3)


@exercise.mistake("only the first head")
def only_the_first_head(query, key, head_weights):
    return head_weights[..., :1] * matches(query, key)[..., 0, :, :]


@exercise.mistake("scaled by the square root of the width")
def scaled(query, key, head_weights):
    return lightning_index(query, key, head_weights) / np.sqrt(query.shape[-1]).astype(query.dtype)


@exercise.mistake("a softmax over the keys")
def softmax_over_the_keys(query, key, head_weights):
    return softmax(lightning_index(query, key, head_weights))


@exercise.mistake("the products of each head made a softmax")
def softmax_in_each_head(query, key, head_weights):
    products = query @ np.swapaxes(key, -1, -2)[..., None, :, :]
    return (of_heads(head_weights) * softmax(products)).sum(axis=-3)


@exercise.mistake("the weights made a softmax over the heads")
def softmax_of_the_weights(query, key, head_weights):
    return lightning_index(query, key, softmax(head_weights))


@exercise.mistake("weights reshaped instead of transposed")
def weights_reshaped(query, key, head_weights):
    weights = head_weights.reshape(*head_weights.shape[:-2], *head_weights.shape[:-3:-1], 1)
    return (weights * matches(query, key)).sum(axis=-3)


@exercise.mistake("the first query's weights for all of them")
def weights_of_the_first_query(query, key, head_weights):
    return (of_heads(head_weights)[..., :1, :] * matches(query, key)).sum(axis=-3)


@exercise.mistake("the absolute value instead of ReLU")
def absolute_value(query, key, head_weights):
    return (of_heads(head_weights) * np.abs(query @ np.swapaxes(key, -1, -2)[..., None, :, :])).sum(axis=-3)


@exercise.mistake("ReLU before the product")
def relu_before_the_product(query, key, head_weights):
    return lightning_index(np.maximum(query, 0), np.maximum(key, 0), head_weights)


@exercise.mistake("the heads are not added up")
def not_added_up(query, key, head_weights):
    return of_heads(head_weights) * matches(query, key)


@exercise.mistake("a row for each key instead of each query")
def row_for_each_key(query, key, head_weights):
    return np.swapaxes(lightning_index(query, key, head_weights), -1, -2)


@exercise.mistake("negative sums cut off")
def negative_sums_cut_off(query, key, head_weights):
    return np.maximum(lightning_index(query, key, head_weights), 0)


@exercise.mistake("the key has no axis for the heads")
def key_without_a_heads_axis(query, key, head_weights):
    return (of_heads(head_weights) * np.maximum(query @ np.swapaxes(key, -1, -2), 0)).sum(axis=-3)


@exercise.mistake("scaled by the width and the number of heads")
def scaled_by_both(query, key, head_weights):
    n_heads, width = query.shape[-3], query.shape[-1]
    return lightning_index(query, key, head_weights) / np.sqrt(n_heads * width).astype(query.dtype)


@exercise.mistake("the mean of the weights over the queries")
def mean_weights(query, key, head_weights):
    mean = head_weights.mean(axis=-2, keepdims=True)
    return lightning_index(query, key, np.broadcast_to(mean, head_weights.shape))


@exercise.mistake("causal, though nobody asked")
def causal(query, key, head_weights):
    index = lightning_index(query, key, head_weights)
    return np.where(causal_mask(*index.shape[-2:]), index, -np.inf)


@exercise.mistake("causal, though nobody asked")
def causal_with_zeros(query, key, head_weights):
    index = lightning_index(query, key, head_weights)
    return np.tril(index, index.shape[-1] - index.shape[-2])


@exercise.mistake("the square of the ReLU")
def squared(query, key, head_weights):
    return (of_heads(head_weights) * matches(query, key) ** 2).sum(axis=-3)


@exercise.mistake("a sigmoid on the weights")
def sigmoid_on_the_weights(query, key, head_weights):
    return lightning_index(query, key, 0.5 + 0.5 * np.tanh(head_weights / 2))


@exercise.another_way
def in_two_einsums(query, key, head_weights):
    products = np.einsum("...hqd,...kd->...hqk", query, key)
    return np.einsum("...qh,...hqk->...qk", head_weights, np.maximum(products, 0))


@exercise.another_way
def head_by_head(query, key, head_weights):
    index = 0
    for head in range(query.shape[-3]):
        product = query[..., head, :, :] @ np.swapaxes(key, -1, -2)
        index = index + head_weights[..., head, None] * np.where(product > 0, product, 0)
    return index


@exercise.another_way
def one_product_with_the_weights(query, key, head_weights):
    matched = np.moveaxis(matches(query, key), -3, -2)
    return (head_weights[..., None, :] @ matched)[..., 0, :]
