"""What is drawn is judged by its distribution: right in any style, and wrong where chance explains nothing."""

import numpy as np
import pytest

from attncore.grading import judge
from attncore.transformer import generate, sample_token


def distribution(logits, temperature, top_k, top_p):
    """What `sample_token` draws from, written once more."""
    logits = np.asarray(logits, dtype=float)
    order = np.argsort(-logits, kind="stable")[: 1 if temperature == 0 else top_k]
    weights = np.exp((logits[order] - logits.max()) / (temperature or 1))
    share = weights / weights.sum()
    if top_p is not None:
        share = np.where(np.cumsum(share) - share < top_p, share, 0)
    p = np.zeros(len(logits))
    p[order] = share / share.sum()
    return p


DRAWS = {
    "choice": lambda rng, p: rng.choice(len(p), p=p),
    "one number, added up": lambda rng, p: int(np.searchsorted(np.cumsum(p), rng.random() * (1 - 1e-12), "right")),
    "a multinomial draw": lambda rng, p: int(rng.multinomial(1, p).argmax()),
    "Gumbel noise": lambda rng, p: int(np.argmax(np.log(np.maximum(p, 1e-300)) + rng.gumbel(size=len(p)))),
    "an exponential race": lambda rng, p: np.array(np.argmin(rng.exponential(size=len(p)) / np.maximum(p, 1e-300))),
    "rejection": lambda rng, p: next(
        i for i, level in iter(lambda: (int(rng.integers(len(p))), rng.random() * p.max()), None) if level < p[i]
    ),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_however_a_token_is_drawn_it_is_right(draw):
    def mine(logits, rng, temperature=1.0, top_k=None, top_p=None):
        if temperature < 0 or top_k == 0 or top_p is not None and not 0 < top_p <= 1:
            raise ValueError("out of range")
        return draw(rng, distribution(logits, temperature, top_k, top_p))

    assert judge("sample_token", mine).outcome == "right"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda logits, rng: rng.choice(len(logits), size=1), "it returns int64 of shape (1,), expected one index"),
        (lambda logits, rng: 1.0, "it returns float64 of shape (), expected one index"),
        (lambda logits, rng: "a", "it returns str, expected one index"),
        (lambda logits, rng: len(logits), "it returns 3, expected an index from 0 to 2"),
        (lambda logits, rng: -1, "it returns -1, expected an index from 0 to 2"),
    ],
)
def test_what_is_no_index_is_told(answer, said):
    report = judge("sample_token", lambda logits, rng, temperature=1.0, top_k=None, top_p=None: answer(logits, rng))
    assert report.outcome == "raised"
    assert said in report.message


def test_a_token_that_must_not_come_up_is_told():
    def one_too_many(logits, rng, temperature=1.0, top_k=None, top_p=None):
        return sample_token(logits, rng, temperature, top_k and top_k + 1, top_p)

    report = judge("sample_token", one_too_many)
    assert report.mistake == "top_k keeps one token too many"
    assert "In what is ever drawn, at class 2: expected False, got True." in report.message


@pytest.mark.parametrize("exercise", ["sample_token", "generate"])
def test_nothing_written_is_no_attempt(exercise):
    assert judge(exercise, lambda *given, **settings: None).outcome == "unattempted"


def test_a_neighboring_id_is_another_id():
    def off_by_one(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
        new = generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)
        return [*new[:-1], (new[-1] + 1) % 6] if new else new

    assert judge("generate", off_by_one).outcome == "wrong"
