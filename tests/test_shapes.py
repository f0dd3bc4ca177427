"""The shape lines, and what holds for every function that has one: shapes, dtypes, inputs left alone, messages.

The functions that are asked are tried on the cases of their exercises.
"""

import inspect
import pkgutil
from importlib import import_module

import numpy as np
import pytest
from answered import answered
from numpy.testing import assert_array_equal

import attncore
from attncore import (
    dot_product,
    heads,
    interpret,
    long_context,
    masks,
    real_model,
    self_attention,
    softmax,
    transformer,
    vision,
    weighted_sum,
    words,
)
from attncore.exercises import exercises
from attncore.shapes import AXES, Came, as_kind, check_lengths, contract_of, results, shape_line, shaped, unchecked

pytestmark = pytest.mark.filterwarnings("error")

CODE = [e for e in exercises if e.kind == "code" and inspect.isfunction(e.reference)]
ON_NUMBERS = [e for e in CODE if any(array.kind == "float" for array in e.reference.contract.inputs.values())]
NOT_AS_THEY_ARE = {  # what returns no floats of the dtype that came in
    "temperature_for_entropy": "a Python float",
    "cross_entropy": "a Python float",
    "bits_per_byte": "a Python float",
    "permutation_gap": "a Python float",
    "permutation_effect": "a Python float",
    "ablation_effect": "a Python float",
    "mean_ablation_effect": "a Python float",
    "induction_score": "a Python float",
    "influence": "booleans",
    "block_mask": "booleans",
    "leaks_future": "a boolean",
    "head_importance": "what its layer makes of them",
    "sample_token": "an index",
    "speculative_accept": "tokens",
    "quantize": "codes, which are whole numbers",
    "most_similar": "places",
    "numerical_gradient": "float64, whatever came",
}
KEEPS_DTYPE = [e for e in ON_NUMBERS if e.id not in NOT_AS_THEY_ARE]


def id_of(exercise):
    return exercise.id


def called(exercise, given):
    """The reference's results on some arguments, a tuple of one or several."""
    given = dict(given)
    value = exercise.reference(*given.pop("masks", ()), **given)
    return value if isinstance(value, tuple) else (value,)


def changed(value, change):
    """An argument with every array in it changed, in NamedTuples too."""
    if isinstance(value, tuple):
        fields = [changed(field, change) for field in value]
        return type(value)(*fields) if hasattr(value, "_fields") else tuple(fields)
    return change(value) if isinstance(value, np.ndarray) else value


def prepared(exercise, case, change):
    """The arguments of a case, changed; where a driver takes them, those that it would hand over."""
    given = case.make()
    if exercise.drive:
        given = handed_over(exercise, given)
    return {name: changed(value, change) for name, value in given.items()}


def handed_over(exercise, given):
    """What a driver calls the answer with."""
    signature = inspect.signature(exercise.reference)
    seen = {}

    def spy(*args, **kwargs):
        seen.update(signature.bind(*args, **kwargs).arguments)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exercise.drive(spy, **given)
    return seen


def read_only(array):
    array = array.copy()
    array.setflags(write=False)  # whoever writes into it is told
    return array


def arrays_of(exercise):
    """The names of the arrays that may not lack axes, as a mask may."""
    contract = exercise.reference.contract
    return [name for name in contract.inputs if name not in contract.broadcasts]


@pytest.mark.parametrize("exercise", CODE, ids=id_of)
def test_the_shape_line_is_kept_and_no_input_is_written_to(exercise):
    contract = exercise.reference.contract
    for case in answered(exercise):
        given = prepared(exercise, case, read_only)
        came = [Came(name, np.shape(given[name]), contract.inputs[name].axes, False) for name in arrays_of(exercise)]
        returned = zip(called(exercise, given), contract.outputs, strict=True)
        there = [(value, axes) for value, axes in returned if value is not None and np.size(value)]
        came += [Came("what returns", np.shape(value), axes, False) for value, axes in there]
        check_lengths(came, AXES)


def as_float32(array):
    return array.astype(np.float32) if array.dtype.kind == "f" else array


@pytest.mark.parametrize("exercise", KEEPS_DTYPE, ids=id_of)
def test_float32_stays_float32(exercise):
    for case in answered(exercise):
        given = prepared(exercise, case, as_float32)
        if all(np.asarray(given[name]).dtype == np.float32 for name in arrays_of(exercise)):
            assert {value.dtype for value in called(exercise, given)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("exercise", KEEPS_DTYPE, ids=id_of)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_integers_become_float64(exercise, dtype):
    given = prepared(exercise, exercise.cases[0], np.array)
    whole = {name: np.rint(np.abs(given[name])) for name in arrays_of(exercise) if is_float(given[name])}
    integers = {name: array.astype(dtype) for name, array in whole.items()}
    for value, expected in zip(called(exercise, given | integers), called(exercise, given | whole), strict=True):
        assert value.dtype == np.float64
        assert_array_equal(value, expected)


def is_float(value):
    return np.asarray(value).dtype.kind == "f"


@pytest.mark.parametrize("exercise", CODE, ids=id_of)
def test_lists_do_as_well_as_arrays(exercise):
    names = exercise.reference.contract.inputs
    for case in answered(exercise):
        given, again = (prepared(exercise, case, in_float64) for _ in range(2))
        again |= {name: given[name].tolist() for name in names if isinstance(given.get(name), np.ndarray)}
        for value, expected in zip(called(exercise, again), called(exercise, given), strict=True):
            assert_array_equal(value, expected)


def in_float64(array):
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def test_reading_a_shape_line():
    @shaped("(...,h,n,m/h),_,(m):int->(b,1,h*w),(s,...)", returns="left, right side")
    def attend(x, layer, ids):
        """Attend -> (nothing)."""

    assert shape_line(attend) == ([("...", "h", "n", "m/h"), ("m",)], [("b", "1", "h*w"), ("s", "...")])
    assert results(attend) == ("left", "right side")
    assert [(name, array.kind) for name, array in contract_of(attend).inputs.items()] == [
        ("x", "float"),
        ("ids", "int"),
    ]


def test_a_shape_line_without_inputs():
    assert shape_line(masks.causal_mask) == ([], [("q", "k")])
    assert shape_line(dot_product.dot_product_std) == ([], [()])
    assert results(masks.causal_mask) == ()


def test_a_function_without_a_shape_line():
    def undescribed(x):
        """(n)->(n)"""

    for read in (shape_line, results):
        with pytest.raises(ValueError, match="^undescribed has no shape line$"):
            read(undescribed)


def test_no_docstring_holds_a_shape_line():
    """No program reads a docstring, so that a line in one would be checked by nothing."""
    for module in pkgutil.iter_modules(attncore.__path__):
        if not module.ispkg and module.name != "shapes":
            for _, function in inspect.getmembers(import_module(f"attncore.{module.name}"), inspect.isfunction):
                assert ")->(" not in (function.__doc__ or "")


def test_letters_before_the_dots():
    @shaped("(s,...,q,v),(s,...,q)->(...,q,v)")
    def mixed(outputs, gates):
        return outputs

    mixed(np.ones((3, 2, 5, 4)), np.ones((3, 1, 5)))
    with pytest.raises(ValueError, match=r"^mixed: gates has state width 2, but outputs has 3"):
        mixed(np.ones((3, 2, 5, 4)), np.ones((2, 2, 5)))
    with pytest.raises(ValueError, match=r"^mixed: the leading axes do not broadcast"):
        mixed(np.ones((3, 2, 5, 4)), np.ones((3, 4, 5)))


def test_sums_are_worked_out():
    @shaped("(n+1,m),(n)->()", axes={"n": "node"})
    def tree(vectors, parents):
        return 0

    assert tree(np.ones((4, 2)), np.ones(3)) == 0
    with pytest.raises(ValueError) as error:
        tree(np.ones((3, 2)), np.ones(3))
    assert str(error.value) == (
        "tree: vectors has 3 on the token axis, expected 3 on the node axis + 1: vectors is (3, 2), parents is (3,)"
    )


def test_each_kind_of_array_comes_in_as_it_is():
    @shaped("(n):int,(n):bool,(n):any,(n)->()")
    def kinds(ids, seen, pixels, numbers):
        return ids.dtype, seen.dtype, pixels.dtype, numbers.dtype

    assert kinds([1, 2], [True, False], np.uint8([1, 2]), [1, 2]) == (np.int64, bool, np.uint8, np.float64)
    for given, message in [
        (([1.0], [True], [1], [1]), "kinds: ids holds float64, expected integers"),
        (([True], [True], [1], [1]), "kinds: ids holds bool, expected integers"),
        (([1], [1], [1], [1]), "kinds: seen holds int64, expected booleans"),
        (([1], [True], ["a"], [1]), "kinds: pixels holds <U1, expected numbers"),
        (([1], [True], [1], [1j]), "kinds: numbers holds complex128, expected real numbers"),
    ]:
        with pytest.raises(ValueError) as error:
            kinds(*given)
        assert str(error.value) == message


def test_the_function_that_was_called_is_named():
    x = np.ones((2, 4))
    weights = heads.HeadWeights(*(np.eye(4),) * 4)
    norm = transformer.NormWeights(np.ones(3), np.zeros(4))
    layers = transformer.FeedForwardWeights(np.eye(4), np.zeros(4), np.eye(4), np.zeros(4))
    block = transformer.EncoderWeights(norm, weights, norm, layers)
    with pytest.raises(ValueError, match="^encoder_block: gain has model width 3, but x has 4"):
        transformer.encoder_block(x, block, 2)
    with pytest.raises(ValueError, match="^multi_head_attention: the model width is 4, which 3 heads do not divide"):
        heads.multi_head_attention(x, x, x, weights, 3)


def test_what_a_given_function_raises_is_its_own():
    with pytest.raises(ValueError, match="^softmax: x holds <U1"):
        self_attention.influence(lambda x: softmax.softmax(["a"]), np.ones((2, 3)))
    with pytest.raises(ValueError, match="^leaks_future: x has shape"):
        masks.leaks_future(np.tanh, np.ones(3))


def test_weights_that_are_no_named_tuple():
    x = np.ones((2, 4))
    with pytest.raises(ValueError, match="^multi_head_attention: weights is a list, expected a NamedTuple of 4 arrays"):
        heads.multi_head_attention(x, x, x, [np.eye(4)] * 4, 2)
    lists = heads.HeadWeights(*(np.eye(4).astype(int).tolist(),) * 4)
    assert heads.multi_head_attention(x, x, x, lists, 2).shape == (2, 4)


def test_a_missing_argument_is_told_by_python():
    with pytest.raises(TypeError, match=r"^attention_scores\(\) missing 1 required positional argument: 'key'"):
        dot_product.attention_scores(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("args", "named", "told"),
    [
        ((1, 2, 3, 4), {}, "takes from 2 to 3 positional arguments but 4 were given"),
        (([1.0], [1.0]), {"key": [1.0]}, "got multiple values for argument 'key'"),
        (([1.0], [1.0]), {"keys": [1.0]}, "got an unexpected keyword argument 'keys'"),
    ],
)
def test_too_many_arguments_are_told_by_python(args, named, told):
    with pytest.raises(TypeError, match=told):
        dot_product.attention_scores(*args, **named)


def test_lists_do_where_arrays_were_asked_by_hand():
    key, value = long_context.rolling_cache([[1, 2], [3, 4]], [[1, 2], [5, 6]], 1)
    assert_array_equal(key, [[3, 4]])
    assert_array_equal(value, [[5, 6]])
    assert_array_equal(real_model.most_similar([1, 2], [[1, -2], [3, 4]], 1), [1])
    assert interpret.induction_score([[1, 0], [0, 1]], ["a", "a"]) == 1
    assert_array_equal(vision.patchify([[[1], [2]]], 1), [[1], [2]])


def test_a_mask_may_be_missing_or_lack_axes():
    @shaped("(...,q,k),(...,q,k)->(...,q,k)", broadcasts=("mask",))
    def seen(scores, mask=None):
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
            "attention_weights: mask has 4 on the key axis, but scores has 5: scores is (3, 5), mask is (3, 4)",
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
    ("given", "loose", "message"),
    [
        ([[1, 2], [3]], False, "x is no array: its rows differ in length"),
        ([True, False], False, "x holds bool, expected real numbers"),
        (["a"], False, "x holds <U1, expected real numbers"),
        ([1, 0], True, "x holds int64, expected booleans or floats"),
    ],
)
def test_what_is_no_array_of_numbers(given, loose, message):
    with pytest.raises(ValueError) as error:
        as_kind(given, "x", "float", loose)
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
    "multi_head_attention: weights.W_query has model width 3, but query has 4": lambda: heads.multi_head_attention(
        *(np.ones((2, 4)),) * 3, heads.HeadWeights(np.eye(3), *(np.eye(4),) * 3), 2
    ),
    "split_heads: the model width is 4, which 0 heads do not divide": lambda: heads.split_heads(np.ones((2, 4)), 0),
    "temperature_for_entropy: scores are": lambda: softmax.temperature_for_entropy([-np.inf, 0.0, 1.0], 1),
    "path_length: kernel is 1, expected at least 2": lambda: self_attention.path_length("convolutional", 8, kernel=1),
    "padding_mask: lengths has shape (), expected (b)": lambda: masks.padding_mask(3, 5),
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


def test_checks_can_be_left_out_and_come_back():
    @shaped("(n)->()")
    def plain(x):
        return x

    with unchecked():
        assert plain("anything") == "anything"
        with pytest.raises(ZeroDivisionError), unchecked():
            raise ZeroDivisionError
        assert plain(2) == 2
    with pytest.raises(ValueError, match="plain: x"):
        plain("anything")
