"""What several exercises of this topic share."""

import numpy as np


def shares(rng, *shape):
    """Rows of tenths that sum to one: weights that can be checked by hand."""
    return rng.multinomial(10, np.full(shape[-1], 1 / shape[-1]), size=shape[:-1]) / 10
