"""Inputs that nobody has seen, for exercises whose cases hold no numbers that could be drawn anew.

Whoever grades tries an answer on inputs that stand nowhere: a table of results earns nothing. Where a case draws its
arrays, others are drawn in their place; counts, masks, ids and layers are drawn here, by the exercise's id.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from attncore.exercises.fixtures import Bowl, Habits, Mixture, Readout, product_of_all
from attncore.exercises.serving.speculative_accept import shares_of_last_tokens
from attncore.heads import HeadWeights
from attncore.loops import token_probabilities

Rng = np.random.Generator
Given = dict[str, Any]


def count(rng: Rng, low: int, high: int | None = None) -> int:
    """A whole number from `low` on and below `high`; below `low` where that stands alone."""
    return int(rng.integers(low, high))


def numbers(rng: Rng, *shape: int) -> np.ndarray:
    return np.round(rng.standard_normal(shape), 6)


def scores_of_all_sizes(rng: Rng) -> Given:
    """Scores near to one another, or far apart, and rows of very different size."""
    shape = rng.integers(2, 6, count(rng, 1, 4)).tolist()
    rows = numbers(rng, shape[0], *[1] * (len(shape) - 1))
    x = numbers(rng, *shape) * rng.choice([1.0, 300.0]) + rows * rng.choice([0.0, 2000.0])
    return {"x": x, "axis": count(rng, -len(shape), len(shape))}


def positions_of_heads(rng: Rng) -> Given:
    n = count(rng, 2, 12)
    return {"n_heads": count(rng, 2, 20), "n_query": n, "n_key": n}


def newest_queries(rng: Rng) -> Given:
    n_query = count(rng, 2, 12)
    return {"n_query": n_query, "n_key": n_query + count(rng, 0, 6)}


def a_layer(rng: Rng) -> Given:
    n_heads = count(rng, 2, 30)
    return {"d_model": n_heads * count(rng, 3, 80), "n_heads": n_heads, "bias": bool(rng.random() < 0.5)}


def padded(rng: Rng) -> Given:
    n_key = count(rng, 5, 14)
    return {"lengths": rng.integers(1, n_key + 1, count(rng, 2, 6)), "n_key": n_key}


def packed(rng: Rng) -> Given:
    return {"documents": np.repeat(rng.permutation(9)[:4], rng.integers(1, 4, 4))}


def prefixed(rng: Rng) -> Given:
    n = count(rng, 5, 14)
    return {"n": n, "prefix": count(rng, 1, n)}


def three_masks(rng: Rng) -> Given:
    n = count(rng, 3, 9)
    return {"masks": tuple(rng.random(shape) < 0.6 for shape in ((n, n), (n,), (2, 1, n)))}


def architecture_of_a_mask(rng: Rng) -> Given:
    return {"architecture": str(rng.choice(["bert", "gpt", "prefix"])), **prefixed(rng)}


def path(rng: Rng) -> Given:
    names = ["recurrent", "convolutional", "attention"]
    return {"architecture": str(rng.choice(names)), "n": count(rng, 20, 900), "kernel": count(rng, 2, 9)}


def tiles(rng: Rng) -> Given:
    block = count(rng, 2, 9)
    return {"n": block * count(rng, 3, 20), "d": count(rng, 3, 40), "block": block}


def cached_model(rng: Rng) -> Given:
    names = ("layers", "kv_heads", "d_head", "tokens", "batch", "bytes_per_value")
    return {name: count(rng, 2, 60) for name in names}


def shared_model(rng: Rng) -> Given:
    names = ("layers", "n_heads", "d_head", "n_groups", "d_latent", "d_rope", "bytes_per_value")
    kind = str(rng.choice(["mha", "gqa", "mqa", "mla"]))
    n_groups = count(rng, 2, 6)
    given = {name: count(rng, 2, 40) for name in names}
    return {"kind": kind, **given, "n_groups": n_groups, "n_heads": n_groups * count(rng, 2, 6)}


def corrupted(rng: Rng) -> Given:
    ids = rng.integers(100, 30_000, (6, 2_000))
    return {"ids": ids, "rng": np.random.default_rng(count(rng, 2**31)), "rate": 0.25, "mask_id": 7, "vocab_size": 4}


def rescaled(rng: Rng) -> Given:
    kind = str(rng.choice(["linear", "ntk", "yarn", "llama3"]))
    given = {"d": 2 * count(rng, 8, 60), "base": float(count(rng, 1_000, 90_000)), "kind": kind}
    return given | {"factor": float(count(rng, 2, 9)), "trained": count(rng, 1_000, 9_000)}


def measured(rng: Rng) -> Given:
    """A loss on which a wide step on both sides makes no error, and one on a single side does."""
    loss = Bowl(1 + rng.random((2, 3))) if rng.random() < 0.5 else product_of_all
    return {"f": loss, "x": numbers(rng, 2, 3), "eps": 0.25}


def chunks_of_a_cache(rng: Rng) -> Given:
    lengths, lead = [*(count(rng, 1, 4) for _ in range(2)), count(rng, 14, 40)], [2, 3][: count(rng, 1, 3)]
    return {
        "keys": tuple(numbers(rng, *lead, length, 3) for length in lengths),
        "values": tuple(numbers(rng, *lead, length, 2) for length in lengths),
    }


def cached_attention(rng: Rng) -> Given:
    """Scores near to one another, or so far apart that what is hidden outweighs all that isn't."""
    chunks, size = [count(rng, 2, 4) for _ in range(3)], rng.choice([0.5, 12.0])
    weights = HeadWeights(*(size * numbers(rng, 6, 6) for _ in range(4)))
    return {"x": numbers(rng, sum(chunks), 6), "chunks": chunks, "weights": weights, "n_heads": 2}


def products(rng: Rng) -> Given:
    return {"d": count(rng, 5, 90), "trials": 20_000, "rng": np.random.default_rng(count(rng, 2**31))}


def mixed(rng: Rng) -> Given:
    """A layer in which some tokens reach others, far more than a trace."""
    n = count(rng, 4, 8)
    shares = rng.uniform(0.5, 1.5, (n, n)) * (rng.random((n, n)) < 0.5)
    return {"layer": Mixture(shares), "x": numbers(rng, n, 3)}


def causal_or_not(rng: Rng) -> Given:
    given = mixed(rng)
    shares = np.tril(given["layer"].shares)
    if rng.random() < 0.5:
        i = count(rng, 0, len(shares) - 1)
        shares[i, i + 1] = 1.0
    return {**given, "layer": Mixture(shares)}


def dealt(rng: Rng) -> Given:
    weights = rng.dirichlet(np.ones(60), 3)
    return {
        "predict": Readout(numbers(rng, 60, 30)),
        "weights": weights,
        "rng": np.random.default_rng(count(rng, 2**31)),
    }


def texts(rng: Rng) -> Given:
    return {
        "texts": [rng.integers(1, 20, count(rng, 1, 7)).tolist() for _ in range(5)],
        "E": numbers(rng, 20, 8),
        "size": 2,
    }


def masked_pair(rng: Rng) -> Given:
    lengths = [count(rng, 4, 20), count(rng, 4, 20)]
    n = sum(lengths) + 3
    first, second = (rng.integers(2_000, 30_000, length) for length in lengths)
    drawn = {"chance": rng.random(n).round(3), "fate": rng.random(n).round(3), "noise": rng.integers(1_000, 30_000, n)}
    return {"first": first, "second": second, **drawn}


def drawn_tokens(rng: Rng) -> Given:
    """Logits of which a few are kept, by their number, their sum or both, or at a temperature; what it comes to."""
    p = rng.permutation([0.35, 0.25, 0.2, 0.12, 0.08]) * rng.uniform(0.95, 1.05, 5)
    ways: list[Given] = [
        {"top_k": 3, "temperature": 0.4},
        {"top_p": 0.7},
        {"top_p": 0.55, "temperature": 2.5},
        {"top_p": 0.7, "top_k": 3},
    ]
    how = ways[count(rng, 0, len(ways))]
    probabilities = np.array(token_probabilities(np.log(p).tolist(), **how))
    draws = np.random.default_rng(count(rng, 2**31))
    return {"logits": np.log(p), "rng": draws, "probabilities": probabilities, "draws": 400, **how}


def continued_text(rng: Rng) -> Given:
    n = count(rng, 2, 6)
    given = {
        "next_logits": Habits(numbers(rng, 4, 4)),
        "prompt": rng.integers(4, size=n),
        "n_new": count(rng, 3, 9),
        "stop": count(rng, 0, 4),
    }
    sure: list[Given] = [{"temperature": 0}, {"top_k": 1}, {"top_p": 1e-3}]  # whatever is drawn, it's the most likely
    return given | {"rng": np.random.default_rng(count(rng, 2**31)), **sure[count(rng, 0, 3)]}


def blocks_to_choose(rng: Rng) -> Given:
    n_key, block = count(rng, 8, 20), count(rng, 2, 5)
    scores = numbers(rng, count(rng, 2, 6), -(-n_key // block))
    return {"block_scores": scores, "block": block, "n_key": n_key, "n_keep": count(rng, 1, scores.shape[-1])}


def pool_in_use(rng: Rng) -> Given:
    steps: list[tuple[Any, ...]] = [("append", name, count(rng, 1, 9)) for name in "ab"]
    steps += [("fork", "a", "c")]
    steps += [("append", str(rng.choice(["a", "b", "c"])), count(rng, 1, 6)) for _ in range(6)]
    steps += [("free", str(rng.choice(["a", "b"]))), ("append", "d", count(rng, 1, 9)), ("append", "c", 1)]
    return {"n_blocks": 60, "block": count(rng, 2, 6), "steps": steps}


def texts_with_a_prefix(rng: Rng) -> Given:
    """A text of four blocks, and others that share some of it: other tokens, or in another order, or cut elsewhere."""
    block = count(rng, 2, 5)
    first, second, third, fourth, other = (31 + rng.permutation(900)[: 5 * block]).reshape(5, block).tolist()
    text = [*first, *second, *third, *fourth]
    last_of_first = [*other[:-1], first[-1]]
    far = [[first[0] + step * count(rng, 1, 4), *first[1:]] for step in (256, 2**16)]
    carried = [first[0] + 1, first[1] - 31, *first[2:]]
    long = rng.integers(31, 900, 1_050).tolist()  # of which NumPy shows the ends alone
    middle = [*long[: 100 * block], *other, *long[101 * block :]]
    digits = [[1, 23, *first[2:], *second], [12, 3, *first[2:], *second]]
    changed = [[*begin, *second, *third, *fourth] for begin in (other, first[::-1], last_of_first, carried, *far)]
    swapped = [
        [*first, *third, *second, *fourth],
        [*second, *first, *third, *fourth],
        [*first, *other, *third, *fourth],
    ]
    return {"texts": [text, *changed, *swapped, *digits, text[1:], long, middle], "block": block}


def judged_draft(rng: Rng) -> Given:
    """Two tokens of which the target is less sure than the draft, with what can come of them."""
    q, p = rng.dirichlet(np.ones(4), 2), rng.dirichlet(np.ones(4), 3)
    draft = np.argmax(q - p[:2], axis=-1)
    draws = np.random.default_rng(count(rng, 2**31))
    given = {"draft": draft, "draft_probs": q, "target_probs": p, "rng": draws, "draws": 400}
    return given | {"probabilities": shares_of_last_tokens(draft, q, p)}


def losses(rng: Rng) -> Given:
    """Logits of all sizes, with classes that are wanted and far from likely, and some places that are ignored."""
    n, c = count(rng, 3, 6), count(rng, 3, 7)
    logits = numbers(rng, 2, n, c) * rng.choice([1.0, 300.0]) + rng.choice([0.0, 2000.0]) * numbers(rng, 2, n, 1)
    ignore = int(rng.choice([-100, 0, -7]))
    targets = np.where(rng.random((2, n)) < 0.3, ignore, rng.integers(1, c, (2, n)))
    targets[0] = 1 + np.argmin(logits[0, :, 1:], axis=-1)
    targets[1, 0] = ignore
    return {"logits": logits, "targets": targets, "ignore": ignore}


def pieces_of_a_row(rng: Rng) -> Given:
    """Pieces near to one another, far below zero, or far apart."""
    start, step = rng.choice([-2000.0, 0.0, 3000.0]), rng.choice([0.0, -900.0, 900.0])
    return {"chunks": [start + place * step + numbers(rng, count(rng, 1, 5)) for place in range(count(rng, 2, 6))]}


def window_in_a_text(rng: Rng) -> Given:
    """A window, with scores inside it that are far below those outside, or aren't."""
    center, half_width = rng.integers(2, 7, 3) + rng.choice([0.0, 0.3]), count(rng, 1, 4)
    inside = np.abs(np.arange(10) - center[:, None]) <= half_width
    scores = numbers(rng, 3, 10) + rng.choice([0.0, 1.0]) * np.where(inside, -400, 600)
    return {"scores": scores, "center": center, "half_width": half_width}


def heads_on_a_text(rng: Rng) -> Given:
    tokens = rng.integers(0, 4, count(rng, 7, 12)).tolist()
    maps = rng.dirichlet(np.ones(len(tokens)), (3, 4, len(tokens)))
    return {"maps": maps, "tokens": tokens, "count": count(rng, 2, 6)}


def documents_to_search(rng: Rng) -> Given:
    n, m = count(rng, 12, 30), count(rng, 4, 9)
    documents = numbers(rng, n, m) * rng.uniform(0.2, 5, (n, 1))
    return {"query": numbers(rng, m), "documents": documents, "count": count(rng, 2, 6), "size": count(rng, 3, 9)}


def grown_tree(rng: Rng) -> Given:
    return {"parents": np.array([-1, *(int(rng.integers(-1, i)) for i in range(1, count(rng, 5, 12)))])}


def coded_lines(rng: Rng) -> Given:
    codes = rng.integers(0, 256, (3, count(rng, 2, 8))).astype(np.uint8)
    return {"codes": codes, "scale": 0.1 + rng.random((3, 1)), "zero": numbers(rng, 3, 1)}


def text_to_continue(rng: Rng) -> Given:
    """A small model, and a text in which ids come again."""
    shapes = {"embedding": (6, 4), "W_query": (4, 3), "W_key": (4, 3), "W_value": (4, 4)}
    return {
        "prompt": rng.integers(0, 4, count(rng, 4, 9)),
        "n_new": count(rng, 5, 9),
        "n_draft": count(rng, 1, 4),
        **{name: numbers(rng, *shape) for name, shape in shapes.items()},
    }


def phases_of_a_step(rng: Rng) -> Given:
    phases = [(float(count(rng, 10, 9_000)), float(count(rng, 10, 900))) for _ in range(count(rng, 2, 6))]
    return {"phases": phases, "flops_per_second": 100.0, "bytes_per_second": 10.0}


def spelled(rng: Rng) -> Given:
    return {"ids": rng.integers(97, 101, count(rng, 12, 30)), "n_merges": count(rng, 2, 6)}


def merged(rng: Rng) -> Given:
    merges = [(97, 98), (256, 97), (98, 98), (257, 256)][: count(rng, 2, 5)]
    return {"ids": rng.integers(97, 100, count(rng, 12, 30)), "merges": merges}


def decoded_text(rng: Rng) -> Given:
    n = count(rng, 2, 6)
    table, prompt = 3 * numbers(rng, 4, 4), rng.integers(4, size=n)
    return {"table": table, "prompt": prompt, "n_new": count(rng, 3, 9), "stop": count(rng, 0, 4)}


UNSEEN: dict[str, Callable[[Rng], Given]] = {
    "BlockTable": pool_in_use,
    "KVCache": chunks_of_a_cache,
    "alibi_bias": positions_of_heads,
    "alibi_slopes": lambda rng: {"n_heads": count(rng, 3, 60)},
    "attend_with_cache": cached_attention,
    "attention_flops": lambda rng: {"n": count(rng, 2, 9_000), "d_model": count(rng, 2, 9_000)},
    "block_mask": blocks_to_choose,
    "bpe_encode": merged,
    "bpe_merges": spelled,
    "causal_mask": newest_queries,
    "combine_masks": three_masks,
    "corrupt_tokens": corrupted,
    "cross_entropy": losses,
    "cross_entropy_backward": losses,
    "decode_with_cache": decoded_text,
    "dequantize": coded_lines,
    "document_mask": packed,
    "dot_product_std": products,
    "expected_tokens": lambda rng: {"acceptance": float(rng.uniform(0.1, 0.95)), "n_draft": count(rng, 1, 9)},
    "fix_document_search": documents_to_search,
    "fix_encoder": texts,
    "fix_induction_heads": heads_on_a_text,
    "fix_lookup_decoding": text_to_continue,
    "fix_masked_pair": masked_pair,
    "generate": continued_text,
    "influence": mixed,
    "kv_bytes_per_token": shared_model,
    "kv_cache_bytes": cached_model,
    "leaks_future": causal_or_not,
    "local_weights": window_in_a_text,
    "log_softmax": scores_of_all_sizes,
    "mask_for": architecture_of_a_mask,
    "mha_parameter_count": a_layer,
    "most_similar": lambda rng: {"vector": numbers(rng, 3), "vectors": numbers(rng, 400, 3), "count": 300},
    "next_token_targets": lambda rng: {"ids": rng.integers(0, 100, (2, count(rng, 4, 12)))},
    "numerical_gradient": measured,
    "online_softmax": pieces_of_a_row,
    "padding_mask": padded,
    "path_length": path,
    "peak_floats": tiles,
    "permutation_effect": dealt,
    "prefix_hashes": texts_with_a_prefix,
    "prefix_mask": prefixed,
    "rotary_halves_order": lambda rng: {"d": 2 * count(rng, 6, 90)},
    "sample_token": drawn_tokens,
    "scaled_frequencies": rescaled,
    "sinusoidal_positions": lambda rng: {"n": count(rng, 3, 30), "d": 2 * count(rng, 2, 20)},
    "sliding_window_mask": lambda rng: {"n": count(rng, 6, 14), "window": count(rng, 2, 6), "sinks": count(rng, 0, 3)},
    "softmax": scores_of_all_sizes,
    "speculative_accept": judged_draft,
    "step_time": phases_of_a_step,
    "tree_mask": grown_tree,
}
