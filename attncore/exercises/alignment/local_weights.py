"""A window and a bell."""

import math

import numpy as np

from attncore.alignment import local_weights
from attncore.exercises.alignment.cases import LARGE_SCORES
from attncore.exercises.exercise import case, code
from attncore.softmax import softmax


def window(name, half_width, center=None, *, lead=(), small=False, **how):
    """A case with one center for each row of scores: drawn from anywhere in the text, or the one that is given."""

    def centers(rng, s):
        drawn = rng.uniform(0, s.k - 1, lead) if center is None else np.full(lead, center)
        return np.asarray(np.round(drawn, 1)) if lead else np.float64(np.round(drawn, 1))

    return case(name, lead=lead, small=small, center=centers, half_width=half_width, **how)


EMPTY_WINDOW = "A window with no position inside gives zeros."
FAR_ABOVE_OUTSIDE = [500.0, 600, -400, -401, -399.5, -403, 450, 501, 1]  # those inside are the third to the sixth
exercise = code(
    local_weights,
    window("a small example", 1, 1.0, small=True, sizes={"k": 4}),
    window("another small example", 1.5, 2.2, small=True, sizes={"k": 5}),
    window("a longer memory", 2, 3.7, sizes={"k": 9}),
    window("a batch of two", 1.5, lead=(2,), small=True, sizes={"k": 4}),
    window("a batch of one", 1.5, lead=(1,), small=True, sizes={"k": 4}),
    window("two leading axes", 2.5, lead=(2, 4), sizes={"k": 9}),
    window("float32", 2, 3.3, sizes={"k": 9}, dtype=np.float32),
    window("a whole center and a whole half width", 2, 4.0, sizes={"k": 9}),
    window("a window over the start of the text", 3, 0.4, sizes={"k": 9}),
    window("a window over the end of the text", 3, 8.0, sizes={"k": 9}),
    window("a window wider than the text", 20, 2.5),
    window("a batch as large as the memory", 1.5, lead=(5,)),
    window("scores far above outside the window", 2, 3.4, scores=lambda rng, s: np.array(FAR_ABOVE_OUTSIDE)),
    window("scores in the thousands", 2, 3.4, promise=LARGE_SCORES, sizes={"k": 9}, magnitude=3000.0),
    window(
        "sentences of very different scores",
        2,
        1.0,
        lead=(2,),
        promise=LARGE_SCORES,
        scores=lambda rng, s: np.array([[0.0, 1, 2], [3000, 3001, 3002]]),
    ),
    window("nothing inside the window", 1, 6.5, promise=EMPTY_WINDOW),
    window("a half width of zero", 0, 2.0, promise="Raises ValueError unless the half width is positive."),
)


def offsets(scores, center):
    """How far each position lies from the center."""
    return np.arange(scores.shape[-1]) - np.asarray(center)[..., None]


def in_the_window(scores, center, half_width):
    """The softmax inside the window, without a bell."""
    return softmax(np.where(np.abs(offsets(scores, center)) <= half_width, scores, -np.inf))


@exercise.mistake("bell as wide as the window")
def bell_as_wide_as_the_window(scores, center, half_width):
    return in_the_window(scores, center, half_width) * np.exp(-0.5 * (offsets(scores, center) / half_width) ** 2)


@exercise.mistake("factor 2 missing in the bell")
def factor_2_missing_in_the_bell(scores, center, half_width):
    return in_the_window(scores, center, half_width) * np.exp(-((offsets(scores, center) / (half_width / 2)) ** 2))


@exercise.mistake("standard deviation not squared in the bell")
def standard_deviation_not_squared_in_the_bell(scores, center, half_width):
    return in_the_window(scores, center, half_width) * np.exp(-(offsets(scores, center) ** 2) / half_width)


@exercise.mistake("no window")
def no_window(scores, center, half_width):
    return softmax(scores) * np.exp(-2 * (offsets(scores, center) / half_width) ** 2)


@exercise.mistake("no bell")
def no_bell(scores, center, half_width):
    return in_the_window(scores, center, half_width)


@exercise.mistake("neither window nor bell")
def neither_window_nor_bell(scores, center, half_width):
    return softmax(scores)


@exercise.mistake("window rounded outwards")
def window_rounded_outwards(scores, center, half_width):
    distance = offsets(scores, center)
    start, end = np.floor(center - half_width), np.ceil(center + half_width)
    place = np.arange(scores.shape[-1])
    inside = (place >= start[..., None]) & (place <= end[..., None])
    return softmax(np.where(inside, scores, -np.inf)) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("window rounded outwards")
def start_of_the_window_rounded_down(scores, center, half_width):
    place = np.arange(scores.shape[-1])
    start, end = np.floor(center - half_width), np.floor(center + half_width)
    inside = (place >= start[..., None]) & (place <= end[..., None])
    return softmax(np.where(inside, scores, -np.inf)) * np.exp(-2 * (offsets(scores, center) / half_width) ** 2)


@exercise.mistake("renormalized afterwards")
def renormalized_afterwards(scores, center, half_width):
    weights = local_weights(scores, center, half_width)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


@exercise.mistake("center rounded")
def center_rounded(scores, center, half_width):
    return local_weights(scores, np.rint(center), half_width)


@exercise.mistake("softmax over everything, then cut")
def softmax_over_everything_then_cut(scores, center, half_width):
    distance = np.arange(scores.shape[-1]) - center[..., None]
    inside = np.abs(distance) <= half_width
    bell = np.exp(-(distance**2) / (2 * (half_width / 2) ** 2))
    return softmax(scores) * inside * bell


@exercise.mistake("softmax over everything, then cut and renormalized")
def softmax_over_everything_then_cut_and_renormalized(scores, center, half_width):
    distance = offsets(scores, center)
    weights = softmax(scores) * (np.abs(distance) <= half_width)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0, 1, total) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("scores outside set to zero, then cut and renormalized")
def scores_outside_set_to_zero_then_cut_and_renormalized(scores, center, half_width):
    distance = offsets(scores, center)
    inside = np.abs(distance) <= half_width
    weights = softmax(scores * inside) * inside
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-8) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("scores outside set to zero")
def scores_outside_set_to_zero(scores, center, half_width):
    distance = offsets(scores, center)
    return softmax(np.where(np.abs(distance) <= half_width, scores, 0)) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("bell on the scores")
def bell_on_the_scores(scores, center, half_width):
    distance = offsets(scores, center)
    return in_the_window(scores * np.exp(-2 * (distance / half_width) ** 2), center, half_width)


@exercise.mistake("edges of the window left out")
def edges_of_the_window_left_out(scores, center, half_width):
    distance = offsets(scores, center)
    hidden = np.where(np.abs(distance) < half_width, scores, -np.inf)
    return softmax(hidden) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("half width taken as the whole width")
def half_width_taken_as_the_whole_width(scores, center, half_width):
    bell = np.exp(-2 * (offsets(scores, center) / half_width) ** 2)
    return in_the_window(scores, center, half_width / 2) * bell


@exercise.mistake("window twice as wide")
def window_twice_as_wide(scores, center, half_width):
    bell = np.exp(-2 * (offsets(scores, center) / half_width) ** 2)
    return in_the_window(scores, center, half_width * 2) * bell


@exercise.mistake("an empty window shares its weight equally")
def an_empty_window_shares_its_weight_equally(scores, center, half_width):
    distance = offsets(scores, center)
    return softmax(np.where(np.abs(distance) <= half_width, scores, -1e9)) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("an empty window sees everything")
def an_empty_window_sees_everything(scores, center, half_width):
    distance = offsets(scores, center)
    hidden = scores + np.where(np.abs(distance) <= half_width, 0, -1e9)
    return softmax(hidden) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("large scores overflow")
def large_scores_overflow(scores, center, half_width):
    distance = offsets(scores, center)
    exponentials = np.exp(np.where(np.abs(distance) <= half_width, scores, -np.inf))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("an empty window gives NaN")
def an_empty_window_gives_NaN(scores, center, half_width):
    distance = offsets(scores, center)
    hidden = np.where(np.abs(distance) <= half_width, scores, -np.inf)
    exponentials = np.exp(hidden - hidden.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.mistake("batch lined up with the memory")
def batch_lined_up_with_the_memory(scores, center, half_width):
    distance = np.arange(scores.shape[-1]) - center
    hidden = np.where(np.abs(distance) <= half_width, scores, -np.inf)
    return softmax(hidden) * np.exp(-2 * (distance / half_width) ** 2)


@exercise.another_way
def hidden_by_minus_infinity(scores, center, half_width):
    offset = np.arange(scores.shape[-1]) - np.expand_dims(center, -1)
    hidden = np.where(np.abs(offset) > half_width, -np.inf, scores)
    return softmax(hidden) * np.exp(-2 * (offset / half_width) ** 2)


@exercise.another_way
def exponentials_of_the_inside_only(scores, center, half_width):
    offset = np.arange(scores.shape[-1]) - center[..., None]
    inside = np.abs(offset) <= half_width
    top = np.max(scores, axis=-1, keepdims=True, where=inside, initial=-1e30)
    heights = np.exp(np.minimum(scores - top, 0)) * inside
    total = heights.sum(axis=-1, keepdims=True)
    return heights / np.where(total > 0, total, 1) / np.exp(2 * (offset / half_width) ** 2)


@exercise.another_way
def position_by_position(scores, center, half_width):
    if scores.ndim > 1:
        return [position_by_position(s, c, half_width) for s, c in zip(scores, center, strict=True)]
    inside = [j for j in range(len(scores)) if abs(j - center) <= half_width]
    weights = [0.0] * len(scores)
    for j, weight in zip(inside, softmax(scores[inside]) if inside else [], strict=True):
        weights[j] = weight * math.exp(-0.5 * ((j - center) / (half_width / 2)) ** 2)
    return weights
