"""The keys of the best blocks."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import causal_mask
from attncore.sparse import best, block_mask

TIES = "Ties go to the earlier block."
FEWER = "Where there are fewer blocks, all keys are allowed."


def of(name, block, n_key, n_keep, q=3, **more):
    """A case in which no two blocks of a row have the same score."""

    def scores(rng, s):
        return rng.permuted(np.broadcast_to(np.arange(s.c), (*more.get("lead", ()), s.q, s.c)), axis=-1) - 1.5

    sizes = {"q": q, "c": -(-n_key // block)}
    given = {"block_scores": scores} | more
    return case(name, sizes=sizes, block=block, n_key=n_key, n_keep=n_keep, **given)


def few_scores(rng, s):
    return rng.integers(3, size=(s.q, s.c)) * 1.0


exercise = code(
    block_mask,
    of("one of two blocks of two", 2, 4, 1, q=2),
    of("two of three blocks of two", 2, 6, 2, q=2),
    of("one of three blocks of two, the last of one key", 2, 5, 1, q=3),
    of("two of four blocks of three, the last of two keys", 3, 11, 2, q=4),
    of("as many queries as blocks", 2, 8, 1, q=4),
    of("as many queries as keys", 2, 6, 1, q=6),
    of("blocks of one", 1, 5, 2),
    of("a block longer than the sequence", 8, 5, 1),
    of("all blocks", 2, 5, 3),
    of("a batch of two", 2, 7, 2, lead=(2,)),
    of("two leading axes", 3, 8, 1, lead=(2, 4)),
    of("scores that are drawn", 4, 14, 2, q=5, block_scores=lambda rng, s: rng.standard_normal((s.q, s.c))),
    of("float32", 4, 14, 2, block_scores=lambda rng, s: rng.standard_normal((s.q, s.c)), dtype=np.float32),
    of("ties", 2, 6, 1, q=2, block_scores=lambda rng, s: np.array([[1.0, 1, 0], [0, 2, 2]]), promise=TIES),
    of("blocks that are all alike", 2, 8, 2, block_scores=lambda rng, s: np.zeros((s.q, s.c)), promise=TIES),
    of("many blocks, and few scores", 1, 40, 9, block_scores=few_scores, promise=TIES),
    of("more to keep than there are blocks", 2, 5, 7, promise=FEWER),
    of(
        "a score too few",
        2,
        5,
        1,
        block_scores=lambda rng, s: rng.standard_normal((3, 2)),
        promise="Raises ValueError for scores that are not one for each block of the n_key keys.",
    ),
    of("nothing to keep", 2, 5, 0, promise="Raises ValueError for n_keep below 1."),
)


@exercise.mistake("the worst blocks instead of the best")
def worst_blocks(block_scores, block, n_key, n_keep):
    return block_mask(-block_scores, block, n_key, n_keep)


@exercise.mistake("the blocks laid out in turn instead of side by side")
def laid_out_in_turn(block_scores, block, n_key, n_keep):
    chosen = best(block_scores, n_keep)
    return np.concatenate([chosen] * block, axis=-1)[..., :n_key]


@exercise.mistake("n_keep keys instead of n_keep blocks")
def keys_instead_of_blocks(block_scores, block, n_key, n_keep):
    return best(np.repeat(block_scores, block, axis=-1)[..., :n_key], n_keep)


@exercise.mistake("the first blocks instead of the best")
def first_blocks(block_scores, block, n_key, n_keep):
    return np.broadcast_to(np.arange(n_key) < n_keep * block, (*block_scores.shape[:-1], n_key)).copy()


@exercise.mistake("the last block is dropped where it's shorter")
def last_block_dropped(block_scores, block, n_key, n_keep):
    mask = block_mask(block_scores, block, n_key, n_keep)
    mask[..., n_key // block * block :] = False
    return mask


@exercise.mistake("a shorter last block gets keys that don't exist")
def keys_that_do_not_exist(block_scores, block, n_key, n_keep):
    return np.repeat(best(block_scores, n_keep), block, axis=-1)


@exercise.mistake("one block too many")
def one_block_too_many(block_scores, block, n_key, n_keep):
    return block_mask(block_scores, block, n_key, n_keep + 1)


@exercise.mistake("the best queries of each block")
def best_queries(block_scores, block, n_key, n_keep):
    chosen = np.swapaxes(best(np.swapaxes(block_scores, -1, -2), n_keep), -1, -2)
    return np.repeat(chosen, block, axis=-1)[..., :n_key]


@exercise.mistake("one selection for all queries")
def one_selection(block_scores, block, n_key, n_keep):
    scores = np.broadcast_to(block_scores.mean(axis=-2, keepdims=True), block_scores.shape)
    return block_mask(scores, block, n_key, n_keep)


@exercise.mistake("True marks what is left out")
def true_marks_what_is_left_out(block_scores, block, n_key, n_keep):
    return ~block_mask(block_scores, block, n_key, n_keep)


@exercise.mistake("causal, though nobody asked")
def causal(block_scores, block, n_key, n_keep):
    n_query = block_scores.shape[-2]
    return block_mask(block_scores, block, n_key, n_keep) & causal_mask(n_query, max(n_key, n_query))[:, -n_key:]


@exercise.mistake("causal, though nobody asked")
def causal_from_the_left(block_scores, block, n_key, n_keep):
    return block_mask(block_scores, block, n_key, n_keep) & np.tri(block_scores.shape[-2], n_key, dtype=bool)


@exercise.mistake("a mask of blocks instead of keys")
def of_blocks(block_scores, block, n_key, n_keep):
    return best(block_scores, n_keep)


@exercise.mistake("the places of the blocks instead of a mask")
def places(block_scores, block, n_key, n_keep):
    return np.argsort(-block_scores, axis=-1, kind="stable")[..., :n_keep]


@exercise.mistake("blocks with a positive score")
def positive_blocks(block_scores, block, n_key, n_keep):
    return np.repeat(block_scores > 0, block, axis=-1)[..., :n_key]


@exercise.mistake("all that tie with the last one are kept")
def all_ties_kept(block_scores, block, n_key, n_keep):
    least = np.sort(block_scores, axis=-1)[..., ::-1][..., min(n_keep, block_scores.shape[-1]) - 1, None]
    return np.repeat(block_scores >= least, block, axis=-1)[..., :n_key]


@exercise.mistake("ties go to the later block")
def ties_to_the_later(block_scores, block, n_key, n_keep):
    chosen = best(block_scores[..., ::-1], n_keep)[..., ::-1]
    return np.repeat(chosen, block, axis=-1)[..., :n_key]


@exercise.mistake("the order of the blocks taken for their ranks")
def order_for_ranks(block_scores, block, n_key, n_keep):
    order = np.argsort(-block_scores, axis=-1, kind="stable")
    return np.repeat(order < n_keep, block, axis=-1)[..., :n_key]


@exercise.mistake("as many keys as n_keep full blocks have")
def keys_of_full_blocks(block_scores, block, n_key, n_keep):
    return best(np.repeat(block_scores, block, axis=-1)[..., :n_key], n_keep * block)


@exercise.mistake("the own block is read as well")
def own_block_too(block_scores, block, n_key, n_keep):
    own = np.arange(block_scores.shape[-2])[:, None] // block == np.arange(n_key) // block
    return block_mask(block_scores, block, n_key, n_keep) | own


@exercise.mistake("whichever of the tied blocks comes")
def any_of_the_tied(block_scores, block, n_key, n_keep):
    if n_keep < 1 or -(-n_key // block) != block_scores.shape[-1]:
        raise ValueError("block_mask")
    places = np.argpartition(-block_scores, min(n_keep, block_scores.shape[-1]) - 1, axis=-1)[..., :n_keep]
    return (np.arange(n_key) // block == places[..., None]).any(axis=-2)


@exercise.mistake("the last blocks instead of the best")
def last_blocks(block_scores, block, n_key, n_keep):
    places = np.broadcast_to(np.arange(block_scores.shape[-1]) * 1.0, block_scores.shape)
    return block_mask(places, block, n_key, n_keep)


@exercise.other_convention("ones and zeros")
def ones_and_zeros(block_scores, block, n_key, n_keep):
    return block_mask(block_scores, block, n_key, n_keep).astype(int)


@exercise.other_convention("zeros and minus infinity")
def zeros_and_minus_infinity(block_scores, block, n_key, n_keep):
    return np.where(block_mask(block_scores, block, n_key, n_keep), 0.0, -np.inf)


@exercise.another_way
def key_by_key(block_scores, block, n_key, n_keep):
    if n_keep < 1 or -(-n_key // block) != block_scores.shape[-1]:
        raise ValueError("block_mask")
    order = np.argsort(-block_scores, axis=-1, kind="stable")[..., :n_keep]
    own = np.arange(n_key) // block
    return (own == order[..., None]).any(axis=-2)


@exercise.another_way
def ranks_looked_up(block_scores, block, n_key, n_keep):
    if n_keep < 1 or -(-n_key // block) != block_scores.shape[-1]:
        raise ValueError("block_mask")
    rank = np.argsort(np.argsort(-block_scores, axis=-1, kind="stable"), axis=-1)
    return (rank < n_keep)[..., np.arange(n_key) // block]
