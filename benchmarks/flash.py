"""How fast tiled attention is, and what it holds: ratios to PyTorch's kernel and to the textbook formula.

Prints Markdown tables. PyTorch is compared where it is installed. `--plot` draws benchmarks/flash.svg as well;
`--whole` runs the textbook formula as it stands, all heads at once, at the greatest length, which takes 9 GB.

The peers take turns in one process, and the best of several turns counts, so that a busy machine does not decide. One
thread is measured in CPU time, two in time on the clock. Before each measurement both peers are held to the same number
of threads. A backward of PyTorch has its forward behind it, and so has ours; the textbook's does not use one.
"""

import argparse
import os
import platform
import tracemalloc
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from attncore.dot_product import scaled_dot_product_attention
from attncore.flash import BLOCK
from attncore.gradients import attention_backward
from attncore.masks import causal_mask
from attncore.tiles import tiled_attention, tiled_attention_backward, tiled_forward

try:
    import torch
except ImportError:
    torch = None

HEADS, WIDTH = 8, 64
LENGTHS = {2048: 9, 8192: 3}  # and how many turns each peer takes
MEMORY_LENGTHS = [1024, 4096, 16384, 32768]
PLOT_LENGTHS = [512, 1024, 2048, 4096, 8192, 16384]
LARGEST_TEXTBOOK = 8192  # a square of 256 MB, held several times


def hold_to(threads: int) -> None:
    threadpool_limits(threads)
    if torch:
        torch.set_num_threads(threads)


def best_times(functions: dict, turns: int, clock) -> dict[str, float]:
    """The shortest time of each function, in seconds; they take turns, and the first turn does not count."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(turns + 1):
        for name, function in functions.items():
            start = clock()
            function()
            times[name].append(clock() - start)
    return {name: min(taken[1:]) for name, taken in times.items()}


def drawn(heads: int, n: int, count: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(14)
    return [rng.standard_normal((1, heads, n, WIDTH), dtype=np.float32) for _ in range(count)]


def forwards(arrays, is_causal: bool) -> dict:
    peers = {"tiled": lambda: tiled_attention(*arrays, is_causal=is_causal)}
    if torch:
        tensors = [torch.from_numpy(array) for array in arrays]
        attend = torch.nn.functional.scaled_dot_product_attention
        peers["PyTorch"] = lambda: attend(*tensors, is_causal=is_causal)
    return peers


def backwards(arrays, d_output, is_causal: bool) -> dict:
    kept = tiled_forward(*arrays, is_causal=is_causal)
    peers = {"tiled": lambda: tiled_attention_backward(*arrays, d_output, is_causal=is_causal, forward=kept)}
    if torch:
        tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
        output = torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=is_causal)
        gradient = torch.from_numpy(d_output)
        peers["PyTorch"] = lambda: torch.autograd.grad(output, tensors, gradient, retain_graph=True)
    return peers


def textbook(n: int, is_causal: bool, backward: bool = False, heads: int = 1):
    """The formula, for one head where not told otherwise: all heads at once hold their squares together."""
    query, key, value, d_output = drawn(heads, n)
    mask = causal_mask(n) if is_causal else None
    if backward:
        return lambda: attention_backward(query, key, value, d_output, mask)
    return lambda: scaled_dot_product_attention(query, key, value, mask)


def measured(n: int, threads: int, is_causal: bool, backward: bool) -> dict[str, float]:
    hold_to(threads)
    clock = process_time if threads == 1 else perf_counter
    *arrays, d_output = drawn(HEADS, n)
    peers = backwards(arrays, d_output, is_causal) if backward else forwards(arrays, is_causal)
    times = best_times(peers, LENGTHS[n], clock)
    one_head = best_times({"textbook": textbook(n, is_causal, backward)}, 2, clock)
    return times | {"textbook": HEADS * one_head["textbook"]}


def table(header: str, rows) -> None:
    print(f"| {header} |", "|" + " --- |" * (header.count("|") + 1), sep="\n")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    print()


def row_of_times(threads: int, n: int, is_causal: bool, backward: bool) -> list[str]:
    times = measured(n, threads, is_causal, backward)
    tiled, formula, kernel = times["tiled"], times["textbook"], times.get("PyTorch")
    work = ("backward" if backward else "forward") + (", causal" if is_causal else "")
    against_torch = [f"{1000 * kernel:.0f} ms", f"{tiled / kernel:.2f}"] if kernel else ["not installed", ""]
    return [str(threads), f"{n:,}", work, f"{1000 * tiled:.0f} ms", *against_torch] + [
        f"{1000 * formula:.0f} ms",
        f"{formula / tiled:.1f} times",
    ]


def row_of_whole(threads: int, is_causal: bool) -> list[str]:
    hold_to(threads)
    n = max(LENGTHS)
    arrays = drawn(HEADS, n, 3)
    peers = {
        "tiled": lambda: tiled_attention(*arrays, is_causal=is_causal),
        "textbook": textbook(n, is_causal, heads=HEADS),
    }
    times = best_times(peers, 2, perf_counter)
    work = "forward, causal" if is_causal else "forward"
    milliseconds = [f"{1000 * times[name]:.0f} ms" for name in peers]
    return [str(threads), f"{n:,}", work, *milliseconds, f"{times['textbook'] / times['tiled']:.1f} times"]


def extra_megabytes(function) -> float:
    """The most that NumPy held at once during a call, beyond what was there before, the output included."""
    tracemalloc.start()
    function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def memory(n: int) -> list[float]:
    """Of one head: tiled, forward and backward, and the textbook formula's forward (NaN where it is too large)."""
    query, key, value, d_output = drawn(1, n)
    formula = textbook(n, is_causal=False)
    return [
        extra_megabytes(lambda: tiled_attention(query, key, value)),
        extra_megabytes(lambda: tiled_attention_backward(query, key, value, d_output)),
        extra_megabytes(formula) if n <= LARGEST_TEXTBOOK else float("nan"),
    ]


def row_of_memory(n: int) -> list[str]:
    *tiled, formula = memory(n)
    square = 4 * n * n / 2**20
    told = f"more than {square:,.0f} MB" if np.isnan(formula) else f"{formula:,.0f} MB"
    return [f"{n:,}", *(f"{megabytes:.1f} MB" for megabytes in tiled), f"{square:,.0f} MB", told]


def plot(path: Path) -> None:
    """Time and memory of one head against the length."""
    from attncore.views.style import canvas

    hold_to(1)
    seconds: dict[str, list[float]] = {"tiled": [], "PyTorch": [], "textbook": []}
    for n in PLOT_LENGTHS:
        peers = forwards(drawn(1, n, 3), is_causal=False)
        if n <= LARGEST_TEXTBOOK:
            peers["textbook"] = textbook(n, is_causal=False)
        times = best_times(peers, 3, process_time)
        for name, taken in seconds.items():
            taken.append(times.get(name, float("nan")))
    megabytes = [memory(n) for n in PLOT_LENGTHS]
    figure, (left, right) = canvas(9, 3.4, columns=2)
    for name, taken in seconds.items():
        left.plot(PLOT_LENGTHS, taken, marker="o", label=name)
    for name, place in (("tiled", 0), ("textbook", 2)):
        color = {"tiled": "C0", "textbook": "C2"}[name]
        right.plot(PLOT_LENGTHS, [held[place] for held in megabytes], marker="o", color=color, label=name)
    for axes, title in ((left, "Time in seconds, one thread"), (right, "Extra memory in MB")):
        axes.set(xscale="log", yscale="log", title=title, xlabel="tokens")
        axes.set_xticks(PLOT_LENGTHS, [f"{n:,}" for n in PLOT_LENGTHS])
        axes.minorticks_off()
        axes.legend()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    print(f"drawn: {path.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", action="store_true", help="draw benchmarks/flash.svg too")
    parser.add_argument("--whole", action="store_true", help="the textbook formula for all heads at once (9 GB)")
    chosen = parser.parse_args()
    libraries = {f"{found['internal_api']} {found['version'] or ''}".strip() for found in threadpool_info()}
    print(f"NumPy {np.__version__} ({', '.join(sorted(libraries))}),", end=" ")
    print(f"PyTorch {torch.__version__ if torch else 'not installed'},", end=" ")
    print(f"{os.cpu_count()} cores, {platform.machine()}; tiles of {BLOCK} by {BLOCK}.\n")
    print(f"Attention of shape (1, {HEADS}, length, {WIDTH}), float32. One thread: CPU time; two: time on the clock.")
    print("Textbook: the formula for one head, times eight.\n")
    table(
        "threads | length | work | tiled | PyTorch | ratio | textbook | tiled is faster by",
        (
            row_of_times(threads, n, is_causal, backward)
            for threads in (1, 2)
            for n in LENGTHS
            for backward in (False, True)
            for is_causal in (False, True)
        ),
    )
    hold_to(2)
    print(f"Extra memory of one head, (1, 1, length, {WIDTH}), float32, two threads, the output included.\n")
    table(
        "length | tiled, forward | tiled, backward | the square of scores | textbook, forward",
        map(row_of_memory, MEMORY_LENGTHS),
    )
    if chosen.whole:
        print(f"The textbook formula for all {HEADS} heads at once, in time on the clock.\n")
        table(
            "threads | length | work | tiled | textbook | tiled is faster by",
            map(row_of_whole, (1, 1, 2, 2), (False, True) * 2),
        )
    if chosen.plot:
        plot(Path(__file__).with_suffix(".svg"))


if __name__ == "__main__":
    main()
