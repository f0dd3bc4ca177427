"""The judge beside a peer's: torch-judge from PyPI, on the same wrong answers, in one run.

It needs torch and torch-judge, in an environment of their own. Only what both can see is counted: mistakes that show
without a mask and without a scale, since the peer's functions take neither, and the peer's tests but for those of
gradients, which an answer in NumPy cannot pass.
"""

import sys
from importlib.util import find_spec
from statistics import median
from time import perf_counter

import numpy as np

from attncore.authoring.readme import write_between
from attncore.exercises import Code, find
from attncore.grading import judge
from attncore.grading.compare import agree
from attncore.grading.run import quietly
from attncore.grading.trial import trial

TASKS = {"softmax": "softmax", "attention": "scaled_dot_product_attention", "layernorm": "layer_norm"}
TASKS |= {"linear_attention": "linear_attention", "flash_attention": "tiled_attention"}
OPTIONS = {"mask", "scale", "is_causal", "causal", "eps"}


def main() -> None:
    if not find_spec("torch_judge"):
        print("torch-judge is not installed: no comparison")
        return
    rows = [HEAD, *(row(task, find(id)) for task, id in TASKS.items())]
    print(*rows, sep="\n")
    if "--readme" in sys.argv:
        write_between("bench-peer", "\n".join(rows))


HEAD = (
    "| exercise | wrong answers | torch-judge accepts | we accept | a right answer, theirs | ours |\n"
    "|---|---|---|---|---|---|"
)


def row(task: str, exercise: Code) -> str:
    answers = [exercise.wrong[label] for label in visible(exercise)]
    with quietly():
        accepted = sum(peer_accepts(task, answer) for answer in answers)
    ours = sum(judge(exercise, answer).outcome == "right" for answer in answers)
    judge(exercise, exercise.reference)  # what is kept for later answers is not counted
    theirs, own = (
        1000 * median(seconds(work) for _ in range(5))
        for work in (lambda: peer_accepts(task, exercise.reference), lambda: judge(exercise, exercise.reference))
    )
    return f"| `{exercise.id}` | {len(answers)} | {accepted} | {ours} | {theirs:.1f} ms | {own:.1f} ms |"


def visible(exercise: Code) -> list[str]:
    """The labels whose mistake shows in a case without options."""
    known = trial(exercise)
    plain = [i for i, given in enumerate(known.arguments) if not OPTIONS & given.keys()]
    return [
        label
        for label, outputs in known.wrong[: len(exercise.wrong)]
        if not all(agree(outputs[i], known.expected[i], known.tolerances[i]) for i in plain)
    ]


def peer_accepts(task: str, function) -> bool:
    """Does the peer let an answer pass all of its tests but those of gradients?"""
    import torch
    from torch_judge.tasks import TASKS as PEER

    def answer(*args, **options):
        arrays = [a.numpy() if isinstance(a, torch.Tensor) else a for a in args]
        named = {{"dim": "axis", "block_size": "block"}.get(name, name): value for name, value in options.items()}
        return torch.as_tensor(np.array(function(*arrays, **named)))

    name = PEER[task]["function_name"]
    for test in PEER[task]["tests"]:
        if "backward" not in test["code"]:
            try:
                exec(test["code"].replace("{fn}", name), {name: answer})
            except Exception:  # an assertion, or whatever a wrong answer makes of the test
                return False
    return True


def seconds(work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


if __name__ == "__main__":
    main()
