"""The lessons' small models: every backward pass against finite differences, and the tasks that they learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncore.experiments import (
    alignment,
    dot_product,
    gradients,
    heads,
    masks,
    positions,
    self_attention,
    sparse,
    transformer,
    vision,
    weighted_sum,
)
from attncore.experiments.blocks import start_block
from attncore.gradients import numerical_gradient
from attncore.training import named_arrays
from attncore.vision import patchify
from attncore.weighted_sum import kernel_regression

pytestmark = pytest.mark.filterwarnings("error")


def moved(rng, weights):
    """The weights, none of which is zero or one now."""
    for array in named_arrays(weights).values():
        array += rng.standard_normal(array.shape) / 3
    return weights


def assert_backward(backward, weights):
    """The gradients that `backward()` returns are those of its loss, along a random direction of each array."""
    rng, gradients = np.random.default_rng(0), named_arrays(backward()[1])
    for name, array in named_arrays(weights).items():
        direction, kept = rng.standard_normal(array.shape), array.copy()

        def loss(step, array=array, direction=direction, kept=kept):
            array[...] = kept + step * direction
            return backward()[0]

        measured = numerical_gradient(loss, 0.0)
        array[...] = kept
        assert np.sum(gradients[name] * direction) == pytest.approx(measured, abs=1e-7), name


def test_the_width_of_the_bell(rng):
    batch, log_width = rng.standard_normal((4, 5)), np.array(-0.7)
    loss, _ = weighted_sum.width_backward(*batch, log_width)
    assert loss == pytest.approx(np.mean((kernel_regression(batch[0], *batch[2:], np.exp(-0.7)) - batch[1]) ** 2))
    assert_backward(lambda: weighted_sum.width_backward(*batch, log_width), log_width)


@pytest.mark.parametrize("score", ["additive", "dot", "one vector"])
def test_the_translator(rng, score):
    weights, batch = moved(rng, alignment.start_translator(rng, n=3, m=4)), alignment.sentences(rng, 3, batch=2)
    assert_backward(lambda: alignment.translator_backward(*batch, weights, score), weights)


@pytest.mark.parametrize("scale", [None, 1.0])
def test_the_two_projections(rng, scale):
    weights, batch = dot_product.start_projections(rng, 4), dot_product.retrievals(rng, 4, batch=2, n_keys=3)
    assert_backward(lambda: dot_product.retrieval_backward(*batch, weights, scale), weights)


def test_the_three_projections(rng):
    weights = self_attention.start_token_projections(rng, 5, d=3)
    _, *batch = self_attention.paired_words(rng, rng.standard_normal((16, 4)), batch=2, n_pairs=2)
    assert_backward(lambda: self_attention.projections_backward(*batch, weights), weights)


def test_one_projection_for_both_gets_both_gradients(rng):
    weights = self_attention.start_token_projections(rng, 5, d=3)
    weights = weights._replace(W_key=weights.W_query)  # one array, which is moved as one
    _, *batch = self_attention.paired_words(rng, rng.standard_normal((16, 4)), batch=2, n_pairs=2)
    assert_backward(lambda: self_attention.shared_backward(*batch, weights), weights)


@pytest.mark.parametrize("n_heads", [1, 2])
def test_the_heads(rng, n_heads):
    weights = heads.HeadWeights(*rng.standard_normal((4, 6, 6)) / 2)
    batch = heads.triples(rng, rng.standard_normal((6, 5)), batch=2, n_groups=1)
    assert_backward(lambda: heads.heads_backward(*batch, weights, n_heads), weights)


@pytest.mark.parametrize("kind", transformer.KINDS)
def test_the_stack(rng, kind):
    weights = moved(rng, transformer.start_stack(rng, n_ids=4, n=3, m=4, n_layers=2))
    batch = transformer.reversals(rng, 3, batch=2, n_ids=4)
    assert_backward(lambda: transformer.stack_backward(*batch, weights, 2, kind), weights)


def test_the_vit_and_the_convolution(rng):
    batch = vision.drawn_images(rng, 2)
    vit, convolution = moved(rng, vision.start_vit(rng, m=4)), moved(rng, vision.start_convolution(rng, n_kernels=3))
    convolution.biases[0] = -50  # a kernel that never answers
    assert_backward(lambda: vision.vit_backward(*batch, vit), vit)
    assert_backward(lambda: vision.convolution_backward(*batch, convolution), convolution)


def test_the_block(rng):
    weights, batch = moved(rng, start_block(rng, 4, 3)), rng.standard_normal((2, 2, 3, 4))
    right = gradients.encoder_block_backward
    assert_backward(lambda: gradients.block_backward(*batch, weights, right), weights)


def test_the_forgetful_backward_is_wrong_in_the_part_below_alone():
    gaps = gradients.gradient_gaps(gradients.forgetful_backward)
    assert all((gap > 0.1) == name.startswith("attention") for name, gap in gaps.items())
    assert max(gradients.gradient_gaps().values()) < 1e-6


def test_what_is_looked_up_is_one_of_the_keys_and_the_target_its_value(rng):
    x, keys, value, target = dot_product.retrievals(rng, 5, batch=7)
    place = np.argmax(np.all(keys == x, axis=-1), axis=1)
    assert_array_equal(keys[np.arange(7), place], x[:, 0])
    assert_array_equal(value[np.arange(7), place], target[:, 0])


def test_a_sentence_is_turned_around_word_for_word(rng):
    ids, targets = alignment.sentences(rng, 5)
    words = dict(zip(ids[:, ::-1].ravel().tolist(), targets.ravel().tolist(), strict=True))
    assert len(set(words.values())) == len(words) == alignment.N_WORDS
    assert_array_equal(targets, np.vectorize(words.get)(ids[:, ::-1]))


def test_a_word_has_the_number_of_its_partner_as_target(rng):
    ids, x, targets = self_attention.paired_words(rng, np.eye(16))
    assert (self_attention.PAIRS[0], self_attention.PAIRS[1]) == ("bread", "butter")
    for words, row, wanted in zip(ids.tolist(), x, targets[..., 0].tolist(), strict=True):
        assert row[:, :-1].argmax(axis=-1).tolist() == words
        number = dict(zip(words, row[:, -1].tolist(), strict=True))
        assert wanted == [number[word + 1 if word % 2 == 0 else word - 1] for word in words]


def test_a_token_has_the_numbers_of_its_group_as_targets(rng):
    x, targets = heads.triples(rng, np.eye(9), n_groups=2)
    for row, wanted in zip(x, targets, strict=True):
        ids, numbers = row[:, :-1].argmax(axis=-1), row[:, -1]
        number = dict(zip(ids.tolist(), numbers.tolist(), strict=True))
        for id, (first, second) in zip(ids.tolist(), wanted.tolist(), strict=True):
            group = id // 3 * 3
            assert (number[group + (id + 1) % 3], number[group + (id + 2) % 3]) == (first, second)


def test_three_places_before_and_the_latest_of_a_kind(rng):
    ids, targets = positions.lagged(rng, 9)
    assert_array_equal(targets[:, 3:], ids[:, :6])
    assert np.all(targets[:, :3] == -100)
    for text, wanted in zip(*(part.tolist() for part in positions.latest(rng, 9)), strict=True):
        assert wanted == [([-100] + [id for id in text[: i + 1] if id < 4])[-1] for i in range(9)]


def test_a_shape_stands_where_it_may(rng):
    shapes = vision.shapes()
    assert shapes.shape == (8, 5, 5)
    assert len({shape.tobytes() for shape in shapes}) == 8
    images, labels = vision.drawn_images(rng, 40, columns=(2, 3), noise=0.0)
    assert not images[:, :, :2].any()
    assert_array_equal(images.sum(axis=(1, 2)), shapes[labels].sum(axis=(1, 2)))


def test_the_patches_of_many_images_are_those_of_each(rng):
    images = rng.standard_normal((3, 8, 8))
    assert_array_equal(vision.patches_of(images), [patchify(image[..., None], vision.PATCH) for image in images])


def test_behind_a_leaky_mask_stands_the_next_token():
    assert_array_equal(masks.leaky_mask(3), [[1, 1, 0], [1, 1, 1], [1, 1, 1]])


def test_cosines_leave_out_a_token_with_itself():
    assert_allclose(transformer.cosines(np.array([[1.0, 0], [0, 2], [3, 3]])), np.sqrt([0, 0.5, 0, 0.5, 0.5, 0.5]))


def test_the_indexer(rng):
    weights, asking, x = sparse.start_indexer(rng, m=6, n_heads=3, d=4), *rng.standard_normal((2, 2, 5, 6))
    weights = moved(rng, weights)
    target = rng.dirichlet(np.ones(5), size=(2, 5))
    target[0, :, 3] = 0
    target /= target.sum(axis=-1, keepdims=True)
    assert_backward(lambda: sparse.warm_up_backward(asking, x, target, weights), weights)
    index = sparse.index_of(asking, x, weights)
    share = np.exp(index) / np.exp(index).sum(axis=-1, keepdims=True)
    expected = np.where(target > 0, target * np.log(np.where(target > 0, target, 1) / share), 0).sum() / 10
    assert sparse.warm_up_backward(asking, x, target, weights)[0] == pytest.approx(expected)


def test_every_scheme_reads_as_many_tokens(rng):
    head = sparse.finished_head(rng)
    asking, x, place = sparse.haystacks(rng, head, 3, asking=2)
    assert_array_equal(sparse.dense_weights(asking, x, head).argmax(axis=-1), place)
    read = sparse.read_by(asking, x, head, {"indexer": sparse.start_indexer(rng)})
    for chosen in read.values():
        assert_array_equal(chosen.sum(axis=-1), np.full((3, 2), sparse.N_KEEP))


def test_neighbors_are_alike_in_a_text_by_topic(rng):
    _, x, _ = sparse.haystacks(rng, sparse.finished_head(rng), 4, topical=0.5)
    of_blocks = x.reshape(4, -1, sparse.BLOCK, sparse.M)
    assert np.var(x) == pytest.approx(1, rel=0.05)
    assert np.var(of_blocks.mean(axis=2)) == pytest.approx(0.5 + 0.5 / sparse.BLOCK, rel=0.2)
