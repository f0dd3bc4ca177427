"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.heads import mha_parameter_count

questions = [
    numeric("head-width", lambda: 128, {"the model width": lambda: 12_288}),
    numeric(
        "bert-attention-parameters",
        lambda: mha_parameter_count(768, 12),
        {
            "without bias": lambda: mha_parameter_count(768, 12, bias=False),
            "times the heads": lambda: 12 * mha_parameter_count(768, 12),
        },
        tolerance=1e-6,
    ),
    numeric(
        "mha-share-of-gpt2",
        lambda: 12 * mha_parameter_count(768, 12) / 124_439_808,
        {
            "percent without its sign": lambda: 22.8,
            "one layer only": lambda: mha_parameter_count(768, 12) / 124_439_808,
        },
    ),
    predict("split-shape", lambda: (2, 4, 5, 3), {"tokens before heads": lambda: (2, 5, 4, 3)}),
    numeric(
        "more-heads",
        lambda: 1024 * 128 * 128,
        {"heads taken to share the model width": lambda: 1024 * 1024, "one head only": lambda: 1024 * 128},
    ),
]
