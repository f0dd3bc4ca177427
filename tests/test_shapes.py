"""The shape lines, and what holds for every function that has one: shapes, dtypes, inputs left alone, messages.

A new function gets a row in ON_ARRAYS where its shape line names its inputs, in ON_LENGTHS where it does not.
"""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncore import (
    alignment,
    cache,
    dot_product,
    gradients,
    heads,
    interpret,
    long_context,
    masks,
    positions,
    self_attention,
    shared_heads,
    softmax,
    start,
    transformer,
    vision,
    weighted_sum,
    words,
)
from attncore.shapes import as_floats, shape_line, shaped

pytestmark = pytest.mark.filterwarnings("error")

MODULES = [
    start,
    weighted_sum,
    softmax,
    alignment,
    dot_product,
    self_attention,
    masks,
    heads,
    positions,
    transformer,
    vision,
    gradients,
    cache,
    shared_heads,
    long_context,
    interpret,
    words,
]

LENGTHS = {"1": 1, "b": 2, "q": 3, "n": 4, "k": 5, "h": 6, "v": 7, "d": 8, "w": 9, "h*w": 54, "m": 384, "m/h": 64}
LENGTHS |= {"g": 3, "s": 10, "a": 12, "s+m": 394, "f": 14, "l": 15}
IMAGE = {"H": 6, "W": 15, "c": 2, "n": 10, "p": 18, "n+1": 11}  # ten patches of 3 by 3
OWN_LENGTHS = dict.fromkeys([vision.patchify, vision.unpatchify, vision.embed_patches, vision.resize_positions], IMAGE)


def drawn(*shape):
    return np.random.default_rng(0).standard_normal(shape) / 20


WEIGHTS = heads.HeadWeights(*drawn(4, 384, 384))
NORM = transformer.NormWeights(*drawn(2, 384))
FEED_FORWARD = transformer.FeedForwardWeights(drawn(384, 14), drawn(14), drawn(14, 384), drawn(384))
ENCODER = transformer.EncoderWeights(NORM, WEIGHTS, NORM, FEED_FORWARD)
DECODER = transformer.DecoderWeights(NORM, WEIGHTS, NORM, WEIGHTS, NORM, FEED_FORWARD)
LATENT = shared_heads.LatentWeights(
    *(drawn(*shape) for shape in [(384, 48), (384, 24), (384, 10), (384, 4), (10, 48), (10, 42), (42, 384)])
)

# Beside the arrays that its shape line names, a function takes ...
ON_ARRAYS = {
    start.uniform_attention: {},
    weighted_sum.weighted_sum: {},
    weighted_sum.hard_lookup: {},
    weighted_sum.kernel_weights: {"width": 0.7},
    weighted_sum.kernel_regression: {"width": 0.7},
    softmax.softmax: {},
    softmax.log_softmax: {},
    softmax.masked_softmax: {},
    softmax.temperature_for_entropy: {"bits": 1.5},
    dot_product.attention_scores: {},
    dot_product.attention_weights: {},
    dot_product.scaled_dot_product_attention: {},
    self_attention.self_attention: {},
    self_attention.influence: {"layer": np.tanh},
    heads.split_heads: {"n_heads": LENGTHS["h"]},
    heads.merge_heads: {},
    heads.multi_head_attention: {"n_heads": LENGTHS["h"], "weights": WEIGHTS},
    alignment.additive_scores: {},
    alignment.dot_scores: {},
    alignment.general_scores: {},
    alignment.concat_scores: {},
    alignment.local_weights: {"half_width": 2},
    alignment.align: {},
    positions.apply_rotary: {},
    transformer.layer_norm: {},
    transformer.feed_forward: {"weights": FEED_FORWARD},
    transformer.encoder_block: {"weights": ENCODER, "n_heads": 6},
    transformer.decoder_block: {"weights": DECODER, "n_heads": 6},
    transformer.cross_attention: {"weights": WEIGHTS, "n_heads": 6},
    vision.patchify: {"size": 3},
    vision.unpatchify: {"size": 3, "height": 6, "width": 15},
    vision.embed_patches: {"size": 3, "W": drawn(18, 384), "class_token": drawn(384), "positions": drawn(11, 384)},
    vision.resize_positions: {"old": 3, "new": 3},
    gradients.softmax_backward: {},
    gradients.attention_backward: {},
    cache.attend_with_cache: {"cache": cache.KVCache, "weights": WEIGHTS, "n_heads": 6},
    shared_heads.grouped_query_attention: {},
    shared_heads.pool_kv_heads: {"n_heads": 3, "n_groups": 3},
    shared_heads.latent_attention: {"weights": LATENT, "n_heads": 6},
    shared_heads.latent_attention_absorbed: {"weights": LATENT, "n_heads": 6},
    long_context.softmax_with_sink: {"sink": 0.5},
    long_context.linear_attention: {},
    long_context.linear_attention_recurrent: {},
    interpret.value_weighted_map: {},
    interpret.attention_rollout: {},
}

# Called with these, the output's axes have the lengths above.
ON_LENGTHS = {
    dot_product.dot_product_std: (8, 10, np.random.default_rng(0)),
    self_attention.permutation_gap: (np.tanh, np.eye(4), [2, 0, 3, 1]),
    self_attention.path_length: ("recurrent", 4),
    masks.causal_mask: (3, 5),
    masks.padding_mask: ([4, 1], 5),
    masks.prefix_mask: (4, 2),
    masks.combine_masks: (np.ones((2, 3, 1), bool), np.ones(5, bool)),
    masks.leaks_future: (np.tanh, np.eye(4)),
    heads.mha_parameter_count: (8, 2),
    heads.head_importance: (lambda x, keep: x * keep.sum(), np.eye(4), 6),
    words.embed: ("the cat sat on",),
    positions.sinusoidal_positions: (4, 8),
    positions.rotary_halves_order: (8,),
    positions.alibi_slopes: (6,),
    positions.alibi_bias: (6, 3, 5),
    transformer.mask_for: ("gpt", 4),
    cache.attention_flops: (4, 8),
    cache.kv_cache_bytes: (4, 6, 8, 5),
    shared_heads.kv_bytes_per_token: ("mha", 4, 6, 8),
    long_context.sliding_window_mask: (4, 2),
    interpret.permutation_effect: (np.sum, np.eye(4), np.random.default_rng(0)),
    interpret.ablation_effect: (lambda x, head: x * (head is None), np.eye(4), 2),
    interpret.induction_score: (np.eye(4), "abab"),
}

ARRAYS_OF_FLOATS = [  # what the others return: a Python float, booleans, and pixels, where bytes stay bytes
    f
    for f in ON_ARRAYS
    if f not in (softmax.temperature_for_entropy, self_attention.influence, vision.patchify, vision.unpatchify)
]


def name(function):
    return function.__name__


def lengths(function, axes, leading):
    of = LENGTHS | OWN_LENGTHS.get(function, {})
    return tuple(length for axis in axes for length in (leading if axis == "..." else [of[axis]]))


def read_only(array):
    array = np.array(array)
    array.setflags(write=False)  # whoever writes into it is told
    return array


def made(given, dtype):
    """What a function is given beside its arrays: a new cache each time, weights in the dtype of the arrays."""
    if isinstance(given, type):
        return given()
    if isinstance(given, tuple):
        return type(given)(*(made(field, dtype) for field in given))
    return read_only(given.astype(dtype)) if isinstance(given, np.ndarray) else given


def first(returned):
    """The first output: where there are several, the line of the shape names it first."""
    return returned[0] if isinstance(returned, tuple) else returned


def arguments(function, leading=(), dtype=float):
    """Everything a function of ON_ARRAYS takes, its arrays of the shapes that the shape line names."""
    rng = np.random.default_rng(1)
    given = {key: made(value, dtype) for key, value in ON_ARRAYS[function].items()}
    inputs, _ = shape_line(function)
    names = [parameter for parameter in inspect.signature(function).parameters if parameter not in given]
    for key, axes in zip(names, inputs, strict=False):
        array = 3 * rng.standard_normal(lengths(function, axes, leading))
        given[key] = read_only(array > 0 if key == "mask" else np.asarray(array, dtype))
    return given


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.removeprefix("attncore."))
def test_no_function_with_a_shape_line_is_forgotten(module):
    own = [f for _, f in inspect.getmembers(module, inspect.isfunction) if f.__module__ == module.__name__]
    assert {f for f in own if "->(" in inspect.getdoc(f)} <= ON_ARRAYS.keys() | ON_LENGTHS.keys()


@pytest.mark.parametrize("leading", [(), (2,), (2, 11)])
@pytest.mark.parametrize("function", ON_ARRAYS, ids=name)
def test_the_shape_line_is_kept(function, leading):
    _, (output, *_) = shape_line(function)
    assert np.shape(first(function(**arguments(function, leading)))) == lengths(function, output, leading)


@pytest.mark.parametrize("function", ON_LENGTHS, ids=name)
def test_the_shape_line_is_kept_by_what_makes_its_own_axes(function):
    _, (output, *_) = shape_line(function)
    assert np.shape(function(*ON_LENGTHS[function])) == lengths(function, output, leading=(2,))


@pytest.mark.parametrize("function", ARRAYS_OF_FLOATS, ids=name)
@pytest.mark.parametrize(
    ("given", "expected"), [("float32", "float32"), ("float64", "float64"), ("int64", "float64"), ("uint8", "float64")]
)
def test_floats_stay_as_they_are_and_integers_become_float64(function, given, expected):
    assert first(function(**arguments(function, (2,), given))).dtype == expected


@pytest.mark.parametrize("function", ON_ARRAYS, ids=name)
def test_inputs_are_never_written_to(function):
    given = arguments(function, (2,))
    before = {key: array.copy() for key, array in given.items() if isinstance(array, np.ndarray)}
    function(**given)
    for key, array in before.items():
        assert_array_equal(given[key], array)


@pytest.mark.parametrize("function", ARRAYS_OF_FLOATS, ids=name)
def test_lists_and_positions_do_as_well_as_arrays_and_names(function):
    given, again = arguments(function, (2,)), arguments(function, (2,))
    lists = {key: array.tolist() if isinstance(array, np.ndarray) else array for key, array in again.items()}
    in_order = [lists[parameter] for parameter in inspect.signature(function).parameters if parameter in lists]
    assert_array_equal(first(function(*in_order)), first(function(**given)))


def test_reading_a_shape_line():
    def attend(x, W):
        """Attend.

        (...,h,n,m/h),(m)->(b,1,h*w)

        Returns (more) than it -> says.
        """

    assert shape_line(attend) == ([("...", "h", "n", "m/h"), ("m",)], [("b", "1", "h*w")])


def test_a_shape_line_without_inputs():
    assert shape_line(masks.causal_mask) == ([], [("q", "k")])
    assert shape_line(dot_product.dot_product_std) == ([], [()])


def test_a_docstring_without_a_shape_line():
    def undescribed(x):
        """Return x."""

    with pytest.raises(ValueError, match="^the docstring of undescribed has no shape line$"):
        shape_line(undescribed)


def test_a_mask_may_be_missing_or_lack_axes():
    @shaped(broadcasts=("mask",))
    def seen(scores, mask=None):
        """Return the mask.

        (...,q,k),(...,q,k)->(...,q,k)
        """
        return mask

    scores = np.zeros((2, 3, 5))
    assert seen(scores) is None
    for shape in [(), (5,), (1,), (3, 1), (1, 5), (2, 3, 5), (1, 3, 5), (4, 1, 3, 5)]:
        mask = np.ones(shape, bool)
        assert seen(scores, mask) is mask
    assert seen(scores, mask=[True] * 5).dtype == bool


def zeros(*shapes):
    return [np.zeros(shape) for shape in shapes]


@pytest.mark.parametrize(
    ("function", "given", "message"),
    [
        (
            dot_product.attention_scores,
            zeros((3, 8), (5, 7)),
            "attention_scores: key has width 7, but query has 8: query is (3, 8), key is (5, 7)",
        ),
        (
            weighted_sum.weighted_sum,
            zeros((3, 5), (4, 6)),
            "weighted_sum: values has 4 on the key axis, but weights has 5: weights is (3, 5), values is (4, 6)",
        ),
        (
            dot_product.scaled_dot_product_attention,
            zeros((3, 8), (5, 8), (4, 6)),
            "scaled_dot_product_attention: value has 4 on the key axis, but key has 5: "
            "query is (3, 8), key is (5, 8), value is (4, 6)",
        ),
        (
            self_attention.self_attention,
            zeros((5, 8), (7, 4), (8, 4), (8, 6)),
            "self_attention: W_query has model width 7, but x has 8: "
            "x is (5, 8), W_query is (7, 4), W_key is (8, 4), W_value is (8, 6)",
        ),
        (
            softmax.masked_softmax,
            zeros((3, 5), (4, 5)),
            "masked_softmax: mask has 4 on the query axis, but scores has 3: scores is (3, 5), mask is (4, 5)",
        ),
        (
            dot_product.attention_weights,
            zeros((3, 8), (5, 8), (3, 4)),
            "masked_softmax: mask has 4 on the key axis, but scores has 5: scores is (3, 5), mask is (3, 4)",
        ),
        (
            weighted_sum.weighted_sum,
            zeros((2, 3, 5), (4, 5, 6)),
            "weighted_sum: the leading axes do not broadcast: weights is (2, 3, 5), values is (4, 5, 6)",
        ),
        (
            softmax.masked_softmax,
            zeros((2, 3, 5), (4, 3, 5)),
            "masked_softmax: the leading axes do not broadcast: scores is (2, 3, 5), mask is (4, 3, 5)",
        ),
        (
            dot_product.attention_scores,
            zeros((8,), (5, 8)),
            "attention_scores: query has shape (8,), expected (..., q, d)",
        ),
        (
            weighted_sum.hard_lookup,
            zeros((1, 8), (5, 8), (5, 6)),
            "hard_lookup: query has shape (1, 8), expected (d)",
        ),
        (
            self_attention.self_attention,
            zeros((5, 8), (2, 8, 4), (8, 4), (8, 6)),
            "self_attention: W_query has shape (2, 8, 4), expected (m, d)",
        ),
        (heads.merge_heads, zeros((5, 8)), "merge_heads: x has shape (5, 8), expected (..., h, n, w)"),
    ],
)
def test_shapes_that_do_not_fit_are_told_in_axis_words(function, given, message):
    with pytest.raises(ValueError) as error:
        function(*given)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("given", "keep", "message"),
    [
        ([[1, 2], [3]], False, "x is no array: its rows differ in length"),
        ([True, False], False, "x holds bool, expected real numbers"),
        (["a"], False, "x holds <U1, expected real numbers"),
        ([1, 0], True, "x holds int64, expected booleans or floats"),
    ],
)
def test_what_is_no_array_of_numbers(given, keep, message):
    with pytest.raises(ValueError) as error:
        as_floats(given, "x", keep)
    assert str(error.value) == message


MORE_BAD_INPUT = {
    "scaled_dot_product_attention: key has 0 on the key axis, expected at least 1": lambda: (
        dot_product.scaled_dot_product_attention(np.ones((2, 3)), np.ones((0, 3)), np.ones((0, 4)))
    ),
    "attention_scores: query has width 0, expected at least 1": lambda: dot_product.attention_scores(
        np.ones((2, 0)), np.ones((3, 0))
    ),
    "softmax: x holds complex128, expected real numbers": lambda: softmax.softmax([1j]),
    "softmax: x holds object, expected real numbers": lambda: softmax.softmax(None),
    "multi_head_attention: W_query has model width 3, but query has 4": lambda: heads.multi_head_attention(
        *(np.ones((2, 4)),) * 3, heads.HeadWeights(np.eye(3), *(np.eye(4),) * 3), 2
    ),
    "split_heads: x has model width 4, which 0 heads do not divide": lambda: heads.split_heads(np.ones((2, 4)), 0),
    "temperature_for_entropy: scores are": lambda: softmax.temperature_for_entropy([-np.inf, 0.0, 1.0], 1),
    "path_length: kernel is 1, expected at least 2": lambda: self_attention.path_length("convolutional", 8, kernel=1),
    "padding_mask: lengths has shape (), expected (b,)": lambda: masks.padding_mask(3, 5),
    "combine_masks: the masks do not broadcast: (2, 3), (4, 5)": lambda: masks.combine_masks(
        np.ones((2, 3), bool), np.ones((4, 5), bool)
    ),
    "embed: the text has no words": lambda: words.embed(" "),
}


@pytest.mark.parametrize("message, call", MORE_BAD_INPUT.items())
def test_bad_input_is_told_in_axis_words(message, call):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value).startswith(message)


def test_a_scalar_of_numpy_does_not_widen_float32():
    x = np.ones((2, 3), np.float32)
    assert dot_product.attention_scores(x, x, scale=np.float64(0.5)).dtype == np.float32


def test_a_mask_may_be_a_list():
    x = np.ones((1, 2, 4))
    weights = heads.HeadWeights(*np.ones((4, 4, 4)))
    expected = heads.multi_head_attention(x, x, x, weights, 2, np.array([[[True, False], [True, True]]]))
    assert np.array_equal(heads.multi_head_attention(x, x, x, weights, 2, [[[True, False], [True, True]]]), expected)


def test_nan_does_not_hide_a_leak():
    assert masks.leaks_future(lambda x: x * np.nan, np.ones((3, 2)))
