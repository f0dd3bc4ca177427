"""What benchmarks/model.py runs in an environment with PyTorch: each line that comes in is a measurement to take.

    python smollm2_torch.py FOLDER FILE

A line holds what is measured (prefill or decode), the number of threads, and how many tokens come before; the answer is
the seconds that it took.
"""

import sys
from time import perf_counter

import torch
import transformers
from transformers import AutoModelForCausalLM

STEPS = 16


def prefill(model, n):
    ids = torch.arange(100, 100 + n)[None]
    start = perf_counter()
    model(ids, use_cache=True, logits_to_keep=1)
    return perf_counter() - start


def decode(model, n):
    said = model(torch.arange(100, 100 + n)[None], use_cache=True, logits_to_keep=1)
    start = perf_counter()
    for _ in range(STEPS):
        ids = said.logits[:, -1].argmax(-1, keepdim=True)
        said = model(ids, past_key_values=said.past_key_values, use_cache=True)
    return (perf_counter() - start) / STEPS


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], gguf_file=sys.argv[2], dtype=torch.float32).eval()
    print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}", flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            work, threads, n = line.split()
            torch.set_num_threads(int(threads))
            print({"prefill": prefill, "decode": decode}[work](model, int(n)), flush=True)
