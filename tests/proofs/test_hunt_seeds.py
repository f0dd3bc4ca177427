"""A thousand hunts in each framework: each runs, each bug shows beside the others, and no two in a row are alike."""

import numpy as np
import pytest

from attncore import hunts
from attncore.hunts.hunt import run
from attncore.hunts.planting import FRAMEWORKS, LEVELS
from attncore.hunts.trial import Raised, departures, module_of, outcomes

SEEDS, PART = 1000, 50


def drawn(seed, framework):
    rng = np.random.default_rng(seed)
    bugs, level = int(rng.integers(1, 5)), LEVELS[rng.integers(len(LEVELS))]
    return hunts.make(seed, bugs, level, framework=framework)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_every_hunt_runs_and_hides_no_bug_behind_another(first, framework):
    if framework == "torch":
        pytest.importorskip("torch")
    before = drawn(max(0, first - 1), framework).source
    for seed in range(first, first + PART):
        hunt = drawn(seed, framework)
        sick = outcomes(module_of(hunt.source), hunt.file)
        assert not all(isinstance(value, Raised) for value in sick.values()), seed
        for bug in hunt.bugs:
            others = run(hunt.file, [other for other in hunt.bugs if other.label != bug.label])
            assert departures(others, sick), (seed, bug.label)
        assert hunt.source != before or seed == 0, seed
        before = hunt.source
