"""The judge beside a peer's: torch-judge from PyPI, on the same wrong answers, in one run.

It needs torch and torch-judge, in an environment of their own. Only what both can see is counted: mistakes that show
without a mask and without a scale, since the peer's functions take neither, and the peer's tests but for those of
gradients, which an answer in NumPy cannot pass.
"""

from importlib.util import find_spec
from statistics import median
from time import perf_counter

import numpy as np

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
    for task, id in TASKS.items():
        exercise = find(id)
        answers = [exercise.wrong[label] for label in visible(exercise)]
        with quietly():
            accepted = sum(peer_accepts(task, answer) for answer in answers)
        judge(exercise, exercise.reference)  # what is kept for later answers is not counted
        times = {
            "its": median(seconds(lambda t=task, e=exercise: peer_accepts(t, e.reference)) for _ in range(5)),
            "ours": median(seconds(lambda e=exercise: judge(e, e.reference)) for _ in range(5)),
        }
        took = ", ".join(f"{whose} {1000 * time:.1f} ms" for whose, time in times.items())
        print(f"{id}: torch-judge accepts {accepted} of {len(answers)} wrong answers, we 0; a right one takes {took}")


def visible(exercise: Code) -> list[str]:
    """The labels whose mistake shows in a case without options."""
    known = trial(exercise)
    plain = [i for i, given in enumerate(known.arguments) if not OPTIONS & given.keys()]
    return [
        label
        for label, outputs in known.wrong.items()
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
