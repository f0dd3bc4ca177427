"""Several tokens a pass, drafted from the text itself."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Case, code
from attncore.masks import causal_mask
from attncore.shapes import shaped


def look_up(ids, n):
    for i in range(len(ids) - 2, -1, -1):
        if ids[i] == ids[-1]:
            return ids[i + 1 : i + 1 + n]
    return []


def likeliest(new, keys, values, embedding, W_query, W_key, W_value):
    x = embedding[new]
    keys.extend(x @ W_key)
    values.extend(x @ W_value)
    mask = causal_mask(len(new), len(keys))
    output = scaled_dot_product_attention(x @ W_query, np.stack(keys), np.stack(values), mask)
    return np.argmax(output @ embedding.T, axis=-1).tolist()


@shaped("(n):int,_,_,(c,m),(m,d),(m,d),(m,m)->(t)", axes={"n": "place", "c": "class", "t": "place"})
def fix_lookup_decoding(prompt, n_new, n_draft, embedding, W_query, W_key, W_value):
    """Continue a prompt by `n_new` ids, the likeliest each time, and read several ids in one pass.

    What followed the newest id when it last stood in the text is taken as a draft of up to `n_draft` ids. The
    result is that of one id at a time, whatever was drafted. One causal attention layer, with a cache.
    """
    matrices = (embedding, W_query, W_key, W_value)
    ids, keys, values = prompt.tolist(), [], []
    if len(ids) > 1:
        likeliest(ids[:-1], keys, values, *matrices)
    while len(ids) < len(prompt) + n_new:
        draft = look_up(ids, n_draft)
        best = likeliest([ids[-1], *draft], keys, values, *matrices)
        n_right = 0
        while n_right < len(draft) and draft[n_right] == best[n_right]:
            n_right += 1
        ids += best[: n_right + 1]
        del keys[len(ids) - 1 :], values[len(ids) - 1 :]
    return ids[len(prompt) : len(prompt) + n_new]


def asked(name, *prompt, seed, n_new=6, n_draft=2, sizes=(4, 3, 2), dtype=np.float64):
    """A case: a prompt, and a model of so many ids, so wide, with a score so wide."""
    c, m, d = sizes

    def make():
        rng = np.random.default_rng(seed)
        shapes = {"embedding": (c, m), "W_query": (m, d), "W_key": (m, d), "W_value": (m, m)}
        model = {name: np.round(rng.standard_normal(shape), 1).astype(dtype) for name, shape in shapes.items()}
        return (
            {"prompt": np.array(prompt), "n_new": n_new, "n_draft": n_draft}
            | model
            | {"embedding": 2 * model["embedding"]}
        )

    return Case(name, make)


MORE, MANY = (5, 3, 2), (12, 8, 6)
exercise = code(
    fix_lookup_decoding,
    asked("three ids", 3, 1, 2, seed=21),
    asked("a text that repeats", 3, 0, 3, 1, 2, seed=5),
    asked("another text", 0, 2, 2, 3, 1, seed=53),
    asked("five ids to choose from", 1, 0, 1, 2, 4, 2, seed=2, sizes=MORE),
    asked("an id that comes twice in a row", 0, 3, 3, 4, 1, seed=53, sizes=MORE),
    asked("twelve ids to choose from", 9, 1, 0, 1, seed=178, sizes=MANY),
    asked("a pair at the beginning", 6, 6, 7, 10, seed=298, sizes=MANY),
    asked("float32", 6, 1, 10, seed=231, sizes=MANY, dtype=np.float32),
    asked("nothing to look up", 0, 1, 2, 3, seed=4),
    asked("one id", 4, n_new=5, seed=5, sizes=MORE),
    asked("no drafts", 1, 2, 1, 3, 1, n_draft=0, seed=2),
    asked("a text of two ids in turn", *[3, 7] * 6, n_new=12, n_draft=4, seed=9, sizes=MANY),
    asked(
        "a long text", *np.random.default_rng(2).integers(0, 12, 40).tolist(), n_new=12, n_draft=4, seed=3, sizes=MANY
    ),
    bug="the first rejected id stays in the cache",
)


@exercise.mistake("the first rejected id stays in the cache")
def cut_one_too_late(prompt, n_new, n_draft, embedding, W_query, W_key, W_value):
    matrices = (embedding, W_query, W_key, W_value)
    ids, keys, values = prompt.tolist(), [], []
    if len(ids) > 1:
        likeliest(ids[:-1], keys, values, *matrices)
    while len(ids) < len(prompt) + n_new:
        draft = look_up(ids, n_draft)
        best = likeliest([ids[-1], *draft], keys, values, *matrices)
        n_right = 0
        while n_right < len(draft) and draft[n_right] == best[n_right]:
            n_right += 1
        ids += best[: n_right + 1]
        del keys[len(ids) :], values[len(ids) :]
    return ids[len(prompt) : len(prompt) + n_new]


def agreeing(one, other):
    """How many ids two texts begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def labeled(
    label, length=lambda ids: len(ids) - 1, taken=lambda draft, best, n_right: best[: n_right + 1], read_first=-1
):
    """A wrong repair: how long the cache is to be after a pass, which ids are taken, and which are read at first."""

    @exercise.mistake(label)
    def decoded(prompt, n_new, n_draft, embedding, W_query, W_key, W_value):
        matrices = (embedding, W_query, W_key, W_value)
        ids, keys, values = prompt.tolist(), [], []
        if len(ids) > 1:
            likeliest(ids[:read_first], keys, values, *matrices)
        while len(ids) < len(prompt) + n_new:
            draft = look_up(ids, n_draft)
            best = likeliest([ids[-1], *draft], keys, values, *matrices)
            n_right = 0
            while n_right < len(draft) and draft[n_right] == best[n_right]:
                n_right += 1
            ids += taken(draft, best, n_right)
            del keys[length(ids) :], values[length(ids) :]
        return ids[len(prompt) : len(prompt) + n_new]


labeled("nothing is ever taken out of the cache", length=lambda ids: 10**6)
labeled("the last accepted id is taken out as well", length=lambda ids: len(ids) - 2)
labeled("the whole draft is accepted", taken=lambda draft, best, n_right: [*draft, best[len(draft)]])
labeled("the whole draft is accepted", taken=lambda draft, best, n_right: list(best))
labeled(
    "as many ids are accepted as are right, wherever they stand",
    taken=lambda draft, best, n_right: best[: sum(map(int.__eq__, draft, best)) + 1],
)
labeled(
    "the draft is compared one place too far", taken=lambda draft, best, n_right: best[: agreeing(draft, best[1:]) + 1]
)
labeled("the newest id is read twice", read_first=None)
labeled(
    "the first rejected id is kept in the text", taken=lambda draft, best, n_right: [*draft[: n_right + 1], best[-1]]
)


@exercise.another_way
def one_id_at_a_time(prompt, n_new, n_draft, embedding, W_query, W_key, W_value):
    ids = list(prompt)
    for _ in range(n_new):
        x = embedding[ids]
        output = scaled_dot_product_attention(x[-1:] @ W_query, x @ W_key, x @ W_value)
        ids.append(int(np.argmax(output @ embedding.T)))
    return ids[len(prompt) :]
