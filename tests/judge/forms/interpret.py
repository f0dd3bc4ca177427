"""What is said of the tools of interpretation as papers' code and libraries write them."""

from collections import defaultdict

import numpy as np


def norms_of_transformed_vectors(weights, value, W_output):
    """As Kobayashi's code does it: all weighted vectors first, then their norms."""
    transformed = np.matmul(value, W_output)
    weighted = np.einsum("...qk,...km->...qkm", weights, transformed)
    return np.linalg.norm(weighted, axis=-1)


def norms_with_keepdims(weights, value, W_output):
    norms = np.sqrt(((value @ W_output) ** 2).sum(axis=-1, keepdims=True))
    return weights * norms.swapaxes(-1, -2)


def norms_of_the_values_alone(weights, value, W_output):
    return weights * np.linalg.norm(value, axis=-1)[..., None, :]


def norms_of_one_text(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=1)[None, :]


def norms_for_square_maps(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=-1, keepdims=True)


def rollout_of_the_paper(maps):
    """The identity added and the rows divided, then one joint map a layer."""
    augmented = maps + np.eye(maps.shape[1])[None, ...]
    augmented = augmented / augmented.sum(axis=-1)[..., None]
    joint = np.zeros(augmented.shape)
    joint[0] = augmented[0]
    for i in range(1, len(joint)):
        joint[i] = augmented[i].dot(joint[i - 1])
    return joint[-1]


def rollout_of_vision_transformers(maps):
    result = np.eye(maps.shape[-1])
    for attention in maps:
        a = (attention + 1.0 * np.eye(attention.shape[-1])) / 2
        a = a / a.sum(axis=-1)
        result = np.matmul(a, result)
    return result


def rollout_from_left_to_right(maps):
    result = np.eye(maps.shape[-1])
    for attention in maps:
        result = result @ (0.5 * attention + 0.5 * np.eye(maps.shape[-1]))
    return result


def flow_of_weights_alone(maps):
    return np.linalg.multi_dot(maps[::-1]) if len(maps) > 1 else maps[0]


def joint_maps_of_all_layers(maps):
    joint = [0.5 * maps[0] + 0.5 * np.eye(maps.shape[-1])]
    for attention in maps[1:]:
        joint.append((0.5 * attention + 0.5 * np.eye(maps.shape[-1])) @ joint[-1])
    return np.stack(joint)


def permutations_row_by_row(predict, weights, rng, shuffles=100):
    changes = []
    for _ in range(shuffles):
        shuffled = np.apply_along_axis(rng.permutation, -1, weights)
        changes.append(np.abs(predict(shuffled) - predict(weights)).mean())
    return np.mean(changes)


def permutations_of_the_columns(predict, weights, rng, shuffles=100):
    changes = []
    for _ in range(shuffles):
        shuffled = weights[..., rng.permutation(weights.shape[-1])]
        changes.append(np.abs(predict(shuffled) - predict(weights)).mean())
    return np.mean(changes)


def permutations_by_the_global_generator(predict, weights, rng, shuffles=100):
    np.random.seed(0)  # noqa: NPY002
    changes = []
    for _ in range(shuffles):
        shuffled = np.apply_along_axis(np.random.permutation, -1, weights)  # noqa: NPY002
        changes.append(np.abs(predict(shuffled) - predict(weights)).mean())
    return np.mean(changes)


def total_variation_distance(predict, weights, rng, shuffles=100):
    """As Jain and Wallace compare two distributions."""
    plain = predict(weights)
    distances = [0.5 * np.sum(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)]
    return float(np.mean(distances))


def ablation_by_hooks(layer, x, head):
    clean, ablated = layer(x, None), layer(x, head)
    return abs(clean - ablated).max()


def ablation_of_a_head_that_is_given(layer, x, head):
    ablated = layer(x, head) if head else layer(x, None)
    return np.abs(ablated - layer(x, None)).max()


def ablation_as_a_distance(layer, x, head):
    return np.linalg.norm(layer(x, None) - layer(x, head))


def ablation_as_a_mean(layer, x, head):
    return np.mean(np.abs(layer(x, None) - layer(x, head)))


def induction_with_a_dictionary(weights, tokens):
    places = defaultdict(list)
    scores = []
    for i, token in enumerate(tokens):
        if places[token]:
            scores.append(weights[i, places[token][-1] + 1])
        places[token].append(i)
    return sum(scores) / max(len(scores), 1)


def induction_as_a_bare_mean(weights, tokens):
    tokens = np.asarray(tokens)
    scores = []
    for i in range(1, len(tokens)):
        earlier = np.where(tokens[:i] == tokens[i])[0]
        if len(earlier) > 0:
            scores.append(weights[i, earlier[-1] + 1])
    return np.mean(scores)


def induction_stripe(weights, tokens):
    """As TransformerLens's demo scores a random sequence that is repeated once."""
    return weights.diagonal(offset=1 - len(tokens) // 2).mean()


def induction_over_all_matches(weights, tokens):
    tokens = np.asarray(tokens)
    scores = []
    for i in range(len(tokens)):
        matches = np.flatnonzero(tokens[:i] == tokens[i])
        if len(matches):
            scores.append(weights[i, matches + 1].sum())
    return float(np.mean(scores)) if scores else 0.0


def duplicate_token_score(weights, tokens):
    tokens = np.asarray(tokens)
    scores = []
    for i in range(len(tokens)):
        matches = np.flatnonzero(tokens[:i] == tokens[i])
        if len(matches):
            scores.append(weights[i, matches[-1]])
    return float(np.mean(scores)) if scores else 0.0


def map_of_weighted_vectors(A, V, W):
    return np.linalg.norm(A[..., None] * (V @ W)[..., None, :, :], axis=-1)


def rollout_of_its_authors(att_mat):
    aug = att_mat + np.eye(att_mat.shape[1])
    aug = aug / aug.sum(axis=-1)[..., None]
    joint = np.zeros(aug.shape)
    joint[0] = aug[0]
    for n in range(1, len(aug)):
        joint[n] = aug[n] @ joint[n - 1]
    return joint[-1]


def rollout_by_multi_dot(maps):
    return np.linalg.multi_dot([*(0.5 * (A + np.eye(len(A))) for A in maps[::-1]), np.eye(maps.shape[-1])])


def effect_by_sorting_noise(f, A, rng, n=100):
    y = f(A)
    tot = 0.0
    for _ in range(n):
        idx = np.argsort(rng.random(A.shape), axis=-1)
        tot += np.mean(np.abs(f(np.take_along_axis(A, idx, -1)) - y))
    return tot / n


def induction_by_list_index(weights, tokens):
    t = list(tokens)
    tot, c = (0.0, 0)
    for i, x in enumerate(t):
        if x in t[:i]:
            j = i - 1 - t[:i][::-1].index(x)
            tot += weights[i][j + 1]
            c += 1
    return tot / c if c else 0.0


def attribution_of_transformer_lens(head_outputs, W_unembed, right, wrong):
    """TransformerLens's logit difference directions, without the final norm's scale."""
    directions = W_unembed.T[right] - W_unembed.T[wrong]
    return np.einsum("...d,d->...", head_outputs, directions)


def mean_ablation_of_a_hook(layer, x, head, reference):
    """A hook that writes the mean over batch and position."""
    cached = layer(reference, None) - layer(reference, head)
    mean = cached.mean(axis=tuple(range(cached.ndim - 1)), keepdims=True)
    return np.abs(layer(x, head) + mean - layer(x, None)).max()


FORMS = [
    ("value_weighted_map", "Kobayashi's code", norms_of_transformed_vectors, "right", None),
    ("value_weighted_map", "keepdims", norms_with_keepdims, "right", None),
    ("value_weighted_map", "values alone", norms_of_the_values_alone, "wrong", "the length is taken before W_output"),
    ("value_weighted_map", "one text", norms_of_one_text, "raised", "axis 1 is not the width in a batch"),
    ("value_weighted_map", "square maps", norms_for_square_maps, "wrong", "the lengths stand on the query axis"),
    ("attention_rollout", "the paper", rollout_of_the_paper, "right", None),
    ("attention_rollout", "vision transformers", rollout_of_vision_transformers, "right", None),
    ("attention_rollout", "left to right", rollout_from_left_to_right, "wrong", "the first layer is on the left"),
    ("attention_rollout", "weights alone", flow_of_weights_alone, "wrong", "the residual is left out"),
    (
        "attention_rollout",
        "joint maps",
        joint_maps_of_all_layers,
        "wrong",
        "the rollout of every layer is returned",
    ),
    ("permutation_effect", "row by row", permutations_row_by_row, "right", None),
    (
        "permutation_effect",
        "columns",
        permutations_of_the_columns,
        "wrong",
        "every row is shuffled in the same order",
    ),
    (
        "permutation_effect",
        "the global generator",
        permutations_by_the_global_generator,
        "wrong",
        "the draws don't come from rng",
    ),
    (
        "permutation_effect",
        "Jain and Wallace",
        total_variation_distance,
        "wrong",
        "half the summed change, a total variation distance",
    ),
    ("ablation_effect", "hooks", ablation_by_hooks, "right", None),
    ("ablation_effect", "if head", ablation_of_a_head_that_is_given, "wrong", "head 0 is taken for no head"),
    ("ablation_effect", "a distance", ablation_as_a_distance, "wrong", "the Euclidean norm of the change"),
    ("ablation_effect", "a mean", ablation_as_a_mean, "wrong", "the mean change instead of the largest"),
    ("induction_score", "a dictionary", induction_with_a_dictionary, "right", None),
    ("induction_score", "a bare mean", induction_as_a_bare_mean, "edge", "NaN where nothing is repeated"),
    (
        "induction_score",
        "TransformerLens",
        induction_stripe,
        "wrong",
        "one diagonal, right only for a text that comes twice",
    ),
    (
        "induction_score",
        "all matches",
        induction_over_all_matches,
        "wrong",
        "the weights after every earlier occurrence are added up",
    ),
    (
        "induction_score",
        "duplicate tokens",
        duplicate_token_score,
        "wrong",
        "the weight on the earlier occurrence itself",
    ),
    ("value_weighted_map", "weighted vectors", map_of_weighted_vectors, "right", None),
    ("attention_rollout", "its authors'", rollout_of_its_authors, "right", None),
    ("attention_rollout", "np.linalg.multi_dot", rollout_by_multi_dot, "right", None),
    ("permutation_effect", "noise, sorted", effect_by_sorting_noise, "right", None),
    ("induction_score", "list.index", induction_by_list_index, "right", None),
    ("logit_attribution", "TransformerLens", attribution_of_transformer_lens, "right", None),
    ("mean_ablation_effect", "a hook", mean_ablation_of_a_hook, "right", None),
]
