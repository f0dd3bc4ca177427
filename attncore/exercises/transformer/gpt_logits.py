"""A GPT whole: from ids to logits."""

import math
from functools import partial

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.transformer.cases import head_weights, layer_weights, norm_weights
from attncore.heads import multi_head_attention
from attncore.masks import causal_mask
from attncore.softmax import log_softmax, softmax
from attncore.transformer import (
    EncoderWeights,
    GPTWeights,
    encoder_block,
    feed_forward,
    gpt_logits,
    layer_norm,
    rms_norm,
)

NO_ROW = "Raises ValueError for an id that has no row, and for more ids than there are positions."


def model(n_blocks, n_ids, n_positions):
    """Weights of a GPT, made by the lengths of a case."""

    def make(rng, s):
        def block():
            return EncoderWeights(
                norm_weights(rng, s), head_weights(rng, s), norm_weights(rng, s), layer_weights(rng, s)
            )

        rows = np.round(rng.standard_normal((n_ids + n_positions, s.m)), 1)
        return GPTWeights(rows[:n_ids], rows[n_ids:], tuple(block() for _ in range(n_blocks)), *norm_weights(rng, s))

    return make


def text(name, ids, n_heads=2, n_blocks=1, n_ids=5, n_positions=7, small=True, **more):
    weights = model(n_blocks, n_ids, n_positions)
    return case(name, ids=lambda rng, s: np.array(ids), weights=weights, n_heads=n_heads, small=small, **more)


exercise = code(
    gpt_logits,
    text("two ids", [3, 1]),
    text("one id", [2]),
    text("no block at all", [3, 1, 4], n_blocks=0),
    text("two blocks", [0, 4, 2], n_blocks=2),
    text("the same id three times", [1, 1, 1]),
    text("as many ids as positions, in descending order", [4, 3, 2, 1, 0], n_positions=5),
    text("three blocks of three heads, no two axes of one length", [7, 0, 3, 8, 3], 3, 3, 9, 11, small=False),
    text("as many ids in the vocabulary as the width", [3, 0, 2], n_ids=4, n_positions=4),
    text("a batch of two", [[3, 1, 0], [2, 2, 4]], n_blocks=2),
    text("two leading axes", [[[1, 0, 4, 4]], [[2, 3, 0, 1]], [[4, 4, 4, 0]]], 3, 2, small=False),
    text("an id beyond the last row", [3, 5], promise=NO_ROW),
    text("an id below zero", [3, -1], promise=NO_ROW),
    text("more ids than positions", [3, 1, 0], n_positions=2, promise=NO_ROW),
)


def place_of(ids):
    return np.arange(ids.shape[-1])


def through(x, weights, n_heads, mask="causal", norm=layer_norm):
    """The blocks, the last norm and the tied embedding, from what goes into the first block."""
    mask = causal_mask(x.shape[-2]) if isinstance(mask, str) else mask
    for block in weights.blocks:
        x = encoder_block(x, block, n_heads, mask)
    return norm(x, weights.gain, weights.bias) @ weights.token_embedding.T


def embedded(ids, weights):
    return weights.token_embedding[ids] + weights.position_embedding[place_of(ids)]


def starting_from(label):
    """A wrong solution that differs in what goes into the blocks."""

    def add(embed):
        @exercise.mistake(label)
        def logits(ids, weights, n_heads):
            return through(embed(ids, weights), weights, n_heads)

        return embed

    return add


def ending_with(label):
    """A wrong solution that differs in what happens after the blocks."""

    def add(finish):
        @exercise.mistake(label)
        def logits(ids, weights, n_heads):
            x = embedded(ids, weights)
            for block in weights.blocks:
                x = encoder_block(x, block, n_heads, causal_mask(x.shape[-2]))
            return finish(x, weights)

        return finish

    return add


@starting_from("no positions")
def no_positions(ids, weights):
    return weights.token_embedding[ids]


@starting_from("positions counted from one")
def positions_from_one(ids, weights):
    last = len(weights.position_embedding) - 1
    return weights.token_embedding[ids] + weights.position_embedding[np.minimum(place_of(ids) + 1, last)]


@starting_from("the last positions instead of the first")
def last_positions(ids, weights):
    return weights.token_embedding[ids] + weights.position_embedding[-ids.shape[-1] :]


@starting_from("one position for all tokens")
def one_position_for_all(ids, weights):
    return weights.token_embedding[ids] + weights.position_embedding[0]


@starting_from("positions by the id instead of the place")
def positions_by_the_id(ids, weights):
    return weights.token_embedding[ids] + weights.position_embedding[ids % len(weights.position_embedding)]


@starting_from("positions multiplied instead of added")
def positions_multiplied(ids, weights):
    return weights.token_embedding[ids] * weights.position_embedding[place_of(ids)]


@starting_from("token embeddings scaled by the root of the width")
def scaled_embeddings(ids, weights):
    root = math.sqrt(weights.token_embedding.shape[-1])
    return weights.token_embedding[ids] * root + weights.position_embedding[place_of(ids)]


@starting_from("the last norm at the beginning as well")
def normalized_at_the_beginning(ids, weights):
    return layer_norm(embedded(ids, weights), weights.gain, weights.bias)


@ending_with("no last norm")
def no_last_norm(x, weights):
    return x @ weights.token_embedding.T


@ending_with("the last norm without gain and bias")
def last_norm_without_its_weights(x, weights):
    return layer_norm(x, np.ones_like(weights.gain), np.zeros_like(weights.bias)) @ weights.token_embedding.T


@ending_with("RMSNorm at the end")
def rms_norm_at_the_end(x, weights):
    return rms_norm(x, weights.gain) @ weights.token_embedding.T


@ending_with("the embedding isn't transposed")
def embedding_not_transposed(x, weights):
    return layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding


@ending_with("the vectors after the last norm are returned")
def vectors_returned(x, weights):
    return layer_norm(x, weights.gain, weights.bias)


@ending_with("probabilities instead of logits")
def probabilities(x, weights):
    return softmax(layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T)


@ending_with("the last position alone")
def last_position_alone(x, weights):
    return layer_norm(x[..., -1, :], weights.gain, weights.bias) @ weights.token_embedding.T


@ending_with("logits divided by the root of the width")
def scaled_logits(x, weights):
    logits = layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T
    return logits / math.sqrt(x.shape[-1])


@exercise.mistake("positions added after the blocks")
def positions_after_the_blocks(ids, weights, n_heads):
    x = weights.token_embedding[ids]
    for block in weights.blocks:
        x = encoder_block(x, block, n_heads, causal_mask(x.shape[-2]))
    return through(x + weights.position_embedding[place_of(ids)], weights._replace(blocks=()), n_heads)


@exercise.mistake("no mask")
def no_mask(ids, weights, n_heads):
    return through(embedded(ids, weights), weights, n_heads, None)


@exercise.mistake("the mask upside down")
def mask_upside_down(ids, weights, n_heads):
    return through(embedded(ids, weights), weights, n_heads, ~causal_mask(ids.shape[-1]))


@exercise.mistake("the mask lets each token see the next")
def mask_one_step_ahead(ids, weights, n_heads):
    n = ids.shape[-1]
    return through(embedded(ids, weights), weights, n_heads, np.tri(n, n, 1, dtype=bool))


@exercise.mistake("the mask hides a token from itself")
def mask_without_its_diagonal(ids, weights, n_heads):
    n = ids.shape[-1]
    return through(embedded(ids, weights), weights, n_heads, np.tri(n, n, -1, dtype=bool))


@exercise.mistake("the blocks in reverse")
def blocks_in_reverse(ids, weights, n_heads):
    return through(embedded(ids, weights), weights._replace(blocks=weights.blocks[::-1]), n_heads)


@exercise.mistake("the first block alone")
def first_block_alone(ids, weights, n_heads):
    return through(embedded(ids, weights), weights._replace(blocks=weights.blocks[:1]), n_heads)


@exercise.mistake("each block reads the embeddings, and the last one counts")
def last_block_alone(ids, weights, n_heads):
    return through(embedded(ids, weights), weights._replace(blocks=weights.blocks[-1:]), n_heads)


@exercise.mistake("x added once more around each block")
def added_once_more(ids, weights, n_heads):
    x = embedded(ids, weights)
    for block in weights.blocks:
        x = x + encoder_block(x, block, n_heads, causal_mask(x.shape[-2]))
    return through(x, weights._replace(blocks=()), n_heads)


@exercise.mistake("the last norm after every block")
def last_norm_after_every_block(ids, weights, n_heads):
    x = embedded(ids, weights)
    for block in weights.blocks:
        x = layer_norm(encoder_block(x, block, n_heads, causal_mask(x.shape[-2])), weights.gain, weights.bias)
    return x @ weights.token_embedding.T


@exercise.mistake("gain and bias swapped")
def gain_and_bias_swapped(ids, weights, n_heads):
    return through(embedded(ids, weights), weights._replace(gain=weights.bias, bias=weights.gain), n_heads)


@starting_from("positions in reverse")
def positions_in_reverse(ids, weights):
    return weights.token_embedding[ids] + weights.position_embedding[place_of(ids)[::-1]]


@ending_with("the last norm without its bias")
def last_norm_without_its_bias(x, weights):
    return layer_norm(x, weights.gain, 0 * weights.bias) @ weights.token_embedding.T


@ending_with("RMSNorm at the end")
def rms_norm_with_a_bias_at_the_end(x, weights):
    return (rms_norm(x, weights.gain) + weights.bias) @ weights.token_embedding.T


@ending_with("log-probabilities instead of logits")
def log_probabilities(x, weights):
    return log_softmax(layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T)


@ending_with("the most likely ids instead of logits")
def most_likely_ids(x, weights):
    return np.argmax(layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T, axis=-1)


@exercise.mistake("the mask upside down")
def mask_of_later_tokens(ids, weights, n_heads):
    return through(embedded(ids, weights), weights, n_heads, causal_mask(ids.shape[-1]).T)


@exercise.mistake("the last block is left out")
def last_block_left_out(ids, weights, n_heads):
    return through(embedded(ids, weights), weights._replace(blocks=weights.blocks[:-1]), n_heads)


@exercise.mistake("the first block each time")
def first_block_each_time(ids, weights, n_heads):
    blocks = weights.blocks[:1] * len(weights.blocks)
    return through(embedded(ids, weights), weights._replace(blocks=blocks), n_heads)


@exercise.mistake("positions added before every block")
def positions_before_every_block(ids, weights, n_heads):
    x = weights.token_embedding[ids]
    for block in weights.blocks:
        x = x + weights.position_embedding[place_of(ids)]
        x = encoder_block(x, block, n_heads, causal_mask(x.shape[-2]))
    return through(x, weights._replace(blocks=()), n_heads)


@exercise.mistake("a single head")
def single_head(ids, weights, n_heads):
    return gpt_logits(ids, weights, 1)


def with_blocks(label):
    """A wrong solution with another block, made of x, its norms and its two parts."""

    def add(block_of):
        @exercise.mistake(label)
        def logits(ids, weights, n_heads):
            x = embedded(ids, weights)
            mask = causal_mask(x.shape[-2])
            for block in weights.blocks:

                def attend(query, key, block=block):
                    return multi_head_attention(query, key, key, block.attention, n_heads, mask)

                def think(x, block=block):
                    return feed_forward(x, block.feed_forward)

                norms = [partial(norm_by, weights=norm) for norm in (block.attention_norm, block.feed_forward_norm)]
                x = block_of(x, *norms, attend, think)
            return through(x, weights._replace(blocks=()), n_heads)

        return block_of

    return add


def norm_by(x, weights):
    return layer_norm(x, *weights)


@with_blocks("post-norm blocks")
def post_norm(x, first, second, attend, think):
    x = first(x + attend(x, x))
    return second(x + think(x))


@with_blocks("no residual around the attention")
def no_residual_around_the_attention(x, first, second, attend, think):
    x = attend(first(x), first(x))
    return x + think(second(x))


@with_blocks("no residual around the feed-forward layer")
def no_residual_around_the_feed_forward_layer(x, first, second, attend, think):
    return think(second(x + attend(first(x), first(x))))


@with_blocks("no feed-forward layer")
def no_feed_forward_layer(x, first, second, attend, think):
    return x + attend(first(x), first(x))


@with_blocks("no attention")
def no_attention(x, first, second, attend, think):
    return x + think(second(x))


@with_blocks("attention and feed-forward layer side by side, as in GPT-J")
def side_by_side(x, first, second, attend, think):
    return x + attend(first(x), first(x)) + think(second(x))


@with_blocks("attention and feed-forward layer side by side, as in GPT-J")
def side_by_side_under_one_norm(x, first, second, attend, think):
    return x + attend(first(x), first(x)) + think(first(x))


@with_blocks("each part is added to the normalized x")
def added_to_the_normalized(x, first, second, attend, think):
    x = first(x) + attend(first(x), first(x))
    return second(x) + think(second(x))


@with_blocks("keys and values of x before the norm")
def keys_before_the_norm(x, first, second, attend, think):
    x = x + attend(first(x), x)
    return x + think(second(x))


@with_blocks("no norms in the blocks")
def no_norms_in_the_blocks(x, first, second, attend, think):
    x = x + attend(x, x)
    return x + think(x)


@exercise.another_way
def one_hot_rows(ids, weights, n_heads):
    E, P, blocks, gain, bias = weights
    n = ids.shape[-1]
    x = np.eye(len(E))[ids] @ E + P[:n]
    for block in blocks:
        x = encoder_block(x, block, n_heads, np.tril(np.ones((n, n))) == 1)
    return np.einsum("...nm,cm->...nc", layer_norm(x, gain, bias), E)


@exercise.another_way
def prefix_after_prefix(ids, weights, n_heads):
    if ids.ndim > 1:
        return np.array([prefix_after_prefix(one, weights, n_heads) for one in ids])
    rows = []
    for n in range(1, len(ids) + 1):
        x = embedded(ids[:n], weights)
        for block in weights.blocks:
            x = encoder_block(x, block, n_heads, causal_mask(n))
        last = layer_norm(x[-1], weights.gain, weights.bias)
        rows.append([float(np.dot(row, last)) for row in weights.token_embedding])
    return rows
