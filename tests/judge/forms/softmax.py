"""What is said of softmax as libraries, papers' code and courses write it."""

import math

import numpy as np


def softmax_as_in_stanford_notes(x, axis=-1):
    """The shifted formula, as CS231n's notes and most introductions have it."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    e = np.exp(shifted)
    return e / np.sum(e, axis=axis, keepdims=True)


def softmax_as_in_pico_gpt(x):
    exp_x = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return exp_x / np.sum(exp_x, axis=-1, keepdims=True)


def softmax_as_in_scipy(x, axis=None):
    x_max = np.amax(x, axis=axis, keepdims=True)
    exp_x_shifted = np.exp(x - x_max)
    return exp_x_shifted / np.sum(exp_x_shifted, axis=axis, keepdims=True)


def softmax_as_in_scipy_before(x, axis=-1):
    """As SciPy had it at first: through the logarithm of the sum."""
    return np.exp(x - np.logaddexp.reduce(x, axis=axis, keepdims=True))


def softmax_of_the_formula(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def softmax_of_one_vector(x):
    e_x = np.exp(x - np.max(x))
    return e_x / e_x.sum()


def softmax_of_one_vector_by_columns(x, axis=-1):
    """As an often-read answer of a question site has it, for columns."""
    e_x = np.exp(x - np.max(x))
    return e_x / e_x.sum(axis=0)


def softmax_with_swapped_axes(x, axis=-1):
    lines = np.moveaxis(np.asarray(x, dtype=np.result_type(x, np.float32)), axis, -1)
    lines = np.exp(lines - lines.max(axis=-1)[..., None])
    return np.moveaxis(lines / lines.sum(axis=-1)[..., None], -1, axis)


def softmax_with_a_guard(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / (np.sum(e, axis=axis, keepdims=True) + 1e-6)


def softmax_with_a_tiny_guard(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / (np.sum(e, axis=axis, keepdims=True) + 1e-12)


def softmax_rounded_to_four_decimals(x, axis=-1):
    return np.round(softmax_as_in_stanford_notes(x, axis), 4)


def softmax_filled_in_place(x, axis=-1):
    out = np.empty_like(x)
    np.subtract(x, np.max(x, axis=axis, keepdims=True), out=out)
    np.exp(out, out=out, casting="unsafe")
    return np.divide(out, out.sum(axis=axis, keepdims=True))


def log_softmax_of_courses(x, axis=-1):
    x_max = np.max(x, axis=axis, keepdims=True)
    return x - x_max - np.log(np.sum(np.exp(x - x_max), axis=axis, keepdims=True))


def log_softmax_as_in_scipy(x, axis=-1):
    x_max = np.amax(x, axis=axis, keepdims=True)
    x_max = np.where(np.isfinite(x_max), x_max, 0)
    tmp = x - x_max
    with np.errstate(divide="ignore"):
        return tmp - np.log(np.sum(np.exp(tmp), axis=axis, keepdims=True))


def log_softmax_by_two_functions(x, axis=-1):
    return np.log(softmax_as_in_stanford_notes(x, axis))


def log_softmax_of_the_formula(x, axis=-1):
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def rows(scores):
    return softmax_as_in_stanford_notes(scores)


def added(mask):
    """A float mask, from one of either kind."""
    return np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask


def masked_with_infinity(scores, mask):
    """As PyTorch's masked_fill with -inf, then softmax: NaN in an empty row."""
    return rows(scores if mask is None else scores + added(mask))


def masked_with_minus_a_billion(scores, mask):
    """As the annotated Transformer fills, with float masks added as PyTorch does."""
    if mask is None:
        return rows(scores)
    return rows(np.where(mask, scores, -1e9) if mask.dtype == bool else scores + mask)


def masked_by_adding_minus_a_billion(scores, mask):
    """As TensorFlow's tutorial adds its mask."""
    if mask is None:
        return rows(scores)
    return rows(scores + (1 - mask) * -1e9 if mask.dtype == bool else scores + mask)


def masked_with_the_smallest_float(scores, mask):
    if mask is None:
        return rows(scores)
    lowest = np.finfo(scores.dtype).min
    return rows(np.where(mask, scores, lowest) if mask.dtype == bool else np.maximum(scores + mask, lowest))


def masked_and_nan_to_zero(scores, mask):
    """As those write it who have met the NaN: replaced afterwards."""
    if mask is not None and mask.dtype.kind == "i":
        raise ValueError("a mask of integers")
    return np.nan_to_num(masked_with_infinity(scores, mask))


def masked_as_in_allen_nlp(scores, mask):
    """Multiply, softmax, multiply, renormalize."""
    if mask is None:
        return rows(scores)
    if mask.dtype != bool:
        return rows(scores + mask)
    result = rows(scores * mask) * mask
    return result / (result.sum(axis=-1, keepdims=True) + 1e-13)


def masked_and_renormalized(scores, mask):
    if mask is None:
        return rows(scores)
    weights = rows(scores) * (mask if mask.dtype == bool else np.exp(mask))
    return weights / weights.sum(axis=-1, keepdims=True)


def masked_and_renormalized_with_a_guard(scores, mask):
    if mask is None:
        return rows(scores)
    weights = rows(scores) * (mask if mask.dtype == bool else np.exp(mask))
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-8)


def masked_by_booleans_alone(scores, mask):
    return rows(np.where(mask, scores, -1e9))


def bits_at(scores, temperature):
    p = rows(np.asarray(scores, dtype=float) / temperature)
    p = p[p > 0]
    return -np.sum(p * np.log2(p))


def temperature_between_a_thousandth_and_a_thousand(scores, bits):
    low, high = 1e-3, 1e3
    for _ in range(100):
        middle = (low + high) / 2
        if bits_at(scores, middle) < bits:
            low = middle
        else:
            high = middle
    return middle


def temperature_by_growing_the_bracket(scores, bits):
    low = high = 1.0
    while bits_at(scores, low) > bits and low > 1e-12:
        low /= 2
    while bits_at(scores, high) < bits and high < 1e12:
        high *= 2
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if bits_at(scores, middle) < bits else (low, middle)
    return math.sqrt(low * high)


def softmax_along_an_axis(x, axis=-1):
    x = np.asarray(x, dtype=np.float64)
    return np.apply_along_axis(lambda r: np.exp(r - r.max()) / np.exp(r - r.max()).sum(), axis, x)


def softmax_of_masked_arrays(x, axis=-1):
    m = np.ma.masked_invalid(x)
    e = np.exp(m - m.max(axis=axis, keepdims=True))
    return (e / e.sum(axis=axis, keepdims=True)).filled(0)


def softmax_with_a_floor_under_the_sum(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.maximum(e.sum(axis=axis, keepdims=True), 1e-12)


def softmax_by_args_and_kwargs(*args, **kwargs):
    x = args[0]
    axis = kwargs.get("axis", args[1] if len(args) > 1 else -1)
    x = np.moveaxis(x, axis, 0)
    e = np.exp(x - x.max(0))
    return np.moveaxis(e / e.sum(0), 0, axis)


def log_softmax_by_logaddexp(x, axis=-1):
    return x - np.logaddexp.reduce(x, axis=axis, keepdims=True)


def masked_by_a_masked_array(scores, mask):
    if mask is None:
        mask = np.ones(1, bool)
    if np.issubdtype(mask.dtype, np.integer):
        raise ValueError("bool or float")
    allowed = mask if mask.dtype == bool else mask > -np.inf
    bias = 0 if mask.dtype == bool else np.where(allowed, mask, 0)
    m = np.ma.array(scores + bias, mask=np.broadcast_to(~allowed, scores.shape))
    e = np.exp(m - m.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).filled(0)


def masked_by_a_far_number_and_multiplied(scores, mask):
    s = scores.copy()
    m = np.broadcast_to(mask, s.shape)
    if m.dtype == bool:
        s[~m] = -1e30
    else:
        s += m
    p = rows(s)
    if m.dtype == bool:
        p = p * m
    return p


def masked_by_the_logarithm_of_the_mask(scores, mask):
    if mask is None:
        return rows(scores)
    if mask.dtype == bool:
        mask = np.log(mask.astype(scores.dtype))
    return np.nan_to_num(rows(scores + mask))


def temperature_with_a_guarded_logarithm(scores, bits):
    lo, hi = (0.0001, 10000.0)
    for _ in range(100):
        mid = math.sqrt(lo * hi)
        p = rows(scores / mid)
        H = -np.sum(p * np.log2(p + 1e-12))
        if bits > H:
            lo = mid
        else:
            hi = mid
    return mid


RAISES = "Raises ValueError, with the range, where no temperature reaches the given bits."


def softmax_shifted_by_the_minimum(x, axis=-1):
    e = np.exp(x - x.min(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def softmax_of_everything_unshifted(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x))


def softmax_with_a_millionth(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / (e.sum(axis=axis, keepdims=True) + 1e-6)


def softmax_in_complex_numbers(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True) + 0j)
    return e / e.sum(axis=axis, keepdims=True)


def softmax_that_is_always_even(x, axis=-1):
    return np.full(np.shape(x), 0.5)


def nan_to_the_ignored(logits, targets, ignore=-100):
    """PyTorch's order: log_softmax, gather, a weight of 0 or 1, and a division by their sum."""
    log_p = log_softmax_as_in_scipy(logits)
    weight = (targets != ignore).astype(logits.dtype)
    safe = np.where(targets == ignore, 0, targets)
    picked = np.take_along_axis(log_p, safe[..., None], axis=-1)[..., 0]
    return -(weight * picked).sum() / weight.sum()


def loss_of_stanford_notes(logits, targets, ignore=-100):
    """CS231n's: probabilities first, then their logarithm."""
    rows, y = logits.reshape(-1, logits.shape[-1]), targets.ravel()
    rows, y = rows[y != ignore], y[y != ignore]
    shifted = np.exp(rows - rows.max(axis=1, keepdims=True))
    p = shifted / shifted.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean()


def gradient_of_stanford_notes(logits, targets, ignore=-100):
    """CS231n's dscores: the probabilities, minus 1 at each target, divided by the number of examples."""
    rows, y = logits.reshape(-1, logits.shape[-1]), targets.ravel()
    kept = y != ignore
    dscores = np.exp(rows - rows.max(axis=1, keepdims=True))
    dscores /= dscores.sum(axis=1, keepdims=True)
    dscores[np.flatnonzero(kept), y[kept]] -= 1
    dscores[~kept] = 0
    return (dscores / kept.sum()).reshape(logits.shape)


def gradient_of_llm_c(logits, targets, ignore=-100):
    """llm.c's fused kernel, which divides by all places and ignores none."""
    p = np.exp(log_softmax_as_in_scipy(logits))
    indicator = np.arange(logits.shape[-1]) == targets[..., None]
    return (p - indicator) / targets.size


FORMS = [
    ("softmax", "Stanford's notes", softmax_as_in_stanford_notes, "edge", "a line of -inf gives NaN"),
    ("softmax", "picoGPT", softmax_as_in_pico_gpt, "wrong", "axis ignored"),
    ("softmax", "SciPy", softmax_as_in_scipy, "wrong", "all axes at once where none is named, as in SciPy"),
    ("softmax", "SciPy, earlier", softmax_as_in_scipy_before, "edge", "a line of -inf gives NaN"),
    ("softmax", "the formula", softmax_of_the_formula, "wrong", "no maximum subtracted"),
    ("softmax", "one vector", softmax_of_one_vector, "wrong", "the whole array normalized at once"),
    ("softmax", "columns", softmax_of_one_vector_by_columns, "wrong", "always the first axis"),
    ("softmax", "the axis moved", softmax_with_swapped_axes, "edge", "a line of -inf gives NaN"),
    ("softmax", "a guard", softmax_with_a_guard, "wrong", "a small constant added to the sum"),
    ("softmax", "a tiny guard", softmax_with_a_tiny_guard, "edge", "a line of -inf gives NaN"),
    ("softmax", "four decimals", softmax_rounded_to_four_decimals, "wrong", None),
    ("softmax", "filled in place", softmax_filled_in_place, "edge", "Integers become float64."),
    ("log_softmax", "courses", log_softmax_of_courses, "edge", "a line of -inf gives NaN"),
    ("log_softmax", "SciPy", log_softmax_as_in_scipy, "edge", "a line of -inf gives NaN"),
    (
        "log_softmax",
        "two functions",
        log_softmax_by_two_functions,
        "wrong",
        "the logarithm of a softmax that has rounded",
    ),
    ("log_softmax", "the formula", log_softmax_of_the_formula, "wrong", "overflow in the sum"),
    ("masked_softmax", "-inf", masked_with_infinity, "edge", "an empty row gives NaN"),
    ("masked_softmax", "-1e9", masked_with_minus_a_billion, "edge", "an empty row shares its weight equally"),
    ("masked_softmax", "-1e9 added", masked_by_adding_minus_a_billion, "edge", "an empty row sees everything"),
    (
        "masked_softmax",
        "the smallest float",
        masked_with_the_smallest_float,
        "edge",
        "an empty row shares its weight equally",
    ),
    ("masked_softmax", "NaN to zero", masked_and_nan_to_zero, "right", None),
    (
        "masked_softmax",
        "AllenNLP",
        masked_as_in_allen_nlp,
        "wrong",
        "hidden scores set to zero, then renormalized",
    ),
    (
        "masked_softmax",
        "renormalized",
        masked_and_renormalized,
        "wrong",
        "mask after the softmax, then renormalized",
    ),
    (
        "masked_softmax",
        "renormalized with a guard",
        masked_and_renormalized_with_a_guard,
        "wrong",
        "mask after the softmax, then renormalized with a guard",
    ),
    ("masked_softmax", "booleans alone", masked_by_booleans_alone, "wrong", "float mask read as a boolean"),
    (
        "temperature_for_entropy",
        "a fixed bracket",
        temperature_between_a_thousandth_and_a_thousand,
        "edge",
        "no temperature above 1,000 is tried",
    ),
    ("temperature_for_entropy", "a growing bracket", temperature_by_growing_the_bracket, "edge", RAISES),
    ("softmax", "np.apply_along_axis", softmax_along_an_axis, "edge", "a line of -inf gives NaN"),
    ("softmax", "masked arrays", softmax_of_masked_arrays, "right", None),
    ("softmax", "a floor under the sum", softmax_with_a_floor_under_the_sum, "edge", "a line of -inf gives NaN"),
    ("softmax", "args and kwargs", softmax_by_args_and_kwargs, "edge", "a line of -inf gives NaN"),
    ("log_softmax", "np.logaddexp", log_softmax_by_logaddexp, "edge", "a line of -inf gives NaN"),
    ("masked_softmax", "a masked array", masked_by_a_masked_array, "right", None),
    (
        "masked_softmax",
        "a far number, then the mask",
        masked_by_a_far_number_and_multiplied,
        "edge",
        "A row with nothing allowed gives zeros, never NaN.",
    ),
    (
        "masked_softmax",
        "the logarithm of the mask",
        masked_by_the_logarithm_of_the_mask,
        "edge",
        "Raises ValueError for a mask of integers.",
    ),
    (
        "temperature_for_entropy",
        "a guarded logarithm",
        temperature_with_a_guarded_logarithm,
        "edge",
        "The scores may be of any size, and T grows with them.",
    ),
    ("softmax", "the minimum", softmax_shifted_by_the_minimum, "wrong", "minimum subtracted instead of the maximum"),
    (
        "softmax",
        "all at once",
        softmax_of_everything_unshifted,
        "wrong",
        "exponentials divided by the sum of everything, without a shift",
    ),
    ("softmax", "1e-6", softmax_with_a_millionth, "wrong", "a small constant added to the sum"),
    ("softmax", "complex", softmax_in_complex_numbers, "wrong", None),
    ("softmax", "a constant", softmax_that_is_always_even, "wrong", None),
    ("cross_entropy", "gather and weights", nan_to_the_ignored, "edge", None),
    (
        "cross_entropy",
        "probabilities first",
        loss_of_stanford_notes,
        "wrong",
        "the logarithm of a softmax that has rounded to zero",
    ),
    (
        "cross_entropy_backward",
        "dscores",
        gradient_of_stanford_notes,
        "edge",
        "Raises ValueError whenever `cross_entropy` does.",
    ),
    ("cross_entropy_backward", "llm.c's kernel", gradient_of_llm_c, "wrong", "nothing is ignored"),
]
