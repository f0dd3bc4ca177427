"""Follow attention through the layers."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.interpret.cases import shares
from attncore.interpret import attention_rollout
from attncore.softmax import softmax


def stacked_maps(rng, s):
    return shares(rng, s.l, s.n, s.n)


def causal_maps(rng, s):
    scores = rng.standard_normal((s.l, s.n, s.n))
    return softmax(np.where(np.tri(s.n, dtype=bool), scores, -np.inf))


exercise = code(
    attention_rollout,
    usual(maps=stacked_maps),
    case("one layer", small=True, sizes={"l": 1}, maps=stacked_maps),
    case("twelve layers", sizes={"l": 12}, maps=stacked_maps),
    case("as many layers as tokens", sizes={"l": 5}, maps=stacked_maps),
    case("causal maps", maps=causal_maps),
    case("every token looks at the first", maps=lambda rng, s: np.eye(s.n)[np.zeros((s.l, s.n), int)]),
)


@exercise.mistake("the residual is left out")
def no_residual(maps):
    reached = np.eye(maps.shape[-1])
    for weights in maps:
        reached = weights @ reached
    return reached


@exercise.mistake("the maps are averaged instead of multiplied")
def mean_of_the_maps(maps):
    return maps.mean(axis=0)


@exercise.mistake("the first layer is on the left")
def first_layer_on_the_left(maps):
    n = maps.shape[-1]
    reached = np.eye(n)
    for weights in maps:
        mixed = (weights + np.eye(n)) / 2
        reached = reached @ mixed
    return reached


@exercise.mistake("the identity is added without halving")
def residual_added_without_the_half(maps):
    reached = np.eye(maps.shape[-1])
    for weights in maps:
        reached = (weights + np.eye(maps.shape[-1])) @ reached
    return reached


@exercise.mistake("only the last layer counts")
def last_layer_only(maps):
    return 0.5 * maps[-1] + 0.5 * np.eye(maps.shape[-1])


@exercise.mistake("the residual is added once, at the end")
def residual_only_once_at_the_end(maps):
    return 0.5 * no_residual(maps) + 0.5 * np.eye(maps.shape[-1])


@exercise.mistake("the first layer is left out")
def first_layer_left_out(maps):
    return attention_rollout(maps[1:]) if len(maps) > 1 else np.eye(maps.shape[-1])


@exercise.mistake("the maps are multiplied element by element")
def multiplied_place_by_place(maps):
    reached = 0.5 * maps[0] + 0.5 * np.eye(maps.shape[-1])
    for weights in maps[1:]:
        reached = (0.5 * weights + 0.5 * np.eye(maps.shape[-1])) * reached
    return reached


@exercise.mistake("the result is transposed")
def inputs_on_the_rows(maps):
    return attention_rollout(maps).T


@exercise.mistake("the rollout of every layer is returned")
def every_layer_kept(maps):
    return np.array([attention_rollout(maps[: i + 1]) for i in range(len(maps))])


@exercise.mistake("columns are divided instead of rows")
def columns_are_divided(maps):
    mixed = maps + np.eye(maps.shape[-1])
    mixed = mixed / mixed.sum(axis=-2, keepdims=True)
    reached = np.eye(maps.shape[-1])
    for layer in mixed:
        reached = layer @ reached
    return reached


@exercise.mistake("the residual is counted from the second layer on")
def no_residual_in_the_first_layer(maps):
    reached = maps[0]
    for weights in maps[1:]:
        reached = 0.5 * (weights + np.eye(maps.shape[-1])) @ reached
    return reached


@exercise.mistake("the maps are averaged instead of multiplied")
def mean_of_the_maps_and_the_residual(maps):
    return 0.5 * maps.mean(axis=0) + 0.5 * np.eye(maps.shape[-1])


@exercise.mistake("the maps are multiplied element by element")
def multiplied_into_the_identity(maps):
    reached = same = np.eye(maps.shape[-1])
    for weights in maps:
        reached = (0.5 * weights + 0.5 * same) * reached
    return reached


@exercise.mistake("the last layer is left out")
def last_layer_left_out(maps):
    return attention_rollout(maps[:-1]) if len(maps) > 1 else np.eye(maps.shape[-1])


@exercise.mistake("the maps are halved and the identity isn't")
def identity_not_halved(maps):
    reached = same = np.eye(maps.shape[-1])
    for weights in maps:
        reached = (0.5 * weights + same) @ reached
    return reached


@exercise.mistake("each map is transposed")
def each_map_transposed(maps):
    return attention_rollout(maps.swapaxes(-1, -2))


@exercise.mistake("divided by the largest entry")
def divided_by_the_largest_entry(maps):
    reached = attention_rollout(maps)
    return reached / reached.max()


@exercise.another_way
def residual_added_then_rows_divided(maps):
    mixed = maps + np.eye(maps.shape[-1])
    mixed /= mixed.sum(axis=-1, keepdims=True)
    reached = mixed[0]
    for layer in mixed[1:]:
        reached = layer @ reached
    return reached


@exercise.another_way
def from_the_last_layer_back(maps):
    n = maps.shape[-1]
    asked = np.eye(n)
    for weights in maps[::-1]:
        asked = np.einsum("ij,jk->ik", asked, (weights + np.eye(n)) / 2)
    return asked


@exercise.another_way
def token_by_token(maps):
    n = maps.shape[-1]
    reached = [[float(i == j) for j in range(n)] for i in range(n)]
    for weights in maps.tolist():
        looked_at = [[sum(weights[i][k] * reached[k][j] for k in range(n)) for j in range(n)] for i in range(n)]
        reached = [[(reached[i][j] + looked_at[i][j]) / 2 for j in range(n)] for i in range(n)]
    return reached
