"""What several exercises of this topic share."""

import numpy as np

from attncore.exercises.exercise import case
from attncore.exercises.softmax.cases import GIVEN_SCALE


def scale_cases():
    """Sizes that could be taken for the width, and, in corners, a scale that is given."""

    def given(name, scale, **more):
        return case(name, scale=scale, promise=GIVEN_SCALE, **more)

    return [
        case("as many queries as keys", sizes={"q": 5}),
        case("as many keys as the width", sizes={"k": 8}),
        given("a scale that is given", 0.3, small=True),
        given("a scale of one", 1.0),
        given("a scale below zero, on a batch", -0.3, lead=(2,)),
        given("a scale, in float32", 0.3, dtype=np.float32),
        given("a scale of zero", 0.0),
    ]
