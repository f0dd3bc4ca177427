"""Prompts of different lengths, side by side."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.shapes import shaped
from attncore.softmax import softmax


def side_by_side(prompts):
    longest = max(len(x) for x in prompts)
    batch = np.zeros((len(prompts), longest, prompts[0].shape[-1]))
    for row, x in zip(batch, prompts, strict=True):
        row[longest - len(x) :] = x
    return batch


def words_in(lengths, longest):
    place = np.arange(longest)
    return place >= longest - lengths[:, None]


def words_in_(lengths, longest):
    place = np.arange(longest)
    return place < lengths[:, None]


@shaped("_->(b,m)", axes={"b": "prompt"})
def fix_prompt_batch(prompts):
    """Return for each prompt what its last token sees: one step of self-attention.

    `prompts` is a list of arrays (n, m), which may differ in n. The last token of a prompt asks all tokens of that
    prompt, itself included, by scaled dot products. Each prompt gets what it would get alone.
    """
    batch = side_by_side(prompts)
    lengths = np.array([len(x) for x in prompts])
    is_word = words_in(lengths, batch.shape[1])
    last = batch[:, -1]
    scores = (batch * last[:, None]).sum(axis=-1)
    scores = scores / np.sqrt(batch.shape[-1])
    weights = softmax(np.where(is_word, scores, -np.inf))
    return (weights[..., None] * batch).sum(axis=1)


def prompts_of(*lengths):
    return lambda rng, s: [np.round(rng.standard_normal((n, 3)), 1) for n in lengths]


exercise = code(
    fix_prompt_batch,
    case("one prompt", prompts=prompts_of(3)),
    case("two prompts of one length", prompts=prompts_of(2, 2)),
    case("one token beside two", prompts=prompts_of(1, 2)),
    case("half as long", prompts=prompts_of(4, 2)),
    case("three lengths", prompts=prompts_of(5, 3, 1)),
    case("six prompts", prompts=prompts_of(2, 7, 4, 1, 6, 7)),
    bug="mask made for padding on the right",
)


@exercise.mistake("mask made for padding on the right")
def made_for_the_right(prompts):
    batch = side_by_side(prompts)
    lengths = np.array([len(x) for x in prompts])
    is_word = words_in_(lengths, batch.shape[1])
    last = batch[:, -1]
    scores = (batch * last[:, None]).sum(axis=-1)
    scores = scores / np.sqrt(batch.shape[-1])
    weights = softmax(np.where(is_word, scores, -np.inf))
    return (weights[..., None] * batch).sum(axis=1)


def looked(prompts, mask):
    batch = side_by_side(prompts)
    lengths = np.array([len(x) for x in prompts])
    scores = (batch * batch[:, -1:]).sum(axis=-1) / np.sqrt(batch.shape[-1])
    weights = softmax(np.where(mask(lengths, batch.shape[1]), scores, -np.inf))
    return (weights[..., None] * batch).sum(axis=1)


@exercise.mistake("the mask negated")
def turned_over(prompts):
    return looked(prompts, lambda lengths, longest: (lengths[:, None] == longest) | ~words_in_(lengths, longest))


@exercise.mistake("the mask negated")
def turned_over_throughout(prompts):
    return looked(prompts, lambda lengths, longest: ~words_in_(lengths, longest))


@exercise.mistake("no mask at all")
def no_mask(prompts):
    return looked(prompts, lambda lengths, longest: np.ones((len(lengths), longest), dtype=bool))


@exercise.mistake("the padding moved to the right, and the last column still asks")
def the_padding_moved_to_the_right(prompts):
    lengths = np.array([len(x) for x in prompts])
    batch = np.zeros((len(prompts), lengths.max(), prompts[0].shape[-1]))
    for row, x in zip(batch, prompts, strict=True):
        row[: len(x)] = x
    scores = (batch * batch[:, -1:]).sum(axis=-1) / np.sqrt(batch.shape[-1])
    weights = softmax(np.where(words_in_(lengths, batch.shape[1]), scores, -np.inf))
    return (weights[..., None] * batch).sum(axis=1)


@exercise.mistake("the first word of each prompt is lost")
def first_word_lost(prompts):
    return looked(
        prompts,
        lambda lengths, longest: (
            (np.arange(longest) > longest - lengths[:, None]) | (np.arange(longest) == longest - 1)
        ),
    )


@exercise.another_way
def prompt_by_prompt(prompts):
    return np.stack([softmax(x @ x[-1] / np.sqrt(x.shape[-1])) @ x for x in prompts])
