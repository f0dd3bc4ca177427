"""What a sentence encoder has to keep to."""

import math
from types import SimpleNamespace

import model
import numpy as np
import pytest

from attncore.heads import HeadWeights
from attncore.transformer import EncoderWeights, FeedForwardWeights, NormWeights

M = 16
VOCABULARY = 20


def build(seed=5, layers=2):
    rng = np.random.default_rng(seed)

    def norm():
        return NormWeights(rng.uniform(0.6, 1.4, M), rng.normal(0, 0.3, M))

    def layer():
        heads = HeadWeights(*rng.normal(0, 0.4, (4, M, M)))
        wide = FeedForwardWeights(
            rng.normal(0, 0.3, (M, 2 * M)), rng.normal(size=2 * M), rng.normal(0, 0.3, (2 * M, M)), rng.normal(size=M)
        )
        return EncoderWeights(norm(), heads, norm(), wide)

    return SimpleNamespace(token_embedding=rng.normal(size=(VOCABULARY, M)), blocks=[layer() for _ in range(layers)])


@pytest.fixture(scope="module")
def weights():
    return build()


SHORT, MIDDLE, LONG = [3, 1], [7, 7, 2, 19], [4, 1, 5, 9, 2, 6, 5]


# padding


def test_pad_two_texts():
    ids, real = pad([SHORT, MIDDLE])
    assert ids.tolist() == [[3, 1, 0, 0], [7, 7, 2, 19]]
    assert real.dtype == bool
    assert real.tolist() == [[True, True, False, False], [True] * 4]


def test_token_zero_in_a_text_is_real():
    ids, real = pad([[0, 5], [1, 0, 0]])
    assert ids.tolist() == [[0, 5, 0], [1, 0, 0]]
    assert real.sum() == 5


def test_pad_an_empty_text():
    ids, real = pad([[], [4, 2]])
    assert ids.tolist() == [[0, 0], [4, 2]]
    assert real.sum(axis=1).tolist() == [0, 2]


# positions


def test_position_table_by_hand():
    table = positions(3, 4)
    for p in range(3):
        expected = [math.sin(p), math.cos(p), math.sin(p / 100), math.cos(p / 100)]
        assert table[p] == pytest.approx(expected)


def test_products_of_positions_depend_on_the_distance():
    table = positions(12, 16)
    products = table @ table.T
    for d in range(12):
        diagonal = np.diagonal(products, d)
        assert np.allclose(diagonal, diagonal[0])
    assert np.allclose(np.diagonal(products), 8)


def test_last_frequency():
    # the slowest wave turns by 1/10000 a token
    table = positions(2, 64)
    assert table[1, -2] == pytest.approx(math.sin(1 / 10000), rel=1e-6)


def test_embed_adds_the_place_and_not_the_token(weights):
    ids = np.array([[3, 3, 3], [1, 2, 3]])
    x = embed(weights, ids)
    assert x.shape == (2, 3, M)
    assert np.allclose(x - weights.token_embedding[ids], positions(3, M))


# norm, softmax


class TestLayerNorm:
    def test_moments(self):
        x = np.random.default_rng(0).normal(2, 5, (3, 4, M)) * np.array([1, 10, 0.1])[:, None, None]
        y = layer_norm(x, 1, 0)
        np.testing.assert_allclose(y.mean(-1), 0, atol=1e-9)
        np.testing.assert_allclose(y.std(-1), 1, rtol=1e-6)

    def test_by_hand(self):
        # 1, 2, 3: the variance is 1, so that they become -1, 0, 1
        assert np.allclose(layer_norm(np.array([1.0, 2.0, 3.0]), 1, 0), [-1, 0, 1])


class TestSoftmax:
    def test_by_hand(self):
        assert np.allclose(softmax(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]])


# heads and attention


def test_heads_there_and_back():
    x = np.random.default_rng(2).normal(size=(3, 5, M))
    heads = split_heads(x)
    assert heads.shape == (3, 4, 5, 4)
    assert np.array_equal(heads[1, 2, 3], x[1, 3, 8:12])
    assert np.array_equal(merge_heads(heads), x)


def test_attend_looks_only_at_real_keys():
    rng = np.random.default_rng(8)
    q, k, v = rng.normal(size=(3, 2, 4, 5, 3))
    real = np.array([[True, True, True, False, False], [True, True, True, True, True]])
    out = attend(q, k, v, real)
    short = attend(q[:1, :, :3], k[:1, :, :3], v[:1, :, :3], real[:1, :3])
    np.testing.assert_allclose(out[:1, :, :3], short)
    # the padding may hold anything
    k[0, :, 3:] += 100
    v[0, :, 3:] = 1e6
    np.testing.assert_allclose(attend(q, k, v, real), out)


def test_padding_gives_zeros():
    rng = np.random.default_rng(8)
    q, k, v = rng.normal(size=(3, 1, 4, 3, 2))
    out = attend(q, k, v, np.array([[True, True, False]]))
    assert np.allclose(out[:, :, 2], 0)


def test_attention_against_loops(weights):
    w = weights.blocks[0].attention
    x = np.random.normal(size=(2, 3, M))
    expected = np.zeros_like(x)
    for b in range(2):
        q, k, v = x[b] @ w.W_query, x[b] @ w.W_key, x[b] @ w.W_value
        for h in range(0, M, 4):
            e = np.exp(q[:, h : h + 4] @ k[:, h : h + 4].T / 2)
            expected[b][:, h : h + 4] = e / e.sum(1, keepdims=True) @ v[:, h : h + 4]
    assert np.allclose(attention(x, w, np.ones((2, 3), bool)), expected @ w.W_output)


def test_attention_has_no_direction(weights):
    """Without positions the order of the tokens does not matter to any of them."""
    x = np.random.default_rng(1).normal(size=(1, 6, M))
    real = np.ones((1, 6), bool)
    order = np.array([3, 0, 5, 1, 2, 4])
    np.testing.assert_allclose(block(x[:, order], weights.blocks[0], real), block(x, weights.blocks[0], real)[:, order])


# blocks


def test_a_block_ends_in_its_second_norm(weights):
    layer = weights.blocks[1]
    x = np.random.default_rng(4).normal(size=(2, 5, M))
    y = block(x, layer, np.ones((2, 5), bool))
    z = (y - layer.feed_forward_norm.bias) / layer.feed_forward_norm.gain
    assert np.allclose(z.mean(-1), 0)
    assert np.allclose(z.var(-1), 1)


def test_post_norm_with_silent_parts(weights):
    """Nothing is added: what's left are the two norms."""
    layer = weights.blocks[0]
    layer = layer._replace(
        attention=layer.attention._replace(W_value=np.zeros((M, M))),
        feed_forward=layer.feed_forward._replace(W_out=np.zeros((2 * M, M)), b_out=np.zeros(M)),
    )
    x = np.random.default_rng(4).normal(size=(1, 5, M))
    twice = layer_norm(layer_norm(x, *layer.attention_norm), *layer.feed_forward_norm)
    np.testing.assert_allclose(block(x, layer, np.ones((1, 5), bool)), twice)


def test_blocks_run_in_order(weights):
    ids = np.array([LONG])
    x = embed(weights, ids)
    for layer in weights.blocks:
        x = block(x, layer, np.ones(ids.shape, bool))
    found, _ = encode(weights, [LONG])
    np.testing.assert_allclose(found, x)


# sentences


@pytest.mark.parametrize("text", [SHORT, MIDDLE, LONG, [0, 0, 5], [1, 2]], ids=str)
def test_company_changes_nothing(weights, text):
    alone = sentence_vectors(weights, [text])[0]
    crowd = sentence_vectors(weights, [LONG, text, SHORT, LONG + LONG])[1]
    np.testing.assert_allclose(crowd, alone, atol=1e-9)


def test_vectors_have_length_one(weights):
    vectors = sentence_vectors(weights, [SHORT, MIDDLE, LONG])
    assert vectors.shape == (3, M)
    assert (vectors**2).sum(-1) == pytest.approx(np.ones(3))


def test_the_vector_is_the_mean(weights):
    x, real = encode(weights, [MIDDLE, SHORT])
    mean = x[1, :2].mean(axis=0)
    assert np.allclose(sentence_vectors(weights, [MIDDLE, SHORT])[1], mean / np.sqrt(mean @ mean))


def test_most_similar_finds_the_text_itself(weights):
    texts = [SHORT, LONG, MIDDLE, [8, 8, 8]]
    for place, text in enumerate(texts):
        best = most_similar(weights, text, texts, 2)
        assert len(best) == 2
        assert best[0] == place
    assert sorted(most_similar(weights, [5], texts, 4)) == [0, 1, 2, 3]


def test_most_similar_is_sorted_by_cosine(monkeypatch):
    table = {1: [1.0, 0.0], 2: [0.6, 0.8], 3: [0.0, 1.0], 4: [-1.0, 0.0], 5: [0.8, 0.6]}
    monkeypatch.setattr(model, "sentence_vectors", lambda _, texts: np.array([table[t[0]] for t in texts]))
    assert list(most_similar(None, [1], [[4], [2], [3], [5]], 3)) == [3, 1, 2]


def test_classify_reads_the_first_token(weights):
    W = np.random.default_rng(0).normal(size=(M, 3))
    scores = classify(weights, [LONG, SHORT], W)
    assert scores.shape == (2, 3)
    for row, text in zip(scores, [LONG, SHORT]):
        np.testing.assert_allclose(row, encode(weights, [text])[0][0, 0] @ W, rtol=1e-7)


def test_an_empty_text_has_a_vector_too(weights):
    assert np.isfinite(sentence_vectors(weights, [SHORT, []])).all()


UNSOUND = {
    "test_last_frequency",
    "TestLayerNorm::test_by_hand",
    "test_padding_gives_zeros",
    "test_an_empty_text_has_a_vector_too",
}
