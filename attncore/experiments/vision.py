"""Lesson 10: a small ViT beside a small convolution, with few images and with many."""

import math
from typing import NamedTuple

import numpy as np

from attncore.backpropagation import bias_backward, encoder_block_backward, matrix_backward
from attncore.experiments.blocks import start_block
from attncore.gradients import layer_norm_backward
from attncore.shapes import shaped
from attncore.softmax import cross_entropy, cross_entropy_backward
from attncore.training import train
from attncore.transformer import EncoderWeights, encoder_block, layer_norm
from attncore.vision import patchify

SIZE, PATCH, KERNEL = 8, 4, 5  # pixels along the side of an image, of a patch and of a kernel
GLYPHS = """
X.... XXXXX ..X.. X...X X...X XXXXX XXXXX X...X
X.... ..X.. ..X.. .X.X. X...X X...X ...X. X...X
X.... ..X.. XXXXX ..X.. X...X X...X ..X.. XXXXX
X.... ..X.. ..X.. .X.X. X...X X...X .X... X...X
XXXXX ..X.. ..X.. X...X XXXXX XXXXX XXXXX X...X
"""


class ViTWeights(NamedTuple):
    """A ViT of one block: patch projection (p, m), class token (m), positions (n+1, m), the block, W_class (m, c)."""

    W_patch: np.ndarray
    class_token: np.ndarray
    positions: np.ndarray
    block: EncoderWeights
    W_class: np.ndarray


class ConvolutionWeights(NamedTuple):
    """A convolution: kernels (25, k), their biases (k), and W_class (k, c)."""

    kernels: np.ndarray
    biases: np.ndarray
    W_class: np.ndarray


def shapes():
    """The eight shapes, (8, 5, 5), ones and zeros."""
    rows = [row.split() for row in GLYPHS.split("\n")[1:-1]]
    return np.array([[[mark == "X" for mark in row[i]] for row in rows] for i in range(len(rows[0]))], dtype=float)


def drawn_images(rng, n, columns=(0, 1, 2, 3), noise=0.3):
    """Draw n images of noise, each with one of the eight shapes: returns (images (n, 8, 8), labels).

    The shape begins in any row that has room for it, and in one of the columns.
    """
    images, labels = noise * rng.standard_normal((n, SIZE, SIZE)), rng.integers(8, size=n)
    rows, columns, drawn = rng.integers(SIZE - 4, size=n), rng.choice(columns, size=n), shapes()
    for image, label, row, column in zip(images, labels, rows, columns, strict=True):
        image[row : row + 5, column : column + 5] += drawn[label]
    return images, labels


def start_vit(rng, m=32):
    """Draw the initial weights of a `ViTWeights`."""

    def matrix(rows, columns):
        return rng.standard_normal((rows, columns)) / math.sqrt(rows)

    n = (SIZE // PATCH) ** 2
    tables = 0.1 * rng.standard_normal(m), 0.1 * rng.standard_normal((n + 1, m))
    return ViTWeights(matrix(PATCH * PATCH, m), *tables, start_block(rng, m, m), matrix(m, 8))


def patches_of(images):
    """The patches of every image, (b, n, p): one call cuts them all, each image as a channel."""
    patches = patchify(np.moveaxis(images, 0, -1), PATCH)
    return np.moveaxis(patches.reshape(len(patches), -1, len(images)), -1, 0)


def embed(images, weights):
    """The patches (b, n, p), and the tokens (b, n + 1, m) that they become."""
    patches = patches_of(images)
    first = np.broadcast_to(weights.class_token, (len(images), 1, len(weights.class_token)))
    return patches, np.concatenate([first, patches @ weights.W_patch], axis=1) + weights.positions


def last_norm(x):
    """A layer norm's gain and bias that do nothing."""
    return np.ones(x.shape[-1]), np.zeros(x.shape[-1])


def vit_logits(images, weights, n_heads=4):
    """Score every class from the class token behind one block and a norm."""
    x = encoder_block(embed(images, weights)[1], weights.block, n_heads)[:, 0]
    return layer_norm(x, *last_norm(x)) @ weights.W_class


@shaped("(b,H,W),(b):int->()", returns="loss, gradients")
def vit_backward(images, labels, weights, n_heads=4):
    """Run the ViT forward and backward: returns (loss, gradients), nested like the weights."""
    patches, tokens = embed(images, weights)
    x = encoder_block(tokens, weights.block, n_heads)
    gain, bias = last_norm(x)
    normal = layer_norm(x[:, 0], gain, bias)
    logits = normal @ weights.W_class
    d_logits = cross_entropy_backward(logits, labels)
    d_x = np.zeros_like(x)
    d_x[:, 0], _, _ = layer_norm_backward(x[:, 0], gain, d_logits @ weights.W_class.T)
    d_tokens, d_block = encoder_block_backward(tokens, weights.block, d_x, n_heads)
    d_tables = d_tokens[:, 0].sum(axis=0), d_tokens.sum(axis=0)
    d_patch, d_class = matrix_backward(patches, d_tokens[:, 1:]), matrix_backward(normal, d_logits)
    return cross_entropy(logits, labels), ViTWeights(d_patch, *d_tables, d_block, d_class)


def start_convolution(rng, n_kernels=16):
    """Draw the initial weights of a `ConvolutionWeights`."""
    kernels = rng.standard_normal((KERNEL * KERNEL, n_kernels)) / KERNEL
    return ConvolutionWeights(kernels, np.zeros(n_kernels), rng.standard_normal((n_kernels, 8)) / math.sqrt(n_kernels))


def strongest(images, weights):
    """Where each kernel answers most: the windows (b, k, 25), and the answers (b, k) through a ReLU."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (KERNEL, KERNEL), axis=(1, 2))
    windows = windows.reshape(len(images), -1, KERNEL * KERNEL)
    answers = windows @ weights.kernels
    best = answers.argmax(axis=1)
    answer = np.take_along_axis(answers, best[:, None], axis=1)[:, 0] + weights.biases
    return np.take_along_axis(windows, best[..., None], axis=1), np.maximum(answer, 0)


def convolution_logits(images, weights):
    """Score every class from the strongest answer of each kernel, wherever in the image it is."""
    return strongest(images, weights)[1] @ weights.W_class


@shaped("(b,H,W),(b):int->()", returns="loss, gradients")
def convolution_backward(images, labels, weights):
    """Run the convolution forward and backward: returns (loss, gradients), nested like the weights."""
    windows, answer = strongest(images, weights)
    logits = answer @ weights.W_class
    d_logits = cross_entropy_backward(logits, labels)
    d_answer = np.where(answer > 0, d_logits @ weights.W_class.T, 0)
    d_kernels = np.einsum("bkp,bk->pk", windows, d_answer)
    gradients = ConvolutionWeights(d_kernels, bias_backward(d_answer), matrix_backward(answer, d_logits))
    return cross_entropy(logits, labels), gradients


MODELS = {
    "ViT": (start_vit, vit_backward, vit_logits),
    "convolution": (start_convolution, convolution_backward, convolution_logits),
}


class VisionRuns(NamedTuple):
    """What came out, by model: accuracy after each number of images; and where shapes stood in training, and beside."""

    counts: tuple
    accuracies: dict
    moved: dict


def vision_experiment(counts=(100, 2000), steps=200, seed=0):
    """Train a ViT and a convolution, and test them on new images: returns `VisionRuns`.

    For `accuracies`, shapes stand anywhere. For `moved`, both models train on the last number of images, in which
    shapes begin in one of the first two columns; they're tested there, and then on shapes that begin in the next two.
    """
    runs = VisionRuns(counts, {}, {})
    for name in MODELS:
        anywhere, left, right = (0, 1, 2, 3), (0, 1), (2, 3)
        runs.accuracies[name] = [trained(name, count, anywhere, [anywhere], steps, seed)[0] for count in counts]
        runs.moved[name] = trained(name, counts[-1], left, [left, right], steps, seed)
    return runs


def trained(name, count, columns, tested, steps, seed):
    """Train a model on so many images with shapes in these columns; the accuracy where each of `tested` has them."""
    start, backward, logits = MODELS[name]
    rng = np.random.default_rng(seed)
    images, labels = drawn_images(rng, count, columns)
    weights, chosen = start(rng), rng.integers(count, size=(steps, 64))
    train(weights, lambda *batch: backward(*batch, weights), ((images[i], labels[i]) for i in chosen))
    tests = [drawn_images(rng, 500, places) for places in tested]
    return [float(np.mean(logits(new, weights).argmax(axis=-1) == right)) for new, right in tests]
