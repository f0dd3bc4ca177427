"""The next token."""

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.transformer.cases import given
from attncore.transformer import next_token_targets

exercise = code(
    next_token_targets,
    given("five tokens", ids=np.array([5, 6, 7, 8, 9])),
    given("a token that comes back", ids=np.array([4, 2, 4, 2, 1, 7])),
    given("two tokens", ids=np.array([3, 1])),
    given("two texts", ids=np.array([[5, 6, 7, 8], [1, 2, 3, 4]])),
    given("as many texts as tokens", ids=np.arange(9).reshape(3, 3) * 2),
    given("two leading axes", ids=np.arange(30).reshape(2, 3, 5) % 11),
)


@exercise.mistake("shifted the other way")
def shifted_the_other_way(ids):
    return ids[..., 1:], ids[..., :-1]


@exercise.mistake("inputs not cut")
def inputs_not_cut(ids):
    return ids, ids[..., 1:]


@exercise.mistake("last target wraps around")
def last_target_wraps_around(ids):
    return ids, np.roll(ids, -1, axis=-1)


@exercise.mistake("texts shifted instead of tokens")
def texts_shifted_instead_of_tokens(ids):
    return ids[:-1], ids[1:]


@exercise.mistake("not shifted at all")
def not_shifted_at_all(ids):
    return ids[..., :-1], ids[..., :-1]


@exercise.mistake("shifted twice")
def shifted_twice(ids):
    return ids[..., :-2], ids[..., 2:]


@exercise.mistake("only the last token to be guessed")
def only_the_last_token_to_be_guessed(ids):
    return ids[..., :-1], ids[..., -1:]


@exercise.other_convention("full length, with -100 at the end")
def full_length_with_100_at_the_end(ids):
    end = np.full((*ids.shape[:-1], 1), -100)
    return ids, np.concatenate([ids[..., 1:], end], axis=-1)


@exercise.other_convention("the ids twice, and the loss shifts")
def the_ids_twice_and_the_loss_shifts(ids):
    return ids, ids


@exercise.another_way
def pairs_of_neighbors(ids):
    pairs = np.lib.stride_tricks.sliding_window_view(ids, 2, axis=-1)
    return pairs[..., 0], pairs[..., 1]


@exercise.another_way
def with_take(ids):
    place = np.arange(np.shape(ids)[-1] - 1)
    return np.take(ids, place, axis=-1), np.take(ids, place + 1, axis=-1)


@exercise.another_way
def text_by_text_in_lists(ids):
    if np.ndim(ids) > 1:
        both = [text_by_text_in_lists(text) for text in ids]
        return [inputs for inputs, _ in both], [targets for _, targets in both]
    return [int(i) for i in ids[:-1]], [int(i) for i in ids[1:]]
