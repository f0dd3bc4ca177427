"""Paraphrases for lesson 19."""

from functools import reduce

import numpy as np
from paraphrase import paraphrase


@paraphrase("value_weighted_map", "the length is taken before W_output")
def norm_of_the_bare_value(weights, value, W_output):
    return weights * np.sqrt(np.einsum("...kv,...kv->...k", value, value))[..., None, :]


@paraphrase("value_weighted_map", "the length is left squared")
def energy_of_the_message(weights, value, W_output):
    message = np.einsum("...kv,vm->...km", value, W_output)
    return np.einsum("...qk,...km,...km->...qk", weights, message, message)


@paraphrase("value_weighted_map", "absolute values added up instead of the Euclidean norm")
def manhattan_length(weights, value, W_output):
    sizes = np.linalg.norm(value @ W_output, ord=1, axis=-1, keepdims=True)
    return weights * sizes.swapaxes(-1, -2)


@paraphrase("value_weighted_map", "rows are normalized to sum to one")
def shares_of_each_row(weights, value, W_output):
    handed = np.matmul(value, W_output)
    parts = weights[..., None] * handed[..., None, :, :]
    lengths = np.sqrt(np.square(parts).sum(-1))
    return lengths / lengths.sum(-1, keepdims=True)


@paraphrase("value_weighted_map", "divided by the longest value")
def longest_is_one(weights, value, W_output):
    length = np.hypot.reduce(value @ W_output, axis=-1)
    length = length / length.max(axis=-1, keepdims=True)
    return np.einsum("...qk,...k->...qk", weights, length)


@paraphrase("attention_rollout", "the identity is added without halving")
def identity_added(maps):
    identity = np.eye(maps.shape[-1], dtype=maps.dtype)
    result = identity
    for layer_map in maps:
        result = np.matmul(layer_map + identity, result)
    return result


@paraphrase("attention_rollout", "the first layer is on the left")
def chained_in_reading_order(maps):
    residual = np.identity(len(maps[0]), dtype=maps.dtype)
    return reduce(np.matmul, [(A + residual) / 2 for A in maps])


@paraphrase("attention_rollout", "the maps are multiplied element by element")
def product_over_the_layers(maps):
    return np.prod((maps + np.eye(maps.shape[-1], dtype=maps.dtype)) / 2, axis=0)


@paraphrase("attention_rollout", "the residual is added once, at the end")
def paths_then_one_residual(maps):
    joint = maps[0]
    for A in maps[1:]:
        joint = np.einsum("ij,jk->ik", A, joint)
    return 0.5 * joint + 0.5 * np.eye(joint.shape[0], dtype=joint.dtype)


@paraphrase("attention_rollout", "the residual is left out")
def matrix_chain(maps):
    return np.linalg.multi_dot(list(maps)[::-1]) if len(maps) > 1 else np.array(maps[0])


@paraphrase("attention_rollout", "the result is transposed")
def carried_forward_from_each_input(maps):
    arrived = same = np.eye(maps.shape[1], dtype=maps.dtype)
    for A in maps:
        step = 0.5 * (A + same)
        arrived = np.einsum("ij,jk->ik", arrived, step.T)
    return arrived


@paraphrase("permutation_effect", "every row is shuffled in the same order")
def columns_reordered(predict, weights, rng, shuffles=100):
    base = np.asarray(predict(weights))
    total = 0.0
    for _ in range(shuffles):
        order = rng.permutation(weights.shape[-1])
        total += np.abs(np.asarray(predict(weights[..., order])) - base).mean()
    return float(total / shuffles)


@paraphrase("permutation_effect", "the absolute value is taken of the mean change")
def distance_to_the_average_prediction(predict, weights, rng, shuffles=100):
    def deal():
        order = np.argsort(rng.random(weights.shape), axis=-1)
        return np.take_along_axis(weights, order, axis=-1)

    average = np.mean([predict(deal()) for _ in range(shuffles)], axis=0)
    return float(np.mean(np.abs(average - predict(weights))))


@paraphrase("permutation_effect", "rows are dealt to other queries")
def queries_change_places(predict, weights, rng, shuffles=100):
    before = predict(weights)
    effects = []
    for _ in range(shuffles):
        after = predict(rng.permutation(weights, axis=-2))
        effects.append(np.mean(np.absolute(np.subtract(after, before))))
    return float(sum(effects) / len(effects))


@paraphrase("permutation_effect", "the change is squared")
def mean_squared_error(predict, weights, rng, shuffles=100):
    reference = np.asarray(predict(weights))
    rows = weights.reshape(-1, weights.shape[-1])
    losses = np.zeros(shuffles)
    for s in range(shuffles):
        shuffled = np.stack([rng.permutation(row) for row in rows]).reshape(weights.shape)
        losses[s] = np.mean((np.asarray(predict(shuffled)) - reference) ** 2)
    return float(losses.mean())


@paraphrase("permutation_effect", "the weights are made equal instead of shuffled")
def against_flat_attention(predict, weights, rng, shuffles=100):
    flat = np.broadcast_to(weights.mean(axis=-1, keepdims=True), weights.shape)
    return float(np.mean(abs(np.asarray(predict(np.array(flat))) - np.asarray(predict(weights)))))


@paraphrase("permutation_effect", "the weights are shuffled only once")
def a_single_deal(predict, weights, rng, shuffles=100):
    shuffled = np.array(weights)
    for row in np.ndindex(weights.shape[:-1]):
        rng.shuffle(shuffled[row])
    return float(np.abs(np.asarray(predict(shuffled)) - np.asarray(predict(weights))).mean())


@paraphrase("ablation_effect", "the mean change instead of the largest")
def average_difference(layer, x, head):
    full, without = layer(x, None), layer(x, head)
    return float(np.mean([abs(a - b) for a, b in zip(np.ravel(full), np.ravel(without), strict=True)]))


@paraphrase("ablation_effect", "the Euclidean norm of the change")
def frobenius_distance(model, inputs, head):
    delta = np.asarray(model(inputs, None)) - np.asarray(model(inputs, head))
    return float(np.sqrt(np.sum(delta**2)))


@paraphrase("ablation_effect", "the change of the largest number")
def difference_of_maxima(layer, x, head):
    largest = [np.abs(layer(x, which)).max() for which in (None, head)]
    return float(abs(largest[0] - largest[1]))


@paraphrase("ablation_effect", "head 0 is taken for no head")
def truthy_head(layer, x, head):
    whole = layer(x, None)
    ablated = layer(x, head) if head else whole
    return float(np.abs(whole - ablated).max())


@paraphrase("ablation_effect", "only falls count")
def how_far_it_drops(layer, x, head):
    drop = np.subtract(layer(x, None), layer(x, head))
    return float(max(drop.flat))


def earlier_places(tokens, i):
    return [j for j in range(i) if tokens[j] == tokens[i]]


@paraphrase("induction_score", "the first occurrence instead of the latest")
def list_index(weights, tokens):
    tokens = list(tokens)
    scores = []
    for i, token in enumerate(tokens):
        j = tokens.index(token)
        if j < i:
            scores.append(weights[i][j + 1])
    return float(np.mean(scores)) if scores else 0.0


@paraphrase("induction_score", "the weight on the earlier occurrence itself")
def looks_at_the_copy(weights, tokens):
    total, count = 0.0, 0
    for i in range(len(tokens)):
        for j in range(i - 1, -1, -1):
            if tokens[j] == tokens[i]:
                total += float(weights[i][j])
                count += 1
                break
    return total / count if count else 0.0


@paraphrase("induction_score", "tokens seen for the first time count as zero")
def one_entry_for_every_token(weights, tokens):
    n = len(tokens)
    if not n:
        return 0.0
    entries = np.zeros(n)
    latest = {}
    for i in range(n):
        token = tokens[i]
        if token in latest:
            entries[i] = weights[i][latest[token] + 1]
        latest[token] = i
    return float(entries.mean())


@paraphrase("induction_score", "a count of largest weights instead of their mean")
def hit_rate(weights, tokens):
    hits = []
    for i in range(len(tokens)):
        before = earlier_places(tokens, i)
        if before:
            hits.append(int(np.argmax(weights[i])) == before[-1] + 1)
    return sum(hits) / len(hits) if hits else 0.0


@paraphrase("induction_score", "rows and columns are swapped")
def columns_ask(weights, tokens):
    ids = np.unique(np.asarray(tokens), return_inverse=True)[1].ravel()
    same = np.tril(ids[:, None] == ids, -1)
    repeated = np.flatnonzero(same.any(axis=1))
    if repeated.size == 0:
        return 0.0
    follower = len(ids) - np.argmax(same[repeated, ::-1], axis=1)
    return float(np.asarray(weights)[follower, repeated].mean())


@paraphrase("induction_score", "the weights after every earlier occurrence are added up")
def all_followers(weights, tokens):
    sums = [
        sum(weights[i][j + 1] for j in earlier_places(tokens, i))
        for i in range(len(tokens))
        if earlier_places(tokens, i)
    ]
    return float(np.mean(sums)) if sums else 0.0


@paraphrase("logit_attribution", "wrong minus right")
def lead_of_the_wrong_one(head_outputs, W_unembed, right, wrong):
    return np.diff((head_outputs @ W_unembed)[:, [right, wrong]], axis=1)[:, 0]


@paraphrase("logit_attribution", "a softmax for each head")
def difference_of_probabilities(head_outputs, W_unembed, right, wrong):
    logits = np.matmul(head_outputs, W_unembed)
    p = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    return [row[right] - row[wrong] for row in p]


@paraphrase("logit_attribution", "the logit of the right class alone")
def dot_with_the_right_column(head_outputs, W_unembed, right, wrong):
    return np.array([np.dot(head, W_unembed.T[right]) for head in head_outputs])


@paraphrase("mean_ablation_effect", "zero in the head's place instead of its mean")
def knocked_out(layer, x, head, reference):
    return max(np.ravel(np.abs(layer(x, None) - layer(x, head))))


@paraphrase("mean_ablation_effect", "the mean over x instead of the other inputs")
def mean_over_the_text_itself(layer, x, head, reference):
    adds = (layer(x, None) - layer(x, head)).reshape(-1, x.shape[-1])
    return np.abs(adds - adds.mean(axis=0)).max()
