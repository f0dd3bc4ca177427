"""The file of lesson 21's model, SmolLM2-135M-Instruct: its weights, its sizes, and how it is talked to."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from attncore.gguf import read_gguf
from attncore.real_model import model_folder
from attncore.tokenizer import Tokenizer, tokenizer_of
from attncore.transformer import SwigluWeights

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class BlockWeights(NamedTuple):
    """One block: the gain (m) of each norm, the projections, used as x @ W, and those of the gated layers.

    W_query (m, h * d), W_key and W_value (m, g * d), W_output (h * d, m).
    """

    attention_gain: np.ndarray
    W_query: np.ndarray
    W_key: np.ndarray
    W_value: np.ndarray
    W_output: np.ndarray
    feed_forward_gain: np.ndarray
    feed_forward: SwigluWeights


class LanguageModel(NamedTuple):
    """A trained model: its tokenizer, its weights and its sizes.

    `embedding` (c, m) has a row for each token, and scores the tokens too; `gain` is that of the last
    norm. BLAS is held to so many `threads`: two collapse where another program is busy.
    """

    tokenizer: Tokenizer
    embedding: np.ndarray
    blocks: tuple[BlockWeights, ...]
    gain: np.ndarray
    n_heads: int
    n_groups: int
    rotary_base: float
    end: int  # the id that ends a turn
    threads: int = 1


def load_model(folder=None):
    """Read SmolLM2-135M-Instruct from its folder: a `LanguageModel` in float32, which takes 540 MB.

    Without a folder it is that of `attncore get-model`. Raises FileNotFoundError where the model is
    not there. The model is that of Allal et al. (2025).
    """
    path = (model_folder("SmolLM2-135M-Instruct") if folder is None else Path(folder)) / FILE
    if not path.is_file():
        raise FileNotFoundError(f"There is no {FILE} in {path.parent}; get the model with: attncore get-model smollm2")
    return model_of(*read_gguf(path))


def model_of(metadata, arrays):
    """The model in a GGUF file: llama.cpp's names, and matrices as (out, in)."""
    about = {name.removeprefix("llama."): value for name, value in metadata.items()}
    return LanguageModel(
        tokenizer_of(metadata),
        arrays["token_embd.weight"],
        tuple(block_weights(arrays, f"blk.{layer}") for layer in range(about["block_count"])),
        arrays["output_norm.weight"],
        about["attention.head_count"],
        about["attention.head_count_kv"],
        about["rope.freq_base"],
        about["tokenizer.ggml.eos_token_id"],
    )


def block_weights(arrays, at):
    """The weights of one block."""
    attention_gain, feed_forward_gain = (arrays[f"{at}.{name}_norm.weight"] for name in ("attn", "ffn"))
    query, key, value, output = (arrays[f"{at}.attn_{name}.weight"].T for name in ("q", "k", "v", "output"))
    gated = SwigluWeights(*(arrays[f"{at}.ffn_{name}.weight"].T for name in ("gate", "up", "down")))
    return BlockWeights(attention_gain, query, key, value, output, feed_forward_gain, gated)


def chat(question, system=SYSTEM):
    """The prompt in which the model was taught to answer: who speaks, and where each turn ends."""
    turns = {"system": system, "user": question}
    said = "".join(f"<|im_start|>{who}\n{text}<|im_end|>\n" for who, text in turns.items())
    return f"{said}<|im_start|>assistant\n"
