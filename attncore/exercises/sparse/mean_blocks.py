"""A sequence, compressed to the means of its blocks."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.sparse import mean_blocks

BELOW_ONE = "Raises ValueError for a block below 1."

exercise = code(
    mean_blocks,
    case("four tokens, two blocks", block=2, x=lambda rng, s: np.array([[1.0, 0], [3, 2], [5, 4], [9, 4]])),
    usual(block=2),
    case("blocks of three", block=3, small=True, sizes={"k": 6}),
    case("blocks of three, the last of two", block=3, sizes={"k": 8}),
    case("blocks of four, the last of one", block=4, lead=(2,), sizes={"k": 9}),
    case("as many tokens as the width", block=4, sizes={"k": 8}),
    case("blocks of one", block=1, small=True),
    case("one block", block=5),
    case("a block longer than the sequence", block=7, lead=(2,)),
    case("a block of no tokens", block=0, small=True, promise=BELOW_ONE),
    case("a block below zero", block=-2, small=True, promise=BELOW_ONE),
)


def blocks_of(x, block):
    return [x[..., start : start + block, :] for start in range(0, x.shape[-2], block)]


def padded(x, block, with_what="constant"):
    missing = -x.shape[-2] % block
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, missing), (0, 0)], with_what)


@exercise.mistake("the last block is dropped where it's shorter")
def last_block_dropped(x, block):
    whole = x.shape[-2] // block * block
    return mean_blocks(x[..., :whole, :], block) if whole else x[..., :0, :]


@exercise.mistake("a shorter last block divided by the full length")
def divided_by_the_full_length(x, block):
    return mean_blocks(padded(x, block), block)


@exercise.mistake("a shorter last block filled up with its last token")
def filled_up(x, block):
    return mean_blocks(padded(x, block, "edge"), block)


@exercise.mistake("a shorter last block reaches back into the one before")
def reaches_back(x, block):
    n = x.shape[-2]
    starts = [min(start, max(n - block, 0)) for start in range(0, n, block)]
    return np.stack([x[..., start : start + block, :].mean(axis=-2) for start in starts], axis=-2)


@exercise.mistake("the sum instead of the mean")
def sums(x, block):
    return np.stack([tokens.sum(axis=-2) for tokens in blocks_of(x, block)], axis=-2)


@exercise.mistake("the largest instead of the mean")
def largest(x, block):
    return np.stack([tokens.max(axis=-2) for tokens in blocks_of(x, block)], axis=-2)


@exercise.mistake("the first token of each block")
def first_token(x, block):
    return x[..., ::block, :]


@exercise.mistake("the last token of each block")
def last_token(x, block):
    return np.stack([tokens[..., -1, :] for tokens in blocks_of(x, block)], axis=-2)


@exercise.mistake("every second token into the same block")
def dealt_out(x, block):
    n_blocks = -(-x.shape[-2] // block)
    return np.stack([x[..., start::n_blocks, :].mean(axis=-2) for start in range(n_blocks)], axis=-2)


@exercise.mistake("blocks that overlap")
def overlapping(x, block):
    n = x.shape[-2]
    starts = range(max(n - block + 1, 1))
    return np.stack([x[..., start : start + block, :].mean(axis=-2) for start in starts], axis=-2)


@exercise.mistake("the mean of everything so far")
def running_mean(x, block):
    ends = [min(start + block, x.shape[-2]) for start in range(0, x.shape[-2], block)]
    return np.stack([x[..., :end, :].mean(axis=-2) for end in ends], axis=-2)


@exercise.mistake("the number of blocks instead of their length")
def number_of_blocks(x, block):
    parts = np.array_split(x, min(block, x.shape[-2]), axis=-2)
    return np.stack([tokens.mean(axis=-2) for tokens in parts], axis=-2)


@exercise.mistake("the width cut into blocks, not the tokens")
def width_cut(x, block):
    return np.swapaxes(mean_blocks(np.swapaxes(x, -1, -2), block), -1, -2)


@exercise.mistake("a mean for each token")
def mean_for_each_token(x, block):
    return np.repeat(mean_blocks(x, block), block, axis=-2)[..., : x.shape[-2], :]


@exercise.mistake("a block longer than the sequence fails")
def longer_block_fails(x, block):
    whole = x.shape[-2] // block * block
    blocks = x[..., :whole, :].reshape(*x.shape[:-2], -1, block, x.shape[-1])
    means = blocks.mean(axis=-2)
    if whole == 0:
        raise ValueError("cannot reshape array of size 0")
    if whole < x.shape[-2]:
        means = np.concatenate([means, x[..., whole:, :].mean(axis=-2, keepdims=True)], axis=-2)
    return means


@exercise.mistake("blocks of about equal length")
def about_equal(x, block):
    parts = np.array_split(x, -(-x.shape[-2] // block), axis=-2)
    return np.stack([tokens.mean(axis=-2) for tokens in parts], axis=-2)


@exercise.mistake("the first block is the shorter one")
def first_block_shorter(x, block):
    starts = range(-(-x.shape[-2] % block), x.shape[-2], block)
    return np.stack([x[..., max(start, 0) : start + block, :].mean(axis=-2) for start in starts], axis=-2)


@exercise.mistake("the median instead of the mean")
def medians(x, block):
    return np.stack([np.median(tokens, axis=-2) for tokens in blocks_of(x, block)], axis=-2)


@exercise.mistake("a block below one isn't refused")
def any_block(x, block):
    return mean_blocks(x, max(abs(block), 1))


@exercise.mistake("the smallest instead of the mean")
def smallest(x, block):
    return np.stack([tokens.min(axis=-2) for tokens in blocks_of(x, block)], axis=-2)


@exercise.another_way
def sums_over_lengths(x, block):
    if block < 1:
        raise ValueError(f"a block of {block} tokens")
    starts = np.arange(0, x.shape[-2], block)
    lengths = np.minimum(block, x.shape[-2] - starts)
    return np.add.reduceat(x, starts, axis=-2) / lengths[:, None]


@exercise.another_way
def a_product_with_a_matrix(x, block):
    own = np.arange(x.shape[-2]) // block
    shares = (own == np.arange(own[-1] + 1)[:, None]) * 1.0
    return shares / shares.sum(axis=-1, keepdims=True) @ x


@exercise.another_way
def padded_and_divided(x, block):
    n = x.shape[-2]
    missing = -n % block
    x = np.concatenate([x, np.zeros((*x.shape[:-2], missing, x.shape[-1]))], axis=-2)
    sums = x.reshape(*x.shape[:-2], -1, block, x.shape[-1]).sum(axis=-2)
    sums[..., :-1, :] /= block
    sums[..., -1, :] /= block - missing
    return sums
