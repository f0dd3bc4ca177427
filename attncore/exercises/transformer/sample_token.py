"""The next token, drawn."""

from functools import cache, partial

import numpy as np

from attncore.exercises.drivers import draws_counted
from attncore.exercises.exercise import Case, code
from attncore.loops import token_probabilities
from attncore.softmax import softmax
from attncore.transformer import sample_token

TIES = "Of tokens that tie, the lower index counts as the more likely one."
ALL_KEPT = "A `top_k` above their number keeps all of them."
OUT_OF_RANGE = (
    "Raises ValueError for a temperature below 0, a top_k below 1, and a top_p that isn't above 0 and at most 1."
)


def drawing(name, logits, draws, promise="", dtype=np.float64, **settings):
    """A case of logits and settings, with how likely each token is under them, and how often it is drawn.

    Many draws tell how likely a token is, fewer whether it can come up at all.
    """
    raises = promise == OUT_OF_RANGE
    p = np.array(softmax(logits) if raises else token_probabilities(list(logits), **settings))

    def make():
        given = {"logits": np.array(logits, dtype), "rng": np.random.default_rng(7)}
        return given | {"probabilities": p.copy(), "draws": draws} | settings

    return Case(name, make, promise)


THREE, FIVE, SIX = (
    np.log(p).round(3) for p in ([0.2, 0.5, 0.3], [0.1, 0.3, 0.05, 0.4, 0.15], [0.15, 0.2, 0.11, 0.24, 0.16, 0.14])
)
exercise = code(
    sample_token,
    drawing("three tokens", np.log([0.11, 0.79, 0.1]).round(3), 200),
    drawing("a low temperature", THREE, 300, temperature=0.3),
    drawing("the two most likely of six", SIX, 200, top_k=2),
    drawing("top_p of 0.7", np.log([0.08, 0.6, 0.05, 0.15, 0.12]).round(3), 150, top_p=0.7),
    drawing("a temperature, top_k and top_p", FIVE, 100, temperature=4.0, top_k=4, top_p=0.69),
    drawing("a temperature of 0", FIVE, 5, temperature=0),
    drawing("a temperature of 0, in float32", FIVE, 5, temperature=0, dtype=np.float32),
    drawing("the most likely one alone", THREE, 30, top_k=1),
    drawing("a top_p below the largest probability", FIVE, 30, top_p=0.2),
    drawing("logits in the thousands", [1000.0, 3000.0, -2000.0], 5),
    drawing("many largest logits, and a temperature of 0", [1.0, 3.0, 0.0, 3.0] * 100, 5, TIES, temperature=0),
    drawing("two second largest logits, and top_k", [1.0, 2.0, 1.0, 0.0], 60, TIES, top_k=2),
    drawing("four equal logits, and top_p of 0.4", [3.0, 3.0, 3.0, 3.0], 60, TIES, top_p=0.4),
    drawing("top_k above the number of tokens", THREE, 70, ALL_KEPT, top_k=9),
    drawing("a temperature below 0", THREE, 1, OUT_OF_RANGE, temperature=-1.0),
    drawing("a top_k of 0", THREE, 1, OUT_OF_RANGE, top_k=0),
    drawing("a top_p of 0", THREE, 1, OUT_OF_RANGE, top_p=0.0),
    drawing("a top_p above 1", THREE, 1, OUT_OF_RANGE, top_p=1.5),
    tolerance=0.08,
    drive=draws_counted,
)


def nucleus(p, top_p):
    """The most likely tokens, until their probabilities reach a sum."""
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    return order[before < top_p]


def least_likely(p, top_p):
    """The least likely of the tokens that can come up, until their probabilities reach a sum."""
    order = [i for i in np.argsort(p) if p[i] > 0]
    return [i for i, before in zip(order, np.cumsum(p[order]) - p[order], strict=True) if before < top_p]


def most_likely(logits, top_k):
    return np.argsort(-logits, kind="stable")[:top_k]


def only(kept, numbers, otherwise):
    """The numbers of some tokens, and something else for the others."""
    return np.where(np.isin(np.arange(len(numbers)), np.arange(len(numbers))[kept]), numbers, otherwise)


def probabilities(logits, temperature, top_k, top_p, keep_k=most_likely, keep_p=nucleus):
    """What is drawn from, by another choice of the tokens that are kept; not renormalized."""
    logits = np.asarray(logits)
    if temperature == 0:
        return only([np.argmax(logits)], np.ones(len(logits)), 0.0)
    p = softmax(only(keep_k(logits, top_k), logits / temperature, -np.inf))
    return p if top_p is None else only(keep_p(p, top_p), p, 0.0)


def chosen(rng, p):
    """A token by its share of the sum."""
    return min(int(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), side="right")), len(p) - 1)


def labeled(label, p_of=probabilities, draw=chosen, **kept):
    """A wrong solution. It computes its probabilities once for all draws, since there are thousands."""
    p_of = cache(partial(p_of, **kept))

    @exercise.mistake(label)
    def sample(logits, rng, temperature=1.0, top_k=None, top_p=None):
        return draw(rng, p_of(tuple(logits.tolist()), temperature, top_k, top_p))


def temperature_comes_after(logits, temperature, top_k, top_p):
    return probabilities(logits if temperature == 0 else softmax(logits), temperature, top_k, top_p)


def nucleus_before_the_temperature(logits, temperature, top_k, top_p):
    p = probabilities(logits, min(temperature, 1.0) and 1.0, top_k, top_p)
    return probabilities(only(p > 0, logits, -np.inf), temperature, top_k, None)


def nucleus_before_top_k(logits, temperature, top_k, top_p):
    p = probabilities(logits, temperature, None, top_p)
    return probabilities(only(p > 0, logits, -np.inf), temperature, top_k, None)


def hidden_set_to_zero(logits, temperature, top_k, top_p):
    logits = np.asarray(logits)
    return probabilities(only(most_likely(logits, top_k), logits, 0.0), temperature, None, top_p)


def divided_by_zero(logits, temperature, top_k, top_p):
    if temperature == 0:
        raise ValueError("probabilities contain NaN")
    return probabilities(logits, temperature, top_k, top_p)


def overflowing(logits, temperature, top_k, top_p):
    if temperature and np.isinf(np.exp(np.divide(logits, temperature))).any():
        raise ValueError("probabilities contain NaN")
    return probabilities(logits, temperature, top_k, top_p)


def colder(power):
    """The temperature taken to another power, but for 0, which stays the largest logit."""
    return lambda logits, temperature, *kept: probabilities(logits, temperature and temperature**power, *kept)


labeled("the temperature multiplies the logits", colder(-1))
labeled("the temperature is not used", colder(0))
labeled("the temperature comes after the softmax", temperature_comes_after)
labeled("top_k is not used", keep_k=lambda logits, top_k: slice(None))
labeled("top_k keeps the least likely", keep_k=lambda logits, top_k: np.argsort(logits)[:top_k])
labeled("top_k keeps the first ones", keep_k=lambda logits, top_k: slice(top_k))
labeled("top_k keeps one token too many", keep_k=lambda logits, top_k: most_likely(logits, top_k and top_k + 1))
labeled("top_p is not used", keep_p=lambda p, top_p: slice(None))
labeled(
    "the token that crosses top_p is left out",
    keep_p=lambda p, top_p: nucleus(p, top_p)[: max(1, np.sum(np.cumsum(np.sort(p)[::-1]) <= top_p))],
)
labeled("top_p keeps one token too many", keep_p=lambda p, top_p: most_likely(p, len(nucleus(p, top_p)) + 1))
labeled("top_p adds up tokens in the order of their ids", keep_p=lambda p, top_p: np.cumsum(p) - p < top_p)
labeled("top_p begins with the least likely", keep_p=least_likely)
labeled("top_p is a threshold for each token", keep_p=lambda p, top_p: p >= min(top_p, p.max()))
labeled("tokens are measured against the most likely one, min-p", keep_p=lambda p, top_p: p >= top_p * p.max())
labeled("top_p comes before the temperature", nucleus_before_the_temperature)
labeled("top_p comes before top_k", nucleus_before_top_k)
labeled("hidden logits set to zero", hidden_set_to_zero)
labeled("a temperature of 0 divides by zero", divided_by_zero)
labeled("no maximum subtracted", overflowing)
labeled("always the most likely token", draw=lambda rng, p: int(np.argmax(p)))
labeled("all that is kept is equally likely", draw=lambda rng, p: chosen(rng, p > 0))
labeled("what is kept is not renormalized", draw=lambda rng, p: int(rng.choice(len(p), p=p)))
labeled("what is kept is not renormalized", draw=lambda rng, p: chosen(rng, np.append(p[:-1], 1 - p[:-1].sum())))
labeled("draws of its own instead of rng", draw=lambda rng, p: chosen(np.random.default_rng(0), p))
labeled("draws of its own instead of rng", draw=lambda rng, p: chosen(np.random, p))
labeled("the place in the sorted order is returned, not the token", draw=lambda rng, p: chosen(rng, np.sort(p)[::-1]))


@exercise.mistake("all that is kept is equally likely")
def top_k_equally_likely(logits, rng, temperature=1.0, top_k=None, top_p=None):
    if temperature and top_k:
        return int(rng.choice(most_likely(logits, top_k)))
    return sample_token(logits, rng, temperature, top_k, top_p)


@exercise.another_way
def one_number_between_0_and_1(logits, rng, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return int(np.argmax(logits))
    order = np.argsort(-logits, kind="stable")[:top_k]
    p = np.exp((logits[order] - logits.max()) / temperature)
    reached = np.cumsum(p / p.sum())
    last = len(p) if top_p is None else np.searchsorted(reached, top_p) + 1
    place = np.searchsorted(reached[:last], rng.random() * reached[:last][-1], side="right")
    return int(order[place])


@exercise.another_way
def noise_on_the_logits(logits, rng, temperature=1.0, top_k=None, top_p=None):
    if temperature == 0:
        return np.argmax(logits)
    by_logit = sorted(range(len(logits)), key=lambda i: -logits[i])
    scaled = {i: logits[i] / temperature for i in by_logit[:top_k]}
    if top_p is not None:
        log_total = np.logaddexp.reduce(list(scaled.values()))
        kept, reached = {}, 0.0
        for i, score in scaled.items():
            if reached < top_p:
                kept[i] = score
            reached += np.exp(score - log_total)
        scaled = kept
    return max(scaled, key=lambda i: scaled[i] + rng.gumbel())
