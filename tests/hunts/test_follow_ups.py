"""The rounds that follow a hunt: a cache, a classifier, a prefix that is shared, more speed."""

import pytest

from attncore import hunts

DECODER, CACHED, SERVING = (hunts.make(1, kind=kind) for kind in ("decoder", "cached", "serving"))
CACHE = """

def start(weights):
    return [None for _ in weights.blocks], [0]


def step(weights, state, token):
    caches, seen = state
    x = (weights.token_embedding[token] + weights.position_embedding[seen[0]])[None]
    for i, layer in enumerate(weights.blocks):
        normal = layer_norm(x, *layer.attention_norm)
        query, key, value = (split_heads(normal @ W) for W in layer.attention[:3])
        if caches[i] is not None:
            key = np.concatenate([caches[i][0], key], axis=1)
            value = np.concatenate([caches[i][1], value], axis=1)
        caches[i] = key, value
        weights_ = softmax(query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1]))
        x = x + merge_heads(weights_ @ value) @ layer.attention.W_output
        x = x + feed_forward(layer_norm(x, *layer.feed_forward_norm), layer.feed_forward)
    seen[0] += 1
    return (layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T)[0]
"""
RECOMPUTED = """

def start(weights):
    return []


def step(weights, state, token):
    state.append(token)
    return logits(weights, np.array(state))[-1]
"""
PROOF = """
from attncore.hunts.decoder.rig import IDS, small_weights


def test_steps_equal_the_whole():
    weights = small_weights(3)
    state = start(weights)
    rows = [step(weights, state, int(token)) for token in IDS]
    assert np.allclose(rows, logits(weights, IDS))
"""
SHAPE = "def test_shape():\n    assert callable(step)\n"


@pytest.mark.parametrize(
    ("added", "tests", "said"),
    [
        (CACHE, PROOF, "done"),
        (CACHE, "", "your tests miss 2"),
        (CACHE, SHAPE, "your tests miss 2"),
        (RECOMPUTED, PROOF, "as without a cache"),
        ("", PROOF, "`start` isn't there yet"),
        (CACHE.replace("seen[0] += 1", "pass"), PROOF, "doesn't give what one pass"),
        (
            CACHE.replace("return [None for _ in weights.blocks], [0]", "return SHARED") + "\nSHARED = {}, [0]\n",
            PROOF,
            "not",
        ),
    ],
    ids=["right", "no test", "a test that proves nothing", "no cache", "nothing", "one position", "shared"],
)
def test_a_cache_is_equal_cheap_and_proven(added, tests, said):
    report = DECODER.judge_follow_up("cache", DECODER.healthy + added, tests)
    assert said in report.message and (report.tone == "right") == (said == "done")


LAST = "    return np.stack([{} @ W for vectors in found])\n"
ONE_BY_ONE = """

def classify(weights, texts, W):
    found = []
    for ids in texts:
        x = embed(weights, ids)
        for layer in weights.blocks:
            x = block(x, layer)
        found.append(layer_norm(x, weights.gain, weights.bias))
"""
PADDED_LEFT = """

def classify(weights, texts, W):
    n = max(map(len, texts))
    padded = [[0] * (n - len(text)) + list(text) for text in texts]
    found = []
    for ids in padded:
        x = embed(weights, ids)
        for layer in weights.blocks:
            x = block(x, layer)
        found.append(layer_norm(x, weights.gain, weights.bias)[-1] @ W)
    return np.stack(found)
"""


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (ONE_BY_ONE + LAST.format("vectors[-1]"), "done"),
        (ONE_BY_ONE + LAST.format("vectors[0]"), "first token"),
        (ONE_BY_ONE + LAST.format("vectors.mean(axis=0)"), "mean over the tokens"),
        (PADDED_LEFT, "in a batch they aren't"),
        ("", "`classify` isn't there yet"),
    ],
    ids=["right", "first token", "mean", "padded on the left", "nothing"],
)
def test_a_classifier_reads_the_last_token_of_each_text(added, said):
    assert said in DECODER.judge_follow_up("classifier", DECODER.healthy + added).message


SHARED = """

def serve(pool, prompts, n_texts, n_new):
    tables, texts, known = [], [], {}
    for prompt in prompts:
        ids, table = [int(token) for token in prompt], Table(pool)
        names = {end: tuple(ids[:end]) for end in range(BLOCK, len(ids), BLOCK)}
        for end, name in names.items():
            if name in known:
                cut(table, 0)
                table = fork(known[name])
                cut(table, end)
        logits = forward(ids[table.length :], table)[-1]
        known = {name: table for name in names.values()} | known
        likeliest = np.argsort(-logits)[:n_texts]
        tables += [table, *(fork(table) for _ in likeliest)]
        texts += [None, *([int(token)] for token in likeliest)]
    for _ in range(n_new - 1):
        for text, table in zip(texts, tables):
            if text:
                text.append(int(forward(text[-1:], table)[-1].argmax()))
    for table in tables:
        cut(table, 0)
    return [text for text in texts if text]
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("", ""), "done"),
        (("tuple(ids[:end])", "tuple(ids[end - BLOCK : end])"), "whose first isn't, get each other's texts"),
        (("known[name])\n", "known[name])\n                continue\n"), "The texts aren't what they were"),
        (("    for table in tables:\n        cut(table, 0)\n", ""), "not every block is unused again"),
        (("if name in known:", "if False:"), "still cost 100%"),
    ],
    ids=["right", "named by its own tokens", "not cut", "kept", "not shared"],
)
def test_a_prefix_is_found_by_all_of_it_and_read_once(change, said):
    before, after = change
    report = SERVING.judge_follow_up("prefix", SERVING.healthy + SHARED.replace(before, after))
    assert said in report.message and (report.tone == "right") == (said == "done")


def test_speed_is_a_ratio_of_one_run():
    same = DECODER.judge_follow_up("faster", DECODER.healthy)
    assert "times as fast as the file was" in same.message and same.tone == "wrong"
    wrong = DECODER.healthy.replace("ids[len(prompt) :]", "ids")
    assert "doesn't give what it gave before" in DECODER.judge_follow_up("faster", wrong).message


def test_other_kinds_have_their_own_rounds():
    assert set(DECODER.follow_ups) == {"cache", "classifier", "faster"}
    assert set(CACHED.follow_ups) == {"classifier", "faster"}
    assert set(SERVING.follow_ups) == {"prefix", "faster"}
    assert hunts.make(1, kind="training").follow_ups == {}
    with pytest.raises(ValueError, match='no round "poem"; there are: cache'):
        DECODER.judge_follow_up("poem", "")
