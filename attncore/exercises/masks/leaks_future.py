"""Does the future leak?"""

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.fixtures import (
    causal_attention,
    centred_on_the_text,
    faint_leak,
    normalized_causal,
    normalized_mean,
    normalized_over_queries,
    one_ahead_attention,
    one_token_late,
    rounding_noise,
    strictly_earlier,
)
from attncore.exercises.self_attention.cases import LAYERS, ROUNDING, layer_cases
from attncore.masks import leaks_future

FUTURE = (
    causal_attention,
    one_ahead_attention,
    *LAYERS,
    normalized_causal,
    normalized_mean,
    normalized_over_queries,
    centred_on_the_text,
    one_token_late,
    strictly_earlier,
    faint_leak,
)
NORM = "A layer that begins with a layer norm is tested like any other."
exercise = code(
    leaks_future,
    *layer_cases(
        FUTURE,
        corners={rounding_noise: ROUNDING, faint_leak: ROUNDING, normalized_causal: NORM, normalized_mean: NORM},
    ),
)


def change(x, j):
    moved = np.array(x, dtype=float)
    moved[j] += 0.01 * np.linspace(1, 2, x.shape[-1])
    return moved


@exercise.mistake("any influence counts")
def any_influence_counts(layer, x):
    return any(np.abs(layer(change(x, j)) - layer(x))[np.arange(len(x)) != j].max() > 1e-9 for j in range(len(x)))


@exercise.mistake("own token counts")
def own_token_counts(layer, x):
    return any(np.abs(layer(change(x, j)) - layer(x))[: j + 1].max() > 1e-9 for j in range(len(x)))


@exercise.mistake("only the last token tried")
def only_the_last_token_tried(layer, x):
    return bool(np.abs(layer(change(x, -1)) - layer(x))[:-1].max() > 1e-9)


@exercise.mistake("only the first output watched")
def only_the_first_output_watched(layer, x):
    return any(np.abs(layer(change(x, j)) - layer(x))[0].max() > 1e-9 for j in range(1, len(x)))


@exercise.mistake("past instead of future")
def past_instead_of_future(layer, x):
    return bool(np.tril(influence_of(layer, x), k=-1).any())


@exercise.mistake("answer reversed")
def answer_reversed(layer, x):
    return not leaks_future(layer, x)


@exercise.mistake("rounding counted as a leak")
def rounding_counted_as_a_leak(layer, x):
    return any((layer(change(x, j)) != layer(x))[:j].any() for j in range(len(x)))


@exercise.mistake("compared by np.allclose as it comes")
def compared_by_allclose_as_it_comes(layer, x):
    return not all(np.allclose(layer(change(x, j))[:j], layer(x)[:j]) for j in range(1, len(x)))


@exercise.mistake("a constant added to the token")
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


@exercise.another_way
def tails_changed(layer, x):
    def changed_tail(t):
        return np.vstack([x[:t], x[t:] * -1.3 + np.linspace(0.2, 0.9, x.shape[1])])

    out = layer(x)
    return any(np.max(np.abs(layer(changed_tail(t))[:t] - out[:t])) > 1e-9 for t in range(1, len(x)))


@exercise.another_way
def above_the_diagonal(layer, x):
    reached = influence_of(layer, x)
    return any(reached[i, j] for i in range(len(x)) for j in range(i + 1, len(x)))
