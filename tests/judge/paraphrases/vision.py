"""Paraphrases for lesson 10."""

import numpy as np
from paraphrase import paraphrase


def require_fit(height, width, size):
    if size < 1 or height % size or width % size:
        raise ValueError(f"patches of {size} do not divide {height} by {width}")


@paraphrase("patchify", "patches taken column by column")
def window_sliding_down(image, size):
    image = np.asarray(image)
    H, W, c = image.shape
    require_fit(H, W, size)
    patches = []
    for left in range(0, W, size):
        for top in range(0, H, size):
            patches.append(image[top : top + size, left : left + size].reshape(-1))
    return np.array(patches)


@paraphrase("patchify", "pixels of a patch transposed")
def pixels_read_downwards(image, size):
    image = np.asarray(image)
    H, W, c = image.shape
    require_fit(H, W, size)
    grid = np.einsum("aibjc->abjic", image.reshape(H // size, size, W // size, size, c))
    return grid.reshape(H // size * (W // size), size * size * c)


@paraphrase("patchify", "pixels collected from all over the image")
def every_so_many_pixels(image, size):
    image = np.asarray(image)
    height, width, _ = image.shape
    require_fit(height, width, size)
    down, across = height // size, width // size
    return np.stack([image[y::down, x::across].ravel() for y in range(down) for x in range(across)])


@paraphrase("patchify", "patches that overlap")
def sliding_windows(image, size):
    image = np.asarray(image)
    require_fit(*image.shape[:2], size)
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    windows = windows.transpose(0, 1, 3, 4, 2)
    return windows.reshape(windows.shape[0] * windows.shape[1], -1)


@paraphrase("patchify", "reshape without swapping the axes")
def flat_image_in_equal_runs(image, size):
    image = np.asarray(image)
    require_fit(image.shape[0], image.shape[1], size)
    n = (image.shape[0] // size) * (image.shape[1] // size)
    return np.array(np.split(image.flatten(), n))


@paraphrase("unpatchify", "patches laid down column by column")
def filled_downwards(patches, size, height, width):
    patches = np.asarray(patches)
    require_fit(height, width, size)
    rows, columns = height // size, width // size
    if len(patches) != rows * columns or patches.shape[1] % size**2:
        raise ValueError("the patches do not fill the image")
    image = np.zeros((height, width, patches.shape[1] // size**2), patches.dtype)
    for number, patch in enumerate(patches):
        x, y = divmod(number, rows)
        image[y * size : (y + 1) * size, x * size : (x + 1) * size] = patch.reshape(size, size, -1)
    return image


@paraphrase("unpatchify", "pixels transposed inside each patch")
def strips_of_transposed_squares(patches, size, height, width):
    patches = np.asarray(patches)
    require_fit(height, width, size)
    per_row = width // size
    if patches.shape[0] * size * size != height * width or patches.shape[1] % (size * size):
        raise ValueError("the patches do not fill the image")
    squares = [np.swapaxes(p.reshape(size, size, -1), 0, 1) for p in patches]
    strips = [np.concatenate(squares[i : i + per_row], axis=1) for i in range(0, len(squares), per_row)]
    return np.concatenate(strips, axis=0)


@paraphrase("unpatchify", "rows of patches from the bottom up")
def origin_in_the_lower_corner(patches, size, height, width):
    patches = np.asarray(patches)
    require_fit(height, width, size)
    if patches.shape[0] != (height // size) * (width // size) or patches.shape[1] % (size * size):
        raise ValueError("the patches do not fill the image")
    image = np.empty((height, width, patches.shape[1] // (size * size)), dtype=patches.dtype)
    todo = iter(patches)
    for bottom in range(height, 0, -size):
        for left in range(0, width, size):
            image[bottom - size : bottom, left : left + size, :] = next(todo).reshape(size, size, -1)
    return image


@paraphrase("unpatchify", "channels joined to the columns")
def wide_rows_of_numbers(patches, size, height, width):
    patches = np.asarray(patches)
    require_fit(height, width, size)
    n, p = patches.shape
    if n * size * size != height * width or p % (size * size):
        raise ValueError("the patches do not fill the image")
    rows_of_patches = patches.reshape(height // size, width // size, size, p // size)
    return np.einsum("rcyx->rycx", rows_of_patches).reshape(height, -1)


def squares_of(image, size):
    image = np.asarray(image)
    require_fit(image.shape[0], image.shape[1], size)
    return [
        image[y : y + size, x : x + size]
        for y in range(0, image.shape[0], size)
        for x in range(0, image.shape[1], size)
    ]


@paraphrase("embed_patches", "class token at the end")
def class_token_appended(image, size, W, class_token, positions):
    tokens = [square.ravel() @ W for square in squares_of(image, size)]
    tokens.append(class_token)
    return np.array(tokens) + positions


@paraphrase("embed_patches", "class token without a position")
def positions_for_the_patches_alone(image, size, W, class_token, positions):
    image = np.asarray(image)
    H, width, c = image.shape
    require_fit(H, width, size)
    x = image.reshape(H // size, size, width // size, size, c).transpose(0, 2, 1, 3, 4).reshape(-1, size * size * c)
    x = x @ W + positions[1:]
    return np.vstack([class_token, x])


@paraphrase("embed_patches", "pixels transposed before the projection")
def columns_of_pixels_projected(image, size, W, class_token, positions):
    tokens = np.empty(np.shape(positions), np.result_type(W, class_token, positions))
    tokens[0] = class_token
    for i, square in enumerate(squares_of(image, size), start=1):
        tokens[i] = np.concatenate([square[:, x] for x in range(size)]).ravel() @ W
    tokens += positions
    return tokens


@paraphrase("embed_patches", "mean of the patches in place of the class token")
def pooled_token_in_front(image, size, W, class_token, positions):
    flat = np.stack([square.reshape(-1) for square in squares_of(image, size)])
    embedded = np.einsum("np,pm->nm", flat, W)
    pooled = embedded.mean(axis=0, keepdims=True)
    return np.concatenate((pooled, embedded), axis=0) + positions


@paraphrase("embed_patches", "patches cut by a plain reshape")
def reading_order_as_tokens(image, size, W, class_token, positions):
    image = np.asarray(image)
    require_fit(image.shape[0], image.shape[1], size)
    runs = image.reshape(-1, len(W))
    out = np.array(positions, copy=True)
    out[0] += class_token
    out[1:] += np.matmul(runs, W)
    return out


@paraphrase("embed_patches", "class token left out")
def patches_only(image, size, W, class_token, positions):
    image = np.asarray(image)
    height, width, channels = image.shape
    require_fit(height, width, size)
    grid = image.reshape(height // size, size, width // size, size, channels)
    kernel = np.reshape(W, (size, size, channels, -1))
    tokens = np.einsum("aibjc,ijcm->abm", grid, kernel)
    return tokens.reshape(-1, tokens.shape[-1]) + positions[1:]


@paraphrase("resize_positions", "half pixel forgotten")
def corner_coordinates(positions, old, new):
    positions = 1.0 * np.asarray(positions)
    if len(positions) != old * old + 1 or new < 1:
        raise ValueError("positions do not fit the grid")
    cls, grid = positions[0], positions[1:].reshape(old, old, -1)
    out = [cls]
    for i in range(new):
        for j in range(new):
            y, x = min(i * old / new, old - 1), min(j * old / new, old - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, old - 1), min(x0 + 1, old - 1)
            top = grid[y0, x0] * (1 - (x - x0)) + grid[y0, x1] * (x - x0)
            bottom = grid[y1, x0] * (1 - (x - x0)) + grid[y1, x1] * (x - x0)
            out.append(top * (1 - (y - y0)) + bottom * (y - y0))
    return np.stack(out)


@paraphrase("resize_positions", "nearest neighbor")
def copies_of_the_nearest(positions, old, new):
    positions = 1.0 * np.asarray(positions)
    if positions.shape[0] != old**2 + 1 or new < 1:
        raise ValueError("positions do not fit the grid")
    nearest = (2 * np.arange(new) + 1) * old // (2 * new)
    index = 1 + nearest[:, None] * old + nearest
    return positions[np.concatenate([[0], index.ravel()])]


@paraphrase("resize_positions", "rows and columns swapped")
def columns_before_rows(positions, old, new):
    positions = 1.0 * np.asarray(positions)
    if len(positions) != old * old + 1 or new < 1:
        raise ValueError("positions do not fit the grid")
    centres = (np.arange(new) + 0.5) / new * old - 0.5
    known = np.arange(old)
    matrix = np.array([np.interp(centres, known, unit) for unit in np.eye(old)]).T.astype(positions.dtype)
    grid = positions[1:].reshape(old, old, -1)
    wider = np.tensordot(matrix, grid, axes=(1, 1))
    both = np.tensordot(wider, matrix, axes=(1, 1)).swapaxes(1, 2)
    return np.vstack([positions[:1], both.reshape(new * new, -1)])


@paraphrase("resize_positions", "stretched along the flat sequence")
def interpolated_as_one_line(positions, old, new):
    positions = 1.0 * np.asarray(positions)
    if len(positions) != old * old + 1 or new < 1:
        raise ValueError("positions do not fit the grid")
    n_old, n_new = old * old, new * new
    at = (np.arange(n_new) + 0.5) * n_old / n_new - 0.5
    body = np.apply_along_axis(lambda column: np.interp(at, np.arange(n_old), column), 0, positions[1:])
    return np.concatenate([positions[:1], body.astype(positions.dtype)])


@paraphrase("resize_positions", "edges not clamped")
def zeros_around_the_grid(positions, old, new):
    positions = 1.0 * np.asarray(positions)
    if len(positions) != old * old + 1 or new < 1:
        raise ValueError("positions do not fit the grid")
    padded = np.pad(positions[1:].reshape(old, old, -1), ((1, 1), (1, 1), (0, 0)))

    def halfway(array, axis):
        centre = (np.arange(new) + 0.5) * old / new + 0.5
        low = np.floor(centre).astype(int)
        shape = [1, 1, 1]
        shape[axis] = new
        t = (centre - low).reshape(shape).astype(array.dtype)
        return (1 - t) * array.take(low, axis) + t * array.take(low + 1, axis)

    resized = halfway(halfway(padded, 0), 1)
    return np.concatenate([positions[:1], resized.reshape(new * new, -1)])


@paraphrase("resize_positions", "corners aligned")
def outermost_centres_kept(positions, old, new):
    positions = 1.0 * np.asarray(positions)
    if len(positions) != old * old + 1 or new < 1:
        raise ValueError("positions do not fit the grid")
    token, grid = positions[:1], positions[1:].reshape(old, old, -1)
    at = np.linspace(0, old - 1, new)

    def stretch(line):
        return np.interp(at, range(old), line)

    grid = np.apply_along_axis(stretch, 0, grid)
    grid = np.apply_along_axis(stretch, 1, grid)
    return np.concatenate([token, grid.reshape(new * new, -1).astype(positions.dtype)])
