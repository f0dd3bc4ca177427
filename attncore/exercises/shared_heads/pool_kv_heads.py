"""Merge trained heads into groups."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.shared_heads import pool_kv_heads


def pool_case(name, n_heads, n_groups, small=False, width=3, **more):
    sizes = {"m": 2 if small else 5, "h*d": n_heads * width}
    return case(name, small=small, sizes=sizes, n_heads=n_heads, n_groups=n_groups, **more)


DIVIDES = "Raises ValueError where the groups do not divide the heads."

exercise = code(
    pool_kv_heads,
    pool_case("four heads into two groups", 4, 2, small=True, width=2),
    pool_case("six heads into three groups, small", 6, 3, small=True, width=2),
    pool_case("six heads into three groups", 6, 3),
    pool_case("six heads into two groups", 6, 2, width=4),
    pool_case("one group", 6, 1, width=4),
    pool_case("as many groups as heads", 6, 6),
    pool_case("twelve heads into three groups", 12, 3, width=2),
    pool_case("float32", 6, 2, dtype=np.float32),
    pool_case("four heads into three groups", 4, 3, width=3, promise=DIVIDES),
)


def cut(W, *axes):
    return W.reshape(len(W), *axes)


@exercise.mistake("the mean of every g-th head instead of neighbors")
def the_mean_of_every_g_th_head_instead_of_neighbors(W, n_heads, n_groups):
    share = n_heads // n_groups
    heads = W.reshape(len(W), share, n_groups, -1)
    return heads.mean(axis=1).reshape(len(W), -1)


@exercise.mistake("only the first head of each group is kept")
def only_the_first_head_of_each_group_is_kept(W, n_heads, n_groups):
    return cut(W, n_groups, n_heads // n_groups, -1)[:, :, 0].reshape(len(W), -1)


@exercise.mistake("only the last head of each group is kept")
def only_the_last_head_of_each_group_is_kept(W, n_heads, n_groups):
    return cut(W, n_groups, n_heads // n_groups, -1)[:, :, -1].reshape(len(W), -1)


@exercise.mistake("the median instead of the mean")
def the_median_instead_of_the_mean(W, n_heads, n_groups):
    return np.median(cut(W, n_groups, n_heads // n_groups, -1), axis=2).reshape(len(W), -1)


@exercise.mistake("the sum instead of the mean")
def the_sum_instead_of_the_mean(W, n_heads, n_groups):
    return pool_kv_heads(W, n_heads, n_groups) * (n_heads // n_groups)


@exercise.mistake("neighboring numbers are averaged instead of heads")
def neighboring_numbers_are_averaged_instead_of_heads(W, n_heads, n_groups):
    return cut(W, -1, n_heads // n_groups).mean(axis=-1)


@exercise.mistake("only the first heads are kept")
def only_the_first_heads_are_kept(W, n_heads, n_groups):
    return W[:, : W.shape[-1] // n_heads * n_groups]


@exercise.mistake("all heads are averaged together")
def all_heads_are_averaged_together(W, n_heads, n_groups):
    return np.tile(pool_kv_heads(W, n_heads, 1), (1, n_groups))


@exercise.mistake("the result is as wide as before")
def the_result_is_as_wide_as_before(W, n_heads, n_groups):
    mean = cut(W, n_groups, n_heads // n_groups, -1).mean(axis=2, keepdims=True)
    return np.repeat(mean, n_heads // n_groups, axis=2).reshape(W.shape)


@exercise.mistake("the reshape mixes rows and heads")
def the_reshape_mixes_rows_and_heads(W, n_heads, n_groups):
    share = n_heads // n_groups
    return W.reshape(n_groups, share, len(W), -1).mean(axis=1).reshape(len(W), -1)


@exercise.mistake("the reshape mixes rows and heads")
def the_rows_come_last_in_the_reshape(W, n_heads, n_groups):
    return W.reshape(n_groups, n_heads // n_groups, -1, len(W)).mean(axis=1).reshape(-1, len(W)).T


@exercise.mistake("the number of groups is taken for their size")
def the_number_of_groups_is_taken_for_their_size(W, n_heads, n_groups):
    return pool_kv_heads(W, n_heads, n_heads // n_groups)


@exercise.another_way
def slice_by_slice(W, n_heads, n_groups):
    share, width = n_heads // n_groups, W.shape[-1] // n_heads
    heads = [W[:, i * width : (i + 1) * width] for i in range(n_heads)]
    groups = [sum(heads[first : first + share]) / share for first in range(0, n_heads, share)]
    return np.concatenate(groups, axis=-1)


@exercise.another_way
def times_a_matrix_of_shares(W, n_heads, n_groups):
    share, width = n_heads // n_groups, W.shape[-1] // n_heads
    shares = np.repeat(np.eye(n_groups), share, axis=0) / share
    return W @ np.kron(shares, np.eye(width)).astype(W.dtype)


@exercise.another_way
def number_by_number(W, n_heads, n_groups):
    share, width = n_heads // n_groups, len(W[0]) // n_heads
    return [
        [
            sum(float(row[(group * share + i) * width + j]) for i in range(share)) / share
            for group in range(n_groups)
            for j in range(width)
        ]
        for row in W
    ]
