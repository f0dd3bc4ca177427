"""Padding: hide what is not text."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import padding_mask

texts = {
    "two texts, three and one tokens long": ([3, 1], 4),
    "three texts, no padding in the longest": ([5, 2, 4], 5),
    "one text": ([2], 3),
    "three texts, all padded": ([3, 1, 2], 6),
}
RAISES = "Raises ValueError for a length below zero or above n_key."
exercise = code(
    padding_mask,
    *(case(name, lengths=np.array(lengths), n_key=n_key) for name, (lengths, n_key) in texts.items()),
    case("a text of no tokens", lengths=np.array([0, 2]), n_key=3, promise="A text of length 0 is all padding."),
    case("a length beyond n_key", lengths=np.array([2, 4]), n_key=3, promise=RAISES),
    case("a length below zero", lengths=np.array([-1, 2]), n_key=3, promise=RAISES),
)


@exercise.mistake("pads hidden on the query axis")
def pads_hidden_on_the_query_axis(lengths, n_key):
    return np.swapaxes(padding_mask(lengths, n_key), -1, -2)


@exercise.mistake("length off by one")
def length_off_by_one(lengths, n_key):
    return np.arange(n_key) <= np.asarray(lengths)[:, None, None]


@exercise.mistake("last token hidden too")
def last_token_hidden_too(lengths, n_key):
    return np.arange(n_key) < np.asarray(lengths)[:, None, None] - 1


@exercise.mistake("no axis for the queries")
def query_axis_missing(lengths, n_key):
    return padding_mask(lengths, n_key)[:, 0]


@exercise.mistake("an axis for the heads as well")
def an_axis_for_the_heads_as_well(lengths, n_key):
    return padding_mask(lengths, n_key)[:, None]


@exercise.mistake("padding visible instead of text")
def padding_visible_instead_of_text(lengths, n_key):
    return ~padding_mask(lengths, n_key)


@exercise.mistake("padding expected in front")
def padding_expected_in_front(lengths, n_key):
    return padding_mask(lengths, n_key)[..., ::-1]


@exercise.mistake("first length for every text")
def first_length_for_every_text(lengths, n_key):
    return padding_mask(np.full(len(lengths), lengths[0]), n_key)


@exercise.mistake("a square for every text")
def square_for_every_text(lengths, n_key):
    return padding_mask(lengths, n_key) & np.ones((n_key, 1), dtype=bool)


@exercise.mistake("a square for every text")
def square_with_the_rows_of_the_padding_hidden_too(lengths, n_key):
    keys = padding_mask(lengths, n_key)
    return keys & np.swapaxes(keys, -1, -2)


@exercise.other_convention("ones and zeros")
def ones_and_zeros(lengths, n_key):
    return padding_mask(lengths, n_key).astype(int)


@exercise.other_convention("zeros and minus infinity")
def zeros_and_minus_infinity(lengths, n_key):
    return np.where(padding_mask(lengths, n_key), 0.0, -np.inf)


@exercise.another_way
def filled_text_by_text(lengths, n_key):
    mask = np.zeros((len(lengths), 1, n_key), dtype=bool)
    for text, length in enumerate(lengths):
        mask[text, 0, :length] = True
    return mask


@exercise.another_way
def nested_lists(lengths, n_key):
    return [[[place < length for place in range(n_key)]] for length in lengths]
