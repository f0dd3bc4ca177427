"""Merge trained heads into groups."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.shared_heads import pool_kv_heads


def pool_case(name, n_heads, n_groups, small=False, width=3, **more):
    sizes = {"m": 2 if small else 5, "h*d": n_heads * width}
    return case(name, small=small, sizes=sizes, n_heads=n_heads, n_groups=n_groups, **more)


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
)


def cut(W, *axes):
    return W.reshape(len(W), *axes)


@exercise.mistake("every g th head averaged")
def every_g_th_head_averaged(W, n_heads, n_groups):
    share = n_heads // n_groups
    heads = W.reshape(len(W), share, n_groups, -1)
    return heads.mean(axis=1).reshape(len(W), -1)


@exercise.mistake("first head of each group")
def first_head_of_each_group(W, n_heads, n_groups):
    return cut(W, n_groups, n_heads // n_groups, -1)[:, :, 0].reshape(len(W), -1)


@exercise.mistake("sum instead of mean")
def sum_instead_of_mean(W, n_heads, n_groups):
    return pool_kv_heads(W, n_heads, n_groups) * (n_heads // n_groups)


@exercise.mistake("neighbouring numbers averaged")
def neighbouring_numbers_averaged(W, n_heads, n_groups):
    return cut(W, -1, n_heads // n_groups).mean(axis=-1)


@exercise.mistake("only the first heads kept")
def only_the_first_heads_kept(W, n_heads, n_groups):
    return W[:, : W.shape[-1] // n_heads * n_groups]


@exercise.mistake("all heads averaged")
def all_heads_averaged(W, n_heads, n_groups):
    return np.tile(pool_kv_heads(W, n_heads, 1), (1, n_groups))


@exercise.mistake("as wide as before")
def as_wide_as_before(W, n_heads, n_groups):
    mean = cut(W, n_groups, n_heads // n_groups, -1).mean(axis=2, keepdims=True)
    return np.repeat(mean, n_heads // n_groups, axis=2).reshape(W.shape)


@exercise.mistake("rows and heads mixed in the reshape")
def rows_and_heads_mixed_in_the_reshape(W, n_heads, n_groups):
    share = n_heads // n_groups
    return W.reshape(n_groups, share, len(W), -1).mean(axis=1).reshape(len(W), -1)


@exercise.mistake("groups and heads in a group mixed up")
def groups_and_heads_in_a_group_mixed_up(W, n_heads, n_groups):
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
