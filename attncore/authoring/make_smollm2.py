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
from attncore.bug_kinds import PROSE, kind_of, symptoms
from attncore.cache import KVCache
from attncore.exercises import Code, find
from attncore.grading.run import quietly
from attncore.interpret import induction_score
from attncore.language_model import OURS, Parts, block, logits, reader, text_loss, write
from attncore.long_context import sliding_window_mask
from attncore.recorded import SMOLLM2
from attncore.shapes import unchecked
from attncore.smollm2 import LanguageModel, chat, load_model
from attncore.softmax import cross_entropy
from attncore.tokenizer import decode, encode
from attncore.transformer import rms_norm

MARY = "When Mary and John went to the store, John gave a drink to"
CAT = "The cat sat on the mat"
NAMES = ("Mary", "John", "Tom", "James", "Sarah", "Anna", "Peter", "Paul", "Mark", "Alice", "David", "Laura", "Simon")
N_PROMPTS = 8
N_BEST = 10
REPEATED = 50  # random tokens, twice
PREVIOUS, SUPPRESSOR = (16, 0), (23, 3)
N_HEADS_KEPT = 10
ATTRIBUTED = ("Mary", "John", "the", "him", "her", "them")
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
    right = symptoms(model)
    rows = [row("", "nothing", right, "right")]
    for part, label, mistake in mistakes():
        parts = Parts(**{part: mistake})
        found = right if harmless(model, parts) else or_nothing(model, parts)
        rows.append(row(part, label, found, kind_of(found, right) if found else "error"))
        print(*rows[-1], sep=" | ", flush=True)
    names = ("part", "label", "whole", "decoding", "text", "kind")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def row(part: str, label: str, found: Any, kind: str) -> tuple[Any, ...]:
    whole, decoding, texts, _ = found or (np.nan, np.nan, ("",), 0)
    return part, label, whole, decoding, " / ".join(texts), kind


def mistakes() -> Iterator[tuple[str, str, Any]]:
    """The course's own labeled mistakes for each part, and a window."""
    for part in Parts._fields:
        if part == "sample_token":
            continue  # drawing changes no loss
        yield from ((part, label, mistake) for label, mistake in labeled(part).items())
    yield "causal_mask", "a window of 16, without a sink", windowed(16, 0).causal_mask


def labeled(part: str) -> dict[str, Any]:
    """The mistakes in one part, by label, and what is right elsewhere."""
    exercise = find(part)
    assert isinstance(exercise, Code)
    return {**exercise.wrong, **exercise.conventions}


LENGTHS = (9, 10, 24, 70)  # a cache that grows, or drops what is old, goes wrong only when it holds many tokens


def harmless(model: LanguageModel, parts: Parts) -> bool:
    """Are the logits the same, of a text in chunks? Then nothing else needs to be measured."""
    inputs = encode(model.tokenizer, PROSE)
    try:
        with quietly():
            read = reader(model, parts)
            said = [read(inputs[:n]) for n in LENGTHS]
    except Exception:
        return False
    return np.allclose(said, [logits(model, inputs[:n], keep=1)[0] for n in LENGTHS], atol=1e-3)


def or_nothing(model: LanguageModel, parts: Parts) -> Any:
    """What the model does on these parts, or None where it ends in an error."""
    try:
        with quietly():
            return symptoms(model, parts)
    except Exception:
        return None


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
