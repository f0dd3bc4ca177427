"""What is said of vision as papers' code, libraries and courses write it."""

import numpy as np


def patches_by_transposing(image, size):
    """What einops calls (h p1) (w p2) c -> (h w) (p1 p2 c)."""
    H, W, C = image.shape
    x = image.reshape(H // size, size, W // size, size, C)
    return np.transpose(x, (0, 2, 1, 3, 4)).reshape((H // size) * (W // size), size**2 * C)


def patches_by_einsum(image, size):
    """As in the masked autoencoder's repository."""
    h, w = image.shape[0] // size, image.shape[1] // size
    x = image.reshape(h, size, w, size, image.shape[2])
    return np.einsum("hpwqc->hwpqc", x).reshape(h * w, -1)


def patches_by_slicing(image, size):
    patches = []
    for i in range(0, image.shape[0] - size + 1, size):
        for j in range(0, image.shape[1] - size + 1, size):
            patches.append(image[i : i + size, j : j + size, :].flatten())
    return np.array(patches)


def patches_by_unfold(image, size):
    """As PyTorch's unfold gives them: channels first."""
    H, W, C = image.shape
    x = np.transpose(image, (2, 0, 1)).reshape(C, H // size, size, W // size, size)
    return np.transpose(x, (1, 3, 0, 2, 4)).reshape(-1, C * size * size)


def patches_by_reshape(image, size):
    return image.reshape(-1, size * size * image.shape[-1])


def image_by_einsum(patches, size, height, width):
    h, w = height // size, width // size
    x = patches.reshape(h, w, size, size, -1)
    return np.einsum("hwpqc->hpwqc", x).reshape(h * size, w * size, -1)


def image_by_filling(patches, size, height, width):
    channels = patches.shape[1] // (size * size)
    image = np.zeros((height, width, channels), dtype=patches.dtype)
    per_row = width // size
    for index, patch in enumerate(patches):
        i, j = divmod(index, per_row)
        image[i * size : (i + 1) * size, j * size : (j + 1) * size] = patch.reshape(size, size, channels)
    return image


def image_by_reshape(patches, size, height, width):
    return patches.reshape(height, width, -1)


def tokens_by_concatenating(image, size, W, class_token, positions):
    x = patches_by_transposing(image, size) @ W
    x = np.concatenate((class_token.reshape(1, -1), x), axis=0)
    return x + positions


def tokens_into_an_array(image, size, W, class_token, positions):
    x = patches_by_transposing(image, size)
    tokens = np.zeros((len(x) + 1, W.shape[1]), dtype=image.dtype)
    tokens[0] = class_token + positions[0]
    tokens[1:] = x @ W + positions[1:]
    return tokens


def tokens_with_a_position_for_patches_only(image, size, W, class_token, positions):
    return np.vstack([class_token, patches_by_transposing(image, size) @ W + positions[1:]])


def tokens_of_a_conv_kernel(image, size, W, class_token, positions):
    x = patches_by_unfold(image, size) @ W
    return np.concatenate((class_token[None], x)) + positions


def positions_by_four_corners(positions, old, new):
    """Bilinear as image courses write it, pixel by pixel."""
    grid, out = positions[1:].reshape(old, old, -1), np.zeros((new, new, positions.shape[1]))
    for i in range(new):
        for j in range(new):
            y = min(max((i + 0.5) * old / new - 0.5, 0), old - 1)
            x = min(max((j + 0.5) * old / new - 0.5, 0), old - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, old - 1), min(x0 + 1, old - 1)
            top = grid[y0, x0] * (1 - (x - x0)) + grid[y0, x1] * (x - x0)
            bottom = grid[y1, x0] * (1 - (x - x0)) + grid[y1, x1] * (x - x0)
            out[i, j] = top * (1 - (y - y0)) + bottom * (y - y0)
    return np.concatenate([positions[:1], out.reshape(new * new, -1)])


def positions_as_scipy_zooms(positions, old, new):
    """As ViT's own repository, which zooms with SciPy: corners on corners."""
    at = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0)
    grid = positions[1:].reshape(old, old, -1)
    rows = np.apply_along_axis(lambda line: np.interp(at, np.arange(old), line), 0, grid)
    both = np.apply_along_axis(lambda line: np.interp(at, np.arange(old), line), 1, rows)
    return np.concatenate([positions[:1], both.reshape(new * new, -1)])


def positions_by_cubics(positions, old, new, a=-0.75):
    """As PyTorch's F.interpolate(mode="bicubic")."""

    def weights(t):
        near, far = lambda s: ((a + 2) * s - (a + 3)) * s * s + 1, lambda s: ((a * s - 5 * a) * s + 8 * a) * s - 4 * a
        return [far(t + 1), near(t), near(1 - t), far(2 - t)]

    def line(values, i):
        x = (i + 0.5) * old / new - 0.5
        x0 = int(np.floor(x))
        taps = [values[min(max(x0 + k, 0), old - 1)] for k in (-1, 0, 1, 2)]
        return sum(w * v for w, v in zip(weights(x - x0), taps, strict=True))

    grid = positions[1:].reshape(old, old, -1)
    rows = np.stack([line(grid, i) for i in range(new)])
    both = np.stack([line(rows.swapaxes(0, 1), j) for j in range(new)], axis=1)
    return np.concatenate([positions[:1], both.reshape(new * new, -1)])


def positions_nearest(positions, old, new):
    place = np.arange(new) * old // new
    grid = positions[1:].reshape(old, old, -1)[place][:, place]
    return np.concatenate([positions[:1], grid.reshape(new * new, -1)])


NO_REMAINDER = "Raises ValueError where the size does not divide height and width."


def patches_by_sliding_windows(image, size):
    if image.shape[0] % size or image.shape[1] % size:
        raise ValueError
    v = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))[::size, ::size]
    return np.moveaxis(v, 2, -1).reshape(-1, size * size * image.shape[2])


def image_from_tiles(patches, size, height, width):
    if len(patches) * size * size != height * width:
        raise ValueError("patches")
    cols = width // size
    tiles = [p.reshape(size, size, -1) for p in patches]
    return np.concatenate([np.concatenate(tiles[r : r + cols], axis=1) for r in range(0, len(tiles), cols)], axis=0)


def tokens_by_a_convolution(image, size, W, class_token, positions):
    K = W.reshape(size, size, image.shape[2], -1)
    rows = [class_token]
    for i in range(image.shape[0] // size):
        for j in range(image.shape[1] // size):
            rows.append(np.tensordot(image[i * size : (i + 1) * size, j * size : (j + 1) * size], K, 3))
    return np.add(rows, positions)


def positions_by_np_interp(pos, old, new):
    g = pos[1:].reshape(old, old, -1)
    at = (np.arange(new) + 0.5) * old / new - 0.5
    x = np.arange(old)
    g = np.apply_along_axis(lambda column: np.interp(at, x, column), 0, g)
    g = np.apply_along_axis(lambda row: np.interp(at, x, row), 1, g)
    return np.concatenate([pos[:1], g.reshape(-1, pos.shape[1])])


FORMS = [
    ("patchify", "as einops", patches_by_transposing, "right", None),
    ("patchify", "the masked autoencoder", patches_by_einsum, "right", None),
    ("patchify", "sliced", patches_by_slicing, "edge", "what does not fit is cut off"),
    ("patchify", "PyTorch's unfold", patches_by_unfold, "wrong", "channels first inside a patch"),
    ("patchify", "reshaped", patches_by_reshape, "wrong", "reshape without swapping the axes"),
    ("unpatchify", "the masked autoencoder", image_by_einsum, "right", None),
    (
        "unpatchify",
        "filled in",
        image_by_filling,
        "edge",
        "Raises ValueError where the patches do not fill the image.",
    ),
    ("unpatchify", "reshaped", image_by_reshape, "wrong", "reshaped without swapping the axes"),
    ("embed_patches", "concatenated", tokens_by_concatenating, "right", None),
    ("embed_patches", "into an array of the image's dtype", tokens_into_an_array, "edge", "dtype of the image kept"),
    (
        "embed_patches",
        "positions for patches alone",
        tokens_with_a_position_for_patches_only,
        "wrong",
        "class token without a position",
    ),
    ("embed_patches", "a convolution's kernel", tokens_of_a_conv_kernel, "wrong", "kernel with channels first"),
    ("resize_positions", "four corners", positions_by_four_corners, "right", None),
    ("resize_positions", "SciPy's zoom", positions_as_scipy_zooms, "wrong", "corners aligned"),
    ("resize_positions", "PyTorch's bicubic", positions_by_cubics, "wrong", "bicubic, as in DeiT and DINO"),
    ("resize_positions", "nearest", positions_nearest, "wrong", "nearest neighbor, the default of F.interpolate"),
    ("patchify", "sliding windows", patches_by_sliding_windows, "right", None),
    ("unpatchify", "tiles joined", image_from_tiles, "right", None),
    ("embed_patches", "a convolution", tokens_by_a_convolution, "right", None),
    ("resize_positions", "np.interp", positions_by_np_interp, "right", None),
]
