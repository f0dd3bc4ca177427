"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.flash import peak_floats

N, HEADS, WIDTH, BLOCK_OF = 8192, 32, 128, 128
questions = [
    numeric(
        "score-traffic",
        lambda: 4 * HEADS * N * N * 2,
        {
            "crossed only once": lambda: HEADS * N * N * 2,
            "half of the traffic": lambda: 2 * HEADS * N * N * 2,
            "one head only": lambda: 4 * N * N * 2,
        },
    ),
    numeric(
        "peak-ratio",
        lambda: peak_floats(N, WIDTH) / peak_floats(N, WIDTH, BLOCK_OF),
        {
            "only the scores are compared": lambda: (N / BLOCK_OF) ** 2,
            "the output is left out": lambda: (N * N + 2 * N) / (BLOCK_OF**2 + 2 * N),
        },
        tolerance=0.02,
    ),
    numeric(
        "causal-tiles",
        lambda: 64 * 65 // 2,
        {
            "exactly half of the tiles": lambda: 64 * 64 // 2,
            "the tiles on the diagonal are forgotten": lambda: 64 * 63 // 2,
            "no tile is skipped": lambda: 64 * 64,
        },
        tolerance=0,
    ),
    numeric(
        "recompute-flops",
        lambda: 1000 * 2 * N * N * WIDTH * HEADS / 312e12,
        {
            "the whole forward again": lambda: 1000 * 4 * N * N * WIDTH * HEADS / 312e12,
            "only multiplications are counted": lambda: 1000 * N * N * WIDTH * HEADS / 312e12,
            "one head only": lambda: 1000 * 2 * N * N * WIDTH / 312e12,
            "the time to store them instead": lambda: 1000 * 2 * HEADS * N * N * 2 / 2.0e12,
        },
    ),
    predict("unchanged-maximum", lambda: 1, {"the old sum is dropped": lambda: 0}),
    predict(
        "share-of-a-part",
        lambda: 0.9,
        {"both parts count alike": lambda: 0.5, "the share of the other part": lambda: 0.1},
    ),
    predict(
        "fewer-flops",
        lambda: "no fewer",
        {"half the work": lambda: "half as many", "fewer by a factor of the block": lambda: "far fewer"},
    ),
    predict(
        "kept-for-backward",
        lambda: (2, 32, 8192),
        {
            "the weights are stored": lambda: (2, 32, 8192, 8192),
            "one number for each head": lambda: (2, 32),
            "the heads are forgotten": lambda: (2, 8192),
        },
    ),
]
