"""Record what lesson 17 shows of all-MiniLM-L6-v2, so that it can be read without the model.

    python attncore/data/make_minilm.py [FOLDER OF THE MODEL]

The model is that of `attncore get-model`, and the functions of attncore/real_model.py run it.
"""

import sys

import numpy as np

from attncore.real_model import RECORDED, attention_maps, encode, load_model

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


def main(folder=None) -> None:
    model = load_model(folder)
    recorded = {"map_texts": np.array(MAPPED), "vector_texts": np.array(ENCODED), "vectors": encode(model, ENCODED)}
    for i, text in enumerate(MAPPED):
        tokens, maps = attention_maps(model, text)
        recorded |= {f"tokens_{i}": np.array(tokens), f"maps_{i}": maps.astype(np.float16)}
    np.savez_compressed(RECORDED, **recorded)


if __name__ == "__main__":
    main(*sys.argv[1:])
