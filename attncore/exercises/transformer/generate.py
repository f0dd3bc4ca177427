"""One token at a time: the loop around the model."""

import numpy as np

from attncore.exercises.drivers import continued
from attncore.exercises.exercise import Case, code
from attncore.exercises.fixtures import Habits, SameLogits
from attncore.softmax import softmax
from attncore.transformer import generate, sample_token


def a_model():
    """It continues 3, 1 by 0, 2, 0, 3, 0, 5, 5, 5, 5, sure enough of each for any precision."""
    return Habits(np.round(2 * np.random.default_rng(86).standard_normal((6, 6)), 1))


def talk(name, prompt, n_new, promise="", model=a_model, **settings):
    def make():
        given = {"next_logits": model(), "prompt": np.array(prompt), "n_new": n_new, "rng": np.random.default_rng(7)}
        return given | settings

    return Case(name, make, promise)


def counted(name, p, logits=(0.11, 0.79, 0.1), **settings):
    """Many tokens of a model that expects the same each time, beside how likely they are."""
    logits = np.log(logits).round(3)
    return talk(name, [2], 200, model=lambda: SameLogits(logits.copy()), probabilities=p(logits), **settings)


FLAT = (0.3, 0.45, 0.25)


def two_most_likely(logits):
    return np.append(softmax(logits[:2]), 0)


exercise = code(
    generate,
    counted("two hundred draws", softmax),
    counted("two hundred draws at a high temperature", lambda logits: softmax(logits / 4), temperature=4.0),
    counted("two hundred draws at a low temperature", lambda logits: softmax(4 * logits), FLAT, temperature=0.25),
    counted("two hundred draws with a top_k of 2", two_most_likely, FLAT, top_k=2),
    counted("two hundred draws with a top_p of 0.7", two_most_likely, FLAT, top_p=0.7),
    talk("three new ids, the most likely each time", [3, 1], 3, temperature=0),
    talk("a single new id", [4], 1, temperature=0),
    talk("a prompt of five ids", [2, 0, 3, 3, 3], 6, temperature=0),
    talk("a prompt whose first ids still matter", [4, 4, 0, 5, 1, 1, 2], 2, temperature=0),
    talk("a stop on the way", [3, 1], 8, temperature=0, stop=2),
    talk("a stop that comes at once, and is id 0", [3, 1], 4, temperature=0, stop=0),
    talk("a stop that the prompt holds too", [3, 1], 8, temperature=0, stop=3),
    talk("a stop that only the prompt holds", [3, 1], 6, temperature=0, stop=1),
    talk("a stop that is the last id asked for", [3, 1], 4, temperature=0, stop=3),
    talk(
        "no new id at all",
        [3, 1],
        0,
        "Returns only the new ids, as a list: n_new of them, or fewer if the id `stop` is drawn, which is then the "
        "last.",
        temperature=0,
    ),
    tolerance=0.06,  # of shares; ids are whole
    drive=continued,
)


def steps(prompt, n_new, draw, stop=None):
    """Draw one id after the other; `draw` gets the prompt and what is new."""
    new: list[int] = []
    while len(new) < n_new and (not new or new[-1] != stop):
        new.append(int(draw(prompt.tolist(), new)))
    return new


@exercise.mistake("the prompt is returned too")
def prompt_returned_too(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return [*prompt, *generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)]


@exercise.mistake("the stop itself is left out")
def stop_left_out(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    new = generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)
    return new[:-1] if new and new[-1] == stop else new


@exercise.mistake("it doesn't stop")
def no_stop(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p)


@exercise.mistake("it stops one id too late")
def stops_one_too_late(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    new = generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p)
    return new[: new.index(stop) + 2] if stop in new else new


@exercise.mistake("a stop of 0 is taken for none")
def stop_of_zero_taken_for_none(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop or None)


@exercise.mistake("a stop in the prompt ends it")
def stop_in_the_prompt_ends_it(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return [] if stop in prompt else generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)


@exercise.mistake("a stop in the prompt ends it")
def stop_in_the_prompt_ends_it_late(
    next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None
):
    n_new = min(n_new, 1) if stop in prompt else n_new
    return generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)


@exercise.mistake("the prompt counts in n_new")
def prompt_counts(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new - len(prompt), rng, temperature, top_k, top_p, stop)


@exercise.mistake("one id too many")
def one_too_many(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new + 1, rng, temperature, top_k, top_p, stop)


@exercise.mistake("only the last id is read")
def only_the_last_id_read(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(lambda ids: next_logits(ids[-1:]), prompt, n_new, rng, temperature, top_k, top_p, stop)


@exercise.mistake("the prompt is forgotten after the first new id")
def prompt_forgotten(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    def draw(old, new):
        return sample_token(next_logits(new or old), rng, temperature, top_k, top_p)

    return steps(prompt, n_new, draw, stop)


@exercise.mistake("the prompt is read again each time, without the new ids")
def only_the_prompt_read(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    def draw(old, _new):
        return sample_token(next_logits(old), rng, temperature, top_k, top_p)

    return steps(prompt, n_new, draw, stop)


@exercise.mistake("new ids are put in front")
def new_ids_in_front(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    def draw(old, new):
        return sample_token(next_logits([*reversed(new), *old]), rng, temperature, top_k, top_p)

    return steps(prompt, n_new, draw, stop)


@exercise.mistake("always the most likely id")
def always_the_most_likely(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, 0, stop=stop)


@exercise.mistake("the temperature isn't handed on")
def temperature_not_handed_on(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, top_k=top_k, top_p=top_p, stop=stop)


@exercise.mistake("top_k isn't handed on")
def top_k_not_handed_on(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, temperature, None, top_p, stop)


@exercise.mistake("top_p isn't handed on")
def top_p_not_handed_on(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, temperature, top_k, None, stop)


@exercise.mistake("probabilities are drawn from as if they were logits")
def probabilities_as_logits(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(lambda ids: softmax(next_logits(ids)), prompt, n_new, rng, temperature, top_k, top_p, stop)


@exercise.mistake("the same draw each time")
def same_draw_each_time(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    def draw(old, new):
        return sample_token(next_logits(old + new), np.random.default_rng(0), temperature, top_k, top_p)

    return steps(prompt, n_new, draw, stop)


@exercise.mistake("one id too few")
def one_too_few(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new - 1, rng, temperature, top_k, top_p, stop)


@exercise.mistake("the newest id comes first")
def newest_first(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)[::-1]


@exercise.mistake("filled up after the stop")
def filled_up(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    new = generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)
    return new + new[-1:] * (n_new - len(new))


@exercise.mistake("the last id of the prompt isn't read")
def last_of_the_prompt_not_read(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    def draw(old, new):
        return sample_token(next_logits((old[:-1] or old) + new), rng, temperature, top_k, top_p)

    return steps(prompt, n_new, draw, stop)


for length in (2, 3, 4, 6):

    @exercise.mistake("only the last few ids are read")
    def last_few_read(
        next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None, length=length
    ):
        return generate(lambda ids: next_logits(ids[-length:]), prompt, n_new, rng, temperature, top_k, top_p, stop)


@exercise.mistake("the first new id is lost")
def first_new_lost(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    return generate(next_logits, prompt, n_new, rng, temperature, top_k, top_p, stop)[1:]


@exercise.mistake("the newest id is read twice")
def newest_read_twice(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    def draw(old, new):
        return sample_token(next_logits(old + new + new[-1:]), rng, temperature, top_k, top_p)

    return steps(prompt, n_new, draw, stop)


@exercise.another_way
def behind_a_list_of_ids(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    ids = list(prompt)
    while len(ids) < len(prompt) + n_new:
        token = sample_token(next_logits(ids), rng, temperature, top_k, top_p)
        ids = [*ids, token]
        if token == stop:
            break
    return ids[len(prompt) :]


@exercise.another_way
def drawn_from_a_generator(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    def continuations(ids):
        while True:
            ids = np.append(ids, sample_token(next_logits(ids.tolist()), rng, temperature, top_k, top_p))
            yield int(ids[-1])

    new = []
    for _, token in zip(range(n_new), continuations(np.array(prompt)), strict=False):
        new.append(token)
        if token == stop:
            break
    return new
