"""Which tokens of a draft are kept."""

import numpy as np

from attncore.exercises.drivers import drafts_judged
from attncore.exercises.exercise import Case, code
from attncore.loops import kept_probabilities
from attncore.serving import speculative_accept


def shares_of_last_tokens(draft, draft_probs, target_probs):
    """How likely so many tokens of a draft are kept, of which each class is the last: (tokens, classes)."""
    shares = np.zeros((len(draft) + 2, np.shape(target_probs)[1]))
    kept = kept_probabilities(list(draft), np.array(draft_probs).tolist(), np.array(target_probs).tolist())
    for tokens, probability in kept.items():
        shares[len(tokens), tokens[-1]] = probability
    return shares


def judged(name, draft, draft_probs, target_probs, draws, promise="", dtype=np.float64):
    """A case of a draft, with how likely each number of tokens is kept, of which each class is the last."""
    q, p = np.array(draft_probs, dtype), np.array(target_probs, dtype)
    probabilities = shares_of_last_tokens(draft, draft_probs, target_probs)

    def make():
        given = {"draft": np.array(draft), "draft_probs": q.copy(), "target_probs": p.copy()}
        return given | {"rng": np.random.default_rng(7), "probabilities": probabilities.copy(), "draws": draws}

    return Case(name, make, promise)


ONE = {"draft": [0], "draft_probs": [[0.8, 0.1, 0.1]], "target_probs": [[0.3, 0.5, 0.2], [0.1, 0.2, 0.7]]}
TWO = {
    "draft": [1, 3],
    "draft_probs": [[0.1, 0.7, 0.1, 0.1], [0.25, 0.1, 0.05, 0.6]],
    "target_probs": [[0.3, 0.4, 0.25, 0.05], [0.2, 0.35, 0.1, 0.35], [0.05, 0.15, 0.6, 0.2]],
}
SURE = {
    "draft": [2, 0, 1],
    "draft_probs": [[0.2, 0.3, 0.5], [0.4, 0.3, 0.3], [0.5, 0.25, 0.25]],
    "target_probs": [[0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.7, 0.2, 0.1]],
}
NEVER = {"draft": [1, 0], "draft_probs": [[0.2, 0.8], [0.5, 0.5]], "target_probs": [[1.0, 0.0], [0.3, 0.7], [0.6, 0.4]]}
EQUAL = {"draft": [1, 1], "draft_probs": [[0.3, 0.7]] * 2, "target_probs": [[0.3, 0.7], [0.3, 0.7], [0.85, 0.15]]}
FOUR = {
    "draft": [3, 1, 0, 2],
    "draft_probs": [[0.1, 0.2, 0.2, 0.5], [0.2, 0.5, 0.2, 0.1], [0.6, 0.2, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1]],
    "target_probs": [
        [0.2, 0.2, 0.2, 0.4],
        [0.1, 0.4, 0.1, 0.4],
        [0.45, 0.1, 0.35, 0.1],
        [0.2, 0.25, 0.5, 0.05],
        [0.1, 0.6, 0.1, 0.2],
    ],
}

OWN = np.random.default_rng(3)

exercise = code(
    speculative_accept,
    judged("one token, three classes", **ONE, draws=300),
    judged("two tokens, four classes", **TWO, draws=400),
    judged("a target that is surer of every token", **SURE, draws=120),
    judged("a token that the target rules out", **NEVER, draws=60),
    judged("two models that are equal", **EQUAL, draws=120),
    judged("four tokens", **FOUR, draws=350),
    judged("float32", **TWO, draws=150, dtype=np.float32),
    tolerance=0.08,
    drive=drafts_judged,
)


def labeled(label, **parts):
    @exercise.mistake(label)
    def keep(draft, draft_probs, target_probs, rng):
        return kept(draft.tolist(), draft_probs, target_probs, rng, **parts)


def chosen(p, rng):
    return min(int(np.searchsorted(np.cumsum(p), rng.random() * np.sum(p), side="right")), len(p) - 1)


def excess(p, q, i):
    return np.maximum(p[i] - q[i], 0)


def ratio(p, q, token):
    return p[token] / q[token]


def next_one(p, rng):
    """What is drawn by weights; of none at all, the first."""
    return chosen(p, rng) if np.sum(p) > 0 else 0


def kept(
    draft, q, p, rng, accept=ratio, rest=excess, behind=lambda p, q: p[-1], draw=next_one, tried=None, goes_on=False
):
    """A right answer in pieces; each mistake changes one."""
    for i, token in enumerate(draft[:tried]):
        if not rng.random() < accept(p[i], q[i], token):
            if not goes_on:
                return [*draft[:i], draw(rest(p, q, i), rng)]
            draft = [*draft[:i], draw(rest(p, q, i), rng), *draft[i + 1 :]]
    return [*draft[:tried], draw(behind(p, q), rng)]


labeled("the ratio is upside down", accept=lambda p, q, token: q[token] / max(p[token], 1e-9))
labeled("accepted with the target's probability", accept=lambda p, q, token: p[token])
labeled("accepted with one minus the draft's probability", accept=lambda p, q, token: 1 - q[token])
labeled("accepted where the target is the surer one, without a draw", accept=lambda p, q, token: p[token] >= q[token])
labeled("accepted where the target thinks it the likeliest", accept=lambda p, q, token: token == np.argmax(p))
labeled("accepted half of the time", accept=lambda p, q, token: 0.5)
labeled("everything is accepted", accept=lambda p, q, token: 1)
labeled("the excess isn't cut at zero", rest=lambda p, q, i: np.abs(p[i] - q[i]))
labeled("the draft's excess in place of the target's", rest=lambda p, q, i: np.maximum(q[i] - p[i], 0))
labeled("after a rejection it draws from the target as it is", rest=lambda p, q, i: p[i])
labeled("after a rejection it draws from the draft", rest=lambda p, q, i: q[i])
labeled("the excess of the wrong row", rest=lambda p, q, i: np.maximum(p[i + 1] - q[i], 0))
labeled("the excess of the wrong row", rest=lambda p, q, i: np.maximum(p[i + 1] - q[min(i + 1, len(q) - 1)], 0))
labeled("the excess of the wrong row", rest=lambda p, q, i: np.maximum(p[0] - q[0], 0))
labeled(
    "the largest excess is taken, not drawn", rest=lambda p, q, i: np.arange(p.shape[1]) == np.argmax(excess(p, q, i))
)
labeled("the last token comes from the row before", behind=lambda p, q: p[-2])
labeled("the last token comes from the first row", behind=lambda p, q: p[0])
labeled("the last token comes from the draft's last row", behind=lambda p, q: q[-1])
labeled(
    "the last token is the target's likeliest, not drawn", behind=lambda p, q: np.arange(p.shape[1]) == np.argmax(p[-1])
)
labeled("it stops one token early", tried=-1, behind=lambda p, q: p[-2])
labeled("it goes on behind a rejected token", goes_on=True)
labeled("accepted with the draft's probability", accept=lambda p, q, token: q[token])
labeled("rejected where it should be accepted", accept=lambda p, q, token: 1 - p[token] / q[token])


@exercise.mistake("no token is added where all were accepted")
def no_bonus(draft, draft_probs, target_probs, rng):
    return kept(draft.tolist(), draft_probs, target_probs, rng)[: len(draft)]


@exercise.mistake("no token is added after a rejection")
def nothing_after_a_rejection(draft, draft_probs, target_probs, rng):
    tokens = kept(draft.tolist(), draft_probs, target_probs, rng)
    return tokens if len(tokens) > len(draft) else tokens[:-1]


@exercise.mistake("no token is added at all")
def no_token_added(draft, draft_probs, target_probs, rng):
    return kept(draft.tolist(), draft_probs, target_probs, rng)[:-1]


@exercise.mistake("the rejected token is kept too")
def rejected_token_kept(draft, draft_probs, target_probs, rng):
    tokens = kept(draft.tolist(), draft_probs, target_probs, rng)
    return tokens if len(tokens) > len(draft) else [*draft[: len(tokens)].tolist(), tokens[-1]]


@exercise.mistake("one random number for the whole draft")
def one_random_number(draft, draft_probs, target_probs, rng):
    u = rng.random()
    for i, token in enumerate(draft):
        if u * draft_probs[i, token] >= target_probs[i, token]:
            return [*draft[:i].tolist(), next_one(excess(target_probs, draft_probs, i), rng)]
    return [*draft.tolist(), chosen(target_probs[-1], rng)]


@exercise.mistake("draws of its own instead of rng")
def draws_of_its_own(draft, draft_probs, target_probs, rng):
    return kept(draft.tolist(), draft_probs, target_probs, OWN)


@exercise.mistake("the accepted tokens are left out")
def accepted_left_out(draft, draft_probs, target_probs, rng):
    return kept(draft.tolist(), draft_probs, target_probs, rng)[-1:]


@exercise.mistake("after a rejection the target without the rejected token")
def without_the_rejected(draft, draft_probs, target_probs, rng):
    def rest(p, q, i):
        return np.where(np.arange(p.shape[1]) == draft[i], 0, p[i])

    return kept(draft.tolist(), draft_probs, target_probs, rng, rest=rest)


@exercise.mistake("a rejected token is skipped, and the others are judged as before")
def rejected_is_skipped(draft, draft_probs, target_probs, rng):
    ratios = [ratio(p, q, token) for p, q, token in zip(target_probs, draft_probs, draft, strict=False)]
    kept_ones = [token for token, r in zip(draft.tolist(), ratios, strict=True) if rng.random() < r]
    return [*kept_ones, chosen(target_probs[-1], rng)]


@exercise.mistake("the last row's token is added after a rejection as well")
def added_after_a_rejection_too(draft, draft_probs, target_probs, rng):
    tokens = kept(draft.tolist(), draft_probs, target_probs, rng)
    return tokens if len(tokens) > len(draft) else [*tokens, chosen(target_probs[-1], rng)]


@exercise.mistake("the target draws, and its token is compared with the draft")
def drawn_and_compared(draft, draft_probs, target_probs, rng):
    tokens = []
    for p, token in zip(target_probs, draft.tolist(), strict=False):
        tokens.append(chosen(p, rng))
        if tokens[-1] != token:
            return tokens
    return [*tokens, chosen(target_probs[-1], rng)]


@exercise.mistake("the target's likeliest tokens, while they equal the draft")
def likeliest_while_equal(draft, draft_probs, target_probs, rng):
    tokens = []
    for p, token in zip(target_probs, draft.tolist(), strict=False):
        tokens.append(int(np.argmax(p)))
        if tokens[-1] != token:
            return tokens
    return [*tokens, int(np.argmax(target_probs[-1]))]


@exercise.mistake("the draft isn't looked at: one token from the target")
def one_from_the_target(draft, draft_probs, target_probs, rng):
    return [chosen(target_probs[0], rng)]


@exercise.another_way
def all_places_at_once(draft, draft_probs, target_probs, rng):
    places, n = np.arange(len(draft)), len(draft)
    ratios = target_probs[places, draft] / draft_probs[places, draft]
    rejected = np.append(rng.random(n) >= ratios, True)
    i = int(np.argmax(rejected))  # the first one
    weights = target_probs[i] if i == n else np.clip(target_probs[i] - draft_probs[i], 0, None)
    weights = weights.astype(np.float64) / weights.astype(np.float64).sum()
    return np.append(draft[:i], rng.choice(len(weights), p=weights))


@exercise.another_way
def by_cumulative_sums(draft, draft_probs, target_probs, rng):
    return kept(draft.tolist(), draft_probs, target_probs, rng)
