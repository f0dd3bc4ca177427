"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, binary, capital, spelled

questions = [
    predict(
        "next-source-word",
        lambda: "tired",
        {"the next in order": lambda: "sat", "the one just translated": lambda: "cat"},
    ),
    numeric(
        "first-word-left",
        lambda words: 2.0**-words,
        {
            "a step too few": lambda words: 2.0 ** (1 - words),
            "an even share": lambda words: 1 / words,
            "half an even share": lambda words: 1 / (2 * words),
        },
        first={"words": 7},
        draw=among(words=(5, 6, 7, 8, 9, 10)),
        worked=lambda words: {
            "spelled": spelled(words),
            "Spelled": capital(spelled(words)),
            "others": spelled(words - 1),
            "whole": 2**words,
        },
    ),
    numeric(
        "alignment-by-hand",
        lambda weights, states: sum(w * s for w, s in zip(weights, states, strict=True)),
        {
            "the plain mean": lambda weights, states: sum(states) / 3,
            "the best state alone": lambda weights, states: states[1],
        },
        first={"weights": (0.25, 0.5, 0.25), "states": (0, 8, 4)},
        draw=among(
            weights=((0.25, 0.5, 0.25), (0.2, 0.7, 0.1), (0.1, 0.6, 0.3)), states=((0, 8, 4), (2, 10, 3), (4, 6, 1))
        ),
    ),
    predict(
        "longer-sentences",
        lambda: "the one vector falls behind, and more so at eight words",
        {
            "all alike": lambda: "all three get nearly everything right",
            "equally worse": lambda: "the one vector is equally bad at both lengths",
        },
    ),
    numeric(
        "weight-on-a-state",
        lambda weight: weight / 2,
        {
            "the weight itself": lambda weight: weight,
            "what is left": lambda weight: 1 - weight,
            "halved twice": lambda weight: weight / 4,
        },
        first={"weight": 0.9},
        draw=among(weight=(0.9, 0.7, 0.6)),
        worked=lambda weight: {"rest": 1 - weight},
    ),
    numeric(
        "additive-parameters",
        lambda state, hidden, **_: hidden * state + hidden * 2 * state + hidden,
        {
            "memory taken to be as wide as the state": lambda state, hidden, **_: 2 * hidden * state + hidden,
            "v forgotten": lambda state, hidden, **_: 3 * hidden * state,
        },
        tolerance=1e-6,
        first={"state": 1000, "hidden": 1000, "where": "In Bahdanau et al. (2014, appendix A.2.3)"},
        draw=among(
            state=(256, 400, 512, 600, 1024),
            hidden=(128, 256, 320, 512, 800),
            where=("In a translator like that of Bahdanau et al. (2014)",),
        ),
        worked=lambda state, **_: {"memory": 2 * state},
    ),
    numeric(
        "hidden-bytes",
        lambda target, source, hidden: target * source * hidden * 4,
        {
            "the scores alone": lambda target, source, hidden: target * source * 4,
            "numbers instead of bytes": lambda target, source, hidden: target * source * hidden,
            "one target word only": lambda target, source, hidden: source * hidden * 4,
        },
        first={"target": 64, "source": 64, "hidden": 1024},
        draw=among(target=(32, 48, 64, 96), source=(32, 64, 80, 128), hidden=(256, 512, 1024, 2048)),
        worked=lambda target, source, hidden: {
            "size": binary(target * source * hidden * 4),
            "scores": binary(target * source * 4),
        },
    ),
    numeric(
        "window-scores",
        lambda half, **_: 2 * half + 1,
        {"center left out": lambda half, **_: 2 * half, "one side only": lambda half, **_: half + 1},
        first={"half": 10, "whose": ", the value of Luong et al. (2015)"},
        draw=among(half=(5, 6, 8, 12, 15, 16, 20), whose=("",)),
        worked=lambda half, **_: {
            "words": 200 * half,
            "even": 2 * half,
            "side": spelled(half),
            "Side": capital(spelled(half)),
        },
    ),
    predict(
        "linear-additive",
        lambda: "nothing",
        {"all of it kept": lambda: "which states get the weight", "the sharpness": lambda: "how sharp the weights are"},
    ),
    predict(
        "score-shape",
        lambda: (2, 5),
        {
            "hidden layer kept": lambda: (2, 5, 4),
            "one number per hidden unit": lambda: (2, 4),
            "width of the memory": lambda: (2, 12),
        },
    ),
]
