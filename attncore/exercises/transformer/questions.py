"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "bert-block-parameters",
        lambda: 12 * 768**2 + 4 * 768 + (3072 + 768) + 4 * 768,
        {
            "matrices only": lambda: 12 * 768**2,
            "norms forgotten": lambda: 12 * 768**2 + 4 * 768 + (3072 + 768),
            "attention only": lambda: 4 * 768**2 + 4 * 768,
            "biases forgotten": lambda: 12 * 768**2 + 4 * 768,
        },
        tolerance=0,
    ),
    numeric(
        "feed-forward-share-of-gpt2",
        lambda: 12 * (8 * 768**2 + 3072 + 768) / 124_439_808,
        {
            "two thirds of everything": lambda: 2 / 3,
            "one layer only": lambda: (8 * 768**2 + 3072 + 768) / 124_439_808,
            "percent without its sign": lambda: 100 * 12 * (8 * 768**2 + 3072 + 768) / 124_439_808,
        },
    ),
    numeric(
        "decoder-block-weights",
        lambda: 4 * 512**2 + 4 * 512**2 + 2 * 512 * 2048,
        {
            "cross-attention forgotten": lambda: 4 * 512**2 + 2 * 512 * 2048,
            "cross-attention without keys and values": lambda: 6 * 512**2 + 2 * 512 * 2048,
        },
    ),
    numeric(
        "tokens-bert-learns-from",
        lambda: 0.15 * 512,
        {"only the hidden ones": lambda: 0.8 * 0.15 * 512, "all of them": lambda: 512},
    ),
    predict(
        "constant-token",
        lambda: "the bias",
        {"zero divided by zero": lambda: "not a number", "bias forgotten": lambda: "zeros"},
    ),
    predict(
        "silent-block", lambda: "x itself", {"nothing at all": lambda: "zeros", "the norm": lambda: "x normalized"}
    ),
    predict("whole-prefix", lambda: "a mask that hides nothing", {"still causal": lambda: "the causal mask"}),
    predict(
        "cross-attention-shape",
        lambda: (2, 3, 12),
        {
            "one row for each token of the memory": lambda: (2, 5, 12),
            "one head only": lambda: (2, 3, 3),
            "the weights": lambda: (2, 4, 3, 5),
        },
    ),
]
