"""What several exercises of this topic share."""

import numpy as np


def counted(height, width, channels, dtype=np.int64):
    """An image whose numbers count up, so that a reader sees where each one goes."""

    def make(rng, s):
        return np.arange(height * width * channels, dtype=dtype).reshape(height, width, channels)

    return make


def drawn(height, width, channels, dtype=np.float64):
    def make(rng, s):
        if dtype == np.uint8:
            return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
        return rng.standard_normal((height, width, channels))

    return make


BYTES_STAY = "The dtype stays, bytes stay bytes."


IMAGES = {  # name: image, size, height, width
    "a small example": (counted(4, 6, 1), 2, 4, 6),
    "another small example": (counted(4, 2, 3), 2, 4, 2),
    "no two axes of one length": (drawn(8, 6, 3), 2, 8, 6),
    "patches of three, two channels": (drawn(6, 9, 2), 3, 6, 9),
    "patches of four": (drawn(8, 12, 3), 4, 8, 12),
    "a square image": (drawn(6, 6, 3), 2, 6, 6),
    "patches of one pixel": (drawn(3, 5, 2), 1, 3, 5),
    "a single patch": (drawn(4, 4, 3), 4, 4, 4),
    "bytes": (drawn(4, 8, 3, np.uint8), 2, 4, 8),
}
