"""The same numbers as PyTorch and Hugging Face: as kept in vectors/torch.npz, and live where they are installed."""

import inspect
import math
import runpy
from pathlib import Path
from types import FunctionType, SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncore.dot_product import attention_scores, attention_weights, scale_of, scaled_dot_product_attention
from attncore.gradients import attention_backward, gelu_backward, layer_norm_backward
from attncore.heads import HeadWeights, mha_parameter_count, multi_head_attention
from attncore.masks import causal_mask, combine_masks, padding_mask
from attncore.positions import apply_rotary, rotary_halves_order
from attncore.shared_heads import grouped_query_attention
from attncore.softmax import (
    cross_entropy,
    cross_entropy_backward,
    finite,
    log_softmax,
    masked_softmax,
    softmax,
)
from attncore.transformer import (
    DecoderWeights,
    EncoderWeights,
    FeedForwardWeights,
    GPTWeights,
    NormWeights,
    SwigluWeights,
    decoder_block,
    encoder_block,
    gpt_logits,
    layer_norm,
    rms_norm,
    swiglu,
)
from attncore.vision import embed_patches, resize_positions
from attncore.weighted_sum import weighted_sum

VECTORS = Path(__file__).parent / "vectors"


@pytest.fixture(scope="module", params=["kept", "live"])
def torch_says(request):
    return kept() if request.param == "kept" else live("torch", "vectors")


@pytest.fixture(scope="module", params=["kept", "live"])
def hugging_face_says(request):
    return kept() if request.param == "kept" else live("transformers", "hugging_face")


def kept():
    with np.load(VECTORS / "torch.npz") as vectors:
        return dict(vectors)


def live(library, function):
    pytest.importorskip(library)
    return runpy.run_path(str(VECTORS / "make.py"))[function]()


def test_softmax(torch_says):
    assert_allclose(softmax(torch_says["rows"]), torch_says["softmax"])
    assert_allclose(softmax(torch_says["rows"], axis=0), torch_says["softmax_axis_0"])
    assert_allclose(log_softmax(torch_says["rows"]), torch_says["log_softmax"])


@pytest.mark.parametrize(("case", "ignore"), [("loss", -100), ("loss_ignore", 3)])
def test_cross_entropy_and_its_gradient(torch_says, case, ignore):
    logits, targets = torch_says["loss_logits"], torch_says["loss_targets"]
    targets = np.where(targets == -100, ignore, targets)
    assert_allclose(cross_entropy(logits, targets, ignore), torch_says[case])
    assert_allclose(cross_entropy_backward(logits, targets, ignore), torch_says[f"{case}_backward"], atol=1e-15)


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


@pytest.mark.parametrize(
    ("case", "mask", "scale"),
    [
        ("plain", None, None),
        ("boolean", "backward_boolean_mask", None),
        ("empty_row", "backward_empty_row_mask", 0.3),
        ("float", "backward_float_mask", 0.3),
    ],
)
def test_attention_backward_is_autograd(torch_says, case, mask, scale):
    inputs = [torch_says[f"backward_{name}"] for name in ("query", "key", "value", "d_output")]
    gradients = attention_backward(*inputs, torch_says.get(mask), scale)
    for name, gradient in zip(("query", "key", "value"), gradients, strict=True):
        assert_allclose(gradient, torch_says[f"backward_{case}_{name}"], rtol=1e-10, atol=1e-12, err_msg=name)


def read_by(torch):
    """Attention by the mathematics' own lines, PyTorch standing where they say np: autograd goes through them."""
    names = {"max": torch.amax, "where": torch.where, "exp": torch.exp, "swapaxes": torch.swapaxes, "inf": math.inf}
    lines = {"np": SimpleNamespace(**names), "math": math, "bool": torch.bool}
    for function in (scale_of, finite, softmax, masked_softmax, attention_scores, attention_weights, weighted_sum):
        own = inspect.unwrap(function)
        lines[own.__name__] = FunctionType(own.__code__, lines, own.__name__, own.__defaults__)
    own = inspect.unwrap(scaled_dot_product_attention)
    return FunctionType(own.__code__, lines, own.__name__, own.__defaults__)


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("mask", [None, "backward_boolean_mask", "backward_empty_row_mask"])
def test_attention_backward_is_autograd_through_our_own_forward(mask, scale):
    torch, vectors = pytest.importorskip("torch"), kept()
    inputs, mask = [vectors[f"backward_{name}"] for name in ("query", "key", "value")], vectors.get(mask)
    leaves = [torch.tensor(array, requires_grad=True) for array in inputs]
    output = read_by(torch)(*leaves, None if mask is None else torch.tensor(mask), scale)
    assert_allclose(output.detach().numpy(), scaled_dot_product_attention(*inputs, mask, scale))
    d_output = vectors["backward_d_output"]
    expected = torch.autograd.grad(output, leaves, torch.tensor(d_output))
    for gradient, theirs in zip(attention_backward(*inputs, d_output, mask, scale), expected, strict=True):
        assert_allclose(gradient, theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_grouped_query_attention(torch_says):
    inputs = [torch_says[f"grouped_{name}"] for name in ("query", "key", "value")]
    assert_allclose(grouped_query_attention(*inputs), torch_says["grouped"])
    assert_allclose(grouped_query_attention(*inputs, torch_says["grouped_mask"], 0.3), torch_says["grouped_masked"])


def head_weights(torch_says, attention):
    joined, output = torch_says[f"{attention}.in_proj_weight"], torch_says[f"{attention}.out_proj.weight"]
    return HeadWeights(*(W.T for W in np.split(joined, 3)), output.T)


def norm_weights(torch_says, norm):
    return NormWeights(torch_says[f"{norm}.weight"], torch_says[f"{norm}.bias"])


def feed_forward_weights(torch_says, block):
    layers = [
        (torch_says[f"{block}.{name}.weight"].T, torch_says[f"{block}.{name}.bias"]) for name in ("linear1", "linear2")
    ]
    return FeedForwardWeights(*layers[0], *layers[1])


def test_layer_norm(torch_says):
    x, (gain, bias) = torch_says["block_x"], norm_weights(torch_says, "encoder.norm1")
    assert_allclose(layer_norm(x, gain, bias), torch_says["layer_norm"])
    assert_allclose(layer_norm(x, gain, bias, eps=0.1), torch_says["layer_norm_eps"])


def test_rms_norm_and_swiglu(torch_says):
    x, gain = torch_says["norm_x"], torch_says["norm_gain"]
    assert_allclose(rms_norm(x, gain), torch_says["rms_norm"])
    assert_allclose(rms_norm(x, gain, eps=0.1), torch_says["rms_norm_eps"])
    weights = SwigluWeights(*(torch_says[f"swiglu_{name}"] for name in ("gate", "up", "down")))
    assert_allclose(swiglu(x, weights), torch_says["swiglu"])


def test_a_norm_and_a_gelu_backward_are_autograd(torch_says):
    x, d_output = torch_says["norm_x"], torch_says["norm_d_output"]
    gradients = layer_norm_backward(x, torch_says["norm_gain"], d_output, eps=0.1)
    for name, gradient in zip(("x", "gain", "bias"), gradients, strict=True):
        assert_allclose(gradient, torch_says[f"norm_backward_{name}"], rtol=1e-10, atol=1e-12, err_msg=name)
    assert_allclose(gelu_backward(x, d_output), torch_says["gelu_backward"], rtol=1e-10, atol=1e-12)


def test_encoder_block(torch_says):
    weights = EncoderWeights(
        norm_weights(torch_says, "encoder.norm1"),
        head_weights(torch_says, "encoder.self_attn"),
        norm_weights(torch_says, "encoder.norm2"),
        feed_forward_weights(torch_says, "encoder"),
    )
    x, allowed = torch_says["block_x"], ~torch_says["block_hidden"]  # their True hides, ours allows
    assert_allclose(encoder_block(x, weights, 3), torch_says["encoder"])
    assert_allclose(encoder_block(x, weights, 3, allowed), torch_says["encoder_masked"])


def test_decoder_block(torch_says):
    weights = DecoderWeights(
        norm_weights(torch_says, "decoder.norm1"),
        head_weights(torch_says, "decoder.self_attn"),
        norm_weights(torch_says, "decoder.norm2"),
        head_weights(torch_says, "decoder.multihead_attn"),
        norm_weights(torch_says, "decoder.norm3"),
        feed_forward_weights(torch_says, "decoder"),
    )
    assert_allclose(decoder_block(torch_says["block_x"], torch_says["block_memory"], weights, 3), torch_says["decoder"])


def test_patches_are_a_strided_convolution(torch_says):
    kernels = torch_says["kernels"]  # (out, in, rows, columns), where a patch is (rows, columns, in)
    W = kernels.transpose(2, 3, 1, 0).reshape(-1, len(kernels))
    tokens = embed_patches(torch_says["image"], 3, W, np.zeros(7), np.zeros((11, 7)))
    assert_allclose(tokens[1:], torch_says["embedded"], atol=1e-12)


@pytest.mark.parametrize("new", [2, 3, 4, 7])
def test_resizing_positions_is_bilinear_interpolation(torch_says, new):
    resized = resize_positions(torch_says["positions"], 3, new)
    assert_allclose(resized[0], torch_says["positions"][0])
    assert_allclose(resized[1:], torch_says[f"positions_{new}"])


def test_rotary_is_a_product_of_complex_numbers_in_either_layout(torch_says):
    x, positions, order = torch_says["rotary_x"], torch_says["rotary_positions"], rotary_halves_order(8)
    assert_allclose(apply_rotary(x, positions, base=500), torch_says["rotary_pairs"])
    back = np.argsort(order)  # theirs are halves: to pairs, turned, and to halves again
    assert_allclose(apply_rotary(x[..., back], positions, base=500)[..., order], torch_says["rotary_halves"])


def test_rotary_is_that_of_hugging_face_in_either_layout(hugging_face_says):
    x, positions = hugging_face_says["hugging_face_x"], hugging_face_says["hugging_face_positions"]
    order = rotary_halves_order(8)
    in_float32 = {"rtol": 1e-5, "atol": 1e-5}  # their angles are
    assert_allclose(apply_rotary(x, positions), hugging_face_says["hugging_face_pairs"], **in_float32)
    turned = apply_rotary(x[..., np.argsort(order)], positions)[..., order]
    assert_allclose(turned, hugging_face_says["hugging_face_halves"], **in_float32)


def test_a_gpt_is_that_of_hugging_face(hugging_face_says):
    gpt = {name.removeprefix("gpt."): array for name, array in hugging_face_says.items() if name.startswith("gpt.")}

    def block(at):
        norms = [NormWeights(gpt[f"{at}.{norm}.weight"], gpt[f"{at}.{norm}.bias"]) for norm in ("ln_1", "ln_2")]
        joined, output = gpt[f"{at}.attn.c_attn.weight"], gpt[f"{at}.attn.c_proj.weight"]  # theirs are x @ W, too
        heads = HeadWeights(*np.split(joined, 3, axis=1), output)
        layers = [gpt[f"{at}.mlp.{name}"] for name in ("c_fc.weight", "c_fc.bias", "c_proj.weight", "c_proj.bias")]
        return EncoderWeights(norms[0], heads, norms[1], FeedForwardWeights(*layers))

    rest = gpt["ln_f.weight"], gpt["ln_f.bias"]
    weights = GPTWeights(gpt["wte.weight"], gpt["wpe.weight"], (block("h.0"), block("h.1")), *rest)
    assert_allclose(gpt_logits(hugging_face_says["gpt_ids"], weights, 3), hugging_face_says["gpt_logits"])
