"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

WORDS, POSITIONS, WIDTH, INNER, LAYERS = 30_522, 512, 384, 1_536, 6
EMBEDDINGS = (WORDS + POSITIONS + 2 + 2) * WIDTH  # two kinds of text; gain and bias of a norm
ATTENTION = 4 * (WIDTH * WIDTH + WIDTH)
FEED_FORWARD = WIDTH * INNER + INNER + INNER * WIDTH + WIDTH
BLOCKS = LAYERS * (ATTENTION + FEED_FORWARD + 4 * WIDTH)
POOLER = WIDTH * WIDTH + WIDTH
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
        lambda: WORDS * WIDTH / (EMBEDDINGS + BLOCKS + POOLER),
        {
            "compared with the rest": lambda: WORDS * WIDTH / (EMBEDDINGS + BLOCKS + POOLER - WORDS * WIDTH),
            "the share of the blocks": lambda: BLOCKS / (EMBEDDINGS + BLOCKS + POOLER),
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
        lambda: 10_000 + 100 + 100 * 50,
        {
            "every pair is read together": lambda: 100 * 10_000,
            "the documents are never read": lambda: 100 + 100 * 50,
            "the candidates of one query only": lambda: 10_000 + 100 + 50,
            "the queries are never read": lambda: 10_000 + 100 * 50,
        },
        tolerance=0,
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
