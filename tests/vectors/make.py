"""What PyTorch answers, kept in torch.npz, so that the tests compare with it where it is not installed.

Run it again only to add a comparison; the inputs are drawn by NumPy from a fixed seed, so that the rest stays the same:

    pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
    python tests/vectors/make.py

tests/test_against_torch.py reads the file; where PyTorch is installed it calls `vectors` as well.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import MultiheadAttention
from torch.nn.functional import scaled_dot_product_attention

KEPT = Path(__file__).with_name("torch.npz")
COUNTED = [(12, 3, True), (12, 3, False), (16, 1, True), (512, 8, True)]  # width, heads, bias


def vectors():
    """Inputs and PyTorch's outputs, by name. Everything is float64, and no two axes of a tensor are equal."""
    rng = np.random.default_rng(2017)
    return softmaxes(rng) | attention(rng) | multi_head(rng) | {"counted": np.array(COUNTED), "counts": counts()}


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


if __name__ == "__main__":
    np.savez_compressed(KEPT, **vectors())
    print(f"{KEPT.name}: {KEPT.stat().st_size / 1024:.0f} KB, by PyTorch {torch.__version__}")
