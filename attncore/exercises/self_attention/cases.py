"""What several exercises of this topic share."""

import numpy as np

from attncore.exercises.exercise import case
from attncore.exercises.fixtures import (
    causal_average,
    first_and_last,
    first_pair,
    last_to_first,
    neighbors,
    next_token,
    one_coordinate,
    only_itself,
    opposite_coordinates,
    plain_attention,
    rounding_noise,
    running_average,
    with_positions,
)

LAYERS = (
    plain_attention,
    with_positions,
    running_average,
    neighbors,
    causal_average,
    next_token,
    only_itself,
    first_and_last,
    one_coordinate,
    opposite_coordinates,
    first_pair,
    last_to_first,
    rounding_noise,
)


ROUNDING = "A change of more than 1e-9 counts."


def layer_cases(layers, corners=None, **given):
    """A case for each layer on a small input and one on a longer; `corners` maps layers to the sentence they test."""
    named = [(f.__name__.replace("_", " "), f) for f in layers]
    small = [(name, f, 3, 3, True) for name, f in named]  # of width 2 a layer norm leaves nothing but signs
    longer = [(f"{name}, six tokens", f, 6, 5, False) for name, f in named]
    return [
        case(
            name,
            small=is_small,
            promise=(corners or {}).get(f, ""),
            layer=lambda rng, s, f=f: f,
            sizes={"n": n, "m": m},
            x=lambda rng, s: np.round(rng.standard_normal((s.n, s.m)), 1),
            **given,
        )
        for name, f, n, m, is_small in small + longer
    ]
