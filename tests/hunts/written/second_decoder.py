"""Tests of the small language model that writes one character at a time."""

import copy
import math

import numpy as np
import pytest

import model
from attncore.heads import HeadWeights
from attncore.transformer import EncoderWeights, FeedForwardWeights, GPTWeights, NormWeights


def make_block(rng, m, f):
    return EncoderWeights(
        NormWeights(1 + 0.3 * rng.standard_normal(m), 0.2 * rng.standard_normal(m)),
        HeadWeights(*(rng.standard_normal((m, m)) / math.sqrt(m) for _ in range(4))),
        NormWeights(1 + 0.3 * rng.standard_normal(m), 0.2 * rng.standard_normal(m)),
        FeedForwardWeights(
            rng.standard_normal((m, f)) / math.sqrt(m),
            rng.standard_normal(f),
            rng.standard_normal((f, m)) / math.sqrt(f),
            rng.standard_normal(m),
        ),
    )


def make_gpt(seed=0, c=7, m=8, n=10, layers=2):
    rng = np.random.default_rng(seed)
    return GPTWeights(
        rng.standard_normal((c, m)),
        rng.standard_normal((n, m)),
        tuple(make_block(rng, m, 3 * m) for _ in range(layers)),
        1 + 0.3 * rng.standard_normal(m),
        0.2 * rng.standard_normal(m),
    )


@pytest.fixture
def gpt():
    return make_gpt()


@pytest.fixture
def rng():
    return np.random.default_rng(3)


# embeddings


def test_embed_is_token_plus_position(gpt):
    x = embed(gpt, [4, 4, 1])
    assert x.shape == (3, 8)
    for i, token in enumerate([4, 4, 1]):
        np.testing.assert_allclose(x[i], gpt.token_embedding[token] + gpt.position_embedding[i])


# layer norm


@pytest.mark.parametrize("shape", [(1, 8), (5, 8), (2, 3, 16)])
def test_layer_norm_moments(shape, rng):
    x = 4 + 3 * rng.standard_normal(shape)
    y = layer_norm(x, np.ones(shape[-1]), np.zeros(shape[-1]))
    assert y.shape == shape
    assert np.abs(y.mean(axis=-1)).max() < 1e-9
    assert np.abs(y.var(axis=-1) - 1).max() < 1e-3


def test_layer_norm_token_by_itself(rng):
    x = rng.standard_normal((4, 8)) * np.array([[1], [10], [100], [0.1]])
    gain, bias = rng.standard_normal(8), rng.standard_normal(8)
    together = layer_norm(x, gain, bias)
    for row, expected in zip(x, together):
        assert np.allclose(layer_norm(row[None], gain, bias)[0], expected)


def test_layer_norm_variance_is_one_to_the_last_digit():
    x = np.random.default_rng(1).normal(size=(6, 32))
    np.testing.assert_allclose(layer_norm(x, 1.0, 0.0).var(axis=-1), 1, rtol=1e-7)


# heads


def test_split_heads_takes_neighboring_columns():
    x = np.arange(16).reshape(2, 8)
    heads = split_heads(x)
    assert heads.shape == (4, 2, 2)
    assert heads.tolist() == [
        [[0, 1], [8, 9]],
        [[2, 3], [10, 11]],
        [[4, 5], [12, 13]],
        [[6, 7], [14, 15]],
    ]


def test_merge_undoes_split(rng):
    x = rng.standard_normal((5, 12))
    assert np.array_equal(merge_heads(split_heads(x)), x)


# attention


def test_first_token_can_only_read_itself(rng):
    q, k, v = rng.standard_normal((3, 4, 6, 2))
    out = attend(q, k, v)
    np.testing.assert_allclose(out[:, 0], v[:, 0])


def test_attend_with_zero_query_averages_the_past(rng):
    _, k, v = rng.standard_normal((3, 4, 5, 3))
    out = attend(np.zeros((4, 5, 3)), k, v)
    for t in range(5):
        np.testing.assert_allclose(out[:, t], v[:, : t + 1].mean(axis=1))


def test_attend_by_hand():
    """Two tokens, d = 4: the second query scores 0 and 4 / sqrt(4) = 2."""
    q = np.zeros((1, 2, 4))
    q[0, 1, 0] = 2
    k = np.zeros((1, 2, 4))
    k[0, 1, 0] = 2
    v = np.array([[[1.0], [0.0]]])
    out = attend(q, k, v)
    assert out[0, 1, 0] == pytest.approx(1 / (1 + math.exp(2)))


def test_attention_against_a_loop(gpt, rng):
    w = gpt.blocks[0].attention
    x = rng.standard_normal((6, 8))
    q, k, v = x @ w.W_query, x @ w.W_key, x @ w.W_value
    expected = np.zeros((6, 8))
    for head in range(4):
        s = slice(2 * head, 2 * head + 2)
        for t in range(6):
            scores = k[: t + 1, s] @ q[t, s] / math.sqrt(2)
            e = np.exp(scores - scores.max())
            expected[t, s] = e @ v[: t + 1, s] / e.sum()
    np.testing.assert_allclose(attention(x, w), expected @ w.W_output)


def test_softmax_does_not_overflow():
    with np.errstate(over="raise", invalid="raise"):
        p = softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]]))
    assert np.allclose(p, [[0.5, 0.5], [0, 1]])


def test_mask_holds_for_any_scores():
    # however bad the scores of the past are, the future must not be read
    p = softmax(hide_future(np.full((3, 3), -3e9)))
    assert np.allclose(np.triu(p, 1), 0)


# feed-forward


@pytest.mark.parametrize("x, y", [(0.0, 0.0), (1.0, 0.8413447460685429), (-1.0, -0.15865525393145707), (8.0, 8.0)])
def test_gelu_values(x, y):
    assert gelu(np.array([x]))[0] == pytest.approx(y, abs=1e-9)


def test_gelu_is_the_gpt2_formula():
    x = np.linspace(-3, 3, 31)
    tanh = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(gelu(x), tanh, atol=1e-6)


def test_biases_of_the_feed_forward_are_used(gpt):
    w = gpt.blocks[1].feed_forward
    assert np.allclose(feed_forward(np.zeros((2, 8)), w), gelu(w.b_in) @ w.W_out + w.b_out)


# the whole


def test_block_is_the_identity_where_nothing_is_added(gpt, rng):
    layer = gpt.blocks[0]
    silent = layer._replace(
        attention=layer.attention._replace(W_output=np.zeros((8, 8))),
        feed_forward=layer.feed_forward._replace(W_out=np.zeros((24, 8)), b_out=np.zeros(8)),
    )
    x = rng.standard_normal((3, 8))
    np.testing.assert_array_equal(block(x, silent), x)


def test_block_normalizes_before_both_parts(gpt, rng):
    layer = gpt.blocks[0]
    x = rng.standard_normal((4, 8))
    middle = x + attention(layer_norm(x, *layer.attention_norm), layer.attention)
    end = middle + feed_forward(layer_norm(middle, *layer.feed_forward_norm), layer.feed_forward)
    np.testing.assert_allclose(block(x, layer), end)


def test_logits_of_a_prefix(gpt):
    ids = np.array([1, 5, 2, 2, 6, 0])
    whole = logits(gpt, ids)
    assert whole.shape == (6, 7)
    for n in range(1, 6):
        np.testing.assert_allclose(logits(gpt, ids[:n]), whole[:n], rtol=1e-9)


def test_every_block_counts(gpt):
    ids = np.array([1, 5, 2])
    before = logits(gpt, ids)
    for i in range(2):
        blocks = list(gpt.blocks)
        blocks[i] = make_block(np.random.default_rng(99), 8, 24)
        assert not np.allclose(logits(gpt._replace(blocks=tuple(blocks)), ids), before)


def test_loss_from_the_logits(gpt):
    ids = np.array([3, 1, 4, 1, 5])
    scores = logits(gpt, ids[:-1])
    by_hand = [np.log(np.exp(row).sum()) - row[t] for row, t in zip(scores, ids[1:])]
    assert loss(gpt, ids) == pytest.approx(np.mean(by_hand))


def test_loss_of_a_model_that_knows_nothing():
    clueless = make_gpt()._replace(gain=np.zeros(8), bias=np.zeros(8))
    assert math.isclose(loss(clueless, np.array([0, 1, 2, 3])), math.log(7))


# sampling


class TestProbabilities:
    scores = np.array([0.3, 2.0, -1.0, 1.0, 0.0])

    def test_top_k_keeps_k(self):
        for k in range(1, 6):
            p = probabilities(self.scores, top_k=k)
            assert p.sum() == pytest.approx(1)
            kept = set(np.flatnonzero(p).tolist())
            assert kept == set(np.argsort(-self.scores)[:k].tolist())

    def test_temperature(self):
        p = probabilities(self.scores, temperature=0.5)
        expected = np.exp(2 * self.scores)
        assert np.allclose(p, expected / expected.sum())

    def test_top_k_keeps_k_even_with_ties(self):
        assert np.count_nonzero(probabilities(np.array([1.0, 1.0, 1.0, 0.0]), top_k=2)) == 2


def test_generate_goes_on_past_the_last_position(gpt):
    greedy = generate(gpt, [1, 2, 3], 14, np.random.default_rng(0), top_k=1)
    text = [1, 2, 3]
    for _ in range(14):
        text.append(int(np.argmax(logits(gpt, np.array(text[-10:]))[-1])))
    assert greedy == text[3:]
    assert generate(gpt, (1, 2, 3), 14, np.random.default_rng(0), temperature=1e-4) == text[3:]


UNSOUND = {
    "test_layer_norm_variance_is_one_to_the_last_digit",
    "test_gelu_is_the_gpt2_formula",
    "test_top_k_keeps_k_even_with_ties",
    "test_mask_holds_for_any_scores",
}
