"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.cache import kv_cache_bytes
from attncore.exercises.exercise import numeric, predict

LLAMA_2_7B_WEIGHTS = 6_738_415_616
questions = [
    numeric(
        "where-the-square-wins",
        lambda: 2 * 4096,
        {"powers compared without their factors": lambda: 4096, "scores without the sum": lambda: 4 * 4096},
    ),
    numeric(
        "kv-bytes",
        lambda: kv_cache_bytes(32, 32, 128, tokens=1),
        {
            "eight key heads as in Llama 3": lambda: kv_cache_bytes(32, 8, 128, tokens=1),
            "keys without values": lambda: kv_cache_bytes(32, 32, 128, tokens=1) // 2,
            "one layer only": lambda: kv_cache_bytes(1, 32, 128, tokens=1),
        },
    ),
    numeric(
        "texts-on-a-card",
        lambda: (80 * 10**9 - 2 * LLAMA_2_7B_WEIGHTS) // kv_cache_bytes(32, 32, 128, tokens=4096),
        {
            "weights forgotten": lambda: 80 * 10**9 // kv_cache_bytes(32, 32, 128, tokens=4096),
            "one byte a weight": lambda: (80 * 10**9 - LLAMA_2_7B_WEIGHTS) // kv_cache_bytes(32, 32, 128, tokens=4096),
            "rounded up": lambda: -(-(80 * 10**9 - 2 * LLAMA_2_7B_WEIGHTS) // kv_cache_bytes(32, 32, 128, tokens=4096)),
        },
        tolerance=0,
    ),
    numeric(
        "tokens-a-second",
        lambda: 2.039e12 / 7.5e9,
        {
            "two bytes a weight": lambda: 2.039e12 / (2 * 7.5e9),
            "arithmetic taken for the limit": lambda: 312e12 / (2 * 7.5e9),
        },
    ),
    numeric(
        "tokens-to-the-ridge",
        lambda: 312 / 2.039,
        {"additions forgotten": lambda: 2 * 312 / 2.039, "one byte a weight": lambda: 312 / 2.039 / 2},
    ),
    predict(
        "twice-the-text",
        lambda: "more than twice, less than four times",
        {
            "only the projections counted": lambda: "exactly twice",
            "only the square counted": lambda: "exactly four times",
        },
    ),
    predict(
        "what-stays-without-a-mask",
        lambda: "those of the first layer",
        {"the causal case": lambda: "those of all layers", "first layer overlooked": lambda: "none"},
    ),
    predict(
        "decode-scores-shape",
        lambda: (2, 3, 1, 8),
        {
            "new token forgotten": lambda: (2, 3, 1, 7),
            "all queries again": lambda: (2, 3, 8, 8),
            "no heads": lambda: (2, 1, 8),
        },
    ),
]
