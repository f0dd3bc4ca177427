"""Record what the lessons show of SmolLM2-135M-Instruct, so that they can be read without the model.

    python attncore/authoring/make_smollm2.py [SECTION ...]

The model is that of `attncore get-model smollm2`, and attncore/language_model.py runs it. With sections named, such as
bugs, only these are made anew. All of them take about a quarter of an hour.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from attncore import tiny_gpt
from attncore.ablation import head_maps, replaced_heads
from attncore.cache import KVCache
from attncore.exercises import Code, UnknownExercise, find
from attncore.grading.run import quietly
from attncore.interpret import induction_score
from attncore.language_model import OURS, Parts, block, logits, new_ids, reader, text_loss, write
from attncore.long_context import sliding_window_mask
from attncore.recorded import SMOLLM2
from attncore.shapes import unchecked
from attncore.smollm2 import LanguageModel, chat, load_model
from attncore.softmax import cross_entropy
from attncore.tokenizer import decode, encode
from attncore.transformer import SwigluWeights, layer_norm, rms_norm

MARY = "When Mary and John went to the store, John gave a drink to"
CAT = "The cat sat on the mat"
NAMES = ("Mary", "John", "Tom", "James", "Sarah", "Anna", "Peter", "Paul", "Mark", "Alice", "David", "Laura", "Simon")
N_PROMPTS = 8
N_BEST = 10
REPEATED = 50  # random tokens, twice
PREVIOUS, SUPPRESSOR = (16, 0), (23, 3)
N_HEADS_KEPT = 10
ATTRIBUTED = ("Mary", "John", "the", "him", "her", "them")
PROSE = (
    "The harbor was quiet in the early morning. Two fishermen were mending their nets on the quay, and a small boat "
    "came in with its lamp still burning. The older man looked up, waved to the boy at the tiller, and went back to "
    "his work. Later that day the wind would turn to the north, and nobody would leave the harbor until the end of the "
    "week."
)
CACHED_FROM = 40
BOOK = tiny_gpt.held_out()[:1600]
WINDOWS = [(0, 0), (64, 0), (64, 1), (64, 4), (32, 0), (32, 1)]  # how many keys in all, and how many of them are sinks
ASKED = {  # what is written, and at which temperature
    "The capital of France is": 0.0,
    "Once upon a time, in a village by the sea,": 0.0,
    "def fibonacci(n):": 0.0,
    chat("What is attention in a neural network?"): 0.0,
    chat("Write two sentences about the sea."): 0.7,
}
N_WRITTEN = 40
FACT, QUESTION = "The capital of France is", chat("Name three colors.")
N_BUG = 12  # tokens that are written with a bug
NEAR, FLUENT, SAME = 0.2, 0.5, 0.002  # nats a token: of the losses, of what is written, and of what counts as equal

Section = dict[str, Any]


def mary(model: LanguageModel) -> Section:
    """Every map of one sentence, its most likely next tokens, and what each head adds to Mary's logit, less John's."""
    ids = encode(model.tokenizer, MARY)
    maps, outputs = head_maps(model, ids)
    adds = attributed(model, ids, outputs)
    difference = adds @ (token_vector(model, "Mary") - token_vector(model, "John"))
    strongest = [divmod(int(at), model.n_heads) for at in np.argsort(-np.abs(difference).ravel())[:N_HEADS_KEPT]]
    without = logits(model, ids, attend=replaced_heads({SUPPRESSOR: 0}), keep=1)[0]
    return {
        "tokens": words(model, ids),
        "maps": maps.astype(np.float16),
        **best(model, "whole", logits(model, ids, keep=1)[0]),
        **best(model, "without", without),
        "difference": difference,
        "heads": np.array(strongest),
        "adds": np.stack([adds[at] for at in strongest]).astype(np.float16),
        "unembedding": np.stack([token_vector(model, word) for word in ATTRIBUTED], axis=1).astype(np.float16),
        "words": np.array(ATTRIBUTED),
    }


def attributed(model: LanguageModel, ids: list[int], outputs: Any) -> Any:
    """What each head adds to what is unembedded at the last token, (l, h, m): the last norm is taken as it came out."""
    last: list[Any] = []

    def kept(x: Any, gain: Any) -> Any:
        last.append(x[-1])
        return rms_norm(x, gain)

    logits(model, ids, parts=Parts(rms_norm=kept), keep=1)
    scale = model.gain / np.sqrt(np.mean(last[-1] ** 2) + 1e-5)
    by_head = [layer.W_output.reshape(model.n_heads, -1, len(scale)) for layer in model.blocks]
    return np.einsum("lhd,lhdm->lhm", outputs[:, :, -1], np.stack(by_head)) * scale


def token_vector(model: LanguageModel, word: str) -> Any:
    (i,) = encode(model.tokenizer, f" {word}")
    return model.embedding[i]


def words(model: LanguageModel, ids: Any) -> Any:
    return np.array([decode(model.tokenizer, [i]) for i in ids])


def best(model: LanguageModel, name: str, scores: Any) -> Section:
    """The most likely next tokens and their logits, and what the logits are to be normalized by."""
    order = np.argsort(-scores)[:N_BEST]
    total = np.logaddexp.reduce(scores.astype(np.float64))
    return {f"{name}_best": words(model, order), f"{name}_log_p": (scores[order] - total).astype(np.float32)}


def cat(model: LanguageModel) -> Section:
    """Every map of a short sentence, and the most likely token after each of its tokens."""
    ids = encode(model.tokenizer, CAT)
    scores = logits(model, ids)
    return {
        "tokens": words(model, ids),
        "maps": head_maps(model, ids)[0].astype(np.float16),
        "next": words(model, scores.argmax(axis=-1)),
    }


def induction(model: LanguageModel) -> Section:
    """Random tokens, twice: what each head's induction score is, who looks one back, and the loss without them."""
    drawn = np.random.default_rng(0).integers(len(model.tokenizer.control.pattern), len(model.embedding), REPEATED)
    ids = np.tile(drawn, 2)
    maps, _ = head_maps(model, ids)
    scores = np.array([[induction_score(head, ids) for head in layer] for layer in maps])
    before = maps[:, :, np.arange(1, len(ids)), np.arange(len(ids) - 1)].mean(axis=-1)
    order = [divmod(int(at), model.n_heads) for at in np.argsort(-scores, axis=None)]
    looking_back = [divmod(int(at), model.n_heads) for at in np.argsort(-before, axis=None)[:3]]
    kept = order[: N_HEADS_KEPT - 3] + looking_back
    others = [tuple(at) for at in np.random.default_rng(1).permutation(order[20:])]
    left_out = {"nothing": [], "the previous-token head": [PREVIOUS]}
    for count in (1, 3, 5, 10):
        left_out |= {f"{count} strongest": order[:count], f"{count} others": others[:count]}
    return {
        "ids": ids,
        "scores": scores.astype(np.float32),
        "before": before.astype(np.float32),
        "heads": np.array(kept),
        "maps": np.stack([as_bytes(maps[at]) for at in kept]),
        "left_out": np.array(list(left_out)),
        "losses": np.array([halves(model, ids, dict.fromkeys(heads, 0)) for heads in left_out.values()]),
    }


def as_bytes(weights: Any) -> Any:
    """Weights from 0 to 1 in steps of 1/255."""
    return np.round(255 * weights).astype(np.uint8)


def halves(model: LanguageModel, ids: Any, replacements: dict[Any, Any]) -> list[float]:
    """The loss in the first half of a text and in the second."""
    scores = logits(model, ids[:-1], attend=replaced_heads(replacements))
    middle = len(ids) // 2 - 1
    return [cross_entropy(scores[part], ids[1:][part]) for part in (slice(0, middle), slice(middle, None))]


def sinks(model: LanguageModel) -> Section:
    """How much each head gives the first token of a page, how large its residual grows, and windows without it."""
    ids = encode(model.tokenizer, BOOK)
    maps, _ = head_maps(model, ids[:100])
    sizes: list[Any] = []

    def measured(x: Any, gain: Any) -> Any:
        sizes.append(np.linalg.norm(x, axis=-1))
        return rms_norm(x, gain)

    logits(model, ids[:100], parts=Parts(rms_norm=measured))
    layers = np.stack(sizes[::2])  # each block's first norm, and the last of all
    losses = [text_loss(model, BOOK, windowed(keys, first)) for keys, first in WINDOWS]
    return {
        "share": maps[:, :, 10:, 0].mean(axis=-1).astype(np.float32),
        "first_size": layers[:, 0],
        "other_size": np.median(layers[:, 1:], axis=-1),
        "windows": np.array(WINDOWS),
        "losses": np.array(losses),
        "n_tokens": np.array(len(ids)),
    }


def windowed(keys: int, first: int) -> Parts:
    """Parts in which each token sees so many keys, of which the first tokens are some; 0 keys stand for all."""
    if not keys:
        return OURS
    return Parts(causal_mask=lambda n, k: sliding_window_mask(k, keys - first, first)[-n:])


def ablation(model: LanguageModel) -> Section:
    """How much each head's absence takes from the right name's logit, less the wrong one's: by zeros and by means."""
    prompts = list(drawn_prompts(model))
    outputs = np.stack([head_maps(model, ids)[1] for ids, *_ in prompts])
    read = [layer_inputs(model, ids) for ids, *_ in prompts]
    whole = np.array([difference(model, prompt, x[0]) for prompt, x in zip(prompts, read, strict=True)])
    zero, mean = np.zeros((2, *outputs.shape[1:3]))
    for layer, head in np.ndindex(zero.shape):
        means = outputs[:, layer, head].mean(axis=0)
        for table, instead in ((zero, 0), (mean, means)):
            attend = replaced_heads({(layer, head): instead})
            without = [
                difference(model, *given, layer, attend)
                for given in zip(prompts, (x[layer] for x in read), strict=True)
            ]
            table[layer, head] = np.mean(without - whole)
    return {
        "prompts": np.array([decode(model.tokenizer, ids) for ids, *_ in prompts]),
        "whole": whole.astype(np.float32),
        "zero": zero.astype(np.float32),
        "mean": mean.astype(np.float32),
    }


def drawn_prompts(model: LanguageModel) -> Iterator[tuple[list[int], int, int]]:
    """Prompts of one length about two people, with the ids of the right name and of the wrong one."""
    rng = np.random.default_rng(0)
    for i in range(N_PROMPTS):
        one, other = rng.choice(NAMES, 2, replace=False)
        giver, taker = (one, other) if i % 2 else (other, one)
        prompt = f"When {one} and {other} went to the store, {giver} gave a drink to"
        (right,), (wrong,) = (encode(model.tokenizer, f" {name}") for name in (taker, giver))
        yield encode(model.tokenizer, prompt), right, wrong


def layer_inputs(model: LanguageModel, ids: list[int]) -> list[Any]:
    """What each layer reads of a text, (n, m) each."""
    x = model.embedding[ids]
    inputs = []
    for layer in range(len(model.blocks)):
        inputs.append(x)
        x = block(model, layer, x, KVCache(), OURS, heads_as_they_are)
    return inputs


def heads_as_they_are(layer: int, *given: Any) -> Any:
    return OURS.grouped_query_attention(*given)


def difference(model: LanguageModel, prompt: Any, x: Any, first: int = 0, attend: Any = heads_as_they_are) -> float:
    """The logit of the right name, less that of the wrong one, from what layer `first` reads on."""
    _, right, wrong = prompt
    with unchecked():
        for layer in range(first, len(model.blocks)):
            x = block(model, layer, x, KVCache(), OURS, attend)
        last = rms_norm(x[-1], model.gain)
    return float(last @ (model.embedding[right] - model.embedding[wrong]))


def writing(model: LanguageModel) -> Section:
    """What is written after some prompts, token by token."""
    kept: Section = {"prompts": np.array(list(ASKED)), "temperatures": np.array(list(ASKED.values()))}
    for i, (prompt, temperature) in enumerate(ASKED.items()):
        rng = np.random.default_rng(0)
        kept[f"pieces_{i}"] = np.array(list(write(model, prompt, N_WRITTEN, rng, temperature)))
    return kept


def bugs(model: LanguageModel) -> Section:
    """What a mistake in one part does: to the loss of a text read at once, to that of decoding, to what is written."""
    right = symptoms(model, OURS)
    assert right
    rows = [("", "nothing", *right[:3], "right")]
    for part, label, mistake in mistakes():
        parts = Parts(**{part: mistake})
        found = right if harmless(model, parts) else symptoms(model, parts)
        rows.append((part, label, *(found[:3] if found else (np.nan, np.nan, "")), kind_of(found, right)))
        print(*rows[-1], sep=" | ", flush=True)
    names = ("part", "label", "whole", "decoding", "text", "kind")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def mistakes() -> Iterator[tuple[str, str, Any]]:
    """The course's own labeled mistakes for each part, and some of parts that it doesn't ask for."""
    for part in Parts._fields:
        if part == "sample_token":
            continue  # drawing changes no loss
        yield from ((part, label, mistake) for label, mistake in labeled(part).items())
    yield "causal_mask", "a window of 16, without a sink", windowed(16, 0).causal_mask


def labeled(part: str) -> dict[str, Any]:
    """The mistakes in one part, by label."""
    try:
        exercise = find(part)
    except UnknownExercise:
        return OTHERS.get(part, {})
    assert isinstance(exercise, Code)
    return {**exercise.wrong, **exercise.conventions}


def gated_by(activation: Callable[[Any], Any], swapped: bool = False) -> Callable[[Any, SwigluWeights], Any]:
    def layers(x: Any, weights: SwigluWeights) -> Any:
        gate, up = (weights.W_up, weights.W_gate) if swapped else (weights.W_gate, weights.W_up)
        return (activation(x @ gate) * (x @ up)) @ weights.W_down

    return layers


def silu(x: Any) -> Any:
    return x * (0.5 + 0.5 * np.tanh(x / 2))


OTHERS: dict[str, dict[str, Any]] = {
    "rms_norm": {
        "the mean is subtracted": lambda x, gain: layer_norm(x, gain, np.zeros_like(gain)),
        "eps is 0.1": lambda x, gain: rms_norm(x, gain, 0.1),
        "no gain": lambda x, gain: rms_norm(x, np.ones_like(gain)),
    },
    "swiglu": {
        "ReLU in place of SiLU": gated_by(lambda x: np.maximum(x, 0)),
        "GELU in place of SiLU": gated_by(lambda x: x * (0.5 + 0.5 * np.tanh(0.79788456 * (x + 0.044715 * x**3)))),
        "gate and up are swapped": gated_by(silu, swapped=True),
        "no gate": lambda x, weights: x @ weights.W_up @ weights.W_down,
    },
}


def harmless(model: LanguageModel, parts: Parts) -> bool:
    """Are the logits the same, of a text in chunks? Then nothing else needs to be measured."""
    inputs = encode(model.tokenizer, PROSE)[:12]
    try:
        with quietly():
            read = reader(model, parts)
            said = [read(inputs[:n]) for n in (9, 10, 12)]
    except Exception:
        return False
    return np.allclose(said, [logits(model, inputs[:n], keep=1)[0] for n in (9, 10, 12)], atol=1e-3)


def symptoms(model: LanguageModel, parts: Parts) -> tuple[float, float, str, float] | None:
    """Both losses, what is written, and how much that surprises the healthy model; None where it ends in an error."""
    try:
        with quietly():
            whole = text_loss(model, PROSE, parts)
            decoding = text_loss(model, PROSE, parts, cached_from=CACHED_FROM)
            written = [list(new_ids(model, prompt, N_BUG, parts, None, None, 0.0)) for prompt in (FACT, QUESTION)]
    except Exception:
        return None
    texts = [decode(model.tokenizer, ids) for ids in written]
    surprise = np.mean([continued(model, prompt, ids) for prompt, ids in zip((FACT, QUESTION), written, strict=True)])
    return whole, decoding, " / ".join(texts), float(surprise)


def continued(model: LanguageModel, prompt: str, new: list[int]) -> float:
    """The healthy model's loss on the ids that continue a prompt."""
    before = encode(model.tokenizer, prompt)
    ids = np.array([*before, *new, model.end][: len(before) + N_BUG])
    return float(cross_entropy(logits(model, ids[:-1])[len(before) - 1 :], ids[len(before) :]))


def kind_of(found: Any, right: Any) -> str:
    """Loud, late or silent: how a mistake shows. Losses that are no numbers are loud."""
    if found is None:
        return "error"
    (whole, decoding, text, surprise), (whole_right, decoding_right, text_right, usual) = found, right
    at_once, later = whole - whole_right, decoding - decoding_right
    if max(abs(at_once), abs(later)) < SAME and text == text_right:
        return "harmless"
    if abs(at_once) < SAME and later > NEAR:
        return "late"
    if at_once < -NEAR:
        return "too good"
    if abs(at_once) <= NEAR and abs(later) <= NEAR and surprise <= usual + FLUENT:
        return "silent"
    return "loud"


SECTIONS: dict[str, Callable[[LanguageModel], Section]] = {
    section.__name__: section for section in (mary, cat, induction, sinks, ablation, writing, bugs)
}


def main(*names: str) -> None:
    model = load_model()
    kept: Section = {}
    if names:
        with np.load(SMOLLM2) as before:
            kept = {name: before[name] for name in before.files if name.partition(" ")[0] not in names}
    for name in names or SECTIONS:
        kept |= {f"{name} {each}": array for each, array in SECTIONS[name](model).items()}
        np.savez_compressed(SMOLLM2, **kept)
        print(f"{name}: {SMOLLM2.stat().st_size / 1024:.0f} KB in all", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
