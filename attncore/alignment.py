"""Lesson 03: alignment, translation before the Transformer."""

import numpy as np

from attncore.shapes import shaped
from attncore.softmax import masked_softmax, softmax


@shaped("(...,s),(...,k,m),(a,s),(a,m),(a)->(...,k)")
def additive_scores(state, memory, W_state, W_memory, v):
    """Score every memory state against the decoder's state by a small network.

    The score of memory j is v . tanh(W_state state + W_memory memory_j); the weights are applied
    from the left, as the paper writes them. Bahdanau et al. (2014).
    """
    hidden = np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T)
    return hidden @ v


@shaped("(...,m),(...,k,m)->(...,k)")
def dot_scores(state, memory):
    """Score every memory state by its dot product with the decoder's state.

    Not scaled. Luong et al. (2015), "dot".
    """
    return np.squeeze(memory @ state[..., None], axis=-1)


@shaped("(...,s),(...,k,m),(s,m)->(...,k)")
def general_scores(state, memory, W):
    """Score every memory state by a bilinear form: state . W memory.

    The two may differ in width. Luong et al. (2015), "general".
    """
    return dot_scores(state @ W, memory)


@shaped("(...,s),(...,k,m),(a,s+m),(a)->(...,k)")
def concat_scores(state, memory, W, v):
    """Score every memory state by a small network on both, joined: v . tanh(W [state; memory]).

    The state comes first. Luong et al. (2015), "concat"; with W cut in two it is the additive
    score.
    """
    width = state.shape[-1]
    return additive_scores(state, memory, W[:, :width], W[:, width:], v)


@shaped("(...,k),(...)->(...,k)")
def local_weights(scores, center, half_width):
    """Weigh the memory near a predicted position: softmax in a window, times a Gaussian bell.

    The window holds the positions j with |j - center| <= half_width; the softmax runs inside it,
    the bell has the standard deviation half_width / 2, and nothing is normalized again. The
    center need not be a whole number. A window with no position inside gives zeros. Scores in the
    thousands don't overflow. Raises ValueError unless the half width is positive. Luong et al.
    (2015), "local-p".
    """
    if not half_width > 0:
        raise ValueError(f"local_weights: half_width is {half_width}, expected a positive number")
    distance = np.arange(scores.shape[-1]) - center[..., None]
    inside = np.abs(distance) <= half_width
    bell = np.exp(-(distance**2) / (2 * (half_width / 2) ** 2))
    return masked_softmax(scores[..., None, :], inside[..., None, :])[..., 0, :] * bell.astype(scores.dtype)


@shaped("(...,k),(...,k,m)->(...,m)")
def align(scores, memory):
    """Return the context vector: the mean of the memory, weighted by a softmax of the scores.

    Every memory state takes part. Scores in the thousands don't overflow. Bahdanau et al. (2014).
    """
    return np.squeeze(softmax(scores)[..., None, :] @ memory, axis=-2)
