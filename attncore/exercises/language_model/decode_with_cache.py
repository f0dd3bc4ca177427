"""The loop around a model that remembers: read the prompt once, then one token at a time."""

import numpy as np

from attncore.exercises.drivers import decoded
from attncore.exercises.exercise import Case, code
from attncore.language_model import decode_with_cache

NOTHING = "With an n_new of 0 the list is empty."


def a_table(seed=86, size=6):
    return np.round(2 * np.random.default_rng(seed).standard_normal((size, size)), 1)


def talk(name, prompt, n_new, stop=None, promise="", table=a_table):
    def make():
        given = {"table": table(), "prompt": np.array(prompt), "n_new": n_new}
        return given if stop is None else given | {"stop": stop}

    return Case(name, make, promise)


exercise = code(
    decode_with_cache,
    talk("three new ids", [3, 1], 3),
    talk("one new id", [4], 1),
    talk("a prompt of one id", [2], 5),
    talk("a prompt of five ids", [1, 4, 0, 4, 2], 6),
    talk("a stop on the way", [3, 1], 8, stop=2),
    talk("a stop that comes at once, and is id 0", [3, 1], 4, stop=0),
    talk("a stop that the prompt holds too", [3, 1], 8, stop=3),
    talk("a stop that only the prompt holds", [3, 1], 6, stop=1),
    talk("a stop that is the last id asked for", [3, 1], 4, stop=3),
    talk("a larger vocabulary", [7, 2, 30, 11], 12, table=lambda: a_table(5, 40)),
    talk("no new id at all", [3, 1], 0, promise=NOTHING),
    drive=decoded,
)


def decoding(
    label,
    first=lambda prompt: prompt,
    later=lambda prompt, new: new[-1:],
    row=-1,
    choose=np.argmax,
    stops=lambda new, stop: bool(new) and new[-1] == stop,
    report=lambda prompt, new, stop: new,
    more=0,
):
    """The loop with one thing changed; `first` and `later` say what is read."""

    def answer(read, prompt, n_new, stop=None):
        prompt, ids = prompt.tolist(), None
        new: list = []
        while len(new) < n_new + more and not stops(new, stop):
            ids = later(prompt, new) if new else first(prompt)
            new.append(int(choose(np.asarray(read(ids))[row])))
        return report(prompt, new, stop)

    exercise.mistake(label)(answer)


decoding("the whole text is read again each time", later=lambda prompt, new: [*prompt, *new])
decoding("the prompt is read again each time", later=lambda prompt, new: prompt)
decoding("all new ids are read again each time", later=lambda prompt, new: new)
decoding("the prompt's last id is read twice", later=lambda prompt, new: [*prompt, *new][-2:-1])
decoding("only the last id of the prompt is read", first=lambda prompt: prompt[-1:])
decoding("the last id of the prompt is left out", first=lambda prompt: prompt[:-1] or prompt)
decoding("the logits of the first row decide", row=0)
decoding("the largest logit of all rows decides", row=slice(None))
decoding("the least likely id is taken", choose=np.argmin)
decoding("the stop itself is left out", report=lambda p, new, stop: new[:-1] if new and new[-1] == stop else new)
decoding("it doesn't stop", stops=lambda new, stop: False)
decoding("a stop of 0 is taken for none", stops=lambda new, stop: bool(new) and bool(stop) and new[-1] == stop)
decoding("the prompt is returned too", report=lambda prompt, new, stop: [*prompt, *new])
decoding("one id too many", more=1)
decoding("one id too few", more=-1)


@exercise.mistake("the prompt is read id by id")
def prompt_id_by_id(read, prompt, n_new, stop=None):
    new: list = []
    if n_new:
        for i in prompt.tolist():
            logits = read([i])
    while len(new) < n_new and (not new or new[-1] != stop):
        new.append(int(np.argmax(logits[-1])))
        if len(new) < n_new and new[-1] != stop:
            logits = read(new[-1:])
    return new


@exercise.mistake("the first new id is lost")
def first_new_lost(read, prompt, n_new, stop=None):
    new: list = []
    ids = [int(np.argmax(read(prompt.tolist())[-1]))] if n_new else []
    while len(new) < n_new and (not new or new[-1] != stop):
        new.append(int(np.argmax(read(ids)[-1])))
        ids = new[-1:]
    return new


@exercise.mistake("the prompt is read and then its last id once more")
def prompt_then_its_last_id(read, prompt, n_new, stop=None):
    ids = prompt.tolist()
    new: list = []
    if n_new:
        read(ids)
    ids = ids[-1:]
    while len(new) < n_new and (not new or new[-1] != stop):
        new.append(int(np.argmax(read(ids)[-1])))
        ids = new[-1:]
    return new


@exercise.mistake("a stop in the prompt ends it")
def stop_in_the_prompt(read, prompt, n_new, stop=None):
    return [] if stop is not None and stop in prompt else decode_with_cache(read, prompt, n_new, stop)


@exercise.mistake("nothing new is read")
def nothing_new_is_read(read, prompt, n_new, stop=None):
    return [int(np.argmax(read(prompt.tolist())[-1]))] * n_new if n_new else []


@exercise.other_convention("the prompt's last id is read in a call of its own")
def last_of_the_prompt_apart(read, prompt, n_new, stop=None):
    ids = prompt.tolist()
    new: list = []
    if n_new and len(ids) > 1:
        read(ids[:-1])
    ids = ids[-1:]
    while len(new) < n_new and (not new or new[-1] != stop):
        new.append(int(np.argmax(read(ids)[-1])))
        ids = new[-1:]
    return new


@exercise.another_way
def prefill_then_decode(read, prompt, n_new, stop=None):
    if n_new == 0:
        return []
    new = [read(list(prompt))[-1].argmax()]
    for _ in range(n_new - 1):
        if new[-1] == stop:
            break
        new.append(read([new[-1]])[-1].argmax())
    return new


@exercise.another_way
def each_new_id_read_at_once(read, prompt, n_new, stop=None):
    logits, new = np.zeros((1, 1)), []
    if n_new:
        logits = read(np.asarray(prompt))
    for _ in range(n_new):
        new.append(np.argmax(logits[-1]))
        logits = read(new[-1:])
        if stop is not None and new[-1] == stop:
            break
    return np.array(new, dtype=int)
