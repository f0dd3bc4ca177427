"""The Transformer's blocks, the masks of the three families, and what they train on."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.heads import HeadWeights, multi_head_attention
from attncore.masks import causal_mask, leaks_future, padding_mask, prefix_mask
from attncore.self_attention import influence, permutation_gap
from attncore.transformer import (
    DecoderWeights,
    EncoderWeights,
    FeedForwardWeights,
    GPTWeights,
    NormWeights,
    SwigluWeights,
    corrupt_tokens,
    cross_attention,
    decoder_block,
    encoder_block,
    feed_forward,
    gelu,
    generate,
    gpt_logits,
    layer_norm,
    mask_for,
    next_token_targets,
    rms_norm,
    sample_token,
    silu,
    swiglu,
)

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
numbers = st.floats(-1e4, 1e4)


@pytest.fixture
def weights(rng):
    """Make the weights of a block of width 12, seven wide inside."""

    def norm():
        return NormWeights(1 + rng.standard_normal(12) / 5, rng.standard_normal(12) / 5)

    def heads():
        return HeadWeights(*rng.standard_normal((4, 12, 12)) / 3)

    layers = FeedForwardWeights(*(rng.standard_normal(shape) / 3 for shape in [(12, 7), 7, (7, 12), 12]))

    def make(block):
        parts = [norm(), heads()] if block is EncoderWeights else [norm(), heads(), norm(), heads()]
        return block(*parts, norm(), layers)

    return make


@every_leading
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_layer_norm_is_its_loop(by_loop, rng, leading, eps):
    x, gain, bias = (rng.standard_normal(shape) for shape in [(*leading, 3, 12), 12, 12])
    assert_allclose(layer_norm(x, gain, bias, eps), by_loop(layer_norm, x, gain, bias, eps=eps), atol=1e-12)


def test_layer_norm_by_hand():
    assert_allclose(layer_norm([1, 3], [1, 1], [0, 0], eps=0), [-1, 1])  # divided by m, not by m - 1
    assert_allclose(layer_norm([1, 3], [2, 2], [0.5, 0.5], eps=3), [-0.5, 1.5])  # eps inside the root


@given(arrays(float, (3, 5), elements=st.floats(-100, 100)), st.floats(-100, 100), st.floats(0.5, 100))
def test_layer_norm_cares_neither_for_shift_nor_for_scale(x, shift, scale):
    def norm(x, eps):
        return layer_norm(x, np.ones(5), np.zeros(5), eps)

    assert_allclose(norm(x * scale + shift, 1e-3 * scale**2), norm(x, 1e-3), atol=1e-6)


@given(arrays(float, (3, 5), elements=numbers), arrays(float, 5, elements=st.floats(-3, 3)))
def test_layer_norm_has_no_mean_and_at_most_unit_variance(x, bias):
    normal = layer_norm(x, np.ones(5), bias) - bias
    assert_allclose(normal.mean(axis=-1), 0, atol=1e-6)
    assert np.all(normal.var(axis=-1) <= 1 + 1e-6)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_layer_norm_in_float32_of_a_constant_row_is_the_bias(size):
    bias = np.arange(8, dtype=np.float32)
    assert_allclose(layer_norm(np.full((2, 8), size, np.float32), np.ones(8, np.float32), bias), [bias, bias])


def test_gelu_by_hand():
    share = 0.5 * (1 + math.erf(1 / math.sqrt(2)))  # of a normal distribution below 1: 0.8413
    assert_allclose(gelu(np.array([0.0, 1.0, -1.0, 1e4])), [0, share, share - 1, 1e4])
    assert gelu(np.array([-1e4])) == 0


@given(arrays(float, 6, elements=st.floats(-30, 30)))
def test_gelu_is_its_loop_and_mirrors(x):
    assert_allclose(gelu(x), [loops.gelu(number) for number in x], atol=1e-12)
    assert_allclose(gelu(x) - gelu(-x), x, atol=1e-12)


@every_leading
def test_feed_forward_is_its_loop(by_loop, rng, weights, leading):
    x, layers = rng.standard_normal((*leading, 3, 12)), weights(EncoderWeights).feed_forward
    assert_allclose(feed_forward(x, layers), by_loop(feed_forward, x, weights=layers), atol=1e-12)


@every_leading
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_rms_norm_is_its_loop(by_loop, rng, leading, eps):
    x, gain = rng.standard_normal((*leading, 3, 12)), rng.standard_normal(12)
    assert_allclose(rms_norm(x, gain, eps), by_loop(rms_norm, x, gain, eps=eps))


def test_rms_norm_by_hand():
    assert_allclose(rms_norm([1, 7], [1, 1], eps=0), [0.2, 1.4])  # the mean stays
    assert_allclose(rms_norm([1, 7], [2, 1], eps=11), [1 / 3, 7 / 6])  # eps inside the root


@given(arrays(float, (3, 5), elements=st.floats(-100, 100)), st.floats(0.5, 100))
def test_rms_norm_cares_not_for_scale_and_is_layer_norm_where_the_mean_is_zero(x, scale):
    assert_allclose(rms_norm(x * scale, np.ones(5), 1e-3 * scale**2), rms_norm(x, np.ones(5), 1e-3), atol=1e-9)
    centred = x - x.mean(axis=-1, keepdims=True)
    assert_allclose(rms_norm(centred, np.ones(5)), layer_norm(x, np.ones(5), np.zeros(5)), atol=1e-9)


@pytest.fixture
def gated(rng):
    return SwigluWeights(*(rng.standard_normal(shape) / 3 for shape in [(12, 7), (12, 7), (7, 12)]))


@every_leading
def test_swiglu_is_its_loop(by_loop, rng, gated, leading):
    x = rng.standard_normal((*leading, 3, 12))
    assert_allclose(swiglu(x, gated), by_loop(swiglu, x, weights=gated), atol=1e-12)


def test_swiglu_by_hand():
    weights = SwigluWeights([[math.log(3), 0]], [[2, 2]], [[1], [10]])
    assert_allclose(swiglu([1], weights), [math.log(3) * 0.75 * 2])  # the second gate is shut


@given(arrays(float, 6, elements=st.floats(-1000, 1000)))
def test_silu_is_its_loop_and_mirrors(x):
    assert_allclose(silu(x), [loops.silu(number) for number in x], atol=1e-12)
    assert_allclose(silu(x) - silu(-x), x, atol=1e-12)


def test_swiglu_is_linear_in_what_goes_up_and_not_in_what_gates(rng, gated):
    x = rng.standard_normal((3, 12))
    assert_allclose(swiglu(x, gated._replace(W_up=2 * gated.W_up)), 2 * swiglu(x, gated))
    assert not np.allclose(swiglu(x, gated._replace(W_gate=2 * gated.W_gate)), 2 * swiglu(x, gated))


@every_leading
@pytest.mark.parametrize("n_heads", [1, 3])
def test_an_encoder_block_is_its_loop(by_loop, rng, weights, leading, n_heads):
    x, mask = rng.standard_normal((*leading, 5, 12)), rng.random((5, 5)) < 0.6
    mask[1] = False
    block = {"weights": weights(EncoderWeights), "n_heads": n_heads}
    for others in (block, block | {"mask": mask}):
        assert_allclose(encoder_block(x, **others), by_loop(encoder_block, x, **others), atol=1e-12)


@every_leading
@pytest.mark.parametrize("n_heads", [1, 3])
def test_a_decoder_block_is_its_loop(by_loop, rng, weights, leading, n_heads):
    x, memory = rng.standard_normal((*leading, 5, 12)), rng.standard_normal((*leading, 8, 12))
    block = {"weights": weights(DecoderWeights), "n_heads": n_heads}
    assert_allclose(decoder_block(x, memory, **block), by_loop(decoder_block, x, memory, **block), atol=1e-12)


@every_leading
def test_cross_attention_is_its_loop(by_loop, rng, weights, leading):
    x, memory, mask = rng.standard_normal((*leading, 5, 12)), rng.standard_normal((*leading, 8, 12)), np.arange(8) < 6
    attention = {"weights": weights(EncoderWeights).attention, "n_heads": 3}
    assert_allclose(cross_attention(x, memory, **attention), by_loop(cross_attention, x, memory, **attention))
    masked = by_loop(cross_attention, x, memory, **attention, memory_mask=np.tile(mask, (5, 1)))
    assert_allclose(cross_attention(x, memory, **attention, memory_mask=mask), masked)


def test_a_text_that_asks_itself_is_self_attention(rng, weights):
    x, attention = rng.standard_normal((2, 5, 12)), weights(EncoderWeights).attention
    expected = multi_head_attention(x, x, x, attention, 3, causal_mask(5))
    assert_array_equal(cross_attention(x, x, attention, 3, causal_mask(5)), expected)


def silent(weights):
    """The same block, whose parts all write nothing."""
    attention = weights.attention._replace(W_output=np.zeros((12, 12)))
    layers = weights.feed_forward._replace(W_out=np.zeros((7, 12)), b_out=np.zeros(12))
    weights = weights._replace(attention=attention, feed_forward=layers)
    return weights._replace(cross=attention) if isinstance(weights, DecoderWeights) else weights


def test_a_block_that_writes_nothing_passes_everything_on(rng, weights):
    x, memory = rng.standard_normal((5, 12)), rng.standard_normal((8, 12))
    assert_array_equal(encoder_block(x, silent(weights(EncoderWeights)), 3), x)
    assert_array_equal(decoder_block(x, memory, silent(weights(DecoderWeights)), 3), x)


def test_a_decoder_that_gets_nothing_from_its_memory_is_a_causal_encoder(rng, weights):
    x, memory, decoder = rng.standard_normal((5, 12)), rng.standard_normal((8, 12)), weights(DecoderWeights)
    decoder = decoder._replace(cross=decoder.cross._replace(W_output=np.zeros((12, 12))))
    encoder = EncoderWeights(decoder.attention_norm, decoder.attention, *decoder[4:])
    assert_allclose(decoder_block(x, memory, decoder, 3), encoder_block(x, encoder, 3, causal_mask(5)))


def test_an_encoder_knows_no_order_and_a_decoder_no_future(rng, weights):
    x, memory = rng.standard_normal((5, 12)), rng.standard_normal((8, 12))
    encoder, decoder = weights(EncoderWeights), weights(DecoderWeights)
    assert permutation_gap(lambda x: encoder_block(x, encoder, 3), x, [3, 0, 4, 1, 2]) < 1e-12
    assert leaks_future(lambda x: encoder_block(x, encoder, 3), x)
    assert not leaks_future(lambda x: encoder_block(x, encoder, 3, mask_for("gpt", 5)), x)
    assert_array_equal(influence(lambda x: decoder_block(x, memory, decoder, 3), x), causal_mask(5))


def test_every_token_of_a_decoder_sees_the_whole_memory_in_any_order(rng, weights):
    x, memory, decoder = rng.standard_normal((5, 12)), rng.standard_normal((8, 12)), weights(DecoderWeights)
    plain = decoder_block(x, memory, decoder, 3)
    assert_allclose(decoder_block(x, memory[::-1], decoder, 3), plain)
    for place in range(8):
        changed = memory.copy()
        changed[place] += np.linspace(0, 1, 12)
        assert np.all(np.abs(decoder_block(x, changed, decoder, 3) - plain).max(axis=-1) > 1e-9)


def test_padding_is_as_if_it_were_not_there(rng, weights):
    x, encoder = rng.standard_normal((2, 5, 12)), weights(EncoderWeights)
    padded = encoder_block(x, encoder, 3, padding_mask([4, 2], 5))
    for text, length in enumerate([4, 2]):
        assert_allclose(padded[text, :length], encoder_block(x[text, :length], encoder, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tokens_of_ten_thousand_give_no_nan(rng, weights, dtype):
    encoder, decoder = weights(EncoderWeights), weights(DecoderWeights)
    x = (rng.choice([-1e4, 1e4], (5, 12))).astype(dtype)
    nothing = np.zeros((5, 5), bool)
    assert np.isfinite(encoder_block(x, encoder, 3, nothing)).all()
    assert np.isfinite(decoder_block(x, x, decoder, 3)).all()
    assert np.isfinite(layer_norm(x, *encoder.attention_norm)).all()


@given(st.integers(1, 6), st.integers(0, 7))
def test_the_masks_of_the_families(n, prefix):
    assert_array_equal(mask_for("bert", n), np.ones((n, n), bool))
    assert_array_equal(mask_for("gpt", n), causal_mask(n))
    assert_array_equal(mask_for("prefix", n, prefix), prefix_mask(n, prefix))
    assert {mask_for(family, n).dtype for family in ("bert", "gpt", "prefix")} == {np.dtype(bool)}


@pytest.fixture(scope="module")
def corrupted():
    """A hundred thousand tokens, none of which is the mask or a random one that BERT would draw."""
    ids = np.arange(100_000).reshape(100, 1000) + 10**6
    return ids, *corrupt_tokens(ids, np.random.default_rng(4))


def test_fifteen_in_a_hundred_are_to_be_guessed(corrupted):
    ids, _, targets = corrupted
    chosen = targets != -100
    assert abs(chosen.mean() - 0.15) < 0.006  # five standard deviations
    assert_array_equal(targets[chosen], ids[chosen])


def test_of_the_chosen_eighty_are_masked_ten_random_ten_kept(corrupted):
    ids, inputs, targets = corrupted
    chosen = targets != -100
    assert_array_equal(inputs[~chosen], ids[~chosen])
    masked, kept = inputs[chosen] == 103, inputs[chosen] == ids[chosen]
    drawn = inputs[chosen][~masked & ~kept]
    for share, expected in [(masked.mean(), 0.8), (kept.mean(), 0.1), (len(drawn) / chosen.sum(), 0.1)]:
        assert abs(share - expected) < 0.015
    assert drawn.min() >= 0
    assert 30_000 < drawn.max() < 30_522
    assert abs(drawn.mean() - 30_521 / 2) < 1200


def test_corruption_by_its_settings():
    ids = np.arange(5000)
    inputs, targets = corrupt_tokens(ids, np.random.default_rng(4), rate=0.5, mask_id=-7, vocab_size=3)
    chosen = targets != -100
    assert abs(chosen.mean() - 0.5) < 0.04
    changed = inputs[chosen & (inputs != ids)]
    assert set(changed.tolist()) == {-7, 0, 1, 2}


@pytest.mark.parametrize(("rate", "share"), [(0, 0), (1, 1)])
def test_nothing_or_everything_is_chosen(rate, share):
    _, targets = corrupt_tokens(list(range(1000)), np.random.default_rng(4), rate=rate)
    assert np.mean(targets != -100) == share


def test_all_randomness_comes_from_the_generator():
    first, again, other = (corrupt_tokens(np.arange(500), np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_ids_are_never_written_to():
    ids = np.arange(500)
    ids.setflags(write=False)
    corrupt_tokens(ids, np.random.default_rng(4), rate=1)
    next_token_targets(ids)
    assert_array_equal(ids, np.arange(500))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_small_ids_get_the_same_targets(dtype):
    ids = np.arange(100, dtype=dtype)
    for narrow, wide in zip(
        corrupt_tokens(ids, np.random.default_rng(4)),
        corrupt_tokens(ids.astype(int), np.random.default_rng(4)),
        strict=True,
    ):
        assert_array_equal(narrow, wide)
        assert narrow.dtype == wide.dtype


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_next_token_targets_are_their_loop(ids):
    for ours, theirs in zip(next_token_targets(ids), loops.next_token_targets(ids), strict=True):
        assert_array_equal(ours, theirs)


def test_the_target_is_the_token_that_follows():
    inputs, targets = next_token_targets([[5, 6, 7, 8], [1, 2, 3, 4]])
    assert_array_equal(inputs, [[5, 6, 7], [1, 2, 3]])
    assert_array_equal(targets, [[6, 7, 8], [2, 3, 4]])


@pytest.fixture
def gpt(rng, weights):
    """A model of nine ids, six positions, two blocks."""
    rows = rng.standard_normal((9, 12)), rng.standard_normal((6, 12)) / 3
    blocks = weights(EncoderWeights), weights(EncoderWeights)
    return GPTWeights(*rows, blocks, 1 + rng.standard_normal(12) / 5, rng.standard_normal(12) / 5)


@pytest.mark.parametrize("n_heads", [1, 3])
def test_a_gpt_is_its_loop(rng, gpt, n_heads):
    ids = rng.integers(9, size=(2, 5))
    logits = gpt_logits(ids, gpt, n_heads)
    assert_allclose(logits, [loops.gpt_logits(text, gpt, n_heads) for text in ids.tolist()], atol=1e-12)
    assert_allclose(gpt_logits(ids[1], gpt, n_heads), logits[1])  # each text by itself


def test_a_gpt_without_blocks_compares_the_norm_of_two_rows_with_every_row(gpt):
    tokens, positions, _, gain, bias = gpt
    expected = layer_norm(tokens[[4, 2]] + positions[:2], gain, bias) @ tokens.T
    assert_allclose(gpt_logits([4, 2], gpt._replace(blocks=()), 3), expected)


def test_a_gpt_knows_no_future(gpt):
    ids = np.array([4, 2, 8, 2, 0, 1])
    whole = gpt_logits(ids, gpt, 3)
    assert whole.shape == (6, 9)
    for n in range(1, 6):
        assert_allclose(gpt_logits(ids[:n], gpt, 3), whole[:n])


def test_a_gpt_in_float32_stays_there(gpt):
    blocks = tuple(
        EncoderWeights(*(part._make(array.astype(np.float32) for array in part) for part in block))
        for block in gpt.blocks
    )
    rest = {name: getattr(gpt, name).astype(np.float32) for name in gpt._fields if name != "blocks"}
    logits = gpt_logits([4, 2, 8], GPTWeights(blocks=blocks, **rest), 3)
    assert logits.dtype == np.float32
    assert_allclose(logits, gpt_logits([4, 2, 8], gpt, 3), rtol=1e-4, atol=1e-4)


EMPTY = GPTWeights(np.ones((9, 12)), np.ones((2, 12)), (), np.ones(12), np.ones(12))  # two positions, no blocks
LOGITS = np.array([0.5, 2.0, -1.0, 1.0, 2.0, -np.inf, 1.0])  # two pairs of equals, and one never


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 3.0},
        {"temperature": 1e-3},
        {"top_k": 1},
        {"top_k": 3},
        {"top_k": 100},
        {"top_p": 0.3},
        {"top_p": 0.9},
        {"top_p": 1.0},
        {"top_p": 1e-9},
        {"temperature": 2.0, "top_k": 4, "top_p": 0.7},  # in another order, other tokens would be left
    ],
    ids=str,
)
def test_tokens_are_drawn_as_often_as_their_definition_says(rng, settings):
    p = np.array(loops.token_probabilities(LOGITS.tolist(), **settings))
    for sample, draws in [(sample_token, 3000), (loops.sample_token, 300)]:
        counts = np.bincount([sample(LOGITS, rng, **settings) for _ in range(draws)], minlength=7)
        assert_array_equal(counts[p == 0], 0)
        assert np.all(np.abs(counts / draws - p) <= 5 * np.sqrt(p * (1 - p) / draws))  # standard deviations


def test_sampling_by_hand():
    logits = np.log([0.4, 0.1, 0.3, 0.2])
    assert loops.token_probabilities(logits, top_k=2) == pytest.approx([4 / 7, 0, 3 / 7, 0])
    assert loops.token_probabilities(logits, top_p=0.6) == pytest.approx([4 / 7, 0, 3 / 7, 0])  # 0.4 is too little
    assert loops.token_probabilities(logits, top_p=0.8) == pytest.approx([4 / 9, 0, 3 / 9, 2 / 9])
    assert loops.token_probabilities(logits, top_k=3, top_p=0.75) == pytest.approx([4 / 7, 0, 3 / 7, 0])
    assert loops.token_probabilities(logits, temperature=0.5) == pytest.approx([16 / 30, 1 / 30, 9 / 30, 4 / 30])


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"top_k": 1}, {"top_p": 1e-9}], ids=str)
def test_of_equals_the_first_is_taken(settings):
    assert {sample_token([1, 3, 0, 3], np.random.default_rng(seed), **settings) for seed in range(20)} == {1}


@pytest.mark.parametrize(("top_p", "kept"), [(0.25, {0}), (0.5, {0, 1}), (0.75, {0, 1, 2}), (0.51, {0, 1, 2})])
def test_a_sum_that_is_reached_just_so_is_enough(top_p, kept):
    assert {sample_token([3, 3, 3, 3], np.random.default_rng(seed), top_p=top_p) for seed in range(40)} == kept


def test_a_draw_is_the_generators_alone_and_an_int():
    first, again = ([sample_token(LOGITS, np.random.default_rng(seed)) for seed in range(50)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 3
    assert {type(token) for token in first} == {int}
    assert sample_token(LOGITS.astype(np.float32), np.random.default_rng(4)) == first[4]


def after(ids):
    """A model that is sure: after n comes n + 1."""
    assert isinstance(ids, list)
    return np.where(np.arange(9) == ids[-1] + 1, 0.0, -np.inf)


def test_a_text_is_continued_and_what_is_new_is_returned():
    rng = np.random.default_rng(4)
    assert generate(after, [7, 2], 4, rng) == [3, 4, 5, 6]
    assert generate(after, [7, 2], 4, rng, stop=5) == [3, 4, 5]
    assert generate(after, [5, 2], 4, rng, stop=5) == [3, 4, 5]  # a stop in the prompt is none
    assert generate(after, np.array([2]), 0, rng) == []


def test_everything_so_far_is_read_and_the_prompt_is_left_alone():
    prompt, read = [3, 1], []
    new = generate(lambda ids: read.append(list(ids)) or np.zeros(9), prompt, 3, np.random.default_rng(4))
    assert prompt == [3, 1]
    assert read == [[3, 1], [3, 1, new[0]], [3, 1, *new[:2]]]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0}, {"temperature": 2.0, "top_k": 4, "top_p": 0.7}], ids=str)
def test_generating_is_drawing_again_and_again(gpt, settings):
    def next_logits(ids):
        return gpt_logits(ids[-6:], gpt, 3)[-1]

    rng, ids = np.random.default_rng(4), [5, 2]
    for _ in range(8):
        ids.append(sample_token(next_logits(ids), rng, **settings))
    assert generate(next_logits, [5, 2], 8, np.random.default_rng(4), **settings) == ids[2:]


def test_generate_is_its_loop():
    settings = {"temperature": 0, "stop": 6}
    for n_new in (0, 2, 9):
        rng = np.random.default_rng(4)
        assert loops.generate(after, [7, 2], n_new, rng, **settings) == generate(after, [7, 2], n_new, rng, **settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: mask_for("t5", 3), 'mask_for: architecture is "t5", expected "bert", "gpt" or "prefix"'),
        (
            lambda w: encoder_block(np.ones((5, 12)), w(EncoderWeights), 5),
            "encoder_block: the model width is 12, which 5 heads do not divide",
        ),
        (
            lambda w: encoder_block(np.ones((5, 10)), w(EncoderWeights), 2),
            "encoder_block: gain has model width 12, but x has 10: x is (5, 10), gain is (12,), bias is (12,)",
        ),
        (
            lambda w: feed_forward(np.ones((5, 10)), w(EncoderWeights).feed_forward),
            "feed_forward: weights.W_in has model width 12, but x has 10: "
            "x is (5, 10), weights.W_in is (12, 7), weights.b_in is (7,), "
            "weights.W_out is (7, 12), weights.b_out is (12,)",
        ),
        (
            lambda w: decoder_block(np.ones((5, 12)), np.ones((8, 10)), w(DecoderWeights), 3),
            "decoder_block: memory has model width 10, but x has 12: x is (5, 12), memory is (8, 10)",
        ),
        (
            lambda w: layer_norm(np.ones((5, 12)), np.ones((1, 12)), np.ones(12)),
            "layer_norm: gain has shape (1, 12), expected (m)",
        ),
        (
            lambda w: swiglu(np.ones((5, 12)), SwigluWeights(np.ones((12, 7)), np.ones((12, 8)), np.ones((7, 12)))),
            "swiglu: weights.W_up has inner width 8, but weights.W_gate has 7: "
            "x is (5, 12), weights.W_gate is (12, 7), weights.W_up is (12, 8), weights.W_down is (7, 12)",
        ),
        (
            lambda w: gpt_logits([0, 1, 2], EMPTY, 3),
            "gpt_logits: there are 3 ids, expected at most 2, one for each position",
        ),
        (
            lambda w: gpt_logits([0, 9], EMPTY, 3),
            "gpt_logits: an id is 9, expected 0 to 8",
        ),
        (
            lambda w: gpt_logits([-1], EMPTY, 3),
            "gpt_logits: an id is -1, expected 0 to 8",
        ),
        (
            lambda w: sample_token([1, 2], None, temperature=-0.5),
            "sample_token: temperature is -0.5, expected at least 0",
        ),
        (lambda w: sample_token([1, 2], None, top_k=0), "sample_token: top_k is 0, expected at least 1"),
        (lambda w: sample_token([1, 2], None, top_p=0), "sample_token: top_p is 0, expected above 0 and at most 1"),
        (lambda w: sample_token([1, 2], None, top_p=1.5), "sample_token: top_p is 1.5, expected above 0 and at most 1"),
        (lambda w: generate(after, [], 3, None), "generate: prompt holds float64, expected integers"),
    ],
)
def test_bad_input(weights, call, message):
    with pytest.raises(ValueError) as error:
        call(weights)
    assert str(error.value) == message
