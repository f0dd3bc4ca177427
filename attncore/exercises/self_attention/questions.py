"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "conv-layers",
        lambda: 512,
        {"kernel not kernel minus one": lambda: 341, "dilated": lambda: 7, "rounded down": lambda: 511},
        tolerance=0,
    ),
    numeric("crossover-length", lambda: 512, {"the square of the width": lambda: 512 * 512}, tolerance=0),
    numeric(
        "self-attention-parameters",
        lambda: 3 * 768 * 64,
        {"one matrix only": lambda: 768 * 64, "output projection counted": lambda: 4 * 768 * 64},
    ),
    predict("shuffled-tokens", lambda: "the same vector", {"the order matters": lambda: "another vector"}),
    predict("self-attention-shape", lambda: (2, 5, 6), {"the input shape": lambda: (2, 5, 12)}),
]
