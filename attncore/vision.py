"""Lesson 10: images as sequences."""

import numpy as np

from attncore.shapes import shaped


@shaped("(H,W,c):any->(n,p)", axes={"n": "patch"})
def patchify(image, size):
    """Cut an image into square patches, row by row, each laid out as one vector.

    A patch's pixels are read row by row too, the channels of a pixel side by side: p = size *
    size * c. The dtype stays, bytes stay bytes. Raises ValueError where the size does not divide
    height and width. Dosovitskiy et al. (2020).
    """
    if size < 1:
        raise ValueError(f"patchify: size is {size}, expected at least 1")
    height, width, channels = image.shape
    if height % size or width % size:
        raise ValueError(f"patchify: image is {height} by {width}, which patches of {size} do not divide")
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.swapaxes(1, 2).reshape(-1, size * size * channels)


@shaped("(n,p):any->(H,W,c)", axes={"n": "patch"})
def unpatchify(patches, size, height, width):
    """Put the patches together again: the inverse of `patchify`.

    The dtype stays, bytes stay bytes. Raises ValueError where the patches do not fill the image.
    """
    count, patch_width = patches.shape
    if size < 1 or height % size or width % size or count * size * size != height * width:
        raise ValueError(f"unpatchify: {count} patches of {size} do not fill {height} by {width}")
    if patch_width % (size * size):
        raise ValueError(f"unpatchify: patches has patch width {patch_width}, which {size} * {size} does not divide")
    grid = patches.reshape(height // size, width // size, size, size, -1)
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@shaped("(H,W,c),_,(p,m),(m),(n+1,m)->(n+1,m)")
def embed_patches(image, size, W, class_token, positions):
    """Turn an image into tokens: project each patch, put the class token first, add positions.

    W has size * size * c rows, p; the class token's row of the n + 1 positions is the first.
    Integers become float64. Dosovitskiy et al. (2020).
    """
    patches = patchify(image, size)
    if patches.shape[1] != len(W):
        raise ValueError(f"embed_patches: W has patch width {len(W)}, but the patches have {patches.shape[1]}")
    tokens = np.concatenate([class_token[None], patches @ W])
    if positions.shape != tokens.shape:
        raise ValueError(f"embed_patches: positions is {positions.shape}, expected {tokens.shape}")
    return tokens + positions


@shaped("(n,m)->(t,m)")
def resize_positions(positions, old, new):
    """Stretch the learned positions of an old by old grid of patches to a new by new one.

    Bilinear, with half-pixel centers and edges clamped; the class token's row, the first, is
    kept. positions is (old * old + 1, m), the result (new * new + 1, m). Dosovitskiy et al.
    (2020).
    """
    if len(positions) != old * old + 1:
        raise ValueError(f"resize_positions: positions has {len(positions)} rows, expected {old * old + 1}")
    if new < 1:
        raise ValueError(f"resize_positions: new is {new}, expected at least 1")
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old))).astype(positions.dtype)
    grid = positions[1:].reshape(old, old, -1)
    stretched = np.einsum("ai,bj,ijm->abm", weights, weights, grid)
    return np.concatenate([positions[:1], stretched.reshape(new * new, -1)])
