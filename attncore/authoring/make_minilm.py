"""Record what the lessons show of all-MiniLM-L6-v2, so that they can be read without the model.

    python attncore/authoring/make_minilm.py [FOLDER OF THE MODEL]

The model is that of `attncore get-model`, and the functions of attncore/real_model.py run it.
"""

import sys
from typing import Any

import numpy as np

from attncore.exercises import exercises
from attncore.heads import split_heads
from attncore.real_model import N_HEADS, N_LAYERS, attention_maps, bert_block, embed_tokens, encode, load_model
from attncore.recorded import RECORDED, RecordedHead

LAYER, HEAD = 3, 1  # the head that is kept whole
MAPPED = (
    "The cat sat on the mat",
    "The animal didn't cross the street because it was too tired",
    "The animal didn't cross the street because it was too wide",
    "The animal did not cross the street because it was too tired.",
    "The street was not crossed by the animal because it was too tired",
    "The street was not crossed by the animal because it was too wide",
)
ENCODED = (
    "The cat sat on the mat",
    "A kitten rested on the rug",
    "The dog bites the man",
    "The man bites the dog",
    "Stock markets fell sharply today",
    "Why are the attention scores divided by the square root of the width?",
    "What is the scaling factor in attention good for?",
    "How does a causal mask work?",
    "How do I keep a token from looking at the future?",
    "What does a key-value cache store?",
    "Why is generating text faster when earlier keys are kept?",
    "What is the cost of attention on long texts?",
)


def main(folder: str | None = None) -> None:
    model = load_model(folder)
    recorded = {"map_texts": np.array(MAPPED), "vector_texts": np.array(ENCODED)}
    recorded["vectors"] = encode(model, ENCODED).astype(np.float16)
    cards = [" ".join(exercise.words["question"].split()) for exercise in exercises if exercise.kind == "explain"]
    recorded |= {"question_texts": np.array(cards), "questions": encode(model, cards)}
    recorded |= {f"head_{name}": weights for name, weights in one_head(model)._asdict().items()}
    for i, text in enumerate(MAPPED):
        tokens, maps = attention_maps(model, text)
        inputs = layer_inputs(model, tokens)
        lengths = np.stack([value_lengths(model, layer, x) for layer, x in enumerate(inputs)])
        recorded |= {
            f"tokens_{i}": np.array(tokens),
            f"maps_{i}": maps,
            f"lengths_{i}": lengths,
            f"x_{i}": inputs[LAYER],
        }
    floats = {name: array.astype(np.float16) for name, array in recorded.items() if array.dtype.kind == "f"}
    np.savez_compressed(RECORDED, **recorded | floats)  # type: ignore[arg-type]


def layer_inputs(model: Any, tokens: list[str]) -> list[Any]:
    """What each layer reads of a text, (n, m) each."""
    x = embed_tokens(model, [tokens])
    inputs = []
    for layer in range(N_LAYERS):
        inputs.append(x[0])
        x = bert_block(model, layer, x)
    return inputs


def value_lengths(model: Any, layer: int, x: Any) -> Any:
    """How long what each token hands over is in each head of a layer, (h, n)."""
    at = f"encoder.layer.{layer}.attention"
    value = split_heads(model.project(x, f"{at}.self.value"), N_HEADS)
    W_output, _ = model.linear(f"{at}.output.dense")
    by_head = W_output.reshape(N_HEADS, -1, W_output.shape[-1])
    return np.linalg.norm(value @ by_head, axis=-1)


def one_head(model: Any) -> RecordedHead:
    at = f"encoder.layer.{LAYER}.attention"
    pairs = [model.linear(f"{at}.self.{name}") for name in ("query", "key", "value")]
    width = pairs[0][0].shape[1] // N_HEADS
    own = slice(HEAD * width, (HEAD + 1) * width)
    W_output, _ = model.linear(f"{at}.output.dense")
    kept = [weights[..., own] for pair in pairs for weights in pair]
    return RecordedHead._make([*kept, W_output[own]])


if __name__ == "__main__":
    main(*sys.argv[1:])
