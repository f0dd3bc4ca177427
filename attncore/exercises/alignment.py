"""Lesson 03: scores of a decoder's state against a memory, the window, and the context."""

import math

import numpy as np

from attncore.alignment import (
    additive_scores,
    align,
    concat_scores,
    dot_scores,
    general_scores,
    local_weights,
)
from attncore.exercises.exercise import Exercise, Lesson, case, cases
from attncore.shapes import shaped
from attncore.softmax import softmax
from attncore.weighted_sum import weighted_sum

lesson = Lesson("03_alignment")


far_apart = {"scores": lambda rng, s: np.array([[0.0, 1, 2], [3000, 3001, 3002]])}
far_apart |= {"memory": lambda rng, s: np.array([[[1.0, 0], [0, 2], [3, 1]], [[2.0, 1], [0, 1], [1, 5]]])}


def more_cases(reference, **square):
    """What every score gets: a batch that could be taken for the memory, widths that fit both ways, large numbers."""
    crowded = "a batch as large as the memory"
    more = [
        case(reference, crowded, lead=(5,), stage=crowded),
        case(reference, "a memory of one state", sizes={"k": 1}),
        case(reference, "numbers close to zero", magnitude=0.2),
        case(reference, "large numbers", magnitude=30.0, stage="large numbers"),
    ]
    return more + ([case(reference, "widths that agree", sizes=square)] if square else [])


contexts = lesson.code(
    align,
    cases(
        align,
        *more_cases(align),
        case(align, "sentences of very different scores", stage="scores in the thousands", **far_apart),
        case(align, "as many states as numbers in each", sizes={"m": 5}),
        case(align, "equal scores", small=True, scores=lambda rng, s: np.zeros(s.k)),
        case(align, "scores in the thousands", magnitude=3000.0, stage="scores in the thousands"),
    ),
)


@contexts.mistake
def no_softmax(scores, memory):
    return np.einsum("...k,...km->...m", scores, memory)


@contexts.mistake
def scores_divided_by_their_sum(scores, memory):
    weights = scores / scores.sum(axis=-1, keepdims=True)
    return (weights[..., None] * memory).sum(axis=-2)


@contexts.mistake
def softmax_over_the_first_axis(scores, memory):
    weights = softmax(scores, axis=0)
    return (weights[..., None] * memory).sum(axis=-2)


@contexts.mistake
def exponentials_not_divided(scores, memory):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (weights[..., None] * memory).sum(axis=-2)


@contexts.mistake
def only_the_best_state(scores, memory):
    best = np.argmax(scores, axis=-1)
    return np.take_along_axis(memory, best[..., None, None], axis=-2)[..., 0, :]


@contexts.mistake
def the_last_state_whatever_the_scores(scores, memory):
    return memory[..., -1, :]


@contexts.mistake
def the_plain_mean_of_the_memory(scores, memory):
    return memory.mean(axis=-2)


@contexts.mistake
def mean_instead_of_sum(scores, memory):
    return (softmax(scores)[..., None] * memory).mean(axis=-2)


@contexts.mistake
def weighted_states_never_added_up(scores, memory):
    return softmax(scores)[..., None] * memory


@contexts.mistake
def weights_of_each_sentence_on_every_memory(scores, memory):
    return softmax(scores) @ memory


@contexts.mistake
def large_scores_overflow(scores, memory):
    exponentials = np.exp(scores)
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return (weights[..., None] * memory).sum(axis=-2)


@contexts.another_way
def as_a_weighted_sum(scores, memory):
    one_row = softmax(scores)[..., None, :]
    return weighted_sum(one_row, memory)[..., 0, :]


@contexts.another_way
def add_up_then_divide(scores, memory):
    heights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total = np.einsum("...k,...km->...m", heights, memory)
    return total / heights.sum(axis=-1, keepdims=True)


@contexts.another_way
def lists_and_loops(scores, memory):
    if np.ndim(scores) > 1:
        return [lists_and_loops(s, m) for s, m in zip(scores, memory, strict=True)]
    top = max(scores)
    heights = [math.exp(score - top) for score in scores]
    columns = zip(*memory, strict=True)
    return [sum(h * x for h, x in zip(heights, column, strict=True)) / sum(heights) for column in columns]


additive = lesson.code(additive_scores, cases(additive_scores, *more_cases(additive_scores, s=4, m=4, a=4)))


@additive.mistake
def product_instead_of_sum(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state.T)[..., None, :] * (memory @ W_memory.T)) @ v


@additive.mistake
def no_tanh(state, memory, W_state, W_memory, v):
    return ((state @ W_state.T)[..., None, :] + memory @ W_memory.T) @ v


@additive.mistake
def tanh_of_each_term_before_the_sum(state, memory, W_state, W_memory, v):
    return (np.tanh(state @ W_state.T)[..., None, :] + np.tanh(memory @ W_memory.T)) @ v


@additive.mistake
def tanh_around_the_finished_score(state, memory, W_state, W_memory, v):
    return np.tanh(((state @ W_state.T)[..., None, :] + memory @ W_memory.T) @ v)


@additive.mistake
def state_never_used(state, memory, W_state, W_memory, v):
    return np.tanh(memory @ W_memory.T) @ v


@additive.mistake
def hidden_units_added_without_v(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T).sum(axis=-1)


@additive.mistake
def sigmoid_instead_of_tanh(state, memory, W_state, W_memory, v):
    hidden = (state @ W_state.T)[..., None, :] + memory @ W_memory.T
    return 1 / (1 + np.exp(-hidden)) @ v


@additive.mistake
def weights_applied_from_the_right(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state)[..., None, :] + memory @ W_memory) @ v


@additive.mistake
def batch_lined_up_with_the_memory(state, memory, W_state, W_memory, v):
    asked = state @ W_state.T
    offered = memory @ W_memory.T
    return np.tanh(asked + offered) @ v


@additive.mistake
def divided_by_the_square_root_of_the_width(state, memory, W_state, W_memory, v):
    return additive_scores(state, memory, W_state, W_memory, v) / math.sqrt(len(v))


@additive.mistake
def softmax_already_applied(state, memory, W_state, W_memory, v):
    return softmax(additive_scores(state, memory, W_state, W_memory, v))


@additive.another_way
def with_einsum(state, memory, W_state, W_memory, v):
    asked = np.einsum("as,...s->...a", W_state, state)
    offered = np.einsum("am,...km->...ka", W_memory, memory)
    hidden = np.tanh(asked[..., None, :] + offered)
    return np.einsum("a,...ka->...k", v, hidden)


@additive.another_way
def state_by_state(state, memory, W_state, W_memory, v):
    if state.ndim > 1:
        pairs = zip(state, memory, strict=True)
        return [state_by_state(one, states, W_state, W_memory, v) for one, states in pairs]
    return [v @ np.tanh(W_state @ state + W_memory @ remembered) for remembered in memory]


@additive.another_way
def one_matrix_for_both(state, memory, W_state, W_memory, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    joined = np.concatenate([repeated, memory], axis=-1)
    return np.tanh(joined @ np.hstack([W_state, W_memory]).T) @ v


dots = lesson.code(
    dot_scores, cases(dot_scores, *more_cases(dot_scores), case(dot_scores, "as wide as long", sizes={"m": 5}))
)


@dots.mistake
def divided_by_the_square_root_of_the_width(state, memory):
    return dot_scores(state, memory) / math.sqrt(state.shape[-1])


@dots.mistake
def cosine_instead_of_dot_product(state, memory):
    state = state / np.linalg.norm(state, axis=-1, keepdims=True)
    return dot_scores(state, memory / np.linalg.norm(memory, axis=-1, keepdims=True))


@dots.mistake
def products_never_added_up(state, memory):
    return state[..., None, :] * memory


@dots.mistake
def batch_lined_up_with_the_memory(state, memory):
    return (state * memory).sum(axis=-1)


@dots.mistake
def distance_instead_of_dot_product(state, memory):
    return np.linalg.norm(state[..., None, :] - memory, axis=-1)


@dots.mistake
def softmax_already_applied(state, memory):
    return softmax(dot_scores(state, memory))


@dots.mistake
def right_for_one_sentence_only(state, memory):
    return memory @ state


@dots.mistake
def axis_of_one_left_in(state, memory):
    return memory @ state[..., None]


@dots.another_way
def multiply_then_add(state, memory):
    return (state[..., None, :] * memory).sum(axis=-1)


@dots.another_way
def with_einsum(state, memory):
    return np.einsum("...m,...km->...k", state, memory)


@dots.another_way
def one_product_after_another(state, memory):
    if state.ndim > 1:
        return [one_product_after_another(one, states) for one, states in zip(state, memory, strict=True)]
    return [sum(x * y for x, y in zip(state, remembered, strict=True)) for remembered in memory]


generals = lesson.code(general_scores, cases(general_scores, *more_cases(general_scores, s=12)))


@generals.mistake
def W_transposed(state, memory, W):
    return np.einsum("...s,ms,...km->...k", state, W, memory)


@generals.mistake
def W_never_used(state, memory, W):
    return np.einsum("...m,...km->...k", state, memory)


@generals.mistake
def squashed_by_a_tanh(state, memory, W):
    return dot_scores(np.tanh(state @ W), memory)


@generals.mistake
def divided_by_the_square_root_of_the_width(state, memory, W):
    return general_scores(state, memory, W) / math.sqrt(memory.shape[-1])


@generals.mistake
def batch_lined_up_with_the_memory(state, memory, W):
    return (state @ W * memory).sum(axis=-1)


@generals.mistake
def softmax_already_applied(state, memory, W):
    return softmax(general_scores(state, memory, W))


@generals.another_way
def memory_brought_to_the_state(state, memory, W):
    return dot_scores(state, memory @ W.T)


@generals.another_way
def in_one_einsum(state, memory, W):
    return np.einsum("...s,sm,...km->...k", state, W, memory)


@generals.another_way
def one_pair_after_another(state, memory, W):
    if state.ndim > 1:
        return [one_pair_after_another(one, states, W) for one, states in zip(state, memory, strict=True)]
    return [state @ W @ remembered for remembered in memory]


concats = lesson.code(
    concat_scores,
    cases(
        concat_scores,
        *more_cases(concat_scores),
        case(concat_scores, "a square W", sizes={"a": 19}),
        case(concat_scores, "state and memory of one width", sizes={"s": 4, "m": 4, "s+m": 8}),
    ),
)


@concats.mistake
def memory_first(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.tanh(np.concatenate([memory, repeated], axis=-1) @ W.T) @ v


@concats.mistake
def no_tanh(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.concatenate([repeated, memory], axis=-1) @ W.T @ v


@concats.mistake
def tanh_around_the_finished_score(state, memory, W, v):
    return np.tanh(no_tanh(state, memory, W, v))


@concats.mistake
def tanh_before_W(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.tanh(np.concatenate([repeated, memory], axis=-1)) @ W.T @ v


@concats.mistake
def hidden_units_added_without_v(state, memory, W, v):
    return concat_scores(state, memory, W, np.ones_like(v))


@concats.mistake
def W_applied_from_the_right(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.tanh(np.concatenate([repeated, memory], axis=-1) @ W) @ v


@concats.mistake
def state_part_of_W_never_used(state, memory, W, v):
    return np.tanh(memory @ W[:, state.shape[-1] :].T) @ v


@concats.mistake
def softmax_already_applied(state, memory, W, v):
    return softmax(concat_scores(state, memory, W, v))


@concats.another_way
def really_joined(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    joined = np.concatenate([repeated, memory], axis=-1)
    return np.tanh(joined @ W.T) @ v


@concats.another_way
def each_pair_joined(state, memory, W, v):
    if state.ndim > 1:
        return [each_pair_joined(one, states, W, v) for one, states in zip(state, memory, strict=True)]
    return [v @ np.tanh(W @ np.concatenate([state, remembered])) for remembered in memory]


@concats.another_way
def cut_in_two(state, memory, W, v):
    W_state, W_memory = np.split(W, [state.shape[-1]], axis=1)
    return np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T) @ v


def window(name, half_width, center=None, *, lead=(), small=False, **how):
    """A case with one center for each row of scores: drawn from anywhere in the text, or the one that is given."""

    def centers(rng, s):
        drawn = rng.uniform(0, s.k - 1, lead) if center is None else np.full(lead, center)
        return np.asarray(np.round(drawn, 1)) if lead else np.float64(np.round(drawn, 1))

    return case(local_weights, name, lead=lead, small=small, center=centers, half_width=half_width, **how)


windows = lesson.code(
    local_weights,
    [
        window("a small example", 1, 1.0, small=True, sizes={"k": 4}),
        window("another small example", 1.5, 2.2, small=True, sizes={"k": 5}),
        window("a longer memory", 2, 3.7, sizes={"k": 9}),
        window("a batch of two", 1.5, lead=(2,), small=True, sizes={"k": 4}),
        window("a batch of one", 1.5, lead=(1,), small=True, sizes={"k": 4}),
        window("two leading axes", 2.5, lead=(2, 4), sizes={"k": 9}),
        window("float32", 2, 3.3, sizes={"k": 9}, dtype=np.float32),
        window("a whole center and a whole half width", 2, 4.0, sizes={"k": 9}, stage="positions on the edge"),
        window("a window over the start of the text", 3, 0.4, sizes={"k": 9}, stage="the start of the text"),
        window("a window over the end of the text", 3, 8.0, sizes={"k": 9}, stage="the end of the text"),
        window("a window wider than the text", 20, 2.5, stage="a very wide window"),
        window("a batch as large as the memory", 1.5, lead=(5,), stage="a batch as large as the memory"),
        window("scores in the thousands", 2, 3.4, sizes={"k": 9}, magnitude=3000.0, stage="scores in the thousands"),
        window(
            "sentences of very different scores",
            2,
            1.0,
            lead=(2,),
            scores=lambda rng, s: np.array([[0.0, 1, 2], [3000, 3001, 3002]]),
            stage="scores in the thousands",
        ),
        window("nothing inside the window", 1, 6.5, stage="an empty window"),
    ],
)


def offsets(scores, center):
    """How far each position lies from the center."""
    return np.arange(scores.shape[-1]) - np.asarray(center)[..., None]


def in_the_window(scores, center, half_width):
    """The softmax inside the window, without a bell."""
    return softmax(np.where(np.abs(offsets(scores, center)) <= half_width, scores, -np.inf))


@windows.mistake
def bell_as_wide_as_the_window(scores, center, half_width):
    return in_the_window(scores, center, half_width) * np.exp(-0.5 * (offsets(scores, center) / half_width) ** 2)


@windows.mistake
def factor_2_missing_in_the_bell(scores, center, half_width):
    return in_the_window(scores, center, half_width) * np.exp(-((offsets(scores, center) / (half_width / 2)) ** 2))


@windows.mistake
def no_window(scores, center, half_width):
    return softmax(scores) * np.exp(-2 * (offsets(scores, center) / half_width) ** 2)


@windows.mistake
def no_bell(scores, center, half_width):
    return in_the_window(scores, center, half_width)


@windows.mistake
def neither_window_nor_bell(scores, center, half_width):
    return softmax(scores)


@windows.mistake
def window_rounded_outwards(scores, center, half_width):
    distance = offsets(scores, center)
    start, end = np.floor(center - half_width), np.ceil(center + half_width)
    place = np.arange(scores.shape[-1])
    inside = (place >= start[..., None]) & (place <= end[..., None])
    return softmax(np.where(inside, scores, -np.inf)) * np.exp(-2 * (distance / half_width) ** 2)


@windows.mistake
def renormalised_afterwards(scores, center, half_width):
    weights = local_weights(scores, center, half_width)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


@windows.mistake
def center_rounded(scores, center, half_width):
    return local_weights(scores, np.rint(center), half_width)


@windows.mistake
def softmax_over_everything_then_cut(scores, center, half_width):
    distance = np.arange(scores.shape[-1]) - center[..., None]
    inside = np.abs(distance) <= half_width
    bell = np.exp(-(distance**2) / (2 * (half_width / 2) ** 2))
    return softmax(scores) * inside * bell


@windows.mistake
def scores_outside_set_to_zero(scores, center, half_width):
    distance = offsets(scores, center)
    return softmax(np.where(np.abs(distance) <= half_width, scores, 0)) * np.exp(-2 * (distance / half_width) ** 2)


@windows.mistake
def bell_on_the_scores(scores, center, half_width):
    distance = offsets(scores, center)
    return in_the_window(scores * np.exp(-2 * (distance / half_width) ** 2), center, half_width)


@windows.mistake
def edges_of_the_window_left_out(scores, center, half_width):
    distance = offsets(scores, center)
    hidden = np.where(np.abs(distance) < half_width, scores, -np.inf)
    return softmax(hidden) * np.exp(-2 * (distance / half_width) ** 2)


@windows.mistake
def half_width_taken_as_the_whole_width(scores, center, half_width):
    bell = np.exp(-2 * (offsets(scores, center) / half_width) ** 2)
    return in_the_window(scores, center, half_width / 2) * bell


@windows.mistake
def empty_window_gives_nan(scores, center, half_width):
    distance = offsets(scores, center)
    hidden = np.where(np.abs(distance) <= half_width, scores, -np.inf)
    exponentials = np.exp(hidden - hidden.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) * np.exp(-2 * (distance / half_width) ** 2)


@windows.mistake
def batch_lined_up_with_the_memory(scores, center, half_width):
    distance = np.arange(scores.shape[-1]) - center
    hidden = np.where(np.abs(distance) <= half_width, scores, -np.inf)
    return softmax(hidden) * np.exp(-2 * (distance / half_width) ** 2)


@windows.another_way
def hidden_by_minus_infinity(scores, center, half_width):
    offset = np.arange(scores.shape[-1]) - np.expand_dims(center, -1)
    hidden = np.where(np.abs(offset) > half_width, -np.inf, scores)
    return softmax(hidden) * np.exp(-2 * (offset / half_width) ** 2)


@windows.another_way
def exponentials_of_the_inside_only(scores, center, half_width):
    offset = np.arange(scores.shape[-1]) - center[..., None]
    inside = np.abs(offset) <= half_width
    top = np.max(scores, axis=-1, keepdims=True, where=inside, initial=-1e30)
    heights = np.exp(np.minimum(scores - top, 0)) * inside
    total = heights.sum(axis=-1, keepdims=True)
    return heights / np.where(total > 0, total, 1) / np.exp(2 * (offset / half_width) ** 2)


@windows.another_way
def position_by_position(scores, center, half_width):
    if scores.ndim > 1:
        return [position_by_position(s, c, half_width) for s, c in zip(scores, center, strict=True)]
    inside = [j for j in range(len(scores)) if abs(j - center) <= half_width]
    weights = [0.0] * len(scores)
    for j, weight in zip(inside, softmax(scores[inside]) if inside else [], strict=True):
        weights[j] = weight * math.exp(-0.5 * ((j - center) / (half_width / 2)) ** 2)
    return weights


@shaped("(...,s),(...,k,m),(a,s),(a,m),(a)->(...,m)")
def additive_context(state, memory, W_state, W_memory, v):
    """Return the context of one step: additive scores, softmax, the weighted mean of the memory.

    The context is as wide as the memory, however wide the hidden layer. Bahdanau et al. (2014).
    """
    return align(additive_scores(state, memory, W_state, W_memory, v), memory)


# Asked only with its bug: no mistake of a single function shows which memory the context is made of.
steps = Exercise(
    "additive_context",
    "code",
    lesson.name,
    additive_context,
    cases(additive_context, *more_cases(additive_context, s=4, m=4, a=4)),
)


@steps.mistake
def context_from_the_projected_memory(state, memory, W_state, W_memory, v):
    asked = (state @ W_state.T)[..., None, :]
    memory = memory @ W_memory.T
    scores = np.tanh(asked + memory) @ v
    return align(scores, memory)


@steps.mistake
def context_from_the_hidden_layer(state, memory, W_state, W_memory, v):
    hidden = np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T)
    return align(hidden @ v, hidden)


@steps.another_way
def in_three_lines(state, memory, W_state, W_memory, v):
    hidden = np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T)
    weights = softmax(hidden @ v)
    return (weights[..., None] * memory).sum(axis=-2)


lesson.debug("fix_additive_context", steps, context_from_the_projected_memory)
lesson.debug("fix_additive_scores", additive, batch_lined_up_with_the_memory)
lesson.debug("fix_local_weights", windows, softmax_over_everything_then_cut)
lesson.debug("fix_align", contexts, softmax_over_the_first_axis)

lesson.numeric(
    "additive-parameters",
    lambda: 1000 * 1000 + 1000 * 2000 + 1000,
    tolerance=1e-6,
    memory_taken_to_be_as_wide_as_the_state=lambda: 1000 * 1000 + 1000 * 1000 + 1000,
    v_forgotten=lambda: 1000 * 1000 + 1000 * 2000,
)
lesson.numeric(
    "hidden-bytes",
    lambda: 64 * 64 * 1024 * 4,
    the_scores_alone=lambda: 64 * 64 * 4,
    numbers_not_bytes=lambda: 64 * 64 * 1024,
    one_target_word_only=lambda: 64 * 1024 * 4,
)
lesson.numeric(
    "window-scores",
    lambda: 21,
    center_left_out=lambda: 20,
    one_side_only=lambda: 11,
)
lesson.numeric(
    "height-at-the-edge",
    lambda: math.sqrt(math.log(2) / 2),
    bell_as_wide_as_the_window=lambda: math.sqrt(2 * math.log(2)),
    the_two_under_the_line_forgotten=lambda: math.sqrt(math.log(2)) / 2,
    root_not_taken=lambda: math.log(2) / 2,
    a_straight_line=lambda: 0.5,
)
lesson.predict(
    "linear-additive",
    lambda: "nothing",
    all_of_it_kept=lambda: "which states get the weight",
    the_sharpness=lambda: "how sharp the weights are",
)
lesson.predict(
    "score-shape",
    lambda: (2, 5),
    hidden_layer_kept=lambda: (2, 5, 4),
    one_number_a_hidden_unit=lambda: (2, 4),
    width_of_the_memory=lambda: (2, 12),
)
lesson.predict(
    "sum-under-the-bell",
    lambda: "less than one",
    still_one=lambda: "exactly one",
    a_sum_above_one=lambda: "more than one",
)
lesson.predict("window-at-the-edge", lambda: 3, window_not_cut=lambda: 5, edge_left_out=lambda: 2)
lesson.explain(
    "why-read-backwards",
    "bahdanau-or-luong",
    "what-the-tanh-is-for",
    "global-or-local",
    "is-it-an-alignment",
    "attention-in-speech",
)
