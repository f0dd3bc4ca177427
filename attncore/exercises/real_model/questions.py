"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among
from attncore.wrong_head import MISTAKES, planted

WORDS, POSITIONS, WIDTH, INNER, LAYERS = 30_522, 512, 384, 1_536, 6
EMBEDDINGS = (WORDS + POSITIONS + 2 + 2) * WIDTH  # two kinds of text; gain and bias of a norm
ATTENTION = 4 * (WIDTH * WIDTH + WIDTH)
FEED_FORWARD = WIDTH * INNER + INNER + INNER * WIDTH + WIDTH
BLOCKS = LAYERS * (ATTENTION + FEED_FORWARD + 4 * WIDTH)


def head_first(seed):
    layer, head, mistake = planted(seed)
    return head, layer, mistake


def from_one(seed):
    layer, head, mistake = planted(seed)
    return layer + 1, head + 1, mistake


questions = [
    predict(
        "cosine-of-one-wrong-head",
        lambda: "0.99 or more",
        {"one of twelve in its layer": lambda: "about 0.9", "all that follows is wrong too": lambda: "about 0.5"},
    ),
    numeric(
        "wrong-head",
        planted,
        {"the head before the layer": head_first, "counted from one": from_one},
        first={"seed": 16},
        draw=among(seed=(0, 1, 2, 3, 4, 8, 9, 10, 12, 21, 29, 31, 32)),
        worked=lambda seed: {
            "layer": planted(seed)[0],
            "head": planted(seed)[1],
            "mistake": list(MISTAKES)[planted(seed)[2]],
        },
    ),
    numeric(
        "minilm-parameters",
        lambda: EMBEDDINGS + BLOCKS,
        {
            "the embeddings are forgotten": lambda: BLOCKS,
            "one block only": lambda: EMBEDDINGS + BLOCKS // LAYERS,
            "the feed-forward part is forgotten": lambda: EMBEDDINGS + BLOCKS - LAYERS * FEED_FORWARD,
            "the output projection is forgotten": lambda: EMBEDDINGS + BLOCKS - LAYERS * ATTENTION // 4,
            "the projections are counted for each head": lambda: EMBEDDINGS + BLOCKS + 11 * LAYERS * ATTENTION,
        },
    ),
    numeric(
        "cross-encoder-runs",
        lambda queries, documents, best: documents + queries + queries * best,
        {
            "every pair is read together": lambda queries, documents, best: queries * documents,
            "the documents are never read": lambda queries, documents, best: queries + queries * best,
            "the candidates of one query only": lambda queries, documents, best: documents + queries + best,
            "the queries are never read": lambda queries, documents, best: documents + queries * best,
        },
        tolerance=0,
        first={"queries": 100, "documents": 10_000, "best": 50},
        draw=among(
            queries=(20, 50, 100, 200, 500), documents=(5000, 10_000, 20_000, 100_000), best=(10, 20, 25, 50, 100)
        ),
        worked=lambda queries, documents, best: {"pairs": queries * documents, "fresh": best + 1},
    ),
    predict(
        "all-maps-shape",
        lambda: (6, 12, 15, 15),
        {
            "some tokens are left out": lambda: (6, 12, 13, 13),
            "heads before layers": lambda: (12, 6, 15, 15),
            "one map for each layer": lambda: (6, 15, 15),
        },
    ),
    predict(
        "shifted-key-bias",
        lambda: "they stay the same",
        {
            "each key scores more": lambda: "they become sharper",
            "the bias draws attention": lambda: "they move to other keys",
        },
    ),
    predict(
        "share-of-the",
        lambda: "between 25 and 30 %",
        {"as one often reads": lambda: "less than 10 %", "frequent words win": lambda: "more than 40 %"},
    ),
    predict(
        "who-bites-whom",
        lambda: "about 0.97",
        {"the order decides": lambda: "about 0.3", "half of it differs": lambda: "about 0.6"},
    ),
]
