"""The same numbers as PyTorch: as kept in vectors/torch.npz, and live where PyTorch is installed."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncore.dot_product import scaled_dot_product_attention
from attncore.heads import HeadWeights, mha_parameter_count, multi_head_attention
from attncore.masks import causal_mask, combine_masks, padding_mask
from attncore.softmax import log_softmax, softmax

VECTORS = Path(__file__).parent / "vectors"


@pytest.fixture(scope="module", params=["kept", "live"])
def torch_says(request):
    if request.param == "kept":
        with np.load(VECTORS / "torch.npz") as kept:
            return dict(kept)
    pytest.importorskip("torch")
    return runpy.run_path(str(VECTORS / "make.py"))["vectors"]()


def test_softmax(torch_says):
    assert_allclose(softmax(torch_says["rows"]), torch_says["softmax"])
    assert_allclose(softmax(torch_says["rows"], axis=0), torch_says["softmax_axis_0"])
    assert_allclose(log_softmax(torch_says["rows"]), torch_says["log_softmax"])


@pytest.mark.parametrize(
    ("case", "mask", "scale"),
    [
        ("attention", None, None),
        ("attention_scale", None, 0.3),
        ("attention_boolean", "boolean_mask", None),
        ("attention_empty_row", "empty_row_mask", None),
        ("attention_float", "float_mask", None),
        ("attention_float_scale", "float_mask", 0.3),
    ],
)
def test_scaled_dot_product_attention(torch_says, case, mask, scale):
    query, key, value = (torch_says[name] for name in ("query", "key", "value"))
    mask = torch_says.get(mask)
    assert_allclose(scaled_dot_product_attention(query, key, value, mask, scale), torch_says[case])


def test_is_causal_is_our_causal_mask_where_queries_and_keys_are_as_many(torch_says):
    query, key, value = (torch_says[name] for name in ("long_query", "key", "value"))
    assert_allclose(scaled_dot_product_attention(query, key, value, causal_mask(5)), torch_says["attention_causal"])


def test_is_causal_begins_at_the_top_left_where_ours_ends_at_the_bottom_right(torch_says):
    query, key, value = (torch_says[name] for name in ("query", "key", "value"))
    theirs, top_left = torch_says["attention_causal_short"], causal_mask(5)[:3]
    assert_allclose(scaled_dot_product_attention(query, key, value, top_left), theirs)
    assert not np.allclose(scaled_dot_product_attention(query, key, value, causal_mask(3, 5)), theirs)


def test_multi_head_attention(torch_says):
    joined, output = torch_says["heads_in_proj"], torch_says["heads_out_proj"]
    weights = HeadWeights(*(W.T for W in np.split(joined, 3)), output.T)
    inputs = [torch_says[name] for name in ("heads_query", "heads_key", "heads_value")]
    allowed = ~torch_says["heads_hidden"]  # MultiheadAttention's True hides, ours allows
    padding = padding_mask((~torch_says["heads_padded"]).sum(axis=-1), 5)
    for case, mask in [
        ("heads", None),
        ("heads_masked", allowed),
        ("heads_masked_and_padded", combine_masks(allowed, padding)),
    ]:
        assert_allclose(multi_head_attention(*inputs, weights, 3, mask), torch_says[case], err_msg=case)


def test_the_parameters_of_multi_head_attention(torch_says):
    for (width, n_heads, bias), count in zip(torch_says["counted"], torch_says["counts"], strict=True):
        assert mha_parameter_count(int(width), int(n_heads), bool(bias)) == count
