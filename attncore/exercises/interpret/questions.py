"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.configurations import BERT_BASE, BERT_LARGE, GPT_2, GPT_2_SMALL, MINILM
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary, capital, part, spelled


def share_handed_over(tenths, near, far):
    return tenths * near / (tenths * near + (10 - tenths) * far)


def share_of_weight(tenths, near, far):
    return tenths / 10


def share_of_length(tenths, near, far):
    return near / (near + far)


def share_of_squares(tenths, near, far):
    return share_handed_over(tenths, near**2, far**2)


def own_share(tokens, layers):
    return 1 / 2**layers + (1 - 1 / 2**layers) / tokens


questions = [
    numeric(
        "share-handed-over",
        share_handed_over,
        {
            "the weight alone": share_of_weight,
            "the lengths alone": share_of_length,
            "the lengths squared": share_of_squares,
        },
        first={"tenths": 9, "near": 0.2, "far": 3},
        draw=among(
            lambda **given: (
                share_handed_over(**given) < 0.5
                and apart(share_handed_over, share_of_weight, share_of_length, share_of_squares)(**given)
            ),
            tenths=(6, 7, 8, 9),
            near=(0.1, 0.2, 0.3, 0.5),
            far=(1.5, 2, 3, 4),
        ),
        worked=lambda tenths, near, far: {
            "weight": tenths / 10,
            "rest": (10 - tenths) / 10,
            "own": tenths * near / 10,
            "other": (10 - tenths) * far / 10,
            "sum": (tenths * near + (10 - tenths) * far) / 10,
            "part": spelled(tenths),
        },
    ),
    numeric(
        "own-share-after-six-layers",
        own_share,
        {
            "the residual path alone": lambda tokens, layers: 1 / 2**layers,
            "no residual": lambda tokens, layers: 1 / tokens,
        },
        first={"tokens": 8, "layers": 6},
        draw=among(
            lambda tokens, layers: tokens != 2**layers, tokens=(4, 5, 6, 8, 10, 12, 16, 20), layers=(3, 4, 5, 6)
        ),
        worked=lambda tokens, layers: {
            "Tokens": capital(spelled(tokens)),
            "all": spelled(tokens),
            "deep": spelled(layers),
            "paths": 2**layers,
            "others": 2**layers - 1,
            "part": f"{'an' if tokens == 8 else 'a'} {part(tokens)}",
        },
    ),
    numeric(
        "bytes-of-all-maps",
        lambda model, tokens: model.layers * model.heads * tokens**2 * 2,
        {
            "one layer only": lambda model, tokens: model.heads * tokens**2 * 2,
            "numbers, not bytes": lambda model, tokens: model.layers * model.heads * tokens**2,
        },
        first={"model": GPT_2_SMALL, "tokens": 1024},
        draw=among(
            lambda model, tokens: model in GPT_2 or tokens <= 512,
            model=(*GPT_2, BERT_BASE, BERT_LARGE),
            tokens=(256, 512, 1024),
        ),
        worked=lambda model, tokens: {
            "maps": model.layers * model.heads,
            "size": binary(model.layers * model.heads * tokens**2 * 2),
            "more": "more" if model.layers * model.heads * tokens**2 > model.parameters else "less",
            "layers": spelled(model.layers),
        },
    ),
    numeric(
        "pairs-of-heads",
        lambda model: (heads := model.layers * model.heads) * (heads - 1) // 2,
        {
            "every pair is counted twice": lambda model: (heads := model.layers * model.heads) * (heads - 1),
            "one head at a time": lambda model: model.layers * model.heads,
        },
        tolerance=1e-6,
        first={"model": GPT_2_SMALL},
        draw=among(model=(MINILM, BERT_LARGE, *GPT_2)),
        worked=lambda model: {
            "all": model.layers * model.heads,
            "others": model.layers * model.heads - 1,
            "times": (model.layers * model.heads - 1) / 2,
        },
    ),
    predict(
        "street-and-animal-swapped",
        lambda: "street",
        {"still the animal": lambda: "animal", "the weight is spread evenly": lambda: "both alike"},
    ),
    predict(
        "two-swaps",
        lambda: 0.5,
        {"the residual is forgotten": lambda: 1.0, "only one of the two ways home": lambda: 0.25},
    ),
    predict(
        "values-alike",
        lambda: "not at all",
        {"a new map, so a new output": lambda: "a great deal", "a minus": lambda: "it changes its sign"},
    ),
    predict(
        "two-copies",
        lambda: "neither changes it",
        {
            "each head matters by itself": lambda: "each changes it",
            "only the first one counts": lambda: "only the first",
        },
    ),
]
