"""A sentence as one vector."""

import math

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code, usual
from attncore.masks import padding_mask
from attncore.real_model import sentence_vectors
from attncore.softmax import softmax


def lengths(*of_each):
    """A mask for texts of these lengths, padded behind."""
    return lambda rng, s: padding_mask(of_each, s.n)[:, 0]


def one_long_one_shorter(rng, s):
    return padding_mask([s.n, s.n - 1], s.n)[:, 0]


exercise = code(
    sentence_vectors,
    usual(mask=one_long_one_shorter),
    case("two tokens, then one of padding", small=True, mask=lengths(2, 2)),
    case("no padding at all", sizes={"b": 3}, mask=lengths(5, 5, 5)),
    case("four texts, four lengths", sizes={"b": 4, "n": 7}, mask=lengths(7, 3, 4, 5)),
    case("a text of one token", mask=lengths(1, 4)),
    case("a single text", sizes={"b": 1}, mask=lengths(4)),
    case(
        "padding in front",
        sizes={"b": 3},
        mask=lambda rng, s: padding_mask([4, 5, 3], s.n)[:, 0, ::-1],
        promise="The mask is boolean, True = a token of the text; padding may stand on either side.",
    ),
    case(
        "large numbers in the padding",
        x=lambda rng, s: np.where(np.arange(s.n)[:, None] < 3, 1, 1e4) * rng.standard_normal((s.b, s.n, s.m)),
        mask=lengths(3, 3),
    ),
    case("numbers in the thousands", magnitude=3e3, mask=lengths(4, 5)),
)


@exercise.mistake("the padding is averaged in")
def padding_averaged_in(x, mask):
    mean = x.mean(axis=1)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@exercise.mistake("only the first token, [CLS], is used")
def only_the_first_token(x, mask):
    return x[:, 0] / np.linalg.norm(x[:, 0], axis=-1, keepdims=True)


@exercise.mistake("only the first token, [CLS], is used")
def only_the_first_token_as_it_is(x, mask):
    return x[:, 0]


@exercise.mistake("softmax instead of the length")
def softmax_instead_of_the_length(x, mask):
    return softmax(length_not_made_one(x, mask))


@exercise.mistake("divided by the tokens of the whole batch")
def divided_by_the_tokens_of_the_whole_batch(x, mask):
    return (x * mask[..., None]).sum(axis=1) / mask.sum()


@exercise.mistake("the mean over the width is subtracted first")
def the_mean_over_the_width_subtracted(x, mask):
    mean = length_not_made_one(x, mask)
    mean = mean - mean.mean(axis=-1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@exercise.mistake("only the last token is used")
def only_the_last_token(x, mask):
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=-1)
    token = x[np.arange(len(x)), last]
    return token / np.linalg.norm(token, axis=-1, keepdims=True)


@exercise.mistake("the last row is used, even where it is padding")
def last_row_even_where_it_is_padding(x, mask):
    return x[:, -1] / np.linalg.norm(x[:, -1], axis=-1, keepdims=True)


@exercise.mistake("a plain mean over all rows")
def plain_mean_of_every_row(x, mask):
    return x.mean(axis=1)


@exercise.mistake("max pooling, with the padding")
def largest_value_with_the_padding_in_it(x, mask):
    return x.max(axis=1) / np.linalg.norm(x.max(axis=1), axis=-1, keepdims=True)


@exercise.mistake("the mean isn't scaled to length 1")
def length_not_made_one(x, mask):
    return (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)


@exercise.mistake("divided by the padded length")
def divided_by_the_padded_length(x, mask):
    return (x * mask[..., None]).sum(axis=1) / x.shape[1]


@exercise.mistake("the sum of the tokens")
def sum_instead_of_a_direction(x, mask):
    return (x * mask[..., None]).sum(axis=1)


@exercise.mistake("max pooling instead of the mean")
def largest_value_instead_of_the_mean(x, mask):
    largest = np.where(mask[..., None], x, -np.inf).max(axis=1)
    return largest / np.linalg.norm(largest, axis=-1, keepdims=True)


@exercise.mistake("each token is scaled to length 1 before the mean")
def each_token_made_length_one_before_the_mean(x, mask):
    return sentence_vectors(x / np.linalg.norm(x, axis=-1, keepdims=True), mask)


@exercise.mistake("the tokens are scaled to length 1 instead of their mean")
def tokens_made_length_one_instead_of_their_mean(x, mask):
    directions = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return length_not_made_one(directions, mask)


@exercise.mistake("mask upside down")
def mask_upside_down(x, mask):
    return sentence_vectors(x, ~mask)


@exercise.mistake("one length for the whole batch")
def one_length_for_the_whole_batch(x, mask):
    total = (x * mask[..., None]).sum(axis=1)
    mean = total / mask.sum(axis=1, keepdims=True)
    return mean / np.linalg.norm(mean)


@exercise.mistake("divided by the squared length")
def divided_by_the_squared_length(x, mask):
    mean = length_not_made_one(x, mask)
    return mean / np.sum(mean**2, axis=-1, keepdims=True)


@exercise.mistake("the first and the last token are left out")
def first_and_last_token_left_out(x, mask):
    before, behind = np.cumsum(mask, axis=1), np.cumsum(mask[:, ::-1], axis=1)[:, ::-1]
    return sentence_vectors(x, mask & (before > 1) & (behind > 1))


@exercise.mistake("the padding is taken to be at the end")
def padding_taken_to_be_at_the_end(x, mask):
    lengths = mask.sum(axis=1)
    mean = np.stack([text[:length].mean(axis=0) for text, length in zip(x, lengths, strict=True)])
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@exercise.mistake("the mean is divided by its sum of absolute values")
def divided_by_the_sum_of_absolute_values(x, mask):
    mean = length_not_made_one(x, mask)
    return mean / np.abs(mean).sum(axis=-1, keepdims=True)


@exercise.mistake("the norm runs over the batch")
def norm_over_the_batch(x, mask):
    mean = length_not_made_one(x, mask)
    return mean / np.linalg.norm(mean, axis=0, keepdims=True)


@exercise.mistake("the mean runs over the width")
def mean_over_the_width(x, mask):
    mean = (x * mask[..., None]).mean(axis=-1)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@exercise.mistake("mask upside down")
def mask_upside_down_without_a_zero_in_the_division(x, mask):
    total = (x * ~mask[..., None]).sum(axis=1)
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)


@exercise.mistake("divided by the largest number")
def divided_by_the_largest_number(x, mask):
    mean = length_not_made_one(x, mask)
    return mean / np.abs(mean).max(axis=-1, keepdims=True)


@exercise.mistake("a layer norm in place of the length")
def layer_norm_in_place_of_the_length(x, mask):
    mean = length_not_made_one(x, mask)
    return (mean - mean.mean(axis=-1, keepdims=True)) / mean.std(axis=-1, keepdims=True)


@exercise.mistake("the mean square is made 1, not the length")
def mean_square_made_one(x, mask):
    mean = length_not_made_one(x, mask)
    return mean / np.sqrt(np.mean(mean**2, axis=-1, keepdims=True))


@exercise.another_way
def a_sum_is_enough(x, mask):
    total = (x * mask[..., None]).sum(axis=1)
    return total / np.linalg.norm(total, axis=-1, keepdims=True)


@exercise.another_way
def attention_with_a_query_of_zeros(x, mask):
    nothing_asked = np.zeros_like(x[:, :1])
    mean = scaled_dot_product_attention(nothing_asked, x, x, mask[:, None])[:, 0]
    return mean / np.sqrt(np.einsum("bm,bm->b", mean, mean))[:, None]


@exercise.another_way
def text_by_text(x, mask):
    vectors = []
    for tokens, kept in zip(x, mask, strict=True):
        mean = tokens[kept].mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    return np.stack(vectors)


@exercise.another_way
def number_by_number(x, mask):
    vectors = []
    for tokens, kept in zip(x.tolist(), mask.tolist(), strict=True):
        text = [token for token, is_text in zip(tokens, kept, strict=True) if is_text]
        mean = [sum(column) / len(text) for column in zip(*text, strict=True)]
        length = math.sqrt(sum(number * number for number in mean))
        vectors.append([number / length for number in mean])
    return vectors
