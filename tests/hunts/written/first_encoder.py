# ruff: noqa: F821
import math
from collections import namedtuple

import numpy as np
import pytest

from attncore.transformer import EncoderWeights, FeedForwardWeights, HeadWeights, NormWeights

Weights = namedtuple("Weights", "token_embedding blocks")

m, c, f = 8, 20, 10


def one_block(rng):
    g = rng.normal
    return EncoderWeights(
        attention_norm=NormWeights(g(1, 0.2, m), g(0, 0.2, m)),
        attention=HeadWeights(g(0, 0.5, (m, m)), g(0, 0.5, (m, m)), g(0, 0.5, (m, m)), g(0, 0.5, (m, m))),
        feed_forward_norm=NormWeights(g(1, 0.2, m), g(0, 0.2, m)),
        feed_forward=FeedForwardWeights(g(0, 0.5, (m, f)), g(0, 0.5, f), g(0, 0.5, (f, m)), g(0, 0.5, m)),
    )


def make(n_blocks=2, seed=0):
    rng = np.random.default_rng(seed)
    return Weights(rng.normal(0, 1, (c, m)), [one_block(rng) for _ in range(n_blocks)])


TEXTS = [[4, 7, 2], [9, 3, 5, 11, 6, 1], [8], [3, 9, 5, 11, 6]]


# --- padding ---------------------------------------------------------------


def test_pad_small_example():
    ids, real = pad([[5, 6], [7], [8, 9, 3]])
    assert ids.tolist() == [[5, 6, 0], [7, 0, 0], [8, 9, 3]]
    assert real.astype(int).tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 1]]


def test_pad_counts_every_token_once():
    ids, real = pad(TEXTS)
    assert ids.shape == real.shape == (4, 6)
    assert real.sum() == sum(map(len, TEXTS))
    assert np.all(ids[~real] == PAD)


def test_low_ids_are_real_tokens_too():
    # a text may contain token 1, and nothing says that it can't contain 0
    _, real = pad([[1, 0, 2], [3]])
    assert real.tolist() == [[True, True, True], [True, False, False]]


# --- positions -------------------------------------------------------------


def test_position_zero():
    np.testing.assert_array_equal(positions(3, 6)[0], [0, 1, 0, 1, 0, 1])


def test_positions_by_hand():
    t = positions(3, 4)
    want = [math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)]
    np.testing.assert_allclose(t[2], want)


def test_slowest_frequency_is_one_over_ten_thousand():
    # the last pair turns by 1/10000 from one position to the next
    t = positions(2, 64)
    assert t[1, -2] == pytest.approx(math.sin(1 / 10000), rel=1e-3)


def test_embed_is_token_plus_position_in_every_row():
    w = make()
    ids = np.array([[1, 2, 3], [3, 2, 1]])
    x = embed(w, ids)
    assert x.shape == (2, 3, m)
    for b in range(2):
        for n in range(3):
            assert np.allclose(x[b, n], w.token_embedding[ids[b, n]] + positions(3, m)[n])


# --- parts -----------------------------------------------------------------


def test_layer_norm_tokens_standardized():
    x = np.random.randn(2, 5, 16) * 4 + 3
    y = layer_norm(x, np.ones(16), np.zeros(16))
    assert np.allclose(y.mean(-1), 0) and np.allclose(y.var(-1), 1)


def test_softmax_along_the_keys():
    s = np.random.randn(2, 4, 3, 5) * 100
    assert np.allclose(softmax(s).sum(-1), 1)
    assert softmax(np.log([[1.0, 3.0]])).tolist()[0] == pytest.approx([0.25, 0.75])


def test_heads_there_and_back():
    x = np.random.randn(2, 3, 12)
    h = split_heads(x)
    assert h.shape == (2, 4, 3, 3)
    assert np.array_equal(h[1, 2, 0], x[1, 0, 6:9])
    assert np.array_equal(merge_heads(h), x)


@pytest.fixture
def qkv():
    rng = np.random.default_rng(11)
    return rng.normal(size=(3, 2, 4, 5, 3))


def test_attend_ignores_what_stands_at_padding(qkv):
    q, k, v = qkv
    real = np.array([[True] * 5, [True, True, True, False, False]])
    one = attend(q, k, v, real)
    k2, v2 = k.copy(), v.copy()
    k2[1, :, 3:] = 50
    v2[1, :, 3:] = -99
    assert np.allclose(attend(q, k2, v2, real), one)


def test_attend_equals_loops(qkv):
    q, k, v = qkv
    real = np.array([[True, True, False, True, False], [True] * 5])
    out = attend(q, k, v, real)
    for b in range(2):
        for h in range(4):
            for i in range(5):
                e = np.array([math.exp(q[b, h, i] @ k[b, h, j] / math.sqrt(3)) if real[b, j] else 0 for j in range(5)])
                assert np.allclose(out[b, h, i], (e / e.sum()) @ v[b, h])


def test_attention_looks_both_ways():
    w = one_block(np.random.default_rng(1)).attention
    x = np.random.default_rng(2).normal(size=(1, 4, m))
    y = x.copy()
    y[0, 3] += 1
    real = np.ones((1, 4), dtype=bool)
    change = np.abs(attention(y, w, real) - attention(x, w, real)).max(axis=-1)[0]
    assert (change > 1e-6).all()


def test_attention_of_equal_tokens_gives_value_and_output():
    w = one_block(np.random.default_rng(3)).attention
    x = np.tile(np.random.default_rng(4).normal(size=m), (1, 6, 1))
    out = attention(x, w, np.ones((1, 6), dtype=bool))
    np.testing.assert_allclose(out, x @ w.W_value @ w.W_output)


def test_feed_forward_by_hand():
    w = FeedForwardWeights(np.array([[1.0, -1.0]]), np.array([0.0, 2.0]), np.array([[1.0], [10.0]]), np.array([0.5]))
    # x = 1: hidden is (1, 1), gelu(1) = 0.8413447, so 11 * 0.8413447 + 0.5
    assert feed_forward(np.array([[[1.0]]]), w).item() == pytest.approx(9.7547921, abs=1e-5)


# --- blocks ----------------------------------------------------------------


def test_block_ends_normalized():
    w = one_block(np.random.default_rng(5))
    plain = NormWeights(np.ones(m), np.zeros(m))
    w = w._replace(feed_forward_norm=plain)
    x = np.random.default_rng(6).normal(0, 5, (2, 3, m))
    y = block(x, w, np.ones((2, 3), dtype=bool))
    assert np.allclose(y.mean(-1), 0, atol=1e-7)
    assert np.allclose(y.std(-1), 1, atol=1e-5)


def test_block_step_by_step():
    w = one_block(np.random.default_rng(7))
    x = np.random.default_rng(8).normal(size=(2, 3, m))
    real = np.array([[True, True, True], [True, False, False]])

    def ln(z, gain, bias):
        return (z - z.mean(-1, keepdims=True)) / z.std(-1, keepdims=True) * gain + bias

    mid = ln(x + attention(x, w.attention, real), *w.attention_norm)
    out = ln(mid + feed_forward(mid, w.feed_forward), *w.feed_forward_norm)
    np.testing.assert_allclose(block(x, w, real), out, rtol=1e-6, atol=1e-8)


def test_blocks_run_first_to_last():
    w = make(3)
    x, real = encode(w, TEXTS)
    ids, _ = pad(TEXTS)
    y = embed(w, ids)
    for b in w.blocks:
        y = block(y, b, real)
    assert np.allclose(x, y)
    assert x.shape == (4, 6, m)


# --- sentences -------------------------------------------------------------


def test_padding_changes_nothing():
    w = make()
    together = sentence_vectors(w, TEXTS)
    alone = np.concatenate([sentence_vectors(w, [t]) for t in TEXTS])
    assert np.allclose(together, alone)


def test_mean_of_own_tokens_at_length_one():
    w = make()
    x, _ = encode(w, TEXTS)
    vectors = sentence_vectors(w, TEXTS)
    for i, t in enumerate(TEXTS):
        mean = x[i, : len(t)].mean(axis=0)
        assert np.allclose(vectors[i], mean / np.sqrt((mean**2).sum()))


def test_mean_pooling_forgets_the_order():
    w = make()
    a, b = sentence_vectors(w, [[4, 7, 2, 9], [9, 2, 7, 4]])
    assert a @ b == pytest.approx(1.0, abs=1e-6)


def test_self_similarity_is_exactly_one():
    w = make()
    v = sentence_vectors(w, TEXTS)
    assert ((v * v).sum(axis=1) == 1.0).all()


@pytest.mark.parametrize("k", [1, 2, 4])
def test_most_similar_ranks_by_cosine_and_finds_itself(k):
    w = make()
    found = list(most_similar(w, TEXTS[3], TEXTS, k))
    v = sentence_vectors(w, TEXTS)
    want = sorted(range(4), key=lambda i: -(v[i] @ v[3]))[:k]
    assert found == want
    assert found[0] == 3


def test_classify_reads_the_first_token():
    w = make()
    W = np.random.default_rng(9).normal(size=(m, 3))
    x, _ = encode(w, TEXTS)
    scores = classify(w, TEXTS, W)
    assert scores.shape == (4, 3)
    for i in range(4):
        assert np.allclose(scores[i], x[i][0] @ W)


def test_classes_sum_to_one():
    scores = classify(make(), TEXTS, np.random.default_rng(10).normal(size=(m, 3)))
    assert np.allclose(scores.sum(axis=1), 1)


UNSOUND = {
    "test_slowest_frequency_is_one_over_ten_thousand",  # it's 10000 ** -(62/64)
    "test_mean_pooling_forgets_the_order",  # the tokens know their positions
    "test_self_similarity_is_exactly_one",  # up to rounding only
    "test_classes_sum_to_one",  # scores are no probabilities
}
