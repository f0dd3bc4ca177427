"""Who sees whom in a tree of drafts."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import causal_mask
from attncore.serving import tree_mask

EARLIER = "Raises ValueError for a parent that doesn't come before its node."


def tree(name, *parents, **more):
    return case(name, parents=np.array(parents), **more)


exercise = code(
    tree_mask,
    tree("a chain of three", -1, 0, 1),
    tree("two guesses for one place", -1, 0, 0),
    tree("two roots", -1, -1, 0, 1),
    tree("one root, two branches of two", -1, 0, 0, 1, 2),
    tree("a branch that goes on after another", -1, 0, 1, 0, 3, 2),
    tree("three roots and no children", -1, -1, -1),
    tree("four places deep", -1, 0, 0, 1, 1, 2, 3, 3, 5, 6),
    tree("a single node", -1),
    case("parents in a list", parents=[-1, 0, 0, 2]),
    tree("a node that is its own parent", -1, 1, promise=EARLIER),
    tree("a parent that comes later", -1, 2, 0, promise=EARLIER),
    tree("a parent of -2", -1, -2, promise=EARLIER),
)


def ancestors(parents, node):
    found = []
    while parents[node] >= 0:
        node = int(parents[node])
        found.append(node)
    return found


def depths(parents):
    return np.array([len(ancestors(parents, node)) for node in range(len(parents))])


def checked(parents):
    if any(not -1 <= parent < node for node, parent in enumerate(parents)):
        raise ValueError


@exercise.mistake("siblings see each other")
def siblings_seen(parents):
    checked(parents)
    parents = np.asarray(parents)
    return tree_mask(parents) | (parents[:, None] == parents)


@exercise.mistake("siblings see each other")
def earlier_siblings_seen(parents):
    return siblings_seen(parents) & causal_mask(len(parents))


@exercise.mistake("all earlier places are seen, on other branches too")
def earlier_places_seen(parents):
    checked(parents)
    depth = depths(parents)
    return (depth[:, None] > depth) | np.eye(len(depth), dtype=bool)


@exercise.mistake("all earlier places are seen, on other branches too")
def as_deep_or_less(parents):
    checked(parents)
    depth = depths(parents)
    return depth[:, None] >= depth


@exercise.mistake("causal, as if the tree were a chain")
def as_if_a_chain(parents):
    checked(parents)
    return causal_mask(len(parents))


@exercise.mistake("the parent alone is seen, not what is above it")
def parent_alone(parents):
    checked(parents)
    mask = np.eye(len(parents), dtype=bool)
    for node, parent in enumerate(parents):
        mask[node, parent] |= parent >= 0
    return mask


@exercise.mistake("a node doesn't see itself")
def not_itself(parents):
    return tree_mask(parents) & ~np.eye(len(parents), dtype=bool)


@exercise.mistake("a node sees what is below it, not above")
def transposed(parents):
    return tree_mask(parents).T


@exercise.mistake("a node sees what is above it and below it")
def both_ways(parents):
    mask = tree_mask(parents)
    return mask | mask.T


@exercise.mistake("everything under one root sees everything")
def whole_tree(parents):
    checked(parents)
    roots = np.array([[node, *ancestors(parents, node)][-1] for node in range(len(parents))])
    return roots[:, None] == roots


@exercise.mistake("roots see the last node: -1 was taken for a place")
def minus_one_is_a_place(parents):
    checked(parents)
    mask = np.eye(len(parents), dtype=bool)
    for node, parent in enumerate(parents):
        mask[node] |= mask[parent]
        mask[node, parent] = True
    return mask


@exercise.mistake("the roots are seen by all")
def roots_seen_by_all(parents):
    return tree_mask(parents) | (np.asarray(parents) == -1)


@exercise.mistake("no check of the parents")
def no_check(parents):
    mask = np.eye(len(parents), dtype=bool)
    for node, parent in enumerate(parents):
        if parent >= 0:
            mask[node] |= mask[parent]
    return mask


@exercise.mistake("the parent and its parent are seen, and nothing above")
def two_steps_up(parents):
    checked(parents)
    step = parent_alone(parents).astype(int)
    return step @ step > 0


@exercise.mistake("node 0 is seen by all")
def first_node_seen_by_all(parents):
    return tree_mask(parents) | (np.arange(len(parents)) == 0)


@exercise.mistake("the roots are not seen")
def roots_not_seen(parents):
    return tree_mask(parents) & ((np.asarray(parents) != -1) | np.eye(len(parents), dtype=bool))


@exercise.mistake("everything up to the parent's place is seen")
def up_to_the_parent(parents):
    checked(parents)
    return (np.arange(len(parents)) <= np.asarray(parents)[:, None]) | np.eye(len(parents), dtype=bool)


@exercise.mistake("a node sees itself alone")
def itself_alone(parents):
    checked(parents)
    return np.eye(len(parents), dtype=bool)


@exercise.mistake("a node sees its children as well")
def children_too(parents):
    return tree_mask(parents) | (np.asarray(parents) == np.arange(len(parents))[:, None])


@exercise.other_convention("True where a node may not look")
def hidden_where_true(parents):
    return ~tree_mask(parents)


@exercise.other_convention("ones and zeros in place of booleans")
def ones_and_zeros(parents):
    return tree_mask(parents).astype(int)


@exercise.other_convention("0 and minus infinity in place of booleans")
def added_to_the_scores(parents):
    return np.where(tree_mask(parents), 0.0, -np.inf)


@exercise.another_way
def up_to_the_root(parents):
    mask = np.zeros((len(parents), len(parents)), dtype=bool)
    for node in range(len(parents)):
        up = node
        while up != -1:
            mask[node, up] = True
            if not -1 <= parents[up] < up:
                raise ValueError(f"the parent of node {up} is {parents[up]}")
            up = parents[up]
    return mask


@exercise.another_way
def powers_of_the_parents(parents):
    n = len(parents)
    checked(parents)
    step = np.eye(n) + (np.asarray(parents)[:, None] == np.arange(n))
    return np.linalg.matrix_power(step, n) > 0
