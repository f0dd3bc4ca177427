"""What transformers makes of SmolLM2-135M-Instruct, and of a tiny network of its build, kept in smollm2.npz.

The tiny one has random weights, kept with it, so that a test needs no model. Run it again only to add a text:

    pip install torch==2.13.0 transformers==5.24.0 accelerate==1.15.0 gguf==0.19.0
    attncore get-model smollm2
    python tests/vectors/make_smollm2.py

tests/test_language_model.py reads the file.
"""

from pathlib import Path

import numpy as np
import torch
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from attncore.real_model import model_folder
from attncore.smollm2 import FILE

KEPT = Path(__file__).with_name("smollm2.npz")
FOLDER = model_folder("SmolLM2-135M-Instruct")
N_BEST, N_NEW = 20, 24
PROMPTS = [
    "The capital of France is",
    "When Mary and John went to the store, John gave a drink to",
    "The cat sat on the mat. The cat sat on the",
    "def fibonacci(n):\n    if n < 2:\n        return",
    "1, 2, 3, 4, 5, 6, 7,",
    "In 2017, 3.14159 of 1,000,000 tokens cost",
    "Der Hund läuft über die Straße, und",
    "Once upon a time, in a village by the sea, there lived an old fisherman who",
    "Q: What is the boiling point of water in degrees Celsius?\nA:",
    "🙂 ☃ 中文",
    "a",
    " ".join(["one two three four five six seven"] * 30),
]
QUESTIONS = ["What is attention in a neural network?", "Name three colors."]
SPELLED = [
    "",
    " ",
    "   three spaces,\ttab\n\n\nand lines  \n end ",
    "Café naïve ÅNGSTRÖM, e\u0301 and é",
    "a—b “q” ¿why? §5 $3 €4 `^~|+<=> don't I'll WE'VE U.S.A.",
    "x² ½ Ⅷ ① 1234567890 ١٢٣ 12 34",
    "ΟΔΟΣ İstanbul ẞ ﬁ हिन्दी 한국어 日本語 🙂🏽☃",
    "a\u200bb\u00adc d\u2028e\tf\x00g\ufffdh\ue000i\u00a0j",
    "__init__ snake_case_name _ __ 'S's",
    "<|im_start|>user\nHi<|im_end|> <|im_end| > <|endoftext|>",
    "x" * 60 + " " + "ab" * 40,
]
TINY = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 3, "vocab_size": 11}
TINY |= {"rms_norm_eps": 1e-5, "rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}
TINY |= {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 4, "tie_word_embeddings": True}
TINY_IDS = [4, 5, 6, 7, 8, 3, 5, 6, 10, 0]


def tokenizer():
    """That of the file; transformers leaves out that SmolLM2 cuts numbers into digits."""
    made = AutoTokenizer.from_pretrained(FOLDER, gguf_file=FILE)
    digits = Digits(individual_digits=True)
    made.backend_tokenizer.pre_tokenizer = Sequence([digits, ByteLevel(add_prefix_space=False, use_regex=True)])
    return made


def vectors():
    """For each prompt its ids, the most likely next tokens with their logits, its loss, and how it goes on."""
    cutter, model = (
        tokenizer(),
        AutoModelForCausalLM.from_pretrained(FOLDER, gguf_file=FILE, dtype=torch.float32).eval(),
    )
    asked = [[{"role": "user", "content": question}] for question in QUESTIONS]
    chats = [cutter.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) for turns in asked]
    kept = {"questions": np.array(QUESTIONS), "chats": np.array(chats), "prompts": np.array(PROMPTS + chats)}
    for i, prompt in enumerate(PROMPTS + chats):
        ids = torch.tensor([cutter(prompt)["input_ids"]])
        with torch.no_grad():
            said = model(ids, labels=ids)
            written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=N_NEW, do_sample=False)
        best = said.logits[0, -1].topk(N_BEST)
        kept |= {f"ids_{i}": ids[0].numpy(), f"best_{i}": best.indices.numpy(), f"logits_{i}": best.values.numpy()}
        kept |= {f"loss_{i}": said.loss.numpy(), f"written_{i}": written[0, ids.shape[1] :].numpy()}
    spelled = {f"spelled_{i}": np.array(cutter(text)["input_ids"], int) for i, text in enumerate(SPELLED)}
    return kept | {"spelled": np.array(SPELLED)} | spelled


def tiny_vectors():
    """A network of the same build with random weights, and what it says of a few ids."""
    torch.manual_seed(2017)
    network = LlamaForCausalLM(LlamaConfig(**TINY)).eval()
    network.set_attn_implementation("eager")  # the fused kernel would not say what it attends to
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.normal_(mean=float("norm" in name), std=0.5)
        said = network(torch.tensor([TINY_IDS]), output_attentions=True)
    return {
        "tiny_ids": np.array(TINY_IDS),
        "tiny_logits": said.logits[0].numpy(),
        "tiny_maps": torch.stack(said.attentions)[:, 0].numpy(),
        **{f"tiny {name}": weight.detach().numpy() for name, weight in network.named_parameters()},
    }


if __name__ == "__main__":
    kept = {name: array.astype(np.int32) if array.dtype == int else array for name, array in vectors().items()}
    np.savez_compressed(KEPT, **kept, **tiny_vectors())
    print(f"{KEPT.name}: {KEPT.stat().st_size / 1024:.0f} KB, by PyTorch {torch.__version__}")
