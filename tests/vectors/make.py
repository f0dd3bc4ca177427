"""What PyTorch and Hugging Face answer, kept in torch.npz, so that the tests compare where they are not installed.

Run it again only to add a comparison; the inputs are drawn by NumPy from a fixed seed, so that the rest stays the same:

    pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
    pip install transformers==5.23.0
    python tests/vectors/make.py

tests/test_against_torch.py reads the file; where PyTorch is installed it calls `vectors` as well, and where
transformers is, `hugging_face`.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import MultiheadAttention, TransformerDecoderLayer, TransformerEncoderLayer
from torch.nn.functional import (
    conv2d,
    cross_entropy,
    gelu,
    interpolate,
    layer_norm,
    rms_norm,
    scaled_dot_product_attention,
    silu,
)

KEPT = Path(__file__).with_name("torch.npz")
COUNTED = [(12, 3, True), (12, 3, False), (16, 1, True), (512, 8, True)]  # width, heads, bias


def vectors():
    """Inputs and PyTorch's outputs, by name. Everything is float64, and no two axes of a tensor are equal."""
    rng = np.random.default_rng(2017)
    earlier = softmaxes(rng) | attention(rng) | multi_head(rng) | {"counted": np.array(COUNTED), "counts": counts()}
    later = gradients(rng) | grouped(rng) | blocks(rng) | vision(rng) | rotary(rng)
    return earlier | later | losses(rng) | norms_and_gates(rng)


def softmaxes(rng):
    rows = rng.standard_normal((2, 3, 5)) * [[[1], [1000], [1e6]]]
    return {
        "rows": rows,
        "softmax": torch.tensor(rows).softmax(-1).numpy(),
        "softmax_axis_0": torch.tensor(rows).softmax(0).numpy(),
        "log_softmax": torch.tensor(rows).log_softmax(-1).numpy(),
    }


def attention(rng):
    query, key, value = (rng.standard_normal((2, 4, *own)) for own in [(3, 8), (5, 8), (5, 6)])
    some = rng.random((2, 1, 3, 5)) < 0.6
    some[..., 0] = True
    with_an_empty_row = some.copy()
    with_an_empty_row[0, :, 1] = False
    added = rng.standard_normal((3, 5))

    def attend(query, mask=None, **others):
        mask = None if mask is None else torch.tensor(mask)
        return scaled_dot_product_attention(*map(torch.tensor, (query, key, value)), mask, **others).numpy()

    return {
        "query": query,
        "long_query": (long_query := rng.standard_normal((2, 4, 5, 8))),
        "key": key,
        "value": value,
        "boolean_mask": some,
        "empty_row_mask": with_an_empty_row,
        "float_mask": added,
        "attention": attend(query),
        "attention_scale": attend(query, scale=0.3),
        "attention_boolean": attend(query, some),
        "attention_empty_row": attend(query, with_an_empty_row),
        "attention_float": attend(query, added),
        "attention_float_scale": attend(query, added, scale=0.3),
        "attention_causal": attend(long_query, is_causal=True),
        "attention_causal_short": attend(query, is_causal=True),  # its triangle begins at the top left
    }


def multi_head(rng):
    """Three heads of width 4; in_proj_weight is query, key and value, one below the other, used as x @ W.T."""
    layer = MultiheadAttention(12, 3, bias=False, batch_first=True, dtype=torch.float64)
    joined, output = rng.standard_normal((36, 12)) / 3, rng.standard_normal((12, 12)) / 3
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.tensor(joined))
        layer.out_proj.weight.copy_(torch.tensor(output))
    query, key, value = (rng.standard_normal((2, n, 12)) for n in (3, 5, 5))
    hidden = rng.random((3, 5)) < 0.4  # here True hides
    hidden[:, 0] = False
    padded = np.arange(5) >= np.array([[4], [2]])

    def attend(**masks):
        masks = {name: torch.tensor(mask) for name, mask in masks.items()}
        with torch.no_grad():
            return layer(*map(torch.tensor, (query, key, value)), need_weights=False, **masks)[0].numpy()

    return {
        "heads_in_proj": joined,
        "heads_out_proj": output,
        "heads_query": query,
        "heads_key": key,
        "heads_value": value,
        "heads_hidden": hidden,
        "heads_padded": padded,
        "heads": attend(),
        "heads_masked": attend(attn_mask=hidden),
        "heads_masked_and_padded": attend(attn_mask=hidden, key_padding_mask=padded),
    }


def counts():
    layers = [MultiheadAttention(width, n_heads, bias=bias) for width, n_heads, bias in COUNTED]
    return np.array([sum(p.numel() for p in layer.parameters()) for layer in layers])


def gradients(rng):
    """Of sum(output * d_output) by query, key and value, which are broadcast against each other."""
    inputs = [rng.standard_normal(shape) for shape in [(2, 4, 3, 8), (4, 5, 8), (1, 5, 6)]]
    some = rng.random((2, 1, 3, 5)) < 0.6
    some[..., 0] = True
    with_an_empty_row = some.copy()
    with_an_empty_row[0, :, 1] = False
    added, d_output = rng.standard_normal((3, 5)), rng.standard_normal((2, 4, 3, 6))
    found = {
        **{f"backward_{name}": array for name, array in zip(("query", "key", "value"), inputs, strict=True)},
        "backward_boolean_mask": some,
        "backward_empty_row_mask": with_an_empty_row,
        "backward_float_mask": added,
        "backward_d_output": d_output,
    }
    for case, mask, scale in [
        ("plain", None, None),
        ("boolean", some, None),
        ("empty_row", with_an_empty_row, 0.3),
        ("float", added, 0.3),
    ]:
        query, key, value = leaves = [torch.tensor(array, requires_grad=True) for array in inputs]
        key, value = key.expand(2, 4, 5, 8), value.expand(2, 4, 5, 6)
        mask = None if mask is None else torch.tensor(mask)
        output = scaled_dot_product_attention(query, key, value, mask, scale=scale)
        for name, by in zip(
            ("query", "key", "value"), torch.autograd.grad(output, leaves, torch.tensor(d_output)), strict=True
        ):
            found[f"backward_{case}_{name}"] = by.numpy()
    return found


def grouped(rng):
    """Six query heads, three key heads."""
    query, key, value = (rng.standard_normal((2, *own)) for own in [(6, 4, 8), (3, 5, 8), (3, 5, 7)])
    mask = rng.random((6, 4, 5)) < 0.6
    mask[..., 0] = True

    def attend(**others):
        return scaled_dot_product_attention(*map(torch.tensor, (query, key, value)), enable_gqa=True, **others).numpy()

    return {
        "grouped_query": query,
        "grouped_key": key,
        "grouped_value": value,
        "grouped_mask": mask,
        "grouped": attend(),
        "grouped_masked": attend(attn_mask=torch.tensor(mask), scale=0.3),
    }


def blocks(rng):
    """Pre-norm, exact GELU, no dropout; width 12, three heads, 20 inside. The biases of the attentions are zero."""
    settings = dict(dim_feedforward=20, dropout=0, activation="gelu", batch_first=True, norm_first=True)
    encoder = TransformerEncoderLayer(12, 3, **settings, dtype=torch.float64)
    decoder = TransformerDecoderLayer(12, 3, **settings, dtype=torch.float64)
    found = {}
    for block, layer in [("encoder", encoder), ("decoder", decoder)]:
        with torch.no_grad():
            for name, parameter in layer.named_parameters():
                array = rng.standard_normal(tuple(parameter.shape)) / 3
                array = array + 1 if name.startswith("norm") and name.endswith("weight") else array
                if "attn" in name and name.endswith("bias"):
                    array = np.zeros_like(array)
                parameter.copy_(torch.tensor(array))
                found[f"{block}.{name}"] = array
    x, memory = rng.standard_normal((2, 5, 12)), rng.standard_normal((2, 4, 12))
    hidden = rng.random((5, 5)) < 0.4  # here True hides
    hidden[:, 0] = False
    future = np.triu(np.ones((5, 5), bool), k=1)
    with torch.no_grad():
        tokens, remembered = torch.tensor(x), torch.tensor(memory)
        return found | {
            "block_x": x,
            "block_memory": memory,
            "block_hidden": hidden,
            "encoder": encoder(tokens).numpy(),
            "encoder_masked": encoder(tokens, src_mask=torch.tensor(hidden)).numpy(),
            "decoder": decoder(tokens, remembered, tgt_mask=torch.tensor(future)).numpy(),
            "layer_norm": layer_norm(tokens, (12,), encoder.norm1.weight, encoder.norm1.bias).numpy(),
            "layer_norm_eps": layer_norm(tokens, (12,), encoder.norm1.weight, encoder.norm1.bias, eps=0.1).numpy(),
        }


def vision(rng):
    """Patches of 3 by 3 as a strided convolution; positions of a grid of 3 by 3 as an image that is resized."""
    image, kernels = rng.standard_normal((6, 15, 2)), rng.standard_normal((7, 2, 3, 3))
    positions = rng.standard_normal((10, 4))
    convolved = conv2d(torch.tensor(image).permute(2, 0, 1)[None], torch.tensor(kernels), stride=3)
    grid = torch.tensor(positions[1:]).reshape(1, 3, 3, 4).permute(0, 3, 1, 2)
    return {
        "image": image,
        "kernels": kernels,
        "embedded": convolved[0].flatten(1).T.numpy(),
        "positions": positions,
        **{
            f"positions_{new}": interpolate(grid, (new, new), mode="bilinear", align_corners=False)[0]
            .flatten(1)
            .T.numpy()
            for new in (2, 3, 4, 7)
        },
    }


def rotary(rng):
    """Rotations as products of complex numbers, in both layouts; no two of the positions are neighbours."""
    x, positions, base = rng.standard_normal((2, 4, 8)), np.array([7, 0, 31, 2.5]), 500.0
    angles = torch.tensor(positions)[:, None] * base ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    turn = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_real(torch.view_as_complex(torch.tensor(x).reshape(2, 4, 4, 2)) * turn).flatten(-2)
    real, imaginary = torch.tensor(x).chunk(2, dim=-1)
    halves = torch.complex(real, imaginary) * turn
    return {
        "rotary_x": x,
        "rotary_positions": positions,
        "rotary_pairs": pairs.numpy(),
        "rotary_halves": torch.cat([halves.real, halves.imag], dim=-1).numpy(),
    }


def losses(rng):
    """Logits up to the thousands; one target in three is ignored. Their classes are on the second axis."""
    logits, targets = rng.standard_normal((2, 6, 5)) * [[[1]], [[1000]]], rng.integers(5, size=(2, 6))
    targets[:, ::3] = -100
    found = {"loss_logits": logits, "loss_targets": targets}
    for case, ignore in [("loss", -100), ("loss_ignore", 3)]:
        leaf = torch.tensor(logits, requires_grad=True)
        wanted = torch.tensor(np.where(targets == -100, ignore, targets))
        loss = cross_entropy(leaf.transpose(1, 2), wanted, ignore_index=ignore)
        found |= {case: loss.detach().numpy(), f"{case}_backward": torch.autograd.grad(loss, leaf)[0].numpy()}
    return found


def norms_and_gates(rng):
    """A layer norm and a GELU backward, by autograd; an RMS norm; and SwiGLU as Llama's feed-forward layers have it."""
    x, gain, bias, d_output = (rng.standard_normal(shape) for shape in [(2, 3, 8), 8, 8, (2, 3, 8)])
    W_gate, W_up, W_down = (rng.standard_normal(shape) for shape in [(8, 5), (8, 5), (5, 8)])
    leaves = tokens, *_ = [torch.tensor(array, requires_grad=True) for array in (x, gain, bias)]
    normal, bent, given = layer_norm(tokens, (8,), *leaves[1:], eps=0.1), gelu(tokens), torch.tensor(d_output)
    names = ("norm_backward_x", "norm_backward_gain", "norm_backward_bias")
    gradients = [by.numpy() for by in torch.autograd.grad(normal, leaves, given)]
    with torch.no_grad():
        gate, up, down = map(torch.tensor, (W_gate, W_up, W_down))
        return {
            "norm_x": x,
            "norm_gain": gain,
            "norm_d_output": d_output,
            "swiglu_gate": W_gate,
            "swiglu_up": W_up,
            "swiglu_down": W_down,
            **dict(zip(names, gradients, strict=True)),
            "gelu_backward": torch.autograd.grad(bent, tokens, given)[0].numpy(),
            "rms_norm": rms_norm(tokens, (8,), leaves[1], eps=1e-5).numpy(),
            "rms_norm_eps": rms_norm(tokens, (8,), leaves[1], eps=0.1).numpy(),
            "swiglu": ((silu(tokens @ gate) * (tokens @ up)) @ down).numpy(),
        }


def hugging_face():
    """GPT-J rotates neighbouring pairs, Llama halves. Both compute the angles in float32. And a small GPT-2."""
    from transformers import LlamaConfig
    from transformers.models.gptj import modeling_gptj
    from transformers.models.llama import modeling_llama

    x = np.random.default_rng(2017).standard_normal((1, 2, 4, 8))
    positions, tokens = torch.tensor([[7, 0, 31, 3]]), torch.tensor(x)
    sin, cos = modeling_gptj.create_sinusoidal_positions(32, 8)[positions[0]].double().chunk(2, dim=-1)
    by_token = modeling_gptj.apply_rotary_pos_emb(tokens.transpose(1, 2), sin[None], cos[None]).transpose(1, 2)
    config = LlamaConfig(hidden_size=16, num_attention_heads=2, head_dim=8)
    cos, sin = modeling_llama.LlamaRotaryEmbedding(config)(tokens, positions)
    return {
        "hugging_face_x": x,
        "hugging_face_positions": positions[0].numpy(),
        "hugging_face_pairs": by_token.numpy(),
        "hugging_face_halves": modeling_llama.apply_rotary_pos_emb(tokens, tokens, cos, sin)[0].numpy(),
        **gpt(),
    }


def gpt():
    """GPT-2 with the exact GELU: nine ids, six positions, two blocks of width 12, three heads, no biases there."""
    from transformers import GPT2Config, GPT2LMHeadModel

    rng = np.random.default_rng(2017)
    sizes = dict(
        vocab_size=9, n_positions=6, n_embd=12, n_layer=2, n_head=3, n_inner=20, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(GPT2Config(**sizes, activation_function="gelu")).double().eval()
    found = {}
    with torch.no_grad():
        for name, parameter in model.transformer.named_parameters():
            array = rng.standard_normal(tuple(parameter.shape)) / 3
            array = array + 1 if "ln_" in name and name.endswith("weight") else array
            if ".attn." in name and name.endswith("bias"):
                array = np.zeros_like(array)
            parameter.copy_(torch.tensor(array))
            found[f"gpt.{name}"] = array
        ids = rng.integers(9, size=(2, 5))
        return found | {"gpt_ids": ids, "gpt_logits": model(torch.tensor(ids)).logits.numpy()}


if __name__ == "__main__":
    np.savez_compressed(KEPT, **vectors(), **hugging_face())
    print(f"{KEPT.name}: {KEPT.stat().st_size / 1024:.0f} KB, by PyTorch {torch.__version__}")
