"""Real data that ships with the course: what a trained network made of some texts, and a photograph."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

RECORDED = Path(__file__).parent / "data" / "minilm.npz"
SMOLLM2 = RECORDED.with_name("smollm2.npz")
DINOV2 = RECORDED.with_name("dinov2.npz")


class Recorded(NamedTuple):
    """A text's tokens, and for every layer and head its map (l, h, n, n) and value lengths (l, h, n).

    Rows of a map are queries, columns are keys. The length of a value is that of what the token
    hands over, value @ W_output.
    """

    tokens: list[str]
    maps: np.ndarray
    lengths: np.ndarray


class RecordedHead(NamedTuple):
    """One trained head: W_query, W_key, W_value (m, d) with biases (d), and its rows of W_output (d, m)."""

    W_query: np.ndarray
    b_query: np.ndarray
    W_key: np.ndarray
    b_key: np.ndarray
    W_value: np.ndarray
    b_value: np.ndarray
    W_output: np.ndarray


def recorded_maps():
    """Read what every head of all-MiniLM-L6-v2 attends to in a few texts: a dict from text to `Recorded`."""
    with np.load(RECORDED) as kept:
        return {
            text: Recorded(
                kept[f"tokens_{i}"].tolist(),
                kept[f"maps_{i}"].astype(np.float32),
                kept[f"lengths_{i}"].astype(np.float32),
            )
            for i, text in enumerate(kept["map_texts"].tolist())
        }


def recorded_vectors():
    """Read what all-MiniLM-L6-v2 makes of a few texts as wholes: a dict from text to vector (m), of length 1."""
    with np.load(RECORDED) as kept:
        return dict(zip(kept["vector_texts"].tolist(), kept["vectors"].astype(np.float32), strict=True))


def recorded_questions():
    """Read the same of the questions that the course itself asks on its cards: a dict from question to vector (m)."""
    with np.load(RECORDED) as kept:
        return dict(zip(kept["question_texts"].tolist(), kept["questions"].astype(np.float32), strict=True))


def recorded_head():
    """Read one trained head, head 1 of layer 3: its weights, and a dict from text to what it reads, x (n, m)."""
    with np.load(RECORDED) as kept:
        weights = RecordedHead(*(kept[f"head_{name}"].astype(np.float32) for name in RecordedHead._fields))
        texts = kept["map_texts"].tolist()
        return weights, {text: kept[f"x_{i}"].astype(np.float32) for i, text in enumerate(texts)}


def photograph():
    """Read a photograph of a cat's face, (96, 96, 3) bytes; by Stefan van der Walt, CC0."""
    with np.load(RECORDED.with_name("cat.npz")) as kept:
        return kept["image"]


def recorded_looks():
    """Read where the class token of DINOv2's ViT-S/14 looks in the photograph, which it sees at 224 by 224.

    A dict from (layer, head), both from 0, to its weights on the 16 by 16 patches (n). What is left of 1 goes to the
    class token itself.
    """
    with np.load(DINOV2) as kept:
        layers, looks = kept["layers"].tolist(), kept["looks"].astype(np.float32)
    return {
        (layer, head): look for layer, of_layer in zip(layers, looks, strict=True) for head, look in enumerate(of_layer)
    }


class Mistake(NamedTuple):
    """What a mistake in one part of SmolLM2 does: the losses of a text read at once and decoded, and what is written.

    It is "error", "loud", "late" (with a cache alone), "silent", "too good" or "harmless"; the first of all is "right",
    no mistake. The losses, in nats a token, are NaN where it ends in an error.
    """

    part: str
    label: str
    whole: float
    decoding: float
    text: str
    kind: str


class Induction(NamedTuple):
    """Fifty random tokens, twice, in SmolLM2: their ids, and for every head its induction score, and its mean weight
    on the token before, both (l, h).

    `maps` is a dict from (layer, head) to a map (n, n) in steps of 1/255; `losses` one from the name of what is left
    out to the loss in the first half of the text and in the second.
    """

    ids: np.ndarray
    scores: np.ndarray
    before: np.ndarray
    maps: dict[tuple[int, int], np.ndarray]
    losses: dict[str, tuple[float, float]]


class Sinks(NamedTuple):
    """The first token of a page in SmolLM2: the share of the weights that each head gives it, (l, h), and the length of
    what each layer reads there and elsewhere (the median), each (l + 1).

    `losses` is a dict from (keys in sight, those of them that are first tokens) to a loss; (0, 0) is the whole text.
    """

    share: np.ndarray
    first_length: np.ndarray
    other_length: np.ndarray
    losses: dict[tuple[int, int], float]


class Ablation(NamedTuple):
    """Prompts about two people, and by how much the logit of the right name leads, (prompts), in SmolLM2.

    `zero` and `mean`, (l, h), are the mean change of the lead where a head brings zeros, or its mean over the prompts.
    """

    prompts: list[str]
    lead: np.ndarray
    zero: np.ndarray
    mean: np.ndarray


class Attribution(NamedTuple):
    """What heads of SmolLM2 add to what is unembedded at the last token of one sentence about Mary and John.

    `lead` (l, h) is what each adds to Mary's logit less John's. Of the strongest, `heads`, what they add is kept,
    `outputs` (h, m), with the unembedding (m, c) of a few `words`. `next` and `next_without` are dicts from the most
    likely next words to their probabilities, whole and without head 3 of layer 23.
    """

    lead: np.ndarray
    heads: list[tuple[int, int]]
    outputs: np.ndarray
    words: list[str]
    unembedding: np.ndarray
    next: dict[str, float]
    next_without: dict[str, float]


def smollm2(section):
    """What is kept of SmolLM2 under one word, a dict of arrays."""
    with np.load(SMOLLM2) as kept:
        return {name.partition(" ")[2]: kept[name] for name in kept.files if name.startswith(f"{section} ")}


def recorded_smollm2_maps():
    """Read what every head of SmolLM2 attends to: a dict from text to its tokens and its maps (l, h, n, n)."""
    texts = [smollm2("mary"), smollm2("cat")]
    return {"".join(kept["tokens"]): (kept["tokens"].tolist(), kept["maps"].astype(np.float32)) for kept in texts}


def recorded_induction():
    """Read what SmolLM2 does with random tokens that come twice: an `Induction`."""
    kept = smollm2("induction")
    maps = dict(zip(pairs(kept["heads"]), kept["maps"] / np.float32(255), strict=True))
    losses = dict(zip(kept["left_out"].tolist(), map(tuple, kept["losses"].tolist()), strict=True))
    return Induction(kept["ids"], kept["scores"], kept["before"], maps, losses)


def recorded_sinks():
    """Read what the first token of a page is to SmolLM2: a `Sinks`."""
    kept = smollm2("sinks")
    losses = dict(zip(pairs(kept["windows"]), kept["losses"].tolist(), strict=True))
    return Sinks(kept["share"], kept["first_size"], kept["other_size"], losses)


def recorded_ablation():
    """Read what becomes of SmolLM2 without each of its heads: an `Ablation`."""
    kept = smollm2("ablation")
    return Ablation(kept["prompts"].tolist(), kept["whole"], kept["zero"], kept["mean"])


def recorded_attribution():
    """Read which heads of SmolLM2 say "Mary": an `Attribution`."""
    kept = smollm2("mary")
    following = (
        dict(zip(kept[f"{name}_best"].tolist(), np.exp(kept[f"{name}_log_p"]).tolist(), strict=True))
        for name in ("whole", "without")
    )
    adds, unembedding = (kept[name].astype(np.float32) for name in ("adds", "unembedding"))
    return Attribution(kept["difference"], pairs(kept["heads"]), adds, kept["words"].tolist(), unembedding, *following)


def recorded_mistakes():
    """Read what mistakes in the parts of SmolLM2 do, the course's own labeled ones: a list of `Mistake`."""
    columns = (column.tolist() for column in smollm2("bugs").values())
    return [Mistake(*row) for row in zip(*columns, strict=True)]


def recorded_writing():
    """Read what SmolLM2 wrote: a dict from prompt to the pieces of text as they came."""
    kept = smollm2("writing")
    return {prompt: kept[f"pieces_{i}"].tolist() for i, prompt in enumerate(kept["prompts"].tolist())}


def pairs(heads):
    """Rows of two numbers as tuples."""
    return [tuple(row) for row in heads.tolist()]
