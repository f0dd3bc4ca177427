"""Lesson 19: reading attention maps, and not over-reading them."""

import numpy as np

from attncore.shapes import shaped


@shaped("(...,q,k),(...,k,v),(v,m)->(...,q,k)")
def value_weighted_map(weights, value, W_output):
    """Measure what each key adds to each output: its weight times the length of what it hands over.

    What is handed over is value @ W_output, and its length is the Euclidean norm. For a head,
    W_output holds the head's own rows. Kobayashi et al. (2020).
    """
    lengths = np.linalg.norm(value @ W_output, axis=-1)
    return weights * lengths[..., None, :]


@shaped("(l,n,n)->(n,n)")
def attention_rollout(maps):
    """Follow attention through all layers: how much of each input reaches each last output.

    The maps come first layer to last. Half of every layer is the residual, which passes a token
    on as it is. Rows of the result are outputs, columns are inputs; rows that sum to one stay so.
    Abnar and Zuidema (2020).
    """
    reached = same = np.eye(maps.shape[-1], dtype=maps.dtype)
    for weights in maps:
        reached = (0.5 * weights + 0.5 * same) @ reached
    return reached


@shaped("_,(...,k)->()")
def permutation_effect(predict, weights, rng, shuffles=100):
    """Measure how much a prediction changes when each row's weights are dealt out anew.

    The mean, over random shuffles by `rng`, of the absolute change of predict(weights), averaged
    over its entries. Each row of `weights` is shuffled by itself: the same weights, on other
    keys. Jain and Wallace (2019).
    """
    if shuffles < 1:
        raise ValueError(f"permutation_effect: shuffles is {shuffles}, expected at least 1")
    plain = np.asarray(predict(weights))
    changes = [np.mean(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)]
    return float(np.mean(changes))


@shaped("_,(...,n,m)->()")
def ablation_effect(layer, x, head):
    """Measure how much the output changes when one head is left out.

    The largest absolute change between layer(x, None), the whole layer, and layer(x, head), the
    layer without that head. Michel et al. (2019) measure the change of the task's score instead.
    """
    return float(np.max(np.abs(layer(x, head) - layer(x, None))))


@shaped("_,(...,n,m),_,(...,r,m)->()", axes={"r": "reference row"})
def mean_ablation_effect(layer, x, head, reference):
    """Measure how much the output changes when one head brings its mean instead of what it finds.

    What a head brings is layer(x, None) - layer(x, head), with a layer as in `ablation_effect`. Its
    mean is taken over all rows of `reference`, other inputs of the layer, and stands in for it in each
    row of x. Returns the largest absolute change of the output. Wang et al. (2022a).
    """
    mean = np.mean(brought(layer, reference, head), axis=tuple(range(reference.ndim - 1)))
    return float(np.max(np.abs(mean - brought(layer, x, head))))


def brought(layer, x, head):
    """What one head adds to a layer's output."""
    return layer(x, None) - layer(x, head)


@shaped("(h,m),(m,c),_,_->(h)", axes={"c": "class"})
def logit_attribution(head_outputs, W_unembed, right, wrong):
    """Measure what each head adds to the logit of one class minus that of another.

    `head_outputs` holds what each head adds to the residual, `W_unembed` turns the residual into
    logits, and `right` and `wrong` are two classes. The final norm is left out. Elhage et al. (2021).
    """
    return head_outputs @ (W_unembed[:, right] - W_unembed[:, wrong])


@shaped("(n,n)->()")
def induction_score(weights, tokens):
    """Measure how far a head continues repetitions: it looks at what followed last time.

    The mean weight from each token that occurred before to the token just after its latest
    earlier occurrence. A text that repeats nothing scores 0. `tokens` are n words or ids.
    Olsson et al. (2022).
    """
    n = len(tokens)
    if len(weights) != n:
        raise ValueError(f"induction_score: weights is {weights.shape}, expected ({n}, {n}) for {n} tokens")
    last_seen: dict = {}
    found = []
    for i, token in enumerate(tokens):
        if token in last_seen:
            found.append(weights[i][last_seen[token] + 1])
        last_seen[token] = i
    return float(np.mean(found)) if found else 0.0
