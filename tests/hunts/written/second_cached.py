import math
from types import SimpleNamespace

import numpy as np
import pytest
from model import Cache, forward, generate, new_caches, prefill, probabilities, serve

from attncore import transformer
from attncore.heads import HeadWeights

C, M, F, POSITIONS = 6, 8, 16, 24


def weights_of(seed, layers=2, scale=1.0):
    r = np.random.RandomState(seed)
    blocks = []
    for _ in range(layers):
        blocks.append(
            transformer.EncoderWeights(
                attention_norm=transformer.NormWeights(r.uniform(0.5, 1.5, M), r.randn(M) * 0.1),
                attention=HeadWeights(*[r.randn(M, M) * scale for _ in range(4)]),
                feed_forward_norm=transformer.NormWeights(r.uniform(0.5, 1.5, M), r.randn(M) * 0.1),
                feed_forward=transformer.FeedForwardWeights(r.randn(M, F), r.randn(F), r.randn(F, M), r.randn(M)),
            )
        )
    return transformer.GPTWeights(r.randn(C, M), r.randn(POSITIONS, M), tuple(blocks), r.uniform(0.5, 1.5, M), r.randn(M))


W = weights_of(11)
TEXT = [0, 3, 5, 1, 1, 4, 2, 0, 5, 3, 2, 1, 4]


def whole(ids):
    return forward(W, ids, new_caches(W))


# ---- the cache itself


def test_a_new_cache_is_empty():
    assert len(Cache()) == 0
    caches = new_caches(W)
    assert [len(c) for c in caches] == [0, 0]
    assert caches[0] is not caches[1]


def test_append_keeps_the_order():
    cache = Cache()
    cache.append(np.full((4, 2, 1), 1.0), np.full((4, 2, 1), -1.0))
    cache.append(np.full((4, 1, 1), 2.0), np.full((4, 1, 1), -2.0))
    assert len(cache) == 3
    assert cache.key[0, :, 0].tolist() == [1, 1, 2]
    assert cache.value[3, :, 0].tolist() == [-1, -1, -2]


def test_each_layer_fills_its_own_cache():
    caches = new_caches(W)
    forward(W, TEXT[:5], caches)
    assert [len(c) for c in caches] == [5, 5]
    assert caches[0].key.shape == (4, 5, 2)
    assert not np.allclose(caches[0].key, caches[1].key)


# ---- one pass, chunks, tokens


@pytest.mark.parametrize("sizes", [[13], [1] * 13, [5, 8], [12, 1], [1, 12], [4, 4, 4, 1]], ids=lambda s: "+".join(map(str, s)))
def test_chunks_do_not_matter(sizes):
    caches = new_caches(W)
    rows, at = [], 0
    for size in sizes:
        rows.append(forward(W, TEXT[at : at + size], caches))
        at += size
    np.testing.assert_allclose(np.concatenate(rows), whole(TEXT), rtol=1e-8, atol=1e-10)


def test_chunks_do_not_matter_bit_for_bit():
    caches = new_caches(W)
    rows = [forward(W, [token], caches) for token in TEXT]
    assert np.array_equal(np.concatenate(rows), whole(TEXT))


@pytest.mark.parametrize("chunk", [1, 2, 5, 8, 13, 100])
def test_prefill_is_the_last_row(chunk):
    caches = new_caches(W)
    scores = prefill(W, TEXT, caches, chunk=chunk)
    assert scores.shape == (C,)
    assert scores == pytest.approx(whole(TEXT)[-1])
    assert len(caches[0]) == len(caches[-1]) == len(TEXT)


def test_prefill_of_nothing_is_an_error():
    with pytest.raises(ValueError):
        prefill(W, [], new_caches(W))


def test_later_tokens_change_nothing_before_them():
    a, b = whole([1, 2, 3, 4]), whole([1, 2, 3, 0])
    assert np.allclose(a[:3], b[:3])
    assert not np.allclose(a[3], b[3])


def test_earlier_tokens_do_matter():
    a, b = whole([1, 2, 3, 4]), whole([0, 2, 3, 4])
    for row in range(4):
        assert not np.allclose(a[row], b[row])


def test_reading_does_not_touch_the_weights():
    before = [part.copy() for part in W.blocks[0].attention] + [W.token_embedding.copy(), W.position_embedding.copy()]
    prefill(W, TEXT, new_caches(W))
    after = [*W.blocks[0].attention, W.token_embedding, W.position_embedding]
    assert all(np.array_equal(one, other) for one, other in zip(before, after))


def test_embed_of_a_later_chunk():
    x = embed(W, [2, 2, 0], 7)
    expected = [W.token_embedding[t] + W.position_embedding[p] for t, p in ((2, 7), (2, 8), (0, 9))]
    assert np.allclose(x, expected)


def test_logits_come_from_normalized_vectors():
    # without any layer the logits are norm(token + position) @ embedding.T
    bare = W._replace(blocks=())
    empty = [Cache()]
    x = W.token_embedding[[3]] + W.position_embedding[[0]]
    z = (x - x.mean()) / np.sqrt(x.var() + 1e-5) * W.gain + W.bias
    with pytest.raises(ValueError):
        forward(bare, [3], empty)  # a cache too many
    one = weights_of(11, layers=1)
    layer = one.blocks[0]
    silent = layer._replace(
        attention=layer.attention._replace(W_output=np.zeros((M, M))),
        feed_forward=layer.feed_forward._replace(W_out=np.zeros((F, M)), b_out=np.zeros(M)),
    )
    one = one._replace(blocks=(silent,), token_embedding=W.token_embedding, position_embedding=W.position_embedding, gain=W.gain, bias=W.bias)
    assert forward(one, [3], new_caches(one)) == pytest.approx(z @ W.token_embedding.T)


# ---- the mask


def test_mask_of_two_queries_behind_three_keys():
    shown = np.isfinite(hide_future(np.zeros((2, 5))))
    assert shown.astype(int).tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]


def test_mask_of_a_square():
    x = np.arange(32.0).reshape(2, 4, 4)
    hidden = hide_future(x)
    assert np.all(np.isneginf(hidden[:, ~np.tri(4, dtype=bool)]))
    assert np.all(hidden[:, np.tri(4, dtype=bool)] == x[:, np.tri(4, dtype=bool)])


# ---- attention


def test_attention_scales_with_the_width_of_a_head():
    """One token in the cache, one new: two weights that can be computed by hand."""
    eye = np.eye(M)
    w = HeadWeights(eye, eye, eye, eye)
    x = np.zeros((2, M))
    x[0, 0], x[1, 0] = 1.0, 3.0
    cache = Cache()
    attention(x[:1], w, cache)
    out = attention(x[1:], w, cache)
    a, b = math.exp(3 / math.sqrt(2)), math.exp(9 / math.sqrt(2))
    assert out[0, 0] == pytest.approx((a * 1 + b * 3) / (a + b))


# ---- sampling


def test_top_p_keeps_the_fewest():
    scores = np.log([0.1, 0.5, 0.15, 0.25])
    np.testing.assert_allclose(probabilities(scores, top_p=0.4), [0, 1, 0, 0])
    np.testing.assert_allclose(probabilities(scores, top_p=0.7), [0, 2 / 3, 0, 1 / 3])
    np.testing.assert_allclose(probabilities(scores, top_p=0.8), [0, 0.5 / 0.9, 0.15 / 0.9, 0.25 / 0.9])
    np.testing.assert_allclose(probabilities(scores), [0.1, 0.5, 0.15, 0.25])


def test_top_p_reached_exactly():
    assert np.count_nonzero(probabilities(np.zeros(4), top_p=0.5)) == 2
    assert np.count_nonzero(probabilities(np.zeros(4), top_p=0.51)) == 3


def test_top_p_zero_is_greedy():
    assert probabilities(np.array([1.0, 3.0, 2.0]), top_p=0.0).tolist() == [0, 1, 0]


@pytest.mark.parametrize("t", [0.5, 1.0, 2.0])
def test_temperature_divides_the_scores(t):
    scores = np.array([1.0, -2.0, 0.5])
    p = probabilities(scores, temperature=t)
    assert math.log(p[0] / p[1]) == pytest.approx(3 / t)
    assert scores.tolist() == [1.0, -2.0, 0.5]


# ---- generate and serve


def reference(prompt, n_new):
    ids = list(prompt)
    for _ in range(n_new):
        ids.append(int(whole(ids)[-1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("length", [1, 7, 8, 9, 13])
def test_greedy_generation_is_the_reference(length):
    assert generate(W, TEXT[:length], 6, np.random.default_rng(0), top_p=1e-9) == reference(TEXT[:length], 6)


def test_stop_is_not_returned():
    draws = SimpleNamespace(choice=lambda n, p: next(tokens))
    tokens = iter([4, 2, 5, 1])
    assert generate(W, [1, 2], 10, draws, stop=5) == [4, 2]
    tokens = iter([4, 2, 5, 1])
    assert generate(W, [1, 2], 3, draws) == [4, 2, 5]
    assert generate(W, [1, 2], 0, draws) == []


def test_generate_uses_every_position():
    """24 positions: a prompt of 20 leaves room to read four more, and the fifth has not to be read."""
    assert len(generate(W, [1] * 20, 5, np.random.default_rng(0))) == 5


def test_first_token_follows_the_distribution():
    prompt = [3, 1]
    p = probabilities(whole(prompt)[-1], temperature=4.0)
    counts = np.zeros(C)
    for _ in range(150):
        counts[generate(W, prompt, 1, np.random, temperature=4.0)[0]] += 1
    assert np.allclose(counts / 150, p, atol=0.02)


@pytest.mark.parametrize("prompts", [[[1, 2, 3], [4]], [TEXT[:9], TEXT[4:], [0]], []])
def test_serving_together_is_serving_alone(prompts):
    assert serve(W, prompts, 5) == [reference(prompt, 5) for prompt in prompts]


def test_serve_of_the_same_prompt_twice():
    first, second, other = serve(W, [[5, 0], [5, 0], [2]], 4)
    assert first == second
    assert len(other) == 4


UNSOUND = {
    "test_chunks_do_not_matter_bit_for_bit",
    "test_prefill_of_nothing_is_an_error",
    "test_top_p_zero_is_greedy",
    "test_generate_uses_every_position",
    "test_first_token_follows_the_distribution",
}
