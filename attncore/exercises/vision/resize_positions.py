"""Positions for another resolution."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.vision import resize_positions


def resize_case(name, old, new, m, small=False, dtype=np.float64, **more):
    def positions(rng, s):
        return np.round(rng.standard_normal((old * old + 1, m)), 1 if small else 6)

    return case(name, dtype=dtype, positions=positions, old=old, new=new, **more)


exercise = code(
    resize_positions,
    resize_case("a small example", 2, 4, 1, small=True),
    resize_case("another small example", 2, 3, 2, small=True),
    resize_case("three to five", 3, 5, 4),
    resize_case("four to seven", 4, 7, 3),
    resize_case("the same grid", 3, 3, 5),
    resize_case("a smaller grid", 6, 4, 3),
    resize_case("half as many", 6, 3, 2),
    resize_case("to a single patch", 3, 1, 4),
    resize_case("float32", 3, 4, 5, dtype=np.float32),
)


def stretched(positions, old, new, weights):
    """The grid of patches under (new, old) weights for its rows and columns, after the class token's row."""
    grid = positions[1:].reshape(old, old, -1)
    return np.concatenate([positions[:1], np.einsum("ai,bj,ijm->abm", weights, weights, grid).reshape(new * new, -1)])


def triangles(at, old):
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)))


def centers(old, new):
    return (np.arange(new) + 0.5) * old / new - 0.5


@exercise.mistake("half pixel forgotten")
def half_pixel_forgotten(positions, old, new):
    at = np.clip(np.arange(new) * old / new, 0, old - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)))
    grid = positions[1:].reshape(old, old, -1)
    stretched = np.einsum("ai,bj,ijm->abm", weights, weights, grid)
    return np.concatenate([positions[:1], stretched.reshape(new * new, -1)])


@exercise.mistake("edges not clamped")
def edges_not_clamped(positions, old, new):
    return stretched(positions, old, new, triangles(centers(old, new), old))


@exercise.mistake("nearest neighbor")
def nearest_neighbor(positions, old, new):
    nearest = np.clip(np.floor(centers(old, new) + 0.5), 0, old - 1)
    return stretched(positions, old, new, triangles(nearest, old))


@exercise.mistake("nearest neighbor, the default of F.interpolate")
def nearest_neighbor_the_default_of_F_interpolate(positions, old, new):
    return stretched(positions, old, new, triangles(np.floor(np.arange(new) * old / new), old))


@exercise.mistake("rows and columns swapped")
def rows_and_columns_swapped(positions, old, new):
    at = np.clip(centers(old, new), 0, old - 1)
    grid = positions[1:].reshape(old, old, -1).swapaxes(0, 1)
    turned = np.concatenate([positions[:1], grid.reshape(old * old, -1)])
    return stretched(turned, old, new, triangles(at, old))


@exercise.mistake("stretched along the flat sequence")
def stretched_along_the_flat_sequence(positions, old, new):
    at = np.clip(centers(old * old, new * new), 0, old * old - 1)
    return np.concatenate([positions[:1], triangles(at, old * old) @ positions[1:]])


@exercise.mistake("class token dropped")
def class_token_dropped(positions, old, new):
    return resize_positions(positions, old, new)[1:]


@exercise.mistake("last row taken for the class token")
def last_row_taken_for_the_class_token(positions, old, new):
    turned = np.concatenate([positions[-1:], positions[:-1]])
    new_rows = resize_positions(turned, old, new)
    return np.concatenate([new_rows[1:], new_rows[:1]])


@exercise.mistake("class token resized with the patches")
def class_token_resized_with_the_patches(positions, old, new):
    at = np.clip(centers(old * old + 1, new * new + 1), 0, old * old)
    return triangles(at, old * old + 1) @ positions


@exercise.mistake("class token set to zero")
def class_token_set_to_zero(positions, old, new):
    rows = resize_positions(positions, old, new)
    return np.concatenate([np.zeros_like(rows[:1]), rows[1:]])


@exercise.mistake("old grid repeated like tiles")
def old_grid_repeated_like_tiles(positions, old, new):
    grid = positions[1:].reshape(old, old, -1)
    places = np.arange(new) % old
    return np.concatenate([positions[:1], grid[places][:, places].reshape(new * new, -1)])


@exercise.mistake("only the columns interpolated")
def only_the_columns_interpolated(positions, old, new):
    at = np.clip(centers(old, new), 0, old - 1)
    grid = positions[1:].reshape(old, old, -1)[np.round(at).astype(int)]
    rows = np.einsum("bj,ajm->abm", triangles(at, old), grid)
    return np.concatenate([positions[:1], rows.reshape(new * new, -1)])


@exercise.mistake("only the rows interpolated")
def only_the_rows_interpolated(positions, old, new):
    at = np.clip(centers(old, new), 0, old - 1)
    grid = positions[1:].reshape(old, old, -1)[:, np.round(at).astype(int)]
    rows = np.einsum("ai,ibm->abm", triangles(at, old), grid)
    return np.concatenate([positions[:1], rows.reshape(new * new, -1)])


@exercise.mistake("the class token comes last")
def class_token_comes_last(positions, old, new):
    return np.roll(resize_positions(positions, old, new), -1, axis=0)


@exercise.mistake("class token resized with the patches")
def ends_of_the_flat_sequence_kept(positions, old, new):
    return triangles(np.linspace(0, old * old, new * new + 1), old * old + 1) @ positions


@exercise.mistake("old grid repeated like tiles")
def old_sequence_repeated(positions, old, new):
    return np.concatenate([positions[:1], positions[1:][np.arange(new * new) % (old * old)]])


@exercise.mistake("the mean of all positions for the class token")
def mean_for_the_class_token(positions, old, new):
    return np.concatenate([positions.mean(axis=0, keepdims=True), resize_positions(positions, old, new)[1:]])


@exercise.mistake("new over old instead of old over new")
def sizes_swapped(positions, old, new):
    at = np.clip((np.arange(new) + 0.5) * new / old - 0.5, 0, old - 1)
    return stretched(positions, old, new, triangles(at, old))


@exercise.mistake("the edges are carried on in a straight line")
def edges_carried_on(positions, old, new):
    at = centers(old, new)
    low = np.clip(np.floor(at), 0, max(old - 2, 0)).astype(int)
    share, same = (at - low)[:, None], np.eye(old)
    return stretched(positions, old, new, same[low] * (1 - share) + same[np.minimum(low + 1, old - 1)] * share)


@exercise.mistake("each position is made length 1")
def each_position_made_length_one(positions, old, new):
    rows = resize_positions(positions, old, new)[1:]
    return np.concatenate([positions[:1], rows / np.linalg.norm(rows, axis=1, keepdims=True)])


@exercise.other_convention("corners aligned")
def corners_aligned(positions, old, new):
    return stretched(positions, old, new, triangles(np.linspace(0, old - 1, new), old))


@exercise.other_convention("smoothed before it shrinks")
def smoothed_before_it_shrinks(positions, old, new):
    return stretched(positions, old, new, smoothing(lambda distance: np.maximum(0, 1 - distance), old, new))


def smoothing(kernel, old, new):
    """Antialiased weights: the kernel grows as wide as the new patches, and each row sums to one."""
    distance = np.abs(centers(old, new)[:, None] - np.arange(old)) / max(1, old / new)
    weights = kernel(distance)
    return weights / weights.sum(axis=1, keepdims=True)


def cubic(a):
    """Keys' cubic kernel of a distance; libraries differ in `a`."""
    return lambda t: np.where(
        t <= 1,
        ((a + 2) * t - (a + 3)) * t**2 + 1,
        np.where(t < 2, a * (((t - 5) * t + 8) * t - 4), 0),
    )


@exercise.other_convention("bicubic, as in DeiT and DINO")
def bicubic_as_in_DeiT_and_DINO(positions, old, new):
    at, weights = centers(old, new), np.zeros((new, old))
    for tap in range(-1, 3):
        place = np.floor(at) + tap
        inside = np.clip(place, 0, old - 1).astype(int)
        np.add.at(weights, (np.arange(new), inside), cubic(-0.75)(np.abs(at - place)))
    return stretched(positions, old, new, weights)


@exercise.other_convention("bicubic and smoothed, as in timm")
def bicubic_and_smoothed_as_in_timm(positions, old, new):
    return stretched(positions, old, new, smoothing(cubic(-0.5), old, new))


@exercise.another_way
def four_neighbors(positions, old, new):
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = at.astype(int)
    high, share = np.minimum(low + 1, old - 1), (at - low)[:, None]
    grid = positions[1:].reshape(old, old, -1)
    rows = grid[low] * (1 - share[..., None]) + grid[high] * share[..., None]
    both = rows[:, low] * (1 - share) + rows[:, high] * share
    return np.vstack([positions[:1], both.reshape(new * new, -1)])


@exercise.another_way
def column_by_column_with_interp(positions, old, new):
    at = (np.arange(new) + 0.5) * old / new - 0.5
    grid = positions[1:].reshape(old, old, -1)
    rows = np.apply_along_axis(lambda line: np.interp(at, np.arange(old), line), 0, grid)
    both = np.apply_along_axis(lambda line: np.interp(at, np.arange(old), line), 1, rows)
    return np.concatenate([positions[:1], both.reshape(new * new, -1)])
