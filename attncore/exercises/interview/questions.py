"""Numbers as rounds ask them: a configuration and a graphics card by chance. They stand in no lesson's cell."""

from attncore.cache import kv_cache_bytes
from attncore.exercises.configurations import (
    A100,
    CARDS,
    GEMMA_3_27B,
    GROUPED,
    H100,
    LLAMA_2_7B,
    LLAMA_2_13B,
    LLAMA_3_8B,
    LLAMA_3_70B,
    LOCAL,
    MULTI_HEAD,
)
from attncore.exercises.exercise import numeric
from attncore.exercises.figures import among, apart, binary, decimal, spelled
from attncore.exercises.interview import designs
from attncore.exercises.interview.costs import (
    REACHED,
    cache_of,
    expected_tokens,
    prefill_seconds,
    reading_speed,
    square_flops,
    step_seconds,
    weight_flops,
)

figures = designs.figures  # of the cards, which are designs
DENSE = (*GROUPED, LLAMA_2_7B, LLAMA_2_13B)


def fits(model, card, tokens):
    """Do the weights leave room on the card, and was the model made for so many tokens?"""
    return model.weight_bytes < 0.8 * card.bytes and (model in GROUPED or tokens <= 4096)


def with_heads(model, heads, tokens):
    return kv_cache_bytes(model.layers, heads, model.head_width, tokens)


def requests(model, card, tokens):
    return int(0.9 * card.bytes - model.weight_bytes) // cache_of(model, tokens)


def requests_without_weights(model, card, tokens):
    return int(0.9 * card.bytes) // cache_of(model, tokens)


def requests_on_all(model, card, tokens):
    return (card.bytes - model.weight_bytes) // cache_of(model, tokens)


def requests_rounded_up(model, card, tokens):
    return -(-int(0.9 * card.bytes - model.weight_bytes) // cache_of(model, tokens))


def decoded(model, card, batch, tokens):
    """Tokens a second of a batch."""
    return batch / step_seconds(model.weight_bytes, cache_of(model, tokens, batch), card)


def decoded_without_cache(model, card, batch, tokens):
    return batch / step_seconds(model.weight_bytes, 0, card)


def decoded_by_one(model, card, batch, tokens):
    return decoded(model, card, batch, tokens) / batch


def decoded_one_by_one(model, card, batch, tokens):
    return decoded(model, card, 1, tokens)


def prefilled(model, card, tokens):
    return prefill_seconds(model, card, tokens)


def prefilled_at_peak(model, card, tokens):
    return prefill_seconds(model, card, tokens, reached=1)


def prefilled_without_scores(model, card, tokens):
    return weight_flops(model, tokens) / (REACHED * card.tflops * 1e12)


def prefilled_unmasked(model, card, tokens):
    return prefilled(model, card, tokens) + square_flops(model, tokens) / (REACHED * card.tflops * 1e12)


def waited(model, card, tokens, queue):
    return (queue + 1) * tokens / reading_speed(model, card)


def saved(model, prefix, own, users):
    return (users - 1) * cache_of(model, prefix)


def left_over(model, prefix, own, users):
    return cache_of(model, prefix) + users * cache_of(model, own)


def unshared(model, prefix, own, users):
    return users * cache_of(model, prefix + own)


def mixed(model, tokens):
    return cache_of(model, tokens)


def all_global(model, tokens):
    return with_heads(model, model.kv_heads, tokens)


def global_alone(model, tokens):
    return all_global(model, tokens) * (model.layers - model.local) // model.layers


def all_local(model, tokens):
    return with_heads(model, model.kv_heads, model.window)


def expected(accepted, proposed):
    return expected_tokens(accepted, proposed)


def gain(accepted, proposed, cost):
    return expected_tokens(accepted, proposed) / (1 + proposed * cost)


def gain_of_a_free_draft(accepted, proposed, cost):
    return expected_tokens(accepted, proposed)


def gain_of_one_draft(accepted, proposed, cost):
    return expected_tokens(accepted, proposed) / (1 + cost)


def gain_without_own(accepted, proposed, cost):
    return (expected_tokens(accepted, proposed) - 1) / (1 + proposed * cost)


questions = [
    numeric(
        "cache-of-a-context",
        lambda model, tokens, size: cache_of(model, tokens, bytes_per_value=size),
        {
            "every query head cached": lambda model, tokens, size: (
                cache_of(model, tokens, bytes_per_value=size) * model.group
            ),
            "keys without values": lambda model, tokens, size: cache_of(model, tokens, bytes_per_value=size) // 2,
            "one layer only": lambda model, tokens, size: cache_of(model, tokens, bytes_per_value=size) // model.layers,
        },
        first={"model": LLAMA_3_8B, "tokens": 32_768, "size": 2},
        draw=among(model=GROUPED, tokens=(4096, 8192, 16_384, 32_768, 65_536, 131_072), size=(1, 2)),
        worked=lambda model, tokens, size: {
            "number": {1: "float8, one byte a number", 2: "bfloat16"}[size],
            "token": cache_of(model, 1, bytes_per_value=size),
            "room": binary(cache_of(model, tokens, bytes_per_value=size)),
        },
    ),
    numeric(
        "requests-at-once",
        requests,
        {
            "weights forgotten": requests_without_weights,
            "no room kept free": requests_on_all,
            "rounded up": requests_rounded_up,
        },
        tolerance=0,
        first={"model": LLAMA_3_8B, "card": A100, "tokens": 8192},
        draw=among(
            lambda model, card, tokens: (
                fits(model, card, tokens)
                and requests(model, card, tokens) >= 2
                and apart(requests, requests_without_weights, requests_on_all, requests_rounded_up, by=0)(
                    model=model, card=card, tokens=tokens
                )
            ),
            model=DENSE,
            card=CARDS,
            tokens=(2048, 4096, 8192, 16_384, 32_768),
        ),
        worked=lambda model, card, tokens: {
            "token": cache_of(model, 1),
            "usable": 0.9 * card.memory,
            "weights": model.weight_bytes / 1e9,
            "left": 0.9 * card.memory - model.weight_bytes / 1e9,
            "each": cache_of(model, tokens) / 1e9,
        },
    ),
    numeric(
        "decoded-by-a-batch",
        decoded,
        {
            "the caches are not read": decoded_without_cache,
            "one request's share": decoded_by_one,
            "one request after the other": decoded_one_by_one,
        },
        first={"model": LLAMA_3_8B, "card": H100, "batch": 32, "tokens": 8192},
        draw=among(
            lambda model, card, batch, tokens: (
                fits(model, card, tokens)
                and model.weight_bytes + cache_of(model, tokens, batch) < 0.9 * card.bytes
                and apart(decoded, decoded_without_cache, decoded_by_one, decoded_one_by_one, by=0.05)(
                    model=model, card=card, batch=batch, tokens=tokens
                )
            ),
            model=DENSE,
            card=CARDS,
            batch=(4, 8, 16, 32, 64, 128),
            tokens=(1024, 2048, 4096, 8192, 32_768),
        ),
        worked=lambda model, card, batch, tokens: {
            "token": cache_of(model, 1),
            "weights": model.weight_bytes / 1e9,
            "each": cache_of(model, tokens) / 1e9,
            "caches": cache_of(model, tokens, batch) / 1e9,
            "both": (model.weight_bytes + cache_of(model, tokens, batch)) / 1e9,
            "step": 1000 * step_seconds(model.weight_bytes, cache_of(model, tokens, batch), card),
        },
    ),
    numeric(
        "prefill-seconds",
        prefilled,
        {
            "the GPU at its peak": prefilled_at_peak,
            "the scores are forgotten": prefilled_without_scores,
            "the mask saves nothing": prefilled_unmasked,
        },
        first={"model": LLAMA_3_8B, "card": H100, "tokens": 32_768},
        draw=among(
            lambda model, card, tokens: (
                fits(model, card, tokens)
                and apart(prefilled, prefilled_at_peak, prefilled_without_scores, prefilled_unmasked, by=0.04)(
                    model=model, card=card, tokens=tokens
                )
            ),
            model=DENSE,
            card=CARDS,
            tokens=(8192, 16_384, 32_768, 65_536, 131_072),
        ),
        worked=lambda model, card, tokens: {
            "width": model.heads * model.head_width,
            "linear": weight_flops(model, tokens) / 1e12,
            "square": square_flops(model, tokens) / 1e12,
            "total": (weight_flops(model, tokens) + square_flops(model, tokens)) / 1e12,
            "rate": REACHED * card.tflops,
        },
    ),
    numeric(
        "time-to-first-token",
        waited,
        {
            "your own prompt is forgotten": lambda model, card, tokens, queue: (
                queue * tokens / reading_speed(model, card)
            ),
            "the queue is forgotten": lambda model, card, tokens, queue: waited(model, card, tokens, 0),
            "the GPU at its peak": lambda model, card, tokens, queue: REACHED * waited(model, card, tokens, queue),
        },
        first={"model": LLAMA_3_8B, "card": H100, "tokens": 2000, "queue": 3},
        draw=among(
            lambda model, card, tokens, queue: fits(model, card, tokens),
            model=DENSE,
            card=CARDS,
            tokens=(500, 1000, 2000, 4000),
            queue=(2, 3, 4, 6, 8),
        ),
        worked=lambda model, card, tokens, queue: {
            "ahead": spelled(queue),
            "all": (queue + 1) * tokens,
            "billions": model.parameters / 1e9,
            "rate": REACHED * card.tflops,
            "speed": reading_speed(model, card),
        },
    ),
    numeric(
        "link-against-prefill",
        lambda model, card, tokens: reading_speed(model, card) * cache_of(model, 1),
        {
            "keys without values": lambda model, card, tokens: reading_speed(model, card) * cache_of(model, 1) / 2,
            "bits, not bytes": lambda model, card, tokens: reading_speed(model, card) * cache_of(model, 1) * 8,
            "the GPU at its peak": lambda model, card, tokens: (
                reading_speed(model, card, reached=1) * cache_of(model, 1)
            ),
            "every query head sent": lambda model, card, tokens: (
                reading_speed(model, card) * with_heads(model, model.heads, 1)
            ),
        },
        first={"model": LLAMA_3_8B, "card": H100, "tokens": 4000},
        draw=among(
            lambda model, card, tokens: fits(model, card, tokens) and model.group not in (1, 8),
            model=DENSE,
            card=CARDS,
            tokens=(1000, 2000, 4000, 8000),
        ),
        worked=lambda model, card, tokens: {
            "token": cache_of(model, 1),
            "billions": model.parameters / 1e9,
            "rate": REACHED * card.tflops,
            "speed": reading_speed(model, card),
            "link": decimal(reading_speed(model, card) * cache_of(model, 1)),
        },
    ),
    numeric(
        "speculative-tokens",
        expected,
        {
            "the target's own token is forgotten": lambda accepted, proposed: expected(accepted, proposed) - 1,
            "each proposal counts by itself": lambda accepted, proposed: 1 + proposed * accepted,
            "all or nothing": lambda accepted, proposed: 1 + proposed * accepted**proposed,
        },
        first={"accepted": 0.8, "proposed": 4},
        draw=among(
            apart(
                expected,
                lambda accepted, proposed: expected(accepted, proposed) - 1,
                lambda accepted, proposed: 1 + proposed * accepted,
                lambda accepted, proposed: 1 + proposed * accepted**proposed,
                by=0.025,
            ),
            accepted=(0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9),
            proposed=(2, 3, 4, 5, 6, 8),
        ),
        worked=lambda accepted, proposed: {
            "more": proposed + 1,
            "all": accepted ** (proposed + 1),
            "rejected": 1 - accepted,
        },
    ),
    numeric(
        "speculative-gain",
        gain,
        {
            "the draft costs nothing": gain_of_a_free_draft,
            "one step of the draft": gain_of_one_draft,
            "the target's own token is forgotten": gain_without_own,
        },
        first={"accepted": 0.8, "proposed": 4, "cost": 0.1},
        draw=among(
            apart(gain, gain_of_a_free_draft, gain_of_one_draft, gain_without_own, by=0.025),
            accepted=(0.6, 0.7, 0.8, 0.9),
            proposed=(2, 3, 4, 5, 6, 8),
            cost=(0.05, 0.08, 0.1, 0.15, 0.2),
        ),
        worked=lambda accepted, proposed, cost: {
            "percent": 100 * cost,
            "tokens": expected_tokens(accepted, proposed),
            "price": 1 + proposed * cost,
            "more": proposed + 1,
        },
    ),
    numeric(
        "one-prompt-for-all",
        saved,
        {"what is left": left_over, "all that is kept without sharing": unshared},
        first={"model": LLAMA_3_8B, "prefix": 4096, "own": 512, "users": 1000},
        draw=among(
            apart(saved, left_over, unshared),
            model=GROUPED,
            prefix=(1024, 2048, 4096, 8192),
            own=(256, 512, 1024),
            users=(50, 100, 200, 500, 1000),
        ),
        worked=lambda model, prefix, own, users: {
            "token": cache_of(model, 1),
            "copies": users - 1,
            "one": binary(cache_of(model, prefix)),
            "room": binary(saved(model, prefix, own, users)),
            "left": binary(left_over(model, prefix, own, users)),
            "before": binary(unshared(model, prefix, own, users)),
        },
    ),
    numeric(
        "local-and-global-bytes",
        mixed,
        {
            "every layer is global": all_global,
            "local layers keep nothing": global_alone,
            "every layer is local": all_local,
        },
        first={"model": GEMMA_3_27B, "tokens": 32_768},
        draw=among(
            lambda model, tokens: (
                (model.window < 4096 or tokens <= 8192)
                and apart(mixed, all_global, global_alone, all_local)(model=model, tokens=tokens)
            ),
            model=LOCAL,
            tokens=(4096, 8192, 16_384, 32_768, 65_536, 131_072),
        ),
        worked=lambda model, tokens: {
            "global": model.layers - model.local,
            "layer": 2 * model.kv_heads * model.head_width * 2,
            "far": binary(global_alone(model, tokens)),
            "near": binary(mixed(model, tokens) - global_alone(model, tokens)),
            "room": binary(mixed(model, tokens)),
            "share": 100 * mixed(model, tokens) / all_global(model, tokens),
        },
    ),
    numeric(
        "waste-of-the-last-page",
        lambda model, page: (page - 1) * cache_of(model, 1),
        {
            "a whole page": lambda model, page: page * cache_of(model, 1),
            "half a page, the mean": lambda model, page: (page - 1) * cache_of(model, 1) / 2,
            "in one layer": lambda model, page: (page - 1) * cache_of(model, 1) // model.layers,
        },
        first={"model": LLAMA_3_8B, "page": 16},
        draw=among(model=(*GROUPED, *MULTI_HEAD), page=(8, 16, 32)),
        worked=lambda model, page: {
            "token": cache_of(model, 1),
            "idle": page - 1,
            "room": binary((page - 1) * cache_of(model, 1)),
        },
    ),
    numeric(
        "more-cards-than-heads",
        lambda model, cards, tokens: with_heads(model, 1, tokens),
        {
            "divided by the GPUs": lambda model, cards, tokens: cache_of(model, tokens) // cards,
            "a whole copy on each": lambda model, cards, tokens: cache_of(model, tokens),
        },
        first={"model": LLAMA_3_70B, "cards": 16, "tokens": 131_072},
        draw=among(
            lambda model, cards, tokens: model.kv_heads < cards <= model.heads and model.heads % cards == 0,
            model=GROUPED,
            cards=(8, 16, 32, 64),
            tokens=(8192, 32_768, 131_072),
        ),
        worked=lambda model, cards, tokens: {
            "copies": cards // model.kv_heads,
            "all": binary(cache_of(model, tokens)),
            "room": binary(with_heads(model, 1, tokens)),
            "even": binary(cache_of(model, tokens) / cards),
        },
    ),
]
