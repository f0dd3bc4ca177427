"""Published forms of lesson 17, retyped: what each is to be told."""

import numpy as np


def deepseek_indexer(query, key, head_weights):
    """DeepSeek-V3.2's inference code, without its eight bits: both scales go into the weights of the heads."""
    weights = head_weights * query.shape[-3] ** -0.5 * query.shape[-1] ** -0.5
    logits = np.einsum("...hqd,...kd->...hqk", query, key)
    return np.einsum("...hqk,...qh->...qk", np.maximum(logits, 0), weights)


def the_formula(query, key, head_weights):
    """The report's sum over the heads, without those scales."""
    logits = np.einsum("...hqd,...kd->...qhk", query, key)
    return np.einsum("...qh,...qhk->...qk", head_weights, np.maximum(logits, 0))


def reshaped_means(x, block):
    """A reshape and a mean, as block-sparse code has it: what doesn't fill a block is cut off."""
    n_whole = x.shape[-2] // block
    return x[..., : n_whole * block, :].reshape(*x.shape[:-2], n_whole, block, x.shape[-1]).mean(axis=-2)


def stable_sort(block_scores, block, n_key, n_keep):
    """The places of the best, as a library's top-k gives them, scattered into a mask."""
    places = np.argsort(-block_scores, axis=-1, kind="stable")[..., :n_keep]
    mask = np.zeros(block_scores.shape, bool)
    np.put_along_axis(mask, places, True, axis=-1)
    return np.repeat(mask, block, axis=-1)[..., :n_key]


def native_sparse(outputs, gates):
    """NSA's three branches, each times a sigmoid of its logit."""
    return np.einsum("s...q,s...qv->...qv", 1 / (1 + np.exp(-gates)), outputs)


FORMS = [
    ("lightning_index", "DeepSeek's code", deepseek_indexer, "wrong", "scaled by the width and the number of heads"),
    ("lightning_index", "the report's formula", the_formula, "right", None),
    ("mean_blocks", "whole chunks alone", reshaped_means, "wrong", "the last block is dropped where it's shorter"),
    ("block_mask", "scattered places", stable_sort, "edge", None),
    ("mixed_branches", "NSA with its sigmoid", native_sparse, "wrong", "a sigmoid on the gates"),
]
