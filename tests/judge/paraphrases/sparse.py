"""Paraphrases for lesson 17."""

import numpy as np
from paraphrase import paraphrase


def at_least_one(*numbers):
    if min(numbers) < 1:
        raise ValueError(f"{numbers}")


def rank(scores):
    """The place of each entry in its row, the largest first, the earlier one where two tie."""
    order = np.argsort(-scores, axis=-1, kind="stable")
    return np.argsort(order, axis=-1)


def relu(x):
    return x * (x > 0)


def matched(query, key):
    return np.einsum("...hqd,...kd->...hqk", query, key)


def attend(query, key, value, seen, scale=None):
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    top = np.where(seen, scores, -np.inf).max(axis=-1, keepdims=True)
    heights = np.where(seen, np.exp(np.minimum(scores - np.nan_to_num(top, neginf=0), 0)), 0)
    total = heights.sum(axis=-1, keepdims=True)
    return heights / np.where(total == 0, 1, total) @ value


@paraphrase("lightning_index", "the key has no axis for the heads")
def plain_matmul(query, key, head_weights):
    scores = np.maximum(query @ key.swapaxes(-1, -2), 0)
    return np.einsum("...hqk,...qh->...qk", scores, head_weights)


@paraphrase("lightning_index", "the weight inside the ReLU")
def weighted_then_cut(query, key, head_weights):
    return relu(np.einsum("...hqk,...qh->...hqk", matched(query, key), head_weights)).sum(axis=-3)


@paraphrase("lightning_index", "scaled by the width and the number of heads")
def deepseek_scales(query, key, head_weights):
    weights = head_weights * query.shape[-3] ** -0.5 * query.shape[-1] ** -0.5
    return np.einsum("...hqk,...qh->...qk", relu(matched(query, key)), weights)


@paraphrase("lightning_index", "the mean of the weights over the queries")
def one_weight_a_head(query, key, head_weights):
    return np.einsum("...hqk,...h->...qk", relu(matched(query, key)), head_weights.mean(axis=-2))


@paraphrase("lightning_index", "causal, though nobody asked")
def future_is_minus_infinity(query, key, head_weights):
    index = np.einsum("...hqk,...qh->...qk", relu(matched(query, key)), head_weights)
    q, k = np.indices(index.shape[-2:])
    return np.where(k - q > index.shape[-1] - index.shape[-2], -np.inf, index)


@paraphrase("lightning_index", "the best head instead of the sum")
def maximum_over_heads(query, key, head_weights):
    return np.amax(np.einsum("...hqk,...qh->...hqk", relu(matched(query, key)), head_weights), axis=-3)


@paraphrase("top_k_attention", "the best of all rows together")
def flat_topk(query, key, value, index, n_keep, mask=None, scale=None):
    at_least_one(n_keep)
    hidden = np.where(True if mask is None else mask, index, -np.inf)
    flat = hidden.reshape(*hidden.shape[:-2], -1)
    chosen = (rank(flat) < n_keep * hidden.shape[-2]).reshape(hidden.shape)
    return attend(query, key, value, chosen & (hidden > -np.inf), scale)


@paraphrase("top_k_attention", "the selected values averaged without weights")
def mean_of_the_best(query, key, value, index, n_keep, mask=None, scale=None):
    at_least_one(n_keep)
    hidden = np.where(True if mask is None else mask, index, -np.inf)
    share = ((rank(hidden) < n_keep) & (hidden > -np.inf)).astype(float)
    return share / np.maximum(share.sum(axis=-1, keepdims=True), 1) @ value


@paraphrase("top_k_attention", "hidden keys take places in the selection")
def hidden_counts_as_zero(query, key, value, index, n_keep, mask=None, scale=None):
    at_least_one(n_keep)
    seen = np.ones(index.shape, bool) if mask is None else np.broadcast_to(mask, index.shape)
    return attend(query, key, value, (rank(index * seen) < n_keep) & seen, scale)


@paraphrase("top_k_attention", "the index without its sign")
def by_size(query, key, value, index, n_keep, mask=None, scale=None):
    at_least_one(n_keep)
    hidden = np.where(True if mask is None else mask, np.sqrt(index**2), -1)
    return attend(query, key, value, (rank(hidden) < n_keep) & (hidden >= 0), scale)


@paraphrase("mean_blocks", "blocks of about equal length")
def linspace_cuts(x, block):
    at_least_one(block)
    n_blocks = -(-x.shape[-2] // block)
    return np.stack([part.mean(-2) for part in np.array_split(x, n_blocks, axis=-2)], -2)


@paraphrase("mean_blocks", "the first block is the shorter one")
def counted_from_the_end(x, block):
    at_least_one(block)
    turned = x[..., ::-1, :]
    means = [turned[..., at : at + block, :].mean(axis=-2) for at in range(0, x.shape[-2], block)]
    return np.stack(means[::-1], axis=-2)


@paraphrase("mean_blocks", "a shorter last block divided by the full length")
def zeros_at_the_end(x, block):
    at_least_one(block)
    sums = np.add.reduceat(x, np.arange(0, x.shape[-2], block), axis=-2)
    return sums / block


@paraphrase("mean_blocks", "the median instead of the mean")
def middle_of_each(x, block):
    at_least_one(block)
    cuts = np.arange(block, x.shape[-2], block)
    return np.stack([np.quantile(part, 0.5, axis=-2) for part in np.split(x, cuts, axis=-2)], axis=-2)


def in_blocks(chosen, block, n_key):
    return chosen[..., np.arange(n_key) // block]


def checked(block_scores, block, n_key, n_keep):
    at_least_one(n_keep, block)
    if block_scores.shape[-1] != -(-n_key // block):
        raise ValueError("blocks")


@paraphrase("block_mask", "the order of the blocks taken for their ranks")
def argsort_once(block_scores, block, n_key, n_keep):
    checked(block_scores, block, n_key, n_keep)
    return in_blocks(np.argsort(-block_scores, axis=-1, kind="stable") < n_keep, block, n_key)


@paraphrase("block_mask", "the own block is read as well")
def own_and_best(block_scores, block, n_key, n_keep):
    checked(block_scores, block, n_key, n_keep)
    own = np.add.outer(np.arange(block_scores.shape[-2]) // block, -(np.arange(n_key) // block)) == 0
    return own | in_blocks(rank(block_scores) < n_keep, block, n_key)


@paraphrase("block_mask", "the blocks laid out in turn instead of side by side")
def tiled(block_scores, block, n_key, n_keep):
    checked(block_scores, block, n_key, n_keep)
    return (rank(block_scores) < n_keep)[..., np.arange(n_key) % block_scores.shape[-1]]


@paraphrase("block_mask", "as many keys as n_keep full blocks have")
def budget_in_keys(block_scores, block, n_key, n_keep):
    checked(block_scores, block, n_key, n_keep)
    return rank(in_blocks(block_scores, block, n_key)) < block * n_keep


@paraphrase("mixed_branches", "the largest of the branches instead of their sum")
def elementwise_maximum(outputs, gates):
    return np.maximum.reduce([g[..., None] * o for g, o in zip(gates, outputs, strict=True)])


@paraphrase("mixed_branches", "always three branches")
def compressed_selected_window(outputs, gates):
    compressed, selected, window = (gates[i][..., None] * outputs[i] for i in (0, 1, 2))
    return compressed + selected + window


@paraphrase("mixed_branches", "the gates are cut to between 0 and 1")
def hard_gates(outputs, gates):
    return np.einsum("s...q,s...qv->...qv", np.minimum(np.maximum(gates, 0), 1), outputs)


@paraphrase("mixed_branches", "added to the branches as they are")
def gated_residual(outputs, gates):
    return outputs.sum(axis=0) + np.einsum("s...q,s...qv->...qv", gates, outputs)


@paraphrase("mixed_branches", "added up over another axis than the branches")
def heads_axis_taken(outputs, gates):
    return np.einsum("...q,...qv->...qv", gates, outputs).sum(axis=-3)
