"""What several exercises of this topic share."""

import numpy as np


def sines_and_cosines(sine_angles, cosine_angles):
    """Interleave the sines of some angles with the cosines of others."""
    return np.stack([np.sin(sine_angles), np.cos(cosine_angles)], axis=-1).reshape(len(sine_angles), -1)


def geometric(n, first):
    """n slopes, the first 2^-first, each the same fraction of the one before."""
    return 2.0 ** (-first * np.arange(1, n + 1))
