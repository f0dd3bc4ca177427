"""Bug hunts: what can be planted, what the judge says of repairs and of tests, and what a seed gives.

What holds of every file is tested in every framework; hunts in PyTorch are skipped where it isn't installed.
"""

from functools import cache
from importlib.util import find_spec

import pytest

from attncore import hunts
from attncore.hunts import hunt as hunting
from attncore.hunts.hear import Heard, hear
from attncore.hunts.planting import FRAMEWORKS, LEVELS, kind_named, names, planted, units
from attncore.hunts.trial import Raised, departures, healthy_units, module_of, outcomes

KINDS = [kind_named(name, framework) for framework in FRAMEWORKS for name in names(framework)]


def where_installed(framework, *values):
    """A case of a test, skipped where its framework isn't installed; `values` are what is tested, or the framework."""
    named = "-".join(getattr(part, "label", None) or getattr(part, "name", "") for part in values)
    absent = framework == "torch" and find_spec("torch") is None
    marks = [pytest.mark.skipif(absent, reason="PyTorch isn't installed")]
    return pytest.param(*(values or [framework]), marks=marks, id=f"{framework}-{named}".strip("-"))


BUGS = [where_installed(kind.framework, kind, bug) for kind in KINDS for bug in kind.bugs]
each_kind = pytest.mark.parametrize("kind", [where_installed(kind.framework, kind) for kind in KINDS])
each_bug = pytest.mark.parametrize(("kind", "bug"), BUGS)
each_framework = pytest.mark.parametrize("framework", [where_installed(framework) for framework in FRAMEWORKS])


@cache
def expected(kind):
    return outcomes(module_of(kind.healthy), kind)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_there_are_several_kinds_and_many_bugs_of_every_level(framework):
    in_both = ["cached", "decoder", "encoder", "training"]
    assert names(framework) == (in_both if framework == "torch" else sorted([*in_both, "serving"]))
    kinds = [kind for kind in KINDS if kind.framework == framework]
    assert sum(len(kind.bugs) for kind in kinds) >= 60
    assert {bug.level for kind in kinds for bug in kind.bugs} <= set(LEVELS)
    for kind in kinds:
        assert len({bug.unit for bug in kind.bugs if bug.level == "basic"}) >= 4, kind.name


@each_kind
def test_a_healthy_file_runs_and_is_ordinary_code(kind):
    assert not any(isinstance(value, Raised) for value in expected(kind).values())
    lines = [line for line in kind.healthy.splitlines() if line.strip()]
    assert 60 <= len(lines) <= (160 if kind.name == "serving" else 120)
    labels = [bug.label for bug in kind.bugs]
    assert len(set(labels)) == len(labels)
    assert {bug.unit for bug in kind.bugs} <= set(kind.stages) and set(kind.stages) <= set(units(kind.healthy))


@each_bug
def test_each_bug_alone_runs_is_seen_and_stands_in_its_unit(kind, bug):
    source, (there,) = planted(kind.healthy, [bug])
    module = module_of(source)
    found = outcomes(module, kind)
    assert departures(found, expected(kind))
    assert not all(isinstance(value, Raised) for value in found.values())
    other = next(unit for unit in kind.stages if unit != bug.unit)
    assert healthy_units(source, kind, [bug.unit, other], expected(kind)) == [other]
    assert (bug.after.splitlines() or [""])[0].strip() in source.splitlines()[there.line - 1]
    assert bug.why[-1] == "."


@each_kind
def test_the_report_of_a_run_comes_from_a_run(kind):
    for bug in kind.bugs[::6]:
        hunt = hunts.Hunt(0, "staff", kind, planted(kind.healthy, [bug])[0], (bug,))
        assert hunt.symptoms.count("(a healthy file:") >= 2 or "The run ends with IndexError" in hunt.symptoms


@each_framework
@pytest.mark.parametrize("seed", range(8))
def test_a_seed_gives_the_same_hunt_each_time_and_another_than_the_next(seed, framework):
    one, same, other = (hunts.make(k, framework=framework) for k in (seed, seed, seed + 1))
    assert (one.source, one.bugs) == (same.source, same.bugs)
    assert one.source != other.source
    fixed = [hunts.make(seed + k, bugs=2, level="basic", kind="cached", framework=framework) for k in range(2)]
    assert {bug.label for bug in fixed[0].bugs} != {bug.label for bug in fixed[1].bugs}
    assert len(one.bugs) == 4 and [bug.line for bug in one.bugs] == sorted(bug.line for bug in one.bugs)
    for bug in one.bugs:
        assert (bug.after.splitlines() or [""])[0].strip() in one.source.splitlines()[bug.line - 1]


@each_framework
@pytest.mark.parametrize("level", LEVELS)
def test_no_bug_is_harder_than_the_level_and_one_is_as_hard(level, framework):
    found = [bug.level for seed in range(4) for bug in hunts.make(seed, level=level, framework=framework).bugs]
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


@each_framework
def test_healthy_sick_and_half_repaired_files(framework):
    hunt = hunts.make(3, kind="decoder", framework=framework)
    labels = [bug.label for bug in hunt.bugs]
    whole = hunt.judge(hunt.healthy)
    assert whole.done and whole.repaired == labels and not whole.missed
    sick = hunt.judge(hunt.source)
    assert not sick.done and not sick.repaired and sick.missed == labels and not sick.found
    part = hunt.judge(without(hunt, hunt.bugs[1]))
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


FLAKY = """
import random


def test_first(): assert np.isclose(probabilities(np.array([0.0, 1.0]), 0.5)[1], 1 / (1 + np.exp(-2)))
def test_seedless(): assert abs(np.random.default_rng().normal(size=20).mean()) < 0.2
def test_global(): assert abs(np.random.randn(20).mean()) < 0.2
def test_plain(): assert random.random() < 0.6


class TestOne:
    def test_value(self): assert np.isclose(probabilities(np.array([0.0, 1.0]), 0.5)[1], 1 / (1 + np.exp(-2)))


class TestOther:
    def test_value(self): assert probabilities(np.zeros(2))[0] == 2
"""


def test_chance_catches_no_bug_and_two_tests_of_one_name_are_two():
    kind = HUNT.file
    bugs = [bug for bug in kind.bugs if bug.unit in ("probabilities", "split_heads", "hide_future")]
    heard = hear(hunts.Hunt(0, "staff", kind, kind.healthy, tuple(bugs)), kind.healthy, FLAKY)
    for bug in bugs:
        caught = set(hunting.catching(heard, bug.label))
        assert caught == ({"test_first", "TestOne::test_value"} if bug.label == "the temperature multiplies" else set())
    assert not heard.tests[""]["TestOther::test_value"]
