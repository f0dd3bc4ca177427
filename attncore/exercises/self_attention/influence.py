"""Who reaches whom, by experiment."""

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.fixtures import normalized_causal, rounding_noise
from attncore.exercises.self_attention.cases import LAYERS, ROUNDING, layer_cases
from attncore.self_attention import influence

exercise = code(
    influence,
    *layer_cases(
        (*LAYERS, normalized_causal),
        corners={
            rounding_noise: ROUNDING,
            normalized_causal: "A layer that begins with a layer norm is measured like any other.",
        },
    ),
)


@exercise.mistake("rows and columns swapped")
def rows_and_columns_swapped(layer, x):
    return influence(layer, x).T


@exercise.mistake("a constant step, which a layer norm undoes")
def constant_step_undone_by_a_norm(layer, x):
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved = x.copy()
        moved[j] += 1e-3
        reached[:, j] = np.abs(layer(moved) - layer(x)).max(axis=-1) > 1e-9
    return reached


@exercise.mistake("only one number of the token moved")
def one_number_moved(layer, x):
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved = x.copy()
        moved[j, 0] += 0.01
        reached[:, j] = np.abs(layer(moved) - layer(x)).max(axis=-1) > 1e-9
    return reached


@exercise.mistake("own token left out")
def own_token_left_out(layer, x):
    return influence(layer, x) & ~np.eye(len(x), dtype=bool)


@exercise.mistake("rows and columns swapped, and own token left out")
def swapped_and_own_token_left_out(layer, x):
    return influence(layer, x).T & ~np.eye(len(x), dtype=bool)


@exercise.mistake("the size of the change instead of yes or no")
def size_instead_of_yes_or_no(layer, x):
    step = 0.01 * np.linspace(1, 2, x.shape[-1])
    still = layer(x)
    columns = []
    for j in range(len(x)):
        moved = x.copy()
        moved[j] += step
        columns.append(np.abs(layer(moved) - still).max(axis=-1))
    return np.stack(columns, axis=1)


@exercise.mistake("changes left standing")
def changes_left_standing(layer, x):
    moved, still = x.copy(), layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved[j] += 0.01 * np.linspace(1, 2, x.shape[-1])
        reached[:, j] = np.abs(layer(moved) - still).max(axis=-1) > 1e-9
    return reached


@exercise.mistake("rounding counted as a change")
def rounding_counted_as_a_change(layer, x):
    step = 0.01 * np.linspace(1, 2, x.shape[-1])
    still = layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved = x.copy()
        moved[j] += step
        reached[:, j] = (layer(moved) != still).any(axis=-1)
    return reached


@exercise.mistake("everything reaches everything")
def everything_said_to_reach_everything(layer, x):
    return np.ones((len(x), len(x)), dtype=bool)


@exercise.mistake("earlier tokens only")
def earlier_tokens_only(layer, x):
    return np.tril(influence(layer, x))


@exercise.mistake("True where nothing changed")
def unchanged_marked_true(layer, x):
    return ~influence(layer, x)


@exercise.another_way
def replaced_by_another_token(layer, x):
    tokens = np.arange(len(x))
    still = layer(x)
    changed = [layer(np.where((tokens == j)[:, None], x[::-1, ::-1] + 0.7 * np.arange(x.shape[1]), x)) for j in tokens]
    return np.array([[np.any(np.abs(out[i] - still[i]) > 1e-9) for out in changed] for i in tokens])


@exercise.another_way
def one_coordinate_after_another(layer, x):
    still = layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j, c in np.ndindex(x.shape):
        moved = x.copy()
        moved[j, c] += 0.05
        reached[:, j] |= (np.abs(layer(moved) - still) > 1e-9).any(axis=1)
    return reached
