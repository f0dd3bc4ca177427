"""Combine: all must allow."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import combine_masks


def masks_of(*names):
    """Masks by name, each of its own shape, that broadcast together."""
    made = {
        "causal": np.tri(4, dtype=bool),
        "padding": np.array([[[True, True, True, False]], [[True, True, False, False]]]),
        "window": np.abs(np.subtract.outer(np.arange(4), np.arange(4))) < 2,
        "row": np.array([True, False, True, True]),
        "zeros and -inf": np.where(np.tri(4, dtype=bool), 0.0, -np.inf),
        "zeros and ones": np.tri(4, dtype=int),
        "none": None,
    }
    return tuple(made[name] for name in names)


def cases_of(combinations, promise=""):
    return [
        case(" and ".join(names) or "no mask at all", masks=masks_of(*names), promise=promise) for names in combinations
    ]


exercise = code(
    combine_masks,
    *cases_of(
        [
            ("causal", "row"),
            ("causal", "window"),
            ("causal", "padding"),
            ("causal", "padding", "window"),
            ("padding",),
        ]
    ),
    *cases_of([("none", "causal"), ("row", "none", "padding")], promise="None allows everything and is skipped."),
    *cases_of([("none", "none"), ()], promise="Where no mask is left the result is None."),
    *cases_of(
        [("causal", "zeros and -inf"), ("zeros and ones", "row")],
        promise="Raises ValueError for a mask that is not boolean.",
    ),
)


@exercise.mistake("either is enough")
def either_is_enough(*masks):
    given = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(np.broadcast_arrays(*given)) if given else None


@exercise.mistake("only the first two")
def only_the_first_two(*masks):
    given = [mask for mask in masks if mask is not None]
    return combine_masks(*given[:2])


@exercise.mistake("only the last")
def only_the_last(*masks):
    return next((mask for mask in reversed(masks) if mask is not None), None)


@exercise.mistake("only the first")
def only_the_first(*masks):
    return next((mask for mask in masks if mask is not None), None)


@exercise.mistake("masks added up")
def masks_counted_up(*masks):
    given = [mask for mask in masks if mask is not None]
    return sum(mask.astype(int) for mask in given) if given else None


@exercise.mistake("masks multiplied as numbers")
def masks_multiplied_as_numbers(*masks):
    return None if combine_masks(*masks) is None else combine_masks(*masks).astype(float)


@exercise.mistake("exactly one must allow")
def exactly_one_must_allow(*masks):
    given = [mask for mask in masks if mask is not None]
    return np.logical_xor.reduce(np.broadcast_arrays(*given)) if given else None


@exercise.mistake("stacked, and so of one shape only")
def stacked_and_so_of_one_shape_only(*masks):
    given = [mask for mask in masks if mask is not None]
    return np.all(np.stack(given), axis=0) if given else None


@exercise.mistake("an array of ones where there is no mask")
def an_array_of_ones_where_there_is_no_mask(*masks):
    given = combine_masks(*masks)
    return np.ones((1, 1), dtype=bool) if given is None else given


@exercise.mistake("True where there is no mask")
def true_where_there_is_no_mask(*masks):
    given = combine_masks(*masks)
    return True if given is None else given


@exercise.mistake("a mask of numbers is read as booleans")
def a_mask_of_numbers_is_read_as_booleans(*masks):
    return combine_masks(*(None if mask is None else np.asarray(mask, dtype=bool) for mask in masks))


@exercise.another_way
def a_running_and(*masks):
    allowed = None
    for mask in masks:
        if mask is not None:
            allowed = mask if allowed is None else allowed & mask
    return allowed


@exercise.another_way
def not_any_hides(*masks):
    hides = [~np.asarray(mask) for mask in masks if mask is not None]
    return ~np.logical_or.reduce(np.broadcast_arrays(*hides)) if hides else None
