"""Lesson 05: self-attention, and what reaches what."""

import math

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Lesson, case, cases
from attncore.exercises.softmax import mask_cases
from attncore.self_attention import influence, path_length, permutation_gap, self_attention
from attncore.softmax import softmax

lesson = Lesson("05_self_attention")

SQUARE = {"n": 4, "m": 4, "d": 4, "v": 4}


def token_masks(reference):
    """mask_cases speak of q and k; here both are the n tokens."""
    return mask_cases(reference, sizes={"q": 3, "k": 3, "n": 3})


layer = lesson.code(
    self_attention,
    cases(
        self_attention,
        case(self_attention, "a square of everything", sizes=SQUARE),
        case(self_attention, "larger numbers", magnitude=3.0, stage="large scores"),
        *token_masks(self_attention),
    ),
)


@layer.mistake
def input_returned(x, W_query, W_key, W_value, mask=None):
    return x


@layer.mistake
def no_scale(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, 1.0)


@layer.mistake
def square_root_of_the_model_width(x, W_query, W_key, W_value, mask=None):
    scale = 1 / math.sqrt(x.shape[-1])
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, scale)


@layer.mistake
def weights_transposed(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query.T, x @ W_key.T, x @ W_value.T, mask)


@layer.mistake
def query_weights_used_for_the_key(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_query, x @ W_value, mask)


@layer.mistake
def queries_and_keys_swapped(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_key, x @ W_query, x @ W_value, mask)


@layer.mistake
def value_not_projected(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x, mask)


@layer.mistake
def nothing_projected(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x, x, x, mask)


@layer.mistake
def softmax_over_the_queries(x, W_query, W_key, W_value, mask=None):
    query, key, value = x @ W_query, x @ W_key, x @ W_value
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores, axis=-2) @ value


@layer.mistake
def mask_dropped(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value)


@layer.mistake
def mask_inverted(x, W_query, W_key, W_value, mask=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


@layer.mistake
def residual_added(x, W_query, W_key, W_value, mask=None):
    out = scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)
    return out + x if out.shape == x.shape else out + x @ W_value


@layer.mistake
def values_not_mixed(x, W_query, W_key, W_value, mask=None):
    return x @ W_value


@layer.another_way
def weights_folded_together(x, W_query, W_key, W_value, mask=None):
    scores = x @ (W_query @ W_key.T) @ x.swapaxes(-1, -2) / W_query.shape[1] ** 0.5
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores) @ x @ W_value


@layer.another_way
def one_product_for_all_three(x, W_query, W_key, W_value, mask=None):
    width = W_query.shape[1]
    query, key, value = np.split(x @ np.hstack([W_query, W_key, W_value]), [width, 2 * width], axis=-1)
    return scaled_dot_product_attention(query, key, value, mask)


def plain_attention(x):
    """Self-attention with fixed weights and no positions: it does not care about order."""
    return scaled_dot_product_attention(x, 0.5 * x, x + 1)


def with_positions(x):
    """Self-attention on tokens that carry their position."""
    place = np.arange(x.shape[-2])[:, None]
    return plain_attention(x + 0.3 * place)


def running_sum(x):
    """A recurrence: each output adds its own token to all before it."""
    return np.cumsum(x, axis=-2)


def running_average(x):
    """A recurrence that forgets half at every step."""
    out = np.array(x, dtype=float)
    for i in range(1, len(out)):
        out[i] = 0.5 * out[i - 1] + 0.5 * x[i]
    return out


def neighbours(x):
    """A convolution over each token and the two beside it, zeros beyond the ends."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    return 0.2 * padded[:-2] + 0.5 * padded[1:-1] + 0.3 * padded[2:]


def next_token(x):
    """Each output sees only the token after it; the last sees itself."""
    return np.vstack([x[1:], x[-1:]])


def only_itself(x):
    """A layer that mixes nothing between tokens."""
    return np.tanh(x)


def causal_average(x):
    """The mean of all tokens so far."""
    return np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, None]


def first_and_last(x):
    """Every output sees the first and the last token, and itself."""
    return x + x[0] - 0.5 * x[-1]


def normalised_causal(x):
    """A layer norm, then the mean so far: adding a constant to a token changes nothing."""
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return causal_average(normal)


def normalised_mean(x):
    """A layer norm, then the mean of all tokens: it leaks, but no constant added to a token shows it."""
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return normal + normal.mean(axis=0)


def one_coordinate(x):
    """Only the last number of a token reaches the token before it, and only its first number."""
    out = np.tanh(x)
    out[:-1, 0] += x[1:, -1]
    return out


def opposite_coordinates(x):
    """The first number of a token moves two numbers of the token before it, by amounts that cancel."""
    out = np.tanh(x)
    out[:-1, -1] += x[1:, 0]
    out[:-1, 1] -= x[1:, 0]
    return out


def first_pair(x):
    """A causal sum in which token 1 alone leaks, into output 0."""
    out = np.cumsum(x, axis=0)
    out[0] += 0.01 * x[1]
    return out


def last_to_first(x):
    """A causal sum in which the last token alone leaks, into output 0."""
    out = np.cumsum(x, axis=0)
    out[0] += 0.01 * x[-1]
    return out


def rounding_noise(x):
    """A causal sum with a trace of everything, far below what counts."""
    return np.cumsum(x, axis=0) + 1e-13 * x.sum(axis=0)


LAYERS = (
    plain_attention,
    with_positions,
    running_average,
    neighbours,
    causal_average,
    next_token,
    only_itself,
    first_and_last,
    one_coordinate,
    opposite_coordinates,
    first_pair,
    last_to_first,
    rounding_noise,
)


def layer_cases(reference, layers, **given):
    """A case for each layer on a small input and one on a longer."""
    named = [(f.__name__.replace("_", " "), f) for f in layers]
    small = [(name, f, 3, 3, True) for name, f in named]  # of width 2 a layer norm leaves nothing but signs
    longer = [(f"{name}, six tokens", f, 6, 5, False) for name, f in named]
    return [
        case(
            reference,
            name,
            small=is_small,
            layer=lambda rng, s, f=f: f,
            sizes={"n": n, "m": m},
            x=lambda rng, s: np.round(rng.standard_normal((s.n, s.m)), 1),
            **given,
        )
        for name, f, n, m, is_small in small + longer
    ]


def shuffled(rng, s):
    order = np.roll(np.arange(s.n), 1)
    order[:2] = order[1::-1]
    return order


gaps = lesson.code(
    permutation_gap,
    layer_cases(
        permutation_gap, (with_positions, plain_attention, running_sum, neighbours, first_and_last), order=shuffled
    ),
)


@gaps.mistake
def input_not_permuted(layer, x, order):
    return np.abs(layer(x) - layer(x)[order]).max()


@gaps.mistake
def output_not_permuted(layer, x, order):
    return np.abs(layer(x[order]) - layer(x)).max()


@gaps.mistake
def output_permuted_the_other_way(layer, x, order):
    return np.abs(layer(x[order]) - layer(x)[np.argsort(order)]).max()


@gaps.mistake
def mean_instead_of_largest(layer, x, order):
    return np.abs(layer(x[order]) - layer(x)[order]).mean()


@gaps.mistake
def sign_kept(layer, x, order):
    return (layer(x[order]) - layer(x)[order]).max()


@gaps.mistake
def widths_permuted_instead_of_tokens(layer, x, order):
    columns = np.argsort(order)[: x.shape[-1]].argsort()
    return np.abs(layer(x[:, columns]) - layer(x)[:, columns]).max()


@gaps.mistake
def root_mean_square(layer, x, order):
    return np.sqrt(np.mean((layer(x[order]) - layer(x)[order]) ** 2))


@gaps.another_way
def with_infinity_norm(layer, x, order):
    before = layer(np.take(x, order, axis=0))
    after = np.take(layer(x), order, axis=0)
    return np.linalg.norm((before - after).ravel(), np.inf)


@gaps.another_way
def put_back_in_order(layer, x, order):
    restored = np.empty_like(x, dtype=float)
    restored[order] = layer(x[order])
    return max(abs(float(gap)) for gap in (restored - layer(x)).ravel())


reach = lesson.code(influence, layer_cases(influence, (causal_average, *LAYERS, normalised_causal)))


@reach.mistake
def rows_and_columns_swapped(layer, x):
    return influence(layer, x).T


@reach.mistake
def constant_step_undone_by_a_norm(layer, x):
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved = x.copy()
        moved[j] += 1e-3
        reached[:, j] = np.abs(layer(moved) - layer(x)).max(axis=-1) > 1e-9
    return reached


@reach.mistake
def own_token_left_out(layer, x):
    return influence(layer, x) & ~np.eye(len(x), dtype=bool)


@reach.mistake
def size_instead_of_yes_or_no(layer, x):
    step = 0.01 * np.linspace(1, 2, x.shape[-1])
    still = layer(x)
    columns = []
    for j in range(len(x)):
        moved = x.copy()
        moved[j] += step
        columns.append(np.abs(layer(moved) - still).max(axis=-1))
    return np.stack(columns, axis=1)


@reach.mistake
def changes_left_standing(layer, x):
    moved, still = x.copy(), layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved[j] += 0.01 * np.linspace(1, 2, x.shape[-1])
        reached[:, j] = np.abs(layer(moved) - still).max(axis=-1) > 1e-9
    return reached


@reach.mistake
def rounding_counted_as_a_change(layer, x):
    step = 0.01 * np.linspace(1, 2, x.shape[-1])
    still = layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved = x.copy()
        moved[j] += step
        reached[:, j] = (layer(moved) != still).any(axis=-1)
    return reached


@reach.mistake
def everything_said_to_reach_everything(layer, x):
    return np.ones((len(x), len(x)), dtype=bool)


@reach.mistake
def earlier_tokens_only(layer, x):
    return np.tril(influence(layer, x))


@reach.mistake
def unchanged_marked_true(layer, x):
    return ~influence(layer, x)


@reach.another_way
def replaced_by_another_token(layer, x):
    tokens = np.arange(len(x))
    still = layer(x)
    changed = [layer(np.where((tokens == j)[:, None], x[::-1, ::-1] + 0.7 * np.arange(x.shape[1]), x)) for j in tokens]
    return np.array([[np.any(np.abs(out[i] - still[i]) > 1e-9) for out in changed] for i in tokens])


@reach.another_way
def one_coordinate_after_another(layer, x):
    still = layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j, c in np.ndindex(x.shape):
        moved = x.copy()
        moved[j, c] += 0.05
        reached[:, j] |= (np.abs(layer(moved) - still) > 1e-9).any(axis=1)
    return reached


paths = lesson.code(
    path_length,
    [
        *(
            case(path_length, f"{kind}, {n} tokens", architecture=kind, n=n)
            for n in (7, 8, 100)
            for kind in ("recurrent", "convolutional", "attention")
        ),
        case(path_length, "convolutional, kernel of five", architecture="convolutional", n=12, kernel=5),
        case(path_length, "convolutional, kernel of two", architecture="convolutional", n=12, kernel=2),
        case(path_length, "convolutional, kernel wider than the text", architecture="convolutional", n=5, kernel=9),
    ],
)


@paths.mistake
def tokens_counted_instead_of_steps(architecture, n, kernel=3):
    return n if architecture == "recurrent" else path_length(architecture, n, kernel)


@paths.mistake
def kernel_instead_of_kernel_minus_one(architecture, n, kernel=3):
    return math.ceil((n - 1) / kernel) if architecture == "convolutional" else path_length(architecture, n, kernel)


@paths.mistake
def rounded_down(architecture, n, kernel=3):
    return (n - 1) // (kernel - 1) if architecture == "convolutional" else path_length(architecture, n, kernel)


@paths.mistake
def dilated_kernels(architecture, n, kernel=3):
    return math.ceil(math.log(n, kernel)) if architecture == "convolutional" else path_length(architecture, n, kernel)


@paths.mistake
def kernel_always_three(architecture, n, kernel=3):
    return path_length(architecture, n)


@paths.mistake
def attention_counted_in_pairs(architecture, n, kernel=3):
    return n * n if architecture == "attention" else path_length(architecture, n, kernel)


@paths.mistake
def attention_without_a_step(architecture, n, kernel=3):
    return 0 if architecture == "attention" else path_length(architecture, n, kernel)


@paths.another_way
def grow_the_span(architecture, n, kernel=3):
    reach = {"recurrent": 1, "convolutional": kernel - 1, "attention": n}[architecture]
    steps, spanned = 0, 1
    while spanned < n:
        steps, spanned = steps + 1, spanned + reach
    return steps


lesson.debug("fix_self_attention", layer, square_root_of_the_model_width)
lesson.debug("fix_influence", reach, changes_left_standing)

lesson.numeric(
    "conv-layers",
    lambda: 512,
    tolerance=0,
    kernel_not_kernel_minus_one=lambda: 341,
    dilated=lambda: 7,
    rounded_down=lambda: 511,
)
lesson.numeric("crossover-length", lambda: 512, tolerance=0, the_square_of_the_width=lambda: 512 * 512)
lesson.numeric(
    "self-attention-parameters",
    lambda: 3 * 768 * 64,
    one_matrix_only=lambda: 768 * 64,
    output_projection_counted=lambda: 4 * 768 * 64,
)
lesson.predict("shuffled-tokens", lambda: "the same vector", the_order_matters=lambda: "another vector")
lesson.predict("self-attention-shape", lambda: (2, 5, 6), the_input_shape=lambda: (2, 5, 12))
lesson.explain("self-or-cross", "why-not-recurrent", "when-recurrence-wins", "does-it-know-order", "fold-query-and-key")
