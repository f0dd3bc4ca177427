"""How fast SmolLM2 runs on the course's functions: beside PyTorch, and beside what the machine's memory can deliver.

    python course.py bench model [--torch=PYTHON] [--turns=5] [--readme]

PYTHON is that of an environment with torch, transformers, accelerate and gguf; the model is that of
`attncore get-model smollm2`. Both take turns, the best turn of each counts, and the memory's bandwidth is measured in
the same turns. While a token is decoded each weight is read once, so decoding can't be faster than memory.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, Popen
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from attncore.authoring.readme import write_between
from attncore.language_model import logits, reader
from attncore.real_model import model_folder
from attncore.smollm2 import FILE, load_model
from attncore.training import named_arrays

PEER = Path(__file__).with_name("beside") / "smollm2_torch.py"
THREADS, PREFILLED, DECODED = (1, 2), (128, 512), (16, 512)
STEPS = 16


def prefill(model, n: int) -> float:
    """The seconds in which n tokens are read, up to the next token's logits."""
    ids = np.arange(100, 100 + n)
    return seconds(lambda: logits(model, ids, keep=1))


def decode(model, n: int) -> float:
    """The seconds a token that follows n others."""
    next_logits, ids = reader(model), list(range(100, 100 + n))
    ids.append(int(next_logits(ids).argmax()))

    def write():
        for _ in range(STEPS):
            ids.append(int(next_logits(ids).argmax()))

    return seconds(write) / STEPS


def seconds(function: Callable[[], object]) -> float:
    start = perf_counter()
    function()
    return perf_counter() - start


class Torch:
    """The peer, in a process of its own: it measures what it is asked for."""

    def __init__(self, python: str):
        command = [python, str(PEER), str(model_folder("SmolLM2-135M-Instruct")), FILE]
        quiet = os.environ | {"TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}
        self.process = Popen(command, stdin=PIPE, stdout=PIPE, env=quiet, encoding="utf-8")
        self.name = self.answer()

    def __call__(self, work: str, threads: int, n: int) -> float:
        print(work, threads, n, file=self.process.stdin, flush=True)
        return float(self.answer())

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip() or sys.exit("PyTorch's process ended.")


def bandwidth(numbers: np.ndarray, threads: int) -> float:
    """The bytes a second at which threads read an array that no cache holds: the best of three ways."""
    matrix = numbers[: len(numbers) // 512 * 512].reshape(-1, 512)
    row, parts = matrix[0].copy(), np.array_split(numbers, threads)
    with threadpool_limits(threads), ThreadPoolExecutor(threads) as pool:
        ways = [
            lambda: numbers @ numbers,
            lambda: matrix @ row,
            lambda: list(pool.map(np.max, parts)),
        ]
        return numbers.nbytes / min(map(seconds, ways))


def weights_of(model) -> list[np.ndarray]:
    """All that is read for a token."""
    return [model.embedding, model.gain, *named_arrays(model.blocks).values()]


def measured(model, peer: Torch | None, turns: int) -> tuple[dict[tuple, float], dict[int, float]]:
    """The least seconds of each work, (who, work, threads, n), and the greatest bandwidth of each number of threads."""
    works = [("prefill", n) for n in PREFILLED] + [("decode", n) for n in DECODED]
    times: dict[tuple, float] = {}
    memory = dict.fromkeys(THREADS, 0.0)
    numbers = np.ones(sum(array.size for array in weights_of(model)), np.float32)
    for _ in range(turns):
        for threads in THREADS:
            memory[threads] = max(memory[threads], bandwidth(numbers, threads))
            for work, n in works:
                ours = {"prefill": prefill, "decode": decode}[work](model._replace(threads=threads), n)
                took = {"NumPy": ours} | ({"PyTorch": peer(work, threads, n)} if peer else {})
                for who, time in took.items():
                    at = (who, work, threads, n)
                    times[at] = min(time, times.get(at, time))
    return times, memory


def read_per_token(model, n: int) -> int:
    """The bytes that decoding reads: every weight, and the keys and values of the tokens before."""
    key_width = model.blocks[0].W_key.shape[1]
    return sum(array.nbytes for array in weights_of(model)) + 2 * 4 * n * key_width * len(model.blocks)


def rows(model, times: dict[tuple, float], memory: dict[int, float]) -> list[str]:
    lines = ["| threads | work | tokens a second | PyTorch | share of the memory's bandwidth |", "|" + " --- |" * 5]
    for (who, work, threads, n), time in times.items():
        if who != "NumPy":
            continue
        tokens = n if work == "prefill" else 1
        other = times.get(("PyTorch", work, threads, n))
        torch = f"{tokens / other:,.0f}" if other else "not measured"
        share = f"{read_per_token(model, n) / time / memory[threads]:.0%}" if work == "decode" else ""
        lines.append(f"| {threads} | {work}, {n} tokens | {tokens / time:,.0f} | {torch} | {share} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", metavar="PYTHON", help="measure PyTorch beside it, with this Python")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    chosen = parser.parse_args()
    try:
        model = load_model()
    except FileNotFoundError as missing:
        print(missing)
        return
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    peer = Torch(chosen.torch) if chosen.torch else None
    times, memory = measured(model, peer, chosen.turns)
    bytes_read = ", ".join(f"{memory[threads] / 1e9:.1f} GB/s with {threads}" for threads in THREADS)
    about = f"{os.cpu_count()} cores, load {load:.1f} before it began; NumPy {np.__version__}"
    lines = [f"{about}, {peer.name if peer else 'without PyTorch'}. Memory is read at {bytes_read}.", ""]
    told = "\n".join(lines + rows(model, times, memory))
    print(told)
    if chosen.readme:
        write_between("bench-model", told)


if __name__ == "__main__":
    main()
