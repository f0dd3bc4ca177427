"""What the tests of the mathematics share."""

import re

import numpy as np
import pytest
from hypothesis import settings

from attncore import loops
from attncore.shapes import shape_line

settings.register_profile("course", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("course")


@pytest.fixture
def rng():
    return np.random.default_rng(2017)


@pytest.fixture
def by_loop():
    """Apply the definition of the same name in loops.py, once at every place of the leading axes."""

    def apply(function, *arrays, **others):
        inputs, (output, *_) = shape_line(function)
        inputs = inputs + [("q", "k")] * (len(arrays) - len(inputs))  # a mask may follow
        signature = ",".join(map(core, inputs)) + "->" + core(output)
        definition = getattr(loops, function.__name__)
        return np.vectorize(lambda *rows: np.array(definition(*rows, **others)), signature=signature)(*arrays)

    return apply


def core(axes):
    """The axes that are not leading, as NumPy writes them: ("...", "h", "m/h") is "(h,mh)"."""
    own = ["row"] if axes == ("...",) else [axis for axis in axes if axis != "..."]
    return "(" + re.sub(r"[/*]", "", ",".join(own)) + ")"
