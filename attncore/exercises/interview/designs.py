"""The figures of the design questions: what their words have in braces, worked out by the course's own functions.

A figure is a number, to be formatted in `cards.toml`, or a string with its unit. What is given, such as a link, a rate
or a budget, stands at the head of each function.
"""

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.configurations import (
    A100,
    H100,
    LLAMA_2_7B,
    LLAMA_2_13B,
    LLAMA_3_1B,
    LLAMA_3_3B,
    LLAMA_3_8B,
    LLAMA_3_70B,
    GraphicsCard,
    Model,
)
from attncore.exercises.figures import binary, decimal
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
from attncore.flash import peak_floats, tiled_attention
from attncore.shared_heads import kv_bytes_per_token

GIB = 2**30
USABLE = 0.9  # of a card's memory, for weights and caches


def together(card: GraphicsCard, count: int) -> GraphicsCard:
    """Several cards as one, split by heads: memory, bandwidth and arithmetic add up."""
    return replace(
        card, name=f"{count} {card.name}", memory=count * card.memory, bandwidth=count * card.bandwidth,
        tflops=count * card.tflops,
    )  # fmt: skip


def room(model: Model, card: GraphicsCard) -> float:
    """The bytes that the weights leave for caches."""
    return USABLE * card.bytes - model.weight_bytes


def at_once(model: Model, card: GraphicsCard, tokens: int, bytes_per_value: float = 2) -> int:
    """How many requests of that length fit."""
    return int(room(model, card) // cache_of(model, tokens, bytes_per_value=bytes_per_value))


def milliseconds(seconds: float) -> str:
    """A time with its unit, as one says it."""
    if seconds >= 100:
        return f"{seconds / 60:.0f} minutes"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"


def long_chat() -> dict[str, Any]:
    model, card, tokens, groups = LLAMA_2_7B, H100, 2**17, 8
    grouped = replace(model, kv_heads=groups)
    cache, small = cache_of(model, tokens), cache_of(grouped, tokens)
    half = cache_of(grouped, tokens, bytes_per_value=1)
    square, linear = square_flops(model, tokens), weight_flops(model, tokens)
    return {
        "model": model,
        "card": card,
        "tokens": tokens,
        "groups": groups,
        "token": binary(cache_of(model, 1)),
        "cache": binary(cache),
        "cache_gb": cache / 1e9,
        "weights": model.weight_bytes / 1e9,
        "room": room(model, card) / 1e9,
        "fewer": cache // small,
        "grouped": binary(small),
        "grouped_gb": small / 1e9,
        "eight_bit": binary(half),
        "fit": at_once(grouped, card, tokens),
        "fit_eight_bit": at_once(grouped, card, tokens, bytes_per_value=1),
        "step": milliseconds(step_seconds(model.weight_bytes, small, card)),
        "step_short": milliseconds(step_seconds(model.weight_bytes, 0, card)),
        "prefill": milliseconds(prefill_seconds(model, card, tokens)),
        "square": 100 * square / (square + linear),
        "reached": 100 * REACHED,
    }


def four_gigabytes() -> dict[str, Any]:
    model, memory, system, tokens = LLAMA_3_3B, 4e9, 1e9, 16_384
    bandwidth, arithmetic, flash, bits = 50e9, 4e12, 1.5e9, 4.5
    device = GraphicsCard("device", "", 4, bandwidth / 1e12, arithmetic / 1e12)
    weights = model.parameters * bits / 8
    cache, half = cache_of(model, tokens), cache_of(model, tokens, bytes_per_value=1)
    window, local = 1024, model.layers * 3 // 4
    mixed = replace(model, window=window, local=local)
    tight = cache_of(mixed, tokens, bytes_per_value=1)
    return {
        "model": model,
        "billions": model.parameters / 1e9,
        "memory": decimal(memory),
        "system": decimal(system),
        "left": decimal(memory - system),
        "tokens": tokens,
        "bandwidth": decimal(bandwidth),
        "flash": decimal(flash),
        "arithmetic": arithmetic / 1e12,
        "bits": bits,
        "two_bytes": decimal(model.weight_bytes),
        "weights": decimal(weights),
        "token": binary(cache_of(model, 1)),
        "cache": decimal(cache),
        "half": decimal(half),
        "over": decimal(weights + cache),
        "sum": decimal(weights + half),
        "speed": 1 / step_seconds(weights, half, device),
        "speed_empty": 1 / step_seconds(weights, 0, device),
        "prefill": milliseconds(prefill_seconds(model, device, tokens, reached=1)),
        "loading": milliseconds(half / flash),
        "window": window,
        "local": local,
        "global": model.layers - local,
        "tight": decimal(tight),
        "speed_tight": 1 / step_seconds(weights, tight, device),
    }


def thousand_users() -> dict[str, Any]:
    model, card, users, prefix, own = LLAMA_3_8B, H100, 1000, 4096, 512
    each, one = cache_of(model, prefix + own), cache_of(model, prefix)
    owned = users * cache_of(model, own)
    cards = -(-(one + owned) // int(room(model, card)))
    here = users // cards
    return {
        "model": model,
        "card": card,
        "users": users,
        "prefix": prefix,
        "own": own,
        "token": binary(cache_of(model, 1)),
        "one": binary(one),
        "own_each": binary(cache_of(model, own)),
        "copied": binary(users * each),
        "shared": binary(one + owned),
        "room": binary(room(model, card)),
        "cards": cards,
        "cards_copied": -(-users * each // int(room(model, card))),
        "fit": int((room(model, card) - one) // cache_of(model, own)),
        "prefill": milliseconds(prefill_seconds(model, card, prefix)),
        "prefill_all": milliseconds(users * prefill_seconds(model, card, prefix)),
        "here": here,
        "step": milliseconds(step_seconds(model.weight_bytes, one + here * cache_of(model, own), card)),
        "step_copied": milliseconds(step_seconds(model.weight_bytes, here * each, card)),
    }


def prefill_and_decode() -> dict[str, Any]:
    model, card, cards, tokens = LLAMA_3_70B, H100, 8, 8192
    fast, slow = 50e9, 1.25e9  # 400 and 10 gigabits a second
    pool = together(card, cards)
    cache, prefill = cache_of(model, tokens), prefill_seconds(model, pool, tokens)
    multi = replace(model, kv_heads=model.heads)
    batch, context = 64, 4096
    return {
        "model": model,
        "card": card,
        "cards": cards,
        "tokens": tokens,
        "fast": decimal(fast),
        "slow": decimal(slow),
        "token": binary(cache_of(model, 1)),
        "cache": decimal(cache),
        "prefill": milliseconds(prefill),
        "shipping": milliseconds(cache / fast),
        "share": 100 * cache / fast / prefill,
        "layer": milliseconds(cache / fast / model.layers),
        "slowly": milliseconds(cache / slow),
        "even": decimal(reading_speed(model, pool) * cache_of(model, 1)),
        "multi": milliseconds(cache_of(multi, tokens) / fast),
        "batch": batch,
        "context": context,
        "step": milliseconds(step_seconds(model.weight_bytes, cache_of(model, context, batch), pool)),
        "stalled": prefill / step_seconds(model.weight_bytes, cache_of(model, context, batch), pool),
        "reached": 100 * REACHED,
    }


def training_memory() -> dict[str, Any]:
    model, card, cards, tokens, words = LLAMA_3_8B, A100, 8, 32_768, 128_256
    states = 16 * model.parameters  # weights and gradients in two bytes, a copy and two moments in four
    maps = 2 * model.heads * (peak_floats(tokens, model.head_width) - tokens * model.head_width)
    tiled = 2 * model.heads * peak_floats(tokens, model.head_width, 128)
    stream = 2 * tokens * model.width
    layer = 34 * tokens * model.width  # Korthikanti et al. (2022), without the scores
    logits = 4 * tokens * words
    square, linear = square_flops(model, tokens), weight_flops(model, tokens)
    kept = model.layers * stream + layer
    return {
        "model": model,
        "card": card,
        "cards": cards,
        "tokens": tokens,
        "words": words,
        "states": decimal(states),
        "sharded": decimal(states / cards),
        "maps": binary(maps),
        "maps_all": binary(model.layers * maps),
        "tiled": binary(tiled),
        "layer": binary(layer),
        "layers": binary(model.layers * layer),
        "streams": binary(model.layers * stream),
        "kept": binary(kept),
        "logits": binary(logits),
        "total": decimal(states / cards + kept + 2 * logits),
        "chunked": decimal(states / cards + kept),
        "split": decimal(states / cards + kept / cards),
        "square": 100 * square / (square + linear),
    }


def latency_target() -> dict[str, Any]:
    model, card, prompt, output, first, each, load, small = LLAMA_3_8B, H100, 2000, 300, 0.5, 0.025, 0.7, 64
    speed, context = reading_speed(model, card), prompt + output // 2
    request = cache_of(model, context)

    def decoding(chunk: int) -> int:
        """In balance as many answers end as prompts are read."""
        return round(chunk * output / prompt)

    def step(chunk: int) -> float:
        return step_seconds(model.weight_bytes, decoding(chunk) * request, card)

    chunk = max(size for size in range(small, prompt, small) if step(size) + size / speed <= each)
    mixed = step(chunk) + chunk / speed
    return {
        "model": model,
        "card": card,
        "prompt": prompt,
        "output": output,
        "first": milliseconds(first),
        "each": milliseconds(each),
        "speed": round(speed, -2),
        "whole": milliseconds(prompt / speed),
        "request": decimal(request),
        "weights": decimal(model.weight_bytes),
        "most": at_once(model, card, prompt + output),
        "batch": decoding(chunk),
        "step": milliseconds(step(chunk)),
        "stall": milliseconds(step(chunk) + prompt / speed),
        "chunk": chunk,
        "chunk_time": milliseconds(chunk / speed),
        "mixed": milliseconds(mixed),
        "chunks": -(-prompt // chunk),
        "ttft": milliseconds(-(-prompt // chunk) * mixed),
        "ceiling": speed / prompt,
        "rate": chunk / mixed / prompt,
        "load": 100 * load,
        "loaded": load * chunk / mixed / prompt,
        "small": small,
        "small_rate": small / (step(small) + small / speed) / prompt,
        "longest": milliseconds(-(-16 * prompt // chunk) * mixed),
        "reached": 100 * REACHED,
    }


def tenants() -> dict[str, Any]:
    model, card, cards = LLAMA_3_70B, H100, 8
    count, common, private, page, host = 200, 1500, 6000, 16, 50e9
    pool = together(card, cards)
    each = cache_of(model, private)
    miss, hit = prefill_seconds(model, pool, common + private), each / host
    return {
        "model": model,
        "card": card,
        "cards": cards,
        "tenants": count,
        "common": common,
        "private": private,
        "page": page,
        "host": decimal(host),
        "token": binary(cache_of(model, 1)),
        "each": binary(each),
        "all": binary(count * each),
        "room": binary(room(model, pool)),
        "resident": int(room(model, pool) / 2 // each),
        "miss": milliseconds(miss),
        "hit": milliseconds(hit),
        "ratio": miss / hit,
        "salted": binary((count - 1) * cache_of(model, common)),
        "common_size": binary(cache_of(model, common)),
        "page_size": binary(cache_of(model, page)),
        "lost": page - 1,
    }


def cheaper_cache() -> dict[str, Any]:
    model, card, tokens, groups, latent, rotated = LLAMA_2_13B, H100, 4096, 8, 512, 64
    grouped = replace(model, kv_heads=groups)
    small = replace(model, latent=latent, rotated=rotated)
    kinds = {
        "multi": kv_bytes_per_token("mha", model.layers, model.heads, model.head_width),
        "eight_bit": kv_bytes_per_token("mha", model.layers, model.heads, model.head_width, bytes_per_value=1),
        "grouped": kv_bytes_per_token("gqa", model.layers, model.heads, model.head_width, n_groups=groups),
        "latent": cache_of(small, 1),
    }
    both = cache_of(grouped, 1, bytes_per_value=1)
    fits = {
        "fit": at_once(model, card, tokens),
        "fit_eight_bit": at_once(model, card, tokens, bytes_per_value=1),
        "fit_grouped": at_once(grouped, card, tokens),
        "fit_both": at_once(grouped, card, tokens, bytes_per_value=1),
        "fit_latent": at_once(small, card, tokens),
    }
    step = step_seconds(model.weight_bytes, cache_of(model, tokens, fits["fit"]), card)
    later = step_seconds(model.weight_bytes, cache_of(grouped, tokens, fits["fit_grouped"]), card)
    return {
        **{name: binary(size) for name, size in kinds.items()},
        **fits,
        "model": model,
        "card": card,
        "tokens": tokens,
        "groups": groups,
        "width": latent,
        "rotated": rotated,
        "both": binary(both),
        "room": decimal(room(model, card)),
        "fewer": kinds["multi"] // kinds["grouped"],
        "latent_groups": (latent + rotated) / (2 * model.head_width),
        "speed": fits["fit"] / step,
        "speed_grouped": fits["fit_grouped"] / later,
        "gain": fits["fit_grouped"] / later / (fits["fit"] / step),
    }


def million_tokens() -> dict[str, Any]:
    model, card, tokens, window, state = LLAMA_3_8B, H100, 2**20, 1024, 4
    local = model.layers * 5 // 6
    mixed = replace(model, window=window, local=local)
    whole = model.layers // 4
    hybrid = replace(model, layers=whole)
    states = (model.layers - whole) * model.heads * (model.head_width**2 + model.head_width) * state
    latent = replace(model, latent=512, rotated=64)
    square = square_flops(model, tokens) / (REACHED * card.tflops * 1e12)
    linear = weight_flops(model, tokens) / (REACHED * card.tflops * 1e12)
    near = (model.layers - local) / model.layers * square
    return {
        "model": model,
        "card": card,
        "tokens": tokens,
        "cache": binary(cache_of(model, tokens)),
        "cards": cache_of(model, tokens) / room(model, card),
        "step": milliseconds(step_seconds(model.weight_bytes, cache_of(model, tokens), card)),
        "square": milliseconds(square),
        "linear": milliseconds(linear),
        "times": square / linear,
        "window": window,
        "local": local,
        "global": model.layers - local,
        "mixed": binary(cache_of(mixed, tokens)),
        "mixed_step": milliseconds(step_seconds(model.weight_bytes, cache_of(mixed, tokens), card)),
        "mixed_square": milliseconds(near),
        "whole": whole,
        "linear_layers": model.layers - whole,
        "hybrid": binary(cache_of(hybrid, tokens) + states),
        "states": binary(states),
        "latent": binary(cache_of(latent, tokens)),
        "reach": local * (window - 1),
    }


def speculation() -> dict[str, Any]:
    target, draft, card, cards = LLAMA_3_70B, LLAMA_3_1B, H100, 8
    batch, short, long, proposed, accepted, fallen, window = 8, 1024, 2**17, 4, 0.8, 0.6, 1024
    pool = together(card, cards)

    def steps(tokens: int, drafted: int) -> tuple[float, float]:
        return (
            step_seconds(target.weight_bytes, cache_of(target, tokens, batch), pool),
            step_seconds(draft.weight_bytes, cache_of(draft, drafted, batch), pool),
        )

    def gain(tokens: int, drafted: int, chance: float) -> float:
        of_target, of_draft = steps(tokens, drafted)
        return expected_tokens(chance, proposed) / (1 + proposed * of_draft / of_target)

    (near, near_draft), (far, far_draft) = steps(short, short), steps(long, long)
    windowed = steps(long, window)[1]
    ridge = card.tflops / card.bandwidth
    return {
        "target": target,
        "draft": draft,
        "card": card,
        "cards": cards,
        "batch": batch,
        "short": short,
        "long": long,
        "proposed": proposed,
        "checked": proposed + 1,
        "accepted": 100 * accepted,
        "fallen": 100 * fallen,
        "expected": expected_tokens(accepted, proposed),
        "expected_fallen": expected_tokens(fallen, proposed),
        "near": milliseconds(near),
        "near_share": 100 * near_draft / near,
        "near_gain": gain(short, short, accepted),
        "target_cache": decimal(cache_of(target, long, batch)),
        "target_weights": decimal(target.weight_bytes),
        "draft_cache": decimal(cache_of(draft, long, batch)),
        "draft_weights": decimal(draft.weight_bytes),
        "far": milliseconds(far),
        "far_share": 100 * far_draft / far,
        "far_gain": gain(long, long, accepted),
        "fallen_gain": gain(long, long, fallen),
        "window": window,
        "window_share": 100 * windowed / far,
        "window_gain": gain(long, window, accepted),
        "rows": batch * (proposed + 1),
        "ridge": ridge,
        "crowd": int(ridge / (proposed + 1)) + 1,
    }


def agent() -> dict[str, Any]:
    model, card, cards = LLAMA_3_70B, H100, 8
    calls, start, growth, wait, busy, host, agents = 50, 4000, 2000, 10, 5, 50e9, 100
    pool = together(card, cards)
    end = start + calls * growth
    contexts = [start + call * growth for call in range(calls + 1)]
    mean = sum(contexts) / len(contexts)
    read = sum(contexts)
    cache = cache_of(model, end)
    return {
        "model": model,
        "card": card,
        "cards": cards,
        "calls": calls,
        "start": start,
        "growth": growth,
        "wait": wait,
        "busy": busy,
        "agents": agents,
        "end": end,
        "token": binary(cache_of(model, 1)),
        "cache": binary(cache),
        "read": read / 1e6,
        "ratio": read / end,
        "again": milliseconds(sum(prefill_seconds(model, pool, context) for context in contexts)),
        "once": milliseconds(prefill_seconds(model, pool, end)),
        "turn": milliseconds(
            prefill_seconds(model, pool, int(mean) + growth) - prefill_seconds(model, pool, int(mean))
        ),
        "mean": binary(cache_of(model, int(mean))),
        "room": binary(room(model, pool)),
        "resident": int(room(model, pool) // cache_of(model, int(mean))),
        "crowd": binary(agents * cache_of(model, int(mean))),
        "host": decimal(host),
        "loading": milliseconds(cache_of(model, int(mean)) / host),
        "mean_prefill": milliseconds(prefill_seconds(model, pool, int(mean))),
        "mean_tokens": int(mean),
        "idle": 100 * wait / (wait + busy),
    }


def kernel_rollout() -> dict[str, Any]:
    rng, n, width = np.random.default_rng(0), 64, 32
    query, key, value = (rng.standard_normal((n, width)).astype(np.float32) for _ in range(3))
    exact = scaled_dot_product_attention(*(array.astype(float) for array in (query, key, value)))
    old = scaled_dot_product_attention(query, key, value)
    new, split = (tiled_attention(query, key, value, block=block) for block in (32, 16))
    prompts, right, flips = 1000, 0.7, 0.04
    return {
        "n": n,
        "width": width,
        "old": power(np.abs(old - exact).max()),
        "new": power(np.abs(new - exact).max()),
        "changed": 100 * float(np.mean(new != split)),
        "between": power(np.abs(new - split).max()),
        "spacing": 100 * 2.0**-8,
        "prompts": prompts,
        "right": 100 * right,
        "flips": 100 * flips,
        "unpaired": 100 * sqrt(2 * right * (1 - right) / prompts),
        "paired": 100 * sqrt(flips / prompts),
        "seen": 2 * 100 * sqrt(flips / prompts),
        "unseen": 2 * 100 * sqrt(2 * right * (1 - right) / prompts),
    }


def power(value: float) -> str:
    """An order of magnitude: "10^-7"."""
    return f"10^{int(np.floor(np.log10(value)))}"


figures = {
    "design-long-chat": long_chat,
    "design-four-gigabytes": four_gigabytes,
    "design-thousand-users": thousand_users,
    "design-prefill-and-decode": prefill_and_decode,
    "design-training-memory": training_memory,
    "design-latency-target": latency_target,
    "design-tenants": tenants,
    "design-cheaper-cache": cheaper_cache,
    "design-million-tokens": million_tokens,
    "design-speculation": speculation,
    "design-agent": agent,
    "design-kernel-rollout": kernel_rollout,
}
