"""Lesson 10: images as sequences."""

import numpy as np

from attncore.shapes import as_floats, fit, shaped


def patchify(image, size):
    """Cut an image into square patches, row by row, each laid out as one vector.

    (H,W,c)->(n,p)

    A patch's pixels are read row by row too, the channels of a pixel side by side: p = size *
    size * c. The dtype stays, bytes stay bytes. Raises ValueError where the size does not divide
    height and width. Dosovitskiy et al. (2020).
    """
    image = np.asarray(image)
    if image.ndim != 3:
        raise ValueError(f"patchify: image has shape {image.shape}, expected (H, W, c)")
    if size < 1:
        raise ValueError(f"patchify: size is {size}, expected at least 1")
    height, width, channels = image.shape
    if height % size or width % size:
        raise ValueError(f"patchify: image is {height} by {width}, which patches of {size} do not divide")
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.swapaxes(1, 2).reshape(-1, size * size * channels)


def unpatchify(patches, size, height, width):
    """Put the patches together again: the inverse of `patchify`.

    (n,p)->(H,W,c)

    Raises ValueError where the patches do not fill the image.
    """
    patches = np.asarray(patches)
    if patches.ndim != 2:
        raise ValueError(f"unpatchify: patches has shape {patches.shape}, expected (n, p)")
    if size < 1:
        raise ValueError(f"unpatchify: size is {size}, expected at least 1")
    rows, columns = height // size, width // size
    if len(patches) * size * size != height * width or height % size or width % size:
        raise ValueError(f"unpatchify: {len(patches)} patches of {size} do not fill {height} by {width}")
    if patches.shape[-1] % (size * size):
        width = patches.shape[-1]
        raise ValueError(f"unpatchify: patches has patch width {width}, which {size} by {size} pixels do not divide")
    grid = patches.reshape(rows, columns, size, size, -1)
    return grid.swapaxes(1, 2).reshape(height, width, -1)


def embed_patches(image, size, W, class_token, positions):
    """Turn an image into tokens: project each patch, put the class token first, add positions.

    (H,W,c)->(n+1,m)

    W is (size * size * c, m), class_token (m), positions (n + 1, m) with the class token's row
    first. Dosovitskiy et al. (2020).
    """
    image, W = as_floats(image, "embed_patches: image"), as_floats(W, "embed_patches: W")
    class_token, positions = np.asarray(class_token), np.asarray(positions)
    patches = patchify(image, size)
    arrays = {"patches": (patches.shape, "np"), "W": (W.shape, "pm"), "class_token": (class_token.shape, "m")}
    fit("embed_patches", arrays)
    tokens = np.concatenate([class_token[None], patches @ W])
    if positions.shape != tokens.shape:
        raise ValueError(f"embed_patches: positions is {positions.shape}, expected {tokens.shape}")
    return tokens + positions


@shaped
def resize_positions(positions, old, new):
    """Stretch the learned positions of an old by old grid of patches to a new by new one.

    (n,m)->(n,m)

    Bilinear, with half-pixel centres and edges clamped; the class token's row, the first, is
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
