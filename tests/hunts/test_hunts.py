"""Bug hunts: what can be planted, what the judge says of repairs and of tests, and what a seed gives."""

import pytest

from attncore import hunts
from attncore.hunts import hunt as hunting
from attncore.hunts.hear import Heard
from attncore.hunts.planting import FRAMEWORKS, LEVELS, kind_named, names, planted, units
from attncore.hunts.trial import Raised, departures, healthy_units, module_of, outcomes

KINDS = [kind_named(name, "numpy") for name in names()]
BUGS = [(kind, bug) for kind in KINDS for bug in kind.bugs]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
each_bug = pytest.mark.parametrize(("kind", "bug"), BUGS, ids=lambda part: getattr(part, "label", None) or part.name)


@pytest.fixture(scope="module")
def expected():
    return {kind.name: outcomes(module_of(kind.healthy), kind) for kind in KINDS}


def test_there_are_four_kinds_and_many_bugs_of_every_level():
    assert names() == ["cached", "decoder", "encoder", "training"]
    assert len(BUGS) >= 60
    assert {bug.level for _, bug in BUGS} <= set(LEVELS)
    for kind in KINDS:
        assert len({bug.unit for bug in kind.bugs if bug.level == "basic"}) >= 4, kind.name


@each_kind
def test_a_healthy_file_runs_and_is_ordinary_code(kind, expected):
    assert not any(isinstance(value, Raised) for value in expected[kind.name].values())
    lines = [line for line in kind.healthy.splitlines() if line.strip()]
    assert 60 <= len(lines) <= 120
    labels = [bug.label for bug in kind.bugs]
    assert len(set(labels)) == len(labels)
    assert {bug.unit for bug in kind.bugs} <= set(kind.stages) and set(kind.stages) <= set(units(kind.healthy))


@each_bug
def test_each_bug_alone_runs_is_seen_and_stands_in_its_unit(kind, bug, expected):
    source, (there,) = planted(kind.healthy, [bug])
    module = module_of(source)
    found = outcomes(module, kind)
    assert departures(found, expected[kind.name])
    assert not all(isinstance(value, Raised) for value in found.values())
    other = next(unit for unit in kind.stages if unit != bug.unit)
    assert healthy_units(source, kind, [bug.unit, other], expected[kind.name]) == [other]
    assert (bug.after.splitlines() or [""])[0].strip() in source.splitlines()[there.line - 1]
    assert bug.why[-1] == "."


@each_kind
def test_the_report_of_a_run_comes_from_a_run(kind):
    for bug in kind.bugs[::6]:
        hunt = hunts.Hunt(0, "staff", kind, planted(kind.healthy, [bug])[0], (bug,))
        assert hunt.symptoms.count("(a healthy file:") >= 2 or "The run ends with IndexError" in hunt.symptoms


@pytest.mark.parametrize("seed", range(8))
def test_a_seed_gives_the_same_hunt_each_time_and_another_than_the_next(seed):
    one, same, other = hunts.make(seed), hunts.make(seed), hunts.make(seed + 1)
    assert (one.source, one.bugs) == (same.source, same.bugs)
    assert one.source != other.source
    fixed = [hunts.make(seed + k, bugs=2, level="basic", kind="cached") for k in range(2)]
    assert {bug.label for bug in fixed[0].bugs} != {bug.label for bug in fixed[1].bugs}
    assert len(one.bugs) == 4 and [bug.line for bug in one.bugs] == sorted(bug.line for bug in one.bugs)
    for bug in one.bugs:
        assert (bug.after.splitlines() or [""])[0].strip() in one.source.splitlines()[bug.line - 1]


@pytest.mark.parametrize("level", LEVELS)
def test_no_bug_is_harder_than_the_level_and_one_is_as_hard(level):
    found = [bug.level for seed in range(4) for bug in hunts.make(seed, level=level).bugs]
    assert max(map(LEVELS.index, found)) <= LEVELS.index(level)
    assert max(map(LEVELS.index, found)) == min(LEVELS.index(level), LEVELS.index("senior"))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"seed": -1}, "whole number from 0"),
        ({"seed": "seven"}, "whole number from 0"),
        ({"seed": 1, "bugs": 0}, "number of bugs"),
        ({"seed": 1, "bugs": True}, "number of bugs"),
        ({"seed": 1, "bugs": 99}, "has no room for"),
        ({"seed": 1, "level": "guru"}, 'no level "guru"'),
        ({"seed": 1, "kind": "poem"}, 'no kind "poem"'),
        ({"seed": 1, "framework": "jax"}, 'no hunts in "jax"'),
    ],
)
def test_what_there_is_not_is_told_in_a_sentence(how, said):
    with pytest.raises(ValueError, match=said):
        hunts.make(**how)


HUNT = hunts.make(3, kind="decoder")


def without(hunt, *repaired):
    """The sick file, some of whose bugs are repaired."""
    return planted(hunt.healthy, [bug for bug in hunt.bugs if bug not in repaired])[0]


def test_healthy_sick_and_half_repaired_files():
    labels = [bug.label for bug in HUNT.bugs]
    whole = HUNT.judge(HUNT.healthy)
    assert whole.done and whole.repaired == labels and not whole.missed
    sick = HUNT.judge(HUNT.source)
    assert not sick.done and not sick.repaired and sick.missed == labels and not sick.found
    part = HUNT.judge(without(HUNT, HUNT.bugs[1]))
    assert part.repaired == part.found == [labels[1]] and part.missed == [labels[0], *labels[2:]]
    assert not any(label in part.message for label in part.missed)


REWRITTEN = """
import numpy as np


def gelu(x):
    import math
    return np.array([v * (0.5 + 0.5 * math.erf(v / 2 ** 0.5)) for v in x.ravel()]).reshape(x.shape)


def norm(x, gain, bias):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gain + bias


def probabilities(scores, temperature=1.0, top_k=None):
    scores = np.asarray(scores) / temperature
    keep = np.argsort(-scores, kind="stable")[: top_k or len(scores)]
    p = np.zeros(len(scores))
    p[keep] = np.exp(scores[keep] - scores[keep].max())
    return p / p.sum()


class Model:
    def __init__(self, weights):
        self.weights = weights

    def __call__(self, ids):
        w, n = self.weights, len(ids)
        x = w.token_embedding[ids] + w.position_embedding[:n]
        for b in w.blocks:
            y, heads = norm(x, *b.attention_norm), []
            for h in range(4):
                d = x.shape[1] // 4
                q, k, v = (y @ W[:, h * d : h * d + d] for W in b.attention[:3])
                s = q @ k.T / d**0.5 + np.triu(np.full((n, n), -np.inf), 1)
                e = np.exp(s - s.max(1, keepdims=True))
                heads.append(e / e.sum(1, keepdims=True) @ v)
            x = x + np.concatenate(heads, 1) @ b.attention.W_output
            f = b.feed_forward
            x = x + gelu(norm(x, *b.feed_forward_norm) @ f.W_in + f.b_in) @ f.W_out + f.b_out
        return norm(x, w.gain, w.bias) @ w.token_embedding.T


def logits(weights, ids):
    return Model(weights)(ids)


def loss(weights, ids):
    s = logits(weights, ids[:-1])
    s = s - s.max(1, keepdims=True)
    return float(np.mean([np.log(np.exp(r).sum()) - r[t] for r, t in zip(s, ids[1:])]))


def generate(weights, prompt, n_new, rng, temperature=1.0, top_k=None):
    out = list(prompt)
    while len(out) < len(prompt) + n_new:
        p = probabilities(logits(weights, out[-len(weights.position_embedding):])[-1], temperature, top_k)
        out.append(int(rng.choice(len(p), p=p)))
    return out[len(prompt):]
"""


def test_a_file_that_was_written_anew_is_judged_by_what_it_does():
    report = HUNT.judge(REWRITTEN)
    assert report.done and len(report.repaired) == 4


def test_something_new_that_is_broken_is_told():
    spoiled = HUNT.healthy.replace("ids[len(prompt) :]", "ids")
    report = HUNT.judge(spoiled)
    assert report.strange and not report.done and "something else has changed" in report.message


TESTS = """
import numpy as np
import pytest


def weights_of(n):
    rng = np.random.default_rng(0)
    return rng.standard_normal((4, n, 6))


def test_probabilities_follow_the_temperature():
    p = probabilities(np.array([1.0, 2.0, 3.0]), temperature=0.5)
    assert np.isclose(p[2] / p[1], np.exp(2))


@pytest.mark.parametrize("k", [1, 2])
def test_top_k_keeps_k(k):
    assert (probabilities(np.array([1.0, 4.0, 3.0, 2.0]), top_k=k) > 0).sum() == k


def test_heads_split_and_merge():
    import model

    x = np.arange(24.0).reshape(3, 8)
    assert np.array_equal(model.merge_heads(model.split_heads(x)), x)
    assert np.array_equal(split_heads(x)[0], x[:, :2])


def test_that_is_wrong():
    assert softmax(np.zeros(4)).sum() == 2
"""


def judged_with(tests, *labels):
    kind = HUNT.file
    bugs = [bug for bug in kind.bugs if bug.label in labels]
    source, found = planted(kind.healthy, bugs)
    return hunts.Hunt(0, "staff", kind, source, tuple(found)).judge(source, tests)


def test_a_test_counts_if_it_fails_on_the_bug_and_passes_on_the_healthy_file():
    planted_here = ("the temperature multiplies", "each head gets every fourth number", "no mask at all")
    report = judged_with(TESTS, *planted_here)
    assert report.caught == ["each head gets every fourth number", "the temperature multiplies"]
    assert report.missed == ["no mask at all"]
    assert report.false_alarms == ["test_that_is_wrong"]
    assert "`test_that_is_wrong` fails on the healthy file as well" in report.message
    assert "Your tests catch 2 of the 3 bugs." in report.message


@pytest.mark.parametrize(
    ("tests", "alarms", "caught"),
    [
        ("assert np.isclose(probabilities(np.array([0.0, 1.0]), 0.5)[1], 1 / (1 + np.exp(-2)))", [], True),
        (
            "from __future__ import annotations\ndef test_it(): assert probabilities(np.zeros(2), 2.0)[0] == .5",
            [],
            False,
        ),
        ("def test_it(", ["test_model.py"], False),
        ("import nothing_of_that_name", ["test_model.py"], False),
        ("def test_it():\n    raise SystemExit(3)", ["test_it"], False),
        ("x = 1", [], False),
        ("def test_it():\n    assert np.random.rand() < 0", ["test_it"], False),
        ("def helper(): return 1", [], False),
        ("class TestIt:\n    def test_it(self): assert probabilities(np.array([0., 9]), .1)[0] < 1e-9", [], True),
    ],
)
def test_tests_of_all_sorts(tests, alarms, caught):
    report = judged_with(tests, "the temperature multiplies")
    assert report.false_alarms == alarms and bool(report.caught) == caught


def test_a_test_that_never_ends_costs_only_itself(monkeypatch):
    monkeypatch.setattr("attncore.hunts.hear.TEST", 4.0)
    endless = (
        "def test_endless():\n    while True: pass\n\n\ndef test_it(): assert probabilities(np.zeros(1), .1)[0] == 2"
    )
    report = judged_with(endless, "the temperature multiplies")
    assert report.false_alarms == ["test_it"] and "`test_endless` doesn't come to an end" in report.message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def logits(:", "isn't valid Python"),
        ("raise RuntimeError('no')", "raises RuntimeError: no"),
        ("import os; os._exit(0)", "ends the program"),
        ("x = 1", "0 of 4 bugs are repaired"),
        ("", "0 of 4 bugs are repaired"),
        ("import sys; sys.exit(0)", "raises SystemExit"),
    ],
)
def test_a_file_that_is_none_is_told_in_a_sentence(source, said):
    report = HUNT.judge(source)
    assert said in report.message and not report.done and len(report.missed) == 4


def test_an_endless_loop_in_one_function_leaves_the_others_judged(monkeypatch):
    monkeypatch.setattr("attncore.hunts.hear.FILE", 120.0)
    bug, other = (next(b for b in HUNT.file.bugs if b.unit == unit) for unit in ("probabilities", "embed"))
    source, found = planted(HUNT.healthy, [bug, other])
    hunt = hunts.Hunt(0, "staff", HUNT.file, source, tuple(found))
    looping = planted(HUNT.healthy, [bug])[0].replace("    scores = scores / temperature", "    while True: pass")
    assert hunt.judge(looping).repaired == [other.label]


def test_hints_narrow_from_the_part_to_the_function_to_the_line():
    bug = HUNT.bugs[0]
    part, function, line = HUNT.hints(bug)
    assert bug.unit not in part and f"`{bug.unit}`" in function and str(bug.line) in line


def test_the_verdict_is_pure():
    heard = Heard(departures=["x"], healthy=[HUNT.bugs[0].unit], changed=[HUNT.bugs[1].unit])
    report = hunting.verdict(HUNT, heard)
    assert report.repaired == [HUNT.bugs[0].label]
    assert report.found == [HUNT.bugs[0].label, HUNT.bugs[1].label]


def test_frameworks_share_their_kinds():
    assert all(set(names(framework)) <= set(names()) for framework in FRAMEWORKS)
