"""What several exercises of this topic share."""

import numpy as np

from attncore.exercises.exercise import case


def scale_cases():
    return [
        case("as many queries as keys", sizes={"q": 5}),
        case("as many keys as the width", sizes={"k": 8}),
        case("a scale that is given", small=True, scale=0.3),
        case("a scale of one", scale=1.0),
        case("a scale below zero, on a batch", lead=(2,), scale=-0.3),
        case("a scale, in float32", dtype=np.float32, scale=0.3),
        case("a scale of zero", scale=0.0),
    ]
