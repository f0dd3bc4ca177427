"""Lesson 17: attention that reads only some of the keys."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.masks import combine_masks
from attncore.shapes import shaped


@shaped("(...,h,q,d),(...,k,d),(...,q,h)->(...,q,k)")
def lightning_index(query, key, head_weights):
    """Score every key for every query, cheaply, so that the best ones can be selected.

    The sum over the heads of ReLU(query . key), each times the weight of its head for that query.
    All heads read the same keys. There is no scale and no softmax. A weight may be negative, and
    then so may the sum. DeepSeek-V3.2 (2025).
    """
    matches = np.maximum(query @ np.swapaxes(key, -1, -2)[..., None, :, :], 0)
    return (np.swapaxes(head_weights, -1, -2)[..., None] * matches).sum(axis=-3)


def best(scores, n_keep, allowed=True):
    """True where an allowed score is among the n_keep largest of its row; ties go to the earlier one."""
    scores, allowed = np.broadcast_arrays(scores, allowed)
    order = np.lexsort((-scores, ~allowed))  # the allowed first, and among them the largest
    return allowed & (np.argsort(order) < n_keep)


@shaped("(...,q,d),(...,k,d),(...,k,v),(...,q,k)->(...,q,v)")
def top_k_attention(query, key, value, index, n_keep, mask=None, scale=None):
    """Attend, each query to the n_keep allowed keys of largest index.

    The index only selects: the weights are the softmax of the scores over the selected keys. Ties
    go to the earlier key. Where fewer keys are allowed, all of them are selected. A row with
    nothing allowed gives zeros, never NaN. A boolean mask: True = may attend; without one every key
    is allowed. The leading axes broadcast. The scores are dot products times 1/sqrt(d). A given
    `scale` multiplies the scores in place of 1/sqrt(d). Raises ValueError for n_keep below 1.
    DeepSeek-V3.2 (2025).
    """
    if n_keep < 1:
        raise ValueError(f"top_k_attention: n_keep is {n_keep}, expected at least 1")
    allowed = True if mask is None else combine_masks(mask)
    return scaled_dot_product_attention(query, key, value, best(index, n_keep, allowed), scale)


@shaped("(...,k,d)->(...,c,d)", axes={"c": "block"})
def mean_blocks(x, block):
    """Compress a sequence to the mean of every `block` tokens.

    The blocks stand in order and don't overlap. A shorter last block is divided by its own length.
    Raises ValueError for a block below 1. Lu et al. (2025).
    """
    if block < 1:
        raise ValueError(f"mean_blocks: block is {block}, expected at least 1")
    starts = range(0, x.shape[-2], block)
    return np.stack([x[..., start : start + block, :].mean(axis=-2) for start in starts], axis=-2)


@shaped("(...,q,c)->(...,q,k)", axes={"c": "block"})
def block_mask(block_scores, block, n_key, n_keep):
    """Allow each query the keys of its n_keep best blocks.

    Booleans, True = may attend. `block_scores` has a number for each query and each block of
    `block` keys; the last block may be shorter. Ties go to the earlier block. Where there are fewer
    blocks, all keys are allowed. It knows no causality. Raises ValueError for scores that are not
    one for each block of the n_key keys. Raises ValueError for n_keep below 1. Yuan et al. (2025).
    """
    if min(block, n_keep) < 1:
        raise ValueError(f"block_mask: block is {block} and n_keep {n_keep}, expected at least 1")
    n_blocks = -(-n_key // block)
    if block_scores.shape[-1] != n_blocks:
        raise ValueError(
            f"block_mask: block_scores has {block_scores.shape[-1]} on the block axis, expected {n_blocks}: "
            f"{n_key} keys in blocks of {block}"
        )
    return np.repeat(best(block_scores, n_keep), block, axis=-1)[..., :n_key]


@shaped("(s,...,q,v),(s,...,q)->(...,q,v)", axes={"s": "branch"})
def mixed_branches(outputs, gates):
    """Add up what several branches of attention return, each times its gate for that query.

    The branches are the first axis. The gates are used as they are, and need not sum to one. The
    leading axes broadcast. Yuan et al. (2025).
    """
    return sum(gate[..., None] * output for output, gate in zip(outputs, gates, strict=True))
