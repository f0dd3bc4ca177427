"""Which bugs are loud and which are silent, as measured: each alone, in the three files that write text.

A bug is silent where the loss on held-out text stays within 0.1 nats of the healthy file's, however the file reads it,
and nothing that it writes surprises the healthy model by more than 0.3 nats above what that writes in its place.
"""

import sys
from collections.abc import Iterator

import numpy as np

from attncore.authoring.readme import write_between
from attncore.grading.run import quietly
from attncore.hunts.planting import Bug, Kind, kind_named, planted
from attncore.hunts.trial import module_of
from attncore.softmax import cross_entropy
from attncore.tiny_gpt import CONTEXT, N_HEADS, encode, load
from attncore.transformer import gpt_logits, next_token_targets

NEAR, FLUENT = 0.1, 0.3  # nats a character


def losses(shown: dict) -> list[float]:
    return [value for name, value in shown.items() if name.startswith("loss")]


def surprises(shown: dict) -> list[float]:
    """The healthy model's mean loss on each thing that was written."""
    written = [value.split(" / ") for value in shown.values() if isinstance(value, str)]
    return [float(np.mean([loss_of(np.array(encode(text))) for text in texts])) for texts in written]


def loss_of(ids: np.ndarray) -> float:
    inputs, targets = next_token_targets(ids[: CONTEXT + 1])
    return float(cross_entropy(gpt_logits(inputs, load(), N_HEADS), targets))


def run(source: str, kind: Kind) -> dict:
    """What a run shows; nothing where it ends in an error."""
    try:
        with quietly():
            return kind.rig.symptoms(module_of(source))
    except Exception:
        return {}


def measured(kind: Kind) -> Iterator[tuple[Bug, str]]:
    healthy = run(kind.healthy, kind)
    usual = surprises(healthy)
    for bug in kind.bugs:
        shown = run(planted(kind.healthy, [bug])[0], kind)
        more = [one - other for one, other in zip(surprises(shown), usual, strict=False)]
        far = [abs(one - other) for one, other in zip(losses(shown), losses(healthy), strict=False)]
        if not shown:
            yield bug, "ends in an error"
        elif max(far) > NEAR and min(far) < NEAR:
            yield bug, "only with a cache"
        elif max(far) <= NEAR and max(more) <= FLUENT:
            yield bug, "silent"
        else:
            yield bug, "loud by looking too good" if losses(shown)[0] < losses(healthy)[0] - NEAR else "loud"


def main() -> None:
    found: dict[str, list[str]] = {}
    for name in ("decoder", "cached", "serving"):
        for bug, how in measured(kind_named(name, "numpy")):
            found.setdefault(how, []).append(bug.label)
            print(f"{name:8} {how:24} {bug.label}")
    told = "; ".join(f"{len(labels)} {how}" for how, labels in sorted(found.items()))
    told = f"Of {sum(map(len, found.values()))} bugs in the three files that write text: {told}."
    print(told)
    if "--readme" in sys.argv:
        write_between("bench-hunts", told)


if __name__ == "__main__":
    main()
