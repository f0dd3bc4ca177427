"""Paraphrases for lesson 02."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("softmax", "no maximum subtracted")
def textbook_formula(x, axis=-1):
    x = np.asarray(x)
    powers = np.power(math.e, x if x.dtype.kind == "f" else x.astype(float))
    total = np.add.reduce(powers, axis=axis, keepdims=True)
    return powers / np.where(total > 0, total, 1)


@paraphrase("softmax", "one maximum for all rows")
def shifted_by_the_overall_peak(x, axis=-1):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    hidden = np.isneginf(x).all(axis=axis, keepdims=True)
    if hidden.all():
        return np.zeros_like(x)
    e = np.exp(x - x.max())
    return np.where(hidden, 0, e / e.sum(axis=axis, keepdims=True))


@paraphrase("softmax", "mean subtracted instead of the maximum")
def centred_lines(x, axis=-1):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    finite = np.isfinite(x)
    count = np.maximum(finite.sum(axis=axis, keepdims=True), 1).astype(x.dtype)
    centre = np.where(finite, x, 0).sum(axis=axis, keepdims=True) / count
    e = np.exp(x - centre)
    total = e.sum(axis=axis, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total != 0)


@paraphrase("softmax", "base two")
def powers_of_two(x, axis=-1):
    x = np.moveaxis(np.asarray(x) * 1.0, axis, -1)
    top = x.max(axis=-1, keepdims=True)
    top[np.isneginf(top)] = 0
    p = np.exp2(x - top)
    z = p.sum(axis=-1, keepdims=True)
    z[z == 0] = 1
    return np.moveaxis(p / z, -1, axis)


@paraphrase("softmax", "integer dtype kept")
def filled_into_an_array_like_the_input(x, axis=-1):
    lines = np.moveaxis(np.asarray(x), axis, -1)
    out = np.zeros_like(lines)
    for index in np.ndindex(lines.shape[:-1]):
        line = lines[index]
        if line.max() > -np.inf:
            e = np.exp(line - line.max())
            out[index] = e / e.sum()
    return np.moveaxis(out, -1, axis)


@paraphrase("softmax", "axis ignored")
def line_by_line_from_the_right(x, axis=-1):
    def one_line(line):
        if np.all(line == -np.inf):
            return np.zeros_like(line)
        e = np.exp(line - max(line))
        return e / sum(e)

    x = np.asarray(x)
    return np.apply_along_axis(one_line, x.ndim - 1, x if x.dtype.kind == "f" else x.astype(float))


@paraphrase("softmax", "each number by itself")
def half_of_one_plus_tanh(x, axis=-1):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(float)
    return 0.5 * (1 + np.tanh(x / 2))


@paraphrase("softmax", "a line of -inf gives NaN")
def through_logsumexp(x, axis=-1):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(float)
    return np.exp(x - np.logaddexp.reduce(x, axis=axis, keepdims=True))


@paraphrase("log_softmax", "the logarithm of a softmax that has rounded")
def log_at_the_very_end(x, axis=-1):
    x = np.asarray(x) * 1.0
    m = x.max(axis, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(m), m, 0))
    z = e.sum(axis, keepdims=True)
    probabilities = np.divide(e, z, out=np.zeros_like(e), where=z > 0)
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


@paraphrase("log_softmax", "maximum not put back")
def forgot_half_of_the_trick(x, axis=-1):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(float)
    biggest = np.amax(x, axis=axis, keepdims=True)
    biggest = np.where(np.isneginf(biggest), 0, biggest)
    total = np.sum(np.exp(x - biggest), axis=axis, keepdims=True)
    log_total = np.log(np.where(total == 0, 1, total))
    return x - log_total


@paraphrase("log_softmax", "logarithm to base two")
def surprise_in_bits(x, axis=-1):
    x = np.asarray(x)
    bits = (x if x.dtype.kind == "f" else x.astype(float)) * math.log2(math.e)
    total = np.logaddexp2.reduce(bits, axis=axis, keepdims=True)
    return bits - np.where(np.isneginf(total), 0, total)


@paraphrase("log_softmax", "sign flipped")
def negative_log_likelihood(x, axis=-1):
    lines = np.moveaxis(np.asarray(x) * 1.0, axis, 0)
    peak = lines.max(axis=0)
    peak = np.where(peak == -np.inf, 0, peak)
    mass = np.exp(lines - peak).sum(axis=0)
    logsumexp = peak + np.log(np.where(mass == 0, 1, mass))
    return np.moveaxis(logsumexp - lines, 0, axis)


@paraphrase("masked_softmax", "mask upside down")
def masked_fill_where_true(scores, mask):
    def masked_fill(tensor, where, number):
        return np.where(where, number, tensor)

    if mask is not None:
        mask = np.asarray(mask)
        if mask.dtype.kind in "iu":
            raise ValueError("the mask must be boolean or float")
        scores = masked_fill(scores, mask, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    peak = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(peak), 0, peak))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


@paraphrase("masked_softmax", "hidden scores set to -100")
def penalty_of_a_hundred(scores, mask):
    allowed = scores > -np.inf
    if mask is not None:
        if mask.dtype == bool:
            allowed = allowed & mask
            scores = np.where(mask, scores, -100.0)
        elif mask.dtype.kind == "f":
            scores = scores + mask.astype(scores.dtype)
            allowed = scores > -np.inf
        else:
            raise ValueError("integer mask")
    something = allowed.any(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(something, scores.max(axis=-1, keepdims=True), 0))
    e = np.where(something, e, 0)
    return e / np.where(something, e.sum(axis=-1, keepdims=True), 1)


@paraphrase("masked_softmax", "mask after the softmax")
def weights_times_mask(scores, mask):
    additive = 0.0
    keep = None
    if mask is not None:
        if np.issubdtype(mask.dtype, np.integer):
            raise ValueError("integer mask")
        if mask.dtype == bool:
            keep = mask
        else:
            additive = mask.astype(scores.dtype)
    s = scores + additive
    m = s.max(axis=-1)[..., None]
    e = np.exp(s - np.where(m == -np.inf, 0, m))
    z = e.sum(axis=-1)[..., None]
    attention = e / np.where(z == 0, 1, z)
    return attention if keep is None else attention * keep


@paraphrase("masked_softmax", "boolean mask added to the scores")
def any_mask_is_a_bias(scores, mask):
    if mask is not None:
        mask = np.asarray(mask)
        if mask.dtype.kind not in "bf":
            raise ValueError("integer mask")
        scores = np.add(scores, mask.astype(scores.dtype))
    scores = np.moveaxis(scores, -1, 0)
    top = scores.max(axis=0)
    top = np.where(top > -np.inf, top, 0)
    up = np.exp(scores - top)
    down = up.sum(axis=0)
    return np.moveaxis(up / np.where(down > 0, down, 1), 0, -1)


@paraphrase("masked_softmax", "float mask read as a boolean")
def mask_cast_to_bool(scores, mask):
    if mask is None:
        mask = True
    elif mask.dtype.kind in "iu":
        raise ValueError("integer mask")
    visible = np.asarray(mask).astype(bool)
    logits = np.where(visible, scores, -np.inf)
    peak = logits.max(axis=-1, keepdims=True)
    e = np.exp(logits - np.where(np.isfinite(peak), peak, 0))
    z = e.sum(axis=-1, keepdims=True)
    return np.divide(e, z, out=np.zeros_like(e), where=z > 0)


@paraphrase("masked_softmax", "an empty row gives NaN")
def torch_like(scores, mask):
    if mask is not None:
        if mask.dtype.kind in "iu":
            raise ValueError("integer mask")
        bias = np.where(mask, 0, -np.inf) if mask.dtype == bool else mask
        scores = scores + bias.astype(scores.dtype)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@paraphrase("temperature_for_entropy", "one over the temperature")
def inverse_temperature(scores, bits):
    scores = np.asarray(scores, dtype=float)
    gaps = scores.max() - scores
    ties, k = np.count_nonzero(gaps == 0), len(gaps)
    if bits <= np.log2(ties) or bits >= np.log2(k):
        raise ValueError(f"bits must lie between {np.log2(ties)} and {np.log2(k)}")

    def entropy(beta):
        heights = np.exp(-beta * gaps)
        total = heights.sum()
        return (math.log(total) + beta * np.sum(heights * gaps) / total) / math.log(2)

    below, above = 0.0, 1.0 / gaps.max()
    while entropy(above) > bits:
        above *= 2
    for _ in range(200):
        beta = (below + above) / 2
        if entropy(beta) > bits:
            below = beta
        else:
            above = beta
    return float(beta)


def kept_rows(logits, targets, ignore):
    rows, wanted = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    return rows[wanted != ignore], wanted[wanted != ignore]


def surprise(rows, wanted):
    return np.logaddexp.reduce(rows, axis=-1) - rows[np.arange(len(wanted)), wanted]


@paraphrase("cross_entropy", "summed, not averaged")
def total_loss(logits, targets, ignore=-100):
    return surprise(*kept_rows(logits, targets, ignore)).sum()


@paraphrase("cross_entropy", "ignored places count in the mean")
def mean_with_zeros_for_the_ignored(logits, targets, ignore=-100):
    losses = np.zeros(targets.shape)
    losses[targets != ignore] = surprise(*kept_rows(logits, targets, ignore))
    return losses.mean()


@paraphrase("cross_entropy", "the given `ignore` is not used")
def minus_one_hundred_alone(logits, targets, ignore=-100):
    return surprise(*kept_rows(logits, targets, -100)).mean()


@paraphrase("cross_entropy", "in bits")
def log2_loss(logits, targets, ignore=-100):
    return surprise(*kept_rows(logits, targets, ignore)).mean() * np.log2(np.e)


@paraphrase("cross_entropy", "the probability in place of its logarithm")
def without_the_logarithm(logits, targets, ignore=-100):
    return -np.exp(-surprise(*kept_rows(logits, targets, ignore))).mean()


def likelihoods(logits):
    return np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))


@paraphrase("cross_entropy_backward", "the probabilities alone")
def softmax_over_the_count(logits, targets, ignore=-100):
    d, keep = likelihoods(logits), targets != ignore
    d[~keep] = 0
    return d / np.count_nonzero(keep)


@paraphrase("cross_entropy_backward", "not divided by the number of places")
def gradient_of_the_sum(logits, targets, ignore=-100):
    eye = np.eye(logits.shape[-1])[np.where(targets == ignore, 0, targets)]
    return np.einsum("...c,...->...c", likelihoods(logits) - eye, targets != ignore)


@paraphrase("cross_entropy_backward", "target minus probability")
def descent_direction(logits, targets, ignore=-100):
    keep = (targets != ignore)[..., None]
    eye = np.eye(logits.shape[-1])[np.where(targets == ignore, 0, targets)]
    return (eye - likelihoods(logits)) * keep / keep.sum()
