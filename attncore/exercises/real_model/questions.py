"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.configurations import BERT_BASE, BERT_LARGE, DISTILBERT, MINILM
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among

WORDS, POSITIONS, WIDTH, INNER, LAYERS = 30_522, 512, 384, 1_536, 6
EMBEDDINGS = (WORDS + POSITIONS + 2 + 2) * WIDTH  # two kinds of text; gain and bias of a norm
ATTENTION = 4 * (WIDTH * WIDTH + WIDTH)
FEED_FORWARD = WIDTH * INNER + INNER + INNER * WIDTH + WIDTH
BLOCKS = LAYERS * (ATTENTION + FEED_FORWARD + 4 * WIDTH)
POOLER = WIDTH * WIDTH + WIDTH


def blocks_of(model):
    """The parameters of an encoder's blocks, feed-forward layers four times as wide as the model."""
    return model.layers * (12 * model.width**2 + 13 * model.width)


questions = [
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
        "minilm-embedding-share",
        lambda model: WORDS * model.width / model.parameters,
        {
            "compared with the rest": lambda model: WORDS * model.width / (model.parameters - WORDS * model.width),
            "the share of the blocks": lambda model: blocks_of(model) / model.parameters,
        },
        first={"model": MINILM},
        draw=among(model=(BERT_BASE, BERT_LARGE, DISTILBERT)),
        worked=lambda model: {
            "what": "The file of all-MiniLM-L6-v2" if model == MINILM else model.name,
            "table": WORDS * model.width,
            "percent": 100 * WORDS * model.width / model.parameters,
            "blocks": {6: "six", 12: "twelve", 24: "twenty-four"}[model.layers],
        },
    ),
    numeric(
        "minilm-bytes",
        lambda: 4 * (EMBEDDINGS + BLOCKS + POOLER),
        {
            "two bytes a number, as in float16": lambda: 2 * (EMBEDDINGS + BLOCKS + POOLER),
            "bits, not bytes": lambda: 32 * (EMBEDDINGS + BLOCKS + POOLER),
            "one byte a number": lambda: EMBEDDINGS + BLOCKS + POOLER,
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
