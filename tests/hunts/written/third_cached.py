# ruff: noqa: F821
import numpy as np
import pytest
from model import Cache, forward, new_caches, prefill

from attncore.heads import HeadWeights
from attncore.transformer import EncoderWeights, FeedForwardWeights, GPTWeights, NormWeights


def make_gpt(seed=5, c=10, m=8, n=40, layers=2):
    r = np.random.default_rng(seed).standard_normal

    def layer():
        return EncoderWeights(
            NormWeights(r(m), r(m)),
            HeadWeights(r((m, m)), r((m, m)), r((m, m)), r((m, m))),
            NormWeights(r(m), r(m)),
            FeedForwardWeights(r((m, 2 * m)), r(2 * m), r((2 * m, m)), r(m)),
        )

    return GPTWeights(r((c, m)), r((n, m)), tuple(layer() for _ in range(layers)), r(m), r(m))


W = make_gpt()
IDS = [1, 5, 3, 9, 0, 2, 2, 7, 4, 6, 8, 1]


class Greedy:
    def choice(self, n, p):
        return int(np.argmax(p))


def greedy(prompt, n):
    """Without a cache: read everything again for each token."""
    ids = list(prompt)
    for _ in range(n):
        ids.append(int(forward(W, ids, new_caches(W))[-1].argmax()))
    return ids[len(prompt) :]


def test_cache_empty_length():
    assert len(Cache()) == 0


def test_cache_appends_behind():
    cache = Cache()
    cache.append(np.zeros((4, 2, 2)), np.ones((4, 2, 2)))
    cache.append(np.full((4, 1, 2), 5.0), np.full((4, 1, 2), 6.0))
    assert len(cache) == 3
    assert cache.key[0, :, 0].tolist() == [0, 0, 5]
    assert cache.value[0, :, 0].tolist() == [1, 1, 6]


def test_cache_append_one_token_2d():
    cache = Cache()
    cache.append(np.zeros((4, 2)), np.zeros((4, 2)))
    cache.append(np.zeros((4, 2)), np.zeros((4, 2)))
    assert len(cache) == 2


def test_new_caches_separate():
    caches = new_caches(W)
    assert len(caches) == 2
    assert caches[0] is not caches[1]


def test_embed_starts_at():
    x = embed(W, [3, 3], 7)
    assert np.allclose(x - W.token_embedding[3], W.position_embedding[7:9])


def test_layer_norm_mean_and_std():
    out = layer_norm(np.random.default_rng(0).normal(4, 3, (6, 32)), 1, 0)
    assert np.abs(out.mean(-1)).max() < 1e-9
    assert np.abs(out.std(-1) - 1).max() < 1e-4


def test_softmax_axis():
    assert np.allclose(softmax(np.array([[0.0, 0.0], [5.0, 5.0]])), 0.5)


def test_softmax_shift():
    x = np.random.randn(4, 4)
    assert np.allclose(softmax(x), softmax(x + 700))


def test_hide_future_square():
    assert np.array_equal(np.isfinite(hide_future(np.zeros((3, 3)))), np.tri(3, dtype=bool))


def test_hide_future_chunk():
    seen = np.isfinite(hide_future(np.zeros((1, 2, 5))))[0]
    assert seen.sum(-1).tolist() == [4, 5]


def test_hide_future_single_query_sees_all():
    s = np.random.randn(4, 1, 9)
    assert np.array_equal(hide_future(s), s)


def test_attention_fills_cache():
    cache = Cache()
    attention(np.random.randn(5, 8), W.blocks[0].attention, cache)
    assert cache.key.shape == cache.value.shape == (4, 5, 2)


def test_attention_chunks_agree():
    x = np.random.default_rng(4).standard_normal((6, 8))
    a = W.blocks[1].attention
    cache = Cache()
    parts = np.concatenate([attention(x[:4], a, cache), attention(x[4:], a, cache)])
    assert np.allclose(parts, attention(x, a, Cache()))


def test_gelu_at_one():
    assert gelu(np.array([1.0]))[0] == pytest.approx(0.8412, abs=1e-5)


@pytest.mark.parametrize("cut", [1, 3, 8, 11])
def test_forward_two_chunks(cut):
    whole = forward(W, IDS, new_caches(W))
    caches = new_caches(W)
    a, b = forward(W, IDS[:cut], caches), forward(W, IDS[cut:], caches)
    assert np.allclose(np.concatenate([a, b]), whole)


@pytest.mark.parametrize("chunk", [1, 2, 5, 12, 50])
def test_prefill_any_chunk(chunk):
    assert np.allclose(prefill(W, IDS, new_caches(W), chunk), forward(W, IDS, new_caches(W))[-1])


def test_prefill_leaves_full_cache():
    caches = new_caches(W)
    prefill(W, IDS, caches)
    assert [len(c) for c in caches] == [12, 12]


def test_top_p_one_keeps_all():
    assert np.allclose(probabilities(np.log([0.2, 0.3, 0.5])), [0.2, 0.3, 0.5])


def test_top_p_fewest():
    p = probabilities(np.log([0.1, 0.6, 0.3]), top_p=0.7)
    assert p == pytest.approx([0, 2 / 3, 1 / 3])
    assert probabilities(np.log([0.1, 0.6, 0.3]), top_p=0.5) == pytest.approx([0, 1, 0])


def test_top_p_zero_raises():
    with pytest.raises(ValueError):
        probabilities(np.array([1.0, 2.0]), top_p=0.0)


def test_temperature():
    assert probabilities(np.log([1.0, 4.0]), temperature=2.0) == pytest.approx([1 / 3, 2 / 3])


def test_generate_greedy_same_as_uncached():
    assert generate(W, IDS, 6, Greedy()) == greedy(IDS, 6)


def test_generate_stop():
    texts = generate(W, IDS, 8, Greedy())
    stop = texts[3]
    assert generate(W, IDS, 8, Greedy(), stop=stop) == texts[: texts.index(stop)]


class TestServe:
    def test_serve_each_as_alone(self):
        prompts = [IDS, [4, 4], [9, 8, 7, 6]]
        assert serve(W, prompts, 5) == [greedy(p, 5) for p in prompts]

    def test_serve_same_prompt_twice_differs(self):
        one, two = serve(W, [[1, 2, 3], [1, 2, 3]], 6)
        assert one != two


UNSOUND = {
    "TestServe::test_serve_same_prompt_twice_differs",
    "test_cache_append_one_token_2d",
    "test_gelu_at_one",
    "test_top_p_zero_raises",
}
