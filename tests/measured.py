"""Gradients of a whole model, measured by finite differences."""

from numpy.testing import assert_allclose

from attncore.gradients import numerical_gradient
from attncore.training import named_arrays


def assert_measured(gradients, weights, loss):
    """The gradients, nested as the weights are, are those of `loss()`, which reads the weights."""
    named, arrays = named_arrays(gradients), named_arrays(weights)
    assert list(named) == list(arrays)
    for name, array in arrays.items():

        def moved(x, array=array):
            kept = array.copy()
            array[...] = x
            found = loss()
            array[...] = kept
            return found

        assert_allclose(named[name], numerical_gradient(moved, array), atol=1e-7, err_msg=name)
