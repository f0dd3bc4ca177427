"""The small example that runs through lessons 01, 02, 04 and 05: three tokens of width two, whole numbers.

The first query scores the keys 3, 1 and 0, so that its weights and its output can be worked out by hand; the second
scores all of them alike.
"""

import numpy as np

QUERY = np.array([[1.0, 1.0], [0.0, 1.0], [-1.0, 2.0]])
KEY = np.array([[2.0, 1.0], [0.0, 1.0], [-1.0, 1.0]])
VALUE = np.array([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
