# ruff: noqa: F821
import math
from types import SimpleNamespace

import numpy as np
import pytest

from attncore.heads import HeadWeights
from attncore.transformer import EncoderWeights, FeedForwardWeights, NormWeights


def make_weights(seed=6, c=12, m=8, layers=2):
    r = np.random.default_rng(seed).standard_normal

    def layer():
        return EncoderWeights(
            NormWeights(r(m), r(m)),
            HeadWeights(r((m, m)), r((m, m)), r((m, m)), r((m, m))),
            NormWeights(r(m), r(m)),
            FeedForwardWeights(r((m, 2 * m)), r(2 * m), r((2 * m, m)), r(m)),
        )

    return SimpleNamespace(token_embedding=r((c, m)), blocks=tuple(layer() for _ in range(layers)))


@pytest.fixture
def w():
    return make_weights()


def test_pad_ids_and_real():
    ids, real = pad([[3, 4, 5], [6]])
    assert ids.tolist() == [[3, 4, 5], [6, 0, 0]]
    assert real.tolist() == [[True, True, True], [True, False, False]]


def test_pad_token_zero_in_a_text_is_real():
    _, real = pad([[1, 0, 2], [0]])
    assert real.sum() == 4


def test_pad_no_texts():
    ids, real = pad([])
    assert ids.shape == real.shape == (0, 0)


def test_positions_zero():
    assert positions(1, 6).tolist() == [[0, 1, 0, 1, 0, 1]]


def test_positions_frequencies():
    t = positions(3, 4)
    assert t[2] == pytest.approx([math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)])


def test_positions_unit_circles():
    t = positions(9, 10)
    assert np.allclose(t[:, 0::2] ** 2 + t[:, 1::2] ** 2, 1)


def test_embed_difference_of_tokens(w):
    x = embed(w, np.array([[3, 3], [5, 5]]))
    assert np.allclose(x[0] - x[1], w.token_embedding[3] - w.token_embedding[5])


def test_embed_adds_positions(w):
    assert np.allclose(embed(w, np.array([[2, 2, 2]]))[0] - w.token_embedding[2], positions(3, 8))


def test_layer_norm_stats():
    x = np.random.default_rng(1).normal(5, 2, (2, 3, 64))
    out = layer_norm(x, 1.0, 0.0)
    assert np.allclose(out.mean(-1), 0, atol=1e-9)
    assert np.allclose(out.std(-1), 1, atol=1e-6)


def test_layer_norm_small_input_is_stretched():
    x = np.array([[1e-3, -1e-3]])
    assert np.allclose(layer_norm(x, 1.0, 0.0), [[1, -1]], atol=1e-3)


def test_softmax_stable():
    assert np.isfinite(softmax(np.array([[800.0, 1.0]]))).all()


def test_split_heads_layout():
    x = np.arange(32.0).reshape(2, 2, 8)
    h = split_heads(x)
    assert h.shape == (2, 4, 2, 2)
    assert np.array_equal(h[1, 2], x[1, :, 4:6])


def test_merge_heads_back():
    x = np.random.randn(3, 5, 8)
    assert np.array_equal(merge_heads(split_heads(x)), x)


def test_attend_skips_padding():
    z = np.zeros((1, 1, 3, 1))
    v = np.array([[[[1.0], [3.0], [100.0]]]])
    out = attend(z, z, v, np.array([[True, True, False]]))
    assert out[0, 0, :2, 0] == pytest.approx([2, 2])


def test_attend_padding_query_gives_zero():
    z = np.zeros((1, 1, 2, 1))
    out = attend(z, z, np.ones((1, 1, 2, 1)), np.array([[True, False]]))
    assert out[0, 0, 1, 0] == 0


def test_attend_divides_by_root_d():
    q = np.zeros((1, 1, 2, 9))
    k = np.zeros((1, 1, 2, 9))
    q[..., 0] = 3
    k[0, 0, 0, 0] = 1
    v = np.array([[[[1.0], [0.0]]]])
    out = attend(q, k, v, np.ones((1, 2), bool))
    assert out[0, 0, 0, 0] == pytest.approx(math.e / (1 + math.e))


def test_attention_query_matters(w):
    a = w.blocks[0].attention
    x = np.random.default_rng(0).standard_normal((1, 4, 8))
    real = np.ones((1, 4), bool)
    assert not np.allclose(attention(x, a, real), attention(x, a._replace(W_query=2 * a.W_query), real))


def test_feed_forward_by_hand():
    f = FeedForwardWeights(np.eye(2), np.array([1.0, 0.0]), np.eye(2), np.array([0.0, 5.0]))
    assert feed_forward(np.zeros((1, 1, 2)), f)[0, 0] == pytest.approx([0.8413447, 5.0])


def test_block_output_is_normalized_by_second_norm(w):
    n = NormWeights(np.full(8, 2.0), np.full(8, 0.5))
    layer = w.blocks[0]._replace(feed_forward_norm=n)
    out = block(np.random.randn(2, 3, 8), layer, np.ones((2, 3), bool))
    assert np.allclose(out.mean(-1), 0.5)
    assert np.allclose(out.std(-1), 2, atol=1e-4)


def test_encode_company_does_not_matter(w):
    alone, _ = encode(w, [[4, 7]])
    together, _ = encode(w, [[4, 7], [1, 2, 3, 4, 5, 6]])
    assert np.allclose(alone[0], together[0, :2])


def test_sentence_vectors_length_and_batch(w):
    texts = [[3, 1, 4], [1, 5, 9, 2, 6], [5]]
    v = sentence_vectors(w, texts)
    assert np.allclose(np.linalg.norm(v, axis=1), 1)
    for i in range(3):
        assert np.allclose(v[i], sentence_vectors(w, [texts[i]])[0])


def test_sentence_vector_ignores_order(w):
    a, b = sentence_vectors(w, [[3, 1, 4], [4, 1, 3]])
    assert np.allclose(a, b)


class TestMostSimilar:
    def test_most_similar_finds_itself(self, w):
        got = most_similar(w, [3, 4], [[1, 2, 9], [3, 4], [7, 7, 7, 7]], 1)
        assert list(got) == [1]

    def test_most_similar_order(self, w):
        texts = [[i, (3 * i) % 11, 2] for i in range(1, 8)]
        v = sentence_vectors(w, texts)
        q = sentence_vectors(w, [[5, 5]])[0]
        want = sorted(range(7), key=lambda i: -(v[i] @ q))[:3]
        assert list(most_similar(w, [5, 5], texts, 3)) == want


def test_classify_first_token(w):
    W = np.random.default_rng(9).standard_normal((8, 3))
    texts = [[1, 2, 3], [4]]
    assert np.allclose(classify(w, texts, W), encode(w, texts)[0][:, 0] @ W)


UNSOUND = {
    "test_pad_no_texts",
    "test_attend_padding_query_gives_zero",
    "test_sentence_vector_ignores_order",
}
