"""The server's file: pages give what one piece gives, guesses change no probability, and every bug shows."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from attncore.hunts.decoder.rig import IDS, small_weights
from attncore.hunts.planting import kind_named, planted
from attncore.hunts.serving.rig import MODEL, near
from attncore.hunts.symptoms import told
from attncore.hunts.trial import departures, module_of, outcomes
from attncore.softmax import softmax
from attncore.transformer import gpt_logits

KIND = kind_named("serving", "numpy")
HEALTHY = module_of(KIND.healthy)
FEW = small_weights(1)._replace(token_embedding=small_weights(1).token_embedding[:3])
PROMPT, TEMPERATURE = [1, 2], 0.7


def plainly(ids, weights=MODEL):
    return gpt_logits(np.array(ids), weights, 4)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_the_pages_the_logits_are_those_of_one_piece(seed):
    rng, pool = np.random.default_rng(seed), HEALTHY.Pool(MODEL, 20)
    requests = [([], HEALTHY.Table(pool))]
    for _ in range(60):
        ids, table = requests[rng.integers(len(requests))]
        what = rng.choice(["read", "read", "read", "fork", "cut"])
        if what == "fork" and len(requests) < 6:
            requests.append((list(ids), HEALTHY.fork(table)))
        elif what == "cut":
            length = int(rng.integers(len(ids) + 1))
            HEALTHY.cut(table, length)
            del ids[length:]
        elif len(ids) < 12:
            new = rng.integers(11, size=rng.integers(1, 13 - len(ids))).tolist()
            ids += new
            assert np.allclose(HEALTHY.forward(new, table), plainly(ids)[-len(new) :], rtol=1e-9)
        held = Counter(block for _, one in requests for block in one.blocks)
        assert pool.holders == [held[block] for block in range(20)]
        assert sorted(pool.unused) == [block for block in range(20) if not held[block]]


def test_what_is_served_is_what_each_request_gets_alone_without_a_cache():
    prompts = [[3, 1, 4], [2], [*IDS[:6]]]
    expected = []
    for prompt in prompts:
        for first in np.argsort(-plainly(prompt)[-1])[:3]:
            text = [int(first)]
            while len(text) < 5:
                text.append(int(plainly([*prompt, *text])[-1].argmax()))
            expected.append(text)
    pool = HEALTHY.Pool(MODEL, 30)
    assert HEALTHY.serve(pool, prompts, 3, 5) == expected
    assert sorted(pool.unused) == list(range(30))


class Walk:
    """A generator of chances that goes one way, as `path` says and then the first, and knows the others."""

    def __init__(self, path):
        self.path, self.taken, self.probability = path, [], 1.0

    def branch(self, shares):
        at = len(self.taken)
        ways = np.flatnonzero(np.array(shares) > 0)
        way = self.path[at] if at < len(self.path) else int(ways[0])
        self.taken.append((way, ways.tolist()))
        self.probability *= shares[way]
        return way

    def choice(self, n, p):
        assert np.isclose(sum(p), 1) and len(p) == n
        return self.branch(p)

    def random(self):
        return Uniform(self)


class Uniform:
    """A number between 0 and 1 that isn't known before it's compared."""

    def __init__(self, walk, factor=1.0):
        self.walk, self.factor = walk, factor

    def __mul__(self, factor):
        return Uniform(self.walk, self.factor * factor)

    def __ge__(self, bound):
        below = min(1.0, bound / self.factor)
        return self.walk.branch([below, 1 - below]) == 1


def every_way(run):
    """Each way that a run can go, with its probability."""
    paths = [[]]
    while paths:
        walk = Walk(paths.pop())
        yield run(walk), walk.probability
        for at in range(len(walk.path), len(walk.taken)):
            before, (way, ways) = [step[0] for step in walk.taken[:at]], walk.taken[at]
            paths += [[*before, other] for other in ways if other != way]


def written(model, n_guess, n_new=2):
    """Of each text, how probable it is; and the passes that are taken on average."""
    probable, passes = Counter(), 0.0
    pools = model.Pool(FEW, 3), model.Pool(near(FEW, 0.5), 3)

    def run(walk):
        ids, n = model.speculate(*pools, PROMPT, n_new, n_guess, walk, TEMPERATURE)
        return tuple(ids), n

    for (ids, n), probability in every_way(run):
        probable[ids] += probability
        passes += n * probability
    return probable, passes


def drawn_from_the_model():
    """The same without any guess: the probability of each text of two tokens."""
    found = {}
    for first, second in product(range(3), repeat=2):
        p = softmax(plainly([*PROMPT, first], FEW) / TEMPERATURE)[len(PROMPT) - 1 :]
        found[first, second] = p[0, first] * p[1, second]
    return found


def is_exact(probable):
    expected = drawn_from_the_model()
    return set(probable) <= set(expected) and all(np.isclose(probable[text], p) for text, p in expected.items())


@pytest.mark.parametrize("n_guess", [1, 2])
def test_guesses_change_no_probability(n_guess):
    probable, passes = written(HEALTHY, n_guess)
    assert is_exact(probable) and sum(probable.values()) == pytest.approx(1)
    assert 1 < passes < 2


SICK = {
    "a rejected guess is drawn anew from the model": False,
    "the likeliest token is guessed, and q reported": False,
    "guesses are drawn at the temperature, and reported without it": False,
    "what the draft has in excess counts too": False,
    "only the draft knows the temperature": False,
    "the draft reads its last guess alone": True,
    "the token behind the guesses is forgotten": True,
}


@pytest.mark.parametrize("label", SICK)
def test_of_the_silent_bugs_some_change_a_probability_and_others_only_the_passes(label):
    probable, passes = written(sick(label), 1)
    assert is_exact(probable) == SICK[label]
    assert not SICK[label] or passes > written(HEALTHY, 1)[1] + 0.01


def sick(label):
    (bug,) = (bug for bug in KIND.bugs if bug.label == label)
    return module_of(planted(KIND.healthy, [bug])[0])


@pytest.mark.parametrize("bug", KIND.bugs, ids=lambda bug: bug.label)
def test_every_bug_shows_in_the_report(bug):
    assert told(planted(KIND.healthy, [bug])[0], KIND) != told(KIND.healthy, KIND)


OTHERWISE = {
    "the block given back last goes first": ("self.unused.pop(0)", "self.unused.pop()"),
    "slot by slot": (
        "    token = np.arange(table.length)\n"
        "    return np.array(table.blocks)[token // BLOCK] * BLOCK + token % BLOCK",
        "    return np.array([b * BLOCK + i for b in table.blocks for i in range(BLOCK)][: table.length])",
    ),
    "a ratio": (
        "if rng.random() * q[i, token] >= p[i, token]:",
        "if rng.random() > min(1, p[i, token] / q[i, token]):",
    ),
    "drawn from the excess by its sums": (
        "draw(residual(p[i], q[i]), rng)]",
        "int(np.searchsorted(np.cumsum(residual(p[i], q[i])), rng.random()))]",
    ),
    "all chances first": (
        "    for i, token in enumerate(guesses):\n        if rng.random() *",
        "    chances = rng.random(len(guesses))\n    for i, token in enumerate(guesses):\n        if chances[i] *",
    ),
    "the draft reads the last guess too": (
        "    return text[len(ids) :], np.stack(q)",
        "    forward(text[table.length :], table)\n    return text[len(ids) :], np.stack(q)",
    ),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_a_repair_may_look_otherwise(case):
    before, after = OTHERWISE[case]
    assert KIND.healthy.count(before) == 1
    found = outcomes(module_of(KIND.healthy.replace(before, after)), KIND)
    assert not departures(found, outcomes(HEALTHY, KIND))
