"""Published forms of lesson 18, retyped: what each is to be told."""

import numpy as np


def hash_block_tokens(tokens, block):
    """vLLM's: Python's hash of the parent's hash and the block's tokens."""
    names, parent = [], None
    for start in range(0, len(tokens), block):
        whole = tuple(tokens[start : start + block].tolist())
        if len(whole) < block:
            break
        parent = hash((parent, whole))
        names.append(parent)
    return names


def transformers_sampling(draft, draft_probs, target_probs, rng):
    """Transformers' speculative sampling: what's accepted before the first rejection, counted by a running sum."""
    places = np.arange(len(draft))
    ratios = target_probs[places, draft] / draft_probs[places, draft]
    n_matches = int(((~(rng.random(len(draft)) <= ratios)).cumsum() < 1).sum())
    weights = target_probs[n_matches]
    if n_matches < len(draft):
        weights = np.clip(weights - draft_probs[n_matches], 0, None)
    weights = weights.astype(float)
    return [*draft[:n_matches].tolist(), int(rng.multinomial(1, weights / weights.sum()).argmax())]


def kivi(x, bits, axis):
    """KIVI's: least and largest along an axis, no guard for a line of equal numbers."""
    least, most = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    scale = (most - least) / (2**bits - 1)
    codes = np.round(np.clip((x - least) / scale, 0, 2**bits - 1))
    return codes, scale, least


def affine_codes(x, bits, axis):
    """ONNX's and PyTorch's: a whole zero point, subtracted from the codes before they're scaled."""
    least, most = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    scale = (most - least) / (2**bits - 1)
    scale = np.where(scale == 0, 1, scale)
    zero_point = np.round(-least / scale)
    return np.clip(np.round(x / scale) + zero_point, 0, 2**bits - 1), scale, zero_point


def geometric_series(acceptance, n_draft):
    """Leviathan's equation 1, as it stands."""
    return (1 - acceptance ** (n_draft + 1)) / (1 - acceptance)


FORMS = [
    ("prefix_hashes", "vLLM's hash", hash_block_tokens, "edge", "Raises ValueError for a block below 1."),
    ("speculative_accept", "Transformers", transformers_sampling, "right", None),
    ("quantize", "KIVI", kivi, "edge", "a line of equal numbers divides by zero"),
    ("quantize", "a zero point", affine_codes, "wrong", "the zero is a code: (codes - zero) * scale"),
    (
        "expected_tokens",
        "Leviathan's formula",
        geometric_series,
        "edge",
        "divided by zero at an acceptance of 1",
    ),
]
